"""What others put into Slurm beside the file: what goes, what stays, and of what only a sentence is said."""

from __future__ import annotations

import json

import pytest
from tests.hub.facilities import facility
from tests.hub.fake_slurm import FakeSlurm
from tests.hub.small import BAKERY, MILL, apply, commanded, only, plan, small

from werkplaats_hub.streams import plan as planning
from werkplaats_hub.streams.changes import Sign


def add_account(slurm: FakeSlurm, name: str, parent: str, *people: str) -> None:
    """Make an account that is not ours, with people."""
    slurm.accounts[name] = {"parent": parent}
    slurm.organization[name] = parent
    for person in people:
        add_person(slurm, name, person)


def add_person(slurm: FakeSlurm, account: str, person: str, **settings: str) -> None:
    """Add somebody to an account by hand."""
    slurm.people[account, person] = settings
    slurm.default.setdefault(person, account)


def things(slurm: FakeSlurm) -> list[str]:
    """Return the plan, each change in a few words."""
    return [f"{change.sign.value} {change.thing}" for change in plan(small(), slurm).changes]


def mended(slurm: FakeSlurm) -> list[str]:
    """Apply, and return what was commanded; afterwards there is nothing to do."""
    apply(small(), slurm)
    done = commanded(slurm)
    assert plan(small(), slurm).changes == ()
    return done


# -- accounts below ours, and people where none should be ---------------------------------------------


@pytest.mark.parametrize("parent", ["alder", "mill", "first-steps"])
def test_an_account_below_ours_goes(slurm: FakeSlurm, parent: str) -> None:
    """Below a stream, a project or first steps, it would run on a share: it goes, with its people."""
    add_account(slurm, "shadow", parent, "zoe")
    assert things(slurm) == ["- person zoe in shadow", "- account shadow"]
    mended(slurm)
    assert "shadow" not in slurm.accounts


def test_the_deepest_goes_first(slurm: FakeSlurm) -> None:
    """Slurm would take away all below an account with it, unasked; whatever its name is."""
    add_account(slurm, "able", "mill")
    add_account(slurm, "zebra", "able")
    add_account(slurm, "baker", "zebra", "zoe")
    assert things(slurm) == ["- person zoe in baker", "- account baker", "- account zebra", "- account able"]
    mended(slurm)


def test_one_below_ours_that_is_in_use_is_closed_and_kept(slurm: FakeSlurm) -> None:
    """Its jobs are not lost without ``--force``, nor is what it stands below; nothing new starts."""
    add_account(slurm, "able", "mill")
    add_account(slurm, "baker", "able", "zoe")
    slurm.jobs = [("baker", "zoe", 1)]
    apply(small(), slurm)
    assert slurm.accounts["baker"] | {"grpjobs": "0", "grpsubmitjobs": "0"} == slurm.accounts["baker"]
    assert {"able", "baker"} <= slurm.accounts.keys()
    assert plan(small(), slurm).todo(False) == ()
    apply(small(), slurm, force=True)
    assert not {"able", "baker"} & slurm.accounts.keys()


def test_an_account_elsewhere_stays(slurm: FakeSlurm) -> None:
    """What others have beside our streams is theirs, at any depth."""
    add_account(slurm, "chemistry", "root", "curie")
    add_account(slurm, "organic", "chemistry", "zoe")
    assert things(slurm) == []


@pytest.mark.parametrize("account", ["alder", "birch"])
def test_nobody_is_directly_in_a_stream(slurm: FakeSlurm, account: str) -> None:
    """There they would pass by every project's budget."""
    add_person(slurm, account, "zoe")
    assert things(slurm) == [f"- person zoe in {account}"]
    mended(slurm)


@pytest.mark.parametrize(
    "own", [{"qoslevel": "alder,normal"}, {"qoslevel": "+lent"}, {"defaultqos": "birch"}]
)
def test_nobody_at_the_top_has_a_qos_of_ours(slurm: FakeSlurm, own: dict[str, str]) -> None:
    """Directly in Slurm's own account they would pass by every stream."""
    add_person(slurm, "root", "zoe", **own)
    assert things(slurm) == ["- person zoe in root"]
    mended(slurm)


