"""Pages that say what went wrong: they name their reader, and keep nobody else waiting for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.desk.conftest import PREFIX, Browser

from werkplaats_desk import signin
from werkplaats_desk.app import create_app
from werkplaats_desk.desk import Desk
from werkplaats_desk.guard import MOST_BYTES

Make = Callable[..., Browser]


@pytest.mark.parametrize("body", [None, b"x" * (MOST_BYTES + 1)])
async def test_a_slow_look_for_the_reader_holds_up_nobody_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, body: bytes | None
) -> None:
    """Of a page that is not there, and of what is too long: the desk answers others at once."""
    looking = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(*given: object) -> None:
        loop.call_soon_threadsafe(looking.set)
        time.sleep(2)

    monkeypatch.setattr(signin, "find", slowly)
    transport = httpx.ASGITransport(create_app(desk, chores=False))
    cookies = {signin.COOKIE: "somebody"}
    async with httpx.AsyncClient(transport=transport, base_url="http://desk", cookies=cookies) as client:
        method = "GET" if body is None else "POST"
        wrong = asyncio.create_task(client.request(method, f"{PREFIX}nowhere", content=body))
        await asyncio.wait_for(looking.wait(), 10)
        began = time.monotonic()
        assert (await client.get(f"{PREFIX}health")).status_code == 200
        assert time.monotonic() - began < 1
        assert not wrong.done()
        assert (await wrong).status_code == (404 if body is None else 413)


@pytest.mark.parametrize(("path", "status"), [("requests", 403), ("applications/99", 404), ("apply", 200)])
def test_nobody_is_looked_for_twice(
    browser: Make, monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    """The page that refuses knows who reads it from the route that did."""
    mkb = browser("mkb")
    asked, find = [], signin.find

    def counted(*given: Any) -> Any:
        asked.append(given)
        return find(*given)

    monkeypatch.setattr(signin, "find", counted)
    answer = mkb.get(path)
    assert answer.status_code == status
    assert '<span class="wp-who">mkb</span>' in answer.text
    assert len(asked) == 1


def test_a_database_that_is_away_is_waited_for_once(browser: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not again for the page that says so."""
    from sqlalchemy.exc import OperationalError

    mkb = browser("mkb")
    asked = []

    def away(*given: object) -> None:
        asked.append(given)
        raise OperationalError("", None, Exception())

    monkeypatch.setattr(signin, "find", away)
    assert mkb.get("apply").status_code == 503
    assert len(asked) == 1
