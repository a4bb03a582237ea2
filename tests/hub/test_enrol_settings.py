"""What root lays down for *enrol* is what a plan wants of newcomers, to the letter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hub.facilities import TODAY, facilities, facility
from tests.hub.fake_slurm import CLUSTER, FakeSlurm
from tests.hub.small import FIRST, STREAMS, apply, plan, small

from werkplaats_hub.enrol_settings import enrol_settings, place
from werkplaats_hub.facility import Facility
from werkplaats_hub.instance import Instance
from werkplaats_hub.slurm_commands import SlurmFailed
from werkplaats_hub.streams.capacity import Capacity
from werkplaats_hub.streams.changes import Change, Sign
from werkplaats_hub.streams.commands import commands
from werkplaats_hub.streams.desired import desired
from werkplaats_hub.streams.model import Kind, Thing
from werkplaats_spawners.enrol import people, program
from werkplaats_spawners.offer import FIRST_STEPS

INSTANCE = Instance.beside(Path("/srv/tests"), "wpenrol", 28000, cluster=CLUSTER)
CAPACITY = Capacity(gpus=16, cpus_aside=16, memory_mb_aside=65536)


def enrolled(wanted: Facility, person: str, monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    """Enrol somebody with the program itself; only its commands of Slurm go elsewhere."""
    settings = enrol_settings(INSTANCE, wanted)
    assert settings is not None

    def answered(argv: list[str], settings: object) -> Any:
        try:
            return program.subprocess.CompletedProcess(argv, 0, run(argv), "")
        except SlurmFailed as wrong:
            return program.subprocess.CompletedProcess(argv, 1, "", str(wrong))

    with monkeypatch.context() as patch:
        patch.setattr(program, "_run", answered)
        patch.setattr(people, "make", lambda name, place, run, most_today: None)
        program.enrol(person, settings)


@given(facilities(), st.sampled_from(["ann", "newcomer"]))
def test_enrol_adds_what_a_plan_would_add(wanted: Facility, person: str) -> None:
    """The very command of a plan that has this newcomer, for whatever facility."""
    settings = enrol_settings(INSTANCE, wanted)
    thing = Thing(Kind.USER, FIRST_STEPS, person)
    want = desired(wanted, CAPACITY, TODAY, [person])
    assert (settings is None) == (thing not in want)
    if settings is None:
        return
    (planned,) = commands(Change(Sign.ADD, thing, {}, want[thing]), CLUSTER)
    limits = [f"{key}={value}" for key, value in settings.limits.items()]
    assert program.associations.add_person(person, settings.account, settings.cluster, limits) == planned


class Shows:
    """A Slurm in memory that is also asked for one association."""

    def __init__(self, slurm: FakeSlurm) -> None:
        self.slurm = slurm

    def __call__(self, argv: list[str]) -> str:
        """Run a command."""
        if "show" not in argv:
            return self.slurm(argv)
        user, account, cluster = (word.partition("=")[2] for word in argv[-3:])
        assert cluster == CLUSTER
        return f"{account}|{user}|\n" if (account, user) in self.slurm.people else ""


def test_who_was_enrolled_is_no_drift(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """After *enrol* a plan has nothing to do, and an apply takes nobody's first steps away."""
    enrolled(small(), "newcomer", monkeypatch, Shows(slurm))
    assert slurm.people[FIRST_STEPS, "newcomer"] == {"grptresmins": "gres/gpu=120"}
    assert plan(small(), slurm).changes == ()


def test_a_member_who_was_enrolled_keeps_both(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody in a project of the file may have first steps too: both stay."""
    enrolled(small(), "ann", monkeypatch, Shows(slurm))
    assert plan(small(), slurm).changes == ()
    assert slurm.default["ann"] != FIRST_STEPS


def test_another_budget_changes_who_was_enrolled_before(
    slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan gives everybody the new one; whoever comes after an apply gets it from the start."""
    enrolled(small(), "newcomer", monkeypatch, Shows(slurm))
    more = small().model_copy(update={"first_steps": small().first_steps.model_copy(update={"gpu_hours": 5})})  # type: ignore[union-attr]
    apply(more, slurm)
    enrolled(more, "later", monkeypatch, Shows(slurm))
    assert slurm.people[FIRST_STEPS, "newcomer"] == slurm.people[FIRST_STEPS, "later"]
    assert plan(more, slurm).changes == ()


def test_a_facility_without_first_steps() -> None:
    """There is nothing to lay down."""
    assert enrol_settings(INSTANCE, facility(STREAMS, {})) is None
    assert enrol_settings(INSTANCE, facility(STREAMS, {}, first_steps=FIRST)) is not None


def test_where_people_are_kept() -> None:
    """Everything is the instance's own, and root's."""
    assert place(INSTANCE) == people.Place(
        group="wpenrol",
        mark="Werkplaats (wpenrol)",
        homes="/srv/tests/home",
        logs="/srv/tests/state/job-logs",
        lock="/srv/tests/run/enrol.lock",
    )
