"""When a server would start: asked beside the page, once in ten seconds, and few at a time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.houses import Except
from tests.offers import flavour, project

from werkplaats_spawners import estimates as module
from werkplaats_spawners.estimates import Estimates
from werkplaats_spawners.launch.client import Launch, LaunchFailed, Start
from werkplaats_spawners.policy import Granted
from werkplaats_spawners.slurm import Trouble
from werkplaats_spawners.testing import FakeLaunch, FakeSlurm


def granted(name: str = "gpu-1", minutes: int = 120, qos: str = "regional") -> Granted:
    """Return a server that was granted."""
    return Granted(flavour(name, 1, 2, 24), project("bakery", "regional"), "bakery", qos, minutes, None)


@dataclass(frozen=True)
class Slow(Launch):
    """A *launch* that takes its time, and counts how many it is asked at once."""

    program: str = ""
    asked: list[str] = field(default_factory=list)
    now: list[int] = field(default_factory=lambda: [0, 0])

    async def when(self, user: str, **_given: Any) -> Start:
        """Answer after a while."""
        self.asked.append(user)
        self.now[0] += 1
        self.now[1] = max(self.now)
        await asyncio.sleep(0.02)
        self.now[0] -= 1
        return Start(module.time.time(), preempts=False, header="")  # type: ignore[arg-type]


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let a test move the time."""
    ahead = [0.0]
    monkeypatch.setattr(module, "time", Except(time, time=lambda: time.time() + ahead[0]))
    return ahead


async def test_an_answer_is_kept_for_ten_seconds(ahead: list[float]) -> None:
    """For this person, project, share, flavour and length; then it is asked anew."""
    fake = FakeSlurm()
    estimates = Estimates(FakeLaunch(slurm=fake))
    assert estimates.known("mkb", granted()) is None
    for _ in range(3):
        await estimates.learn("mkb", [granted()], 1)
    known = estimates.known("mkb", granted())
    assert known is not None
    assert known.start is not None
    assert known.failed is None
    assert len(fake.asked_when) == 1
    ahead[0] = 11.0
    assert estimates.known("mkb", granted()) is None
    assert estimates.known("mkb", granted(), max_age=60) is known
    await estimates.learn("mkb", [granted()], 1)
    assert len(fake.asked_when) == 2


async def test_each_question_is_its_own() -> None:
    """Another person, flavour, length or share has another answer."""
    fake = FakeSlurm()
    estimates = Estimates(FakeLaunch(slurm=fake))
    others = [granted("gpu-2"), granted(minutes=60), granted(qos="lent")]
    await estimates.learn("mkb", [granted()], 1)
    assert all(estimates.known("mkb", other) is None for other in others)
    assert estimates.known("rijk", granted()) is None
    await estimates.learn("mkb", others, 1)
    assert [message["qos"] for _, message in fake.asked_when] == ["regional"] * 3 + ["lent"]
    assert [user for user, _ in fake.asked_when] == ["mkb"] * 4


async def test_the_page_does_not_wait() -> None:
    """To ask takes no time; the answer is there a moment later."""
    slow = Slow()
    estimates = Estimates(slow)
    asked = estimates.ask("mkb", granted())
    assert asked is not None
    assert estimates.known("mkb", granted()) is None
    assert estimates.ask("mkb", granted()) is asked, "the same question is not asked twice at a time"
    await asked
    assert estimates.known("mkb", granted()) is not None
    assert estimates.ask("mkb", granted()) is None
    assert slow.asked == ["mkb"]


async def test_few_are_asked_at_once() -> None:
    """Thirty people who look at the page leave room for those who press start."""
    slow = Slow()
    estimates = Estimates(slow)
    await asyncio.gather(*[estimates.learn(f"student{n}", [granted()], 5) for n in range(30)])
    assert len(slow.asked) == 30
    assert slow.now[1] <= 3


async def test_one_person_does_not_crowd_the_others_out() -> None:
    """Who asks for every length at once gets some, and the rest another time."""
    slow = Slow()
    estimates = Estimates(slow)
    asked = [estimates.ask("mkb", granted(minutes=n)) for n in range(60, 160)]
    assert sum(one is not None for one in asked) == 12
    assert estimates.ask("rijk", granted()) is not None
    await asyncio.gather(*[one for one in asked if one])


async def test_a_wait_has_an_end() -> None:
    """A Slurm that hangs keeps nobody; the answer is still taken when it comes."""
    slow = Slow()
    estimates = Estimates(slow)
    began = time.monotonic()
    await estimates.learn("mkb", [granted()], 0.001)
    assert time.monotonic() - began < 0.02
    assert estimates.known("mkb", granted()) is None
    await asyncio.sleep(0.05)
    assert estimates.known("mkb", granted()) is not None


async def test_a_refusal_is_an_answer_too() -> None:
    """It is kept as long as a time is, so that what fails is not asked more often."""
    fake = FakeSlurm(when="allocation failure: Invalid account or account/partition combination specified")
    estimates = Estimates(FakeLaunch(slurm=fake))
    for _ in range(3):
        await estimates.learn("mkb", [granted()], 1)
    known = estimates.known("mkb", granted())
    assert known is not None
    assert isinstance(known.failed, LaunchFailed)
    assert known.failed.trouble is Trouble.NO_ASSOCIATION
    assert len(fake.asked_when) == 1


async def test_old_answers_are_forgotten(ahead: list[float]) -> None:
    """A Hub that runs for months keeps no answers of then."""
    estimates = Estimates(FakeLaunch(slurm=FakeSlurm()))
    await estimates.learn("mkb", [granted()], 1)
    ahead[0] = 300.0
    await estimates.learn("rijk", [granted()], 1)
    assert list(estimates._known) == [("rijk", "bakery", "regional", "gpu-1", 120)]
