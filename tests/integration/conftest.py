"""A whole platform of its own for the tests: real Slurm, its database, the proxy, the Hub."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import tomli_w
from playwright.sync_api import Browser

from single_machine.console import Console
from single_machine.services import Supervisor
from single_machine.up import Up
from tests.browsers import chromium
from tests.instances import running
from werkplaats_hub.facility import Facility
from werkplaats_hub.instance import Instance

from .browserless import Session

ROOT = Path(os.environ.get("WERKPLAATS_TEST_ROOT", "/var/lib/werkplaats-tests"))
#: Of the instance; and people's names in it, so that nobody of the machine's own instance is touched.
NAME = os.environ.get("WERKPLAATS_TEST_NAME", "wptest")
PREFIX = os.environ.get("WERKPLAATS_TEST_PEOPLE", "wp-")


@dataclass
class Platform:
    """A running instance, and how to act on it."""

    instance: Instance
    up: Up
    supervisor: Supervisor
    passwords: dict[str, str]
    sessions: dict[str, Session] = field(default_factory=dict)
    #: What the names of its people begin with.
    people: str = PREFIX

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

    def werkplaats(self, *argv: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the operator's command on this instance."""
        return subprocess.run(
            [self.instance.prefix / "hub/bin/werkplaats", *argv],
            env={**os.environ, "WERKPLAATS_INSTANCE": str(self.instance.etc / "instance.json")},
            input=given,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            timeout=120,
        )

    def changed_facility(self, change: Callable[[dict[str, Any]], None]) -> Path:
        """Write a changed facility.toml beside the platform's own, and only that."""
        raw = tomllib.loads(self.up.facility_file.read_text())
        change(raw)
        other = self.up.facility_file.with_name("other.toml")
        other.write_text(tomli_w.dumps(raw))
        return other

    @contextmanager
    def other_facility(self, change: Callable[[dict[str, Any]], None]) -> Iterator[Path]:
        """Have Slurm and the Hub hold a changed facility.toml for a while."""
        original, other = self.up.facility_file, self.changed_facility(change)
        try:
            applied = self.werkplaats("streams", "apply", "--yes", "--facility", str(other))
            assert applied.returncode == 0, applied.stdout + applied.stderr
            yield other
        finally:
            self.stop_everything()
            self.wait_until_idle()
            back = self.werkplaats("streams", "apply", "--yes", "--force", "--facility", str(original))
            assert back.returncode == 0, back.stdout + back.stderr

    def session(self, role: str) -> Session:
        """Return a signed-in session of a demo person, such as ``mkb``."""
        name = self.people + role
        if name not in self.sessions:
            kind = "admin" if name in (self.facility.demo.admins if self.facility.demo else ()) else "demo"
            self.sessions[name] = Session(self.instance.url, name, self.passwords[kind])
        return self.sessions[name]

    def jobs(self, role: str) -> list[str]:
        """Return the numbers of a person's jobs that wait or run."""
        return self.run("squeue", "-h", "-u", self.people + role, "-t", "PD,R,CF", "-o", "%i").split()

    def wait_until_idle(self, within: float = 30) -> None:
        """Wait until no job holds anything any more."""
        end = time.monotonic() + within
        while self.run("squeue", "-h", "-o", "%i").split():
            if time.monotonic() > end:
                raise AssertionError("jobs do not end")
            time.sleep(0.2)

    def wait_for_hub(self, within: float = 60) -> None:
        """Wait until the Hub answers, as after a restart."""
        end = time.monotonic() + within
        while not hub_answers(self.instance.url):
            if time.monotonic() > end:
                raise AssertionError("the Hub does not come back")
            time.sleep(0.2)

    def sbatch(self, role: str, account: str, qos: str, *options: str, script: str = "") -> int:
        """Submit a plain job of one GPU and what goes with it, as a person and past the Hub."""
        words = ["sbatch", "--parsable", f"--account={account}", f"--qos={qos}", "--output=/dev/null"]
        size = ["--gres=gpu:1", "--cpus-per-task=4", "--mem=16G", "--time=60"]
        wrapped = f"--wrap={script or 'exec sleep 3600'}"
        return int(self.run(*words, *size, *options, wrapped, user=self.people + role))

    def state(self, number: int) -> str:
        """Return Slurm's state of a job."""
        return self.run("squeue", "-h", "-t", "all", "-j", str(number), "-o", "%T").strip()

    def states(self, *numbers: int) -> list[str]:
        """Return Slurm's states of jobs that it still has in its memory."""
        return self.run("squeue", "-h", "-t", "all", "-j", ",".join(map(str, numbers)), "-o", "%T").split()

    def reason(self, number: int) -> str:
        """Return why a job waits."""
        return self.run("squeue", "-h", "-j", str(number), "-o", "%r").strip()

    def until_running(self, *numbers: int, within: float = 30) -> None:
        """Wait until all of these jobs run."""
        try:
            until(lambda: self.states(*numbers) == ["RUNNING"] * len(numbers), within)
        except AssertionError as wrong:
            raise AssertionError(f"{wrong}\n{self.run('squeue')}\n{self.run('sinfo', '-N', '-l')}") from None

    @contextmanager
    def taken(self, **parts: Any) -> Iterator[None]:
        """Have others take a part of the machines for a while, so that people wait in Slurm's queue."""
        words = [f"{key}={value}" for key, value in parts.items()]
        name, usual = "reservation=others", ["starttime=now", "duration=60", "user=root"]
        self.run("scontrol", "create", name, *usual, *words)
        try:
            yield
        finally:
            self.run("scontrol", "delete", name)

    def stop_everything(self) -> None:
        """End every server and job, so that the next test begins with an idle cluster."""
        self.wait_for_hub()
        for session in self.sessions.values():
            session.stop_all()
        for person in self.facility.demo.people if self.facility.demo else ():
            self.run("scancel", f"--user={person}", check=False)