def test_nor_one_that_goes(slurm: FakeSlurm) -> None:
    """A QOS cannot be removed while it is somebody's default."""
    add_person(slurm, "root", "zoe", defaultqos="alder")
    smaller = facility({"birch": {"share": 1.0}}, {"bakery": BAKERY})
    apply(smaller, slurm)
    assert ("root", "zoe") not in slurm.people
    assert plan(smaller, slurm).changes == ()


def test_a_qos_of_ours_at_the_top_is_everybodys_there(slurm: FakeSlurm) -> None:
    """What the account itself allows counts for all who are directly in it, but its administrator."""
    slurm.accounts["root"]["qoslevel"] = "normal,alder"
    add_person(slurm, "root", "zoe")
    assert things(slurm) == ["- person zoe in root"]
    mended(slurm)
    assert ("root", "root") in slurm.people


def test_whoever_is_at_the_top_without_our_qos_stays(slurm: FakeSlurm) -> None:
    """They are as much others' as an account beside ours."""
    add_person(slurm, "root", "zoe", maxjobs="3")
    slurm.people["root", "root"]["maxjobs"] = "7"
    assert things(slurm) == []


def test_who_runs_at_the_top_may_end_it(slurm: FakeSlurm) -> None:
    """Their association is closed first, with a QOS of their own taken back, and removed later."""
    add_person(slurm, "root", "zoe", defaultqos="alder")
    slurm.jobs = [("root", "zoe", 1)]
    assert only(plan(small(), slurm)).sign is Sign.CHANGE
    apply(small(), slurm)
    assert slurm.jobs
    assert slurm.people["root", "zoe"]["grpsubmitjobs"] == "0"


# -- rights to change accounting ----------------------------------------------------------------------


@pytest.mark.parametrize("level", ["Operator", "Administrator"])
def test_nobody_with_us_may_change_limits(slurm: FakeSlurm, level: str) -> None:
    """Who is in an account of ours loses the level; that they could is said."""
    slurm.levels["ann"] = level
    assert list(planning.lines(plan(small(), slurm))) == [
        "- administrator ann",
        f"      could change every limit, as {level}",
    ]
    assert mended(slurm) == ["modify user where name=ann set adminlevel=None"]


def test_who_is_about_to_come_may_not_either(slurm: FakeSlurm) -> None:
    """Whom the file lists is with us before the apply that adds them."""
    add_account(slurm, "chemistry", "root", "zoe")
    slurm.levels["zoe"] = "Operator"
    assert things(slurm) == []
    grown = small(mill={**MILL, "members": ("ann", "bob", "zoe")}, bakery=BAKERY)
    assert [f"{c.sign.value} {c.thing}" for c in plan(grown, slurm).changes] == [
        "- administrator zoe",
        "+ person zoe in mill",
    ]
    apply(grown, slurm)
    assert plan(grown, slurm).changes == ()


@pytest.mark.parametrize("person", ["root", "slurm", "curie"])
def test_others_keep_their_level(slurm: FakeSlurm, person: str) -> None:
    """Slurm's own administrators, and who is only in accounts of others or at the top."""
    slurm.levels[person] = "Administrator"
    add_account(slurm, "chemistry", "root", "curie")
    add_person(slurm, "root", "curie")
    if person == "slurm":
        add_person(slurm, "mill", "slurm")
        assert things(slurm) == ["- person slurm in mill"]
    else:
        assert things(slurm) == []


def test_nobody_coordinates_an_account_of_ours(slurm: FakeSlurm) -> None:
    """Also above ours: a coordinator of Slurm's own account is one of every account."""
    add_account(slurm, "chemistry", "root", "curie")
    slurm.coordinators = [("mill", "ann"), ("alder", "ann"), ("chemistry", "curie")]
    assert set(things(slurm)) == {
        "- coordinator ann in mill",
        "- coordinator ann in alder",
        "- coordinator ann in first-steps",  # by way of the stream's: Slurm shows her there too
    }
    done = mended(slurm)
    assert "delete coordinator where name=ann account=mill" in done
    assert slurm.coordinators == [("chemistry", "curie")]
    slurm.coordinators.append(("root", "curie"))
    assert "- coordinator curie in root" in things(slurm)
    mended(slurm)
    assert slurm.coordinators == [("chemistry", "curie")]


def test_a_coordinator_of_what_is_kept_goes_all_the_same(slurm: FakeSlurm) -> None:
    """A guard is for jobs and budgets, and not for who may change them."""
    slurm.coordinators, slurm.jobs = [("mill", "ann")], [("mill", "bob", 1)]
    apply(small(bakery=BAKERY), slurm)
    assert "mill" in slurm.accounts
    assert slurm.coordinators == []


