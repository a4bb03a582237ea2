"""The process that publishes the queue asks accounting beside it: seldom, and never in its way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from werkplaats_spawners import publisher
from werkplaats_spawners.publisher import CommandFailed, Publisher
from werkplaats_spawners.testing import ACCOUNTING_AWAY, AWAY, FakeSlurm


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """A Slurm with one person and one running job, number 17, asked in the place of the real one."""
    fake = FakeSlurm(associations={("bakery", "mkb")})
    fake.add("mkb", "bakery", "regional")
    fake.run_job(17)

    async def run(argv: Sequence[str]) -> str:
        await asyncio.sleep(0.01)  # a command takes its time, in which others ask as well
        return await fake.run(argv)

    monkeypatch.setattr(publisher, "run", run)
    return fake


class Later:
    """A clock that a test can move."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        """Return Unix time, seconds."""
        return time.time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Let a test move the publisher's time."""
    clock = Later()
    monkeypatch.setattr(publisher, "time", clock)
    return clock


async def accounting(publisher_: Publisher) -> dict[str, Any]:
    """Return what is known of accounting once its answer has had the time to come."""
    await publisher_.view(0.0, 3.0)
    await asyncio.sleep(0.05)
    return (await publisher_.view(60.0, 3.0)).accounting


async def test_accounting_is_asked_seldom(fake: FakeSlurm, clock: Later) -> None:
    """At most every ten seconds, however often the queue is looked at; and not while nobody looks."""
    publisher_ = Publisher()
    assert fake.commands == []
    await asyncio.gather(*[accounting(publisher_) for _ in range(20)])
    for seconds in (5.0, 9.5):
        clock.ahead = seconds
        await accounting(publisher_)
    assert fake.commands.count("sacctmgr") == 1
    clock.ahead = 10.5
    await accounting(publisher_)
    assert fake.commands.count("sacctmgr") == 2


async def test_when_accounting_last_answered(fake: FakeSlurm, clock: Later) -> None:
    """Its error comes with the time of the last answer, and goes when it answers again."""
    publisher_ = Publisher()
    first = await accounting(publisher_)
    assert first == {"at": pytest.approx(time.time(), abs=5), "error": None}
    fake.accounting_away = ACCOUNTING_AWAY
    clock.ahead = 20.0
    assert await accounting(publisher_) == {"at": first["at"], "error": ACCOUNTING_AWAY}
    fake.accounting_away = None
    clock.ahead = 40.0
    assert await accounting(publisher_) == {"at": pytest.approx(first["at"] + 40, abs=5), "error": None}


async def test_accounting_that_never_answered(fake: FakeSlurm) -> None:
    """Zero is no time; and the queue has no error of it."""
    fake.accounting_away = ACCOUNTING_AWAY
    publisher_ = Publisher()
    assert await accounting(publisher_) == {"at": 0.0, "error": ACCOUNTING_AWAY}
    assert publisher_.snapshot.error is None


async def test_no_command_for_accounting_is_an_error_of_accounting(
    fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without sacctmgr has a queue all the same."""

    async def run(argv: Sequence[str]) -> str:
        if argv[0] == "sacctmgr":
            raise FileNotFoundError(2, "No such file or directory: 'sacctmgr'")
        return await fake.run(argv)

    monkeypatch.setattr(publisher, "run", run)
    publisher_ = Publisher()
    assert "sacctmgr" in (await accounting(publisher_))["error"]
    assert publisher_.snapshot.error is None


async def test_accounting_that_hangs_holds_nobody_up(
    fake: FakeSlurm, clock: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look waits a second, the others not at all, and no second question joins the first."""
    over = asyncio.Event()

    async def run(argv: Sequence[str]) -> str:
        if argv[0] == "sacctmgr":
            fake.commands.append(argv[0])
            await over.wait()
            raise CommandFailed(ACCOUNTING_AWAY)
        return await fake.run(argv)

    monkeypatch.setattr(publisher, "run", run)
    publisher_ = Publisher()
    ages = []
    for seconds in range(0, 60, 15):
        clock.ahead = float(seconds)
        snapshot = await asyncio.wait_for(publisher_.view(0.0, 3.0), 0.5 if seconds else 1.5)
        await asyncio.sleep(0)
        assert snapshot.error is None
        ages.append(snapshot.at)
    assert ages == sorted(set(ages)), "every answer is a new one"
    assert fake.commands.count("sacctmgr") == 1
    over.set()
    await asyncio.sleep(0.01)
    assert publisher_.snapshot.accounting["error"] == ACCOUNTING_AWAY


async def test_the_queue_that_is_away_does_not_hide_accounting(fake: FakeSlurm) -> None:
    """Each is told of for itself."""
    fake.away = AWAY
    publisher_ = Publisher()
    assert (await accounting(publisher_))["error"] is None
    assert publisher_.snapshot.error == AWAY
