"""Looking along with a real Hub, a real desk and a real server of a person's; only Slurm is not there."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from tests import hubs
from tests.desk.conftest import SECRET, FakeQueue, Fresh, settings
from tests.desk.fake_datasets import datasets
from tests.desk.test_look import DRAFT, HELP, agree, found
from tests.desk.test_real_hub import PASSWORD, Web, free_port
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from werkplaats_desk.app import create_app
from werkplaats_desk.centre import looking, tickets
from werkplaats_desk.centre.drafts import Draft
from werkplaats_desk.centre.tickets import Origin
from werkplaats_desk.database import Database
from werkplaats_desk.desk import Desk
from werkplaats_desk.hub import Hub
from werkplaats_desk.models import SignIn
from werkplaats_desk.people import Person
from werkplaats_desk.settings import Watched

CONFIG = """
import sys
from pathlib import Path
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import SimpleLocalProcessSpawner
from werkplaats_hub import facility as facilities
from werkplaats_hub.configure import apply_desk
from werkplaats_hub.instance import Instance
from werkplaats_hub.look import FacilityLook
from werkplaats_hub.pages import apply_pages
from werkplaats_hub.watched import WatchedFacility
from werkplaats_spawners.offer import Words

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, *args): pass
    delete_route = add_route
    async def get_all_routes(self): return {}

class NothingMounted:
    async def alone(self, user): return Path("mark").read_text()

class Plain(SimpleLocalProcessSpawner):
    cluster = NothingMounted()

c = get_config()
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.spawner_class = Plain
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
ours = {"werkplaats_server": False, "watched": True}
c.Spawner.args = ["--allow-root", f"--ServerApp.jpserver_extensions={ours}"]
c.Spawner.env_keep = ["PATH", "PYTHONPATH", "JUPYTER_PATH", "JUPYTER_CONFIG_DIR"]
c.Spawner.default_url = "/api"
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = "PASSWORD"
c.Authenticator.allow_all = True
c.JupyterHub.hub_bind_url = c.JupyterHub.bind_url = "http://127.0.0.1:PORT"
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
apply_desk(c, Instance.beside(Path("."), "wplook", 28000, port_desk=DESK))
facility = facilities.read(Path("facility.toml"))
look = FacilityLook(name=Words(nl="x", en="x"), tagline=Words(nl="x", en="x"), cost=Words(nl="x", en="x"),
                    privacy=Words(nl="x", en="x"))
apply_pages(c, look=look, default_language="nl", offer=WatchedFacility(Path("facility.toml"), facility))
"""
#: A server extension of nothing but the watch: where there is no Slurm nobody is told a port.
EXTENSION = """
import os
from werkplaats_server import guests

def _jupyter_server_extension_points():
    return [{"module": "watched"}]

def _load_jupyter_server_extension(app):
    guests.put_up(app, os.environ)
"""
ROOT = Path(__file__).parents[2]


@dataclass
class Place:
    """A Hub, a desk, and a person's server that runs."""

    desk: Desk
    hub: str
    folder: Path
    person: Person
    server: str
    tokens: dict[str, str]

    def get(self, who: str, path: str = "api/status") -> int:
        """Ask the person's server as somebody; return what it answers."""
        headers = {"Authorization": f"token {self.tokens[who]}"}
        return requests.get(f"{self.server}{path}", headers=headers, timeout=30).status_code

    def ask(self, method: str, path: str, token: str, body: Any = None) -> int:
        """Call the Hub's API."""
        headers = {"Authorization": f"token {token}"}
        return requests.request(
            method, f"{self.hub}/hub/api/{path}", json=body, headers=headers, timeout=30
        ).status_code

    def question(self, key: str) -> int:
        """Make a question that the expert has, and asked to look along in."""
        with self.desk.database.transaction() as session:
            draft = Draft.model_validate({**DRAFT, "key": key})
            origin = Origin("regional", server="mkb/")
            ticket, _new = tickets.submit(session, self.desk.settings, self.person, draft, origin)
            tickets.take(session, ticket, Person("expert"))
        looking.ask(self.desk, ticket.id, Person("expert"))
        return ticket.id


