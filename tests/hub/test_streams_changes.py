"""The difference between what Slurm holds and what it must hold: what is done, and what is left alone."""

from __future__ import annotations

import pytest
from tests.hub.facilities import facility
from tests.hub.fake_slurm import FakeSlurm
from tests.hub.small import BAKERY, FIRST, MILL, STREAMS, apply, commanded, only, plan, small

from werkplaats_hub.streams import plan as planning
from werkplaats_hub.streams.changes import Sign
from werkplaats_hub.streams.model import Kind, Thing

# -- a new Slurm, and one that is right ---------------------------------------------------------------


def test_a_new_slurm_gets_everything_in_an_order_that_works() -> None:
    """What is lent before those that take it back, parents before children, and people last."""
    slurm = FakeSlurm()
    done = apply(small(), slurm)
    assert [str(change.thing) for change in done.done] == [
        "QOS lent",
        "QOS with-gpu",
        "QOS without-gpu",
        "QOS alder",
        "QOS birch",
        "account alder",
        "account birch",
        "account bakery",
        "account first-steps",
        "account mill",
        "person ann in bakery",
        "person cor in bakery",
        "person ann in mill",
        "person bob in mill",
    ]
    assert {change.sign for change in done.done} == {Sign.ADD}


def test_the_commands_for_a_new_slurm() -> None:
    """They are lists of words of ours, never ask, and name the cluster and the mark."""
    slurm = FakeSlurm()
    apply(small(mill=MILL), slurm)
    assert all(argv[:2] == ["sacctmgr", "--immediate"] for argv in slurm.changes)
    assert commanded(slurm)[:2] == [
        "add qos lent",
        "modify qos lent set Description=werkplaats Priority=0 PreemptMode=cancel UsageFactor=0 "
        "GraceTime=60 Flags=UsageFactorSafe GrpTRES=gres/gpu=16 MaxSubmitJobsPerUser=200 MaxWall=10080",
    ]
    assert commanded(slurm)[-5:] == [
        "add account birch cluster=werkplaats organization=werkplaats Parent=root QosLevel=birch,lent "
        "DefaultQOS=birch",
        "add account first-steps cluster=werkplaats organization=werkplaats Parent=alder "
        "QosLevel=alder,lent DefaultQOS=alder",
        "add account mill cluster=werkplaats organization=werkplaats Parent=alder QosLevel=alder,lent "
        "DefaultQOS=alder GrpTRESMins=gres/gpu=600",
        "add user ann cluster=werkplaats account=mill",
        "add user bob cluster=werkplaats account=mill",
    ]


def test_nothing_is_done_where_nothing_differs(slurm: FakeSlurm) -> None:
    """A plan of what is right is empty, and applying it commands nothing."""
    found = plan(small(), slurm)
    assert (found.changes, list(planning.lines(found))) == ((), [])
    apply(small(), slurm)
    assert slurm.changes == []


def test_everything_goes_in_the_reverse_order(slurm: FakeSlurm) -> None:
    """People before their account, a project before its stream, a QOS after all who used it."""
    smaller = facility({"birch": {"share": 1.0}}, {"bakery": {**BAKERY, "members": ("ann",)}})
    done = apply(smaller, slurm)
    assert [str(change.thing) for change in done.done if change.sign is Sign.REMOVE] == [
        "person bob in mill",
        "person ann in mill",
        "person cor in bakery",
        "account mill",
        "account first-steps",
        "account alder",
        "QOS alder",
    ]
    assert plan(smaller, slurm).changes == ()


# -- drift by hand ------------------------------------------------------------------------------------

