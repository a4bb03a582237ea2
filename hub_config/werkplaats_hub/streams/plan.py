"""``werkplaats streams plan`` and ``apply``: what would change, and making it so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from werkplaats_hub.facility import Facility
from werkplaats_hub.slurm_commands import SlurmFailed
from werkplaats_hub.streams import capacity, present, strangers
from werkplaats_hub.streams.changes import Change, Sign, differences
from werkplaats_hub.streams.commands import commands
from werkplaats_hub.streams.desired import CLOSED, desired, newcomers
from werkplaats_hub.streams.model import Kind, Run, Thing
from werkplaats_hub.streams.present import Present


@dataclass(frozen=True)
class Plan:
    """What Slurm has, and the changes to what it should have.

    Attributes
    ----------
    by_hand
        A sentence for each thing of others' that stands in the way, and that no apply touches.
    """

    changes: tuple[Change, ...]
    have: Present
    cluster: str
    by_hand: tuple[str, ...] = ()

    @property
    def guarded(self) -> tuple[Change, ...]:
        """Return what is not done without ``--force``."""
        return tuple(change for change in self.changes if change.guard)

    @property
    def waiting(self) -> tuple[Change, ...]:
        """Return what no apply does before jobs have ended."""
        return tuple(change for change in self.changes if change.sign is Sign.WAIT)

    def todo(self, force: bool) -> tuple[Change, ...]:
        """Return what an apply does now.

        A QOS and a parent account stay as long as an account below them is kept by its guard.
        """
        kept = {change.thing.name for change in self.guarded if not force}
        if not kept:
            return tuple(change for change in self.changes if change.sign is not Sign.WAIT)
        parents = {above for c in self.guarded for above in self.have.above(c.thing.name)}
        return tuple(
            change
            for change in self.changes
            if change.sign is not Sign.WAIT
            and not (change.sign is Sign.REMOVE and _is_of(change.thing, kept | parents))
        )


def _is_of(thing: Thing, accounts: set[str]) -> bool:
    """Return whether accounts need a thing: themselves, their QOS and their people; nobody's rights."""
    return thing.kind in (Kind.QOS, Kind.ACCOUNT, Kind.USER) and thing.name in accounts


def plan(facility: Facility, run: Run, today: date) -> Plan:
    """Compare the facility with what Slurm holds; changes nothing."""
    have = present.read(run)
    want = desired(facility, capacity.read(run, facility.partitions), today, newcomers(have.state))
    changes = differences({**want, **strangers.left_at_root(want, have)}, strangers.counted_in(want, have))
    return Plan(tuple(changes), have, present.cluster(run), tuple(strangers.preempting(want, have)))


@dataclass
class Applied:
    """How far an apply came.

    Attributes
    ----------
    failure
        What stopped it: the command and what it said; empty when all was done.
    """

    done: list[Change] = field(default_factory=list)
    left: list[Change] = field(default_factory=list)
    failure: str = ""


def apply(
    the_plan: Plan, run: Run, *, force: bool = False, say: Callable[[str], None] = lambda line: None
) -> Applied:
    """Make the changes, one after another; stop at the first that fails.

    Parameters
    ----------
    force
        Whether what is guarded is done as well: its jobs are cancelled.
    say
        Told every change as it is made.
    """
    applied = Applied(left=list(the_plan.todo(force)))
    while applied.left:
        change = applied.left[0]
        try:
            if change.cancels:
                end_jobs(run, change.thing.name, the_plan.cluster)
            for command in commands(change, the_plan.cluster):
                run(command)
        except (SlurmFailed, TimeoutError) as wrong:
            applied.failure = f"{change.sign.value} {change.thing}: {wrong}"
            return applied
        applied.done.append(applied.left.pop(0))
        say(f"  {change.sign.value} {change.thing}")
    return applied


def end_jobs(run: Run, account: str, cluster: str) -> None:
    """Close an account, so that nothing new comes, cancel its jobs, and wait until Slurm let go of them."""
    closed = [f"{key}={value}" for key, value in CLOSED.items()]
    named = ["account", "where", f"name={account}", f"cluster={cluster}"]
    run(["sacctmgr", "--immediate", "modify", *named, "set", *closed])
    run(["scancel", f"--account={account}"])
    for _ in range(120):
        if not run(["squeue", "--noheader", f"--account={account}", "--format=%i"]).strip():
            return
        time.sleep(0.5)
    raise TimeoutError(f"jobs of {account} do not end; see `squeue --account={account}`")


def lines(the_plan: Plan) -> Iterator[str]:
    """Yield the plan as a diff for people."""
    done_now = the_plan.todo(force=False)
    for change in the_plan.changes:
        yield f"{change.sign.value} {change.thing}"
        for setting, after in change.after.items():
            before = change.before.get(setting, "not set") or "not set"
            yield f"      {setting}: " + (f"{before} -> {after or 'not set'}" if change.before else after)
        if change.note:
            yield f"      {change.note}"
        if change.guard:
            yield f"      only with --force: {change.guard}"
        elif change.sign is Sign.REMOVE and change not in done_now:
            yield "      only with --force: an account that needs it stays"
    for sentence in the_plan.by_hand:
        yield f"! {sentence}"


def outcome(applied: Applied, kept: Sequence[Change], waiting: Sequence[Change] = ()) -> dict[str, Any]:
    """Return what an apply did, what its guards kept and what waits, as plain values."""
    return {
        "done": as_json(applied.done),
        "left": as_json(applied.left),
        "guarded": as_json(kept),
        "waiting": as_json(waiting),
        "failure": applied.failure,
    }


def as_json(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Return changes as plain values."""
    return [
        {
            "sign": change.sign.value,
            "kind": change.thing.kind.value,
            "name": change.thing.name,
            **({"person": change.thing.user} if change.thing.user else {}),
            **({"partition": change.thing.partition} if change.thing.partition else {}),
            "before": dict(change.before),
            "after": dict(change.after),
            **({"guard": change.guard} if change.guard else {}),
            **({"note": change.note} if change.note else {}),
        }
        for change in changes
    ]
