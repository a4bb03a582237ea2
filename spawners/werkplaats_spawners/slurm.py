"""Slurm's commands as data: argument lists, pure parsers of their output, the table of states.

The only module that knows Slurm's command line and texts. It runs nothing, and imports only the
standard library, because the privileged *launch* program uses it as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final


class Phase(Enum):
    """Where a job stands, in the only distinctions that the platform makes."""

    PENDING = "pending"
    RUNNING = "running"
    ENDING = "ending"  # over, but its processes still hold the node
    GONE = "gone"
    UNKNOWN = "unknown"


#: Job states of Slurm (squeue(1), JOB STATE CODES) to phases. One that is not here is unknown,
#: and unknown is never gone.
PHASES: Final[Mapping[str, Phase]] = {
    "PENDING": Phase.PENDING,
    "CONFIGURING": Phase.PENDING,
    "REQUEUED": Phase.PENDING,
    "REQUEUE_FED": Phase.PENDING,
    "REQUEUE_HOLD": Phase.PENDING,
    "RESV_DEL_HOLD": Phase.PENDING,
    "SPECIAL_EXIT": Phase.PENDING,
    "RUNNING": Phase.RUNNING,
    "RESIZING": Phase.RUNNING,
    "SIGNALING": Phase.RUNNING,
    "STAGE_OUT": Phase.RUNNING,
    "STOPPED": Phase.RUNNING,
    "SUSPENDED": Phase.RUNNING,
    "COMPLETING": Phase.ENDING,
    "BOOT_FAIL": Phase.GONE,
    "CANCELLED": Phase.GONE,
    "COMPLETED": Phase.GONE,
    "DEADLINE": Phase.GONE,
    "FAILED": Phase.GONE,
    "NODE_FAIL": Phase.GONE,
    "OUT_OF_MEMORY": Phase.GONE,
    "PREEMPTED": Phase.GONE,
    "REVOKED": Phase.GONE,
    "TIMEOUT": Phase.GONE,
}


def phase(state: str) -> Phase:
    """Return the phase of a state as squeue or sacct print it (``CANCELLED by 1001`` too)."""
    word = state.split()[0] if state.split() else ""
    return PHASES.get(word.rstrip("+"), Phase.UNKNOWN)


@dataclass(frozen=True)
class Job:
    """One line of the queue.

    Attributes
    ----------
    id
        Slurm's job number.
    user, account, qos
        Whose it is and what it is charged to.
    state
        Slurm's long state, such as ``PENDING``.
    node
        The node of the batch script; empty before it runs.
    start, end
        Slurm's expected or real times, local and ISO 8601; ``N/A`` where there is none.
    reason
        Slurm's reason for waiting, such as ``QOSGrpGRES``, or how it ended.
    gpus
        Asked for on its one node; what ``--gpus`` asks for is not in it.
    minutes
        Its time limit, 0 where there is none.
    partition, priority
        Where it waits, and its place there: the highest goes first.
    note
        What an operator's program wrote of it; ``None`` where that was not asked for: only accounting
        tells it.
    """

    id: int
    user: str
    account: str
    qos: str
    state: str
    node: str
    start: str
    end: str
    reason: str
    gpus: int = 0
    minutes: int = 0
    partition: str = ""
    priority: int = 0
    note: str | None = None

    @property
    def phase(self) -> Phase:
        """Return where the job stands."""
        return phase(self.state)


@dataclass(frozen=True)
class JobSpec:
    """All that a server's job asks of Slurm; every value is checked before it comes here.

    Attributes
    ----------
    notice_seconds
        How long before its end the batch script gets SIGUSR1: before its time is over, and when
        borrowed capacity is taken back (``preempt_send_user_signal``).
    """

    account: str
    qos: str
    partition: str
    cpus: int
    memory_gb: int
    gpus: int
    minutes: int
    notice_seconds: int
    log: str
    home: str


_SAFE: Final = re.compile(r"[A-Za-z0-9_./+%-]+")


def batch_header(spec: JobSpec) -> str:
    """Return the ``#SBATCH`` lines for a server, each value of which is a number or a plain word.

    Raises
    ------
    ValueError
        When a text could be read as more than one word.
    """
    for text in (spec.account, spec.qos, spec.partition, spec.log, spec.home):
        if not _SAFE.fullmatch(text):
            raise ValueError(f"not a plain word: {text!r}")
    lines = [
        "--job-name=werkplaats",
        f"--account={spec.account}",
        f"--qos={spec.qos}",
        f"--partition={spec.partition}",
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={spec.cpus}",
        f"--mem={spec.memory_gb}G",
        *([f"--gres=gpu:{spec.gpus}"] if spec.gpus else []),
        f"--time={spec.minutes}",
        f"--signal=B:USR1@{spec.notice_seconds}",
        f"--chdir={spec.home}",
        f"--output={spec.log}",
        "--open-mode=append",
        "--no-requeue",
    ]
    return "".join(f"#SBATCH {line}\n" for line in lines)


def sbatch() -> list[str]:
    """Submit the script on standard input; the environment is exactly the caller's."""
    return ["sbatch", "--parsable", "--export=ALL"]


