"""The Hub's pages: what a person sees, in their language, and what a link can never do."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from jupyterhub import handlers
from jupyterhub.handlers.pages import SpawnHandler
from pydantic import ValidationError
from tests import hubs
from traitlets.config import Config

from werkplaats_hub import pages
from werkplaats_hub.look import DARK, FacilityLook, contrast, lightened
from werkplaats_hub.pages import apply_pages, local
from werkplaats_hub.start_page import StartPage
from werkplaats_spawners.language import COOKIE
from werkplaats_spawners.offer import Words

ROOT = Path(__file__).parents[2]
HUB = ROOT / "hub_config" / "werkplaats_hub"
CATALOGUE = HUB / "locale" / "nl" / "LC_MESSAGES" / "werkplaats.po"
PASSWORD = "a-password-of-thirty-two-characters"

HUB_CONFIG = """
import asyncio
from datetime import datetime
from pathlib import Path
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner, SpawnException
from werkplaats_hub.look import FacilityLook
from werkplaats_hub.pages import apply_pages
from werkplaats_spawners import form
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import Flavour, Offer, Words
from werkplaats_spawners.request import Refused, ServerRequest, from_fields
from werkplaats_spawners.standing import Standing

def words(text):
    return Words(nl=text + " (nl)", en=text + " (en)")

def flavour(name, gpus):
    return Flavour(name=name, title=words(name), description=words(name), cpus=1, memory_gb=1,
                   gpus=gpus, hours=1, max_hours=8)

OFFER = Offer(flavours=(flavour("first-steps", 0), flavour("gpu-1", 1), flavour("gpu-2", 2)),
              streams=(), projects=())

class NoProxy(Proxy):
    should_start = False
    routes = {}
    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}
    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)
    async def get_all_routes(self):
        return self.routes

class Slow(Spawner):
    '''Waits for ever; gpu-1 is refused after a while, gpu-2 breaks.'''
    running = False

    def _options_form_default(self):
        return lambda self: form.render(
            OFFER, standing=Standing(frozenset(), datetime.now().astimezone()),
            chosen=getattr(self.handler, "preselected", ServerRequest()))

    def options_from_form(self, fields):
        chosen = from_fields(fields)
        if isinstance(chosen, Refused):
            raise SpawnException(chosen.sentence, reason=chosen.reason, status_code=chosen.status)
        return chosen.model_dump(exclude_none=True)

    async def start(self):
        with Path("starts").open("a") as file:
            print(self.user.name, self.name, file=file)
        flavour = self.user_options.get("flavour")
        if flavour == "gpu-1":
            await asyncio.sleep(0.3)
            raise SpawnException(_("Your server could not be started."), reason="test", status_code=503)
        if flavour == "gpu-2":
            raise RuntimeError("the inside of the machine")
        self.running = True
        await asyncio.sleep(600)

    async def stop(self, now=False):
        self.running = False

    async def poll(self):
        return None if self.running else 0

    async def progress(self):
        yield {"message": "In the queue"}

c = get_config()
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.spawner_class = Slow
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = "{password}"
c.SharedPasswordAuthenticator.admin_password = "{password}{password}"
c.Authenticator.admin_users = {"boss"}
c.Authenticator.allow_all = True
c.JupyterHub.allow_named_servers = True
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.db_url = "sqlite:///:memory:"
c.Spawner.start_timeout = 600
apply_pages(c, look=FacilityLook(name=words("Atelier"), tagline=words("What this is"),
    cost=words("Nothing"), privacy=words("Only you")), default_language="nl", offer=lambda: OFFER,
    help_form="/services/desk/help/new")
