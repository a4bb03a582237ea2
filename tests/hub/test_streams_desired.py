"""What the facility's file comes to in Slurm: QOS, accounts and limits, as sacctmgr shows them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.hub.facilities import TODAY, facility

from werkplaats_hub import facility as facilities
from werkplaats_hub.facility import Facility
from werkplaats_hub.streams.capacity import Capacity
from werkplaats_hub.streams.desired import CLOSED, desired, is_closed, newcomers
from werkplaats_hub.streams.model import Kind, Settings, Thing

#: The single machine with virtual GPUs.
MACHINE = Capacity(gpus=16, cpus_aside=64, memory_mb_aside=128 * 1024)
TITLE = {"nl": "x", "en": "x"}


@pytest.fixture
def shipped(facility_file: Path) -> Facility:
    """The facility as it is shipped."""
    return facilities.read(facility_file)


def two(**more: Any) -> Facility:
    """Return a facility of two streams, of which the second does not lend."""
    return facility(
        {"alder": {"share": 0.75, "guaranteed": True}, "birch": {"share": 0.25, "lends": False}},
        {"cedar": {"stream": "alder"}, "dogwood": {"stream": "birch"}},
        **more,
    )


def wanted(found: Facility, name: str, kind: Kind = Kind.QOS, person: str = "") -> Settings:
    """Return what Slurm must hold of one thing."""
    return desired(found, MACHINE, TODAY, {"ann"})[Thing(kind, name, person)]


def test_the_qos_of_the_shipped_facility(shipped: Facility) -> None:
    """Each stream has its GPUs with what goes with them; the guarantee goes first, borrowers last."""
    state = desired(shipped, MACHINE, TODAY)
    ours = {"Description": "werkplaats"}
    common = {**ours, "PreemptMode": "cluster", "UsageFactor": "1"}
    most = {"MaxWall": "10080", "MaxSubmitJobsPerUser": "200"}
    share = {**common, **most, "Flags": "DenyOnLimit", "Preempt": "lent"}
    quarter = "billing=4000,cpu=80,gres/gpu=4,mem=196608"
    assert {thing.name: state[thing] for thing in state if thing.kind is Kind.QOS} == {
        "regional": {**share, "Priority": "200", "GrpTRES": quarter},
        "national": {**share, "Priority": "100", "GrpTRES": quarter},
        "eurohpc": {**share, "Priority": "100", "GrpTRES": "billing=8000,cpu=96,gres/gpu=8,mem=262144"},
        "lent": {
            **ours,
            "Priority": "0",
            "PreemptMode": "cancel",
            "GraceTime": "60",
            "UsageFactor": "0",
            "Flags": "UsageFactorSafe",
            "GrpTRES": "gres/gpu=16",
            **most,
        },
        "with-gpu": {**common, "Priority": "0", "MinTRESPerJob": "gres/gpu=1"},
        "without-gpu": {**common, "Priority": "0", "MaxTRESPerUser": "cpu=16,mem=32768"},
    }


def test_the_accounts_of_the_shipped_facility(shipped: Facility) -> None:
    """A stream stands below the root and a project below its stream; each may borrow, none by default."""
    state = desired(shipped, MACHINE, TODAY)
    regional = {"QosLevel": "lent,regional", "DefaultQOS": "regional"}
    accounts = {thing.name: state[thing] for thing in state if thing.kind is Kind.ACCOUNT}
    assert set(accounts) == {s.name for s in shipped.streams} | {p.name for p in shipped.offer.projects}
    assert accounts["regional"] == {**regional, "Parent": "root"}
    assert accounts["first-steps"] == {**regional, "Parent": "regional"}
    assert accounts["cursus-ai"] == {**regional, "Parent": "regional", "GrpTRESMins": "gres/gpu=60000"}
    assert accounts["onderzoek"] == {
        "Parent": "eurohpc",
        "QosLevel": "eurohpc,lent",
        "DefaultQOS": "eurohpc",
        "GrpTRESMins": "gres/gpu=60000",
    }


def test_the_people_of_the_shipped_facility(shipped: Facility) -> None:
    """Every member of a project, and nobody else, with nothing of their own: all comes from the account."""
    state = desired(shipped, MACHINE, TODAY)
    people = {(thing.name, thing.user): state[thing] for thing in state if thing.kind is Kind.USER}
    assert people == {(project.name, who): {} for project in shipped.projects for who in project.members}


def test_a_stream_that_does_not_lend() -> None:
    """Its GPUs are not in what may be borrowed, and neither it nor its projects may borrow."""
    assert wanted(two(), "lent")["GrpTRES"] == "gres/gpu=12"
    for name, allowed in (("alder", "alder,lent"), ("cedar", "alder,lent"), ("birch", "birch")):
        assert wanted(two(), name, Kind.ACCOUNT)["QosLevel"] == allowed
    assert wanted(two(), "dogwood", Kind.ACCOUNT)["QosLevel"] == "birch"
    assert wanted(two(), "birch")["Preempt"] == "lent", "what is lent can still stand in its way"


def test_limits_of_a_person() -> None:
    """Slurm keeps GPUs and hours; servers are the Hub's, as Slurm would count a notebook's workers too."""
    person = {"gpus": 2, "hours": 8, "servers": 1}
    limited = wanted(facility({"alder": {"share": 1.0, "person": person}}, {}), "alder")
    free = wanted(facility({"alder": {"share": 1.0}}, {}), "alder")
    assert (limited["MaxTRESPerUser"], limited["MaxWall"]) == ("gres/gpu=2", "480")
    assert {key for key in {*limited, *free} if limited.get(key) != free.get(key)} == {
        "MaxTRESPerUser",
        "MaxWall",
    }


def test_how_many_jobs_a_person_has() -> None:
    """As many as the facility says in each stream, and as many that borrow; the partitions' QOS have none."""
    found = desired(facility({"alder": {"share": 1.0}}, {}, limits={"jobs_per_person": 7}), MACHINE, TODAY)
    limits = {
        thing.name: found[thing].get("MaxSubmitJobsPerUser") for thing in found if thing.kind is Kind.QOS
    }
    assert limits == {"alder": "7", "lent": "7", "with-gpu": None, "without-gpu": None}