def parse_job_id(text: str) -> int:
    """Read what ``sbatch --parsable`` prints: ``JOBID`` or ``JOBID;CLUSTER`` on its last line.

    Raises
    ------
    ValueError
        When there is no job number.
    """
    lines = text.strip().splitlines()
    if not lines:
        raise ValueError("sbatch printed no job number")
    return int(lines[-1].split(";")[0])


@dataclass(frozen=True)
class Expected:
    """When a job would start that is not handed in.

    Attributes
    ----------
    start
        The earliest moment, with its time zone. Slurm reckons with what runs and waits, and with
        the limits of one job; not with what a group has in use.
    node
        Where.
    preempts
        Whether borrowers must go for it first.
    """

    start: datetime
    node: str
    preempts: bool


def sbatch_when() -> list[str]:
    """Ask when the script on standard input would start; nothing is handed in."""
    return ["sbatch", "--test-only"]


_WOULD_START: Final = re.compile(
    r"Job \d+ to start at (\S+) using \d+ processors on nodes (\S+) in partition "
)


def parse_when(text: str) -> Expected | None:
    """Read what :func:`sbatch_when` writes on standard error; ``None`` where there is no answer in it."""
    found = _WOULD_START.search(text)
    if found is None:
        return None
    try:
        start = datetime.fromisoformat(found[1])
    except ValueError:
        return None
    # Slurm prints its own machine's local time.
    return Expected(
        start.astimezone(), found[2], bool(re.search(r"^sbatch: +Preempts: \S", text, re.MULTILINE))
    )


#: How the note begins of a borrower that was told to go (``AdminComment``, which no user can write).
TAKEN_BACK: Final = "werkplaats: lent capacity was taken back"


def scancel(job_id: int) -> list[str]:
    """Cancel one job, its batch script included."""
    return ["scancel", str(job_id)]


#: How the note begins of a job in which a dataset is mounted that suffers nothing else of its person's
#: beside it; the dataset's name follows. ``job_submit.lua`` reads it, and its refusal repeats it.
ALONE: Final = "werkplaats-alone:"
_ALONE: Final = re.compile(
    r"(?:AdminComment=|^|: )" + re.escape(ALONE) + r"([a-z0-9][a-z0-9-]*)", re.MULTILINE
)


def alone(text: str) -> str:
    """Return the dataset that a note, a job's record or a refusal says is mounted alone; nothing when none.

    >>> alone("werkplaats-alone:cohort"), alone("werkplaats: lent capacity was taken back")
    ('cohort', '')
    """
    found = _ALONE.search(text)
    return found[1] if found else ""


def squeue_of(user: str) -> list[str]:
    """Ask for the numbers of the jobs of one person that have processes, a line each."""
    return ["squeue", "--noheader", f"--user={user}", "--states=running,suspended,completing", "--format=%A"]


def show_job(number: int) -> list[str]:
    """Ask for one job's record, notes included.

    squeue of 22.05 prints a column that it does not know as an empty one (``AdminComment``, where it has
    ``admin_comment``). What the job's person wrote is in its record too: it is believed of them only.
    """
    return ["scontrol", "show", "job", str(number)]


_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_QUEUE_FIELDS: Final = ("%i", "%u", "%a", "%q", "%T", "%B", "%S", "%e", "%b", "%l", "%P", "%Q", "%r")


def squeue() -> list[str]:
    """Ask for every job that the controller remembers, ended ones included, in one call.

    No field that a user may write (name, comment) is asked for, so that no job can forge a line.
    """
    return ["squeue", "--noheader", "--states=all", "--format=" + "|".join(_QUEUE_FIELDS)]


def parse_squeue(text: str) -> tuple[Job, ...]:
    """Read the output of :func:`squeue`; array tasks and malformed lines are passed over."""
    jobs = []
    for line in text.splitlines():
        fields = line.split("|", len(_QUEUE_FIELDS) - 1)
        if len(fields) == len(_QUEUE_FIELDS) and _NUMBER.fullmatch(fields[0]):
            number, user, account, qos, state, node, start, end, gres, limit, partition, priority, why = (
                fields
            )
            place = (state, _node(node), start, end, why)
            size = (_gpus(gres), minutes(limit), partition)
            rank = int(priority) if _NUMBER.fullmatch(priority) else 0
            jobs.append(Job(int(number), user, account, qos, *place, *size, rank))
    return tuple(jobs)


