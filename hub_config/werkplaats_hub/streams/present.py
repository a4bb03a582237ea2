"""What Slurm holds now: read from its accounting, its controller's memory and its queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from werkplaats_hub.streams.model import COLUMNS, Column, Kind, Run, Settings, Thing, canonical
from werkplaats_spawners.limits import Association, parse_associations, show_limits

#: What marks an account as ours; others are left alone, whatever they are.
ORGANIZATION: Final = "werkplaats"
_PLAIN: Final = ["sacctmgr", "--noheader", "--parsable2", "show"]


@dataclass(frozen=True)
class Present:
    """What Slurm holds.

    Attributes
    ----------
    state
        Every QOS, and the accounts and associations of the cluster.
    ours
        The accounts that we made, or that carry our mark.
    default_account
        Each person's.
    active
        How many jobs wait, run or end, by account and person.
    use
        What the controller has counted, by account (no person).
    """

    state: Mapping[Thing, Settings]
    ours: frozenset[str] = frozenset()
    default_account: Mapping[str, str] = field(default_factory=dict)
    active: Mapping[tuple[str, str], int] = field(default_factory=dict)
    use: Mapping[str, Association] = field(default_factory=dict)

    def jobs_of(self, account: str) -> int:
        """Return how many jobs an account has."""
        return sum(count for (name, _), count in self.active.items() if name == account)

    def used_minutes(self, account: str) -> int:
        """Return the GPU-minutes that an account has used in this period."""
        return self.use[account].gpu_minutes.used if account in self.use else 0


def read(run: Run) -> Present:
    """Ask Slurm.

    Raises
    ------
    Exception
        Whatever `run` raises when a command fails: half an answer is none.
    """
    name = cluster(run)
    state = dict(_qos(run)) | dict(_associations(run, name))
    accounts = run([*_PLAIN, "account", "format=account,organization"]).splitlines()
    users = run([*_PLAIN, "user", "format=user,defaultaccount"]).splitlines()
    memory = parse_associations(run(show_limits()))
    return Present(
        state=state,
        ours=frozenset(line.split("|")[0] for line in accounts if line.endswith("|" + ORGANIZATION)),
        default_account=dict(_pair(line) for line in users),
        active=Counter(_pair(line) for line in run(_QUEUE).splitlines() if line.count("|") == 1),
        use={one.account: one for one in memory if not one.user},
    )


_QUEUE: Final = [
    "squeue",
    "--noheader",
    "--states=PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING",
    "--format=%a|%u",
]


def cluster(run: Run) -> str:
    """Return the name of the cluster that the controller serves."""
    for line in run(["scontrol", "show", "config"]).splitlines():
        if line.startswith("ClusterName "):
            return line.partition("=")[2].strip()
    return ""


def _qos(run: Run) -> Iterator[tuple[Thing, Settings]]:
    columns = COLUMNS[Kind.QOS]
    for name, *values in _rows(run, "qos", ["name"], columns):
        yield Thing(Kind.QOS, name), _settings(columns, values)


def _associations(run: Run, name: str) -> Iterator[tuple[Thing, Settings]]:
    columns = COLUMNS[Kind.ACCOUNT]
    rows = list(_rows(run, "associations", ["account", "user"], columns, f"cluster={name}"))
    inherited = {account: _settings(columns, values) for account, user, *values in rows if not user}
    for account, settings in inherited.items():
        yield Thing(Kind.ACCOUNT, account), settings
    for account, user, *values in rows:
        if user:
            settings = _settings(columns[1:], values[1:])  # a person has no parent account
            yield Thing(Kind.USER, account, user), _own(settings, inherited[account])


def _own(settings: Settings, account: Settings) -> Settings:
    """Return a person's settings without those that they merely inherit from the account."""
    repeats = {key for key in _INHERITED if settings.get(key) == account.get(key)}
    return {key: value for key, value in settings.items() if key not in repeats}


_INHERITED: Final = ("QosLevel", "DefaultQOS", "MaxJobs", "MaxSubmitJobs", "MaxTRESPerJob", "MaxWall")


def _rows(
    run: Run, what: str, keys: list[str], columns: Sequence[Column], *where: str
) -> Iterator[list[str]]:
    shown = ",".join([*keys, *(column.shown for column in columns)])
    for line in run([*_PLAIN, what, f"format={shown}", *where]).splitlines():
        fields = line.split("|")
        if len(fields) == len(keys) + len(columns):
            yield fields


def _settings(columns: Sequence[Column], values: Sequence[str]) -> Settings:
    read = {c.setting: canonical(c, value) for c, value in zip(columns, values, strict=True)}
    return {setting: value for setting, value in read.items() if value != ""}


def _pair(line: str) -> tuple[str, str]:
    first, _, second = line.partition("|")
    return first, second
