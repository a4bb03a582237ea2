"""The public account of the expertise centre: hours and first answers, and nobody to be recognised in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.desk.conftest import Browser, settings

from werkplaats_desk.centre import figures
from werkplaats_desk.centre.models import Booking, MonthOfHelp, Ticket
from werkplaats_desk.desk import Desk

Make = Callable[..., Browser]
NOW = datetime(2026, 11, 16, 12)
CENTRE = {
    "topics": [{"name": "data", "title": {"nl": "d", "en": "d"}, "kind": "technique"}],
    "experts": [{"name": "anna", "hours_per_week": 28}, {"name": "bram", "hours_per_week": 14}],
    "guarantees": {"regional": 0.25, "national": 0.25, "eurohpc": 0.5},
}


@pytest.fixture
def centre(desk: Desk, file: Path) -> Desk:
    """A desk with an expertise centre."""
    file.write_text(settings(file.parent, help=CENTRE).model_dump_json())
    return desk


def fill(desk: Desk, stream: str, asked: datetime, hours: float | None, minutes: int = 0) -> None:
    """Lay a question down, which was answered after so many hours, and worked on for so many minutes."""
    with desk.database.transaction() as session:
        at = int(asked.timestamp())
        number = session.query(Ticket).count()
        ticket = Ticket(
            person=f"somebody{number}", key=f"{number:016}", stream=stream, subject="Geheim onderwerp",
            topic="data", urgency="normal", language="nl", state="answered", created_at=at, changed_at=at,
            expected_at=at, first_answer_at=None if hours is None else at + int(hours * 3600),
        )  # fmt: skip
        session.add(ticket)
        session.flush()
        if minutes:
            session.add(
                Booking(ticket_id=ticket.id, expert="anna", key=f"{number:016}", stream=stream,
                        minutes=minutes, day=asked.date(), at=at)
            )  # fmt: skip


def count(desk: Desk, now: datetime = NOW) -> dict[tuple[str, str], MonthOfHelp]:
    """Count, and return the account."""
    with desk.database.transaction() as session:
        figures.refresh(session, desk.settings, now)
        return {(row.month, row.stream): row for row in figures.account(session, desk.settings)}


def test_hours_against_the_guarantee(centre: Desk) -> None:
    """Guaranteed is the part of what experts had so far in the month: 42 hours a week, fifteen days."""
    fill(centre, "regional", NOW - timedelta(days=3), 2, minutes=90)
    fill(centre, "regional", NOW - timedelta(days=2), 4, minutes=30)
    found = count(centre)
    regional = found["2026-11", "regional"]
    assert regional.booked == 2.0
    assert regional.guaranteed == pytest.approx(42 * 15 / 7 * 0.25)
    assert found["2026-11", "eurohpc"].booked == 0
    assert {month for month, _stream in found} == {"2026-11"}, "before anybody asked there is no account"


def test_a_month_that_is_over_stays_as_it_was(centre: Desk, file: Path) -> None:
    """Whoever is an expert later, and whatever is booked later still."""
    fill(centre, "national", datetime(2026, 10, 31, 23), 1, minutes=60)
    before = count(centre)["2026-10", "national"]
    assert before.guaranteed == pytest.approx(42 * 31 / 7 * 0.25)
    alone = {**CENTRE, "experts": [{"name": "anna", "hours_per_week": 1}]}
    file.write_text(settings(file.parent, help=alone).model_dump_json())
    fill(centre, "national", datetime(2026, 10, 30), 1, minutes=600)
    after = count(centre, NOW + timedelta(days=1))
    assert after["2026-10", "national"].booked == 1.0
    assert after["2026-10", "national"].guaranteed == before.guaranteed
    assert after["2026-11", "national"].guaranteed == pytest.approx(16 / 7 * 0.25)


def test_of_few_answers_nothing_is_told(centre: Desk) -> None:
    """Half of five or more were answered within so long; of four nobody reads it, nor how many there were."""
    for hours in (1, 2, 30, 4):
        fill(centre, "regional", NOW - timedelta(days=4), hours)
        fill(centre, "eurohpc", NOW - timedelta(days=4), hours)
    fill(centre, "eurohpc", NOW - timedelta(days=4), 3)
    fill(centre, "eurohpc", NOW - timedelta(days=1), None)
    found = count(centre)
    assert found["2026-11", "regional"].first_answer is None
    assert found["2026-11", "eurohpc"].first_answer == 3 * 3600
    with centre.database.transaction() as session:
        rows = list(csv.DictReader(io.StringIO(figures.as_csv(figures.account(session, centre.settings)))))
    regional, national, eurohpc = rows
    assert (regional["questions"], regional["median_hours_to_first_answer"]) == ("<5", "")
    assert (national["questions"], eurohpc["questions"], eurohpc["answered"]) == ("0", "6", "5")
    assert eurohpc["median_hours_to_first_answer"] == "3.0"


def test_everybody_reads_it_beside_the_hours_of_gpus(centre: Desk, browser: Make) -> None:
    """On the same page, in both languages, without a name or a word of anybody's question."""
    for _ in range(6):
        fill(centre, "regional", NOW - timedelta(days=3), 2, minutes=90)
    count(centre)
    anybody = browser()
    for language, says in (("nl", "Uren van experts"), ("en", "Hours of experts")):
        page = anybody.get("allocation", headers={"Accept-Language": language})
        assert says in page.text
        assert "9" in page.text
        assert "somebody" not in page.text
        assert "Geheim" not in page.text
    table = anybody.get("expertise.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert "somebody" not in table.text
    assert ",9.0,6,6," in table.text


def test_without_a_centre_there_is_nothing(desk: Desk, browser: Make) -> None:
    """No table, and a file of columns only."""
    count(desk)
    anybody = browser()
    assert "Hours of experts" not in anybody.get("allocation").text
    assert anybody.get("expertise.csv").text.strip() == ",".join(figures.COLUMNS)
