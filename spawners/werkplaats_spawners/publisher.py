"""A small read-only process, run as Slurm's own user, that publishes the queue on a socket.

``PrivateData`` hides people's jobs from one another, and so from the Hub, which is nobody special
to Slurm. This process sees them all and hands the Hub its view; it submits, changes and cancels
nothing. All who ask share one snapshot, and never more than one is being made.

One JSON object a line, each way::

    {"want": "view", "max_age": 1.0, "limits_age": 3.0}
                                       -> {"at": 1763.., "limits_at": 1763.., "error": null, "jobs": [...],
                                           "associations": [...], "qos": [...], "nodes": [...],
                                           "accounting": {"at": 1763.., "error": null}}
    {"want": "verdict", "job_id": 17}  -> {"error": null, "job": {...} or null}
    {"want": "alone", "user": "anna"}  -> {"error": null, "alone": "cohort" or ""}
    {"want": "months", "months": ["2026-11"]}
                                       -> {"error": null, "months": {"2026-11": {"at": 1763..,
                                           "gpu_minutes": 1.5e6, "used": [{"account": "a", "qos": "q",
                                           "gpu_minutes": 12.5}]}}}

`at` is the Unix time of the snapshot, and `limits_at` that of the limits and their use, which may be
older; with an error, the older snapshot comes with it. `accounting` is
when Slurm's database last answered, and why it does not now; the limits and the use of them are the
controller's own, which goes on counting without it. `alone` is the dataset that is mounted in a job of
that person's and suffers nothing beside it, asked of Slurm this moment. `months` is what accounting
recorded, without people (:mod:`werkplaats_spawners.months`); an answer stands for most of a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from werkplaats_spawners import limits, months, names, nodes, slurm

_TIMEOUT: Final = 20.0
#: How often accounting is asked whether it is there, while somebody looks; and how old an answer may be.
_ACCOUNTING_SECONDS: Final = 10.0
_LONG_AGO_SECONDS: Final = 30.0
#: A month may have hundreds of thousands of jobs; what was said of one stands for a while.
_MONTH_TIMEOUT: Final = 100.0
_MONTH_SECONDS: Final = 45.0


class CommandFailed(Exception):
    """A command of Slurm did not succeed; its text says why."""


async def run(argv: list[str], within: float = _TIMEOUT) -> str:
    """Run one read-only command of Slurm and return its standard output.

    Raises
    ------
    CommandFailed
        On any exit status but 0, and after 20 s, or `within`.
    """
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), within)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise CommandFailed(f"Socket timed out: no answer from {argv[0]}") from None
    if process.returncode != 0:
        raise CommandFailed(err.decode(errors="replace").strip()[-500:])
    return out.decode(errors="replace")


_NOT_YET: Final = "nothing has been asked yet"


@dataclass
class Snapshot:
    """The last good answer of Slurm, and the error since, if there was one."""

    at: float = 0.0
    limits_at: float = 0.0
    error: str | None = _NOT_YET
    jobs: list[dict[str, Any]] = field(default_factory=list)
    associations: list[dict[str, Any]] = field(default_factory=list)
    qos: list[dict[str, Any]] = field(default_factory=list)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    accounting: dict[str, Any] = field(default_factory=lambda: {"at": 0.0, "error": _NOT_YET})


class Publisher:
    """Keeps one snapshot, and renews it when somebody needs a younger one."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self._tried = 0.0
        self._limits_tried = 0.0
        self._accounting_asked = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._months: dict[str, months.Month] = {}
        self._one_month_at_a_time = asyncio.Lock()

    async def view(self, max_age: float, limits_age: float) -> Snapshot:
        """Return a snapshot of that age, or the old one with its error.

        Parameters
        ----------
        max_age, limits_age
            How old the queue, and the limits with their use, may be; seconds. Those who wait for one
            lock share the answer that it brings.
        """
        wanted, limits_wanted = time.time() - max_age, time.time() - limits_age
        await self._look_at_accounting()
        async with self._one_at_a_time:
            limits_too = max(self.snapshot.limits_at, self._limits_tried) < limits_wanted
            if max(self.snapshot.at, self._tried) < wanted or limits_too:
                await self._renew(limits_wanted)
                # All who waited share this answer, also when it is an error that took its time.
                self._tried = time.time()
                self._limits_tried = self._tried if limits_too else self._limits_tried
        return self.snapshot

    async def _renew(self, limits_wanted: float) -> None:
        started = time.time()
        try:
            # The queue first: a job that starts meanwhile is counted twice, and never not at all.
            jobs = slurm.parse_squeue(await run(slurm.squeue()))
            if self.snapshot.limits_at < limits_wanted:
                await self._renew_limits(started)
        except (CommandFailed, OSError) as wrong:
            self.snapshot.error = str(wrong)
            return
        self.snapshot.jobs = [vars(job) for job in jobs]  # flat: a deep copy of thousands takes long
        self.snapshot.at = started
        self.snapshot.error = None

    async def _renew_limits(self, started: float) -> None:
        held, shown = await asyncio.gather(run(limits.show_limits()), run(nodes.show_nodes()))
        found = nodes.parse_nodes(shown)
        self.snapshot.associations = [asdict(a) for a in limits.parse_associations(held)]
        self.snapshot.qos = [asdict(q) for q in limits.parse_qos(held)]
        self.snapshot.nodes = [asdict(node) for node in found]
        self.snapshot.limits_at = started

    async def _look_at_accounting(self) -> None:
        """Ask the database beside the queue, and hardly in its way: it may hang for a long time.

        Only where the last answer is of long ago is a new one waited for, a second at most.
        """
        now = time.time()
        asking = self._asking is not None and not self._asking.done()
        if not asking and now - self._accounting_asked > _ACCOUNTING_SECONDS:
            self._accounting_asked = now
            self._asking = asyncio.ensure_future(self._ask_accounting())
            if now - self.snapshot.accounting["at"] > _LONG_AGO_SECONDS:
                await asyncio.wait({self._asking}, timeout=1)

    async def _ask_accounting(self) -> None:
        asked = time.time()
        try:
            await run(slurm.accounting_ping())
        except (CommandFailed, OSError) as wrong:
            self.snapshot.accounting = {**self.snapshot.accounting, "error": str(wrong)}
        else:
            self.snapshot.accounting = {"at": asked, "error": None}

    async def verdict(self, job_id: int) -> dict[str, Any]:
        """Return what accounting recorded of one job."""
        try:
            job = slurm.latest(slurm.parse_sacct(await run(slurm.sacct(job_id))))
        except (CommandFailed, OSError) as wrong:
            return {"error": str(wrong), "job": None}
        return {"error": None, "job": asdict(job) if job else None}

    async def alone(self, user: str) -> dict[str, Any]:
        """Return which dataset is mounted alone in a job of a person, as it is now."""
        try:
            for number in (await run(slurm.squeue_of(user))).split():
                if dataset := slurm.alone(await self._record(int(number))):
                    return {"error": None, "alone": dataset}
            return {"error": None, "alone": ""}
        except (CommandFailed, OSError) as wrong:
            return {"error": str(wrong), "alone": ""}

    async def _record(self, job_id: int) -> str:
        try:
            return await run(slurm.show_job(job_id))
        except CommandFailed as wrong:
            if slurm.trouble(str(wrong)) is slurm.Trouble.JOB_UNKNOWN:
                return ""  # it was forgotten this moment
            raise

    async def of_months(self, asked: list[Any]) -> dict[str, Any]:
        """Return what accounting recorded of months that have begun; others are passed over."""
        now = datetime.now().astimezone()
        found = [one for name in asked[: months.MOST_MONTHS] if (one := months.span(name, now))]
        async with self._one_month_at_a_time:
            try:
                return {"error": None, "months": {one.name: asdict(await self._month(one)) for one in found}}
            except (CommandFailed, OSError) as wrong:
                return {"error": str(wrong), "months": {}}

    async def _month(self, one: months.Span) -> months.Month:
        kept = self._months.get(one.name)
        if kept is not None and time.time() - kept.at < _MONTH_SECONDS:
            return kept
        asked, report = time.time(), months.sreport_month(one)
        used = months.parse_month(await run(months.sacct_month(one), _MONTH_TIMEOUT))
        had = months.parse_reported(await run(report, _MONTH_TIMEOUT)) if report else 0.0
        if one.running_minutes:
            had += months.parse_gpus(await run(months.sinfo_gpus())) * one.running_minutes
        self._months[one.name] = months.Month(asked, round(had, 2), used)
        return self._months[one.name]

    async def answer(self, message: Any) -> dict[str, Any]:
        """Answer one message; an unknown one gets an error."""
        match message:
            case {
                "want": "view",
                "max_age": float() | int() as max_age,
                "limits_age": float() | int() as limits_age,
            }:
                return dict(vars(await self.view(float(max_age), float(limits_age))))
            case {"want": "verdict", "job_id": int() as job_id} if job_id > 0:
                return await self.verdict(job_id)
            case {"want": "alone", "user": str() as user} if names.has_the_form(user):
                return await self.alone(user)
            case {"want": "months", "months": list() as asked}:
                return await self.of_months(asked)
        return {"error": "unknown message"}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, line by line, until it closes."""
        with contextlib.suppress(ConnectionError, ValueError, RecursionError):
            while line := await reader.readline():
                writer.write(json.dumps(await self.answer(json.loads(line))).encode() + b"\n")
                await writer.drain()
        writer.close()


async def publish(path: Path) -> None:
    """Listen on a Unix socket that the folder's group may use."""
    path.unlink(missing_ok=True)
    publisher = Publisher()
    server = await asyncio.start_unix_server(publisher.serve, path)
    os.chmod(path, 0o660)  # the folder is set-group-id: the group is the Hub's
    async with server:
        await server.serve_forever()


def main() -> None:
    """Run as ``python -m werkplaats_spawners.publisher SOCKET``."""
    asyncio.run(publish(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
