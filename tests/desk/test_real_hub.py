"""The desk with a real JupyterHub: OAuth, scopes, and the start of a person's own server."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
import uvicorn
from tests import hubs
from tests.desk.conftest import NAVIGATES, SECRET, TOMORROW, FakeQueue, Fresh, settings

from werkplaats_desk.app import create_app
from werkplaats_desk.database import Database
from werkplaats_desk.desk import Desk
from werkplaats_desk.hub import Hub, HubAway
from werkplaats_desk.settings import Watched

EN = {"Accept-Language": "en"}
PASSWORD = "a-password-of-thirty-two-characters"
ADMIN = "another-password-of-thirty-two-characters"
CONFIG = """
import shutil
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner
from traitlets.config import Config
from werkplaats_hub.configure import apply_desk
from werkplaats_hub.instance import Instance
from werkplaats_hub.sharing import ROUTES
from jupyterhub import handlers
from pathlib import Path

handlers.default_handlers[:0] = ROUTES

class Marks:
    async def alone(self, user): return ""

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {{}}

class Waits(Spawner):
    cluster, job_id = Marks(), "17"
    async def start(self):
        import asyncio, json
        with Path("starts").open("a") as file:
            print(json.dumps([self.user.name, self.name, self.user_options]), file=file)
        Path("token-of-" + self.user.name).write_text(self.get_env()["JUPYTERHUB_API_TOKEN"])
        await asyncio.sleep(600)
    async def stop(self, now=False): pass
    async def poll(self): return None

