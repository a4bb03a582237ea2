"""A project that moves to another stream: one apply, and what becomes of its jobs and hours is said."""

from __future__ import annotations

import pytest
from tests.hub.fake_slurm import FakeSlurm
from tests.hub.small import BAKERY, MILL, apply, only, plan, small

from werkplaats_hub.streams.model import Thing

MOVED = small(mill={**MILL, "stream": "birch"}, bakery=BAKERY)


def test_a_move_is_one_change(slurm: FakeSlurm) -> None:
    """Parent, QOS and default change together; with nothing used and nothing waiting there is no more."""
    change = only(plan(MOVED, slurm))
    assert change.after == {"Parent": "birch", "QosLevel": "birch,lent", "DefaultQOS": "birch"}
    assert change.note == ""
    apply(MOVED, slurm)
    assert plan(MOVED, slurm).changes == ()


@pytest.mark.parametrize(
    "own", [{"defaultqos": "alder"}, {"qoslevel": "alder,lent"}, {"qoslevel": "alder", "defaultqos": "alder"}]
)
def test_what_somebody_set_of_a_persons_own_goes_first(slurm: FakeSlurm, own: dict[str, str]) -> None:
    """As long as it is there, Slurm gives the account no other QOS; afterwards it would be seen too late."""
    slurm.people["mill", "ann"] |= own
    slurm.people["mill", "zoe"] = dict(own)
    slurm.default["zoe"] = "mill"
    slurm.partitions["mill", "bob", "gpu"] = dict(own)
    done = [f"{change.sign.value} {change.thing}" for change in apply(MOVED, slurm).done]
    assert done == [
        "~ person ann in mill",
        "~ person zoe in mill",
        "~ person bob in mill (partition gpu)",
        "~ account mill",
        "- person zoe in mill",
        "- person bob in mill (partition gpu)",
    ]
    assert plan(MOVED, slurm).changes == ()


def test_who_goes_where_the_next_account_is_yet_to_be_made(slurm: FakeSlurm) -> None:
    """Their new default comes after the move, and their removal after that; the move is not kept by it."""
    slurm.people["mill", "bob"] = {"defaultqos": "alder"}
    wanted = small(
        mill={**MILL, "stream": "birch", "members": ("ann",)},
        bakery={**BAKERY, "members": ("ann", "bob", "cor")},
    )
    apply(wanted, slurm)
    assert slurm.default["bob"] == "bakery"
    assert plan(wanted, slurm).changes == ()


def test_a_stranger_who_runs_is_no_obstacle(slurm: FakeSlurm) -> None:
    """They are closed, and what is their own goes with that, before the account moves."""
    slurm.people["mill", "zoe"] = {"defaultqos": "alder"}
    slurm.default["zoe"] = "mill"
    slurm.jobs = [("mill", "zoe", 1)]
    apply(MOVED, slurm)
    assert slurm.accounts["mill"]["parent"] == "birch"
    assert slurm.people["mill", "zoe"] == {"grpjobs": "0", "grpsubmitjobs": "0"}


def test_what_waits_is_said(slurm: FakeSlurm) -> None:
    """Slurm does not start it under a QOS that the account has no longer; what borrows goes on waiting."""
    slurm.waiting = [("mill", "ann", "alder"), ("mill", "bob", "alder"), ("mill", "bob", "lent")]
    slurm.waiting += [("bakery", "cor", "birch")]
    slurm.used["mill"] = 90
    assert only(plan(MOVED, slurm)).note == (
        "2 jobs waiting under the old QOS cannot start (InvalidQOS): to be submitted again; "
        "the 1.5 GPU-hours used in this period move along"
    )


def test_another_change_of_an_account_says_nothing_of_a_move(slurm: FakeSlurm) -> None:
    """A budget that grows leaves jobs and hours where they are."""
    slurm.waiting, slurm.used = [("mill", "ann", "alder")], {"mill": 90}
    grown = small(mill={**MILL, "gpu_hours": 20}, bakery=BAKERY)
    assert only(plan(grown, slurm)).note == ""


def test_a_yes_is_to_the_changes(slurm: FakeSlurm) -> None:
    """Hours that are used while the question stands do not make it another one."""
    before = plan(MOVED, slurm).todo(False)
    slurm.used["mill"] = 90
    assert plan(MOVED, slurm).todo(False) == before
    assert isinstance(before[0].thing, Thing)
