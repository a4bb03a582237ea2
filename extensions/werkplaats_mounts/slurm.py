"""What the daemon asks of Slurm: whose a job is, what else of theirs runs or waits; and a mark on a job."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SECONDS: Final = 5.0
#: No field that a user may write (name, comment) is asked for, so that no job can forge a line.
_FIELDS: Final = "%A|%u|%a|%T|%q"
#: States in which a job is over (squeue(1), JOB STATE CODES); one that is not known is not over.
_OVER: Final = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    }
)
#: How the note on a job (``AdminComment``, which no user can write) begins while it is to be alone.
ALONE: Final = "werkplaats-alone:"
#: The QOS of borrowed capacity: the same note on its jobs says when they must give it back.
LENT: Final = "lent"

#: What squeue prints where there is no note.
_NO_NOTE: Final = ("", "(null)", "N/A")


@dataclass(frozen=True)
class Job:
    """One line of the queue."""

    id: int
    person: str
    project: str
    state: str
    qos: str = ""

    @property
    def runs(self) -> bool:
        """Return whether it runs."""
        return self.state == "RUNNING"

    @property
    def over(self) -> bool:
        """Return whether it has ended, its processes included."""
        return self.state in _OVER


class SlurmAway(Exception):
    """Slurm does not answer, or not with sense: nothing is known."""


def squeue(people: Iterable[str]) -> list[str]:
    """Ask for every job of some people that the controller remembers, ended ones included."""
    users = ",".join(sorted(people))
    return ["squeue", "--noheader", "--states=all", f"--user={users}", f"--format={_FIELDS}"]


def parse_squeue(text: str) -> tuple[Job, ...]:
    """Read the output of :func:`squeue`.

    Raises
    ------
    SlurmAway
        At a line that is none: what is not understood must not look like an empty queue.
    """
    jobs = []
    for line in text.splitlines():
        words = line.split("|")
        if len(words) != 5 or not words[0].isdecimal():
            raise SlurmAway(f"squeue wrote {line[:200]!r}")
        jobs.append(Job(int(words[0]), *words[1:]))
    return tuple(jobs)


def show_note(job: int) -> list[str]:
    """Ask for the note on a job."""
    return ["squeue", "--noheader", f"--jobs={job}", "--Format=admin_comment:200"]


def write_note(job: int, note: str) -> list[str]:
    """Write the note on a job."""
    return ["scontrol", "update", f"jobid={job}", f"admincomment={note}"]


def scancel(job: int) -> list[str]:
    """End a job, its batch script included."""
    return ["scancel", str(job)]


class Slurm:
    """Slurm's commands, against one cluster."""

    def __init__(self, conf: Path) -> None:
        path = os.defpath + ":/usr/sbin:/sbin"
        self._environment = {"PATH": path, "SLURM_CONF": str(conf), "LC_ALL": "C.UTF-8"}

    async def jobs(self, people: Iterable[str]) -> tuple[Job, ...]:
        """Return the jobs of some people.

        Raises
        ------
        SlurmAway
        """
        return parse_squeue(await self._run(squeue(people)))

    async def job(self, number: int) -> Job | None:
        """Return one job, and none where it is not known.

        Raises
        ------
        SlurmAway
        """
        asked = ["squeue", "--noheader", "--states=all", f"--jobs={number}", f"--format={_FIELDS}"]
        return next((one for one in parse_squeue(await self._run(asked)) if one.id == number), None)

    async def mark(self, job: int, dataset: str) -> None:
        """Write on a job that its owner is to have nothing else.

        Raises
        ------
        SlurmAway
        """
        await self._run(write_note(job, ALONE + dataset))

    async def unmark(self, job: int) -> None:
        """Take the mark away; a note of somebody else's stays.

        Raises
        ------
        SlurmAway
        """
        if (await self._run(show_note(job))).strip().startswith(ALONE):
            await self._run(write_note(job, ""))

    async def mark_again(self, job: int, dataset: str) -> None:
        """Put the mark back where it is missing; a note of somebody else's stays.

        Raises
        ------
        SlurmAway
        """
        if (await self._run(show_note(job))).strip() in _NO_NOTE:
            await self.mark(job, dataset)

    async def end(self, job: int) -> None:
        """End a job.

        Raises
        ------
        SlurmAway
        """
        await self._run(scancel(job))

    async def _run(self, argv: Sequence[str]) -> str:
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=self._environment
            )
        except OSError as wrong:
            raise SlurmAway(str(wrong)) from wrong
        try:
            out, err = await asyncio.wait_for(process.communicate(), _SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise SlurmAway(f"no answer from {argv[0]}") from None
        if process.returncode != 0:
            raise SlurmAway(err.decode(errors="replace").strip()[-500:])
        return out.decode(errors="replace")
