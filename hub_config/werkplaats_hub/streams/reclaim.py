"""Tell further borrowers to go when several owners wait at once, and end them when their notice is over.

Slurm itself tells the first (``preempt/qos``, ``GraceTime``). What this decides is kept in Slurm, as
each job's ``AdminComment``, so that a start anew of this process forgets nobody, and so that the Hub and
``sacct`` can say afterwards why a job was cancelled.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from werkplaats_hub.facility import Facility
from werkplaats_hub.slurm_commands import SlurmFailed
from werkplaats_hub.streams.borrowers import Borrower, to_tell
from werkplaats_hub.streams.capacity import rooms
from werkplaats_hub.streams.entitled import requests
from werkplaats_hub.streams.model import Run
from werkplaats_hub.streams.queued import Queued, pending, read_queue
from werkplaats_spawners.offer import LENT
from werkplaats_spawners.slurm import TAKEN_BACK

_log = logging.getLogger("streams")
#: The batch script of a server of the Hub's listens to SIGUSR1; what any other job gets at its notice is
#: what Slurm gives it then: SIGCONT and SIGTERM to its steps.
_SERVER: Final = re.compile(r"^JobId=\d+ JobName=werkplaats$", re.MULTILINE)
_DEADLINE: Final = re.compile(rf"^ +AdminComment={re.escape(TAKEN_BACK)} at (\S+)$", re.MULTILINE)


@dataclass
class Reclaimer:
    """Who was told to go by this process, or by one before it."""

    run: Run
    _deadlines: dict[int, datetime] = field(default_factory=dict)
    _known: set[int] | None = None

    def look(self, facility: Facility, now: datetime) -> None:
        """Tell whom owners need to go, and end those whose notice is over.

        Raises
        ------
        SlurmFailed
            When Slurm cannot be asked.
        """
        if self._known is not None and not self._deadlines and not self._owners_wait(facility):
            return
        queue = read_queue(self.run)
        lent = {job.id: job for job in queue if job.qos == LENT and job.holds}
        latest = now + timedelta(seconds=facility.lending.notice_seconds)
        self._remember(lent, latest)
        for number in [job for job, end in self._deadlines.items() if end <= now]:
            _log.info("job %s is ended: its notice is over", number)
            self._act(["scancel", str(number)])  # and again, until it is seen to be gone
        for borrower in self._whom(facility, queue, now):
            self._tell(borrower, latest)

    def _owners_wait(self, facility: Facility) -> bool:
        return bool(self.run(pending([stream.name for stream in facility.streams])).strip())

    def _remember(self, lent: Mapping[int, Queued], latest: datetime) -> None:
        """Read the deadlines of those who were told before this process began; forget who is gone."""
        for number in lent.keys() - (self._known or set()):
            written = _deadline(self._shown(number), latest)
            if written:
                self._deadlines.setdefault(number, written)
        self._known = set(lent)
        self._deadlines = {job: end for job, end in self._deadlines.items() if job in lent}

    def _whom(self, facility: Facility, queue: tuple[Queued, ...], now: datetime) -> tuple[Borrower, ...]:
        wanted = requests(self.run, facility, queue, now)
        if not wanted:
            return ()
        going = [job for job in queue if job.leaves or job.id in self._deadlines]
        staying = [job for job in queue if job.qos == LENT and job.holds and job not in going]
        borrowers = (Borrower(job.id, job.nodes, job.size, job.start) for job in staying if job.on_one_node)
        return to_tell(wanted, borrowers, rooms(self.run, facility.partitions.gpu, going))

    def _tell(self, borrower: Borrower, deadline: datetime) -> None:
        """Write down until when, and then give notice: who was told and not written down would stay."""
        number = str(borrower.job)
        end = deadline.isoformat(timespec="seconds")
        self._act(["scontrol", "update", f"JobId={number}", f"AdminComment={TAKEN_BACK} at {end}"])
        if _SERVER.search(self._shown(borrower.job)):
            self._act(["scancel", "--signal=USR1", "--batch", number])
        else:
            self._act(["scancel", "--signal=CONT", number])
            self._act(["scancel", "--signal=TERM", number])
        self._deadlines[borrower.job] = deadline
        _log.info("job %s is told to go until %s: owners wait", number, end)

    def _shown(self, number: int) -> str:
        """Return what Slurm shows of one job.

        Its owner can write a part of that, and by it end a job of their own sooner, but no other's.
        """
        try:
            return self.run(["scontrol", "show", "job", str(number)])
        except SlurmFailed:
            return ""  # it ended meanwhile

    def _act(self, command: list[str]) -> None:
        try:
            self.run(command)
        except SlurmFailed as wrong:
            _log.warning("%s", wrong)  # most often: it ended meanwhile


def _deadline(shown: str, latest: datetime) -> datetime | None:
    """Read a deadline out of what Slurm shows of a job; what no notice could give is its owner's text."""
    for text in _DEADLINE.findall(shown):
        with contextlib.suppress(ValueError):
            found = datetime.fromisoformat(text)
            if found.tzinfo and found <= latest:
                return found
    return None
