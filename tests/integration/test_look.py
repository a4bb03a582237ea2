"""Looking along on a real machine: two browsers, one server, and every way in which it ends."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, WebSocket

from tests.browsers import WORDS, notebook_of, open_notebook, run_all, screenshots, sign_in

from .browserless import Session
from .conftest import PREFIX, Platform, until, wait_for_desk
from .desks import DESK, send
from .test_alone import marked

pytestmark = pytest.mark.usefixtures("idle", "desk_without_a_past")

PERSON, EXPERT = PREFIX + "mkb", PREFIX + "expert"
#: What is promised from the end to the last websocket (s).
PROMISED = 10
CELL = """
import getpass, pathlib
_ = pathlib.Path("van-de-expert.txt").write_text(getpass.getuser())
print("done by", getpass.getuser())
"""


@dataclass
class Sitting:
    """A person with a server, an expert with their question, and what stands in the desk's database."""

    platform: Platform
    number: int

    @property
    def mkb(self) -> Session:
        """The person."""
        return self.platform.session("mkb")

    @property
    def expert(self) -> Session:
        """The expert."""
        return self.platform.session("expert")

    def ask(self) -> None:
        """The expert asks."""
        page = f"inbox/{self.number}/look"
        assert send(self.expert, page, page).status_code == 303

    def agree(self, minutes: int = 30) -> requests.Response:
        """The person says yes."""
        page = f"help/{self.number}/look"
        look = re.search(r'name="look" value="(\d+)"', self.mkb.page(DESK + page).text)
        assert look, self.mkb.page(DESK + page).text
        given = {"look": look[1], "minutes": minutes, "server": ""}
        return send(self.mkb, page, page, headers={"Accept-Language": "en"}, **given)

    def end(self) -> None:
        """The person presses the button."""
        page = f"help/{self.number}/look"
        assert send(self.mkb, page, f"{page}/end").status_code == 303

    def begin(self) -> None:
        """The expert asks, and the person says yes."""
        self.ask()
        assert self.agree().status_code == 303

    def last(self, column: str) -> Any:
        """Return what the database says of the last look."""
        return self.sql(f"SELECT {column} FROM looks ORDER BY id DESC LIMIT 1")[0]

    def sql(self, statement: str, *values: Any) -> tuple[Any, ...]:
        """Run a statement in the desk's database, as root."""
        path = self.platform.instance.state / "desk/desk.sqlite"
        with closing(sqlite3.connect(path, timeout=20)) as connection:
            cursor = connection.execute(statement, values)
            row = cursor.fetchone() if cursor.description else None
            connection.commit()
        return tuple(row) if row else (cursor.lastrowid,)

    def given(self) -> str:
        """Return the token that the person gave the desk."""
        found = "SELECT token FROM sign_ins WHERE name = ? ORDER BY created_at DESC LIMIT 1"
        return str(self.sql(found, PERSON)[0])

    def begin_at_the_hub(self, token: str, owner: str = PERSON, **body: Any) -> int:
        """Ask the Hub itself to let somebody look along; return what it answers."""
        headers = {"Authorization": f"token {token}"}
        address = f"{self.mkb.url}hub/api/werkplaats/looks/{owner}/"
        return requests.post(address, json=body, headers=headers, timeout=30).status_code

    def let_in(self) -> int:
        """Return how the server answers the expert, who came with a token of the Hub's."""
        return self.as_expert("api/status").status_code

    def as_expert(self, path: str) -> requests.Response:
        """Ask the person's server as the expert."""
        headers = {"Authorization": f"token {self.expert.token}"}
        return requests.get(f"{self.mkb.url}user/{PERSON}/{path}", headers=headers, timeout=30)

    def say_nobody_is_here(self) -> int:
        """Post, as the expert, the event by which the person's Lab hears of news."""
        event = {
            "schema_id": "urn:werkplaats:company", "version": "1", "data": {"guests": [], "page": "/"}
        }  # fmt: skip
        headers = {"Authorization": f"token {self.expert.token}"}
        address = f"{self.mkb.url}user/{PERSON}/api/events"
        return requests.post(address, json=event, headers=headers, timeout=30).status_code

    def until_over(self, within: float = PROMISED) -> float:
        """Wait until the desk has it as over; return how long that took (s)."""
        return until(lambda: self.last("ended_at") is not None, within)