def until(true: Callable[[], bool], within: float) -> float:
    """Wait until something holds, and return how long that took, in seconds."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > within:
            raise AssertionError(f"it did not come to hold within {within} s")
        time.sleep(0.2)
    return time.monotonic() - began


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
        with running(ROOT / "instance", NAME, PREFIX, 28000, console) as up:
            yield Platform(up.instance, up.up, up.supervisor, up.passwords)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with chromium() as running_browser:
        yield running_browser


def wait_for_desk(platform: Platform, within: float = 30) -> None:
    """Wait until the desk answers, and its database too."""
    until(lambda: desk_answers(platform.instance.url), within)


def desk_answers(url: str) -> bool:
    """Return whether the desk serves requests, and has its database."""
    try:
        return requests.get(f"{url}services/desk/health", timeout=10).status_code == 200
    except requests.RequestException:
        return False


def without_a_past(platform: Platform, before_start: Callable[[], object] = lambda: None) -> None:
    """Take away what was granted: other tests count the projects that people are in."""
    platform.stop_everything()
    platform.wait_until_idle()
    platform.supervisor.stop("desk")
    for file in (platform.instance.state / "desk").glob("desk.sqlite*"):
        file.unlink()
    for file in platform.instance.drop.folder.glob("*.toml"):
        file.unlink()
    before_start()
    # Only now: a desk that still ran would write the files again from its database.
    assert platform.werkplaats("streams", "apply", "--yes", "--force").returncode == 0
    platform.supervisor.start("desk")
    wait_for_desk(platform)


@pytest.fixture
def idle(platform: Platform) -> Iterator[None]:
    """Leave an idle cluster behind."""
    yield
    platform.stop_everything()
    platform.wait_until_idle()


@pytest.fixture(scope="module")
def desk_without_a_past(platform: Platform) -> Iterator[None]:
    """Take away what a module's tests granted."""
    yield
    without_a_past(platform)


@pytest.fixture
def shared(platform: Platform) -> Iterator[Path]:
    """A folder that every person may write to, for jobs to leave what they saw."""
    path = platform.instance.state / "shared-by-tests"
    path.mkdir()
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)
