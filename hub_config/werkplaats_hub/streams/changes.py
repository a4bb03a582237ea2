"""The difference between what Slurm holds and what it must hold, as changes that can be shown and made.

Nothing of others is touched: an account or a QOS that does not carry our mark, and a person who is in
no account of ours, is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from werkplaats_hub.streams.desired import CLOSED
from werkplaats_hub.streams.model import MARK, ROOT, Kind, Settings, State, Thing, above
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
        What else there is to know, such as what it waits for; not what is agreed to.
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
    note: str = field(default="", compare=False)
    cancels: bool = False
    marks: bool = False
    default: str = ""


def differences(want: State, have: Present) -> list[Change]:
    """Return the changes, in an order in which Slurm takes them.

    First nobody may undo it. Then comes what is added and changed, from QOS to people, then what is
    removed, from people to QOS: an account needs its QOS, a person their account, and nothing can be
    removed that is still in use. But Slurm gives an account no other QOS while somebody in it has a list
    or a default of their own that does not go with it: these are taken back in between.
    """
    made = [change for thing in _ordered(want) for change in _made(thing, want, have)]
    gone = [change for thing in reversed(_ordered(have.state)) for change in _gone(thing, want, have)]
    return [change for change, _ in sorted(_with_turns(made, gone), key=lambda pair: pair[1])]


def _with_turns(made: list[Change], gone: list[Change]) -> Iterator[tuple[Change, int]]:
    """Yield each change with its turn; among those of one turn it keeps its place."""
    for usual, changes in ((3, made), (4, gone)):
        for change in changes:
            if change.thing.kind in (Kind.COORDINATOR, Kind.ADMIN):
                yield change, 0
            elif change.thing.kind is Kind.QOS and change.sign is not Sign.REMOVE:
                yield change, 1
            elif change.thing.kind is Kind.USER and change.sign is Sign.CHANGE:
                yield change, 2
            else:
                yield change, usual


def _ordered(state: State) -> list[Thing]:
    """Return things with those that others need first: QOS, streams, projects, people."""
    kinds = list(Kind)

    def rank(thing: Thing) -> tuple[int, int, bool, tuple[str, ...]]:
        depth = len(above(state, thing.name)) if thing.kind is Kind.ACCOUNT else 0
        return kinds.index(thing.kind), depth, "Preempt" in state[thing], thing[1:]

    return sorted(state, key=rank)


# -- what the file says -------------------------------------------------------------------------------


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
        notes = ["gets the mark of an account of Werkplaats"] if marks else []
        notes += _of_a_move(thing, new, have)
        yield Change(Sign.CHANGE, thing, old, new, note="; ".join(notes), marks=marks)


def _of_a_move(thing: Thing, new: Settings, have: Present) -> Iterator[str]:
    """Yield what an account's new stream means for what waits and for what was used."""
    if thing.kind is not Kind.ACCOUNT or "Parent" not in new:
        return
    allowed = new.get("QosLevel", have.state[thing].get("QosLevel", "")).split(",")
    waiting = {qos: n for (name, qos), n in have.waiting.items() if name == thing.name}
    stuck = sum(count for qos, count in waiting.items() if qos not in allowed)
    if stuck:
        yield f"{_jobs(stuck)} waiting under the old QOS cannot start (InvalidQOS): to be submitted again"
    if minutes := have.used_minutes(thing.name):
        yield f"the {_hours(minutes)} used in this period move along"


# -- what the file does not say -----------------------------------------------------------------------

_QOS_OF_ITS_OWN: Final = ("QosLevel", "DefaultQOS")
#: Who administers Slurm itself.
_SLURMS_OWN: Final = frozenset({ROOT, "slurm"})


def _gone(thing: Thing, want: State, have: Present) -> Iterator[Change]:
    if thing in want or not _ours(thing, want, have):
        return
    match thing.kind:
        case Kind.USER:
            yield from _freed(thing, want, have)
            yield _person_gone(thing, want, have)
        case Kind.ACCOUNT:
            yield from _account_gone(thing, have)
        case Kind.QOS:
            yield Change(Sign.REMOVE, thing, {}, {})
        case Kind.COORDINATOR:
            yield Change(Sign.REMOVE, thing, {}, {}, note="could change its limits and people past the file")
        case Kind.ADMIN:
            level = have.state[thing]["AdminLevel"]
            yield Change(Sign.REMOVE, thing, {}, {}, note=f"could change every limit, as {level}")