"""


class Browser(requests.Session):
    """A person's browser: a language, a cookie jar, and the xsrf token when a form is sent."""

    def __init__(self, base: str, accept: str | None = None) -> None:
        super().__init__()
        self.base = base
        if accept:
            self.headers["Accept-Language"] = accept

    def request(self, method: str, url: str, *args: object, **kwargs: object) -> requests.Response:  # type: ignore[override]
        """Ask for a path of the Hub's; never follow a redirect unasked."""
        kwargs["allow_redirects"] = False
        kwargs.setdefault("timeout", 30)
        return super().request(method, self.base + url, *args, **kwargs)  # type: ignore[arg-type]

    def sign_in(self, name: str, password: str = PASSWORD) -> requests.Response:
        """Fill in the log-in form."""
        self.get("/hub/login")
        fields = {"username": name, "password": password, "_xsrf": self.cookies["_xsrf"]}
        return self.post("/hub/login", data=fields)

    def make(self, name: str) -> requests.Response:
        """Fill in a name for another server, at the page of one's servers."""
        token = re.search(r'name="_xsrf" value="([^"]+)"', self.get("/hub/home").text)
        assert token
        return self.post("/hub/extra-server", data={"name": name, "_xsrf": token[1]})

    def start(self, path: str = "/hub/spawn", **fields: str) -> requests.Response:
        """Open a start page, and send its form."""
        action = re.search(r'<form id="spawn_form" action="([^"]*)"', self.get(path).text)
        assert action
        return self.post(action[1].replace("&amp;", "&"), data=fields)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the Hub works, and where its spawner notes its starts."""
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module")
def hub(folder: Path) -> Iterator[str]:
    """Run a real Hub whose pages are ours; its proxy and its servers are not real."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "config.py"
    config.write_text(HUB_CONFIG.replace("{port}", str(port)).replace("{password}", PASSWORD))
    base = f"http://127.0.0.1:{port}"
    with hubs.running(folder, base):
        yield base


@pytest.fixture
def person(hub: str, request: pytest.FixtureRequest) -> Browser:
    """Someone who is signed in, reads English, and has a name of their own per test."""
    browser = Browser(hub, "en")
    assert browser.sign_in(_name(request)).status_code == 302
    return browser


@pytest.fixture
def starts(folder: Path, request: pytest.FixtureRequest) -> Starts:
    """Count what was really started for this test's person."""
    return Starts(folder / "starts", _name(request))


class Starts:
    """What the spawner was really asked to start for this test's person."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name

    def __len__(self) -> int:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return sum(line.split()[0] == self.name for line in lines)


def _name(request: pytest.FixtureRequest) -> str:
    return "p" + format(abs(hash(request.node.name)), "x")[:12]


def lang(page: requests.Response) -> str:
    """Return the page's ``<html lang>``."""
    found = re.search(r'<html lang="([^"]*)">', page.text)
    return found[1] if found else ""


# Language


@pytest.mark.parametrize(
    ("accept", "expected"), [("nl-NL", "nl"), ("en-GB,en", "en"), ("de", "nl"), (None, "nl")]
)
def test_the_log_in_page_speaks_the_readers_language(hub: str, accept: str | None, expected: str) -> None:
    """The browser's language decides, and the page says in which language it is."""
    page = Browser(hub, accept).get("/hub/login")
    button = {"nl": "Inloggen", "en": "Sign in"}[expected]
    assert lang(page) == expected
    assert re.search(rf'type="submit"[^>]*>\s*{button}\s*<', page.text)
    assert f"What this is ({expected})" in page.text
    assert f"Nothing ({expected})" in page.text
    assert f"Only you ({expected})" in page.text


def test_a_choice_of_language_is_kept(hub: str) -> None:
    """The link in the header sets a cookie for a year, which goes before the browser's language."""
    browser = Browser(hub, "nl")
    answer = browser.get("/hub/language/en?next=/hub/login")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/login")
    cookie = next(c for c in browser.cookies if c.name == COOKIE)
    assert cookie.path == "/"
    assert cookie.expires is not None
    assert cookie.expires - time.time() > 360 * 24 * 3600
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
    assert lang(browser.get("/hub/login")) == "en"


def test_only_our_languages_can_be_chosen(hub: str) -> None:
    """Another language is a page that does not exist."""
    assert Browser(hub).get("/hub/language/fr").status_code == 404


EVIL = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nSet-Cookie: a=b",
    " //evil.example",
    "/a\\..\\b",
    "/é",
    "",
]


@pytest.mark.parametrize("address", EVIL)
def test_no_open_redirect(address: str) -> None:
    """Only a path on this host is gone back to."""
    assert local(address, "/hub/") == "/hub/"


