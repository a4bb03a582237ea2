"""Signing in for the first time, at a real Hub: who is let in, and what a person reads."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from tests import hubs
from tests.hub.test_pages import PASSWORD, Browser

from werkplaats_hub.newcomers import why_not
from werkplaats_spawners.language import speaking
from werkplaats_spawners.names import RESERVED

HUB_CONFIG = """
import asyncio, pwd
from pathlib import Path
from traitlets.config import Config
from werkplaats_hub import configure, facility as facilities
from werkplaats_hub.instance import Instance
from werkplaats_hub.watched import WatchedFacility
from werkplaats_spawners import front
from werkplaats_spawners.enrol import newcomers
from werkplaats_spawners.enrol.why import NotMade, Why
from werkplaats_spawners.testing import FakeCluster, FakeLaunch, FakeSlurm

slurm, users, real = FakeSlurm(), set(), newcomers.find

def find(name, group):
    return pwd.getpwnam("nobody") if name in users else real(name, group)

async def enrol(name):
    mode = Path("mode").read_text()
    with Path("calls").open("a") as file:
        print(name, file=file)
    await asyncio.sleep(60 if mode == "slow" else 0.1)
    users.add(name)
    if mode == "away":
        raise NotMade(Why.UNREACHABLE, "Connection refused")
    slurm.associations.add(("first-steps", name))

class Users:
    @staticmethod
    def getpwnam(name):
        return pwd.getpwnam("nobody" if name in users else name)

front.pwd = Users
newcomers.find, newcomers._PATIENCE, newcomers._PAUSE = find, 1.0, 0.1
configure.Cluster = lambda socket: FakeCluster(slurm)
configure.Enrol = lambda program: enrol
instance = Instance.read(Path("instance.json"))
c = get_config()
configure.configure(c, instance)
c.WerkplaatsSpawner.launch = FakeLaunch(slurm=slurm)
c.JupyterHub.bind_url = c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{instance.port}"
c.JupyterHub.db_url = "sqlite:///:memory:"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{instance.port + 1}"
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {}

