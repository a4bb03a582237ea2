"""Public figures of the expertise centre: per stream and month, its hours and how soon it was answered.

No person is in them. How soon is told where there were at least :data:`FEWEST` answers: of fewer,
somebody who asked could be recognised.
"""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from werkplaats_desk.allocation import MONTHS, last_months
from werkplaats_desk.centre.models import Booking, MonthOfHelp, Ticket
from werkplaats_desk.settings import Help, Settings

#: Answers in a month and stream of which it is told how soon they came.
FEWEST: Final = 5
#: A month is counted until so many days after its end: an expert may book an hour a little later.
_SETTLES: Final = 2


def refresh(session: Session, settings: Settings, now: datetime) -> None:
    """Count the months that are not over yet; those before stay as they are, whoever is an expert today."""
    told = settings.help
    if told is None:
        return
    kept = {row.month: row.at for row in session.scalars(select(MonthOfHelp))}
    for month in last_months(now, MONTHS):
        first, last = _bounds(month)
        settled = datetime.combine(last, datetime.min.time()).timestamp() + _SETTLES * 86400
        if kept.get(month, 0) >= settled or (month not in kept and not _began(session, last)):
            continue
        session.execute(delete(MonthOfHelp).where(MonthOfHelp.month == month))
        session.add_all(_count(session, told, s.name, month, first, last, now) for s in settings.streams)


def _began(session: Session, last: date) -> bool:
    """Return whether anybody had asked anything by the end of a month."""
    before = datetime.combine(last, datetime.min.time()).timestamp()
    return session.scalar(select(Ticket.id).where(Ticket.created_at < before).limit(1)) is not None


def _bounds(month: str) -> tuple[date, date]:
    """Return the first day of a month, and of the next.

    >>> _bounds("2026-12")
    (datetime.date(2026, 12, 1), datetime.date(2027, 1, 1))
    """
    year, number = int(month[:4]), int(month[5:])
    return date(year, number, 1), date(year + number // 12, number % 12 + 1, 1)


def _count(
    session: Session, told: Help, stream: str, month: str, first: date, last: date, now: datetime
) -> MonthOfHelp:
    booked = session.scalars(
        select(Booking.minutes).where(Booking.stream == stream, Booking.day >= first, Booking.day < last)
    )
    since, until = (datetime.combine(day, datetime.min.time()).timestamp() for day in (first, last))
    tickets = session.execute(
        select(Ticket.created_at, Ticket.first_answer_at).where(
            Ticket.stream == stream, Ticket.created_at >= since, Ticket.created_at < until
        )
    ).all()
    took = [answered - asked for asked, answered in tickets if answered is not None]
    days = (min(last, now.date()) - first).days
    hours = sum(expert.hours_per_week for expert in told.experts) * days / 7
    return MonthOfHelp(
        month=month, stream=stream, guaranteed=told.guarantees.get(stream, 0.0) * hours,
        booked=sum(booked) / 60, asked=len(tickets), answered=len(took),
        first_answer=int(statistics.median(took)) if len(took) >= FEWEST else None, at=int(now.timestamp()),
    )  # fmt: skip


def account(session: Session, settings: Settings) -> list[MonthOfHelp]:
    """Return the account: the latest month first, in it the streams in the facility's order."""
    order = {stream.name: index for index, stream in enumerate(settings.streams)}
    rows = list(session.scalars(select(MonthOfHelp)))
    rows.sort(key=lambda row: (order.get(row.stream, len(order)), row.stream))
    return sorted(rows, key=lambda row: row.month, reverse=True)


COLUMNS: Final = (
    "month", "stream", "guaranteed_expert_hours", "booked_expert_hours", "questions", "answered",
    "median_hours_to_first_answer", "as_of",
)  # fmt: skip


def as_csv(rows: Iterable[MonthOfHelp]) -> str:
    """Return the account as CSV (RFC 4180), with a dot for decimals whatever the reader's language."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        soon = "" if row.first_answer is None else f"{row.first_answer / 3600:.1f}"
        at = datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds")
        writer.writerow(
            [
                row.month,
                row.stream,
                f"{row.guaranteed:.1f}",
                f"{row.booked:.1f}",
                counted(row.asked),
                counted(row.answered),
                soon,
                at,
            ]
        )
    return out.getvalue()


def counted(number: int) -> str:
    """Return a number of questions as the public reads it.

    >>> counted(0), counted(3), counted(12)
    ('0', '<5', '12')
    """
    return f"<{FEWEST}" if 0 < number < FEWEST else str(number)