@pytest.mark.parametrize(
    "address", ["/", "/hub/home", "/hub/spawn?opt-flavour=gpu-1&x=%2F%2Fy", "/user/a/lab/tree/b.ipynb#c"]
)
def test_a_path_on_this_host_is_gone_back_to(address: str) -> None:
    """A reader who changes the language stays on the page."""
    assert local(address, "/hub/") == address


@pytest.mark.parametrize("address", EVIL)
def test_no_open_redirect_over_http(hub: str, address: str) -> None:
    """The same, as a browser would meet it."""
    answer = Browser(hub).get("/hub/language/nl", params={"next": address})
    where = urlsplit(answer.headers["Location"])
    assert (answer.status_code, where.netloc, where.scheme) == (302, "", "")
    assert not answer.headers["Location"].startswith(("//", "/\\"))


def test_the_language_link_comes_back_to_this_page(person: Browser) -> None:
    """The link carries this page's address, with its options and without its token."""
    page = person.get("/hub/spawn?opt-flavour=gpu-1&_xsrf=secret")
    back = "/hub/language/nl?next=/hub/spawn%3Fopt-flavour%3Dgpu-1"
    assert f'href="{back}"' in page.text


def test_readers_at_the_same_time_each_get_their_own_language(hub: str) -> None:
    """A language never leaks from one request to another, nor along a connection that is kept."""
    languages = ["nl", "en"] * 4

    def read(accept: str) -> list[str]:
        browser = Browser(hub, accept)
        return [lang(browser.get(path)) for path in ("/hub/login", "/hub/no-such-page") * 8]

    with ThreadPoolExecutor(len(languages)) as readers:
        for accept, seen in zip(languages, readers.map(read, languages), strict=True):
            assert set(seen) == {accept}


def test_one_connection_speaks_to_each_request(hub: str) -> None:
    """A proxy sends many readers over one connection; each is answered in their own language."""
    browser = Browser(hub)
    seen = [lang(browser.get("/hub/login", headers={"Accept-Language": each})) for each in ("nl", "en") * 5]
    assert seen == ["nl", "en"] * 5


def test_a_refusal_deep_in_the_spawner_speaks_to_who_caused_it(hub: str) -> None:
    """Two starts that fail side by side each explain themselves in their own reader's language."""
    sentences = {"nl": "Je server kon niet worden gestart.", "en": "Your server could not be started."}

    def fail(accept: str) -> str:
        browser = Browser(hub, accept)
        browser.sign_in(f"refused-{accept}")
        return browser.start(flavour="gpu-1").text

    with ThreadPoolExecutor(2) as people:
        for accept, page in zip(sentences, people.map(fail, sentences), strict=True):
            assert sentences[accept] in page


# The start page


def test_a_link_never_starts_a_server(person: Browser, starts: Starts) -> None:
    """A link fills the form in, and starts nothing until a person presses the button."""
    page = person.get("/hub/spawn?opt-flavour=gpu-2&opt-hours=3&opt-notebook=lessons/one.ipynb")
    assert page.status_code == 200
    assert re.search(r'value="gpu-2"[^>]*\bchecked', page.text)
    assert re.search(r'name="hours"[^>]*value="3"', page.text)
    assert 'name="notebook" value="lessons/one.ipynb"' in page.text
    assert len(starts) == 0


@pytest.mark.parametrize(
    "query",
    [
        "opt-gres=gpu:8",
        "opt-flavour=gpu-9",
        "opt-flavour=gpu-1&opt-flavour=gpu-2",
        "opt-flavour=gpu-1%0A%23SBATCH",
        "opt-hours=never",
        "opt-hours=0",
        "opt-notebook=../../etc/passwd",
        "opt-flavour=%ff%fe",
        "opt-=x",
    ],
)
def test_a_link_that_makes_no_sense_is_refused(person: Browser, starts: Starts, query: str) -> None:
    """It is answered with 400, why, and the form as it is without a link; nothing is started."""
    page = person.get(f"/hub/spawn?{query}")
    assert page.status_code == 400
    assert "Nothing was started" in page.text
    assert re.search(r'value="first-steps"[^>]*\bchecked', page.text)
    assert len(starts) == 0


