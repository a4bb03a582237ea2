"""Experts' hours: booked once a press, by who helped, and counted by stream, week and month."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.desk import questions
from tests.desk.conftest import Browser, settings
from tests.desk.questions import ask
from tests.desk.test_inbox import asked, file, key_of, text_of

from werkplaats_desk.centre import hours, tickets
from werkplaats_desk.centre.models import Booking, Ticket
from werkplaats_desk.database import Database
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings

Make = Callable[..., Browser]
EXPERT, SECOND = Person("expert"), Person("tweede")
TODAY = date.today()
__all__ = ["file"]


@pytest.fixture
def known(tmp_path: Path) -> Settings:
    """The settings of a desk with experts."""
    return settings(tmp_path, help=questions.centre())


def taken(database: Database, known: Settings, by: Person = EXPERT, **changes: Any) -> int:
    """Return the number of a question that an expert took."""
    with database.transaction() as session:
        made = ask(session, known, **changes)
        tickets.take(session, made, by)
        return made.id


def book(
    database: Database, known: Settings, number: int, minutes: int = 30, key: str = "k" * 20,
    day: date = TODAY, by: Person = EXPERT,
) -> Booking:  # fmt: skip
    """Book time in a transaction of its own."""
    with database.transaction() as session:
        return hours.book(session, known, session.get_one(Ticket, number), by, minutes, key, day)


def refusal(*args: Any, **changes: Any) -> str:
    """Return why booking is refused."""
    with pytest.raises(Refusal) as found:
        book(*args, **changes)
    return found.value.reason


def test_one_press_is_one_booking(database: Database, known: Settings) -> None:
    """Sent again, also with another number, it is the first; another key is another booking."""
    number = taken(database, known)
    first = book(database, known, number)
    assert book(database, known, number, 60).id == first.id
    assert (first.minutes, first.stream, first.day) == (30, "regional", TODAY)
    assert book(database, known, number, 60, "m" * 20).minutes == 60
    with database.transaction() as session:
        assert hours.of_ticket(session, session.get_one(Ticket, number)) == 90
        acts = tickets.history(session, session.get_one(Ticket, number))
    assert [act.detail["minutes"] for act in acts if act.act == "booked"] == [30, 60]


def test_a_press_that_comes_many_times_at_once(database: Database, known: Settings) -> None:
    """One booking, and nobody reads of an error; on one question, and on two."""
    numbers = [taken(database, known), taken(database, known)]
    for at, key in ((numbers[:1] * 8, "a" * 20), (numbers * 4, "b" * 20)):
        wrong: list[Exception] = []

        def one(number: int, key: str = key, wrong: list[Exception] = wrong) -> None:
            try:
                book(database, known, number, key=key)
            except Exception as error:
                wrong.append(error)

        threads = [threading.Thread(target=one, args=(number,)) for number in at]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        with database.transaction() as session:
            assert session.scalar(select(func.count()).where(Booking.key == key)) == 1


@pytest.mark.parametrize(
    ("minutes", "reason"),
    [(0, "bad-minutes"), (-15, "bad-minutes"), (481, "bad-minutes"), (10**9, "bad-minutes")],
)
def test_minutes_that_make_no_sense(database: Database, known: Settings, minutes: int, reason: str) -> None:
    """From 1 to 480 at a time, 16 hours a day in all."""
    number = taken(database, known)
    assert refusal(database, known, number, minutes) == reason
    for n, more in enumerate((1, 480, 479)):
        book(database, known, number, more, f"key-{n:020}")
    assert refusal(database, known, number, 1, "z" * 20) == "too-much"
    assert book(database, known, number, 1, "y" * 20, TODAY - timedelta(1)).minutes == 1


def test_days(database: Database, known: Settings) -> None:
    """Today, or a month back at most."""
    number = taken(database, known)
    for day in (TODAY + timedelta(1), TODAY - timedelta(32), date.min, date.max):
        assert refusal(database, known, number, day=day) == "bad-day"
    assert book(database, known, number, day=TODAY - timedelta(31)).day == TODAY - timedelta(31)


def test_who_may_book(database: Database, known: Settings) -> None:
    """Who has it, and who helped before: nobody who is no expert, nobody on what they asked themselves."""
    number = taken(database, known)
    assert refusal(database, known, number, by=SECOND) == "not-helped"
    assert refusal(database, known, number, by=Person("mkb")) == "not-helped"
    assert refusal(database, known, number, by=Person("beheer", admin=True)) == "not-helped"
    with database.transaction() as session:
        tickets.hand(session, session.get_one(Ticket, number), EXPERT, "tweede")
        tickets.close(session, session.get_one(Ticket, number), "mkb")
    for by in (EXPERT, SECOND):
        assert book(database, known, number, by=by).expert == by.name
    own = taken(database, known, SECOND, person="expert")
    assert refusal(database, known, own, key="o" * 20) == "not-helped"


def test_taken_back(database: Database, known: Settings) -> None:
    """One's own, within a day, once; the history keeps both."""
    number = taken(database, known)
    made = book(database, known, number)
    with database.transaction() as session, pytest.raises(Refusal) as not_mine:
        hours.take_back(session, made.id, SECOND)
    assert not_mine.value.reason == "no-booking"
    with database.transaction() as session:
        hours.take_back(session, made.id, EXPERT)
    with database.transaction() as session, pytest.raises(Refusal):
        hours.take_back(session, made.id, EXPERT)
    again = book(database, known, number, key="n" * 20)
    with database.transaction() as session:
        session.get_one(Booking, again.id).at = int(time.time()) - 2 * 86400
    with database.transaction() as session, pytest.raises(Refusal) as late:
        hours.take_back(session, again.id, EXPERT)
    assert late.value.reason == "too-late"
    with database.transaction() as session:
        assert hours.by_stream(session, TODAY, TODAY) == {"regional": 30}
        acts = tickets.history(session, session.get_one(Ticket, number))
    assert [act.detail["minutes"] for act in acts if act.act == "booked"] == [30, -30, 30]


