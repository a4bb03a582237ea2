"""What Slurm's accounting holds of what a facility steers, as a value that can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

#: Run a command, return its standard output, raise on failure.
Run = Callable[[Sequence[str]], str]


class Kind(Enum):
    """The three things that Slurm's accounting is made of, in the order in which they need one another."""

    QOS = "QOS"
    ACCOUNT = "account"
    USER = "person"


class Thing(NamedTuple):
    """One QOS, one account, or one person's association with an account.

    Attributes
    ----------
    name
        Of the QOS or the account.
    user
        The person; empty for the other two.
    """

    kind: Kind
    name: str
    user: str = ""

    def __str__(self) -> str:
        if self.kind is Kind.USER:
            return f"person {self.user} in {self.name}"
        return f"{self.kind.value} {self.name}"


#: A setting's name, as ``sacctmgr ... set`` takes it, to its value; what is empty is not set.
Settings = Mapping[str, str]
State = Mapping[Thing, Settings]


@dataclass(frozen=True)
class Column:
    """How one setting is shown by sacctmgr, and what kind of value it has.

    Attributes
    ----------
    setting
        Its name in ``set NAME=VALUE``.
    shown
        Its name in ``format=``.
    kind
        ``tres`` (a list such as ``cpu=4,gres/gpu=1``), ``names`` (a set), ``time`` (a duration, kept in
        minutes), ``seconds`` (a duration), ``number`` or ``word``.
    """

    setting: str
    shown: str
    kind: str = "number"


#: Every setting that we look at; one that a facility does not need must not be set, or it is drift.
QOS_COLUMNS: Final = (
    Column("Priority", "priority"),
    Column("Preempt", "preempt", "names"),
    Column("PreemptMode", "preemptmode", "word"),
    Column("GraceTime", "gracetime", "seconds"),
    Column("Flags", "flags", "names"),
    Column("UsageFactor", "usagefactor", "factor"),
    Column("GrpTRES", "grptres", "tres"),
    Column("GrpTRESMins", "grptresmins", "tres"),
    Column("GrpJobs", "grpjobs"),
    Column("GrpSubmitJobs", "grpsubmit"),
    Column("MaxTRESPerUser", "maxtresperuser", "tres"),
    Column("MaxJobsPerUser", "maxjobsperuser"),
    Column("MaxSubmitJobsPerUser", "maxsubmitjobsperuser"),
    Column("MaxTRESPerJob", "maxtresperjob", "tres"),
    Column("MinTRESPerJob", "mintres", "tres"),
    Column("MaxWall", "maxwall", "time"),
)
_ASSOCIATION_COLUMNS: Final = (
    Column("QosLevel", "qos", "names"),
    Column("DefaultQOS", "defaultqos", "word"),
    Column("GrpTRES", "grptres", "tres"),
    Column("GrpTRESMins", "grptresmins", "tres"),
    Column("GrpJobs", "grpjobs"),
    Column("GrpSubmitJobs", "grpsubmitjobs"),
    Column("MaxJobs", "maxjobs"),
    Column("MaxSubmitJobs", "maxsubmitjobs"),
    Column("MaxTRESPerJob", "maxtresperjob", "tres"),
    Column("MaxWall", "maxwall", "time"),
)
ACCOUNT_COLUMNS: Final = (Column("Parent", "parentname", "word"), *_ASSOCIATION_COLUMNS)
USER_COLUMNS: Final = _ASSOCIATION_COLUMNS

COLUMNS: Final[Mapping[Kind, tuple[Column, ...]]] = {
    Kind.QOS: QOS_COLUMNS,
    Kind.ACCOUNT: ACCOUNT_COLUMNS,
    Kind.USER: USER_COLUMNS,
}


def tres(text: str) -> dict[str, int]:
    """Read a list of trackable resources; memory in MB.

    >>> tres("cpu=16,mem=64G,gres/gpu=4")
    {'cpu': 16, 'mem': 65536, 'gres/gpu': 4}
    """
    pairs = (part.split("=", 1) for part in text.split(",") if "=" in part)
    return {key: _amount(value) for key, value in pairs}


def _amount(value: str) -> int:
    units = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2, "P": 1024**3}
    unit = units.get(value[-1:])
    return int(value) if unit is None else int(float(value[:-1]) * unit)


def written(resources: Mapping[str, int]) -> str:
    """Return resources as sacctmgr takes them, in an order of ours.

    >>> written({"gres/gpu": 4, "cpu": 16})
    'cpu=16,gres/gpu=4'
    """
    return ",".join(f"{key}={resources[key]}" for key in sorted(resources))


def canonical(column: Column, text: str) -> str:
    """Return a value as sacctmgr shows it in the one form in which it is compared.

    >>> canonical(Column("MaxWall", "maxwall", "time"), "7-00:00:00")
    '10080'
    """
    if text == "":
        return ""
    match column.kind:
        case "tres":
            return written(tres(text))
        case "names":
            return ",".join(sorted(part for part in text.split(",") if part))
        case "time":
            return str(_seconds(text) // 60)
        case "seconds":
            return str(_seconds(text) or "")
        case "factor":
            return f"{float(text):g}"
    return text


def _seconds(text: str) -> int:
    """Read Slurm's ``[days-]hours:minutes:seconds``."""
    days, _, clock = text.rpartition("-")
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds
