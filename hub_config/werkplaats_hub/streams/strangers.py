"""What others put into Slurm beside what the facility's file says, and what becomes of it.

An account that somebody made below one of ours goes, with its people: it would run on our shares. So
does who was put into Slurm's own account with a QOS of ours, past every project and budget. A limit
on Slurm's own account would bind everybody, and is taken off. All else of others stays as it is; of a
QOS of theirs that may end work of ours only a sentence is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from werkplaats_hub.streams.model import MARK, ROOT, Kind, Settings, State, Thing
from werkplaats_hub.streams.present import Present

#: What Slurm's own account may keep: these bind nobody.
_HARMLESS = ("Parent", "QosLevel", "DefaultQOS")


def left_at_root(want: State, have: Present) -> State:
    """Return Slurm's own account as it should be, and who stays in it.

    Those are its administrator, and whoever can use no QOS of ours by that.
    """
    kept: dict[Thing, Settings] = {}
    for thing in (thing for thing in have.state if thing.name == ROOT):
        if thing.kind is Kind.ACCOUNT:
            kept[thing] = {key: value for key, value in have.state[thing].items() if key in _HARMLESS}
        elif thing.kind is Kind.USER and _stays_at_root(thing, want, have):
            kept[thing] = have.state[thing]
    return kept


def _stays_at_root(person: Thing, want: State, have: Present) -> bool:
    has = {**have.state.get(Thing(Kind.ACCOUNT, ROOT), {}), **have.state[person]}
    may = {name.lstrip("+") for name in has.get("QosLevel", "").split(",")} | {has.get("DefaultQOS", "")}
    return person.user == ROOT or not may & (_qos_of(want) | _qos_of(have.state) & _made_by_us(have))


def _made_by_us(have: Present) -> set[str]:
    """Return names of QOS of ours, also of those that are about to go."""
    marked = {thing.name for thing, has in have.state.items() if has.get("Description") == MARK}
    return marked | have.ours


def counted_in(want: State, have: Present) -> Present:
    """Return what Slurm holds, where an account that somebody put below one of ours counts as ours.

    So does Slurm's own account: it is never removed, being wanted, and gets no mark.
    """
    steered = have.ours | {thing.name for thing in want if thing.kind is Kind.ACCOUNT}
    accounts = (thing for thing in have.state if thing.kind is Kind.ACCOUNT and thing not in want)
    below = {thing.name for thing in accounts if steered & {*have.above(thing.name)}}
    return replace(have, ours=have.ours | below | {ROOT})


def preempting(want: State, have: Present) -> Iterator[str]:
    """Yield a sentence for each QOS of others whose jobs may end jobs of ours."""
    ours = _qos_of(want)
    for name in sorted(_qos_of(have.state) - ours - _made_by_us(have)):
        ends = sorted(ours & {*have.state[Thing(Kind.QOS, name)].get("Preempt", "").split(",")})
        if ends:
            yield (
                f"QOS {name} may preempt work under {' and '.join(ends)}, and is not of facility.toml; "
                f"by hand: sacctmgr modify qos {name} set preempt-={','.join(ends)}"
            )


def _qos_of(state: State) -> set[str]:
    return {thing.name for thing in state if thing.kind is Kind.QOS}
