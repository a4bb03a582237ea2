"""A whole platform of its own for the tests: real Slurm, its database, the proxy, the Hub."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from single_machine.console import Console
from single_machine.services import Supervisor
from single_machine.up import Up
from tests.instances import running
from werkplaats_hub.facility import Facility
from werkplaats_hub.instance import Instance

from .browserless import Session

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


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """Bring an instance up beside whatever else this machine runs, and take it away afterwards."""
    ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
    console = Console(ROOT / "logs/tests.log", quiet=True)
    with (ROOT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with running(ROOT / "instance", "wptest", PREFIX, 28000, console) as up:
            yield Platform(up.instance, up.up, up.supervisor, up.passwords)


@pytest.fixture
def shared(platform: Platform) -> Iterator[Path]:
    """A folder that every person may write to, for jobs to leave what they saw."""
    path = platform.instance.state / "shared-by-tests"
    path.mkdir()
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)
