"""Who of a class has started and who waits, as Slurm's queue says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from werkplaats_desk.published import View

#: Slurm's states of a job that waits for its place, and of one that has it (squeue(1)).
_WAITS: Final = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD"})
_RUNS: Final = frozenset({"RUNNING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT"})


@dataclass(frozen=True)
class Place:
    """Where somebody stands.

    Attributes
    ----------
    state
        ``running``, ``waiting`` or ``off``.
    place, of
        Their place among those of the class who wait, from 1.
    """

    state: str = "off"
    place: int = 0
    of: int = 0


@dataclass(frozen=True)
class Budget:
    """The class's GPU-hours in this period, as Slurm counts them.

    Attributes
    ----------
    set_aside
        The most that what runs can still use.
    """

    limit: float
    used: float
    set_aside: float = 0.0

    @property
    def left(self) -> float:
        """What nobody has used or may still use, as the start page and the meter in a notebook say it."""
        return max(0.0, self.limit - self.used - self.set_aside)


def places(view: View, account: str, lined_up: Sequence[str] = ()) -> dict[str, Place]:
    """Return where everybody stands who has a job in an account, or is about to have one.

    Jobs of one account and QOS have one priority, so they start in the order in which they came.

    Parameters
    ----------
    lined_up
        Who pressed start, in that order: until Slurm has their job they stand behind those who have one.
    """
    jobs = sorted((job for job in view.jobs if job.get("account") == account), key=lambda job: int(job["id"]))
    running = {name: Place("running") for name in _people(jobs, _RUNS)}
    coming = [name for name in lined_up if name not in running]
    waiting = list(dict.fromkeys((*_people(jobs, _WAITS), *coming)))
    found = {name: Place("waiting", index + 1, len(waiting)) for index, name in enumerate(waiting)}
    return found | running


def came_of_it(view: View, account: str, person: str, since: int) -> bool:
    """Return whether a press on start shows as a job: one that waits or runs, or began since and is over.

    Parameters
    ----------
    since
        When it was made; Unix time.
    """
    theirs = [job for job in view.jobs if (job.get("account"), job.get("user")) == (account, person)]
    there = any(job["state"] in _WAITS | _RUNS for job in theirs)
    return view.at >= since and (there or any(_began(job) >= since for job in theirs))


def _began(job: Mapping[str, Any]) -> float:
    """Return when a job began, as Unix time; 0 for one that did not."""
    try:
        return datetime.fromisoformat(str(job.get("start"))).timestamp()  # local time, as Slurm prints it
    except ValueError:
        return 0.0


def _people(jobs: Sequence[Mapping[str, Any]], states: frozenset[str]) -> list[str]:
    return list(dict.fromkeys(str(job["user"]) for job in jobs if job["state"] in states))


def budget(view: View, account: str) -> Budget | None:
    """Return what a class has of its hours; ``None`` while Slurm does not know it."""
    whole = view.associations.get((account, ""))
    if whole is None:
        return None
    use = whole.get("gpu_minutes")
    if not use or use.get("limit") is None:
        return None
    return Budget(use["limit"] / 60, use["used"] / 60, whole.get("committed", 0) / 60)