def test_what_is_no_option_is_ignored(person: Browser, starts: Starts) -> None:
    """A link's other parameters, such as a newsletter's, are no options, and start nothing."""
    page = person.get("/hub/spawn?utm_source=mail&flavour=gpu-2&hours=%ff")
    assert page.status_code == 200
    assert re.search(r'value="first-steps"[^>]*\bchecked', page.text)
    assert len(starts) == 0


def test_the_refusal_repeats_no_markup(person: Browser) -> None:
    """What a link says is shown as text."""
    page = person.get("/hub/spawn?opt-%3Cscript%3E=1")
    assert page.status_code == 400
    assert "<script>=" not in page.text
    assert "&lt;script&gt;" in page.text


def test_the_form_starts_a_server_once(person: Browser, starts: Starts) -> None:
    """Pressing Start leads to the waiting page; pressing it twice is not an error, nor a second start."""
    first, second = person.get("/hub/spawn").text, person.get("/hub/spawn").text
    token = re.compile(r'<form id="quick-start" action="([^"]*)"')
    answers = []
    for page in (first, second):
        action = token.search(page)
        assert action
        answers.append(person.post(action[1].replace("&amp;", "&"), data={"flavour": "first-steps"}))
    assert [a.status_code for a in answers] == [302, 302]
    assert all("/hub/spawn-pending/" in a.headers["Location"] for a in answers)
    assert all("_xsrf" not in a.headers["Location"] for a in answers)
    assert len(starts) == 1


def test_a_form_from_elsewhere_starts_nothing(person: Browser, starts: Starts) -> None:
    """Without the page's token nothing is started, and the reader is told what to do."""
    page = person.post("/hub/spawn", data={"flavour": "first-steps"})
    assert page.status_code == 403
    assert "This page was open for too long" in page.text
    assert len(starts) == 0


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"gres": "gpu:8"}, 400), ({"flavour": "gpu-1", "hours": "0"}, 400), ({"flavour": "\udcff"}, 400)],
)
def test_a_form_that_makes_no_sense_is_refused(
    person: Browser, starts: Starts, fields: dict[str, str], status: int
) -> None:
    """What the parser refuses is explained on the start page, with its status; nothing is started."""
    page = person.start(**{k: v.encode("utf8", "surrogateescape") for k, v in fields.items()})  # type: ignore[arg-type]
    assert page.status_code == status
    assert "Nothing was started" in page.text
    assert "SpawnException" not in page.text
    assert len(starts) == 0


def test_a_refused_form_keeps_what_was_chosen(person: Browser) -> None:
    """After a refusal nobody has to fill the form in again."""
    page = person.start(flavour="gpu-1", hours="5")
    assert page.status_code == 503
    assert "Your server could not be started." in page.text
    assert re.search(r'value="gpu-1"[^>]*\bchecked', page.text)
    assert re.search(r'name="hours"[^>]*value="5"', page.text)


def test_a_fault_of_ours_shows_no_insides(person: Browser) -> None:
    """An unexpected fault is a sentence for the reader and a status; the log has the rest."""
    page = person.start(flavour="gpu-2")
    assert page.status_code == 500
    assert "Your server could not be started." in page.text
    assert "the inside of the machine" not in page.text


def test_an_expert_is_a_link_away(hub: str, person: Browser) -> None:
    """Also from where nothing starts, and there the link says what the matter is; not before signing in."""
    ask = 'href="/services/desk/help/new"'
    stuck = 'href="/services/desk/help/new?about=start"'
    assert "help/new" not in Browser(hub, "en").get("/hub/login").text
    start = person.get("/hub/spawn").text
    assert (ask in start, stuck in start) == (True, False)
    assert stuck in person.start(flavour="gpu-2").text, "a start that failed"
    assert stuck in person.start(flavour="no such thing").text, "a start that was refused"
    waiting = person.get(urlsplit(person.start(flavour="first-steps").headers["Location"]).path)
    assert stuck in waiting.text


def test_the_start_page_goes_before_jupyterhubs() -> None:
    """Our handlers stand in front of JupyterHub's, once, however often they are claimed."""
    pages.claim_routes()
    once = list(handlers.default_handlers)
    pages.claim_routes()
    assert handlers.default_handlers == once
    for path in (r"/spawn", r"/spawn/([^/]+)", r"/spawn/([^/]+)/([^/]+)"):
        found = [route[1] for route in once if route[0] == path]
        assert found == [StartPage, SpawnHandler]


