"""The data panel's kernels end when their page is gone, and no other kernel does; on a real server."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from tornado.websocket import websocket_connect

from werkplaats_server.leftover import Leftovers, alone

#: A server whose patience is a test's, and nothing else of it is.
PROGRAM = """
from jupyter_server.serverapp import main
from werkplaats_server import leftover
leftover.PATIENCE, leftover.EVERY = 1.0, 0.2
main()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a Jupyter server with the extension, and give its address."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    given = {**kept, "HOME": str(folder), "JUPYTER_RUNTIME_DIR": str(folder / "runtime")}
    command = [
        sys.executable, "-c", PROGRAM, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={folder}",
        "--ServerApp.jpserver_extensions={'werkplaats_server': True}",
    ]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=given, stdout=log, stderr=log, cwd=folder)
    url = f"http://127.0.0.1:{port}/"
    try:
        until(lambda: answers(url), 60)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    """Return whether a server is there."""
    try:
        return urlopen(url + "api/status", timeout=5).status == 200
    except (URLError, OSError):
        return False


def until(true: Any, seconds: float) -> None:
    """Wait until something is so."""
    late = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < late
        time.sleep(0.1)


def asked(url: str, body: dict[str, Any] | None = None) -> Any:
    """Ask a server for something, or to make something."""
    data = json.dumps(body).encode() if body else None
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=30) as answer:
        return json.load(answer)


def begin(url: str, kind: str, path: str, kernel: dict[str, str] | None = None) -> dict[str, Any]:
    """Start a session of a kind."""
    body = {"type": kind, "path": path, "name": path, "kernel": kernel or {"name": "python3"}}
    begun: dict[str, Any] = asked(url + "api/sessions", body)
    return begun


def there(url: str) -> set[str]:
    """Return the paths of the sessions that run."""
    return {found["path"] for found in asked(url + "api/sessions")}


def kernels(url: str) -> int:
    """Return how many kernels run."""
    return len(asked(url + "api/kernels"))


@asynccontextmanager
async def a_page(url: str, kernel: str) -> AsyncIterator[None]:
    """Be the page that looks at a kernel."""
    looking = await websocket_connect(f"{url.replace('http', 'ws', 1)}api/kernels/{kernel}/channels")
    yield
    looking.close()


def test_only_what_the_panel_left_behind_ends(server: str) -> None:
    """Not a kernel whose page is there, not a notebook's that waits for its person, nor one of both."""
    kernel = asked(server + "api/kernels", {"name": "python3"})["id"]

    async def look() -> None:
        async with a_page(server, kernel):
            begin(server, "werkplaats", "panel-with-page", {"id": kernel})
            begin(server, "notebook", "work.ipynb")
            both = begin(server, "notebook", "beside.ipynb")
            begin(server, "werkplaats", "panel-and-notebook", {"id": both["kernel"]["id"]})
            begin(server, "werkplaats", "panel-left")
            stay = {"panel-with-page", "panel-and-notebook", "beside.ipynb", "work.ipynb"}
            for _ in range(200):
                await asyncio.sleep(0.1)
                if there(server) == stay:
                    break
            await asyncio.sleep(2)  # twice the server's patience
            assert there(server) == stay

    asyncio.run(look())
    until(lambda: "panel-with-page" not in there(server), 20)
    assert there(server) == {"panel-and-notebook", "beside.ipynb", "work.ipynb"}
    until(lambda: kernels(server) == 2, 20)


def session(name: str, connections: int) -> dict[str, Any]:
    """Return what a server says of one."""
    return {"id": name, "type": "werkplaats", "kernel": {"id": name, "connections": connections}}


class Sessions:
    """A server's sessions, of which some refuse to end."""

    def __init__(self) -> None:
        self.running = [session("stuck", 0), session("back", 0), session("gone", 0)]
        self.ended: list[str] = []
        self.session_manager = self
        self.log = self
        self.said: list[str] = []

    async def list_sessions(self) -> list[dict[str, Any]]:
        """Return them."""
        return self.running

    async def delete_session(self, name: str) -> None:
        """End one."""
        if name == "stuck":
            raise OSError("no")
        self.ended.append(name)

    def info(self, *said: object) -> None:
        """Take a line of the log."""

    def exception(self, said: str, *_: object) -> None:
        """Take what went wrong."""
        self.said.append(said)


def test_a_page_that_comes_back_in_time_finds_its_kernel() -> None:
    """The time alone counts from the last page; one that cannot be ended keeps nothing else from it."""
    server, now = Sessions(), [0.0]
    leftovers = Leftovers(server, 600, lambda: now[0])
    for second in (0, 300, 599, 660):
        now[0] = second
        server.running[1] = session("back", 1 if second == 300 else 0)
        asyncio.run(leftovers.look())
    assert server.ended == ["gone"]
    assert len(server.said) == 1


def test_alone() -> None:
    """A kernel that a notebook has as well is not the panel's alone."""
    shared = {"id": "n", "type": "notebook", "kernel": {"id": "a", "connections": 0}}
    assert alone([session("a", 0), session("b", 0), session("c", 1), shared]) == ["b"]
