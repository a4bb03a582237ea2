"""What Slurm holds now: read from its accounting, its controller's memory and its queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from werkplaats_hub.streams.model import COLUMNS, MARK, Column, Kind, Run, Settings, Thing, above, canonical
from werkplaats_spawners.limits import Association, parse_associations, show_limits

_PLAIN: Final = ["sacctmgr", "--noheader", "--parsable2", "show"]


@dataclass(frozen=True)
class Present:
    """What Slurm holds.

    Attributes
    ----------
    state
        Every QOS, the accounts and associations of the cluster with what is set of themselves, and who
        may change them.
    ours
        The accounts that we made, or that carry our mark.
    default_account
        Each person's.
    active
        How many jobs wait, run or end, by account and person.
    waiting
        How many jobs wait, by account and QOS.
    use
        What the controller has counted, by account (no person).
    """

    state: Mapping[Thing, Settings]
    ours: frozenset[str] = frozenset()
    default_account: Mapping[str, str] = field(default_factory=dict)
    active: Mapping[tuple[str, str], int] = field(default_factory=dict)
    waiting: Mapping[tuple[str, str], int] = field(default_factory=dict)
    use: Mapping[str, Association] = field(default_factory=dict)

    def jobs_of(self, account: str) -> int:
        """Return how many jobs an account has."""
        return sum(count for (name, _), count in self.active.items() if name == account)

    def above(self, account: str) -> tuple[str, ...]:
        """Return the accounts above one, the nearest first."""
        return above(self.state, account)

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
    accounts = _split(run(_ACCOUNTS), 3)
    users = _split(run(_USERS), 3)
    jobs = _split(run(_QUEUE), 4)
    memory = parse_associations(run(show_limits()))
    return Present(
        state=dict(_qos(run)) | dict(_associations(run, name)) | _rights(accounts, users),
        ours=frozenset(account for account, organization, _ in accounts if organization == MARK),
        default_account={user: account for user, account, _ in users},
        active=Counter((account, user) for account, user, _, _ in jobs),
        waiting=Counter((account, qos) for account, _, qos, state in jobs if state == "PENDING"),
        use={one.account: one for one in memory if not one.user},
    )


_ACCOUNTS: Final = [*_PLAIN, "account", "format=account,organization,coordinators", "withcoordinators"]
_USERS: Final = [*_PLAIN, "user", "format=user,defaultaccount,adminlevel"]
_QUEUE: Final = [
    "squeue",
    "--noheader",
    "--states=PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING",
    "--format=%a|%u|%q|%T",
]


def _split(text: str, fields: int) -> list[list[str]]:
    """Return the rows of a table; a line of another width is none of them."""
    return [line.split("|") for line in text.splitlines() if line.count("|") == fields - 1]


def _rights(accounts: Sequence[Sequence[str]], users: Sequence[Sequence[str]]) -> dict[Thing, Settings]:
    """Return who may change Slurm's accounting: coordinators of accounts, operators, administrators."""
    may: dict[Thing, Settings] = {
        Thing(Kind.COORDINATOR, account, user): {}
        for account, _, names in accounts
        for user in filter(None, names.split(","))
    }
    levels = {user: level for user, _, level in users if level in ("Operator", "Administrator")}
    return may | {Thing(Kind.ADMIN, "", user): {"AdminLevel": level} for user, level in levels.items()}


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
    # What is set of an association itself, without what comes from the accounts above it: what happens
    # to be the same now is another's to change.
    only_own = (f"cluster={name}", "woplimits", "withrawqoslevel")
    for account, user, partition, *values in _rows(run, "associations", _KEYS, columns, *only_own):
        if user:  # who has no parent account
            yield Thing(Kind.USER, account, user, partition), _settings(columns[1:], values[1:])
        else:
            yield Thing(Kind.ACCOUNT, account), _settings(columns, values)


_KEYS: Final = ["account", "user", "partition"]


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