# Waiting, named servers, and the list of servers


def test_the_waiting_page_says_what_and_how_long(person: Browser) -> None:
    """It names what is going on, counts the time, hears the spawner, and can stop."""
    page = person.get(urlsplit(person.start(flavour="first-steps").headers["Location"]).path)
    assert page.status_code == 200
    assert "Your server is starting" in page.text
    assert re.search(r'data-waited="\d+"', page.text)
    assert re.search(r'data-progress="/hub/api/users/[^"/]+/server/progress', page.text)
    assert ">Stop</button>" in page.text
    assert re.search(r'<form [^>]*id="smaller" hidden>', page.text), "nothing smaller is known"


@pytest.mark.parametrize("path", ["/hub/spawn", "/hub/spawn/{name}/second"])
def test_stop_on_the_waiting_page_stops_this_server(
    person: Browser, request: pytest.FixtureRequest, path: str
) -> None:
    """Also a named server, and without JavaScript: the form's address is that of the server waited for."""
    waiting = person.start(path.format(name=_name(request)), flavour="first-steps").headers["Location"]
    page = person.get(waiting).text
    form = re.search(r'<form action="(/hub/stop-waiting/[^"]*)"', page)
    token = re.search(r'name="_xsrf" value="([^"]+)"', page)
    assert form
    assert token
    assert person.post(form[1]).status_code == 403, "another site's form has no token"
    answer = person.post(form[1], data={"_xsrf": token[1]})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/home")
    home = person.get("/hub/home").text
    assert "Is being started" not in home


def test_a_named_server_begins_with_a_name(person: Browser, request: pytest.FixtureRequest) -> None:
    """What a person calls it is what it is called, whatever the address makes of it."""
    answer = person.make("  My  tries ")
    assert answer.status_code == 302
    where = answer.headers["Location"]
    assert where.startswith(f"/hub/spawn/{_name(request)}/my-tries")
    assert '<p class="wp-lead">My tries</p>' in person.get(where).text
    assert "My tries" not in person.get("/hub/home").text, "so far it is only a name"
    assert person.start(where, flavour="gpu-1").status_code == 503, "its start is refused"
    home = person.get("/hub/home").text
    assert "My tries" in home
    assert "Remove My tries from this list?" in home


@pytest.mark.parametrize("name", ["", "   ", "x" * 300, "a\u202eb"])
def test_a_name_that_is_none_is_refused(person: Browser, name: str) -> None:
    """The refusal says what a name is made of."""
    answer = person.make(name)
    assert answer.status_code == 400
    assert "Give your server a name" in answer.text


def test_a_link_makes_no_server(person: Browser, request: pytest.FixtureRequest) -> None:
    """Neither where a name is given, nor at the start page of a server that there is none of."""
    answer = person.get("/hub/extra-server", params={"name": "planted"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/home")
    assert person.post("/hub/extra-server", data={"name": "planted"}).status_code == 403
    path = f"/hub/spawn/{_name(request)}/planted"
    for _ in range(2):
        assert person.get(f"{path}?display_name=Planted").status_code == 200
    assert "lanted" not in person.get("/hub/home").text
    assert person.get(f"{path}/more").status_code == 404


def test_a_server_that_is_there_stays(person: Browser, request: pytest.FixtureRequest) -> None:
    """To look at the start page of one's own server takes nothing away."""
    path = f"/hub/spawn/{_name(request)}/kept"
    assert person.start(path, flavour="gpu-1").status_code == 503
    assert person.get(path).status_code == 200
    assert ">kept<" in person.get("/hub/home").text


def test_home_offers_to_start(person: Browser) -> None:
    """Someone without a running server sees one Start, and where more servers are made."""
    page = person.get("/hub/home")
    assert len(re.findall(r'class="[^"]*start-server"', page.text)) == 1
    assert "More servers" in page.text


# Errors


def test_a_wrong_password_is_explained(hub: str) -> None:
    """In the reader's language, with the name kept."""
    page = Browser(hub, "nl").sign_in("someone", "wrong")
    assert page.status_code == 403
    assert "Die naam en dat wachtwoord horen niet bij elkaar" in page.text
    assert "Invalid username" not in page.text
    assert 'value="someone"' in page.text


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/hub/no-such-page", 404, "Deze pagina bestaat niet"),
        ("/hub/admin", 403, "Je hebt geen toegang tot deze pagina"),
        ("/hub/error/503", 200, "Je server geeft geen antwoord"),
        ("/hub/error/418", 200, "Dit verzoek kan niet worden uitgevoerd"),
        ("/hub/error/599", 200, "Er ging bij ons iets mis"),
        ("/hub/spawn-pending/nobody", 404, "Deze pagina bestaat niet"),
    ],
)
def test_an_error_says_what_it_means(person: Browser, path: str, status: int, sentence: str) -> None:
    """Every error is a sentence in the reader's language and a way on; codes are for technicians."""
    page = person.get(path, headers={"Accept-Language": "nl"})
    assert (page.status_code, lang(page)) == (status, "nl")
    assert f"<h1>{sentence}</h1>" in page.text
    assert "Naar mijn servers" in page.text


