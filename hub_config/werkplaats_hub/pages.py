"""The Hub's pages: in the reader's language, in the facility's colours, and never a start by link.

JupyterHub has no translations, starts a server on a ``GET`` that carries options, and hides the
request from its templates. :func:`apply_pages` mends the three with what JupyterHub and tornado
let a deployment set: template paths, Jinja extensions, handlers and output transforms.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment
from jinja2.ext import InternationalizationExtension
from jupyterhub import handlers
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.handlers.static import CacheControlStaticFilesHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.slugs import is_valid_display_name, normalise_unicode, safe_slug
from jupyterhub.utils import url_escape_path, url_path_join
from pydantic import AfterValidator, Field, StringConstraints
from tornado import web
from tornado.httputil import HTTPServerRequest, url_concat
from traitlets.config import Config

from werkplaats_spawners import language
from werkplaats_spawners.form import not_offered
from werkplaats_spawners.language import COOKIE, LANGUAGES, Language
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import Frozen, Offer, Words
from werkplaats_spawners.request import Refused, ServerRequest, from_fields

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
DARK: Final = "#12171d"
"""The dark page's background; also in werkplaats.css."""

_page: ContextVar[str] = ContextVar("page", default="")
_asked: ContextVar[bool] = ContextVar("asked", default=True)


# How it looks


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two ``#rrggbb`` colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def _luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        part = channel / 255
        return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(channel) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def lightened(colour: str, *, against: str = DARK, ratio: float = 7.0) -> str:
    """Return `colour` mixed with as much white as it takes to be read `against` a background."""
    for tenths in range(11):
        mixed = "#" + "".join(f"{c + (255 - c) * tenths // 10:02x}" for c in _channels(colour))
        if contrast(mixed, against) >= ratio:
            break
    return mixed


def _bears_white_text(colour: str) -> str:
    if contrast(colour, "#ffffff") < 4.5:
        raise ValueError(f"white text cannot be read on {colour}; choose a darker colour")
    return colour


Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$"), AfterValidator(_bears_white_text)]
"""A colour that white text can be read on, and that can be read on white (WCAG AA, 4.5 to 1)."""


class FacilityLook(Frozen):
    """What the pages say about this facility, and the colours they say it in.

    Attributes
    ----------
    name
        The facility's name, in the header and in every title.
    tagline
        What this is, in one sentence.
    cost
        What it costs.
    privacy
        Who can see a person's data.
    login_hint
        Shown beside the log-in form, such as which names work on a demonstration machine.
    contact
        Whom to ask when something is wrong.
    primary, accent
        The facility's colours, ``#rrggbb``; both must bear white text.
    logo
        Path of an image file for the header; without one the name stands alone.
    demo
        Whether to say on every page that this is a demonstration.
    service_titles
        How the menu calls a Hub service, by the service's name.
    """

    name: Words
    tagline: Words
    cost: Words
    privacy: Words
    login_hint: Words | None = None
    contact: Words | None = None
    primary: Colour = "#0b5351"
    accent: Colour = "#a8480b"
    logo: str | None = None
    demo: bool = False
    service_titles: dict[str, Words] = Field(default_factory=dict)

    @property
    def primary_on_dark(self) -> str:
        """The primary colour, light enough for text on the dark page."""
        return lightened(self.primary)

    @property
    def accent_on_dark(self) -> str:
        """The accent colour, light enough for text on the dark page."""
        return lightened(self.accent)

    def service_title(self, name: str) -> str:
        """Return what the menu calls the service `name`."""
        words = self.service_titles.get(name)
        return words.say() if words else name.capitalize()


# In which language


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
    if "/error/" in path and "url" in request.query_arguments:
        # The proxy fetched this error page; the reader's address bar says otherwise.
        return request.query_arguments["url"][0].decode("utf8", "replace")
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


# The start page