@pytest.fixture
def sitting(platform: Platform) -> Sitting:
    """A server of mkb's that runs, and a question of theirs that the expert has."""
    mkb, expert = platform.session("mkb"), platform.session("expert")
    assert mkb.start({"flavour": "first-steps"}).status in (201, 202)
    mkb.wait_ready()
    for person in (mkb, expert):
        assert person.page(DESK).status_code == 200
    made = Sitting(platform, 0)
    now = int(time.time())
    columns = {
        "person": PERSON, "key": f"a-form-of-{now}-{os.getpid()}", "stream": "regional", "project": "",
        "server": f"{PERSON}/", "job": 0, "subject": "Traag", "topic": "data", "urgency": "normal",
        "language": "en", "restricted": 0, "state": "assigned", "expert": EXPERT, "created_at": now,
        "changed_at": now, "expected_at": now, "seen": 0, "version": 1,
    }  # fmt: skip
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    statement = f"INSERT INTO tickets ({names}) VALUES ({marks})"
    (made.number,) = made.sql(statement, *columns.values())
    return made


# -- two browsers ------------------------------------------------------------------------------------


@dataclass
class Window:
    """Somebody's browser, and what their pages have open."""

    page: Page
    sockets: list[WebSocket] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        """Keep every websocket of a page."""
        page.on("websocket", lambda opened: self.sockets.append(opened))  # Playwright takes no built-in

    def open(self) -> list[WebSocket]:
        """Return the websockets that are open, once those that are not have said so."""
        self.page.wait_for_timeout(100)
        return [one for one in self.sockets if not one.is_closed()]


@pytest.fixture
def windows(platform: Platform, browser: Browser) -> Iterator[tuple[Window, Window]]:
    """The person's and the expert's, signed in at the Hub."""
    made = []
    for name in (PERSON, EXPERT):
        context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
        window = Window(context.new_page())
        window.page.set_default_timeout(30_000)
        window.follow(window.page)
        context.on("page", window.follow)
        sign_in(window.page, platform.instance.url, name, platform.passwords["demo"])
        made.append(window)
    yield made[0], made[1]
    for window in made:
        window.page.screenshot(path=screenshots() / "last-look.png")  # where a failing test stopped
        window.page.context.close()


def until_closed(window: Window, sockets: list[WebSocket], within: float = PROMISED) -> float:
    """Wait until websockets are closed; return how long that took (s)."""
    began = time.monotonic()
    while not all(one.is_closed() for one in sockets):
        assert time.monotonic() - began < within, [one.url for one in sockets if not one.is_closed()]
        window.page.wait_for_timeout(50)
    return time.monotonic() - began


def lay(platform: Platform, name: str) -> str:
    """Lay a notebook of one cell down in the person's home."""
    home = platform.instance.homes / PERSON
    path = home / name
    path.write_text(json.dumps(notebook_of(CELL)))
    os.chown(path, home.stat().st_uid, home.stat().st_gid)
    return name


def enter(window: Window, sitting: Sitting, notebook: str) -> None:
    """Open the person's server as the expert, through the Hub's question whether they want that."""
    page, url = window.page, sitting.platform.instance.url
    page.goto(f"{url}user/{PERSON}/lab/tree/{notebook}?reset")
    if "/oauth2/authorize" in page.url:
        page.screenshot(path=screenshots() / "look-authorize.png", full_page=True)
        page.get_by_role("button", name="Go on").click()
    open_notebook(page, url, PERSON, notebook)


