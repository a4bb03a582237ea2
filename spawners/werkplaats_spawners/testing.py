"""A fake Slurm that replays recorded text, for tests of what stands on it.

:class:`FakeSlurm` keeps jobs, and answers squeue, sacct, scontrol, sinfo and *launch* with the texts
of a real Slurm 22.05. :class:`FakeCluster` and :class:`FakeLaunch` are the two ends that a spawner
holds; their own logic is that of the real ones, only what lies behind them is replaced.

>>> import asyncio
>>> fake = FakeSlurm(associations={("demo", "mkb")})
>>> launch, cluster = FakeLaunch(slurm=fake), FakeCluster(fake)
>>> async def first_job():
...     wanted = {"flavour": "gpu-1", "account": "demo", "qos": "regional", "minutes": 60}
...     number = await launch.submit("mkb", **wanted, environment={})
...     return await cluster.verdict(number, "mkb", submitted=0.0)
>>> asyncio.run(first_job()).phase
<Phase.PENDING: 'pending'>
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from werkplaats_spawners import limits, nodes, slurm
from werkplaats_spawners.cluster import Cluster, Unreachable
from werkplaats_spawners.launch.client import Launch, LaunchFailed
from werkplaats_spawners.publisher import CommandFailed

#: What commands of a real Slurm wrote on standard error.
AWAY: Final = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
ACCOUNTING_AWAY: Final = (
    "sacct: error: slurm_persist_conn_open_without_init: failed to open persistent connection to "
    "host:127.0.0.1:6819: Connection refused\n"
    "sacct: error: Sending PersistInit msg: Connection refused\n"
    "sacct: error: Problem talking to the database: Connection refused"
)
REFUSALS: Final[Mapping[slurm.Trouble, str]] = {
    slurm.Trouble.UNREACHABLE: "sbatch: error: Batch job submission failed: "
    "Unable to contact slurm controller (connect failure)",
    slurm.Trouble.NO_ASSOCIATION: "sbatch: error: Batch job submission failed: "
    "Invalid account or account/partition combination specified",
    slurm.Trouble.NOT_AVAILABLE: "sbatch: error: Memory specification can not be satisfied\n"
    "sbatch: error: Batch job submission failed: Requested node configuration is not available",
    slurm.Trouble.OVER_LIMIT: "sbatch: error: Batch job submission failed: Job violates accounting/QOS "
    "policy (job submit limit, user's size and/or time limits)",
    slurm.Trouble.ALONE: "sbatch: error: werkplaats-alone:cohort: While the dataset 'cohort' is mounted, "
    "nothing else of yours starts. Unmount it, or stop that server.\n"
    "sbatch: error: Batch job submission failed: Access/permission denied",
    slurm.Trouble.OTHER: "sbatch: error: Batch job submission failed: Unspecified error",
}

#: What ``sbatch --test-only`` wrote of jobs that would start, and that would have to preempt another.
WOULD_START: Final = (
    "sbatch: Job 554 to start at 2026-11-21T06:17:29 using 2 processors on nodes cpu1 in partition cpu\n"
)
WOULD_PREEMPT: Final = (
    "sbatch: Job 550 to start at 2026-11-21T06:32:29 using 4 processors on nodes gpu2 in partition gpu\n"
    "sbatch:   Preempts: 547\n"
)

_NODE: Final = "{name:128}|{address:256}|{state:32}|{gres:512}|{used:1024}|\n"
_WAITING: Final = "{id}|{user}|{account}|{qos}|{state}|n/a|{start}|N/A|{gres}|{limit}|gpu|{priority}|{waits}"
_PLACED: Final = (
    "{id}|{user}|{account}|{qos}|{state}|gpu1|2026-11-20T23:27:19|{end}|{gres}|{limit}|gpu|{priority}"
    "|{reason}"
)
_ACCOUNTED: Final = "{id}|{user}|{account}|{qos}|{state}|gpu1|2026-11-20T23:27:19|{end}|0:0|{note}\n"
_ASSOCIATION: Final = """\
ClusterName=werkplaats Account={account} UserName={user} Partition= Priority=0 ID=12
    SharesRaw/Norm/Level/Factor=1/0.33/3/0.00
    GrpJobs=N(0) GrpJobsAccrue=N(0)
    GrpSubmitJobs={submit}(0) GrpWall=N(9.08)
    GrpTRES=cpu=N(0),mem=N(0),node=N(0),billing=N(0),gres/gpu=N(0)
    GrpTRESMins=cpu=N(0),mem=N(0),node=N(0),billing=N(0),gres/gpu={limit}({used})
    GrpTRESRunMins=cpu=N(0),mem=N(0),node=N(0),billing=N(0),gres/gpu=N({committed})