def _gpus(gres: str) -> int:
    """Read ``gres:gpu:2`` or ``gres/gpu:h100:2``; a name without a number is one."""
    found = re.findall(r"\bgpu(?::[a-z][a-z0-9_]*)?(?::(\d+))?(?=,|$)", gres)
    return sum(int(number or 1) for number in found)


def minutes(limit: str) -> int:
    """Read Slurm's ``[days-][hours:]minutes:seconds``; 0 for what is no time, such as UNLIMITED.

    >>> minutes("1-02:00:00"), minutes("2:00:00"), minutes("30:00"), minutes("UNLIMITED")
    (1560, 120, 30, 0)
    """
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)
    if found is None:
        return 0
    days, hours, mins = (int(part or 0) for part in found.groups()[:3])
    return (days * 24 + hours) * 60 + mins


def sacct(job_id: int) -> list[str]:
    """Ask accounting for the verdict on one job that the controller has forgotten."""
    fields = "JobIDRaw,User,Account,QOS,State,NodeList,Start,End,ExitCode,AdminComment"
    return ["sacct", "--noheader", "--parsable2", "--allocations", "--allusers",
            f"--jobs={job_id}", f"--format={fields}"]  # fmt: skip


def parse_sacct(text: str) -> tuple[Job, ...]:
    """Read the output of :func:`sacct`; the exit code takes the place of the reason."""
    jobs = []
    for line in text.splitlines():
        fields = line.split("|", 9)
        if len(fields) == 10 and _NUMBER.fullmatch(fields[0]):
            number, user, account, qos, state, node, start, end, code, note = fields
            place = (state, _node(node), start, end, code)
            jobs.append(Job(int(number), user, account, qos, *place, note=note))
    return tuple(jobs)


def _node(text: str) -> str:
    """Return a node's name, and nothing for the words that Slurm has for none."""
    return "" if text in ("n/a", "(null)", "None assigned", "None") else text


def accounting_ping() -> list[str]:
    """Ask accounting for next to nothing: whether it answers."""
    return ["sacctmgr", "--noheader", "--parsable2", "show", "cluster", "format=cluster"]


class Trouble(Enum):
    """What a failed command of Slurm means for the person who waits."""

    UNREACHABLE = "unreachable"
    NO_ASSOCIATION = "no-association"
    NOT_AVAILABLE = "not-available"
    OVER_LIMIT = "over-limit"
    JOB_UNKNOWN = "job-unknown"
    ALONE = "alone"
    BUSY = "busy"
    OTHER = "other"


#: Texts of Slurm 21.08 to 24.11 (slurm_errno.c), in the order in which they are looked for.
_TROUBLES: Final[tuple[tuple[str, Trouble], ...]] = (
    (ALONE, Trouble.ALONE),
    ("Unable to contact slurm controller", Trouble.UNREACHABLE),
    ("Socket timed out", Trouble.UNREACHABLE),
    ("Zero Bytes were transmitted", Trouble.UNREACHABLE),
    ("Connection refused", Trouble.UNREACHABLE),
    ("backup controller", Trouble.UNREACHABLE),
    ("Invalid authentication credential", Trouble.UNREACHABLE),
    ("Protocol authentication error", Trouble.UNREACHABLE),
    ("Invalid account or account/partition combination", Trouble.NO_ASSOCIATION),
    ("Invalid qos specification", Trouble.NO_ASSOCIATION),
    ("Requested node configuration is not available", Trouble.NOT_AVAILABLE),
    ("More processors requested than permitted", Trouble.NOT_AVAILABLE),
    ("Invalid generic resource", Trouble.NOT_AVAILABLE),
    ("Memory required by task is not available", Trouble.NOT_AVAILABLE),
    ("Job violates accounting/QOS policy", Trouble.OVER_LIMIT),
    ("Invalid job id specified", Trouble.JOB_UNKNOWN),
    ("Job/step already completing or completed", Trouble.JOB_UNKNOWN),
)


def trouble(stderr: str) -> Trouble:
    """Return what an error text of a Slurm command means; one that is not known is *other*."""
    return next((meaning for text, meaning in _TROUBLES if text in stderr), Trouble.OTHER)


def latest(jobs: Iterable[Job]) -> Job | None:
    """Return the last of several records of one job number (accounting keeps reused ones)."""
    found = list(jobs)
    return found[-1] if found else None
