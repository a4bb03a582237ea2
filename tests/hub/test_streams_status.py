"""Use against entitlement, from what a real controller and a real database printed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
from tests.hub.fake_slurm import recorded
from tests.spawners.test_period import clock_of

from werkplaats_hub import facility as facilities
from werkplaats_hub.facility import Facility
from werkplaats_hub.slurm_commands import SlurmFailed
from werkplaats_hub.streams.status import ProjectStatus, Status, StreamStatus, history, status, tables


@pytest.fixture
def shipped(facility_file: Path) -> Facility:
    """The facility as it is shipped."""
    return facilities.read(facility_file)


def replay(argv: Sequence[str]) -> str:
    """Answer as the recorded instance did."""
    for word, name in (
        ("assoc_mgr", "assoc_mgr"),
        ("nodes", "nodes"),
        ("--qos=lent", "lent"),
        ("AccountUtilizationByUser", "sreport"),
    ):
        if word in argv:
            return recorded(name)
    raise AssertionError(argv)


@pytest.fixture
def found(shipped: Facility) -> Status:
    """The recorded moment, 20 days and 3.5 hours into November."""
    with clock_of("UTC0"):
        return status(shipped, replay, datetime.fromisoformat("2026-11-21T03:30:00+00:00"))


def test_the_recorded_streams(found: Status) -> None:
    """GPUs in use are the stream's own, those borrowed stand beside them, and are not charged."""
    hours = 20 * 24 + 3.5
    assert found.streams == (
        StreamStatus("regional", 0.25, True, 4, 1, 2, 4 * hours, 0.1),
        StreamStatus("national", 0.25, False, 4, 0, 0, 4 * hours, 0.0),
        StreamStatus("eurohpc", 0.5, False, 8, 2, 0, 8 * hours, 0.1),
    )


def test_the_recorded_projects(found: Status) -> None:
    """Left is the budget without what was used and without what runs may still use."""
    projects = {project.name: project for project in found.projects}
    assert projects["onderzoek"] == ProjectStatus(
        name="onderzoek",
        stream="eurohpc",
        call="EuroHPC AI Factories 2026",
        ends=None,
        budget_hours=1000,
        used_hours=0.1,
        running_hours=26.4,
        left_hours=973.5,
    )
    assert projects["mkb-verkenning"].running_hours == 1.9, "the job on borrowed GPUs is not in it"
    assert next(iter(projects)) == "mkb-verkenning"
    assert "first-steps" not in projects, "it is no project with a budget of its own"


def test_the_period_is_said_with_its_zone(shipped: Facility) -> None:
    """Where the clock changed since the period began, both ends have the offset of their own day."""
    with clock_of("CET-1CEST,M3.5.0,M10.5.0/3"):
        found = status(shipped, replay, datetime.fromisoformat("2026-10-31T12:00:00").astimezone())
    assert found.period_began == "2026-10-01T00:00+02:00"
    assert found.period_ends == "2026-11-01T00:00+01:00"
    assert found.at == "2026-10-31T12:00:00+01:00"
    assert found.streams[0].entitled_hours == 4 * (30 * 24 + 12 + 1)


def test_the_tables(found: Status) -> None:
    """Streams and projects in columns, numbers to the right; a dash where Slurm has no limit."""
    assert list(tables(found)) == [
        "16 GPUs; period 2026-11-01 to 2026-12-01, in GPU-hours",
        "",
        "stream                 share  GPUs  in use  borrowed  entitled  used   %",
        "regional (guaranteed)    25%     4       1         2      1934   0.1  0%",
        "national                 25%     4       0         0      1934     0  0%",
        "eurohpc                  50%     8       2         0      3868   0.1  0%",
        "",
        "project           stream    budget  used  running   left  ends  call",
        "mkb-verkenning    regional    1000   0.1      1.9    998     -  Regiodeal 2026",
        "cursus-ai         regional       -     0        0      -     -  -",
        "expertisecentrum  regional       -     0        0      -     -  -",
        "onderzoek         eurohpc     1000   0.1     26.4  973.5     -  EuroHPC AI Factories 2026",
        "rijk-verkenning   national    1000     0        0   1000     -  Rijk 2026",
    ]


def test_no_entitlement_is_no_division(shipped: Facility) -> None:
    """In the first second of a period nothing was entitled, and the percentage is a dash."""
    with clock_of("UTC0"):
        found = status(shipped, replay, datetime.fromisoformat("2026-11-01T00:00:00+00:00"))
    assert [stream.entitled_hours for stream in found.streams] == [0, 0, 0]
    assert all(line.endswith("  -") for line in list(tables(found))[3:6])


