"""The Hub's pages: in the reader's language, in the facility's colours, and never a start by link.

JupyterHub has no translations, starts a server on a ``GET`` that carries options, and hides the
request from its templates. :func:`apply_pages` mends the three with what JupyterHub and tornado
let a deployment set: template paths, Jinja extensions, handlers and output transforms.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment
from jinja2.ext import InternationalizationExtension
from jupyterhub import handlers
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.static import CacheControlStaticFilesHandler
from tornado import web
from tornado.httputil import HTTPServerRequest
from traitlets.config import Config

from werkplaats_hub.all_servers_page import AllServers
from werkplaats_hub.choices_page import Choices
from werkplaats_hub.fence import ROUTES as FENCED
from werkplaats_hub.fence import Fence
from werkplaats_hub.home_page import HomePage
from werkplaats_hub.look import FacilityLook
from werkplaats_hub.looking import ROUTES as LOOKING
from werkplaats_hub.newcomers import why_not
from werkplaats_hub.sharing import ROUTES as SHARING
from werkplaats_hub.start_page import ExtraServer, StartPage, said
from werkplaats_hub.waiting_page import Instead, StopWaiting
from werkplaats_spawners import language
from werkplaats_spawners.language import COOKIE, LANGUAGES, Language
from werkplaats_spawners.offer import Offer

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"

_page: ContextVar[str] = ContextVar("page", default="")
_asked: ContextVar[bool] = ContextVar("asked", default=True)


class LanguageOfRequest(web.OutputTransform):
    """Makes each request speak its reader's language; transforms no output.

    Tornado makes its transforms when it has the request and before it makes the handler's task, and
    the task copies the context: the one moment at which a deployment can set a context variable
    that the handler sees. One request's language never reaches another: each connection is a task
    of its own, and within a connection each request sets it anew.
    """

    def __init__(self, request: HTTPServerRequest, *, default: Language) -> None:
        super().__init__(request)
        cookie = request.cookies.get(COOKIE)
        accept = request.headers.get("Accept-Language")
        language.speak(language.negotiate(cookie.value if cookie else None, accept, default))
        _asked.set(cookie is not None or accept is not None)
        _page.set(_address(request))


def _address(request: HTTPServerRequest) -> str:
    """Return where to come back to after a change of language."""
    path, query = request.path, request.query
    if re.search(r"/hub/error/\d+\Z", path) and "url" in request.query_arguments:
        # The proxy fetched this error page; the reader's address bar says otherwise.
        return local(request.query_arguments["url"][0].decode("utf8", "replace"), "/")
    kept = [(key, value) for key, value in parse_qsl(query) if key != "_xsrf"]
    return f"{path}?{urlencode(kept)}" if kept else path


def tongues() -> Iterator[Language]:
    """Yield the reader's language, or each language in turn where nobody said which.

    The proxy asks for the page that says that a server is gone, and passes nothing of the reader's on.
    """
    yield language.current()
    if not _asked.get():
        for other in LANGUAGES:
            if other != language.current():
                with language.speaking(other):
                    yield other


def local(address: str, otherwise: str) -> str:
    r"""Return `address` if it is a path on this host, else `otherwise`: no open redirect.

    >>> local("/hub/home", "/"), local("//evil.example", "/"), local("/\\evil.example", "/")
    ('/hub/home', '/', '/')
    """
    # Printable ASCII without a backslash, which browsers read as a slash.
    return address if re.fullmatch(r"/(?!/)[!-\[\]-~]*", address) else otherwise


class SwitchLanguage(BaseHandler):  # type: ignore[misc]  # JupyterHub is not typed
    """``GET language/(nl|en)?next=/hub/...`` keeps the choice in a cookie, and goes back."""

    def get(self, chosen: Language) -> None:
        """Set the cookie for a year, for every page of this host below the Hub's base."""
        secure = self.request.protocol == "https"
        self.set_cookie(COOKIE, chosen, path=self.base_url, expires_days=365, samesite="Lax", secure=secure)
        self.redirect(local(self.get_query_argument("next", ""), self.hub.base_url))


class Bilingual(InternationalizationExtension):
    """Jinja's ``{% trans %}`` and ``_()`` in the reader's language, and what else our pages call."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.install_gettext_callables(  # type: ignore[attr-defined]
            language.gettext, language.ngettext, newstyle=True
        )
        environment.globals.update(
            language=language.current,
            languages=LANGUAGES,
            here=_page.get,
            asset=asset,
            said=said,
            why_not=why_not,
            seconds_since=seconds_since,
            tongues=tongues,
        )


@cache
def asset(name: str) -> str:
    """Return the path of a static file of ours below the Hub's base URL, with its version."""
    version = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]
    return f"werkplaats/static/{name}?v={version}"


def seconds_since(moment: datetime | None) -> int:
    """Return how long ago `moment` was (s; naive UTC, as the Hub's database keeps it); 0 if unknown."""
    if moment is None:
        return 0
    return max(0, int((datetime.now(UTC) - moment.replace(tzinfo=UTC)).total_seconds()))


ROUTES: Final[list[tuple[Any, ...]]] = [
    (r"/home", HomePage),
    (r"/servers", AllServers),
    (r"/spawn", StartPage),
    (r"/spawn/([^/]+)", StartPage),
    (r"/spawn/([^/]+)/([^/]+)", StartPage),
    (r"/choices/([^/]+)(?:/([^/]+))?", Choices),
    (r"/stop-waiting/([^/]+)(?:/([^/]+))?", StopWaiting),
    (r"/instead/([^/]+)(?:/([^/]+))?", Instead),
    (r"/extra-server", ExtraServer),
    (rf"/language/({'|'.join(LANGUAGES)})", SwitchLanguage),
    *SHARING,
    *LOOKING,
    *FENCED,
    (r"/werkplaats/static/(.*)", CacheControlStaticFilesHandler, {"path": str(STATIC)}),
]


def claim_routes() -> None:
    """Put our handlers in front of JupyterHub's own; a second call changes nothing.

    Tornado takes the first route that matches. ``JupyterHub.extra_handlers`` come last, too late to
    take over the start page.
    """
    routes = handlers.default_handlers
    routes[:] = ROUTES + [route for route in routes if route not in ROUTES]


def apply_pages(
    c: Config,
    *,
    look: FacilityLook,
    default_language: Language = "nl",
    offer: Callable[[], Offer] | None = None,
    help_form: str = "",
) -> None:
    """Have JupyterHub serve our pages.

    Parameters
    ----------
    c
        JupyterHub's configuration.
    look
        What the pages say about the facility.
    default_language
        What to speak to someone whose browser asks for neither Dutch nor English.
    offer
        If given, a link to a flavour, stream or project that is not in it is refused.
    help_form
        Where a person asks an expert, without a server; empty where nobody answers.
    """
    language.load(HERE / "locale")
    claim_routes()
    c.JupyterHub.template_paths = [str(HERE / "templates")]
    c.JupyterHub.template_vars.update({"look": look, "help_form": help_form})
    c.JupyterHub.jinja_environment_options.update({"extensions": [Bilingual]})
    c.JupyterHub.tornado_settings.update(
        {
            "transforms": [partial(LanguageOfRequest, default=default_language), Fence],
            "werkplaats_offer": offer,
        }
    )
    if look.logo:
        c.JupyterHub.logo_file = look.logo