def test_the_proxys_error_page_is_in_both_languages(hub: str) -> None:
    """The proxy passes on nothing that tells the reader's language, so the page says it twice."""
    page = Browser(hub).get("/hub/error/503?url=%2Fuser%2Fmkb%2Flab")
    assert "<h1>Je server geeft geen antwoord</h1>" in page.text
    assert '<section class="wp-said" lang="en">' in page.text
    assert "<h2>Your server does not answer</h2>" in page.text
    assert 'href="/hub/language/en?next=/user/mkb/lab"' in page.text


def test_no_link_of_a_page_is_of_another_kind(hub: str) -> None:
    """What an error page is told of the reader's address is believed for a path on this host alone."""
    page = Browser(hub).get("/hub/error/503?url=javascript%3Aalert(1)")
    assert "javascript:" not in page.text
    assert 'href="/hub/language/en?next=/"' in page.text


def test_the_page_of_access_keys(person: Browser) -> None:
    """Ours, in the reader's language; the key that a program was given is on it, and can be taken back."""
    made = person.post(
        f"/hub/api/users/{_name_of(person)}/tokens?_xsrf={person.cookies['_xsrf']}",
        json={"note": "<b>backup"},
    ).json()
    page = person.get("/hub/token", headers={"Accept-Language": "nl"})
    assert lang(page) == "nl"
    assert "<h1>Toegangssleutels</h1>" in page.text
    assert "&lt;b&gt;backup" in page.text
    (address,) = re.findall(rf'data-delete="([^"]*/tokens/{made["id"]}\?[^"]*)"', page.text)
    assert person.delete(address.replace("&amp;", "&")).status_code == 204
    assert "&lt;b&gt;backup" not in person.get("/hub/token").text


def _name_of(person: Browser) -> str:
    """Return who is signed in, as their page says."""
    found = re.search(r'/hub/api/users/([^/"]+)/', person.get("/hub/token").text)
    assert found
    return found[1]


def test_what_jupyterhub_says_itself_is_marked_as_english(hub: str) -> None:
    """JupyterHub's own pages keep working, and do not pretend to be Dutch; what stands around them is."""
    admin = Browser(hub)
    assert admin.sign_in("boss", 2 * PASSWORD).status_code == 302
    page = admin.get("/hub/admin", headers={"Accept-Language": "nl"})
    assert lang(page) == "en"
    assert "window.jhdata" in page.text
    assert "bootstrap" in page.text
    assert '<header class="wp-header" lang="nl">' in page.text


# How it looks


def test_styles_can_be_kept_for_ever(hub: str) -> None:
    """A page names the version of a file, so that a browser asks for it once."""
    page = Browser(hub).get("/hub/login").text
    links = re.findall(r'(?:href|src)="(/hub/werkplaats/static/[^"]+)"', page)
    assert links
    for link in links:
        answer = Browser(hub).get(link)
        assert answer.status_code == 200
        assert "no-cache" not in answer.headers.get("Cache-Control", "")
        assert "v=" in link


def test_nothing_comes_from_elsewhere(hub: str) -> None:
    """No font, script or picture is asked of another host."""
    page = Browser(hub).get("/hub/login").text
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page)
    assert "://" not in (HUB / "static" / "werkplaats.css").read_text()


