"""Who waits for room alone: within their stream's share, their own limit and their budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from werkplaats_hub.facility import Facility
from werkplaats_hub.streams.borrowers import Request
from werkplaats_hub.streams.model import Run
from werkplaats_hub.streams.queued import Queued
from werkplaats_spawners import limits, slurm

#: How long Slurm itself has had, to start a job or to tell a borrower, before anything is added to it.
_ITS_TURN_SECONDS: Final = 2
#: Slurm's reasons for a job that nothing but room is missing to; the last two before it was weighed.
_FOR_WANT_OF_ROOM: Final = frozenset({"Resources", "Priority", "None"})


def requests(run: Run, facility: Facility, queue: Iterable[Queued], now: datetime) -> tuple[Request, ...]:
    """Return what waits for room alone, though its stream, person and budget allow it; the first first.

    Jobs for several nodes, and those for particular ones, are left to Slurm alone.
    """
    streams = {stream.name for stream in facility.streams}
    ready = [job for job in queue if job.qos in streams and _had_its_turn(job, now) and job.on_one_node]
    if not any(job.reason in _FOR_WANT_OF_ROOM and not job.particular for job in ready):
        return ()
    fence = _Fence(run, facility, queue)
    ready.sort(key=lambda job: (-job.priority, job.id))
    wanted = (job for job in ready if job.reason in _FOR_WANT_OF_ROOM and not job.particular)
    return tuple(Request(job.size, job.gpu_type) for job in wanted if job.size.gpus and fence.lets(job))


def _had_its_turn(job: Queued, now: datetime) -> bool:
    if slurm.phase(job.state) is not slurm.Phase.PENDING:
        return False
    submitted = datetime.fromisoformat(job.submitted).astimezone()
    return (now - submitted).total_seconds() >= _ITS_TURN_SECONDS


class _Fence:
    """What each stream, person and budget still allows; a job that it lets takes its part of that.

    Slurm weighs these too, but a job that it has not weighed yet has the reason *Priority* as well.
    """

    def __init__(self, run: Run, facility: Facility, queue: Iterable[Queued]) -> None:
        shown = run(limits.show_limits())
        self._gpus: Counter[str] = Counter()
        self._billing: Counter[str] = Counter()
        for qos in limits.parse_qos(shown):
            self._gpus[qos.name] = _left(qos.gpus)
            self._billing[qos.name] = _left(qos.billing)
        self._minutes: Counter[tuple[str, str]] = Counter()
        for held in limits.parse_associations(shown):
            budget = held.gpu_minutes.left
            left = _BOUNDLESS if budget is None else budget - held.committed
            self._minutes[held.account, held.user] = left
        self._person = {stream.name: stream.person.gpus for stream in facility.streams}
        self._used = Counter[tuple[str, str]]()
        for job in queue:
            if job.holds:
                self._used[job.qos, job.user] += job.size.gpus

    def lets(self, job: Queued) -> bool:
        """Return whether it may run within its share, and count it if so."""
        gpus, minutes = job.size.gpus, job.size.gpus * job.minutes
        most = self._person.get(job.qos)
        budgets = ((job.account, ""), (job.account, job.user))
        within = (
            gpus <= self._gpus[job.qos]
            and job.billing <= self._billing[job.qos]
            and (most is None or self._used[job.qos, job.user] + gpus <= most)
            and all(minutes <= self._minutes[budget] for budget in budgets)
        )
        if within:
            self._gpus[job.qos] -= gpus
            self._billing[job.qos] -= job.billing
            self._used[job.qos, job.user] += gpus
            for budget in budgets:
                self._minutes[budget] -= minutes
        return within


_BOUNDLESS: Final = 2**62


def _left(use: limits.Use) -> int:
    return _BOUNDLESS if use.left is None else use.left