def put(database: Database, number: int, *rows: tuple[str, str, int, date]) -> None:
    """Put bookings of an expert on a stream's question into the database, as they were made long ago."""
    with database.transaction() as session:
        for n, (expert, stream, minutes, day) in enumerate(rows):
            session.add(
                Booking(
                    ticket_id=number,
                    expert=expert,
                    stream=stream,
                    minutes=minutes,
                    day=day,
                    key=f"key-{n}",
                    at=1,
                )
            )


def test_totals(database: Database, known: Settings) -> None:
    """By stream, by week and by month; the ends of each count, and one expert's alone when asked."""
    number = taken(database, known)
    put(
        database, number,
        ("expert", "regional", 10, date(2026, 10, 31)), ("expert", "regional", 20, date(2026, 11, 1)),
        ("expert", "regional", 40, date(2026, 11, 2)), ("tweede", "regional", 80, date(2026, 11, 8)),
        ("expert", "national", 5, date(2026, 11, 9)), ("expert", "gone", 7, date(2026, 12, 1)),
    )  # fmt: skip
    first, last = date(2026, 10, 1), date(2026, 11, 30)
    with database.transaction() as session:
        assert hours.by_stream(session, first, last) == {"regional": 150, "national": 5}
        assert hours.by_stream(session, first, last, "tweede") == {"regional": 80}
        assert hours.by_stream(session, date(2026, 11, 1), date(2026, 11, 2)) == {"regional": 60}
        assert hours.by_week(session, first, last) == {
            "national": {date(2026, 11, 9): 5},
            "regional": {date(2026, 10, 26): 30, date(2026, 11, 2): 120},
        }
        assert hours.by_month(session, first, last, "expert") == {
            "national": {date(2026, 11, 1): 5},
            "regional": {date(2026, 10, 1): 10, date(2026, 11, 1): 60},
        }
        week = hours.standings(session, known, date(2026, 11, 2), date(2026, 11, 8))
        december = hours.standings(session, known, *hours.month(date(2026, 12, 24)))
    assert [(one.stream, one.booked, one.guaranteed, one.left) for one in week] == [
        ("regional", 120, 600, 480), ("national", 0, 600, 600), ("eurohpc", 0, 0, 0),
    ]  # fmt: skip
    assert [one.stream for one in december] == ["regional", "national", "eurohpc", "gone"]
    assert december[0].guaranteed == round(600 * 31 / 7)
    assert (december[3].booked, december[3].guaranteed, december[3].left) == (7, 0, 0)


def test_a_facility_without_help(database: Database, tmp_path: Path) -> None:
    """It has no standings."""
    with database.transaction() as session:
        assert hours.standings(session, settings(tmp_path, help=None), TODAY, TODAY) == []


def test_booking_on_the_pages(browser: Make, desk: Desk) -> None:
    """One press; another time and day; what makes no sense is said; taken back on the page of hours."""
    number = asked(desk)
    page, expert = f"inbox/{number}", browser("expert")
    assert "Book time" not in expert.get(page).text
    early = expert.post(f"{page}/booking", page, key="e" * 20, minutes="15")
    assert early.status_code == 409
    assert "Take this question first" in text_of(early.text)
    assert expert.post(f"{page}/taking", page).status_code == 303
    shown = expert.get(page).text
    for minutes in (15, 30, 60):
        assert f'name="minutes" value="{minutes}"' in shown
        key = key_of(expert.get(page).text, "booking")
        for _ in range(2):
            assert expert.post(f"{page}/booking", page, key=key, minutes=str(minutes)).status_code == 303
    other = {"key": "q" * 20, "minutes": "45", "day": (TODAY - timedelta(1)).isoformat()}
    assert expert.post(f"{page}/booking", page, **other).status_code == 303
    for wrong in ({"minutes": "0"}, {"minutes": "x"}, {"minutes": "481"}, {"day": "soon"}, {"key": ""}):
        assert expert.post(f"{page}/booking", page, **{**other, **wrong}).status_code == 400, wrong
    assert "Booked in all 2:30 h" in text_of(expert.get(page).text)
    told = expert.get("inbox/hours").text
    mine = re.findall(r"inbox/hours/(\d+)/withdrawal", told)
    assert len(mine) == 4
    assert "regional (en)" in told
    assert expert.post(f"inbox/hours/{mine[0]}/withdrawal", "inbox/hours").status_code == 303
    assert expert.post(f"inbox/hours/{mine[0]}/withdrawal", "inbox/hours").status_code == 404
    assert browser("tweede").post(f"inbox/hours/{mine[1]}/withdrawal", "inbox/hours").status_code == 404
    assert len(re.findall(r"/withdrawal", expert.get("inbox/hours").text)) == 3


def test_the_page_of_hours(browser: Make, desk: Desk) -> None:
    """Each stream's booked, guaranteed and left."""
    number = asked(desk)
    expert = browser("expert", language="nl")
    assert expert.post(f"inbox/{number}/taking", f"inbox/{number}").status_code == 303
    put(desk.database, number, ("expert", "regional", 90, TODAY), ("derde", "gone", 60, TODAY))
    page = text_of(expert.get("inbox/hours").text)
    assert re.search(r"regional \(nl\) 1:30 \S+ 10:00 \S+ 8:30 \S+ 1:30 ", page)
    assert re.search(r"gone 1:00 \S+ 0:00 \S+ 0:00 \S+ 0:00 ", page)
