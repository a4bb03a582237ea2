"""What a person who waits is told: why, their place, until when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from tests.offers import flavour

from werkplaats_spawners.cluster import Verdict
from werkplaats_spawners.language import speaking
from werkplaats_spawners.slurm import Job, Phase
from werkplaats_spawners.waiting import Waiting, place, waiting

NOW = datetime(2026, 11, 21, 14, 0).astimezone()
JOB = Job(
    17, "mkb", "bakery", "regional", "PENDING", "", "N/A", "N/A", "Resources", 2, 120, "gpu", 100
)  # fmt: skip


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Read sentences as they stand in the source."""
    with speaking("en"):
        yield


def queue(*jobs: Job) -> dict[int, Job]:
    """Return a queue of these, and of the one that is looked at."""
    return {job.id: job for job in (*jobs, JOB)}


def other(number: int, **changed: Any) -> Job:
    """Return another job in the queue."""
    return replace(JOB, id=number, user="rijk", **changed)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], (1, 1)),
        ([other(16)], (2, 2)),
        ([other(18)], (1, 2)),
        ([other(18, priority=101)], (2, 2)),
        ([other(16, priority=99)], (1, 2)),
        ([other(16, partition="cpu")], (1, 1)),
        ([other(16, state="RUNNING")], (1, 1)),
        ([other(16, reason="JobHeldUser"), other(15, reason="Dependency"), other(14, reason="BeginTime")],
         (1, 1)),
        ([other(n, priority=n) for n in range(1, 120, 10)], (3, 13)),
        ([other(16, qos="national")], (2, 2)),
    ],
)  # fmt: skip
def test_the_place_in_the_queue(others: list[Job], expected: tuple[int, int]) -> None:
    """By priority, then by number, among those who wait for the same machines."""
    assert place(JOB, queue(*others)) == expected


def test_who_waits_for_a_share_waits_behind_those_of_that_share() -> None:
    """Others with a share of their own are not before them, whatever their priority."""
    job = replace(JOB, reason="QOSGrpGRES")
    others = [other(1, qos="national", priority=1000), other(2), other(30)]
    assert place(job, {**queue(*others), 17: job}) == (2, 3)


def test_thirty_at_once_each_have_a_place() -> None:
    """No two the same, and nobody none."""
    jobs = {n: replace(JOB, id=n, reason="QOSGrpBilling") for n in range(100, 130)}
    assert [place(job, jobs) for job in jobs.values()] == [(n, 30) for n in range(1, 31)]


def test_a_pending_start() -> None:
    """Reason, advice, place and estimate, each a sentence; and Slurm's own word for who looks it up."""
    job = replace(JOB, start="2026-11-21T16:30:00")
    said = waiting(Verdict(Phase.PENDING, "Resources", job=job), queue(other(16)), NOW)
    assert said == Waiting(
        "The machines are busy. You are among the next.",
        "You do not have to do anything: it starts by itself.",
        "Your place in the queue: 2 of 2.",
        "Expected start: about 16:30.",
        slurm="In Slurm: job 17, Resources.",
    )


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("N/A", "Slurm cannot say yet when that is."),
        ("", "Slurm cannot say yet when that is."),
        ("Unknown", "Slurm cannot say yet when that is."),
        ("2026-11-21T14:00:30", "Expected start: now."),
        ("2026-11-21T13:00:00", "Expected start: now."),
        ("2026-11-22T09:05:00", "Expected start: 22 November, about 9:05."),
    ],
)
def test_until_when(start: str, said: str) -> None:
    """What squeue expects, where it expects something."""
    job = replace(JOB, start=start)
    assert waiting(Verdict(Phase.PENDING, "Priority", job=job), queue(), NOW).expected == said


def test_before_slurm_shows_the_job() -> None:
    """There is a sentence from the first second."""
    said = waiting(Verdict(Phase.PENDING), {}, NOW)
    assert said.message == "Your request is in the queue."
    assert (said.place, said.expected) == ("", "")


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        (Phase.RUNNING, "A place was found for you. Your server is starting."),
        (Phase.ENDING, "A place was found for you. Your server is starting."),
        (Phase.GONE, "Your server has stopped."),
        (Phase.UNKNOWN, "The cluster does not answer at the moment. Your request is kept."),
    ],
)
def test_when_it_does_not_wait_in_the_queue(phase: Phase, message: str) -> None:
    """One sentence, and nothing to choose."""
    assert waiting(Verdict(phase, job=JOB), queue(), NOW, flavour("small", 0, 1, 2)) == Waiting(message)


def test_what_is_old_says_of_when_it_is() -> None:
    """Slurm is away: the last that it said stands with its time, and nothing smaller is promised."""
    small = flavour("small", 0, 1, 2)
    found = waiting(Verdict(Phase.PENDING, "Resources", job=JOB), queue(), NOW, small, NOW)
    fresh = waiting(Verdict(Phase.PENDING, "Resources", job=JOB), queue(), NOW, small)
    assert (found.message, found.place) == (fresh.message, fresh.place)
    assert found.expected.startswith("The cluster does not answer at the moment: this is how it was at ")
    assert f"{NOW.hour}:{NOW.minute:02}" in found.expected
    assert found.smaller is None
    unknown = waiting(Verdict(Phase.UNKNOWN), queue(), NOW, small, NOW)
    assert unknown == Waiting("The cluster does not answer at the moment. Your request is kept.")


def test_an_event_has_the_same_keys_always() -> None:
    """So that a page that is open can take back what no longer holds."""
    small = flavour("small", 0, 1, 2)
    full = waiting(Verdict(Phase.PENDING, "Resources", job=JOB), queue(), NOW, small).event()
    assert (full["smaller"], full["smaller_title"]) == ("small", "small")
    bare = Waiting("x").event()
    assert set(full) == set(bare)
    assert set(bare.values()) == {"x", ""}
