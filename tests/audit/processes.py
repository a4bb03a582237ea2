"""The audit as a process, on folders of its own."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.audit.journals import KEY, Place, place

from werkplaats_audit.client import Audit, AuditAway
from werkplaats_audit.settings import Mail, Settings


@dataclass
class Process:
    """An audit that runs."""

    root: Path
    place: Place
    socket: Path
    running: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.running = self.launch()
        end = time.monotonic() + 20
        while self.trouble() == "away":
            assert self.running.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)

    def trouble(self) -> str:
        """Return what keeps it from writing."""
        try:
            Audit(self.socket).head()
        except AuditAway as wrong:
            return wrong.reason
        return ""

    def launch(self) -> subprocess.Popen[bytes]:
        """Start a process and do not wait."""
        command = [sys.executable, "-m", "werkplaats_audit", str(self.root / "audit.json")]
        return subprocess.Popen(command, stderr=subprocess.PIPE)

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it, and return its status."""
        assert self.running
        self.running.send_signal(number)
        self.running.communicate(timeout=20)
        return self.running.returncode

    def lines(self, *messages: Any) -> list[dict[str, Any]]:
        """Send lines as they are, over one connection, and return the answers."""
        with self.connection() as connection, connection.makefile("rb") as answers:
            found = []
            for message in messages:
                data = message if isinstance(message, bytes) else json.dumps(message).encode()
                connection.sendall(data + b"\n")
                found.append(json.loads(answers.readline()))
            return found

    def connection(self) -> socket.socket:
        """Return a connection."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(str(self.socket))
        return connection


@contextmanager
def running(
    desk: str, filled: Callable[[Place], None] | None = None, mail: Mail | None = None
) -> Iterator[Process]:
    """Run one, on folders that other users can walk to.

    Parameters
    ----------
    desk
        The user that it takes for the desk.
    filled
        Writes a journal before the process begins.
    """
    root = Path(tempfile.mkdtemp(prefix="audit-"))
    root.chmod(0o755)
    made = Process(root, place(root), root / "audit.socket")
    if filled is not None:
        filled(made.place)
    (root / "key").write_bytes(KEY)
    settings = Settings(
        socket=made.socket,
        folder=made.place.folder,
        anchor=made.place.anchor,
        key=root / "key",
        desk_user=desk,
        mail=mail,
    )
    (root / "audit.json").write_text(settings.model_dump_json())
    made.start()
    yield made
    assert made.running
    if made.running.poll() is None:
        assert made.end() == 0
    shutil.rmtree(root)
