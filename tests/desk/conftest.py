"""A desk in a folder, with a fake Hub and a fake Slurm; and people with browsers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from tests import postgresql as servers
from tests.desk import fake_datasets
from tests.desk.fake_datasets import FakeAudit
from tests.desk.fake_hub import SECRET, FakeHub

from werkplaats_desk.app import create_app
from werkplaats_desk.database import Database
from werkplaats_desk.desk import Desk
from werkplaats_desk.hub import Hub
from werkplaats_desk.published import Away, Queue
from werkplaats_desk.settings import Settings, Watched

ROOT = Path(__file__).parents[2]
PREFIX = "/services/desk/"
#: What a browser says of a page that a person goes to.
NAVIGATES = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
TOMORROW = date.today() + timedelta(1)


def settings(folder: Path, **changes: Any) -> Settings:
    """Return the settings of a small facility."""

    def words(text: str) -> dict[str, str]:
        return {"nl": f"{text} (nl)", "en": f"{text} (en)"}

    hub = ROOT / "hub_config/werkplaats_hub"
    look = {
        "name": words("Atelier"), "tagline": words("What this is"),
        "primary": "#0b5c68", "accent": "#b45309", "primary_on_dark": "#7fb0b6", "accent_on_dark": "#dba87a",
    }  # fmt: skip
    streams = [
        {"name": name, "title": words(name), "description": words(name), "share": share, "guaranteed": first}
        for name, share, first in (
            ("regional", 0.25, True),
            ("national", 0.25, False),
            ("eurohpc", 0.5, False),
        )
    ]
    given = {
        "look": look,
        "language": "nl",
        "streams": streams,
        "flavours": [{"name": "first-steps", "title": words("f"), "gpus": 0},
                     {"name": "gpu-1", "title": words("g"), "gpus": 1}],
        "projects": {"mkb-verkenning": "regional", "onderzoek": "eurohpc"},
        "most_gpu_hours": 4000,
        "most_course_hours": 200,
        "course_stream": "regional",
        "lessons": ["les.ipynb"],
        "teachers": ["docent"],
        "teacher_groups": ["docenten"],
        "operator_groups": ["beheerders"],
        "stewards": ["huismeester"],
        "steward_groups": ["datameesters"],
        "help": {
            "topics": [{"name": name, "title": words(name), "kind": kind} for name, kind in (
                ("data", "technique"), ("vision", "technique"), ("first-steps", "technique"),
                ("health", "domain"),
            )],
            "experts": [{"name": "expert", "hours_per_week": 24},
                        {"name": "tweede", "hours_per_week": 12, "topics": ["vision"]}],
            "guarantees": {"regional": 0.25, "national": 0.25, "eurohpc": 0.5},
        },
        "hub_api": "http://hub/hub/api",
        "port": 1,
        "database": f"sqlite:///{folder}/desk.sqlite",
        "projects_d": folder / "projects.d",
        "queue": folder / "queue.socket",
        "token_file": folder / "token",
        "static": hub / "static",
        "locale": hub / "locale",
    }  # fmt: skip
    return Settings.model_validate({**given, **changes})


@dataclass
class FakeQueue:
    """What the publisher answers; it can be away."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    associations: list[dict[str, Any]] = field(default_factory=list)
    qos: list[dict[str, Any]] = field(default_factory=list)
    months: dict[str, Any] = field(default_factory=dict)
    accounting: str | None = None
    away: bool = False
    at: float = 0.0

    def __call__(self, message: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Answer a message."""
        import time

        if self.away:
            raise Away("nobody there")
        if message["want"] == "months":
            return {"error": None if self.months else "slurmdbd", "months": self.months}
        at = self.at or time.time()
        view = {"at": at, "jobs": self.jobs, "associations": self.associations, "qos": self.qos}
        return {"error": None, **view, "accounting": {"at": at, "error": self.accounting}}

    def let(self, account: str, *people: str, closed: bool = False, limit: int = 600, used: int = 0) -> None:
        """Have Slurm let people charge an account."""
        whole = {"account": account, "closed": closed, "gpu_minutes": {"limit": limit, "used": used}}
        self.associations += [{**whole, "user": user} for user in ("", *people)]


class Fresh(Queue):
    """A queue that is asked anew each time: a test does not wait two seconds."""

    def view(self) -> Any:
        """Return what is so now."""
        self._tried = 0.0
        return super().view()


Call = Callable[..., httpx.Response]


@pytest.fixture
def fake_hub() -> FakeHub:
    """A Hub with an operator, a teacher, and people."""
    return FakeHub(people={"beheer": (True, []), "docent": (False, []), "chef": (False, ["beheerders"])})


@pytest.fixture
def fake_queue() -> FakeQueue:
    """A Slurm that knows nothing yet."""
    return FakeQueue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The desk's settings, as root lays them down."""
    (tmp_path / "projects.d").mkdir()
    (tmp_path / "token").write_text(SECRET + "\n")
    path = tmp_path / "desk.json"
    path.write_text(settings(tmp_path).model_dump_json())
    return path


@pytest.fixture
def desk(file: Path, fake_hub: FakeHub, fake_queue: FakeQueue) -> Desk:
    """A desk that is open."""
    from werkplaats_desk import words

    watched = Watched(file)
    words.load(watched().locale)
    database = Database(watched().database)
    database.migrate()
    hub = Hub(watched().hub_api, SECRET, PREFIX, fake_hub.transport)
    datasets = fake_datasets.datasets(file.parent / "catalogue")
    return Desk(watched, database, hub, Fresh(fake_queue), datasets=datasets)


@pytest.fixture
def audit(desk: Desk) -> FakeAudit:
    """What the desk wrote down."""
    assert desk.datasets is not None
    assert isinstance(desk.datasets.audit, FakeAudit)
    return desk.datasets.audit


class Browser:
    """Somebody's browser: an address bar, cookies, a language, and forms that carry their token."""

    def __init__(self, client: TestClient, hub: FakeHub) -> None:
        self.client, self.hub = client, hub

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Open a page of the desk's; follow no redirect."""
        address = path if path.startswith("/") else PREFIX + path
        return self.client.get(address, follow_redirects=False, **more)

    def post(self, path: str, _page: str = "", **fields: Any) -> httpx.Response:
        """Send a form, with the token of a page."""
        found = re.search(r'name="_xsrf" value="([0-9a-f]*)"', self.get(_page).text)
        token = found[1] if found else ""
        return self.client.post(PREFIX + path, data={"_xsrf": token, **fields}, follow_redirects=False)

    def sign_in(self, name: str, then: str = "") -> httpx.Response:
        """Go to the Hub and come back."""
        self.client.cookies.set("jupyterhub-session-id", f"session-of-{name}", path="/")
        sent = self.get(f"login?next={PREFIX}{then}")
        return self.get(self.hub.agree(sent.headers["location"], name))


@pytest.fixture
def browser(desk: Desk, fake_hub: FakeHub) -> Iterator[Callable[..., Browser]]:
    """Make a browser; with a name, of somebody who signed in."""
    app = create_app(desk, chores=False)
    with ExitStack() as stack:

        def make(name: str = "", language: str = "en", **more: Any) -> Browser:
            client = TestClient(app, headers={"Accept-Language": language, **NAVIGATES}, **more)
            made = Browser(stack.enter_context(client), fake_hub)
            if name:
                assert made.sign_in(name).status_code == 303
            return made

        yield make


@pytest.fixture
def call(browser: Callable[..., Browser], fake_hub: FakeHub) -> Call:
    """Call the API with a token of somebody's."""
    client = browser().client
    tokens: dict[str, str] = {}

    def ask(method: str, path: str, name: str = "mkb", **more: Any) -> httpx.Response:
        """Ask; in the name of ``person@server`` with the token of that server of theirs."""
        if name not in tokens:
            person, at, server = name.partition("@")
            tokens[name] = fake_hub.server(person, server) if at else fake_hub.token(person)
        headers = {"Authorization": f"token {tokens[name]}", **more.pop("headers", {})}
        return client.request(method, f"{PREFIX}api/{path}", headers=headers, **more)

    return ask


@pytest.fixture
def draft() -> dict[str, str]:
    """The five fields of a request, as a form sends them."""
    return {
        "title": "Weeds in images",
        "stream": "regional",
        "purpose": "We want to tell weeds from crop.",
        "gpu_hours": "100",
        "ends": TOMORROW.isoformat(),
    }


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A PostgreSQL of this module's own."""
    with servers.running() as server:
        yield server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database, brought up to date."""
    if request.param == "sqlite":
        found = Database(f"sqlite:///{tmp_path}/desk.sqlite")
    else:
        found = Database(request.getfixturevalue("postgresql"))
        with found.engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    found.migrate()
    yield found
    found.engine.dispose()
