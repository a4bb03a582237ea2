"""The platform to measure: an instance of its own, beside whatever else this machine runs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests import instances
from tests.integration.browserless import Session

from single_machine.console import Console
from single_machine.services import Supervisor
from werkplaats_hub.instance import Instance

NAME: Final = "wpbench"
#: People's names here, so that nobody of another instance is touched.
PREFIX: Final = "wpb-"
#: The tests take theirs from 28000 up.
PORTS_FROM: Final = 24000


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
def running(root: Path, console: Console) -> Iterator[Ours]:
    """Bring an instance up below `root`, and leave nothing of it but its logs."""
    with instances.running(root, NAME, PREFIX, PORTS_FROM, console) as up:
        yield Ours(up.instance, up.supervisor, _service_names(up.instance), up.passwords)


def _service_names(instance: Instance) -> tuple[str, ...]:
    """Return the services that the supervisor of this instance was given."""
    lines = (instance.etc / "supervisord.conf").read_text().splitlines()
    return tuple(line[9:-1] for line in lines if line.startswith("[program:"))
