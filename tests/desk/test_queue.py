"""The experts' queue as the database has it: order, turns, what may be taken, and what is promised."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.desk.conftest import settings

from werkplaats_desk.centre import office, queue, tickets
from werkplaats_desk.centre.drafts import Draft
from werkplaats_desk.centre.models import Booking, Ticket
from werkplaats_desk.database import Database
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings

NOW = time.time()
ANNA, BRAM = Person("anna"), Person("bram")


def words(text: str) -> dict[str, str]:
    """Return a text in both languages."""
    return {"nl": text, "en": text}


@pytest.fixture
def told(tmp_path: Path) -> Settings:
    """A facility with two experts: anna knows everything, bram data in Dutch."""
    centre = {
        "topics": [{"name": name, "title": words(name), "kind": "technique"} for name in ("data", "vision")],
        "experts": [
            {"name": "anna", "hours_per_week": 24},
            {"name": "bram", "topics": ["data"], "languages": ["nl"], "hours_per_week": 16},
        ],
        "guarantees": {"regional": 0.25, "national": 0.25, "eurohpc": 0.5},
    }
    return settings(tmp_path, help=centre)


@pytest.fixture
def session(tmp_path: Path) -> Any:
    """A database that is open."""
    database = Database(f"sqlite:///{tmp_path}/queue.sqlite")
    database.migrate()
    with database.transaction() as session:
        yield session


def ask(session: Session, told: Settings, stream: str, **changes: Any) -> Ticket:
    """Hand a question in."""
    number = str(session.query(Ticket).count())
    given = {"key": number.rjust(16, "k"), "subject": "Vraag", "question": "Hoe?", "topic": "data", **changes}
    made, _new = tickets.submit(
        session, told, Person("mkb" + number), Draft(**given), tickets.Origin(stream, expected_at=int(NOW))
    )
    return made


def book(session: Session, ticket: Ticket, minutes: int, ago: float = 60.0) -> None:
    """Book time on a ticket."""
    session.add(
        Booking(
            ticket_id=ticket.id, expert="anna", key=f"{ticket.id}-{ago}", stream=ticket.stream,
            minutes=minutes, day=date.today(), at=int(NOW - ago),
        )
    )  # fmt: skip
    session.flush()


def seen(session: Session, told: Settings, expert: Person = ANNA) -> list[tuple[int, bool, bool]]:
    """Return an inbox: number, whether it is theirs, whether it is next."""
    return [(e.ticket.id, e.yours, e.next) for e in queue.inbox(session, told, expert, NOW)]


def test_the_most_urgent_then_the_oldest(session: Session, told: Settings) -> None:
    """One's own first; the next one is one's own, or of whose turn it is."""
    low, normal, high, late = (
        ask(session, told, "regional", urgency=urgency) for urgency in ("low", "normal", "high", "high")
    )
    assert seen(session, told) == [(high.id, False, True), (late.id, False, False), (normal.id, False, False),
                                   (low.id, False, False)]  # fmt: skip
    tickets.take(session, low, ANNA)
    assert seen(session, told)[:2] == [(low.id, True, True), (high.id, False, False)]
    assert (low.id, False, False) not in seen(session, told, BRAM)


def test_who_had_least_goes_first_and_others_are_told_why(session: Session, told: Settings) -> None:
    """An urgent question of a stream that had more waits for an ordinary one of a stream that had less."""
    had = ask(session, told, "eurohpc", urgency="high")
    book(session, had, 120)
    first = ask(session, told, "regional")
    entries = {e.ticket.id: e for e in queue.inbox(session, told, ANNA, NOW)}
    assert entries[first.id].next
    assert not entries[first.id].blocked
    assert str(first.id) in entries[had.id].blocked
    with pytest.raises(Refusal, match=str(first.id)) as refused:
        queue.require_turn(session, told, ANNA, had, NOW)
    assert refused.value.reason == "turn"
    queue.require_turn(session, told, ANNA, first, NOW)
    tickets.take(session, first, ANNA)
    queue.require_turn(session, told, ANNA, had, NOW)


def test_nobody_is_idle_for_what_they_do_not_know(session: Session, told: Settings) -> None:
    """What only another expert could answer is in nobody's way, and nobody is offered it as next."""
    had = ask(session, told, "eurohpc")
    book(session, had, 120)
    strange = ask(session, told, "regional", topic="vision")
    foreign = ask(session, told, "regional", language="en")
    entries = {e.ticket.id: e for e in queue.inbox(session, told, BRAM, NOW)}
    assert entries[had.id].next
    assert not entries[had.id].blocked
    assert entries[strange.id].blocked
    assert entries[foreign.id].blocked
    queue.require_turn(session, told, BRAM, had, NOW)


def test_the_page_is_for_experts(session: Session, told: Settings) -> None:
    """Somebody else is told so; and so is everybody where there is no centre."""
    for told_ in (told, told.model_copy(update={"help": None})):
        with pytest.raises(Refusal) as refused:
            queue.inbox(session, told_, replace(ANNA, name="mkb"), NOW)
        assert refused.value.status == 403


def test_an_answer_is_expected_later_the_more_wait(session: Session, told: Settings) -> None:
    """By the stream's own part of the hours of those who know about it."""

    def when(stream: str = "regional", urgency: str = "normal", topic: str = "data") -> int:
        return queue.expected(session, told, stream, topic, "nl", urgency, NOW)

    quiet = when()
    assert office.after(NOW, queue.SOON["normal"]) == quiet
    assert when(urgency="high") < quiet < when(urgency="low")
    for _ in range(4):
        ask(session, told, "regional")
    busy = when()
    assert busy > quiet
    assert when("national") == quiet, "others' questions do not keep a stream waiting"
    assert when("eurohpc", "low") == office.after(NOW, queue.SOON["low"])
    for number in range(12):
        ticket = ask(session, told, "national")
        book(session, ticket, 10, ago=100.0 + number)
    assert quiet < when() < busy, "questions take ten minutes here, and not what is usual elsewhere"


@pytest.mark.parametrize(
    ("at", "hours", "then"),
    [
        ("2026-11-20T16:00+01:00", 2, "2026-11-23T10:00+01:00"),  # over a weekend
        ("2026-11-21T03:00+01:00", 0, "2026-11-23T09:00+01:00"),  # in a weekend
        ("2026-11-23T05:00+01:00", 8, "2026-11-23T17:00+01:00"),  # before the doors open
        ("2026-03-27T16:00+01:00", 1.5, "2026-03-30T09:30+02:00"),  # the clocks go forward
    ],
)
def test_office_hours(at: str, hours: float, then: str) -> None:
    """Working days from nine to five, as the clock on the wall has it."""
    found = office.after(datetime.fromisoformat(at).timestamp(), hours)
    assert datetime.fromtimestamp(found, UTC) == datetime.fromisoformat(then)


def test_far_away_is_a_year() -> None:
    """Whatever waits, a moment is told."""
    assert office.after(NOW, 1e9) < NOW + 367 * 86400