def test_a_facility_without_projects(found: Status) -> None:
    """A table of streams and the head of the other."""
    bare = Status(found.at, found.period_began, found.period_ends, found.gpus, found.streams, ())
    assert list(tables(bare))[-1] == "project  stream  budget  used  running  left  ends  call"


def test_what_slurm_does_not_know_yet_is_nothing(shipped: Facility) -> None:
    """Before the first apply there is no use, and no budget either, whatever the file says."""
    found = status(shipped, lambda argv: "", datetime.now().astimezone())
    assert [stream.gpus for stream in found.streams] == [0, 0, 0]
    assert {(project.budget_hours, project.left_hours) for project in found.projects} == {(None, None)}
    assert {project.used_hours for project in found.projects} == {0}


def test_a_budget_is_the_one_that_slurm_holds(shipped: Facility) -> None:
    """Somebody's own number in Slurm is what binds, and what is shown, until an apply."""
    other = recorded("assoc_mgr").replace("gres/gpu=60000(6)", "gres/gpu=600(6)")
    found = status(
        shipped, lambda argv: other if "assoc_mgr" in argv else replay(argv), datetime.now().astimezone()
    )
    (project,) = (project for project in found.projects if project.name == "onderzoek")
    assert (project.budget_hours, project.used_hours) == (10, 0.1)


def test_a_budget_that_is_spent_is_not_negative(shipped: Facility) -> None:
    """What ran on past the end of a budget leaves nothing, and not less."""
    over = recorded("assoc_mgr").replace("gres/gpu=60000(6)", "gres/gpu=60000(61000)")
    assert "61000" in over
    found = status(
        shipped, lambda argv: over if "assoc_mgr" in argv else replay(argv), datetime.now().astimezone()
    )
    (project,) = (project for project in found.projects if project.name == "onderzoek")
    assert (project.used_hours, project.left_hours) == (1016.7, 0)


def test_what_is_borrowed_counts_for_the_streams_of_the_accounts(shipped: Facility) -> None:
    """Several jobs of several projects of one stream are one number."""
    lent = (
        "   cursus-ai    cpu=4,mem=16G,node=1,billing=1000,gres/gpu=1\n"
        "   mkb-verkenning    cpu=8,mem=32G,node=1,billing=2000,gres/gpu=2\n"
        "   first-steps    cpu=8,mem=32G,node=1,billing=2000,gres/gpu=3\n"
        "   onderzoek    cpu=8,mem=32G,node=1\n"
    )
    found = status(
        shipped, lambda argv: lent if "--qos=lent" in argv else replay(argv), datetime.now().astimezone()
    )
    assert [stream.borrowed for stream in found.streams] == [6, 0, 0]


def test_the_recorded_history(shipped: Facility) -> None:
    """Of streams and projects what the database rolled up, people's lines left out; the others are 0."""
    assert history(shipped, replay, date(2026, 11, 20), date(2026, 11, 22)) == {
        "cursus-ai": 0.0,
        "eurohpc": 1.1,
        "expertisecentrum": 0.0,
        "first-steps": 0.0,
        "mkb-verkenning": 0.1,
        "national": 1.0,
        "onderzoek": 1.1,
        "regional": 0.1,
        "rijk-verkenning": 1.0,
    }


def test_the_history_asks_for_whole_days(shipped: Facility) -> None:
    """GPU-minutes, from the first day up to the last one, which is not counted."""
    asked: list[list[str]] = []

    def run(argv: Sequence[str]) -> str:
        asked.append(list(argv))
        return ""

    assert set(history(shipped, run, date(2026, 1, 1), date(2026, 2, 1)).values()) == {0.0}
    (argv,) = asked
    assert argv[0] == "sreport"
    assert {"--tres=gres/gpu", "Minutes", "start=2026-01-01", "end=2026-02-01"} <= set(argv)


@pytest.mark.parametrize("line", ["", "garbage", "regional||x", "a|b", "sreport: error|of|some|kind"])
def test_a_foreign_line_in_the_history_is_passed_over(shipped: Facility, line: str) -> None:
    """What is no row of the report hides none of those that are."""
    text = f"{line}\n{recorded('sreport')}"
    found = history(shipped, lambda argv: text, date(2026, 11, 20), date(2026, 11, 22))
    assert found["eurohpc"] == 1.1


def test_a_controller_that_is_away_is_no_zero(shipped: Facility) -> None:
    """When Slurm does not answer there is no status: no use is not the same as not knowing."""

    def away(argv: Sequence[str]) -> str:
        raise SlurmFailed("Unable to contact slurm controller")

    with pytest.raises(SlurmFailed):
        status(shipped, away, datetime.now().astimezone())