"""
_QOS: Final = """\
QOS={name}(4)
    UsageRaw=0.000000
    GrpTRES=cpu=N(0),mem=N(0),node=N(0),billing=N(0),gres/gpu={limit}({used})
    MaxWallPJ=
    Account Limits
      No Accounts
    User Limits
      1001
        MaxJobsPU=N(0) MaxJobsAccruePU=N(0) MaxSubmitJobsPU=N(0)
        MaxTRESPU=cpu=N(0),mem=N(0),node=N(0),billing=N(0),gres/gpu=N({used})
"""


@dataclass
class FakeJob:
    """A job of the fake: who charges it to what, and where it stands."""

    id: int
    user: str
    account: str
    qos: str
    state: str = "PENDING"
    reason: str = "None"
    remembered: bool = True  # by squeue; sacct remembers every job
    accounted: bool = True
    ended: float | None = None  # Unix time, seconds
    gres: str = "N/A"
    limit: str = "2:00:00"
    note: str = ""
    waits: str = "Resources"
    start: str = "N/A"  # expected, while it waits
    priority: int = 1


@dataclass
class FakeSlurm:
    """A Slurm of a few jobs, which breaks on request.

    Attributes
    ----------
    associations
        Pairs of account and user.
    budgets
        GPU-minutes by account: the limit, what is used, and what runs can still use.
    closed
        Accounts under which nothing may be handed in.
    shares
        GPUs by QOS: the limit, and what is in use.
    nodes
        By name: address, state, GPUs and how many of them jobs have.
    when
        What ``sbatch --test-only`` writes on standard error.
    away
        Why the controller does not answer; ``None`` when it does.
    accounting_away
        Why accounting does not answer; ``None`` when it does.
    refusal
        What sbatch says to the next submissions; ``None`` when it takes them.
    cancels_that_fail
        How many of the next calls of scancel find no controller.
    cancels_that_linger
        How many of the next calls of scancel are taken, and end nothing.
    log
        The last lines that every job wrote.
    submitted, asked_when, cancelled
        What *launch* was asked: messages with their user, and job numbers.
    commands
        The commands that were run, by name.
    """

    associations: set[tuple[str, str]] = field(default_factory=set)
    budgets: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)
    nodes: dict[str, tuple[str, str, int, int]] = field(
        default_factory=lambda: {"gpu1": ("10.0.0.1", "mix", 4, 1), "gpu2": ("10.0.0.2", "idle", 4, 0)}
    )
    when: str = WOULD_START
    away: str | None = None
    accounting_away: str | None = None
    refusal: str | None = None
    cancels_that_fail: int = 0
    cancels_that_linger: int = 0
    log: list[str] = field(default_factory=list)
    jobs: dict[int, FakeJob] = field(default_factory=dict)
    submitted: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    asked_when: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def __deepcopy__(self, memo: dict[int, object]) -> FakeSlurm:
        """Stay one: traitlets copies what a configuration holds for every spawner."""
        return self

    # -- what becomes of a job -------------------------------------------------------------------

    def add(self, user: str, account: str, qos: str, number: int | None = None) -> FakeJob:
        """Put a pending job into the queue."""
        job = FakeJob(number or max(self.jobs, default=16) + 1, user, account, qos)
        self.jobs[job.id] = job
        return job

    def run_job(self, number: int) -> None:
        """Place a job on a node."""
        self.jobs[number].state = "RUNNING"

    def end_job(self, number: int, state: str = "COMPLETED", reason: str = "None") -> None:
        """Let a job end, as `state` says; ``COMPLETING`` leaves its processes on the node."""
        job = self.jobs[number]
        job.state, job.reason = state, reason
        job.ended = time.time() if slurm.phase(state) is slurm.Phase.GONE else None

    def forget_job(self, number: int, accounted: bool = True) -> None:
        """Let the controller forget a job, as after MinJobAge; accounting keeps it, unless told."""
        self.jobs[number].remembered = False
        self.jobs[number].accounted = accounted

    # -- the read-only commands ------------------------------------------------------------------

    async def run(self, argv: Sequence[str]) -> str:
        """Answer a read-only command, in the place of :func:`publisher.run`.

        Raises
        ------
        CommandFailed
            While the part of Slurm that it asks is away.
        """
        self.commands.append(argv[0])
        away = self.accounting_away if argv[0] in ("sacct", "sacctmgr") else self.away
        if away:
            raise CommandFailed(away)
        match argv[0]:
            case "squeue":
                return self._queue(argv)
            case "sacct":
                return self._accounting(argv)
            case "sacctmgr":
                return "werkplaats\n"
            case "scontrol":
                return self._record(int(argv[-1])) if "job" in argv else self._limits()
            case "sinfo":
                return "".join(map(_node_line, self.nodes.items()))
        raise CommandFailed(f"{argv[0]}: command not found")

    def _queue(self, argv: Sequence[str]) -> str:
        if "--format=%A" not in argv:
            return "".join(_queue_line(job) for job in self.jobs.values() if job.remembered)
        theirs = [job for job in self.jobs.values() if f"--user={job.user}" in argv]
        return "".join(f"{job.id}\n" for job in theirs if job.state == "RUNNING")

    def _record(self, number: int) -> str:
        return f"JobId={number} JobName=x\n   AdminComment={self.jobs[number].note} \n"

    def _limits(self) -> str:
        accounts = sorted({account for account, _ in self.associations})
        people = [(account, f"{user}(1001)") for account, user in sorted(self.associations)]
        lines = [self._association(account, "") for account in accounts]
        lines += [self._association(account, user) for account, user in people]
        lines += [_QOS.format(name=name, limit=n, used=used) for name, (n, used) in self.shares.items()]
        return "".join(lines)

    def _association(self, account: str, user: str) -> str:
        limit, used, committed = self.budgets.get(account, ("N", 0, 0)) if not user else ("N", 0, 0)
        submit = "0" if account in self.closed else "N"
        values = {"limit": limit, "used": used, "committed": committed, "submit": submit}
        return _ASSOCIATION.format(account=account, user=user, **values)

    def _accounting(self, argv: Sequence[str]) -> str:
        number = next(word.removeprefix("--jobs=") for word in argv if word.startswith("--jobs="))
        job = self.jobs.get(int(number))
        return _line(_ACCOUNTED, job, "Unknown") if job and job.accounted else ""

    # -- launch ----------------------------------------------------------------------------------

    def answer_launch(self, user: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """Answer *launch*'s message, as its program does after it ran Slurm's command.

        Raises
        ------
        LaunchFailed
            With the text of the command, where that failed.
        """
        match message["action"]:
            case "submit":
                return self._submit(user, message)
            case "cancel":
                return self._cancel(int(message["job_id"]))
            case "when":
                return self._when(user, message)
        return {"lines": list(self.log)}

    def _submit(self, user: str, message: Mapping[str, Any]) -> dict[str, Any]:
        self.submitted.append((user, message))
        if self.refusal is not None:
            raise LaunchFailed(slurm.trouble(self.refusal), self.refusal)
        return {"job_id": self.add(user, message["account"], message["qos"]).id}

    def _when(self, user: str, message: Mapping[str, Any]) -> dict[str, Any]:
        self.asked_when.append((user, message))
        expected = slurm.parse_when(self.when)
        if expected is None:
            raise LaunchFailed(slurm.trouble(self.when), self.when)
        start = expected.start.isoformat()
        return {"start": start, "node": expected.node, "preempts": expected.preempts, "header": "#SBATCH\n"}

    def _cancel(self, number: int) -> dict[str, Any]:
        self.cancelled.append(number)
        if self.cancels_that_fail > 0:
            self.cancels_that_fail -= 1
            wrong = f"scancel: error: Kill job error on job id {number}: " + AWAY.partition(": ")[2]
            raise LaunchFailed(slurm.trouble(wrong), wrong)
        if self.cancels_that_linger > 0:
            self.cancels_that_linger -= 1
        elif number in self.jobs:  # scancel of 22.05 passes over a number that it does not know
            self.end_job(number, "CANCELLED")
        return {"ok": True}


class FakeCluster(Cluster):
    """A :class:`Cluster` whose publisher asks a :class:`FakeSlurm`.

    Parameters
    ----------
    fake
        The Slurm behind it.
    """

    def __init__(self, fake: FakeSlurm) -> None:
        super().__init__("the fake has no socket")
        self._fake = fake

    async def _ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        try:
            match message["want"]:
                case "view":
                    return await self._view_now()
                case "alone":
                    numbers = await self._fake.run(slurm.squeue_of(message["user"]))
                    records = [await self._fake.run(slurm.show_job(int(n))) for n in numbers.split()]
                    return {"error": None, "alone": slurm.alone("".join(records))}
            return await self._record(message["job_id"])
        except CommandFailed as wrong:
            raise Unreachable(str(wrong)) from wrong

    async def _view_now(self) -> dict[str, Any]:
        at = time.time()
        jobs = slurm.parse_squeue(await self._fake.run(slurm.squeue()))
        held = await self._fake.run(limits.show_limits())
        accounting: dict[str, Any] = {"at": at, "error": None}
        try:
            await self._fake.run(slurm.accounting_ping())
        except CommandFailed as wrong:
            accounting["error"] = str(wrong)
        return {
            "at": at,
            "limits_at": at,
            "error": None,
            "jobs": [asdict(job) for job in jobs],
            "associations": [asdict(association) for association in limits.parse_associations(held)],
            "qos": [asdict(qos) for qos in limits.parse_qos(held)],
            "accounting": accounting,
            "nodes": [asdict(node) for node in nodes.parse_nodes(await self._fake.run(nodes.show_nodes()))],
        }

    async def _record(self, number: int) -> dict[str, Any]:
        job = slurm.latest(slurm.parse_sacct(await self._fake.run(slurm.sacct(number))))
        return {"error": None, "job": asdict(job) if job else None}


@dataclass(frozen=True)
class FakeLaunch(Launch):
    """A :class:`Launch` that needs no sudo and no program: a :class:`FakeSlurm` answers."""

    program: str = "the fake has no program"
    slurm: FakeSlurm = field(default_factory=FakeSlurm)

    async def _ask(
        self, user: str, message: Mapping[str, Any], *, to_the_end: bool = False
    ) -> dict[str, Any]:
        return self.slurm.answer_launch(user, message)


def _queue_line(job: FakeJob) -> str:
    waiting = slurm.phase(job.state) is slurm.Phase.PENDING
    return _line(_WAITING if waiting else _PLACED, job, "2026-11-21T01:27:19") + "\n"


def _node_line(node: tuple[str, tuple[str, str, int, int]]) -> str:
    name, (address, state, gpus, used) = node
    gres = f"gpu:virtual:{gpus}" if gpus else "(null)"
    index = f"0-{used - 1}" if used else "N/A"
    in_use = f"gpu:virtual:{used}(IDX:{index})" if gpus else "gpu:0"
    return _NODE.format(name=name, address=address, state=state, gres=gres, used=in_use)


def _line(template: str, job: FakeJob, expected_end: str) -> str:
    """Fill a recorded line in; times are local, as Slurm's are."""
    end = expected_end
    if job.ended is not None:
        end = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(job.ended))
    return template.format(**asdict(job), end=end)
