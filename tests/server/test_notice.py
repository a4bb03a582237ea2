"""The word that the end is near: never lost, never more time than there is, and heard by Lab."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_events import EventLogger
from jupyter_server.auth.authorizer import AllowAllAuthorizer
from jupyter_server.auth.identity import IdentityProvider, User
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from werkplaats_server import extension, notice, signals
from werkplaats_server.notice import SCHEMA, Board, notice_of

#: A session of two hours, on a platform that warns 90 seconds ahead.
SESSION = {"WERKPLAATS_NOTICE_SECONDS": "90", "WERKPLAATS_MINUTES": "120"}
LENT = {**SESSION, "WERKPLAATS_LENT": "true"}
OWN = {**SESSION, "WERKPLAATS_LENT": "false"}

# -- what a signal means -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "after", "kind", "left"),
    [
        (LENT, 600, "taken-back", 90),
        (LENT, 7200 - 151, "taken-back", 90),
        (LENT, 7200 - 150, "time-is-up", 150),
        (LENT, 7200 - 90, "time-is-up", 90),
        (OWN, 7200 - 90, "time-is-up", 90),
        (OWN, 7200 - 140, "time-is-up", 140),  # Slurm warned early
        (OWN, 7200 - 20, "time-is-up", 90),  # the operator gave more time
        (OWN, 600, "time-is-up", 90),  # somebody's own scancel --signal=USR1
        ({}, 600, "time-is-up", 60),
        ({"WERKPLAATS_LENT": "true"}, 600, "taken-back", 60),
        ({"WERKPLAATS_NOTICE_SECONDS": "soon", "WERKPLAATS_MINUTES": "-3"}, 600, "time-is-up", 60),
        ({"WERKPLAATS_NOTICE_SECONDS": "0"}, 600, "time-is-up", 60),
        ({"WERKPLAATS_LENT": "TRUE"}, 600, "time-is-up", 60),
    ],
)
def test_what_a_signal_means(environment: dict[str, str], after: int, kind: str, left: int) -> None:
    """Lent capacity is taken back, unless the session was near its own end; the end follows from that."""
    started = 1_800_000_000.0
    found = notice_of(started + after, started, environment)
    assert found.kind == kind
    assert (found.ends - found.at).total_seconds() == left
    assert found.at.timestamp() == started + after


def test_a_message_says_it_for_any_clock() -> None:
    """Moments are in UTC; how many seconds are left does not depend on the browser's clock."""
    found = notice_of(1_800_000_000.0, 1_799_999_000.0, LENT)
    message = found.message(1_800_000_030.5)
    assert message == {
        "kind": "taken-back",
        "at": "2027-01-15T08:00:00+00:00",
        "ends": "2027-01-15T08:01:30+00:00",
        "seconds_left": 59,
    }
    assert found.message(1_800_009_000.0)["seconds_left"] == 0
    assert json.loads(json.dumps(message)) == message


# -- the board ---------------------------------------------------------------------------------------


