"""What a person who waits is told: why, their place, until when, and what would start now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from werkplaats_spawners import spoken
from werkplaats_spawners.choices import moment
from werkplaats_spawners.cluster import Verdict
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import Flavour
from werkplaats_spawners.reasons import explain
from werkplaats_spawners.slurm import Job, Phase

#: Why a job waits that is in nobody's way.
_ASIDE: Final = frozenset(
    {
        "JobHeldUser",
        "JobHeldAdmin",
        "JobHoldMaxRequeue",
        "Dependency",
        "DependencyNeverSatisfied",
        "BeginTime",
    }
)


@dataclass(frozen=True)
class Waiting:
    """Where a start stands, in words; what is not known, or not of use, is empty.

    Attributes
    ----------
    message
        The one thing to know.
    advice
        What to do.
    place
        In the queue.
    expected
        Until when.
    smaller
        A flavour that would start now instead.
    slurm
        The job's number and Slurm's own word for the reason, for who looks it up.
    """

    message: str
    advice: str = ""
    place: str = ""
    expected: str = ""
    smaller: Flavour | None = None
    slurm: str = ""

    def event(self) -> dict[str, str]:
        """Return what JupyterHub sends to a page that is open."""
        return {
            "message": self.message,
            "advice": self.advice,
            "place": self.place,
            "expected": self.expected,
            "slurm": self.slurm,
            "smaller": self.smaller.name if self.smaller else "",
            "smaller_title": str(self.smaller.title) if self.smaller else "",
        }


def waiting(
    verdict: Verdict,
    queue: Mapping[int, Job],
    now: datetime,
    smaller: Flavour | None = None,
    known_at: datetime | None = None,
) -> Waiting:
    """Say where a start stands.

    Parameters
    ----------
    verdict
        What is known of its job.
    queue
        All jobs, by number.
    now
        With the facility's time zone.
    smaller
        What would start now instead.
    known_at
        When the cluster last answered, if it does not now.
    """
    found = _waiting(verdict, queue, now, smaller)
    if known_at is None or verdict.phase is Phase.UNKNOWN:
        return found
    said = _("The cluster does not answer at the moment: this is how it was at {time}. Your request is kept.")
    return replace(found, expected=said.format(time=spoken.clock(known_at)), smaller=None)


def _waiting(verdict: Verdict, queue: Mapping[int, Job], now: datetime, smaller: Flavour | None) -> Waiting:
    match verdict.phase:
        case Phase.PENDING:
            return _pending(verdict, queue, now, smaller)
        case Phase.RUNNING | Phase.ENDING:
            return Waiting(_("A place was found for you. Your server is starting."))
        case Phase.GONE:
            return Waiting(_("Your server has stopped."))
        case Phase.UNKNOWN:
            return Waiting(_("The cluster does not answer at the moment. Your request is kept."))


def _pending(verdict: Verdict, queue: Mapping[int, Job], now: datetime, smaller: Flavour | None) -> Waiting:
    job = verdict.job
    explained = explain(verdict.reason, job.qos if job else "")
    if job is None:
        return Waiting(explained.sentence, explained.advice, smaller=smaller)
    at = _expected(job)
    return Waiting(
        explained.sentence,
        explained.advice,
        _place_in_words(*place(job, queue)),
        _("Expected start: {when}.").format(when=moment(at, now)) if at else _nobody_knows(),
        smaller,
        _("In Slurm: job {number}, {reason}.").format(number=job.id, reason=job.reason),
    )


def _nobody_knows() -> str:
    return _("Slurm cannot say yet when that is.")


def place(job: Job, queue: Mapping[int, Job]) -> tuple[int, int]:
    """Return a waiting job's place, 1 for the first, and how many wait there.

    Who waits for a share waits behind those of the same share only; who waits for a machine, behind all
    who wait for one of that kind. What is held, or waits for another job, waits for itself.
    """
    others = [
        other
        for other in queue.values()
        if other.phase is Phase.PENDING
        and other.partition == job.partition
        and other.reason not in _ASIDE
        and (other.qos == job.qos or not job.reason.startswith("QOSGrp"))
        and other.id != job.id
    ]
    before = sum(1 for other in others if (-other.priority, other.id) < (-job.priority, job.id))
    return before + 1, len(others) + 1


def _place_in_words(number: int, among: int) -> str:
    if among == 1:
        return _("Nobody is before you in the queue.")
    return _("Your place in the queue: {number} of {among}.").format(number=number, among=among)


def _expected(job: Job) -> datetime | None:
    """Return when Slurm expects the job to start; in its own local time, as it prints it."""
    try:
        return datetime.fromisoformat(job.start).astimezone()
    except ValueError:
        return None