#: What somebody set by hand: of a thing, as sacctmgr shows it, and what it takes to undo it.
DRIFT: dict[str, tuple[str, str, dict[str, str | None], str]] = {
    "a limit changed": ("qos", "alder", {"grptres": "gres/gpu=9"}, "modify qos where name=alder set GrpTRES="
                        "billing=4000,cpu=80,gres/gpu=4,mem=196608"),
    "a resource added to a limit": (
        "qos", "alder", {"grptres": "billing=4000,cpu=80,gres/gpu=4,mem=192G,node=2"},
        "modify qos where name=alder set GrpTRES=billing=4000,cpu=80,gres/gpu=4,mem=196608,node=-1",
    ),
    "a limit too many": ("qos", "alder", {"maxjobsperuser": "1", "grpjobs": "2"},
                         "modify qos where name=alder set GrpJobs=-1 MaxJobsPerUser=-1"),
    "resources too many": ("qos", "alder", {"maxtresperjob": "cpu=4,gres/gpu=1"},
                           "modify qos where name=alder set MaxTRESPerJob=cpu=-1,gres/gpu=-1"),
    "a limit lost": ("qos", "alder", {"maxwall": None}, "modify qos where name=alder set MaxWall=10080"),
    "a notice too short": ("qos", "lent", {"gracetime": "00:00:05"},
                           "modify qos where name=lent set GraceTime=60"),
    "a notice too many": ("qos", "alder", {"gracetime": "00:01:00"},
                          "modify qos where name=alder set GraceTime=0"),
    "flags": ("qos", "alder", {"flags": "NoReserve,DenyOnLimit"},
              "modify qos where name=alder set Flags=DenyOnLimit"),
    "flags too many": ("qos", "with-gpu", {"flags": "NoReserve"},
                       "modify qos where name=with-gpu set Flags=-1"),
    "another to preempt": ("qos", "alder", {"preempt": "lent,normal"},
                           "modify qos where name=alder set Preempt=lent"),
    "something for lent to preempt": ("qos", "lent", {"preempt": "normal"},
                                      "modify qos where name=lent set Preempt="),
    "charged after all": ("qos", "lent", {"usagefactor": "1.000000"},
                          "modify qos where name=lent set UsageFactor=0"),
    "an order": ("qos", "birch", {"priority": "300"}, "modify qos where name=birch set Priority=100"),
    "a QOS more": ("account", "mill", {"qoslevel": "alder,lent,normal"},
                   "modify account where name=mill cluster=werkplaats set QosLevel=alder,lent"),
    "another default": ("account", "mill", {"defaultqos": "lent"},
                        "modify account where name=mill cluster=werkplaats set DefaultQOS=alder"),
    "a smaller budget": ("account", "mill", {"grptresmins": "gres/gpu=1"},
                         "modify account where name=mill cluster=werkplaats set GrpTRESMins=gres/gpu=600"),
    "closed": ("account", "mill", {"grpjobs": "0", "grpsubmitjobs": "0"},
               "modify account where name=mill cluster=werkplaats set GrpJobs=-1 GrpSubmitJobs=-1"),
    "another stream": ("account", "mill", {"parent": "birch"},
                       "modify account where name=mill cluster=werkplaats set Parent=alder"),
    "an exempt time": ("qos", "lent", {"preemptexempttime": "01:00:00"},
                       "modify qos where name=lent set PreemptExemptTime=-1"),
    "no exempt time, where Slurm's own holds": ("qos", "lent", {"preemptexempttime": "00:00:00"},
                                                "modify qos where name=lent set PreemptExemptTime=-1"),
    "running minutes": ("qos", "alder", {"grptresrunmins": "gres/gpu=10"},
                        "modify qos where name=alder set GrpTRESRunMins=gres/gpu=-1"),
    "minutes of a job": ("qos", "alder", {"maxtresminsperjob": "cpu=10"},
                         "modify qos where name=alder set MaxTRESMinsPerJob=cpu=-1"),
    "time of all": ("qos", "alder", {"grpwall": "01:00:00"}, "modify qos where name=alder set GrpWall=-1"),
    "each account's": ("qos", "alder", {"maxtresperaccount": "gres/gpu=1"},
                       "modify qos where name=alder set MaxTRESPerAccount=gres/gpu=-1"),
    "each node's": ("qos", "with-gpu", {"maxtrespernode": "gres/gpu=1"},
                    "modify qos where name=with-gpu set MaxTRESPerNode=gres/gpu=-1"),
    "limits that count twice": ("qos", "alder", {"limitfactor": "2.000000"},
                                "modify qos where name=alder set LimitFactor=-1"),
    "a mark lost": ("qos", "alder", {"description": "alder"},
                    "modify qos where name=alder set Description=werkplaats"),
    "an account's running minutes": (
        "account", "mill", {"grptresrunmins": "gres/gpu=10"},
        "modify account where name=mill cluster=werkplaats set GrpTRESRunMins=gres/gpu=-1",
    ),
    "an account's time of all": ("account", "mill", {"grpwall": "1-00:00:00"},
                                 "modify account where name=mill cluster=werkplaats set GrpWall=-1"),
    "their own minutes of a job": (
        "person", "mill", {"maxtresminsperjob": "gres/gpu=10"},
        "modify user where name=ann account=mill cluster=werkplaats set MaxTRESMinsPerJob=gres/gpu=-1",
    ),
    "their own on a node": (
        "person", "mill", {"maxtrespernode": "gres/gpu=1"},
        "modify user where name=ann account=mill cluster=werkplaats set MaxTRESPerNode=gres/gpu=-1",
    ),
    "on Slurm's own account": (
        "account", "root", {"grptres": "gres/gpu=1", "maxwall": "01:00:00"},
        "modify account where name=root cluster=werkplaats set GrpTRES=gres/gpu=-1 MaxWall=-1",
    ),
    "on a stream's account": ("account", "alder", {"maxjobs": "1"},
                              "modify account where name=alder cluster=werkplaats set MaxJobs=-1"),
    "their own default, which is the account's": (
        "person", "mill", {"defaultqos": "alder"},
        "modify user where name=ann account=mill cluster=werkplaats set DefaultQOS=-1",
    ),
    "a QOS less": ("person", "mill", {"qoslevel": "-lent"},
                   "modify user where name=ann account=mill cluster=werkplaats set QosLevel="),
    "their own QOS": ("person", "mill", {"qoslevel": "alder,normal"},
                      "modify user where name=ann account=mill cluster=werkplaats set QosLevel="),
    "their own default": ("person", "mill", {"defaultqos": "lent"},
                          "modify user where name=ann account=mill cluster=werkplaats set DefaultQOS=-1"),
    "their own budget": ("person", "mill", {"grptresmins": "gres/gpu=5"},
                         "modify user where name=ann account=mill cluster=werkplaats set "
                         "GrpTRESMins=gres/gpu=-1"),
}  # fmt: skip


