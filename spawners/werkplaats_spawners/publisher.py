"""A small read-only process, run as Slurm's own user, that publishes the queue on a socket.

``PrivateData`` hides people's jobs from one another, and so from the Hub, which is nobody special
to Slurm. This process sees them all and hands the Hub its view; it submits, changes and cancels
nothing. All who ask share one snapshot, and never more than one is being made.

One JSON object a line, each way::

    {"want": "view", "max_age": 1.0}   -> {"at": 1763.., "error": null, "jobs": [...],
                                           "associations": [...], "addresses": {...}}
    {"want": "verdict", "job_id": 17}  -> {"error": null, "job": {...} or null}

`at` is the Unix time of the snapshot; with an error, the older snapshot comes with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from werkplaats_spawners import slurm

_TIMEOUT: Final = 20.0
#: Associations and addresses change seldom; the queue is what people wait for.
_SLOW_FACTS_SECONDS: Final = 3.0


class CommandFailed(Exception):
    """A command of Slurm did not succeed; its text says why."""


async def run(argv: list[str]) -> str:
    """Run one read-only command of Slurm and return its standard output.

    Raises
    ------
    CommandFailed
        On any exit status but 0, and after 20 s.
    """
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), _TIMEOUT)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise CommandFailed(f"Socket timed out: no answer from {argv[0]}") from None
    if process.returncode != 0:
        raise CommandFailed(err.decode(errors="replace").strip()[-500:])
    return out.decode(errors="replace")


@dataclass
class Snapshot:
    """The last good answer of Slurm, and the error since, if there was one."""

    at: float = 0.0
    error: str | None = "nothing has been asked yet"
    jobs: list[dict[str, Any]] = field(default_factory=list)
    associations: list[dict[str, str]] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)


class Publisher:
    """Keeps one snapshot, and renews it when somebody needs a younger one."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self._tried = 0.0
        self._slow_facts_at = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def view(self, max_age: float) -> Snapshot:
        """Return a snapshot at most `max_age` seconds old, or the old one with its error.

        Parameters
        ----------
        max_age
            Seconds. Those who wait for one lock share the answer that it brings.
        """
        wanted = time.time() - max_age
        async with self._one_at_a_time:
            if max(self.snapshot.at, self._tried) < wanted:
                await self._renew()
                # All who waited share this answer, also when it is an error that took its time.
                self._tried = time.time()
        return self.snapshot

    async def _renew(self) -> None:
        started = time.time()
        try:
            jobs = slurm.parse_squeue(await run(slurm.squeue()))
            if started - self._slow_facts_at > _SLOW_FACTS_SECONDS:
                await self._renew_slow_facts(started)
        except (CommandFailed, OSError) as wrong:
            self.snapshot.error = str(wrong)
            return
        self.snapshot.jobs = [asdict(job) for job in jobs]
        self.snapshot.at = started
        self.snapshot.error = None

    async def _renew_slow_facts(self, started: float) -> None:
        associations = slurm.parse_associations(await run(slurm.show_associations()))
        addresses = slurm.parse_addresses(await run(slurm.sinfo_addresses()))
        self.snapshot.associations = [asdict(a) for a in associations]
        self.snapshot.addresses = addresses
        self._slow_facts_at = started

    async def verdict(self, job_id: int) -> dict[str, Any]:
        """Return what accounting recorded of one job."""
        try:
            job = slurm.latest(slurm.parse_sacct(await run(slurm.sacct(job_id))))
        except (CommandFailed, OSError) as wrong:
            return {"error": str(wrong), "job": None}
        return {"error": None, "job": asdict(job) if job else None}

    async def answer(self, message: Any) -> dict[str, Any]:
        """Answer one message; an unknown one gets an error."""
        match message:
            case {"want": "view", "max_age": float() | int() as max_age}:
                return asdict(await self.view(float(max_age)))
            case {"want": "verdict", "job_id": int() as job_id} if job_id > 0:
                return await self.verdict(job_id)
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