def test_two_browsers(
    platform: Platform, sitting: Sitting, windows: tuple[Window, Window], record_property: Any
) -> None:
    """Not before a yes; then the expert runs a cell as the person; and a press ends it within seconds."""
    person, expert = windows
    url, notebook = platform.instance.url, lay(platform, "samen.ipynb")
    refused = expert.page.goto(f"{url}user/{PERSON}/lab")
    assert refused is not None
    assert refused.status == 403
    expert.page.goto(f"{url}{DESK}inbox/{sitting.number}/look")
    expert.page.get_by_role("button", name="Ask to look along").click()
    person.page.goto(f"{url}{DESK}help/{sitting.number}/look")
    person.page.get_by_text("The expert can run code as you.").wait_for()
    person.page.screenshot(path=screenshots() / "look-asked.png", full_page=True)
    person.page.get_by_role("button", name="Yes, let the expert look along").click()
    person.page.get_by_role("button", name="End it now").wait_for()
    expert.page.reload()
    link = expert.page.get_by_role("link", name="Open their server")
    assert link.get_attribute("href") == f"/user/{PERSON}/lab"
    expert.page.screenshot(path=screenshots() / "look-on.png", full_page=True)

    enter(expert, sitting, notebook)
    run_all(expert.page, WORDS["nl"])  # as the person's server speaks
    left = platform.instance.homes / PERSON / "van-de-expert.txt"
    until(left.exists, within=30)
    assert left.read_text() == PERSON
    own = person.page.context.new_page()
    own.goto(f"{url}user/{PERSON}/lab?reset")
    own.locator("#jp-main-dock-panel").wait_for()
    band = own.locator("#wp-company")
    band.get_by_text(re.compile(f"{EXPERT} (kijkt mee tot|looks along until) ")).wait_for()
    own.screenshot(path=screenshots() / "look-band.png")
    assert expert.page.locator("#wp-company").count() == 0
    with own.expect_response("**/werkplaats/company*"):  # it asks, and believes no event
        assert sitting.say_nobody_is_here() == 204
    assert band.get_by_text(EXPERT).is_visible()
    theirs, hers = expert.open(), person.open()
    assert any("/channels" in one.url for one in theirs)
    assert any("/events/subscribe" in one.url for one in hers)

    link = band.get_by_role("link")
    assert link.get_attribute("href") == "/services/desk/look"
    began = time.monotonic()
    person.page.get_by_role("button", name="End it now").click()
    person.page.get_by_text("does not look along (any more)").wait_for()
    until_closed(expert, theirs)
    took = time.monotonic() - began
    record_property("closed_after_seconds", round(took, 1))
    print(f"websockets closed {took:.1f} s after the press")
    assert took < PROMISED
    answer = expert.page.request.get(f"{url}user/{PERSON}/api/status")
    assert answer.status == 403
    assert [one.url for one in hers if one.is_closed()] == []
    band.wait_for(state="detached")
    assert sitting.mkb.notebook("api/kernels").body[0]["connections"] == 0  # it goes on, as the person's
    assert sitting.last("ending") == "person"
    shown = platform.werkplaats("audit", "show", "--person", PERSON).stdout
    assert "look" in shown
    assert EXPERT in shown


def test_it_ends_in_time_though_the_desk_was_away(
    platform: Platform, sitting: Sitting, windows: tuple[Window, Window]
) -> None:
    """A desk that comes back ends what ended meanwhile; one that does not is not waited for."""
    _person, expert = windows
    sitting.begin()
    enter(expert, sitting, lay(platform, "samen.ipynb"))
    sockets = expert.open()
    assert sockets
    platform.supervisor.stop("desk")
    try:
        sitting.sql("UPDATE looks SET ends_at = ?", int(time.time()) + 1)
    finally:
        platform.supervisor.start("desk")
    wait_for_desk(platform)
    began = time.monotonic()
    until_closed(expert, sockets)
    print(f"websockets closed {time.monotonic() - began:.1f} s after the desk was back")
    sitting.until_over()
    assert sitting.last("ending") == "time"

    sitting.begin()
    status = f"{platform.instance.url}user/{PERSON}/api/status"
    until(lambda: expert.page.request.get(status).status == 200, within=PROMISED)  # by its own cookies
    expert.sockets.clear()  # of those that a reload ends Playwright says nothing
    expert.page.reload()
    expert.page.locator("#jp-main-dock-panel").wait_for()
    until(lambda: len(expert.open()) > 0, within=30)
    sockets = expert.open()
    platform.supervisor.stop("desk")
    try:
        wanted = {"expert": EXPERT, "until": int(time.time()) + 3}
        assert sitting.begin_at_the_hub(sitting.given(), **wanted) == 201  # which knows no later end now
        took = until_closed(expert, sockets, within=3 + PROMISED)
        print(f"websockets closed {took - 3:.1f} s after the time that the Hub knows, without a desk")
        assert sitting.let_in() == 403
    finally:
        platform.supervisor.start("desk")
    wait_for_desk(platform)
    sitting.end()
    sitting.until_over()


