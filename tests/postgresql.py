"""A PostgreSQL of a test's own: Debian's programs, run as nobody special, on a socket alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_AS: Final = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []


def _programs() -> Path:
    """Return where Debian keeps them; ``tests/run.sh`` installs them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert found, "PostgreSQL is not installed; `make test` does that"
    return found[-1]


def _as_nobody(*words: str, given: str = "") -> None:
    subprocess.run([*_AS, *words], check=True, capture_output=True, cwd="/", input=given, text=True)


@dataclass(frozen=True)
class Server:
    """One that can be stopped and started.

    Attributes
    ----------
    folder
        Holds its data, its log and its socket, which every user of the machine may reach.
    """

    folder: Path

    @property
    def url(self) -> str:
        """Its address, without a password."""
        return f"postgresql+psycopg://desk@/postgres?host={self.folder}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses='' -k {self.folder} -c fsync=off"
        self._control("-l", f"{self.folder}/log", "-o", options, "start")

    def stop(self) -> None:
        """End it; who is connected is cut off."""
        self._control("-m", "fast", "stop")

    def _control(self, *words: str) -> None:
        _as_nobody(str(_programs() / "pg_ctl"), "-D", f"{self.folder}/data", "-w", *words)


@contextmanager
def running(password: str = "") -> Iterator[Server]:
    """Run one, and leave nothing of it.

    Parameters
    ----------
    password
        Of its one user, ``desk``; without one whoever reaches the socket is let in.
    """
    made = subprocess.check_output([*_AS, "mktemp", "-d", "/tmp/desk-pg-XXXXXX"], text=True)
    server = Server(Path(made.strip()))
    server.folder.chmod(0o755)
    kept = server.folder / "password"
    way = ["-A", "scram-sha-256", f"--pwfile={kept}"] if password else ["-A", "trust"]
    try:
        _as_nobody("sh", "-c", f"umask 077; cat >{kept}", given=password)
        _as_nobody(str(_programs() / "initdb"), "-D", f"{server.folder}/data", "-U", "desk", *way)
        server.start()
        yield server
    finally:
        if (server.folder / "data/postmaster.pid").exists():
            server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