c = get_config()
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.spawner_class = Waits
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = "{password}"
c.SharedPasswordAuthenticator.admin_password = "{admin}"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"beheer"}}
c.JupyterHub.allow_named_servers = True
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.db_url = "sqlite:///:memory:"
c.Spawner.start_timeout = 600
apply_desk(c, Instance.beside(Path("."), "wpreal", 28000, port_desk={desk}))
"""


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Web:
    """A browser at the public address: the Hub, and below its path the desk, as the proxy has it."""

    def __init__(self, hub: int, desk: int) -> None:
        self.ports = {True: desk, False: hub}
        self.http = requests.Session()

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Ask for a path; follow no redirect."""
        port = self.ports[path.startswith("/services/desk/")]
        more.setdefault("timeout", 30)
        if self.ports[True] == port:
            more["headers"] = {**NAVIGATES, **more.get("headers", {})}
        return self.http.request(method, f"http://127.0.0.1:{port}{path}", allow_redirects=False, **more)

    def follow(self, path: str, **more: Any) -> tuple[str, requests.Response]:
        """Follow redirects wherever they lead; return the last path, and what is there."""
        for _ in range(12):
            answer = self.ask("GET", path, **more)
            if answer.status_code not in (301, 302, 303, 307):
                return path, answer
            path = re.sub(r"^https?://[^/]+", "", urljoin(path, answer.headers["location"]))
        raise AssertionError(path)

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """Fill in the Hub's form."""
        self.ask("GET", "/hub/login")
        token = next(c.value for c in self.http.cookies if c.name == "_xsrf" and c.path == "/hub/")
        fields = {"username": name, "password": password, "_xsrf": token}
        assert self.ask("POST", "/hub/login", data=fields).status_code == 302

    def send(self, page: str, path: str, **fields: Any) -> requests.Response:
        """Send a form of the desk's."""
        found = re.search(r'name="_xsrf" value="([0-9a-f]+)"', self.ask("GET", page).text)
        assert found
        return self.ask("POST", path, data={"_xsrf": found[1], **fields})


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int, Path, FakeQueue]]:
    """Run a real Hub, and the desk beside it."""
    folder = tmp_path_factory.mktemp("real")
    hub, desk = free_port(), free_port()
    (folder / "state/secrets").mkdir(parents=True)
    (folder / "state/secrets/desk-token").write_text(SECRET + "\n")
    (folder / "projects.d").mkdir()
    (folder / "config.py").write_text(CONFIG.format(port=hub, desk=desk, password=PASSWORD, admin=ADMIN))
    queue = FakeQueue()
    server = uvicorn.Server(
        uvicorn.Config(create_app(_desk(folder, hub, desk, queue), chores=False), port=desk, log_config=None)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the desk does not start"
        time.sleep(0.05)
    try:
        with hubs.running(folder, f"http://127.0.0.1:{hub}"):
            yield hub, desk, folder, queue
    finally:
        server.should_exit = True
        thread.join(10)


def _desk(folder: Path, hub: int, port: int, queue: FakeQueue) -> Desk:
    file = folder / "desk.json"
    changes = {"hub_api": f"http://127.0.0.1:{hub}/hub/api", "port": port}
    file.write_text(settings(folder, **changes).model_dump_json())
    watched = Watched(file)
    database = Database(watched().database)
    database.migrate()
    return Desk(watched, database, Hub(watched().hub_api, SECRET, watched().prefix), Fresh(queue))


@pytest.fixture
def web(ports: tuple[int, int, Path, FakeQueue]) -> Web:
    """A browser of nobody's yet."""
    return Web(*ports[:2])


def test_signing_in_and_out(web: Web) -> None:
    """By way of the Hub and without another question; who signs out there is out here."""
    path, page = web.follow("/services/desk/applications")
    assert path.startswith("/hub/login"), path
    web.sign_in("mkb")
    path, page = web.follow("/services/desk/applications")
    assert path == "/services/desk/applications"
    assert '<span class="wp-who">mkb</span>' in page.text
    assert web.ask("GET", "/services/desk/requests").status_code == 403, "no operator"
    web.follow("/hub/logout")
    assert web.ask("GET", "/services/desk/applications").status_code == 303


def test_an_admin_decides(web: Web) -> None:
    """Who runs the Hub is an operator here."""
    web.sign_in("beheer", ADMIN)
    path, page = web.follow("/services/desk/requests")
    assert (path, page.status_code) == ("/services/desk/requests", 200)


def test_a_token_of_the_hubs_opens_the_api(web: Web) -> None:
    """One with the scope does; one without does not, and neither does the cookie."""
    web.sign_in("onderzoeker")
    web.follow("/services/desk/")
    token = next(c.value for c in web.http.cookies if c.name == "_xsrf" and c.path == "/hub/")

    def made(*scopes: str) -> str:
        more = {"scopes": list(scopes)} if scopes else {}
        answer = web.ask(
            "POST",
            "/hub/api/users/onderzoeker/tokens",
            json={"note": "test", **more},
            headers={"X-XSRFToken": token, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"},
        )
        assert answer.ok, answer.text
        return str(answer.json()["token"])

    address = "/services/desk/api/applications"

    def asked(given: str) -> int:
        return web.ask("GET", address, headers={"Authorization": f"token {given}"}).status_code

    assert asked(made("access:services!service=desk")) == 200
    assert asked(made("read:users:name!user")) == 403
    assert asked("0" * 32) == 403
    assert web.ask("GET", address).status_code == 401


def own_token(web: Web, folder: Path, name: str, password: str = PASSWORD) -> str:
    """Start a server of somebody's, and return the token that it was given."""
    web.sign_in(name, password)
    web.follow("/hub/home")
    xsrf = next(c.value for c in web.http.cookies if c.name == "_xsrf" and c.path == "/hub/")
    headers = {"X-XSRFToken": xsrf, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
    assert web.ask("POST", f"/hub/api/users/{name}/server", headers=headers).status_code == 202
    return (folder / f"token-of-{name}").read_text()


def test_a_servers_own_token_opens_the_desk(web: Web, ports: tuple[int, int, Path, FakeQueue]) -> None:
    """As that person, for what they may ask; and nothing else of the Hub's than it ever did."""
    token = {"Authorization": f"token {own_token(web, ports[2], 'maker')}"}
    address = "/services/desk/api/applications"
    five = {"title": "Uit een notebook", "stream": "regional", "purpose": "Asked by a panel.", "gpu_hours": 3}
    made = web.ask("POST", address, headers=token, json={**five, "ends": str(TOMORROW)})
    assert (made.status_code, made.json()["applicant"]) == (201, "maker")
    assert [one["title"] for one in web.ask("GET", address, headers=token).json()] == ["Uit een notebook"]
    assert web.ask("GET", f"{address}?everybody=true", headers=token).status_code == 403
    whole = web.ask("GET", "/hub/api/user", headers=token).json()
    assert set(whole["scopes"]) == {
        "access:services!service=desk", "access:servers!server=maker/", "users:activity!user=maker",
        "read:shares!server=maker/",  # whether it is shared, on which some datasets depend
        "read:users:activity!user=maker",  # comes with the one above
        "read:users:name!user=maker", "read:users:groups!user=maker",  # to say whose token it is
    }  # fmt: skip
    mine = "users/maker"
    for method, path in [
        ("GET", "users"), ("GET", "users/beheer"), ("GET", f"{mine}/tokens"), ("POST", f"{mine}/tokens"),
        ("DELETE", f"{mine}/server"), ("POST", f"{mine}/servers/x"), ("GET", "services"), ("GET", "proxy"),
    ]:  # fmt: skip
        assert web.ask(method, f"/hub/api/{path}", headers=token, json={}).status_code in (403, 404), path


def test_a_server_says_who_else_can_open_it(web: Web, ports: tuple[int, int, Path, FakeQueue]) -> None:
    """By its own token, of itself alone: by name or with a code; of another's server the Hub says nothing."""
    token = own_token(web, ports[2], "deler")
    hub = Hub(f"http://127.0.0.1:{ports[0]}/hub/api", SECRET, "/services/desk/")
    person = hub.whose(token)
    assert person is not None
    assert (person.name, person.server) == ("deler", "deler/")
    admin = Web(*ports[:2])
    admin.sign_in("beheer", ADMIN)
    admin.follow("/hub/home")
    xsrf = next(c.value for c in admin.http.cookies if c.name == "_xsrf" and c.path == "/hub/")
    headers = {"X-XSRFToken": xsrf, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
    ways: list[tuple[str, dict[str, str]]] = [("shares", {"user": "beheer"}), ("share-codes", {})]
    for kind, body in ways:
        assert admin.ask("POST", f"/hub/api/{kind}/deler/", headers=headers, json=body).status_code == 200
    for kind, _body in ways:
        assert hub.keep_alone(person).shared
        assert admin.ask("DELETE", f"/hub/api/{kind}/deler/", headers=headers).status_code == 204
    kept = hub.keep_alone(person)
    assert (kept.shared, kept.job) == (False, 17)
    for kind, body in ways:
        assert admin.ask("POST", f"/hub/api/{kind}/deler/", headers=headers, json=body).status_code == 409
    with pytest.raises(HubAway):
        hub.keep_alone(replace(person, server="beheer/"))


def test_an_operators_server_decides_nothing(web: Web, ports: tuple[int, int, Path, FakeQueue]) -> None:
    """A notebook that an operator opens, whoever wrote it, approves no request."""
    token = {"Authorization": f"token {own_token(web, ports[2], 'beheer', ADMIN)}"}
    address = "/services/desk/api/applications"
    assert web.ask("GET", address, headers=token).status_code == 200
    assert web.ask("GET", f"{address}?everybody=true", headers=token).status_code == 403
    decision = {"approve": True, "version": 1}
    assert web.ask("POST", f"{address}/1/decision", headers=token, json=decision).status_code == 403


def test_a_lesson_starts_the_students_own_server(web: Web, ports: tuple[int, int, Path, FakeQueue]) -> None:
    """With what they allowed when they signed in, under the name of the course, with its options."""
    hub, desk, folder, queue = ports
    docent = Web(hub, desk)
    docent.sign_in("docent")
    docent.follow("/services/desk/")
    docent.follow("/services/desk/login?next=/services/desk/courses")
    five = {"title": "Les", "notebook": "les.ipynb", "capacity": 2, "ends": TOMORROW, "gpu_hours": 0}
    made = docent.send("/services/desk/new-course", "/services/desk/new-course", **five)
    assert made.status_code == 303, made.text
    code = re.search(r'class="wp-code">(\w+)<', docent.ask("GET", made.headers["location"]).text)
    assert code
    web.sign_in("student")
    door, page = web.follow(f"/services/desk/join/{code[1]}")
    assert page.status_code == 200
    waiting = web.send(door, door).headers["location"]
    queue.let("les-c1", "student")
    # The Hub answers a start that takes long after ten seconds, which nobody waits for.
    assert "will be in the queue in a moment" in web.ask("GET", waiting, headers=EN).text
    assert (folder / "starts").read_text().splitlines()[-1] == (
        '["student", "les-c1", {"project": "les-c1", "notebook": "les.ipynb", "flavour": "first-steps"}]'
    )
    assert web.ask("GET", "/hub/spawn-pending/student/les-c1").status_code == 200