def look(**changed: str) -> FacilityLook:
    """Return a facility that says little."""
    said = Words(nl="ja", en="yes")
    return FacilityLook(name=said, tagline=said, cost=said, privacy=said, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("colour", ["#ffffff", "#f37726", "#ffd23f", "red", "#12", "#12345g", "#000000;}"])
def test_a_colour_that_cannot_be_read_is_refused(colour: str) -> None:
    """A facility cannot choose itself out of readable buttons, nor write CSS."""
    with pytest.raises(ValidationError):
        look(primary=colour)


@pytest.mark.parametrize("colour", ["#000000", "#0b5351", "#a8480b", "#1d4ed8", "#7a0019", "#767676"])
def test_every_colour_can_be_read_on_the_dark_page(colour: str) -> None:
    """A colour is lightened until it can be read (WCAG AA, 4.5 to 1, with room to spare)."""
    assert contrast(lightened(colour), DARK) >= 7
    assert contrast(look(primary=colour).primary_on_dark, "#1b232b") >= 4.5


def test_contrast_is_that_of_wcag() -> None:
    """Black on white is 21 to 1, a colour on itself 1 to 1, in either order."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#0b5351", "#0b5351") == pytest.approx(1)


def test_the_dark_page_is_the_one_that_is_reckoned_with() -> None:
    """The stylesheet and the reckoning of contrast agree on the background."""
    assert f"--wp-ground: {DARK};" in (HUB / "static" / "werkplaats.css").read_text()


def test_apply_pages_needs_no_hub() -> None:
    """It sets configuration and nothing else, and leaves what was there."""
    c = Config()
    c.JupyterHub.template_vars = {"theirs": 1}
    apply_pages(c, look=look(), default_language="en")
    assert c.JupyterHub.template_vars["theirs"] == 1
    assert c.JupyterHub.template_vars["help_form"] == ""
    assert Path(c.JupyterHub.template_paths[0], "page.html").is_file()
    assert len(c.JupyterHub.tornado_settings.get_value({})["transforms"]) == 2


# The catalogue


def singular(message: str | tuple[str, ...]) -> str:
    """Return what a sentence is known by: of one with a plural, the singular."""
    return message if isinstance(message, str) else message[0]


def messages() -> set[str]:
    """Return every sentence in the Hub's, the spawner's and the desk's sources and templates."""
    with (ROOT / "hub_config" / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = set()
    for source in ("hub_config", "spawners", "extensions/werkplaats_desk"):
        for _path, _line, message, _comments, _context in extract_from_dir(
            str(ROOT / source), methods, options
        ):
            found.add(singular(message))
    return found


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    """Read the Dutch catalogue."""
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="nl")


def test_every_sentence_is_translated(catalogue: Catalog) -> None:
    """Whatever the Hub says, it can say in Dutch."""
    untranslated = set()
    for sentence in messages():
        found = catalogue.get(sentence)
        forms = (found.string if found.pluralizable else [found.string]) if found else [""]
        if not all(forms):
            untranslated.add(sentence)
    assert not untranslated


def test_the_catalogue_has_nothing_else(catalogue: Catalog) -> None:
    """No translation is doubtful, left over, or of a sentence that nobody says any more."""
    assert not catalogue.obsolete
    assert not [m.id for m in catalogue if m.id and m.fuzzy]
    assert {singular(m.id) for m in catalogue if m.id} <= messages()


def test_the_catalogue_is_sorted(catalogue: Catalog) -> None:
    """A new sentence has one place to stand, so that changes are small."""
    ids = [singular(m.id) for m in catalogue if m.id]
    assert ids == sorted(ids)


def test_a_translation_names_the_same_things(catalogue: Catalog) -> None:
    """What is filled in in English is filled in in Dutch."""
    names = re.compile(r"%\((\w+)\)s|\{(\w+)\}")
    for message in catalogue:
        if message.id:
            assert sorted(names.findall(str(message.id))) == sorted(names.findall(str(message.string)))
            assert not re.search(r"%(?!\(\w+\)s)", str(message.id)), (
                "a bare % breaks Jinja's newstyle gettext"
            )
