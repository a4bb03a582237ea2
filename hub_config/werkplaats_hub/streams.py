"""From the facility to what Slurm must hold: accounts, QOS and associations.

The desired state is a value, what Slurm has is read, and the difference is a list of ``sacctmgr``
commands that an administrator of Slurm runs. Running it twice changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from werkplaats_hub.facility import Facility

#: Run a command, return its standard output, raise on failure.
Run = Callable[[Sequence[str]], str]


@dataclass(frozen=True)
class Accounting:
    """What Slurm's accounting holds of what a facility steers.

    Attributes
    ----------
    qos
        Names.
    accounts
        Account to its parent account.
    users
        Pairs of account and user.
    allowed
        Account to the QOS that its jobs may run under.
    """

    qos: frozenset[str]
    accounts: frozenset[tuple[str, str]]
    users: frozenset[tuple[str, str]]
    allowed: frozenset[tuple[str, str]]


def desired(facility: Facility) -> Accounting:
    """Return what Slurm must hold: an account and a QOS a stream, an account a project."""
    streams = [stream.name for stream in facility.streams]
    return Accounting(
        qos=frozenset(streams),
        accounts=frozenset(
            [(name, "root") for name in streams] + [(p.name, p.stream) for p in facility.projects]
        ),
        users=frozenset((p.name, person) for p in facility.projects for person in p.members),
        allowed=frozenset([(s, s) for s in streams] + [(p.name, p.stream) for p in facility.projects]),
    )


def present(run: Run) -> Accounting:
    """Read what Slurm's accounting holds now."""
    qos = run(["sacctmgr", "-nP", "show", "qos", "format=name"]).split()
    rows = [
        line.split("|")
        for line in run(
            ["sacctmgr", "-nP", "show", "associations", "format=account,user,parentname,qos"]
        ).splitlines()
    ]
    return Accounting(
        qos=frozenset(qos),
        accounts=frozenset((a, parent) for a, user, parent, _ in rows if not user and parent),
        users=frozenset((a, user) for a, user, _, _ in rows if user),
        allowed=frozenset(
            (a, q) for a, user, _, allowed in rows if not user for q in allowed.split(",") if q
        ),
    )


def commands(want: Accounting, have: Accounting) -> list[list[str]]:
    """Return the ``sacctmgr`` commands from what is to what must be; nothing is taken away."""
    add = ["sacctmgr", "-i", "add"]
    lines = [[*add, "qos", name] for name in sorted(want.qos - have.qos)]
    there, qos_of = dict(have.accounts), dict(want.allowed)
    modify = ["sacctmgr", "-i", "modify", "account"]
    for account, parent in sorted(want.accounts - have.accounts, key=lambda pair: (pair[1] != "root", pair)):
        if account in there:
            lines.append([*modify, account, "set", f"parent={parent}"])
        else:
            lines.append([*add, "account", account, f"parent={parent}", f"qos={qos_of[account]}"])
    for account, qos in sorted(want.allowed - have.allowed):
        if account in there:
            lines.append([*modify, account, "set", f"qos={qos}"])
    lines += [[*add, "user", user, f"account={account}"] for account, user in sorted(want.users - have.users)]
    return lines


def apply(facility: Facility, run: Run) -> int:
    """Make Slurm hold what the facility says; return how many commands that took."""
    todo = commands(desired(facility), present(run))
    for command in todo:
        run(command)
    return len(todo)
