"""A whole platform of its own for the tests: real Slurm, its database, the proxy, the Hub."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
import tomli_w

from single_machine import accounts
from single_machine.console import Console
from single_machine.down import down
from single_machine.services import Supervisor
from single_machine.up import Up
from werkplaats_hub.facility import Facility
from werkplaats_hub.instance import Instance

from .browserless import Session

CHECKOUT = Path(__file__).parents[2]
ROOT = Path(os.environ.get("WERKPLAATS_TEST_ROOT", "/var/lib/werkplaats-tests"))
#: People's names in tests, so that nobody of the machine's own instance is touched.
PREFIX = "wp-"


@dataclass
class Platform:
    """A running instance, and how to act on it."""

    instance: Instance
    up: Up
    supervisor: Supervisor
    passwords: dict[str, str]
    sessions: dict[str, Session] = field(default_factory=dict)

    @property
    def facility(self) -> Facility:
        """What it was configured with."""
        return self.up.facility

    def run(self, *argv: str, user: str | None = None, check: bool = True) -> str:
        """Run a command of Slurm (or any other) against this instance, as root or as a person."""
        words = (
            ["sudo", "-n", "-u", user, f"SLURM_CONF={self.instance.slurm_conf}", *argv]
            if user
            else list(argv)
        )
        done = subprocess.run(
            words,
            env={**os.environ, **self.instance.environment},
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            timeout=120,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{argv}: {done.stderr}")
        return done.stdout

    def session(self, role: str) -> Session:
        """Return a signed-in session of a demo person, such as ``mkb``."""
        name = PREFIX + role
        if name not in self.sessions:
            kind = "admin" if name in (self.facility.demo.admins if self.facility.demo else ()) else "demo"
            self.sessions[name] = Session(self.instance.url, name, self.passwords[kind])
        return self.sessions[name]

    def jobs(self, role: str) -> list[str]:
        """Return the numbers of a person's jobs that wait or run."""
        return self.run("squeue", "-h", "-u", PREFIX + role, "-t", "PD,R,CF", "-o", "%i").split()

    def wait_for_hub(self, within: float = 60) -> None:
        """Wait until the Hub answers, as after a restart."""
        end = time.monotonic() + within
        while not hub_answers(self.instance.url):
            if time.monotonic() > end:
                raise AssertionError("the Hub does not come back")
            time.sleep(0.2)

    def stop_everything(self) -> None:
        """End every server and job, so that the next test begins with an idle cluster."""
        self.wait_for_hub()
        for session in self.sessions.values():
            session.stop_all()
        for person in self.facility.demo.people if self.facility.demo else ():
            self.run("scancel", f"--user={person}", check=False)


def hub_answers(url: str) -> bool:
    """Return whether the Hub serves requests."""
    try:
        return requests.get(url + "hub/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def facility_for_tests(path: Path) -> Path:
    """Write the shipped facility with people of the tests' own names."""
    raw = tomllib.loads((CHECKOUT / "hub_config/facility.toml").read_text())
    for project in raw["projects"].values():
        project["members"] = [PREFIX + name for name in project["members"]]
    for key in ("people", "admins"):
        raw["demo"][key] = [PREFIX + name for name in raw["demo"][key]]
    path.write_text(tomli_w.dumps(raw))
    return path


def free_ports(count: int = 40) -> int:
    """Return the first of `count` ports in a row on which nobody listens."""
    for first in range(28000, 32000, count):
        if all(_free(port) for port in range(first, first + count)):
            return first
    raise RuntimeError("no free ports")


def _free(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """Bring an instance up beside whatever else this machine runs, and take it away afterwards."""
    ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (ROOT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        root = ROOT / "instance"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(mode=0o755)
        instance = Instance.beside(root, "wptest", free_ports(), prefix=Path(os.environ["WERKPLAATS_PREFIX"]))
        passwords = {"demo": secrets.token_urlsafe(9), "admin": secrets.token_urlsafe(30)}
        console = Console(instance.logs / "up.log", quiet=True)
        up = Up(
            instance,
            console,
            wheel=next((instance.prefix / "wheel").glob("*.whl")),
            constraints=CHECKOUT / "constraints.txt",
            facility_file=facility_for_tests(root / "facility.toml"),
            environment={
                "WERKPLAATS_DEMO_PASSWORD": passwords["demo"],
                "WERKPLAATS_ADMIN_PASSWORD": passwords["admin"],
            },
        )
        people: tuple[str, ...] = ()
        try:
            up.run()
            people = up.facility.demo.people if up.facility.demo else ()
            yield Platform(instance, up, Supervisor(console, instance), passwords)
        finally:
            down(instance, console)
            accounts.remove(console, instance, people)


@pytest.fixture
def shared(platform: Platform) -> Iterator[Path]:
    """A folder that every person may write to, for jobs to leave what they saw."""
    path = platform.instance.state / "shared-by-tests"
    path.mkdir()
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)