@pytest.mark.parametrize("drift", DRIFT)
def test_what_somebody_set_by_hand_is_set_back(
    slurm: FakeSlurm, drift: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command for each thing, of what differs only; afterwards nothing does."""
    monkeypatch.setattr("tests.hub.fake_slurm.TRES", ("cpu", "mem", "billing", "node", "gres/gpu"))
    kind, name, by_hand, command = DRIFT[drift]
    has = {
        "qos": slurm.qos.get(name, {}),
        "account": slurm.accounts.get(name, {}),
        "person": slurm.people.get((name, "ann"), {}),
    }[kind]
    for key, value in by_hand.items():
        has.pop(key, None)
        has.update({key: value} if value is not None else {})
    change = only(plan(small(), slurm))
    assert change.sign is Sign.CHANGE
    assert len(change.before) == len(change.after) == len(by_hand)
    apply(small(), slurm)
    assert commanded(slurm) == [command]
    assert plan(small(), slurm).changes == ()


def test_what_was_lost_is_made_again(slurm: FakeSlurm) -> None:
    """A person and an account that somebody removed are put back, and nothing else is touched."""
    del slurm.people["mill", "bob"], slurm.people["mill", "ann"], slurm.accounts["mill"]
    assert [f"{change.sign.value} {change.thing}" for change in apply(small(), slurm).done] == [
        "+ account mill",
        "+ person ann in mill",
        "+ person bob in mill",
    ]


def test_what_is_not_ours_is_left_alone(slurm: FakeSlurm) -> None:
    """Accounts without our mark, their people, and QOS that no account of ours is called by."""
    slurm.accounts["chemistry"] = {"parent": "root", "qoslevel": "normal", "grpjobs": "4"}
    slurm.organization["chemistry"] = "university"
    slurm.people["chemistry", "curie"] = {"maxjobs": "1"}
    slurm.people["chemistry", "ann"] = {}
    slurm.qos["visitors"] = {**slurm.qos["normal"], "preempt": "lent", "grpjobs": "7"}
    slurm.qos["part-gpu"] = {**slurm.qos["normal"], "grptres": "gres/gpu=1"}
    assert plan(small(), slurm).changes == ()


def test_a_person_of_another_account_of_theirs_only_loses_ours(slurm: FakeSlurm) -> None:
    """Who leaves a project keeps what others gave them, and that becomes their default."""
    slurm.accounts["chemistry"] = {"parent": "root", "qoslevel": "normal"}
    slurm.organization["chemistry"] = "university"
    slurm.people["chemistry", "bob"] = {}
    assert slurm.default["bob"] == "mill"
    apply(small(mill={**MILL, "members": ("ann",)}, bakery=BAKERY), slurm)
    assert commanded(slurm) == [
        "modify user where name=bob cluster=werkplaats set defaultaccount=chemistry",
        "delete user where name=bob account=mill cluster=werkplaats",
    ]
    assert slurm.people.keys() >= {("chemistry", "bob")}


def test_accounts_of_before_get_the_mark(slurm: FakeSlurm) -> None:
    """An account that the facility names becomes ours, by its mark alone where all else is right."""
    slurm.organization["mill"] = "alder"
    change = only(plan(small(), slurm))
    assert (change.marks, change.before, change.after) == (True, {}, {})
    assert list(planning.lines(plan(small(), slurm))) == [
        "~ account mill",
        "      gets the mark of an account of Werkplaats",
    ]
    apply(small(), slurm)
    assert commanded(slurm) == ["modify account where name=mill set organization=werkplaats"]
    assert plan(small(), slurm).changes == ()


def test_an_account_that_is_not_marked_and_differs_gets_both(slurm: FakeSlurm) -> None:
    """Its settings and its mark are two commands, as Slurm takes them."""
    slurm.organization["mill"] = "alder"
    slurm.accounts["mill"]["grpjobs"] = "3"
    apply(small(), slurm)
    assert commanded(slurm) == [
        "modify account where name=mill cluster=werkplaats set GrpJobs=-1",
        "modify account where name=mill set organization=werkplaats",
    ]


# -- people who leave ---------------------------------------------------------------------------------

WITHOUT_ANN = small(mill={**MILL, "members": ("bob",)}, bakery=BAKERY)


def test_who_leaves_without_a_job_is_removed_at_once(slurm: FakeSlurm) -> None:
    """Their right is gone; of several accounts another becomes the default first."""
    slurm.default["ann"] = "mill"
    apply(WITHOUT_ANN, slurm)
    assert commanded(slurm) == [
        "modify user where name=ann cluster=werkplaats set defaultaccount=bakery",
        "delete user where name=ann account=mill cluster=werkplaats",
    ]
    assert slurm.default["ann"] == "bakery"


def test_the_default_stays_where_another_account_goes(slurm: FakeSlurm) -> None:
    """Only who loses the default account is given another one."""
    assert slurm.default["ann"] == "bakery"
    apply(WITHOUT_ANN, slurm)
    assert commanded(slurm) == ["delete user where name=ann account=mill cluster=werkplaats"]


def test_who_loses_all_accounts_needs_no_default(slurm: FakeSlurm) -> None:
    """An account that goes as well is never made the default on its way out."""
    apply(facility(STREAMS, {}, first_steps=FIRST), slurm)
    assert not any("defaultaccount" in command for command in commanded(slurm))
    assert "ann" not in slurm.default


def test_who_leaves_with_a_job_may_end_it(slurm: FakeSlurm) -> None:
    """First closed, then waited for, then removed; no job is cancelled, and others go on as they were."""
    slurm.jobs = [("mill", "ann", 1), ("mill", "bob", 1), ("bakery", "ann", 1)]
    closing = only(plan(WITHOUT_ANN, slurm))
    assert (closing.sign, closing.after) == (Sign.CHANGE, {"GrpJobs": "0", "GrpSubmitJobs": "0"})
    assert "can start nothing any more; removed by an apply after the end of 1 job" in closing.note
    apply(WITHOUT_ANN, slurm)
    assert commanded(slurm) == [
        "modify user where name=ann account=mill cluster=werkplaats set GrpJobs=0 GrpSubmitJobs=0"
    ]
    waiting = plan(WITHOUT_ANN, slurm)
    assert only(waiting).sign is Sign.WAIT
    assert (waiting.todo(False), waiting.todo(True)) == ((), ())
    assert next(iter(planning.lines(waiting))) == "… person ann in mill"
    slurm.jobs = slurm.jobs[1:]
    assert only(plan(WITHOUT_ANN, slurm)).sign is Sign.REMOVE
    apply(WITHOUT_ANN, slurm)
    assert ("mill", "ann") not in slurm.people
    assert slurm.jobs == [("mill", "bob", 1), ("bakery", "ann", 1)]


def test_who_comes_back_is_let_in_again(slurm: FakeSlurm) -> None:
    """Who was closed while a job ran, and is named again, is opened again."""
    slurm.jobs = [("mill", "ann", 1)]
    apply(WITHOUT_ANN, slurm)
    apply(small(), slurm)
    assert commanded(slurm) == [
        "modify user where name=ann account=mill cluster=werkplaats set GrpJobs=-1 GrpSubmitJobs=-1"
    ]


def test_newcomers_stay(slurm: FakeSlurm) -> None:
    """Who was enrolled for first steps is in no file, and stays, with the budget that the file says."""
    slurm.people["first-steps", "nova"] = {"grptresmins": "gres/gpu=120"}
    slurm.people["first-steps", "old"] = {"grptresmins": "gres/gpu=60"}
    change = only(plan(small(), slurm))
    assert change.thing == Thing(Kind.USER, "first-steps", "old")
    assert dict(change.after) == {"GrpTRESMins": "gres/gpu=120"}
