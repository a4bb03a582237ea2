"""Hours that were given count until the period is over; files of what ended long ago go."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from tests.desk.conftest import settings

from werkplaats_desk import budget, outbox
from werkplaats_desk.database import Database
from werkplaats_desk.desk import Desk
from werkplaats_desk.models import APPROVED, DECLINED, Application, Course
from werkplaats_desk.period import Period, first_day, last_periods_first_day, midnight

TODAY = date(2026, 11, 21)
FIRST = date(2026, 11, 1)
LAST = date(2026, 10, 31)
LATER = date(2026, 12, 31)


def course(number: int, ends: date, ended: date | None = None, hours: int = 100) -> Course:
    """Return a course, ended by its teacher in the middle of a day or not at all."""
    return Course(
        teacher="docent", title="AI", notebook="les.ipynb", stream="regional", gpu_hours=hours, capacity=3,
        ends=ends, code=f"code{number}", project=f"ai-c{number}", created_at=0,
        ended_at=midnight(ended) + 12 * 3600 if ended else None,
    )  # fmt: skip


def application(number: int, ends: date, state: str = APPROVED) -> Application:
    """Return a request."""
    return Application(
        applicant="mkb", title="Weeds", stream="regional", purpose="Weeding", gpu_hours=100, ends=ends,
        same=str(number), state=state, created_at=0, project=f"weeds-a{number}",
    )  # fmt: skip


@pytest.fixture
def session(desk: Desk) -> Session:
    """A transaction that is not kept."""
    with desk.database.transaction() as session:
        yield session  # type: ignore[misc]
        session.rollback()


@pytest.mark.parametrize(
    ("one", "hours"),
    [
        (course(1, LATER), 100),
        (course(1, FIRST), 100),
        (course(1, LAST), 0),
        (course(1, LATER, ended=TODAY), 100),
        (course(1, LATER, ended=FIRST), 100),
        (course(1, LATER, ended=LAST), 0),
        (application(1, LATER), 100),
        (application(1, FIRST), 100),
        (application(1, LAST), 0),
        (application(1, LATER, DECLINED), 0),
    ],
)
def test_what_was_given_counts_until_the_period_is_over(
    session: Session, one: Course | Application, hours: int
) -> None:
    """Also what was ended before its day; what ended in the last period does not."""
    session.add(one)
    session.flush()
    assert budget.granted(session, FIRST) == hours
    assert budget.granted(session, FIRST, "regional") == hours
    assert budget.granted(session, FIRST, "national") == 0


def test_ending_a_course_brings_no_hours_back(session: Session, tmp_path: Path) -> None:
    """A stream of 1,000 hours has given them all, whether its courses run or not; next month it has them."""
    given = settings(tmp_path)
    regional = given.stream("regional")
    assert regional
    session.add_all([course(n, LATER, ended=TODAY if n % 2 else None, hours=200) for n in range(5)])
    session.flush()
    assert budget.left(session, given, regional, TODAY) == 0
    assert budget.left(session, given, regional, date(2026, 12, 1)) == 400
    assert budget.left(session, given, regional, date(2027, 1, 1)) == 1000


@pytest.mark.parametrize(
    ("period", "today", "first", "before"),
    [
        ("monthly", date(2026, 11, 1), date(2026, 11, 1), date(2026, 10, 1)),
        ("monthly", date(2026, 1, 31), date(2026, 1, 1), date(2025, 12, 1)),
        ("quarterly", date(2026, 3, 31), date(2026, 1, 1), date(2025, 10, 1)),
        ("quarterly", date(2026, 12, 31), date(2026, 10, 1), date(2026, 7, 1)),
        ("yearly", date(2026, 12, 31), date(2026, 1, 1), date(2025, 1, 1)),
    ],
)
def test_first_days(period: Period, today: date, first: date, before: date) -> None:
    """Of the period that runs, and the one before."""
    assert first_day(period, today) == first
    assert last_periods_first_day(period, today) == before


def test_files_of_long_ago_go(desk: Desk) -> None:
    """What ended before the last period has no file any more, and stays in the database; the rest stays."""
    database: Database = desk.database
    folder = desk.settings.projects_d
    with database.transaction() as session:
        session.add_all([course(1, LATER), course(2, LAST), course(3, date(2026, 9, 30))])
        session.add_all([course(4, LATER, ended=date(2026, 10, 1)), application(5, date(2026, 9, 30))])
    assert len(outbox.publish(database, folder)) == 5
    (folder / "of-others.toml").write_text("")
    since = last_periods_first_day("monthly", TODAY)
    assert sorted(outbox.publish(database, folder, since)) == ["ai-c3", "ai-c4", "weeds-a5"]
    assert {path.stem for path in folder.glob("*.toml")} == {"ai-c1", "ai-c2", "of-others"}
    assert outbox.publish(database, folder, since) == []
    with database.transaction() as session:
        assert session.query(Course).count() == 4


def test_the_desk_does_so_by_itself(desk: Desk) -> None:
    """With its settings' period, by the day that it is."""
    ago = date.today() - timedelta(days=800)
    with desk.database.transaction() as session:
        session.add_all([course(1, ago), course(2, date.today())])
    desk.publish()
    assert {path.stem for path in desk.settings.projects_d.glob("*.toml")} == {"ai-c2"}
