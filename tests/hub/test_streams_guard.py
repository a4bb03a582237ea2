"""What is dropped while it is in use stays until somebody insists, and what it needs stays with it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.hub.facilities import facility
from tests.hub.fake_slurm import FakeSlurm
from tests.hub.small import BAKERY, MILL, apply, plan, small

from werkplaats_hub.streams import plan as planning

WITHOUT_MILL = small(bakery=BAKERY)
WITHOUT_ALDER = facility({"birch": {"share": 1.0}}, {"bakery": BAKERY})


def test_a_dropped_project_without_jobs_or_use_goes(slurm: FakeSlurm) -> None:
    """Nothing is lost by it: people first, then the account."""
    done = apply(WITHOUT_MILL, slurm)
    assert [str(change.thing) for change in done.done] == [
        "person bob in mill",
        "person ann in mill",
        "account mill",
    ]


IN_USE: dict[str, tuple[list[tuple[str, str, int]], dict[str, int], str]] = {
    "a job": ([("mill", "ann", 1)], {}, "it has 1 job"),
    "jobs": ([("mill", "ann", 1), ("mill", "bob", 2)], {}, "it has 2 jobs"),
    "use": ([], {"mill": 90}, "it has 1.5 GPU-hours used in this period"),
    "both": ([("mill", "ann", 1)], {"mill": 6}, "it has 1 job and 0.1 GPU-hours used in this period"),
}


@pytest.fixture(params=IN_USE)
def in_use(request: pytest.FixtureRequest, slurm: FakeSlurm) -> str:
    """The project *mill* in use, in several ways; what is said of it."""
    jobs, used, said = IN_USE[request.param]
    slurm.jobs, slurm.used = list(jobs), dict(used)
    return said


def test_a_dropped_project_in_use_is_guarded(slurm: FakeSlurm, in_use: str) -> None:
    """It stays, closed, and its people in it, until ``--force``; the plan says why."""
    found = plan(WITHOUT_MILL, slurm)
    assert [(str(change.thing), change.guard) for change in found.guarded] == [("account mill", in_use)]
    said = list(planning.lines(found))
    assert f"      only with --force: {in_use}" in said
    assert said[said.index("- person ann in mill") + 1].startswith("      only with --force")
    assert [str(change.thing) for change in found.todo(False)] == ["account mill"]
    jobs = list(slurm.jobs)
    apply(WITHOUT_MILL, slurm)
    assert slurm.accounts["mill"]["grpsubmitjobs"] == slurm.accounts["mill"]["grpjobs"] == "0"
    assert ("mill", "ann") in slurm.people
    assert slurm.jobs == jobs
    assert plan(WITHOUT_MILL, slurm).todo(False) == (), "closed once is enough"


def test_force_drops_it(slurm: FakeSlurm, in_use: str) -> None:
    """Its jobs are cancelled and have ended before its people and then itself are removed."""
    had_jobs = bool(slurm.jobs)
    slurm.jobs.append(("bakery", "cor", 1))
    apply(WITHOUT_MILL, slurm, force=True)
    words = [argv[0] for argv in slurm.changes]
    assert ("scancel" in words) is had_jobs
    assert all(argv == ["scancel", "--account=mill"] for argv in slurm.changes if argv[0] == "scancel")
    assert "mill" not in slurm.accounts
    assert slurm.jobs == [("bakery", "cor", 1)], "only what was dropped is cancelled"
    assert plan(WITHOUT_MILL, slurm).changes == ()


def test_a_guarded_project_keeps_its_stream(slurm: FakeSlurm, in_use: str) -> None:
    """A stream that is dropped with a project in use keeps its account, QOS and the project's people."""
    found = plan(WITHOUT_ALDER, slurm)
    assert "account mill" in [str(change.thing) for change in found.guarded]
    apply(WITHOUT_ALDER, slurm)
    assert "first-steps" not in slurm.accounts, "what is in nobody's way goes"
    assert {"alder", "mill"} <= slurm.accounts.keys()
    assert "alder" in slurm.qos
    assert {("mill", "ann"), ("mill", "bob")} <= slurm.people.keys()
    assert slurm.accounts["mill"]["parent"] == "alder"
    assert "alder" in slurm.accounts["mill"]["qoslevel"].split(",")
    assert plan(WITHOUT_ALDER, slurm).todo(False) == ()
    slurm.used["alder"] = 90
    apply(WITHOUT_ALDER, slurm, force=True)
    assert not {"alder", "mill"} & slurm.accounts.keys()
    assert "alder" not in slurm.qos


def test_a_stream_that_was_used_itself_is_guarded(slurm: FakeSlurm) -> None:
    """What its projects used counts as its own, also after they are gone."""
    slurm.used["alder"] = 30
    found = plan(WITHOUT_ALDER, slurm)
    assert [(str(c.thing), c.guard) for c in found.guarded] == [
        ("account alder", "it has 0.5 GPU-hours used in this period")
    ]
    apply(WITHOUT_ALDER, slurm)
    assert "alder" in slurm.qos, "its QOS is its account's, and stays with it"
    assert "mill" not in slurm.accounts


def test_jobs_that_do_not_end(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account whose jobs hang is not removed under them: the apply stops and says where to look."""
    slurm.jobs = [("mill", "ann", 1)]
    monkeypatch.setattr("werkplaats_hub.streams.plan.time.sleep", lambda seconds: None)

    def hanging(argv: Sequence[str]) -> str:
        return "" if argv[0] == "scancel" else slurm(argv)

    done = planning.apply(plan(small(bakery=BAKERY), slurm), hanging, force=True)
    assert "jobs of mill do not end; see `squeue --account=mill`" in done.failure
    assert "account mill" in [str(change.thing) for change in done.left]
    assert ("mill", "ann") in slurm.people


def test_an_apply_says_each_change_as_it_is_made(slurm: FakeSlurm) -> None:
    """What was said is what was done, in that order."""
    said: list[str] = []
    planning.apply(plan(WITHOUT_MILL, slurm), slurm, say=said.append)
    assert said == ["  - person bob in mill", "  - person ann in mill", "  - account mill"]


def test_a_plan_as_people_and_machines_read_it(slurm: FakeSlurm) -> None:
    """What it was and what it becomes, setting by setting; what is added has no before."""
    slurm.accounts["mill"] |= {"grptresmins": "gres/gpu=1", "grpjobs": "4"}
    grown = small(mill={**MILL, "members": ("ann", "bob", "dee")}, bakery=BAKERY)
    found = plan(grown, slurm)
    assert list(planning.lines(found)) == [
        "~ account mill",
        "      GrpJobs: 4 -> not set",
        "      GrpTRESMins: gres/gpu=1 -> gres/gpu=600",
        "+ person dee in mill",
    ]
    assert planning.as_json(found.changes) == [
        {
            "sign": "~",
            "kind": "account",
            "name": "mill",
            "before": {"GrpJobs": "4", "GrpTRESMins": "gres/gpu=1"},
            "after": {"GrpJobs": "", "GrpTRESMins": "gres/gpu=600"},
        },
        {"sign": "+", "kind": "person", "name": "mill", "person": "dee", "before": {}, "after": {}},
    ]