class StartPage(SpawnHandler):  # type: ignore[misc]
    """The start page. A link preselects; only the form's ``POST`` starts.

    JupyterHub starts a server on a ``GET`` with options, without asking and without the check
    against cross-site requests. Here JupyterHub never sees a link's options.

    Attributes
    ----------
    preselected
        What the link, or the form that was refused, asked for; the defaults if that made no sense.
    refusal
        Why a link's options were refused.
    """

    preselected: ServerRequest = ServerRequest()
    refusal: Refused | None = None

    def get(self, user_name: str | None = None, server_name: str = "") -> Any:
        """Show the form; start nothing."""
        fields = _text(self.request.query_arguments)
        self._preselect({k.removeprefix("opt-"): v for k, v in fields.items() if k.startswith("opt-")})
        self.request.query_arguments = {}  # no options, so nothing that JupyterHub would start with
        return super().get(user_name, server_name)

    def post(self, user_name: str | None = None, server_name: str = "", display_name: str = "") -> Any:
        """Start the server that the form describes."""
        fields = _text(self.request.body_arguments)
        self.request.body_arguments = {k: [v.encode() for v in vs] for k, vs in fields.items()}
        self._preselect(fields)
        return super().post(user_name, server_name, display_name)

    @needs_scope("servers")  # type: ignore[untyped-decorator]
    async def _post(self, user_name: str, server_name: str, display_name: str) -> Any:
        """Take a second press on Start for what it is: the same wish, not an error."""
        user = self.find_user(user_name)
        if user and server_name in user.spawners and user.spawners[server_name].active:
            return self.redirect(self._get_pending_url(user, server_name))
        return await super()._post(user_name=user_name, server_name=server_name, display_name=display_name)

    def _preselect(self, fields: dict[str, list[str]]) -> None:
        chosen = from_fields(fields)
        offer: Offer | None = self.settings.get("werkplaats_offer")
        if isinstance(chosen, ServerRequest) and offer is not None:
            chosen = not_offered(chosen, offer) or chosen
        if isinstance(chosen, Refused):
            self.refusal = chosen
        else:
            self.preselected = chosen

    def _get_pending_url(self, user: Any, server_name: str) -> str:
        """Return the waiting page's address, without this page's options and token."""
        url: str = url_path_join(
            self.hub.base_url, "spawn-pending", user.escaped_name, url_escape_path(server_name)
        )
        following = self.get_query_argument("next", "")
        return url_concat(url, {"next": following}) if following else url

    async def _wrap_spawn_single_user(self, *args: Any, **kwargs: Any) -> Any:
        if self.request.method != "POST":
            raise web.HTTPError(405, "A link never starts a server.")
        return await super()._wrap_spawn_single_user(*args, **kwargs)

    async def _render_form(
        self, for_user: Any, spawner_options_form: str, message: str = "", html_message: str = ""
    ) -> Any:
        """Render the form, with what went wrong above it.

        JupyterHub asks the *default* server for the form when a POST fails, and gives it no handler:
        here the server that is being started renders it, and can see what was asked for.
        """
        server_name = self.path_args[1] if len(self.path_args) > 1 else ""
        spawner = for_user.spawners[server_name]
        spawner.handler = self
        return await self.render_template(
            "spawn.html",
            for_user=for_user,
            spawner=spawner,
            server_name=server_name,
            auth_state=await for_user.get_auth_state(),
            spawner_options_form=await spawner.get_options_form(),
            url=self._action(),
            by_link=self.request.method == "GET" and self.preselected != ServerRequest(),
            **self._trouble(sys.exception()),  # JupyterHub calls from its ``except`` clause
        )

    def _action(self) -> str:
        """Return where the form goes: here, with the token that shows it came from here."""
        kept = {k: v for k in ("next", "display_name") if (v := self.get_query_argument(k, ""))}
        return url_concat(self.request.path, {**kept, "_xsrf": self.xsrf_token.decode("ascii")})

    def _trouble(self, error: BaseException | None) -> dict[str, str]:
        """Return what to say above the form, and set the status that goes with it."""
        if error is None and self.refusal is None:
            return {}
        if error is None and self.refusal is not None:
            self.set_status(self.refusal.status)
            return {"error_message": self.refusal.sentence}
        if not isinstance(error, web.HTTPError):
            self.set_status(500)
        if sentence := said(error):
            return {"error_message": sentence}
        return {"error_message": _("Your server could not be started."), "error_detail": str(error)}


def said(error: object) -> str:
    """Return the sentence for people that an exception carries, or nothing.

    JupyterHub's ``format_exception`` knows ``jupyterhub_message``, but not its own ``SpawnException``.
    """
    return str(getattr(error, "jupyterhub_message", "") or getattr(error, "message", ""))


def _text(arguments: dict[str, list[bytes]]) -> dict[str, list[str]]:
    """Return arguments as text; what is not UTF-8 becomes what no option accepts."""
    return {key: [v.decode("utf8", "replace") for v in values] for key, values in arguments.items()}


class ExtraServer(BaseHandler):  # type: ignore[misc]
    """``GET extra-server?name=...`` turns a name that a person typed into a start page's address."""

    @web.authenticated
    def get(self) -> None:
        """Go to the start page of the server of that name."""
        name = normalise_unicode(" ".join(self.get_query_argument("name", "").split()))
        if not is_valid_display_name(name):
            error = web.HTTPError(400, "not a display name")
            error.jupyterhub_message = _("Give your server a name of letters, digits and spaces.")  # type: ignore[attr-defined]
            raise error
        url = url_path_join(self.hub.base_url, "spawn", self.current_user.escaped_name, safe_slug(name))
        self.redirect(url_concat(url, {"display_name": name}))


# Into JupyterHub


ROUTES: Final[list[tuple[Any, ...]]] = [
    (r"/spawn", StartPage),
    (r"/spawn/([^/]+)", StartPage),
    (r"/spawn/([^/]+)/([^/]+)", StartPage),
    (r"/extra-server", ExtraServer),
    (rf"/language/({'|'.join(LANGUAGES)})", SwitchLanguage),
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
    c: Config, *, look: FacilityLook, default_language: Language = "nl", offer: Offer | None = None
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
    """
    language.load(HERE / "locale")
    claim_routes()
    c.JupyterHub.template_paths = [str(HERE / "templates")]
    c.JupyterHub.template_vars.update({"look": look})
    c.JupyterHub.jinja_environment_options.update({"extensions": [Bilingual]})
    c.JupyterHub.tornado_settings.update(
        {
            "transforms": [partial(LanguageOfRequest, default=default_language)],
            "werkplaats_offer": offer,
        }
    )
    if look.logo:
        c.JupyterHub.logo_file = look.logo
