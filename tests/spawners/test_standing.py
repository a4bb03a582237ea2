"""How a person stands, out of one view of the cluster."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.offers import NOW, changed, flavour, project, stream

from werkplaats_spawners.cluster import View
from werkplaats_spawners.limits import Association, Qos, Use
from werkplaats_spawners.offer import FIRST_STEPS, LENT, FirstSteps, Lending, Offer, Words
from werkplaats_spawners.slurm import Job
from werkplaats_spawners.standing import Budget, Standing, standing

OFFER = Offer(
    flavours=(flavour("gpu-1", 1, 2, 24),),
    streams=(stream("regional"),),
    projects=(
        project("bakery", "regional"),
        FirstSteps(title=Words(nl="x", en="x"), stream="regional", gpu_hours=2).project,
    ),
)
CHARGED = changed(OFFER, lending=Lending(charged=True))


def held(
    account: str, user: str = "", limit: int | None = None, used: int = 0, running: int = 0, **more: Any
) -> Association:
    """Return what Slurm holds of an account, or of a person in it; GPU-minutes."""
    return Association(account, user, Use(limit, used), running, **more)


def job(number: int, **other: Any) -> Job:
    """Return a job in the queue, which asks two GPUs for two hours unless told otherwise."""
    values = {
        "id": number, "user": "mkb", "account": "bakery", "qos": "regional", "state": "PENDING", "node": "",
        "start": "N/A", "end": "N/A", "reason": "Resources", "gpus": 2, "minutes": 120,
    }  # fmt: skip
    return Job(**{**values, **other})


def of(*facts: Association | Job | Qos, offer: Offer = OFFER, user: str = "mkb", **known: Any) -> Standing:
    """Return how mkb, whose user number is 1001, stands by these facts."""
    view = View(
        at=known.pop("at", time.time()),
        error=None,
        jobs={one.id: one for one in facts if isinstance(one, Job)},
        associations={(one.account, one.user): one for one in facts if isinstance(one, Association)},
        qos={one.name: one for one in facts if isinstance(one, Qos)},
        **known,
    )
    return standing(view, offer, user, 1001, groups=frozenset({"noord"}), servers=2, now=NOW)


MINE = held("bakery", "mkb")


# -- a budget ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "left"),
    [
        (Budget(), None),
        (Budget(None, 10, 10, 10), None),
        (Budget(600), 600),
        (Budget(600, settled=100, running=60, waiting=40), 400),
        (Budget(600, settled=600), 0),
        (Budget(600, settled=700), 0),  # Slurm counts on for what was running
        (Budget(0), 0),
    ],
)
def test_what_is_left_of_a_budget(budget: Budget, left: int | None) -> None:
    """What is used, what runs and what waits is taken off; and nothing is ever less than nothing."""
    assert budget.left == left
    assert budget.covers(0)
    assert budget.covers(10**9 if left is None else left)
    assert left is None or not budget.covers(left + 1)


def test_a_budget_is_what_is_settled_runs_and_waits() -> None:
    """Three numbers of Slurm's: use, what running jobs can still use, and what the queue asks for."""
    stands = of(
        held("bakery", limit=6_000, used=1_000, running=300), MINE, job(1), job(2, gpus=1, minutes=60)
    )
    assert stands.budgets == {"bakery": Budget(6_000, settled=1_000, running=300, waiting=300)}
    assert stands.budgets["bakery"].left == 4_400


@pytest.mark.parametrize(
    ("other", "counts"),
    [
        ({}, True),
        ({"user": "student"}, True),  # the budget is the project's
        ({"account": "roads"}, False),
        ({"gpus": 0}, False),
        ({"minutes": 0}, False),  # without a time limit nobody knows
        ({"state": "RUNNING"}, False),  # that Slurm counts itself
        ({"state": "COMPLETED"}, False),
        ({"state": "CONFIGURING"}, True),
        ({"state": "NEW_IN_SLURM_30"}, False),
    ],
)
def test_what_waits_counts_once(other: dict[str, Any], counts: bool) -> None:
    """Whatever is in the queue with GPUs, of anybody in the project, will be charged to it."""
    stands = of(held("bakery", limit=600), MINE, job(1, **other))
    assert stands.budgets["bakery"].waiting == (240 if counts else 0)


@pytest.mark.parametrize(("offer", "waiting"), [(OFFER, 0), (CHARGED, 240)])
def test_lent_capacity_in_the_queue(offer: Offer, waiting: int) -> None:
    """It takes of the budget what the facility charges for it: nothing, or as much as any other."""
    stands = of(held("bakery", limit=600), MINE, job(1, qos=LENT), offer=offer)
    assert stands.budgets["bakery"].waiting == waiting


