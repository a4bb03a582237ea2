"""Who connects and asks nothing keeps nobody else from being answered."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from werkplaats_desk import bodies, serving

PART = b"POST / HTTP/1.1\r\nHost: desk\r\nContent-Length: 10\r\n\r\n12"


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Read a request wholly, and answer."""
    if scope["path"] == "/large":
        scope[bodies.ADMITTED] = True
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/slow":
        await asyncio.sleep(2)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of the desk's kind, with less patience and room than it has."""
    monkeypatch.setattr(serving, "WHOLE_WITHIN", 1.0)
    monkeypatch.setattr(serving, "CROWDED", 20)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)
        server = serving.server(application, 0)
        server.config.limit_concurrency = 100
        server.config.lifespan = "off"
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


def hold(stack: ExitStack, address: str, said: bytes = b"") -> socket.socket:
    """Connect, and say no more than this."""
    host, _, port = address.partition(":")
    held = stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
    held.sendall(said)
    return held


def until_answered(address: str) -> None:
    """Ask until the answer comes; it must within the second for which the others are not closed yet."""
    end = time.monotonic() + 0.6
    while httpx.get(f"http://{address}/", timeout=2).text != "here":
        assert time.monotonic() < end


@pytest.mark.parametrize("said", [b"", b"GET / HT", PART], ids=["nothing", "half a line", "half a body"])
def test_many_who_ask_nothing(address: str, said: bytes) -> None:
    """However many there are: others are answered, at once."""
    with ExitStack() as stack:
        for _ in range(150):
            hold(stack, address, said)
        until_answered(address)


@pytest.mark.parametrize("said", [b"", b"GET / HT", PART], ids=["nothing", "half a line", "half a body"])
def test_a_request_is_whole_in_time_or_the_connection_goes(address: str, said: bytes) -> None:
    """Also one that trickles in."""
    with ExitStack() as stack:
        held = hold(stack, address, said)
        if said:
            held.sendall(b"1")
        with contextlib.suppress(ConnectionResetError):
            assert held.recv(100) == b""


def test_an_answer_may_take_longer(address: str) -> None:
    """It is the asking that must be done in time; and one connection asks again and again."""
    with httpx.Client() as client:
        for path in ("slow", "", "slow"):
            assert client.post(f"http://{address}/{path}", content=b"x" * 1000).text == "here"


def test_who_is_answered_makes_no_room(address: str) -> None:
    """Of many connections one that waits for its answer is not closed for others that ask nothing."""
    with ExitStack() as stack:
        asked = hold(stack, address, b"GET /slow HTTP/1.1\r\nHost: desk\r\n\r\n")
        for _ in range(60):
            hold(stack, address)
        assert b"200 OK" in asked.recv(1000)


def trickle(address: str, path: str, pieces: int) -> bytes:
    """Send a body in pieces, three of them in the second that each has; return what comes back."""
    with ExitStack() as stack:
        head = f"POST /{path} HTTP/1.1\r\nHost: desk\r\nContent-Length: {pieces}\r\n\r\n"
        held = hold(stack, address, head.encode())
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(pieces):
                time.sleep(0.3)  # that it is slow is what this is about
                held.sendall(b"x")
            return held.recv(1000)
    return b""


def test_a_large_body_that_is_wanted_has_time(address: str) -> None:
    """While it comes in; another does not have it."""
    assert b"200 OK" in trickle(address, "large", 8)
    assert trickle(address, "small", 8) == b""


def test_a_large_body_has_no_time_for_ever(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However well it trickles, and whoever sends it; and one that stops goes as soon as any other."""
    monkeypatch.setattr(bodies, "SECONDS", 1.0)
    began = time.monotonic()
    assert trickle(address, "large", 30) == b""
    assert 1.5 < time.monotonic() - began < 6
    monkeypatch.setattr(bodies, "SECONDS", 60.0)
    with ExitStack() as stack:
        held = hold(stack, address, PART.replace(b"/ ", b"/large "))
        with contextlib.suppress(ConnectionResetError):
            assert held.recv(100) == b""


def test_a_large_body_that_is_wanted_makes_no_room(address: str) -> None:
    """For many who ask nothing: it was there before all of them."""
    with ExitStack() as stack:
        held = hold(stack, address, PART.replace(b"/ ", b"/large "))
        until_answered(address)
        for _ in range(60):
            hold(stack, address)
        until_answered(address)
        held.sendall(b"34567890")
        assert b"200 OK" in held.recv(1000)


def test_after_a_large_body_there_is_time_for_another(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that took all of its time is answered, and the connection can be asked again."""
    monkeypatch.setattr(bodies, "SECONDS", -10.0)
    with ExitStack() as stack:
        held = hold(stack, address)
        for _ in range(3):
            held.sendall(PART.replace(b"/ ", b"/large ") + b"34567890")
            came = b""
            while not came.endswith(b"0\r\n\r\n"):
                piece = held.recv(1000)
                assert piece, "it is open still"
                came += piece
