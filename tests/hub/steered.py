"""A real Hub on a Slurm that a test steers: its own process, our pages and our Spawner, fakes behind them."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from tests import hubs

PASSWORD = "a-password-of-thirty-two-characters"

CONFIG = """
import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from jupyterhub.proxy import Proxy
from werkplaats_hub import facility
from werkplaats_hub.look import FacilityLook
from werkplaats_hub.pages import apply_pages
from werkplaats_spawners.estimates import Estimates
from werkplaats_spawners.offer import Words
from werkplaats_spawners.testing import FakeCluster, FakeLaunch, FakeSlurm

STEER = Path("steer.json")
OFFER = facility.read(Path("{facility}")).offer

@dataclass
class Steered(FakeSlurm):
    '''Reads before each answer how it stands, and keeps what it was asked.'''
    def look(self):
        for key, value in json.loads(STEER.read_text()).items():
            if key == "associations":
                value = set(map(tuple, value))
            if key == "jobs":
                for number, changed in value.items():
                    if int(number) in self.jobs:
                        vars(self.jobs[int(number)]).update(changed)
                continue
            setattr(self, key, value)

    async def run(self, argv):
        self.look()
        return await super().run(argv)

    def answer_launch(self, user, message):
        self.look()
        answer = super().answer_launch(user, message)
        with Path("asked").open("a") as file:
            kept = {key: message.get(key) for key in ("action", "flavour", "minutes", "qos", "job_id")}
            print(json.dumps({**kept, "user": user}), file=file)
        if message["action"] == "submit":
            for job in self.jobs.values():
                job.gres = "gres:gpu:2" if message["flavour"] == "gpu-2" and job.gres == "N/A" else job.gres
        return answer

class Slow(FakeLaunch):
    '''Slurm takes its time to say when something would start.'''
    async def _ask(self, user, message, **more):
        await asyncio.sleep(0.3 if message["action"] == "when" else 0)
        return await super()._ask(user, message, **more)

class NoProxy(Proxy):
    should_start = False
    routes = {}
    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}
    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)
    async def get_all_routes(self):
        return self.routes

def words(text):
    return Words(nl=text, en=text)

c = get_config()
slurm = Steered()
launch = Slow(slurm=slurm)
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.spawner_class = "werkplaats"
c.WerkplaatsSpawner.source = lambda: OFFER
c.WerkplaatsSpawner.launch = launch
c.WerkplaatsSpawner.estimates = Estimates(launch)
c.WerkplaatsSpawner.cluster = FakeCluster(slurm)
c.WerkplaatsSpawner.watch_interval = 0.1
c.WerkplaatsSpawner.ip = "127.0.0.1"
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = "{password}"
c.Authenticator.allow_all = True
c.JupyterHub.allow_named_servers = True
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.db_url = "sqlite:///:memory:"
c.Spawner.consecutive_failure_limit = 0
apply_pages(c, look=FacilityLook(name=words("Atelier"), tagline=words("x"), cost=words("x"),
    privacy=words("x")), default_language="nl", offer=lambda: OFFER)
"""


class Person(requests.Session):
    """Somebody who is signed in, in a browser without JavaScript."""

    def __init__(self, base: str, name: str, language: str = "en") -> None:
        super().__init__()
        self.base, self.name = base, name
        self.headers["Accept-Language"] = language
        self.get("/hub/login")
        fields = {"username": name, "password": PASSWORD, "_xsrf": self.cookies["_xsrf"]}
        assert self.post("/hub/login", data=fields).status_code == 302

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Ask for a path of the Hub's; never follow a redirect unasked."""
        return super().request(
            method, self.base + url, *args, **{"timeout": 30, "allow_redirects": False, **kwargs}
        )

    def start(self, **fields: str) -> requests.Response:
        """Open the start page, and send its form."""
        action = re.search(r'<form id="spawn_form" action="([^"]*)"', self.get("/hub/spawn").text)
        assert action
        return self.post(action[1].replace("&amp;", "&"), data=fields)

    def press(self, page: str, form: str, **fields: str) -> requests.Response:
        """Send one of a page's forms, by the beginning of its address."""
        action = re.search(rf'<form action="({form}[^"]*)"', page)
        token = re.search(r'name="_xsrf" value="([^"]+)"', page)
        assert action
        assert token
        return self.post(action[1], data={"_xsrf": token[1], **fields})

    def waiting(self) -> requests.Response:
        """Open the waiting page."""
        return self.get(f"/hub/spawn-pending/{self.name}")

    def stop(self) -> None:
        """Leave nothing behind."""
        self.get("/hub/home")
        self.delete(f"/hub/api/users/{self.name}/server", headers={"X-XSRFToken": self.cookies["_xsrf"]})


class SteeredHub:
    """The Hub's address, and the Slurm behind it."""

    def __init__(self, base: str, folder: Path) -> None:
        self.base, self.folder = base, folder
        self.state: dict[str, Any] = {}

    def steer(self, **state: Any) -> None:
        """Set how the fake Slurm stands from now on; what is not named stays."""
        self.state |= state
        (self.folder / "steer.json.new").write_text(json.dumps(self.state))
        (self.folder / "steer.json.new").rename(self.folder / "steer.json")

    def asked(self, action: str) -> list[dict[str, Any]]:
        """Return what *launch* was asked."""
        path = self.folder / "asked"
        lines = path.read_text().splitlines() if path.exists() else []
        return [message for line in lines if (message := json.loads(line))["action"] == action]


@contextmanager
def steered_hub(folder: Path, facility: Path, **state: Any) -> Iterator[SteeredHub]:
    """Run it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values = {"port": port, "password": PASSWORD, "facility": facility}
    text = CONFIG
    for key, value in values.items():
        text = text.replace("{" + key + "}", str(value))
    (folder / "config.py").write_text(text)
    hub = SteeredHub(f"http://127.0.0.1:{port}", folder)
    hub.steer(**state)
    with hubs.running(folder, hub.base):
        yield hub
