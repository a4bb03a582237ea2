"""How much comes in: bounded by where it goes, of few at once, and of nobody unknown."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.desk.asked import attached, question
from tests.desk.conftest import PREFIX, Browser, Call
from tests.desk.fake_hub import FakeHub

from werkplaats_desk import bodies, guard
from werkplaats_desk.app import create_app
from werkplaats_desk.bodies import MOST_BYTES, Structure, bound
from werkplaats_desk.centre import asking
from werkplaats_desk.desk import Desk

Make = Callable[..., Browser]
MIB = 2**20


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("api/tickets", 12 * MIB),
        ("api/tickets/17/messages", 12 * MIB),
        ("api/tickets/17/closed", MOST_BYTES),
        ("api/tickets/17", MOST_BYTES),
        ("api/ticketsx", MOST_BYTES),
        ("api/help/trouble", MOST_BYTES),
        ("api/grants", MOST_BYTES),
        ("help/new", 256 * 1024),
        ("help/17/messages", 256 * 1024),
        ("inbox/17/answer", 256 * 1024),
        ("helpless", MOST_BYTES),
        ("apply", MOST_BYTES),
        ("", MOST_BYTES),
    ],
)
def test_bounds(path: str, most: int) -> None:
    """Of each path; what is not named has the usual one."""
    assert bound(PREFIX + path, PREFIX).most == most


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def without_strings(text: str) -> int:
    """Return how many characters of a JSON text stand outside of its strings, by reading it one by one."""
    count, inside, escaped = 0, False, False
    for character in text:
        if inside:
            escaped, inside = (character == "\\" and not escaped), escaped or character != '"'
        elif character == '"':
            inside = True
        else:
            count += 1
    return count


@given(JSON, st.integers(1, 7), st.booleans())
@settings(max_examples=200, deadline=None)
def test_structure_is_counted_whatever_the_pieces(value: Any, size: int, ascii_: bool) -> None:
    """As it comes in, cut anywhere: also between a backslash and what follows it."""
    text = json.dumps(value, ensure_ascii=ascii_).replace("\\n", '\\"')
    if not ascii_:
        text = "".join(c if ord(c) < 128 else "x" for c in text)
    raw, counted = text.encode(), Structure()
    for at in range(0, len(raw), size):
        counted.feed(raw[at : at + size])
    assert counted.outside == without_strings(text)


def test_what_comes_along_may_be_large(call: Call) -> None:
    """Ten MiB of attachments; more than twelve in all is refused before it is read."""
    files = [attached("x" * (5 * MIB)), attached('\\"' * MIB, "log", "log")]
    assert call("POST", "tickets", json=question(attachments=files)).status_code == 201
    more = json.dumps(question(attachments=[attached("x" * 13 * MIB)])).encode()
    answer = call("POST", "tickets", content=more)
    assert (answer.status_code, answer.json()["reason"]) == (413, "too-large")
    assert "10 MB at most" in answer.json()["message"]
    assert "send a notebook without its outputs" in answer.json()["message"]


@pytest.mark.parametrize("path", ["tickets", "tickets/1/messages"])
@pytest.mark.parametrize("said", [True, False], ids=["with-length", "chunked"])
@pytest.mark.parametrize("piece", [b"[],", b'"",', b"1,", b" ", b'{"a":1},'])
def test_a_thicket_is_not_read(call: Call, path: str, said: bool, piece: bytes) -> None:
    """Megabytes of brackets would be hundreds of megabytes of objects: stopped after as much as elsewhere."""
    body = b"[" + piece * (MIB // len(piece))

    def pieces() -> Any:
        for at in range(0, len(body), 50_000):
            yield body[at : at + 50_000]

    answer = call("POST", path, content=body if said else pieces())
    assert (answer.status_code, answer.json()["reason"]) == (413, "too-large")


def test_a_large_body_that_says_no_length(call: Call) -> None:
    """Is told the same as one that does, and no more of it is kept than fits."""

    def pieces() -> Any:
        yield b'{"question": "'
        for _ in range(13):
            yield b"x" * MIB

    answer = call("POST", "tickets", content=pieces())
    assert (answer.status_code, answer.json()["reason"]) == (413, "too-large")


def test_a_form_with_a_long_message(browser: Make) -> None:
    """Twenty thousand characters, each of which a browser writes with nine; of more it is said so."""
    mkb = browser("mkb")
    page = mkb.get("help/new").headers["location"]
    fields = {"subject": "Long", "topic": "data", "urgency": "low", "key": "a-form-of-somebody"}
    answer = mkb.post("help/new", page, question="\u4e2d" * 20_000, **fields)
    assert answer.status_code == 303, answer.text
    answer = mkb.post("help/new", page, question="\u4e2d" * 40_000, **fields)
    assert answer.status_code == 413
    assert "A message has at most 20,000 characters" in answer.text


LARGE = json.dumps(question(attachments=[attached("x" * 100_000)])).encode()


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [({}, 401, "no-token"), ({"Authorization": "token nobodys"}, 403, "bad-token")],
)
def test_nobodys_large_body_is_not_read(
    browser: Make, headers: dict[str, str], status: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who it is of is asked first."""
    seen: list[int] = []
    feed = Structure.feed
    monkeypatch.setattr(Structure, "feed", lambda self, piece: (seen.append(len(piece)), feed(self, piece)))
    client = browser().client
    answer = client.post(f"{PREFIX}api/tickets", content=LARGE, headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert seen == []


@pytest.fixture
async def at_once(desk: Desk, fake_hub: FakeHub) -> AsyncIterator[Callable[..., Any]]:
    """Send large bodies in the same moment, each in somebody's name."""
    transport = httpx.ASGITransport(create_app(desk, chores=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk", timeout=30) as client:

        async def send(name: str, body: Any = None) -> tuple[int, str]:
            given = question(attachments=[attached("x" * 100_000)])
            headers = {"Authorization": f"token {fake_hub.token(name)}", "Content-Type": "application/json"}
            content = body or json.dumps(given).encode()
            answer = await client.post(f"{PREFIX}api/tickets", content=content, headers=headers)
            return answer.status_code, answer.json().get("reason", "")

        yield send


@pytest.mark.parametrize(
    ("people", "refused"),
    [(["mkb"] * 3, (429, "too-fast")), ([f"p{number}" for number in range(5)], (503, "busy"))],
)
async def test_few_at_once(
    at_once: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, people: list[str], refused: tuple[int, str]
) -> None:
    """Two of one person, four of everybody; the next is told so at once, and those before it are taken."""
    gate, inside = threading.Event(), threading.Semaphore(0)
    ask = asking.ask

    def slowly(*given: Any) -> Any:
        inside.release()
        assert gate.wait(20)
        return ask(*given)

    monkeypatch.setattr(asking, "ask", slowly)
    loop = asyncio.get_running_loop()
    first = [asyncio.create_task(at_once(name)) for name in people[:-1]]
    for _ in first:
        assert await loop.run_in_executor(None, lambda: inside.acquire(timeout=20))
    assert await at_once(people[-1]) == refused
    gate.set()
    assert await asyncio.gather(*first) == [(201, "")] * len(first)
    assert await at_once(people[-1]) == (201, ""), "their turn is over"


async def test_what_comes_too_slowly_is_let_go(
    at_once: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would keep others out; then there is room again."""
    monkeypatch.setattr(bodies, "SECONDS", 0.3)
    monkeypatch.setattr(guard, "_DRAINED_SECONDS", 0.1)

    async def slow() -> AsyncIterator[bytes]:
        yield b'{"question": "'
        await asyncio.sleep(60)
        yield b'"}'

    for _ in range(3):
        found = await asyncio.gather(at_once("mkb", slow()), at_once("mkb", slow()))
        assert found == [(408, "too-slow")] * 2
    monkeypatch.setattr(bodies, "SECONDS", 60.0)
    assert await at_once("mkb") == (201, "")


async def test_the_connection_knows_what_is_wanted(desk: Desk, fake_hub: FakeHub) -> None:
    """While a large body of somebody's is read, and no longer; not of nobody's, and of no small one."""
    app = create_app(desk, chores=False)
    scopes: list[Any] = []
    wanted: list[bool] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

        async def seen() -> Any:
            wanted.append(bodies.ADMITTED in scope)
            return await receive()

        await app(scope, seen, send)

    transport = httpx.ASGITransport(watched)
    headers = {"Authorization": f"token {fake_hub.token('mkb')}", "Content-Type": "application/json"}
    small = json.dumps(question()).encode()
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
        for body, given, expected in (
            (LARGE, headers, {True}),
            (small, headers, {False}),
            (LARGE, {}, {False}),
        ):
            wanted.clear()
            await client.post(f"{PREFIX}api/tickets", content=body, headers=given)
            assert set(wanted) == expected
    assert not any(bodies.ADMITTED in scope for scope in scopes)