c.JupyterHub.proxy_class = NoProxy
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the Hub works, how *enrol* goes (``mode``), and whom it was asked for (``calls``)."""
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module")
def hub(folder: Path, facility_file: Path) -> Iterator[str]:
    """Run a real Hub with the whole of our configuration; Slurm and *enrol* are not real."""
    from werkplaats_hub.instance import Instance

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    instance = Instance.beside(folder, "wpnew", port)
    instance.etc.mkdir(parents=True)
    instance.secrets.mkdir(parents=True)
    instance.facility.write_text(facility_file.read_text())
    (folder / "instance.json").write_text(instance.text())
    secrets = {"demo-password": PASSWORD, "admin-password": PASSWORD * 2, "proxy-token": "t"}
    secrets["desk-token"] = "d" * 32
    for name, secret in secrets.items():
        (instance.secrets / name).write_text(secret + "\n")
    (folder / "mode").write_text("well")
    (folder / "config.py").write_text(HUB_CONFIG)
    base = f"http://127.0.0.1:{port}"
    with hubs.running(folder, base):
        yield base


@pytest.fixture
def mode(folder: Path, hub: str) -> Iterator[Path]:
    """How *enrol* goes in this test: ``well``, ``away`` or ``slow``."""
    path = folder / "mode"
    yield path
    path.write_text("well")


def calls(folder: Path) -> list[str]:
    """Return whom *enrol* was asked for."""
    path = folder / "calls"
    return path.read_text().split() if path.exists() else []


def start_page(browser: Browser) -> requests.Response:
    """Open the start page, and measure nothing: it waits a second at most here."""
    page = browser.get("/hub/spawn")
    assert page.status_code == 200
    assert '<form id="spawn_form"' in page.text
    return page


def test_a_newcomers_first_page(hub: str, folder: Path) -> None:
    """The log-in does not wait; the start page that follows shows no trouble, and what may be charged."""
    browser = Browser(hub, "en")
    assert browser.sign_in("anna").status_code == 302
    assert "not-enrolled" not in start_page(browser).text
    assert calls(folder).count("anna") == 1
    assert "Borrow GPUs" in start_page(browser).text, "which only who may charge a project can do"
    assert calls(folder).count("anna") == 1


def test_accounting_is_away_at_the_first_log_in(hub: str, mode: Path, folder: Path) -> None:
    """The person is in, is told in their language that it will be made, and a later page makes it."""
    mode.write_text("away")
    browser = Browser(hub, "nl")
    assert browser.sign_in("berend").status_code == 302
    page = start_page(browser).text
    assert "wordt gemaakt zodra het cluster antwoordt" in page
    assert "berend is not enrolled (unreachable): Connection refused" in (folder / "log").read_text()
    assert re.search(r'id="not-enrolled" data-again="10">.*href="/hub/spawn"', page, re.DOTALL)
    looks = '<noscript><meta http-equiv="refresh" content="10"></noscript>'
    assert looks in page, "it looks again by itself, and so tries again"
    assert "Deze pagina ververst zichzelf." in page
    mode.write_text("well")
    time.sleep(0.2)
    page = start_page(browser).text
    assert "not-enrolled" not in page
    assert "refresh" not in page


def test_a_refused_start_does_not_look_again(hub: str, mode: Path) -> None:
    """That would send the form once more; there is a link to load the page, and it says no more than that."""
    mode.write_text("away")
    browser = Browser(hub, "en")
    assert browser.sign_in("erik").status_code == 302
    assert 'data-again="10"' in start_page(browser).text
    page = browser.start(flavour="first-steps")
    assert "Nothing was started" in page.text
    assert 'id="not-enrolled">' in page.text
    assert "data-again" not in page.text
    assert "refresh" not in page.text
    assert "looks again by itself" not in page.text


def test_an_enrol_that_hangs_keeps_nobody_at_the_door(hub: str, mode: Path) -> None:
    """The log-in is as quick as ever, the page says that it is on its way, and others are served."""
    mode.write_text("slow")
    browser = Browser(hub, "en")
    began = time.monotonic()
    assert browser.sign_in("carla").status_code == 302
    assert time.monotonic() - began < 1
    assert "is being made" in start_page(browser).text
    assert Browser(hub, "en").get("/hub/login").status_code == 200


@pytest.mark.parametrize("name", ["daemon", "wpnew-hub", "sudo", "docker", "nobody"])
def test_a_name_of_the_machines_own(hub: str, folder: Path, name: str) -> None:
    """With the right password too: a sentence at the log-in, and nobody is made or adopted."""
    answer = Browser(hub, "en").sign_in(name)
    assert answer.status_code == 403
    assert "under another name" in answer.text or "Choose another one" in answer.text
    assert 'role="alert"' in answer.text
    assert name not in calls(folder)


@pytest.mark.parametrize("name", ["anna.de.wit", "ann\N{LATIN SMALL LETTER A WITH DIAERESIS}", "1anna", "-x",
                                  "a" * 32, "anna wit"])  # fmt: skip
def test_a_name_that_unix_would_refuse(hub: str, folder: Path, name: str) -> None:
    """The log-in says what names there are, and does not speak of the password."""
    answer = Browser(hub, "nl").sign_in(name)
    assert answer.status_code == 403
    assert "Een naam heeft 1 tot 31 letters" in answer.text
    assert name not in calls(folder)


def test_a_wrong_password_says_nothing_new(hub: str) -> None:
    """A good name with another password gets the sentence that it always got, and no account."""
    answer = Browser(hub, "en").sign_in("dirk", "another-password")
    assert answer.status_code == 403
    assert "do not belong together" in answer.text


@pytest.mark.parametrize("name", ["anna", "Anna", "MKB", "a", "jan_2"])
def test_a_good_name_has_no_reason(name: str) -> None:
    """Capitals are JupyterHub's to make small."""
    assert why_not(name) == ""


def test_words_of_slurms_are_kept() -> None:
    """They have the form of a name, so another sentence is said of them."""
    with speaking("en"):
        assert {why_not(name) for name in RESERVED} == {
            "This machine keeps that name for something else. Choose another one."
        }
        assert why_not(None) == why_not("") != ""