class ServerApp:
    """What the board sees of a server: real events, a real web application."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.log = SimpleNamespace(warning=lambda message, *words: self.said.append(message % words))
        self.event_logger = EventLogger()
        self.events: list[dict[str, Any]] = []
        self.web_app = Application(
            base_url="/user/mkb/",
            identity_provider=Person(),
            authorizer=AllowAllAuthorizer(),
            headers={},
        )

    def listen(self) -> None:
        """Keep the events, as Lab's subscription would get them."""

        async def keep(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
            self.events.append(data)

        self.event_logger.add_listener(schema_id=SCHEMA["$id"], listener=keep)


class Person(IdentityProvider):
    """Knows a person by one token."""

    async def get_user(self, handler: Any) -> User | None:  # type: ignore[override]
        """Look at the header."""
        ours = handler.request.headers.get("Authorization") == "token right"
        return User(username="mkb") if ours else None


@pytest.fixture
async def server() -> AsyncIterator[tuple[ServerApp, Board, str]]:
    """A server that listens, its board, and where to ask."""
    app = ServerApp()
    board = notice.put_up(app, LENT)
    app.listen()
    listener, port = bind_unused_port()
    http = HTTPServer(app.web_app)
    http.add_socket(listener)
    yield app, board, f"http://127.0.0.1:{port}/user/mkb/werkplaats/notice"
    http.stop()


async def ask(url: str) -> Any:
    """Ask as Lab does."""
    return await AsyncHTTPClient().fetch(url, headers={"Authorization": "token right"})


async def test_no_notice_no_content(server: tuple[ServerApp, Board, str]) -> None:
    """An ordinary server says that there is nothing to say."""
    answer = await ask(server[2])
    assert (answer.code, answer.body) == (204, b"")


async def test_a_notice_is_told_and_stands(server: tuple[ServerApp, Board, str]) -> None:
    """Who listens hears it at once; who asks later gets the same, with less time left."""
    app, board, url = server
    board.heard(time.time() - 10)
    answer = await ask(url)
    assert answer.code == 200
    message = json.loads(answer.body)
    assert message["kind"] == "taken-back"
    assert 75 <= message["seconds_left"] <= 80
    assert answer.headers["Cache-Control"] == "no-store"
    for _ in range(100):
        if app.events:
            break
        await asyncio.sleep(0.01)
    (event,) = app.events
    assert (event["kind"], event["ends"]) == (message["kind"], message["ends"])
    assert "Slurm ends this server" in app.said[0]


async def test_a_stranger_is_told_nothing(server: tuple[ServerApp, Board, str]) -> None:
    """The notice is behind the same door as everything else of a server."""
    server[1].heard(time.time())
    with pytest.raises(HTTPClientError) as refused:
        await AsyncHTTPClient().fetch(server[2], follow_redirects=False)
    assert refused.value.code in (302, 403)


async def test_the_sooner_end_stands(server: tuple[ServerApp, Board, str]) -> None:
    """A second signal promises no more time; after an end that did not come, a new one counts."""
    app, board, _url = server
    now = time.time()
    board.heard(now)
    first = board.standing(now)
    board.heard(now + 30)
    assert board.standing(now + 30) is first
    assert len(app.said) == 1
    assert board.standing(now + 90.1) is None
    board.heard(now + 1000)
    assert board.standing(now + 1000) not in (None, first)


# -- the signal --------------------------------------------------------------------------------------

HOLDING = """
import sys
from werkplaats_server import signals
signals.hold()
print("held", flush=True)
sys.stdin.readline()
import asyncio, signal
signal.signal(signal.SIGUSR1, lambda *_: print("lost", flush=True))  # as Jupyter Server does
async def main():
    assert signals.held()
    heard = asyncio.Queue()
    signals.listen(asyncio.get_running_loop(), heard.put_nowait)
    assert not signals.held()
    print("listening", flush=True)
    while True:
        at = await heard.get()
        print("start" if at == signals.STARTED else "now", flush=True)
asyncio.run(main())
"""


@pytest.fixture
def program() -> Any:
    """A process that starts slowly, as a server does."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def test_a_signal_during_the_start_is_not_lost(program: Any) -> None:
    """It waits until somebody listens, and counts from the start; a later one counts from now."""
    assert program.stdout.readline() == "held\n"
    program.send_signal(signal.SIGUSR1)
    time.sleep(0.2)
    assert program.poll() is None
    program.stdin.write("\n")
    program.stdin.flush()
    assert sorted(program.stdout.readline() for _ in range(2)) == ["listening\n", "start\n"]
    program.send_signal(signal.SIGUSR1)
    assert program.stdout.readline() == "now\n"


def test_the_program_holds_the_signal_before_it_imports_anything_heavy(checkout: Path) -> None:
    """Between the first line and the hold there is nothing that takes time."""
    lines = (checkout / "extensions/werkplaats_server/__main__.py").read_text().splitlines()
    before = lines[
        : lines.index(
            "    signals.hold()  # before anything else: until then the signal would end the process"
        )
    ]
    imported = [line for line in before if line.startswith(("import ", "from "))]
    assert imported == ["from __future__ import annotations", "from werkplaats_server import signals"]


async def test_ones_own_jupyter_keeps_its_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing holds the signal back, nothing of ours listens to it."""
    monkeypatch.delenv("JUPYTERHUB_API_URL", raising=False)
    app = ServerApp()
    before = signal.getsignal(signal.SIGUSR1)
    extension._load_jupyter_server_extension(app)
    await extension._start_jupyter_server_extension(app)
    assert signal.getsignal(signal.SIGUSR1) is before
    assert not signals.held()


async def test_a_servers_extension_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the signal to the board, in the process that the batch step became."""
    monkeypatch.delenv("JUPYTERHUB_API_URL", raising=False)
    app = ServerApp()
    extension._load_jupyter_server_extension(app)
    signals.hold()
    try:
        await extension._start_jupyter_server_extension(app)
        os.kill(os.getpid(), signal.SIGUSR1)
        board: Board = app.web_app.settings["werkplaats_board"]
        await until(lambda: board.standing(time.time()) is not None)
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    for _ in range(200):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true")