def _ours(thing: Thing, want: State, have: Present) -> bool:
    match thing.kind:
        case Kind.QOS:
            # One of before there were marks has the name of an account of ours.
            unmarked = thing.name in have.ours and have.state[thing].get("Preempt") is not None
            return unmarked or have.state[thing].get("Description") == MARK
        case Kind.ADMIN:
            return thing.user not in _SLURMS_OWN and _is_with_us(thing.user, want, have)
    return thing.name in have.ours or Thing(Kind.ACCOUNT, thing.name) in want


def _is_with_us(person: str, want: State, have: Present) -> bool:
    """Return whether somebody is in an account of ours, or is to be; being in Slurm's own is neither."""
    theirs = (t for t in {*want, *have.state} if t.kind is Kind.USER and t.user == person)
    return any(t.name != ROOT and _ours(t, want, have) for t in theirs)


def _freed(person: Thing, want: State, have: Present) -> Iterator[Change]:
    """Yield what must be taken back of a person who goes, before their account gets another QOS."""
    account = Thing(Kind.ACCOUNT, person.name)
    now = {key: have.state.get(account, {}).get(key, "") for key in _QOS_OF_ITS_OWN}
    changes = account in want and any(want[account].get(key, "") != now[key] for key in now)
    own = {key: text for key, text in have.state[person].items() if key in _QOS_OF_ITS_OWN}
    runs = have.active.get((person.name, person.user), 0)
    if changes and own and not runs:  # who runs is closed, and that goes with it
        yield Change(Sign.CHANGE, person, own, dict.fromkeys(own, ""), note="so that the account can change")


def _person_gone(thing: Thing, want: State, have: Present) -> Change:
    """Take a person's right away; what runs may end, and their files are not ours to touch."""
    jobs = have.active.get((thing.name, thing.user), 0)
    account_stays = Thing(Kind.ACCOUNT, thing.name) in want
    if not jobs or not account_stays:
        return Change(Sign.REMOVE, thing, {}, {}, cancels=jobs > 0, default=_next_default(thing, want, have))
    has, meanwhile = have.state[thing], _meanwhile(thing, want, have)
    note = f"removed by an apply after the end of {_jobs(jobs)}"
    if thing._replace(partition="") not in want:
        note = f"can start nothing any more; {note}"
    if not meanwhile:
        return Change(Sign.WAIT, thing, {}, {}, note=note)
    before = {key: has.get(key, "") for key in meanwhile}
    return Change(Sign.CHANGE, thing, before, meanwhile, note=note)


def _meanwhile(person: Thing, want: State, have: Present) -> Settings:
    """Return what differs between what an association has and what it may have until it goes.

    That of a person who stays, for one partition only, may what the person may.
    """
    has = have.state[person]
    may = want.get(person._replace(partition=""), CLOSED)
    return {key: may.get(key, "") for key in sorted({*has, *may}) if has.get(key, "") != may.get(key, "")}


def _next_default(person: Thing, want: State, have: Present) -> str:
    """Return the account that a person keeps, when the one that goes is their default."""
    stay = {*want, *(thing for thing in have.state if not _ours(thing, want, have))}
    if have.default_account.get(person.user) != person.name or person._replace(partition="") in stay:
        return ""
    return min((t.name for t in stay if t.kind is Kind.USER and t.user == person.user), default="")


def _account_gone(thing: Thing, have: Present) -> Iterator[Change]:
    """Close what the file no longer names, and drop it where nothing would be lost by that."""
    jobs, minutes = have.jobs_of(thing.name), have.used_minutes(thing.name)
    reasons = [_jobs(jobs)] if jobs else []
    reasons += [f"{_hours(minutes)} used in this period"] if minutes else []
    guard = f"it has {' and '.join(reasons)}" if reasons else ""
    before = {key: have.state[thing].get(key, "") for key in CLOSED}
    if guard and before != CLOSED:
        yield Change(Sign.CHANGE, thing, before, CLOSED, note="is not in the file: nothing new starts")
    yield Change(Sign.REMOVE, thing, {}, {}, guard=guard, cancels=jobs > 0)


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"


def _hours(minutes: int) -> str:
    return f"{minutes / 60:.1f} GPU-hours"