# -- associations for one partition -------------------------------------------------------------------


def test_an_association_for_one_partition_goes(slurm: FakeSlurm) -> None:
    """It has limits of its own, beside those of the person; the person's own stays as it is."""
    slurm.partitions["mill", "ann", "gpu"] = {"qoslevel": "alder,normal"}
    assert things(slurm) == ["- person ann in mill (partition gpu)"]
    assert planning.as_json(plan(small(), slurm).changes)[0]["partition"] == "gpu"
    assert mended(slurm) == ["delete user where name=ann account=mill cluster=werkplaats partition=gpu"]
    assert ("mill", "ann") in slurm.people


def test_somebody_elses_association_for_one_partition_stays(slurm: FakeSlurm) -> None:
    """In an account of others it is theirs."""
    add_account(slurm, "chemistry", "root", "ann")
    slurm.partitions["chemistry", "ann", "gpu"] = {}
    assert things(slurm) == []


def test_who_leaves_does_so_in_every_partition(slurm: FakeSlurm) -> None:
    """First the association for the partition: Slurm drops it with the other one."""
    slurm.partitions["mill", "bob", "gpu"] = {}
    slurm.partitions["mill", "zoe", "gpu"] = {}
    slurm.default["zoe"] = "mill"
    apply(small(mill={**MILL, "members": ("ann",)}, bakery=BAKERY), slurm)
    assert commanded(slurm) == [
        "delete user where name=zoe account=mill cluster=werkplaats partition=gpu",
        "delete user where name=bob account=mill cluster=werkplaats partition=gpu",
        "delete user where name=bob account=mill cluster=werkplaats",
    ]


def test_an_association_for_one_partition_that_is_in_use(slurm: FakeSlurm) -> None:
    """A member's may what the member may until their jobs have ended; a stranger's is closed."""
    slurm.partitions["mill", "ann", "gpu"] = {"maxjobs": "9"}
    slurm.partitions["mill", "zoe", "gpu"] = {}
    slurm.default["zoe"] = "mill"
    slurm.jobs = [("mill", "ann", 1), ("mill", "zoe", 1)]
    apply(small(), slurm)
    assert slurm.partitions["mill", "ann", "gpu"] == {}
    assert slurm.partitions["mill", "zoe", "gpu"] == {"grpjobs": "0", "grpsubmitjobs": "0"}
    waiting = plan(small(), slurm).waiting
    assert [change.note for change in waiting] == [
        "can start nothing any more; removed by an apply after the end of 1 job",
        "removed by an apply after the end of 1 job",
    ]
    slurm.jobs = []
    mended(slurm)
    assert slurm.partitions == {}


# -- QOS ----------------------------------------------------------------------------------------------


def test_a_qos_that_we_once_made_goes(slurm: FakeSlurm) -> None:
    """It is known by its mark, also when its account is long gone."""
    slurm.qos["cedar"] = {**slurm.qos["alder"]}
    assert things(slurm) == ["- QOS cedar"]
    assert mended(slurm) == ["delete qos where name=cedar"]


def test_a_qos_of_before_there_were_marks_goes_with_its_account(slurm: FakeSlurm) -> None:
    """It has the name of an account of ours, and may preempt."""
    slurm.qos["alder"]["description"] = "alder"
    apply(facility({"birch": {"share": 1.0}}, {"bakery": BAKERY}), slurm)
    assert "alder" not in slurm.qos


def test_a_qos_of_others_that_may_end_our_work_is_said(slurm: FakeSlurm) -> None:
    """It is theirs to mend: nothing is done to it, and how it is done is said."""
    slurm.qos["visitors"] = {**slurm.qos["normal"], "preempt": "lent,alder,normal"}
    slurm.qos["others"] = {**slurm.qos["normal"], "preempt": "normal"}
    found = plan(small(), slurm)
    said = (
        "QOS visitors may preempt work under alder and lent, and is not of facility.toml; "
        "by hand: sacctmgr modify qos visitors set preempt-=alder,lent"
    )
    assert (found.changes, found.by_hand) == ((), (said,))
    assert list(planning.lines(found)) == [f"! {said}"]
    assert json.dumps(found.by_hand)
