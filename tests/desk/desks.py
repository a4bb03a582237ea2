"""A desk as it runs: a process of its own, with a Hub that answers over HTTP; it can be killed."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from tests.desk.conftest import PREFIX, settings
from tests.desk.fake_hub import SECRET, FakeHub

from werkplaats_desk.app import create_app
from werkplaats_desk.database import Database
from werkplaats_desk.desk import Desk


@contextmanager
def listening(desk: Desk) -> Iterator[str]:
    """Have a desk of this process listen on loopback; return its address, down to its prefix."""
    config = uvicorn.Config(create_app(desk, chores=False), host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.05)
        assert thread.is_alive()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}{PREFIX}"
    server.should_exit = True
    thread.join()


@dataclass
class RunningDesk:
    """A process that serves the desk, and starts again on the same port and database."""

    file: Path
    port: int
    database: Database
    hub: FakeHub
    process: subprocess.Popen[bytes] | None = None
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=5, trust_env=False))

    @property
    def address(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.port}{PREFIX}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        words = [sys.executable, "-m", "werkplaats_desk", str(self.file)]
        with (self.file.parent / "log").open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, cwd="/")
        end = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None, (self.file.parent / "log").read_text()
            assert time.monotonic() < end, "it does not start"
            time.sleep(0.05)

    def answers(self) -> bool:
        """Return whether it serves requests."""
        try:
            return self.http.get(f"{self.address}health").status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)

    def memory(self) -> int:
        """Return the most memory that it had so far (bytes)."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            request = httpx.Request(
                self.command, f"http://hub{self.path}", headers=dict(self.headers), content=body
            )
            answer = hub.transport.handle_request(request)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_GET  # noqa: N815  # the name is http.server's

        def log_message(self, *said: Any) -> None:
            """Write nothing."""

    return Handler


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(folder: Path, hub: FakeHub) -> Iterator[RunningDesk]:
    """Run a desk below a folder, and leave nothing of it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    (folder / "projects.d").mkdir()
    (folder / "token").write_text(SECRET + "\n")
    api = f"http://127.0.0.1:{server.server_address[1]}/hub/api"
    known = settings(folder, hub_api=api, port=_free_port())
    file = folder / "desk.json"
    file.write_text(known.model_dump_json())
    database = Database(known.database)
    database.migrate()
    desk = RunningDesk(file, known.port, database, hub)
    try:
        desk.start()
        yield desk
    finally:
        desk.kill()
        database.engine.dispose()
        server.shutdown()
        server.server_close()
        thread.join()
