"""What the desk grants becomes so by itself, and nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from tests.hub.fake_slurm import FakeSlurm

from werkplaats_hub import facility as facilities
from werkplaats_hub.instance import Instance
from werkplaats_hub.slurm_commands import SlurmFailed
from werkplaats_hub.streams import granting
from werkplaats_hub.streams import plan as planning
from werkplaats_hub.streams.granting import Granting, grant_once
from werkplaats_hub.streams.keeper import keep_once

NOW = datetime.now().astimezone()
FILE = """
title = {{ nl = "Onkruid", en = "Weeds" }}
stream = "regional"
gpu_hours = {hours}
members = {members}
ends = {ends}
"""


@pytest.fixture
def instance(tmp_path: Path, facility_file: Path) -> Instance:
    """An instance with the shipped facility and an empty folder of the desk's."""
    instance = Instance.beside(tmp_path, "wpgrant", 28000)
    instance.etc.mkdir(parents=True)
    instance.drop.folder.mkdir(parents=True)
    instance.facility.write_text(facility_file.read_text())
    return instance


@pytest.fixture
def slurm(instance: Instance) -> FakeSlurm:
    """A Slurm with what the facility's file says."""
    slurm = FakeSlurm()
    found = planning.plan(facilities.read(instance.facility), slurm, date.today())
    assert planning.apply(found, slurm).failure == ""
    slurm.changes.clear()
    return slurm


def grant(
    instance: Instance, *members: str, name: str = "weeds-a1", hours: int = 100, ends: date | None = None
) -> None:
    """Write a file as the desk does."""
    day = ends or date.today() + timedelta(9)
    text = FILE.format(members=list(members), hours=hours, ends=day).replace("'", '"')
    half = instance.drop.folder / ".half"
    half.write_text(text)
    half.replace(instance.drop.folder / f"{name}.toml")


def added(instance: Instance, slurm: FakeSlurm) -> list[str]:
    """Let the keeper look once, and return what it added."""
    return [str(change.thing) for change in grant_once(instance, slurm, NOW)]


def drift(instance: Instance, slurm: FakeSlurm) -> list[str]:
    """Return what `plan` would show."""
    facility = facilities.read(instance.facility, instance.drop)
    return list(planning.lines(planning.plan(facility, slurm, date.today())))


def test_a_granted_project_is_added_with_its_people(instance: Instance, slurm: FakeSlurm) -> None:
    """Account, budget and members; after it the plan shows nothing: what the desk grants is no drift."""
    grant(instance, "mkb", "student")
    assert any("weeds-a1" in line for line in drift(instance, slurm))
    assert added(instance, slurm) == [
        "account weeds-a1",
        "person mkb in weeds-a1",
        "person student in weeds-a1",
    ]
    assert drift(instance, slurm) == []
    assert added(instance, slurm) == []


def test_who_joins_later_is_added(instance: Instance, slurm: FakeSlurm) -> None:
    """One more person in the file is one more association, and nothing else is touched."""
    grant(instance, "mkb")
    added(instance, slurm)
    grant(instance, "mkb", "student")
    slurm.changes.clear()
    assert added(instance, slurm) == ["person student in weeds-a1"]
    assert len(slurm.changes) == 1


def test_nothing_else_is_changed(instance: Instance, slurm: FakeSlurm) -> None:
    """What the operator changed in the file, and what somebody changed in Slurm, waits for an apply."""
    text = instance.facility.read_text()
    instance.facility.write_text(text.replace("gpu_hours = 1000", "gpu_hours = 2000"))
    grant(instance, "mkb")
    before = len(drift(instance, slurm))
    assert added(instance, slurm) == ["account weeds-a1", "person mkb in weeds-a1"]
    assert 0 < len(drift(instance, slurm)) < before


def test_more_hours_and_people_who_left_wait(instance: Instance, slurm: FakeSlurm) -> None:
    """The keeper only adds: neither a larger budget nor a name less is its to put through."""
    grant(instance, "mkb", "student")
    added(instance, slurm)
    grant(instance, "mkb", hours=7000)
    slurm.changes.clear()
    assert added(instance, slurm) == []
    assert slurm.changes == []


def test_a_project_that_ended_is_closed(instance: Instance, slurm: FakeSlurm) -> None:
    """By the keeper's own look at the calendar, as one of the facility's file is."""
    grant(instance, "mkb")
    added(instance, slurm)
    grant(instance, "mkb", ends=date.today() - timedelta(1))
    assert [str(change.thing) for change in keep_once(instance, slurm, NOW)] == ["account weeds-a1"]
    assert drift(instance, slurm) == []


def test_one_that_slurm_refuses_keeps_no_other(instance: Instance, slurm: FakeSlurm) -> None:
    """The failure is said; the projects beside it are there."""

    def run(argv: Sequence[str]) -> str:
        if "weeds-a1" in argv:
            raise SlurmFailed("no")
        return slurm(argv)

    grant(instance, "mkb")
    grant(instance, "mkb", name="weeds-b2")
    with pytest.raises(SlurmFailed, match="weeds-a1"):
        grant_once(instance, run, NOW)
    assert not any("weeds-b2" in line for line in drift(instance, slurm))
    assert any("weeds-a1" in line for line in drift(instance, slurm))


def test_it_looks_when_the_folder_changed(
    instance: Instance, slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked of Slurm while the desk wrote nothing; a failure is tried again after a while."""
    clock = [1000.0]
    monkeypatch.setattr(granting.time, "monotonic", lambda: clock[0])
    fails, asked = [False], [0]

    def run(argv: Sequence[str]) -> str:
        asked[0] += 1
        if fails[0]:
            raise SlurmFailed("away")
        return slurm(argv)

    looking = Granting(instance, run)
    grant(instance, "mkb")
    fails[0] = True
    with pytest.raises(SlurmFailed):
        looking.look(NOW)
    looking.look(NOW)
    assert asked[0] == 1, "not tried again at once"
    fails[0], clock[0] = False, clock[0] + 16
    looking.look(NOW)
    assert drift(instance, slurm) == []
    before, clock[0] = asked[0], clock[0] + 100
    looking.look(NOW)
    assert asked[0] == before
    grant(instance, "mkb", "student")
    looking.look(NOW)
    assert drift(instance, slurm) == []
