"""Tickets in SQLite and in PostgreSQL: what is pressed in the same moment, and what a text may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.desk.asked import attached, key, question
from tests.desk.conftest import settings
from tests.desk.test_database import at_once

from werkplaats_desk.centre import attachments, offering, tickets
from werkplaats_desk.centre.drafts import Attached, Draft
from werkplaats_desk.centre.models import Attachment, Message, Ticket
from werkplaats_desk.centre.tickets import Origin
from werkplaats_desk.database import Database
from werkplaats_desk.people import Person

MKB, ORIGIN = Person("mkb"), Origin("regional")


@pytest.fixture
def known(tmp_path: Path) -> Any:
    """The settings of a small facility."""
    return settings(tmp_path)


def asked(database: Database, known: Any, **changes: Any) -> int:
    """Hand a question in; return its number."""
    with database.transaction() as session:
        draft = Draft.model_validate(question(**changes))
        return tickets.submit(session, known, MKB, draft, ORIGIN)[0].id


def test_two_experts_take_one(database: Database, known: Any) -> None:
    """One has it, and the others read who; whoever has it may press again."""
    for _ in range(5):
        number = asked(database, known)

        def take(mine: int, number: int = number) -> None:
            with database.transaction() as session:
                tickets.take(session, session.get_one(Ticket, number), Person(f"expert{mine}"))

        assert at_once(6, take) == ["done"] + ["taken"] * 5
        with database.transaction() as session:
            found = session.get_one(Ticket, number)
            acts = [(one.act, one.by) for one in tickets.history(session, found)]
            assert acts == [("asked", "mkb"), ("taken", found.expert)]
            tickets.take(session, found, Person(str(found.expert)))


def test_a_form_that_arrives_eight_times(database: Database, known: Any) -> None:
    """Is one question, of which everybody reads the number."""
    draft, numbers = Draft.model_validate(question(attachments=[attached()])), list[int]()

    def submit(mine: int) -> None:
        with database.transaction() as session:
            numbers.append(tickets.submit(session, known, MKB, draft, ORIGIN)[0].id)

    assert at_once(8, submit) == ["done"] * 8
    assert len(set(numbers)) == 1
    with database.transaction() as session:
        assert len(list(session.scalars(select(Message)))) == 1
        assert len(list(session.scalars(select(Attachment.id)))) == 1


def test_a_reply_that_arrives_eight_times(database: Database, known: Any) -> None:
    """Is one message."""
    number, form, made = asked(database, known), key(), list[int]()

    def write(mine: int) -> None:
        with database.transaction() as session:
            found = session.get_one(Ticket, number)
            beside = [Attached.model_validate(attached())]
            made.append(tickets.write(session, known, found, "mkb", "reply", "Once.", form, beside).id)

    assert at_once(8, write) == ["done"] * 8
    assert len(set(made)) == 1
    with database.transaction() as session:
        assert len(list(session.scalars(select(Message)))) == 2
        assert len(list(session.scalars(select(Attachment.id)))) == 1


def test_no_more_than_twenty(database: Database, known: Any) -> None:
    """However many forms are sent in the same moment."""

    def submit(mine: int) -> None:
        asked(database, known)

    assert at_once(24, submit) == ["done"] * 20 + ["too-many"] * 4


def test_written_and_closed_at_once(database: Database, known: Any) -> None:
    """The state is that of what came last, and the history tells both."""
    number = asked(database, known)
    with database.transaction() as session:
        tickets.take(session, session.get_one(Ticket, number), Person("expert"))

    def act(mine: int) -> None:
        with database.transaction() as session:
            found = session.get_one(Ticket, number)
            if mine % 2:
                tickets.close(session, found, "mkb")
            else:
                tickets.write(session, known, found, "expert", "answer", "So.", key())

    assert at_once(6, act) == ["done"] * 6
    with database.transaction() as session:
        found = session.get_one(Ticket, number)
        acts = [one.act for one in tickets.history(session, found)][2:]
        assert acts.count("wrote") == 3
        assert found.state == ("closed" if acts[-1] == "closed" else "answered")
        assert acts.count("closed") - acts.count("reopened") == (found.state == "closed")


def test_the_same_error_counted_at_once(database: Database) -> None:
    """Help is offered to one of them."""
    with database.transaction() as session:
        offering.choose(session, "mkb", "yes")
    offers: list[bool] = []

    def count(mine: int) -> None:
        with database.transaction() as session:
            offers.append(offering.trouble(session, "mkb", "NameError", 1_800_000_000))

    assert at_once(8, count) == ["done"] * 8
    assert sorted(offers) == [False] * 7 + [True]


def test_a_choice_pressed_twice(database: Database) -> None:
    """Is one choice."""

    def choose(mine: int) -> None:
        with database.transaction() as session:
            offering.choose(session, "mkb", "yes" if mine % 2 else "no")

    assert at_once(6, choose) == ["done"] * 6


@pytest.mark.parametrize(
    "text", ["a\x00b", "half \ud800", "\x1b[2J", "\u202e", "\ufffe", "\U0010ffff", "\u0085"]
)
def test_a_text_that_no_database_takes(database: Database, known: Any, text: str) -> None:
    """Is kept all the same, without what cannot be shown."""
    beside = [attached(text, "log", f"x{text}")]
    number = asked(database, known, subject=f"About {text}", question=f"See {text}", attachments=beside)
    with database.transaction() as session:
        found = session.get_one(Ticket, number)
        assert found.messages[0].body.startswith("See ")
        one = found.messages[0].attachments[0]
        assert attachments.text_of(session, found, one.id)[1] == one.content.decode()
        assert not set(f"{found.subject}{found.messages[0].body}{one.name}") & set(
            "\x00\x1b\u202e\ud800\u0085"
        )


def test_what_was_looked_at_is_no_change(database: Database, known: Any) -> None:
    """Who reads does not come in the way of who writes."""
    number = asked(database, known)
    with database.transaction() as session:
        found = session.get_one(Ticket, number)
        tickets.take(session, found, Person("expert"))
        made = tickets.write(session, known, found, "expert", "answer", "So.", key())
        before = found.version
    with database.transaction() as session:
        assert tickets.unread(session, MKB) == {number}
        tickets.see(session, session.get_one(Ticket, number), made.id)
        assert tickets.unread(session, MKB) == set()
        assert tickets.unread(session, Person("expert")) == set()
    with database.transaction() as session:
        assert session.get_one(Ticket, number).version == before
