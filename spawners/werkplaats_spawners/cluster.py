"""One shared view of the cluster for all servers: what runs, waits, is gone, or is unknown.

Everything comes from the publisher's socket (:mod:`werkplaats_spawners.publisher`). An error is
never read as an absence: a job is *gone* only when a snapshot that succeeded shows it ended, or
lacks it and accounting holds its terminal record.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from werkplaats_spawners.afterwards import afterwards
from werkplaats_spawners.limits import Association, Qos, read_associations, read_qos
from werkplaats_spawners.nodes import Node, read_nodes
from werkplaats_spawners.slurm import Job, Phase

#: The longest line a publisher may send: some 100,000 jobs.
_LIMIT: Final = 64 * 1024 * 1024
_TIMEOUT: Final = 45.0
#: A poll needs no limits; the nodes' addresses, which come with them, seldom change.
_ADDRESSES_AGE: Final = 30.0
#: From which age of its numbers a page has younger ones asked for, and how long it waits for those when
#: it has none; seconds.
_GLANCE_RENEWS: Final = 3.0
_PATIENCE: Final = 2.0
#: While pages are looked at the numbers are kept young, so that no page waits for them: how often they
#: are asked for, and for how long after the last look; seconds.
_GLANCE_EVERY: Final = 6.0
_LOOKED_AT: Final = 600.0
#: slurmctld remembers an ended job for MinJobAge (300 s); a job that neither it nor accounting
#: knows after this many seconds never existed for this cluster.
_FORGOTTEN_AFTER: Final = 900.0


Kind = TypeVar("Kind")


class Unreachable(Exception):
    """The publisher, or Slurm behind it, gives no answer."""


@dataclass(frozen=True)
class Verdict:
    """What is known of one job.

    Attributes
    ----------
    phase
        Where it stands.
    reason
        Slurm's reason, final state, or why nothing is known.
    address
        Where its node can be reached, once it has one.
    job
        Slurm's record, if there is one.
    """

    phase: Phase
    reason: str = ""
    address: str = ""
    job: Job | None = None


@dataclass(frozen=True)
class View:
    """A snapshot of the whole cluster.

    Attributes
    ----------
    at, limits_at
        Unix times at which Slurm was asked for the queue, and for the limits; seconds.
    error
        Why there is no younger one; ``None`` when all is well.
    associations
        What Slurm holds of each account (no person) and of each person in one, by account and person.
    qos
        What it holds of each QOS, by name.
    nodes
        Of the same age as the limits, by name.
    accounting_at, accounting_error
        When Slurm's database last answered (Unix time, 0 for never), and why it does not now.
    """

    at: float
    error: str | None
    jobs: Mapping[int, Job]
    limits_at: float = 0.0
    associations: Mapping[tuple[str, str], Association] = field(default_factory=dict)
    qos: Mapping[str, Qos] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    accounting_at: float = 0.0
    accounting_error: str | None = None

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> View:
        """Read the publisher's answer.

        Raises
        ------
        Unreachable
            When it is not one.
        """
        try:
            return cls(
                at=float(answer["at"]),
                error=answer["error"],
                limits_at=float(answer["limits_at"]),
                jobs={job["id"]: Job(**job) for job in answer["jobs"]},
                associations={(a.account, a.user): a for a in read_associations(answer["associations"])},
                qos={qos.name: qos for qos in read_qos(answer["qos"])},
                nodes={node.name: node for node in read_nodes(answer["nodes"])},
                accounting_at=float(answer["accounting"]["at"]),
                accounting_error=answer["accounting"]["error"],
            )
        except (TypeError, KeyError, ValueError) as wrong:
            raise Unreachable(f"the queue's publisher answers otherwise than expected: {wrong}") from wrong

    def accounts(self, user: str) -> frozenset[str]:
        """Return the accounts that Slurm lets a person charge."""
        return frozenset(account for account, person in self.associations if person == user)


class Cluster:
    """The Hub's end of the publisher's socket; one for all spawners, however often they are configured."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._view: View | None = None
        self._trouble: str | None = None
        self._one_at_a_time = asyncio.Lock()
        self._renewing: asyncio.Future[View] | None = None
        self._looked = -_LOOKED_AT
        self._next: asyncio.TimerHandle | None = None

    def __deepcopy__(self, memo: object) -> Cluster:
        """Return itself: traitlets copies a configuration for every spawner."""
        return self

    async def view(self, max_age: float, limits_age: float = 3.0) -> View:
        """Return a view at most `max_age` seconds old, or an older one that carries an error.

        Parameters
        ----------
        limits_age
            How old the limits and their use may be, seconds: they cost more to ask for.

        Raises
        ------
        Unreachable
            When there is no view at all.
        """
        wanted, limits_wanted = time.time() - max_age, time.time() - limits_age
        question = {"want": "view", "max_age": max_age, "limits_age": limits_age}
        async with self._one_at_a_time:
            view = self._view
            if view is None or view.error or view.at < wanted or view.limits_at < limits_wanted:
                view = self._view = await self._read(question)
        if view.at == 0.0:
            raise Unreachable(view.error or "no snapshot yet")
        return view

    async def _read(self, question: Mapping[str, Any]) -> View:
        """Ask for a view, and remember what was the matter."""
        try:
            view = View.read(await self._ask(question))
        except Unreachable as wrong:
            self._trouble = str(wrong)
            raise
        self._trouble = view.error
        return view

    @property
    def trouble(self) -> str | None:
        """What was the matter when the cluster was last asked; ``None`` for nothing, or not known yet."""
        return self._trouble

    @property
    def latest(self) -> View | None:
        """The last view, of whatever age; nothing is asked."""
        return self._view

    async def glance(self, max_age: float = 10.0) -> View:
        """Return a view for a page, which is hardly kept waiting: young enough, or marked with an error.

        A younger one is asked for once the page is out.

        Parameters
        ----------
        max_age
            How old the numbers may be, seconds.

        Raises
        ------
        Unreachable
            When there is no view at all.
        """
        known, self._looked = self._view, time.monotonic()
        if known and not known.error and min(known.at, known.limits_at) > time.time() - max_age:
            afterwards(self._renew)
            return known
        try:
            return await asyncio.wait_for(asyncio.shield(self._renew()), _PATIENCE)
        except (Unreachable, TimeoutError) as wrong:
            error = str(wrong) or "Slurm gives no answer in time"
            if known is None or known.at == 0.0:
                raise Unreachable(error) from wrong
            return replace(known, error=error)

    def _renew(self) -> asyncio.Future[View]:
        """Ask for a younger view; the same for all who want one at a time."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.ensure_future(self.view(_GLANCE_RENEWS, _GLANCE_RENEWS))
            self._renewing.add_done_callback(self._go_on)
        return self._renewing

    def _go_on(self, done: asyncio.Future[View]) -> None:
        """Ask again in a while, as long as somebody looks."""
        failed = done.cancelled() or done.exception()
        if self._next is not None:
            self._next.cancel()
        if not failed and time.monotonic() - self._looked < _LOOKED_AT:
            self._next = asyncio.get_running_loop().call_later(_GLANCE_EVERY, self._renew)

    async def verdict(self, job_id: int, user: str, submitted: float, max_age: float = 5.0) -> Verdict:
        """Return what is known of a job.

        Parameters
        ----------
        job_id, user
            Slurm's number, and whose job it must be: a number may come back as another's.
        submitted
            Unix time of the submission: a snapshot from before it says nothing, and a record of
            an older job with the same number is not this one's.
        max_age
            How old the snapshot may be, seconds.
        """
        try:
            view = await self.view(max_age, limits_age=_ADDRESSES_AGE)
        except Unreachable as wrong:
            return Verdict(Phase.UNKNOWN, str(wrong))
        job = view.jobs.get(job_id)
        if job is not None and view.at >= submitted and _is_it(job, user, submitted):
            node = view.nodes.get(job.node)
            return Verdict(job.phase, job.reason, node.address if node else job.node, job)
        if view.error or view.at < submitted:
            return Verdict(Phase.UNKNOWN, view.error or "the queue was last read before the submission")
        return await self._accounting_says(job_id, user, submitted)

    async def ending(self, job_id: int, user: str, submitted: float) -> Verdict:
        """Return what is known of a job that ends; why a borrower was cancelled is in accounting."""
        verdict = await self.verdict(job_id, user, submitted, max_age=1.0)
        job = verdict.job
        if verdict.phase is Phase.GONE and job and job.note is None and job.state.startswith("CANCELLED"):
            return await self._accounting_says(job_id, user, submitted)
        return verdict

    async def _accounting_says(self, job_id: int, user: str, submitted: float) -> Verdict:
        """Ask for the terminal record of a job that a good snapshot lacks."""
        try:
            answer = await self._ask({"want": "verdict", "job_id": job_id})
            job = _read(Job, answer["job"]) if answer.get("job") else None
        except Unreachable as wrong:
            return Verdict(Phase.UNKNOWN, str(wrong))
        if answer.get("error") or "job" not in answer:
            return Verdict(Phase.UNKNOWN, str(answer.get("error")))
        if job is None or not _is_it(job, user, submitted):
            forgotten = time.time() - submitted > _FORGOTTEN_AFTER
            return Verdict(Phase.GONE if forgotten else Phase.UNKNOWN, "Slurm has no record of this job")
        if job.phase is Phase.GONE:
            return Verdict(Phase.GONE, job.state, job=job)
        return Verdict(Phase.UNKNOWN, f"accounting says {job.state}, the queue lacks it")

    async def alone(self, user: str) -> str:
        """Return the dataset that is mounted alone in a job of a person now; nothing when none is.

        Raises
        ------
        Unreachable
            When Slurm cannot be asked: then nobody knows.
        """
        answer = await self._ask({"want": "alone", "user": user})
        if answer.get("error") or not isinstance(answer.get("alone"), str):
            raise Unreachable(str(answer.get("error") or "the queue's publisher is an older one"))
        return str(answer["alone"])

    async def certain_view(self, max_age: float) -> View:
        """Return a view to start by, no part of it older than `max_age` seconds.

        Raises
        ------
        Unreachable
            When Slurm cannot be asked: an older view will not do.
        """
        view = await self.view(max_age, max_age)
        if view.error:
            raise Unreachable(view.error)
        return view

    async def _ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_TIMEOUT):
                reader, writer = await asyncio.open_unix_connection(self._socket, limit=_LIMIT)
                try:
                    writer.write(json.dumps(message).encode() + b"\n")
                    line = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError) as wrong:
            raise Unreachable(f"the queue's publisher does not answer: {wrong}") from wrong
        if not line:
            raise Unreachable("the queue's publisher closed the connection")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError) as wrong:
            raise Unreachable(f"the queue's publisher answers in no language of ours: {wrong}") from wrong
        if not isinstance(answer, dict) or not isinstance(answer.get("error", 0), str | None):
            raise Unreachable("the queue's publisher answers in no language of ours")
        return answer


def _is_it(job: Job, user: str, submitted: float) -> bool:
    """Return whether a record is of the job that was meant: its owner's, and not over before it began.

    Slurm counts from one again when its state is lost, so that a number alone proves nothing.
    """
    if job.user != user:
        return False
    try:
        ended = datetime.fromisoformat(job.end).timestamp()  # local time, as Slurm prints it
    except ValueError:
        return True  # it has no end yet
    # A minute for clocks that differ; numbers that begin anew come after far longer than that.
    return job.phase is not Phase.GONE or ended >= submitted - 60


def _read(kind: type[Kind], answer: Mapping[str, Any]) -> Kind:
    """Read a value out of an answer.

    Raises
    ------
    Unreachable
        When it is not one: a publisher of another version is none.
    """
    try:
        return kind(**answer)
    except TypeError as wrong:
        raise Unreachable(f"the queue's publisher answers otherwise than expected: {wrong}") from wrong