def test_a_share_follows_the_machine() -> None:
    """What goes with a GPU is the facility's to say, and what is set aside is for every stream."""
    found = facility({"alder": {"share": 1.0}}, {}, partitions={"cpus_per_gpu": 14, "memory_gb_per_gpu": 180})
    state = desired(found, Capacity(gpus=8, cpus_aside=10, memory_mb_aside=1000), TODAY)
    assert state[Thing(Kind.QOS, "alder")]["GrpTRES"] == (
        f"billing=8000,cpu={8 * 14 + 10},gres/gpu=8,mem={8 * 180 * 1024 + 1000}"
    )


def test_first_steps() -> None:
    """A newcomer's budget is their own; who was enrolled stays, though the file does not name them."""
    found = two(first_steps={"title": TITLE, "stream": "birch", "gpu_hours": 3})
    assert wanted(found, "first-steps", Kind.ACCOUNT) == {
        "Parent": "birch",
        "QosLevel": "birch",
        "DefaultQOS": "birch",
    }
    assert wanted(found, "first-steps", Kind.USER, "ann") == {"GrpTRESMins": "gres/gpu=180"}


def test_without_first_steps_newcomers_have_nothing() -> None:
    """A facility that takes the table out takes the account and its people out."""
    assert not any(thing.name == "first-steps" for thing in desired(two(), MACHINE, TODAY, {"ann"}))


def test_newcomers_are_who_slurm_has() -> None:
    """They are read from the associations for first steps, and from no others."""
    present: dict[Thing, Settings] = {Thing(Kind.USER, "first-steps", who): {} for who in ("ann", "bob")}
    other: dict[Thing, Settings] = {
        Thing(Kind.USER, "cedar", "cor"): {},
        Thing(Kind.ACCOUNT, "first-steps"): {},
    }
    other[Thing(Kind.USER, "first-steps", "dee", "gpu")] = {}
    assert newcomers({**present, **other}) == {"ann", "bob"}


@pytest.mark.parametrize(
    ("ends", "closed"),
    [(None, False), (TODAY, False), (TODAY + timedelta(1), False), (TODAY - timedelta(1), True)],
)
def test_a_project_after_its_last_day(ends: Any, closed: bool) -> None:
    """On its last day it still starts jobs; from the next no more, and what runs may end."""
    found = facility({"alder": {"share": 1.0}}, {"cedar": {"stream": "alder", "ends": ends}})
    settings = wanted(found, "cedar", Kind.ACCOUNT)
    assert is_closed(settings) is closed
    assert set(CLOSED) <= set(settings) if closed else not set(CLOSED) & set(settings)
    assert settings["GrpTRESMins"] == "gres/gpu=600", "what it used stays to be seen"


@pytest.mark.parametrize("half", [{"GrpJobs": "0"}, {"GrpSubmitJobs": "0"}, {}])
def test_half_closed_is_open(half: dict[str, str]) -> None:
    """Only where nothing may begin and none may be handed in is an account closed."""
    assert not is_closed(half)
    assert is_closed({**half, "GrpJobs": "0", "GrpSubmitJobs": "0"})


@pytest.mark.parametrize(("charged", "factor", "flags"), [(True, "1", ""), (False, "0", "UsageFactorSafe")])
def test_whether_borrowed_hours_are_charged(charged: bool, factor: str, flags: str) -> None:
    """Uncharged they count for nothing, also not when Slurm judges whether a budget suffices."""
    lent = wanted(two(lending={"charged": charged}), "lent")
    assert (lent["UsageFactor"], lent.get("Flags", "")) == (factor, flags)


def test_the_notice() -> None:
    """The notice of the file is Slurm's grace time."""
    assert wanted(two(lending={"notice_seconds": 90}), "lent")["GraceTime"] == "90"


def test_a_machine_without_gpus() -> None:
    """Nothing to share is a share of nothing for each, and no error."""
    state = desired(two(), Capacity(gpus=0, cpus_aside=4, memory_mb_aside=1024), TODAY)
    assert state[Thing(Kind.QOS, "alder")]["GrpTRES"] == "billing=0,cpu=4,gres/gpu=0,mem=1024"
    assert state[Thing(Kind.QOS, "lent")]["GrpTRES"] == "gres/gpu=0"
