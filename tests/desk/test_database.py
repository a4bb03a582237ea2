"""The database: its tables are those of the models, in SQLite and in PostgreSQL."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.orm import Session
from tests.desk.conftest import TOMORROW, settings
from tests.desk.fake_datasets import datasets

from werkplaats_datasets.record import Record
from werkplaats_desk import access, access_requests, applications, courses, revoking
from werkplaats_desk.applications import Decision, Draft
from werkplaats_desk.database import Database
from werkplaats_desk.models import Base
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal


def test_the_head_is_what_the_models_say(database: Database) -> None:
    """Nobody changes a model and forgets the migration; a second run changes nothing."""
    database.migrate()
    with database.engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def at_once(number: int, work: object) -> list[str]:
    """Do something in many threads in the same moment; return what became of each."""
    outcomes: list[str] = []

    def one(mine: int) -> None:
        try:
            work(mine)  # type: ignore[operator]
            outcomes.append("done")
        except Refusal as refusal:
            outcomes.append(refusal.reason)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def draft(**changes: object) -> Draft:
    """Return a request."""
    given = {"title": "One", "stream": "regional", "purpose": "x" * 20, "gpu_hours": 5, "ends": TOMORROW}
    return Draft.model_validate({**given, **changes})


def test_one_decision(database: Database, tmp_path: Path) -> None:
    """Of many operators in the same moment one decides, and the others read that."""
    known, today = settings(tmp_path), date.today()
    with database.transaction() as session:
        applications.submit(session, known, Person("mkb"), draft(), today)

    def decide(number: int) -> None:
        with database.transaction() as session:
            found = applications.find(session, 1, Person("x", admin=True), known)
            decision = Decision(approve=bool(number % 2), version=1)
            applications.decide(session, known, found, Person(f"op{number}"), decision, today)

    assert at_once(8, decide) == ["decided"] * 7 + ["done"]


def test_one_request(database: Database, tmp_path: Path) -> None:
    """A press that arrives eight times is one request."""
    known, today = settings(tmp_path), date.today()

    def submit(number: int) -> None:
        with database.transaction() as session:
            applications.submit(session, known, Person("mkb"), draft(), today)

    assert at_once(8, submit) == ["done"] + ["twice"] * 7


def test_no_more_than_the_places(database: Database, tmp_path: Path) -> None:
    """A class of thirty is thirty, whoever presses when."""
    given = {"title": "Les", "notebook": "les.ipynb", "capacity": 30, "ends": TOMORROW, "gpu_hours": 0}
    with database.transaction() as session:
        made = courses.make(
            session, settings(tmp_path), Person("docent"), courses.Draft.model_validate(given), date.today()
        )

    def join(number: int) -> None:
        with database.transaction() as session:
            courses.join(session, made.code, Person(f"s{number}"), date.today())

    assert at_once(40, join) == ["course-full"] * 10 + ["done"] * 30


def test_a_server_is_asked_for_once(database: Database, tmp_path: Path) -> None:
    """However many pages ask in the same moment."""
    given = {"title": "Les", "notebook": "les.ipynb", "capacity": 3, "ends": TOMORROW, "gpu_hours": 0}
    person = Person("student")
    with database.transaction() as session:
        draft_ = courses.Draft.model_validate(given)
        made = courses.make(session, settings(tmp_path), Person("docent"), draft_, date.today())
        courses.join(session, made.code, person, date.today())
        courses.press(session, made, person, date.today())
    taken: list[bool] = []

    def take(number: int) -> None:
        with database.transaction() as session:
            taken.append(courses.take_turn(session, made, person) > 0)

    at_once(8, take)
    assert sorted(taken) == [False] * 7 + [True]


def test_the_last_hours_are_given_once(database: Database, tmp_path: Path) -> None:
    """Two requests that fit only one of them, approved in the same moment: one is."""
    known, today = settings(tmp_path), date.today()
    with database.transaction() as session:
        for number in range(6):
            wanted = draft(title=f"Number {number}", gpu_hours=400)
            applications.submit(session, known, Person("mkb"), wanted, today)

    def approve(number: int) -> None:
        with database.transaction() as session:
            found = applications.find(session, number + 1, Person("x", admin=True), known)
            decision = Decision(approve=True, version=1)
            applications.decide(session, known, found, Person("x"), decision, today)

    assert at_once(6, approve) == ["done"] * 2 + ["no-hours"] * 4


@pytest.fixture
def records(tmp_path: Path) -> dict[str, Record]:
    """A dataset of each tier, by name."""
    return {one.record.id: one.record for one in datasets(tmp_path / "catalogue").catalogue.offered()}


def ask(session: Session, record: Record, person: str = "rijk") -> None:
    """Ask for a restricted dataset."""
    wanted = {"version": "1.0.0", "project": "p", "purpose": "x" * 20, "until": TOMORROW}
    access_requests.submit(session, Person(person), record, access_requests.Draft.model_validate(wanted))


def test_one_open_request_for_a_dataset(database: Database, records: dict[str, Record]) -> None:
    """Of one person; another's is another."""

    def submit(number: int) -> None:
        with database.transaction() as session:
            ask(session, records["cohort"])

    assert at_once(8, submit) == ["done"] + ["twice"] * 7
    with database.transaction() as session:
        ask(session, records["cohort"], "mkb")
        assert access_requests.waiting(session, ["cohort", "assets"]) == {"cohort": 2}


def test_terms_are_accepted_once(database: Database, records: dict[str, Record]) -> None:
    """However often it is pressed, it is the same acceptance."""
    made: list[int] = []

    def accept(number: int) -> None:
        with database.transaction() as session:
            made.append(access.accept(session, Person("mkb"), records["assets"], "1.0.0").id)

    assert at_once(8, accept) == ["done"] * 8
    assert len(set(made)) == 1


def test_access_is_decided_and_taken_back_once(database: Database, records: dict[str, Record]) -> None:
    """Of many stewards in the same moment; then nothing stands, and it is in the list."""
    with database.transaction() as session:
        ask(session, records["cohort"])

    def decide(number: int) -> None:
        with database.transaction() as session:
            found = access_requests.find(session, 1, "cohort")
            decision = Decision(approve=True, version=1)
            access_requests.decide(session, found, Person(f"s{number}"), decision, date.today())

    def revoke(number: int) -> None:
        with database.transaction() as session:
            revoking.access(session, "cohort", 1, Person(f"s{number}"))

    def close(number: int) -> None:
        with database.transaction() as session:
            revoking.whole(session, "vehicles", Person(f"s{number}"), "")

    assert at_once(6, decide) == ["decided"] * 5 + ["done"]
    assert at_once(6, revoke) == ["done"] + ["not-granted"] * 5
    assert at_once(6, close) == ["done"] + ["held"] * 5
    with database.transaction() as session:
        found = revoking.revocations(session, courses.now())
    assert [(one.dataset, one.entitlement) for one in found.entries] == [("vehicles", ""), ("", "access-1")]


@pytest.mark.parametrize("code", ["", "\x00", "é", "' or 1=1", "a" * 10_000, "%"])
def test_a_code_that_no_database_takes(database: Database, code: str) -> None:
    """Is no course's, and no fault of ours."""
    with database.transaction() as session, pytest.raises(Refusal, match=r"join code|deelnamecode"):
        courses.by_code(session, code)