def sign_in(hub: int, desk: int, name: str) -> tuple[Web, str]:
    """Sign somebody in at the Hub and the desk; return their browser, and a token with all their rights."""
    web = Web(hub, desk)
    web.sign_in(name, PASSWORD)
    web.follow("/hub/token")
    xsrf = next(c.value for c in web.http.cookies if c.name == "_xsrf" and c.path == "/hub/")
    made = web.ask(
        "POST", f"/hub/api/users/{name}/tokens", json={"note": "x"}, headers={"X-XSRFToken": xsrf or ""}
    )
    assert web.follow("/services/desk/applications")[1].status_code == 200
    return web, made.json()["token"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Run all of it."""
    folder = tmp_path_factory.mktemp("look")
    hub, port = free_port(), free_port()
    for name in ("state/secrets", "projects.d", "jupyter"):
        (folder / name).mkdir(parents=True)
    (folder / "state/secrets/desk-token").write_text(SECRET + "\n")
    (folder / "mark").write_text("")
    (folder / "watched.py").write_text(EXTENSION)
    (folder / "facility.toml").write_text((ROOT / "hub_config/facility.toml").read_text())
    given = CONFIG.replace("PORT", str(hub)).replace("DESK", str(port)).replace("PASSWORD", PASSWORD)
    (folder / "config.py").write_text(given)
    desk = _desk(folder, hub, port)
    server = uvicorn.Server(uvicorn.Config(create_app(desk), port=port, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(folder), *sys.path])
        patch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
        patch.setenv("JUPYTER_CONFIG_DIR", str(folder / "jupyter"))
        with hubs.running(folder, f"http://127.0.0.1:{hub}"):
            yield _place(folder, desk, hub, port)
    server.should_exit = True
    thread.join(10)


def _desk(folder: Path, hub: int, port: int) -> Desk:
    file = folder / "desk.json"
    changes = {"hub_api": f"http://127.0.0.1:{hub}/hub/api", "port": port, "help": HELP}
    file.write_text(settings(folder, **changes).model_dump_json())
    watched = Watched(file)
    database = Database(watched().database)
    database.migrate()
    api = Hub(watched().hub_api, SECRET, watched().prefix)
    return Desk(watched, database, api, Fresh(FakeQueue()), datasets=datasets(folder / "catalogue"))


def _place(folder: Path, desk: Desk, hub: int, port: int) -> Place:
    tokens = {name: sign_in(hub, port, name)[1] for name in ("mkb", "expert", "student")}
    api = f"http://127.0.0.1:{hub}/hub/api/users/mkb"
    own = {"Authorization": f"token {tokens['mkb']}"}
    assert requests.post(f"{api}/server", headers=own, timeout=30).status_code in (201, 202)
    end = time.monotonic() + 60
    while not requests.get(api, headers=own, timeout=30).json()["servers"][""]["ready"]:
        assert time.monotonic() < end, (folder / "log").read_text()
        time.sleep(0.2)
    with desk.database.transaction() as session:
        signed_in = session.query(SignIn).filter_by(name="mkb").one()
    with closing(sqlite3.connect(folder / "hub.sqlite")) as database:
        (where,) = database.execute("SELECT port FROM servers WHERE base_url LIKE '/user/mkb%'").fetchone()
    person = Person("mkb", token=signed_in.token)
    server = f"http://127.0.0.1:{where}/user/mkb/"
    return Place(desk, f"http://127.0.0.1:{hub}", folder, person, server, tokens)


def until(place: Place, status: int, within: float = 10) -> float:
    """Wait until the server answers the expert so; return how long that took (s)."""
    began = time.monotonic()
    while place.get("expert") != status:
        assert time.monotonic() - began < within
        time.sleep(0.1)
    return time.monotonic() - began


def test_from_yes_to_the_last_websocket(place: Place) -> None:
    """Refused before, let in after, and what is open is closed within ten seconds of the person's stop."""
    number = place.question("the-first-form-of-all")
    assert place.get("expert") == 403
    agree(place.desk, number, place.person)
    until(place, 200)
    assert place.get("student") == 403

    async def sit() -> tuple[float, int | None]:
        address = place.server.replace("http", "ws", 1) + "api/events/subscribe"
        headers = {"Authorization": f"token {place.tokens['expert']}"}
        opened = await websocket_connect(HTTPRequest(address, headers=headers))
        await asyncio.to_thread(looking.stop, place.desk, number, place.person)
        began = time.monotonic()
        while await asyncio.wait_for(opened.read_message(), 10) is not None:
            pass
        return time.monotonic() - began, opened.close_code

    took, code = asyncio.run(sit())
    print(f"closed {took:.1f} s after the stop, with {code}")
    assert code == 4403
    until(place, 403)
    assert place.get("mkb") == 200
    assert found(place.desk, number).ended_at is not None


def test_the_hub_has_it_as_restricted_data_asks(place: Place) -> None:
    """While something is mounted alone nobody is let in, and the person reads which dataset it is."""
    number = place.question("a-form-beside-the-data")
    (place.folder / "mark").write_text("cohort")
    with pytest.raises(Exception, match="cohort"):
        agree(place.desk, number, place.person)
    (place.folder / "mark").write_text("")
    assert place.get("expert") == 403


def test_the_desks_own_token_only_takes_away(place: Place) -> None:
    """Nor does anything but what a person gave the desk let anybody in; nor anybody but an expert."""
    until_ = int(time.time()) + 600
    wanted = {"expert": "expert", "until": until_}
    path = "werkplaats/looks/mkb/"
    for token in (SECRET, *place.tokens.values()):
        assert place.ask("POST", path, token, wanted) == 403
    assert place.ask("POST", "shares/mkb/", SECRET, {"user": "expert"}) in (403, 404)
    given = place.person.token
    assert place.ask("POST", "werkplaats/looks/expert/", given, wanted) == 403
    for name in ("student", "mkb", "nobody"):
        assert place.ask("POST", path, given, {**wanted, "expert": name}) == 403
    for wrong in ({"until": until_ + 7200}, {"until": 0}, {"until": str(until_)}, {"scopes": ["shares"]}):
        assert place.ask("POST", path, given, {**wanted, **wrong}) == 400
    assert place.get("expert") == 403
    assert place.ask("POST", path, given, wanted) == 201
    until(place, 200)
    assert place.ask("DELETE", "users/expert/shared/mkb/", SECRET) == 204
    until(place, 403)


def test_the_hub_ends_it_without_a_desk(place: Place) -> None:
    """At the moment that was said when it began; asked by the server, it takes the share back itself."""
    wanted = {"expert": "expert", "until": int(time.time()) + 8}
    assert place.ask("POST", "werkplaats/looks/mkb/", place.person.token, wanted) == 201
    until(place, 200, within=8)
    until(place, 403, within=18)
    assert time.time() >= wanted["until"]
    end = time.monotonic() + 10
    while place.ask("GET", "users/expert/shared/mkb/", SECRET) != 404:
        assert time.monotonic() < end
        assert place.get("expert") == 403
        time.sleep(0.2)


def test_the_expert_is_shown_no_more_than_asked(place: Place) -> None:
    """Who may look along is for the person and their server to read."""
    for path in ("werkplaats/looks/mkb/", "shares/mkb/"):
        assert place.ask("GET", path, place.tokens["mkb"]) == 200
    for token in (place.tokens["student"], place.tokens["expert"], SECRET):
        assert place.ask("GET", "werkplaats/looks/mkb/", token) in (403, 404)