def test_without_the_hub_nobody_stays_but_the_person(
    platform: Platform, sitting: Sitting, windows: tuple[Window, Window]
) -> None:
    """Nobody can say that the expert may be there; and the end that was pressed meanwhile comes with it."""
    person, expert = windows
    sitting.begin()
    enter(expert, sitting, lay(platform, "samen.ipynb"))
    person.page.goto(f"{platform.instance.url}user/{PERSON}/lab?reset")
    person.page.locator("#jp-main-dock-panel").wait_for()
    theirs, hers = expert.open(), person.open()
    page = f"help/{sitting.number}/look"
    platform.supervisor.stop("hub")
    try:
        took = until_closed(expert, theirs)
        print(f"websockets closed {took:.1f} s after the Hub was gone")
        assert [one.url for one in hers if one.is_closed()] == []
        assert send(sitting.mkb, page, f"{page}/end").status_code == 303
        assert "is being ended" in sitting.mkb.page(DESK + page, headers={"Accept-Language": "en"}).text
    finally:
        platform.supervisor.start("hub")
        platform.wait_for_hub()
    sitting.until_over(within=30)
    assert sitting.let_in() == 403


# -- without a browser -------------------------------------------------------------------------------


def test_it_does_not_outlive_the_server(platform: Platform, sitting: Sitting) -> None:
    """The next server of that name is shared with nobody, and the desk knows why it ended."""
    sitting.begin()
    until(lambda: sitting.let_in() == 200, within=PROMISED)
    sitting.mkb.stop()
    assert sitting.mkb.start({"flavour": "first-steps"}).status in (201, 202)
    sitting.mkb.wait_ready()
    assert sitting.let_in() == 403
    assert sitting.mkb.api("GET", f"shares/{PERSON}/").body["items"] == []
    sitting.until_over(within=40)
    assert sitting.last("ending") == "server-gone"


def test_beside_a_restricted_dataset_nobody_looks_along(platform: Platform, sitting: Sitting) -> None:
    """The person reads which one; afterwards their yes is good."""
    sitting.ask()
    (job,) = platform.jobs("mkb")
    with marked(platform, job):
        refused = sitting.agree()
        assert refused.status_code == 409
        assert "cohort" in refused.text
        assert sitting.let_in() == 403
    assert sitting.agree().status_code == 303
    until(lambda: sitting.let_in() == 200, within=PROMISED)
    sitting.end()
    until(lambda: sitting.let_in() == 403, within=PROMISED)


def token_of_server(platform: Platform) -> str:
    """Return the token of the person's server, as it has it itself."""
    found = platform.run("pgrep", "-u", PERSON, "-f", "jupyterhub-singleuser|werkplaats_server").split()
    variables = Path(f"/proc/{found[-1]}/environ").read_text().split("\0")
    token = next(v.partition("=")[2] for v in variables if v.startswith("JUPYTERHUB_API_TOKEN="))
    headers = {"Authorization": f"token {token}"}
    assert (
        requests.get(f"{platform.instance.url}hub/api/user", headers=headers, timeout=30).status_code == 200
    )
    return token


def test_only_the_desk_shares_and_only_with_an_expert(platform: Platform, sitting: Sitting) -> None:
    """Neither a person's own token, nor a server's, nor the expert's; nor for long, nor with anybody."""
    given, until_ = sitting.given(), int(time.time()) + 600
    own = (platform.instance.secrets / "desk-token").read_text().strip()

    def begin(token: str, owner: str = PERSON, **body: Any) -> int:
        return sitting.begin_at_the_hub(token, owner, **{"expert": EXPERT, "until": until_, **body})

    for token in (sitting.mkb.token, token_of_server(platform), sitting.expert.token, own):
        assert begin(token) == 403
    assert begin(given, owner=EXPERT) == 403
    for name in (PREFIX + "student", PERSON, "nobody"):
        assert begin(given, expert=name) == 403
    for wrong in ({"until": until_ + 7200}, {"until": 0}, {"until": str(until_)}, {"scopes": ["shares"]}):
        assert begin(given, **wrong) == 400
    assert sitting.let_in() == 403
    assert begin(given) == 201
    until(lambda: sitting.let_in() == 200, within=PROMISED)
    taken = {"Authorization": f"token {own}"}
    for method, path, status in (
        ("GET", f"users/{PERSON}", 403),
        ("POST", f"shares/{PERSON}/", 403),
        ("DELETE", f"users/{EXPERT}/shared/{PERSON}/", 204),
    ):
        answer = requests.request(method, f"{sitting.mkb.url}hub/api/{path}", headers=taken, timeout=30)
        assert answer.status_code in (status, 404 if status == 403 else status), path
    until(lambda: sitting.let_in() == 403, within=PROMISED)