@pytest.mark.parametrize(
    ("project_", "person_", "tighter"),
    [
        ({"limit": 600}, {}, Budget(600)),
        ({"limit": 600}, {"limit": 700}, Budget(600)),
        ({"limit": 600}, {"limit": 500}, Budget(500)),
        ({"limit": 600, "used": 200}, {"limit": 500}, Budget(600, settled=200)),
        ({"limit": 600, "used": 200}, {"limit": 500, "used": 150}, Budget(500, settled=150)),
        ({"limit": 600, "running": 300}, {"limit": 500, "running": 100}, Budget(600, running=300)),
        ({}, {"limit": 0}, Budget(0)),
        ({"limit": 0}, {"limit": 5}, Budget(0)),
        ({"limit": 1}, {"limit": 0}, Budget(0)),
        ({}, {"used": 7}, Budget()),
        ({"used": 9}, {}, Budget(settled=9)),
    ],
)
def test_the_tighter_budget_counts(project_: Any, person_: Any, tighter: Budget) -> None:
    """The project's and the person's own part of it: what has least left is what stops a server first."""
    assert of(held("bakery", **project_), held("bakery", "mkb", **person_)).budgets["bakery"] == tighter


def test_first_steps_are_a_budget_for_each_person() -> None:
    """A newcomer's budget is a limit on their own association; what others use does not count."""
    stands = of(
        held(FIRST_STEPS, used=5_000, running=500),
        held(FIRST_STEPS, "mkb", limit=120, used=30),
        held(FIRST_STEPS, "student", limit=120, used=120),
        job(1, user="student", account=FIRST_STEPS),
        job(2, account=FIRST_STEPS, gpus=1, minutes=60),
    )
    assert stands.budgets == {FIRST_STEPS: Budget(120, settled=30, waiting=60)}


def test_an_account_of_which_slurm_tells_nothing_more_has_no_limit() -> None:
    """That a record of the account is missing is not a budget of nothing."""
    assert of(MINE).budgets == {"bakery": Budget()}


# -- the rest ----------------------------------------------------------------------------------------


def test_what_somebody_may_charge() -> None:
    """A person's own associations; an account that only others are in is not theirs."""
    stands = of(held("bakery"), MINE, held("roads"), held("roads", "rijk"))
    assert stands.accounts == {"bakery"}
    assert set(stands.budgets) == {"bakery"}
    nobody = of(held("bakery"), MINE, user="vreemdeling")
    assert (nobody.accounts, nobody.budgets, nobody.closed) == (frozenset(), {}, frozenset())


@pytest.mark.parametrize(
    ("account", "person_", "expected"),
    [(False, False, set()), (True, False, {"bakery"}), (False, True, {"bakery"}), (True, True, {"bakery"})],
)
def test_closed_is_closed_for_all_or_for_one(account: bool, person_: bool, expected: set[str]) -> None:
    """An operator closes a project, or one person's part in it."""
    stands = of(
        held("bakery", closed=account),
        held("bakery", "mkb", closed=person_),
        held("bakery", "rijk", closed=True),
    )
    assert stands.closed == expected


def test_shares_and_ones_own_gpus() -> None:
    """The share is everybody's; one's own part of it is found by one's Unix user number."""
    regional = Qos("regional", Use(8, 5), users={"1001": 2, "1002": 3})
    stands = of(MINE, regional, Qos(LENT, Use(4), users={"1002": 1}))
    assert stands.qos["regional"] == regional
    assert stands.gpus == {"regional": 2, LENT: 0}


def test_what_the_hub_knows_is_handed_on() -> None:
    """Groups, servers and the time are the Hub's own."""
    stands = of(MINE)
    assert (stands.groups, stands.servers, stands.now) == (frozenset({"noord"}), 2, NOW)


@pytest.mark.parametrize("away", [None, "Connection refused"])
def test_that_accounting_is_away_is_known(away: str | None) -> None:
    """With the reason; and the numbers carry the time at which Slurm's controller was asked."""
    stands = of(MINE, at=NOW.timestamp() - 90, accounting_error=away)
    assert stands.accounting_away == away
    assert stands.numbers_at == datetime.fromtimestamp(NOW.timestamp() - 90).astimezone()
    assert stands.now - stands.numbers_at == timedelta(seconds=90)


@pytest.mark.parametrize("reason", ["JobHeldUser", "JobHeldAdmin", "Dependency", "AssocGrpGRESMinutes"])
def test_a_job_that_goes_nowhere_takes_nothing_from_the_budget(reason: str) -> None:
    """A member cannot empty a project's budget with jobs that are held, or that it does not cover anyway."""
    budget = of(MINE, held("bakery", limit=600), job(1, reason=reason)).budgets["bakery"]
    assert (budget.waiting, budget.left) == (0, 600)
    counted = of(MINE, held("bakery", limit=600), job(1)).budgets["bakery"]
    assert (counted.waiting, counted.left) == (240, 360)
