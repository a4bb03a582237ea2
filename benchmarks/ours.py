"""The platform to measure: an instance of its own, beside whatever else this machine runs."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tomli_w
from tests.integration.browserless import Session

from single_machine import accounts
from single_machine.console import Console
from single_machine.down import down
from single_machine.services import Supervisor
from single_machine.up import Up
from werkplaats_hub.instance import FILE, Instance

CHECKOUT: Final = Path(__file__).parents[1]
NAME: Final = "wpbench"
#: People's names here, so that nobody of another instance is touched.
PREFIX: Final = "wpb-"
#: Ports of an instance; the last ones are the stock Hub's. The tests take theirs from 28000 up.
PORTS: Final = 40
_PORTS_FROM, _PORTS_TO = 24000, 28000


@dataclass(frozen=True)
class Ours:
    """The running instance."""

    instance: Instance
    supervisor: Supervisor
    services: tuple[str, ...]
    passwords: dict[str, str]

    def slurm(self, *argv: str) -> str:
        """Run a command of this instance's Slurm as root, and return what it printed."""
        done = subprocess.run(
            argv, env=self.instance.environment, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    def session(self, url: str, role: str) -> Session:
        """Sign a person in, at our Hub or at the peer's."""
        return Session(url, PREFIX + role, self.passwords["demo"])

    @property
    def service_pids(self) -> dict[str, int]:
        """The process of each service."""
        return {name: self.supervisor.pid(name) for name in self.services}

    @property
    def supervisor_pid(self) -> int:
        """The process of the supervisor."""
        return int((self.instance.run / "supervisor.pid").read_text())


@contextmanager
def running(root: Path, prefix: Path, console: Console) -> Iterator[Ours]:
    """Bring an instance up below `root`, and leave nothing of it.

    Parameters
    ----------
    root
        A folder of the benchmark alone; it is emptied before and removed afterwards.
    prefix
        Holds the environments.
    """
    _remove(root, console)
    root.mkdir(mode=0o755)
    instance = Instance.beside(root, NAME, free_ports(), prefix=prefix)
    passwords = {"demo": secrets.token_urlsafe(9), "admin": secrets.token_urlsafe(30)}
    up = Up(
        instance,
        console,
        wheel=next((prefix / "wheel").glob("*.whl")),
        constraints=CHECKOUT / "constraints.txt",
        facility_file=_facility(root / "facility.toml"),
        environment={
            "WERKPLAATS_DEMO_PASSWORD": passwords["demo"],
            "WERKPLAATS_ADMIN_PASSWORD": passwords["admin"],
        },
    )
    try:
        up.run()
        supervisor = Supervisor(console, instance)
        yield Ours(instance, supervisor, _service_names(instance), passwords)
    finally:
        _remove(root, console)


def _service_names(instance: Instance) -> tuple[str, ...]:
    """Return the services that the supervisor of this instance was given."""
    lines = (instance.etc / "supervisord.conf").read_text().splitlines()
    return tuple(line[9:-1] for line in lines if line.startswith("[program:"))


def _remove(root: Path, console: Console) -> None:
    """Stop and take away what stands below `root`, also after a run that was killed."""
    settings = root / "opt/etc" / FILE
    if settings.exists():
        instance = Instance.read(settings)
        down(instance, console)
        accounts.remove(console, instance, _people(root / "facility.toml"))
        _remove_control_groups(instance)
        _keep_logs(instance, console.log.with_suffix(""))
    shutil.rmtree(root, ignore_errors=True)


def _remove_control_groups(instance: Instance) -> None:
    """Take away the empty control groups that Slurm leaves behind for each node."""
    for group in Path("/sys/fs/cgroup").glob(f"**/slurm_{instance.node_prefix}[0-9]*"):
        for folder, _, _ in os.walk(group, topdown=False):
            with suppress(OSError):  # another walk took it, or a process is still leaving it
                os.rmdir(folder)


def _keep_logs(instance: Instance, kept: Path) -> None:
    """Keep the logs of the last run: its folder is about to go."""
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(instance.logs, kept)


def _facility(path: Path) -> Path:
    """Write the shipped facility with people of the benchmark's own names."""
    raw = tomllib.loads((CHECKOUT / "hub_config/facility.toml").read_text())
    for project in raw["projects"].values():
        project["members"] = [PREFIX + name for name in project["members"]]
    for key in ("people", "admins"):
        raw["demo"][key] = [PREFIX + name for name in raw["demo"][key]]
    path.write_text(tomli_w.dumps(raw))
    return path


def _people(facility: Path) -> tuple[str, ...]:
    return tuple(tomllib.loads(facility.read_text())["demo"]["people"])


def free_ports() -> int:
    """Return the first of `PORTS` ports in a row on which nobody listens."""
    for first in range(_PORTS_FROM, _PORTS_TO, PORTS):
        if all(_free(port) for port in range(first, first + PORTS)):
            return first
    raise RuntimeError(f"no {PORTS} free ports in a row from {_PORTS_FROM} to {_PORTS_TO}")


def _free(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) != 0


def prefix_of_the_tests() -> Path:
    """Return where ``tests/run.sh prepare`` put the environments."""
    return Path(os.environ["WERKPLAATS_PREFIX"])
