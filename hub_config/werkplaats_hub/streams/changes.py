"""The difference between what Slurm holds and what it must hold, as changes that can be shown and made.

Nothing of others is touched: an account that does not carry our mark, or a QOS that none of our
accounts uses, is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from werkplaats_hub.streams.desired import CLOSED, is_closed
from werkplaats_hub.streams.model import Kind, Settings, State, Thing
from werkplaats_hub.streams.present import Present


class Sign(Enum):
    """What a change does, in the sign with which it is shown."""

    ADD = "+"
    CHANGE = "~"
    REMOVE = "-"
    WAIT = "…"


@dataclass(frozen=True)
class Change:
    """One thing that is to be made, changed or removed.

    Attributes
    ----------
    before, after
        The settings that differ.
    guard
        Why it is not done without ``--force``; empty when nothing would be lost.
    note
        What else there is to know, such as what it waits for.
    cancels
        Whether jobs of the account must be ended for it.
    marks
        Whether the account gets the mark by which we know it as ours.
    default
        The account that becomes the person's default one, because theirs goes.
    """

    sign: Sign
    thing: Thing
    before: Settings
    after: Settings
    guard: str = ""
    note: str = ""
    cancels: bool = False
    marks: bool = False
    default: str = ""


def differences(want: State, have: Present) -> list[Change]:
    """Return the changes, in an order in which Slurm takes them.

    First what is added and changed, from QOS to people, then what is removed, from people to QOS: an
    account needs its QOS, a person their account, and nothing can be removed that is still in use.
    """
    made = [change for thing in _ordered(want) for change in _made(thing, want, have)]
    gone = [change for thing in reversed(_ordered(have.state)) for change in _gone(thing, want, have)]
    return made + gone


def _ordered(state: State) -> list[Thing]:
    """Return things with those that others need first: QOS, streams, projects, people."""
    kinds = list(Kind)

    def rank(thing: Thing) -> tuple[int, bool, bool, str, str]:
        below = state[thing].get("Parent", "root") != "root"
        preempting = "Preempt" in state[thing]
        return kinds.index(thing.kind), below, preempting, thing.name, thing.user

    return sorted(state, key=rank)


def _made(thing: Thing, want: State, have: Present) -> Iterator[Change]:
    after = want[thing]
    if thing not in have.state:
        yield Change(Sign.ADD, thing, {}, after)
        return
    before = have.state[thing]
    differ = sorted(key for key in {*before, *after} if before.get(key, "") != after.get(key, ""))
    marks = thing.kind is Kind.ACCOUNT and thing.name not in have.ours
    if differ or marks:
        old = {key: before.get(key, "") for key in differ}
        new = {key: after.get(key, "") for key in differ}
        note = "gets the mark of an account of Werkplaats" if marks else ""
        yield Change(Sign.CHANGE, thing, old, new, note=note, marks=marks)


def _gone(thing: Thing, want: State, have: Present) -> Iterator[Change]:
    if thing in want or not _ours(thing, want, have):
        return
    match thing.kind:
        case Kind.USER:
            yield _person_gone(thing, want, have)
        case Kind.ACCOUNT:
            yield _account_gone(thing, have)
        case Kind.QOS:
            yield Change(Sign.REMOVE, thing, {}, {})


def _ours(thing: Thing, want: State, have: Present) -> bool:
    if thing.kind is Kind.QOS:
        # A stream that was taken out: its QOS had the name of an account of ours.
        return thing.name in have.ours and have.state[thing].get("Preempt") is not None
    return thing.name in have.ours or Thing(Kind.ACCOUNT, thing.name) in want


def _person_gone(thing: Thing, want: State, have: Present) -> Change:
    """Take a person's right away; what runs may end, and their files are not ours to touch."""
    jobs = have.active.get((thing.name, thing.user), 0)
    account_stays = Thing(Kind.ACCOUNT, thing.name) in want
    if not jobs or not account_stays:
        return Change(Sign.REMOVE, thing, {}, {}, cancels=jobs > 0, default=_next_default(thing, want, have))
    waiting = f"can start nothing any more; removed by an apply after the end of {_jobs(jobs)}"
    if is_closed(have.state[thing]):
        return Change(Sign.WAIT, thing, {}, {}, note=waiting)
    before = {key: have.state[thing].get(key, "") for key in CLOSED}
    return Change(Sign.CHANGE, thing, before, CLOSED, note=waiting)


def _next_default(person: Thing, want: State, have: Present) -> str:
    """Return the account that a person keeps, when the one that goes is their default."""
    if have.default_account.get(person.user) != person.name:
        return ""
    stay = {*want, *(thing for thing in have.state if not _ours(thing, want, have))}
    return min((t.name for t in stay if t.kind is Kind.USER and t.user == person.user), default="")


def _account_gone(thing: Thing, have: Present) -> Change:
    jobs, minutes = have.jobs_of(thing.name), have.used_minutes(thing.name)
    reasons = [_jobs(jobs)] if jobs else []
    reasons += [f"{minutes / 60:.1f} GPU-hours used in this period"] if minutes else []
    guard = f"it has {' and '.join(reasons)}" if reasons else ""
    return Change(Sign.REMOVE, thing, {}, {}, guard=guard, cancels=jobs > 0)


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"
