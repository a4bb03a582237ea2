"""An apply, on a Slurm in memory: it reaches what the facility says, from anywhere, and then rests."""

from __future__ import annotations

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st
from tests.hub.facilities import NAMES, PEOPLE, TODAY, facilities
from tests.hub.fake_slurm import FakeSlurm

from werkplaats_hub.facility import Facility
from werkplaats_hub.streams import plan as planning
from werkplaats_hub.streams.changes import Sign
from werkplaats_hub.streams.plan import Applied, Plan

JOBS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(PEOPLE)), max_size=3)
USED = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 600), max_size=2)


def plan(wanted: Facility, slurm: FakeSlurm) -> Plan:
    """Plan, and hold it to its word: it changes nothing."""
    before = len(slurm.changes)
    found = planning.plan(wanted, slurm, TODAY)
    assert len(slurm.changes) == before, "a plan changes nothing"
    return found


def apply(wanted: Facility, slurm: FakeSlurm, *, force: bool = False) -> Applied:
    """Plan and apply."""
    return planning.apply(plan(wanted, slurm), slurm, force=force)


def holding(wanted: Facility) -> FakeSlurm:
    """Return a Slurm that holds a facility."""
    slurm = FakeSlurm()
    assert apply(wanted, slurm).failure == ""
    return slurm


@given(facilities(), facilities())
def test_from_any_facility_to_any_other(first: Facility, second: Facility) -> None:
    """One apply does it, and the next has nothing to do."""
    slurm = holding(first)
    assert plan(first, slurm).changes == ()
    done = apply(second, slurm)
    assert (done.failure, done.left) == ("", [])
    assert plan(second, slurm).changes == ()


OWN = st.fixed_dictionaries(
    {},
    optional={
        "defaultqos": st.just("a stream's"),
        "qoslevel": st.just("a stream's"),
        "maxjobs": st.just("1"),
    },
)


@given(facilities(), facilities(), st.data())
def test_whatever_was_set_by_hand(first: Facility, second: Facility, data: st.DataObject) -> None:
    """People's own settings, strangers, partitions, rights, accounts of others': one apply does it."""
    slurm = holding(first)
    streams = st.sampled_from([stream.name for stream in first.streams])
    accounts = st.sampled_from(sorted(slurm.accounts))
    for account, person in data.draw(st.sets(st.tuples(accounts, st.sampled_from((*PEOPLE, "zoe"))))):
        # Slurm itself takes no default that a list does not allow.
        qos = slurm.accounts[account].get("defaultqos") or data.draw(streams)
        own = {key: qos if "qos" in key else text for key, text in data.draw(OWN).items()}
        partition = data.draw(st.sampled_from(["", "", "gpu"]))
        if partition:
            slurm.partitions[account, person, partition] = own
            slurm.people.setdefault((account, person), {})
        else:
            slurm.people[account, person] = own
        slurm.default.setdefault(person, account)
    for name, parent in zip(("able", "baker"), data.draw(st.tuples(accounts, accounts)), strict=True):
        slurm.accounts[name], slurm.organization[name] = {"parent": parent}, "others"
    known = st.sampled_from(sorted(slurm.default))
    slurm.coordinators = data.draw(st.lists(st.tuples(accounts, known), max_size=2, unique=True))
    slurm.levels |= data.draw(st.dictionaries(known.filter(lambda who: who != "root"), st.just("Operator")))
    done = apply(second, slurm)
    assert (done.failure, done.left) == ("", [])
    assert plan(second, slurm).changes == ()


@given(facilities(), facilities(), st.integers(1, 12))
def test_a_failure_at_any_command(first: Facility, second: Facility, at: int) -> None:
    """What is done and what is left are told, together all; a second apply makes the rest."""
    slurm = holding(first)
    slurm.fails_at = len(slurm.changes) + at
    the_plan = plan(second, slurm)
    done = planning.apply(the_plan, slurm)
    assert [*done.done, *done.left] == list(the_plan.todo(False))
    assert bool(done.failure) == bool(done.left)
    if done.failure:
        assert str(done.left[0].thing) in done.failure
        assert "Connection refused" in done.failure
    slurm.fails_at = None
    again = apply(second, slurm)
    assert (again.failure, again.left) == ("", [])
    assert plan(second, slurm).changes == ()


@given(facilities(), facilities(), JOBS, USED)
def test_force_reaches_it_whatever_runs(
    first: Facility, second: Facility, jobs: list[tuple[str, str]], used: dict[str, int]
) -> None:
    """With ``--force`` jobs of what was dropped are cancelled; those of what stays go on."""
    slurm = holding(first)
    slurm.jobs = [(account, user, 1) for account, user in jobs if (account, user) in slurm.people]
    slurm.used = used
    had = list(slurm.jobs)
    done = apply(second, slurm, force=True)
    assert (done.failure, done.left) == ("", [])
    assert {change.sign for change in plan(second, slurm).changes} <= {Sign.WAIT}
    stay = {project.name for project in second.projects} | {stream.name for stream in second.streams}
    assert slurm.jobs == [job for job in had if job[0] in stay]


@given(facilities(), facilities(), JOBS, USED)
def test_without_force_no_job_and_no_budget_is_lost(
    first: Facility, second: Facility, jobs: list[tuple[str, str]], used: dict[str, int]
) -> None:
    """No job is cancelled, no used account goes; what is left afterwards is what was guarded, or waits."""
    slurm = holding(first)
    slurm.jobs = [(account, user, 1) for account, user in jobs if (account, user) in slurm.people]
    slurm.used = {account: minutes for account, minutes in used.items() if account in slurm.accounts}
    before = deepcopy(slurm)
    done = apply(second, slurm)
    assert done.failure == ""
    assert slurm.jobs == before.jobs
    assert {*slurm.used, *(job[0] for job in slurm.jobs)} <= set(slurm.accounts)
    for account, user, _ in slurm.jobs:
        assert (account, user) in slurm.people
        assert set(slurm.accounts[account]["qoslevel"].split(",")) <= set(slurm.qos)
    after = plan(second, slurm)
    assert after.todo(False) == (), "a second apply finds nothing that the first left undone"
    assert {change.thing for change in after.guarded} == {
        change.thing for change in planning.plan(second, before, TODAY).guarded
    }
    slurm.jobs, slurm.used = [], {}
    assert apply(second, slurm).failure == "", "when the jobs have ended and a period has passed"
    assert plan(second, slurm).changes == ()
