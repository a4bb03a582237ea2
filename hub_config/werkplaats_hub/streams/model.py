"""What Slurm's accounting holds of what a facility steers, as a value that can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

#: Run a command, return its standard output, raise on failure.
Run = Callable[[Sequence[str]], str]


#: What marks a QOS (its ``Description``) or an account (its ``Organization``) as ours; others are left
#: alone, whatever they are.
MARK: Final = "werkplaats"
#: Slurm's own account, above all others, and its administrator.
ROOT: Final = "root"


class Kind(Enum):
    """What Slurm's accounting is made of, in the order in which these need one another."""

    QOS = "QOS"
    ACCOUNT = "account"
    USER = "person"
    COORDINATOR = "coordinator"
    ADMIN = "administrator"


class Thing(NamedTuple):
    """One QOS, one account, one person's association with an account, or one right of theirs.

    Attributes
    ----------
    name
        Of the QOS or the account; empty for an administrator, who is one everywhere.
    user
        The person; empty for QOS and accounts.
    partition
        Of an association that holds in one partition only; mostly empty.
    """

    kind: Kind
    name: str
    user: str = ""
    partition: str = ""

    def __str__(self) -> str:
        where = f" in {self.name}" if self.user and self.name else self.name
        only = f" (partition {self.partition})" if self.partition else ""
        return f"{self.kind.value} {self.user}{where}{only}"


#: A setting's name, as ``sacctmgr ... set`` takes it, to its value; what is empty is not set.
Settings = Mapping[str, str]
State = Mapping[Thing, Settings]


def above(state: State, account: str) -> tuple[str, ...]:
    """Return the accounts above one, the nearest first."""
    found: list[str] = []
    parent = account
    while parent := state.get(Thing(Kind.ACCOUNT, parent), {}).get("Parent", ""):
        if parent in found:
            break
        found.append(parent)
    return tuple(found)


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
        minutes), ``seconds`` (a duration, of which none is as good as not set), ``exempt`` (one of which
        none is a setting), ``factor``, ``number`` or ``word``.
    """

    setting: str
    shown: str
    kind: str = "number"


#: Every setting that we look at; one that a facility does not need must not be set, or it is drift.
QOS_COLUMNS: Final = (
    Column("Description", "description", "word"),
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
    Column("PreemptExemptTime", "preemptexempttime", "exempt"),
    Column("GrpTRESRunMins", "grptresrunmins", "tres"),
    Column("GrpWall", "grpwall", "time"),
    Column("MaxTRESMinsPerJob", "maxtresminsperjob", "tres"),
    Column("MaxTRESPerAccount", "maxtresperaccount", "tres"),
    Column("MaxTRESPerNode", "maxtrespernode", "tres"),
    Column("LimitFactor", "limitfactor", "factor"),
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
    Column("GrpTRESRunMins", "grptresrunmins", "tres"),
    Column("GrpWall", "grpwall", "time"),
    Column("MaxTRESMinsPerJob", "maxtresminsperjob", "tres"),
    Column("MaxTRESPerNode", "maxtrespernode", "tres"),
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
        case "exempt":
            return str(_seconds(text))
        case "factor":
            return f"{float(text):g}"
    return text


def _seconds(text: str) -> int:
    """Read Slurm's ``[days-]hours:minutes:seconds``."""
    days, _, clock = text.rpartition("-")
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds
