"""Experts' time on tickets: booked once a press, counted by stream, by week and by month."""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from werkplaats_desk.centre.models import Booking, Ticket, TicketAct
from werkplaats_desk.centre.tickets import note
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings
from werkplaats_desk.words import gettext as _

#: The most that one booking holds (minutes), and that one expert has on one day (minutes).
MOST: Final = 480
MOST_A_DAY: Final = 16 * 60
#: How long after the work it can be booked, and how long after that taken back.
LATEST: Final = timedelta(days=31)
_TAKEN_BACK_SECONDS: Final = 24 * 3600


def book(
    session: Session, settings: Settings, ticket: Ticket, expert: Person, minutes: int, key: str, day: date
) -> Booking:
    """Book an expert's time on a ticket, once for each key.

    Parameters
    ----------
    minutes
        From 1 to 480.
    key
        Made anew for each form.
    day
        On which the work was done.

    Raises
    ------
    Refusal
        When they did not work on it, or the number or the day makes no sense.
    """
    session.refresh(ticket, with_for_update=True)  # the history's line changes it
    before = _of_press(session, expert.name, key)
    if before is not None:
        return before
    _require_helper(session, settings, ticket, expert)
    _require_sense(session, expert, minutes, day)
    made = Booking(
        ticket_id=ticket.id, expert=expert.name, key=key, stream=ticket.stream, minutes=minutes, day=day,
        at=int(time.time()),
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # the same press, at the same moment, on another ticket
        twin = _of_press(session, expert.name, key)
        assert twin is not None  # noqa: S101  # that is what the index said
        return twin
    note(session, ticket, expert.name, "booked", minutes=minutes)
    return made


def _of_press(session: Session, expert: str, key: str) -> Booking | None:
    return session.scalar(select(Booking).where(Booking.expert == expert, Booking.key == key))


def helped(session: Session, settings: Settings, ticket: Ticket, expert: Person) -> bool:
    """Return whether somebody may book time: an expert who has it, had it or wrote in it, and did not ask."""
    if not expert.answers(settings) or ticket.person == expert.name:
        return False
    worked = select(TicketAct.id).where(
        TicketAct.ticket_id == ticket.id,
        TicketAct.by == expert.name,
        TicketAct.act.in_(("taken", "wrote")),
    )
    return ticket.expert == expert.name or session.scalar(worked.limit(1)) is not None


def _require_helper(session: Session, settings: Settings, ticket: Ticket, expert: Person) -> None:
    if not expert.answers(settings) or ticket.person == expert.name:
        raise Refusal("not-helped", _("Time is booked by an expert, on somebody else's question."), 403)
    if not helped(session, settings, ticket, expert):
        raise Refusal("not-helped", _("Take this question first; then book your time on it."), 409)


def _require_sense(session: Session, expert: Person, minutes: int, day: date) -> None:
    if not 1 <= minutes <= MOST:
        raise Refusal("bad-minutes", _("Book from 1 to 480 minutes at a time."), 422)
    today = date.today()
    if not today - LATEST <= day <= today:
        raise Refusal("bad-day", _("Choose the day of the work: today, or at most 31 days ago."), 422)
    that_day = select(func.sum(Booking.minutes)).where(Booking.expert == expert.name, Booking.day == day)
    if (session.scalar(that_day) or 0) + minutes > MOST_A_DAY:
        sentence = _("That is more than 16 hours on one day. Look at what you booked, and correct it.")
        raise Refusal("too-much", sentence, 409)


def take_back(session: Session, number: int, expert: Person) -> None:
    """Take a booking of one's own back, within a day: a wrong press is not counted for ever.

    Raises
    ------
    Refusal
    """
    found = session.get(Booking, number, with_for_update=True) if 0 < number < 2**31 else None
    if found is None or found.expert != expert.name:
        raise Refusal("no-booking", _("There is no such booking of yours, or it was taken back."), 404)
    if found.at < time.time() - _TAKEN_BACK_SECONDS:
        raise Refusal("too-late", _("A booking can be taken back within a day, and this one is older."), 409)
    ticket = session.get_one(Ticket, found.ticket_id, with_for_update=True)
    session.delete(found)
    note(session, ticket, expert.name, "booked", minutes=-found.minutes)


def can_be_taken_back(booking: Booking) -> bool:
    """Return whether a booking is young enough."""
    return booking.at >= time.time() - _TAKEN_BACK_SECONDS


def of_expert(session: Session, expert: str, most: int = 50) -> list[tuple[Booking, str]]:
    """Return an expert's last bookings, the last first, each with the subject of its ticket."""
    asked = select(Booking, Ticket.subject).join(Ticket, Ticket.id == Booking.ticket_id)
    mine = asked.where(Booking.expert == expert).order_by(Booking.day.desc(), Booking.id.desc())
    return [(booking, subject) for booking, subject in session.execute(mine.limit(most))]


def of_ticket(session: Session, ticket: Ticket) -> int:
    """Return how long experts worked on a ticket (minutes)."""
    asked = select(func.sum(Booking.minutes)).where(Booking.ticket_id == ticket.id)
    return session.scalar(asked) or 0


def by_stream(session: Session, first: date, last: date, expert: str = "") -> dict[str, int]:
    """Return minutes by stream.

    Parameters
    ----------
    first, last
        Days, both counted.
    expert
        Of one expert; of all of them without a name.
    """
    return {stream: sum(days.values()) for stream, days in _daily(session, first, last, expert).items()}


def by_week(session: Session, first: date, last: date, expert: str = "") -> dict[str, dict[date, int]]:
    """Return minutes by stream, and by the Monday of each week in which there were some."""
    return _gathered(session, first, last, expert, monday)


def by_month(session: Session, first: date, last: date, expert: str = "") -> dict[str, dict[date, int]]:
    """Return minutes by stream, and by the first day of each month in which there were some."""
    return _gathered(session, first, last, expert, lambda day: day.replace(day=1))


def _gathered(
    session: Session, first: date, last: date, expert: str, begin: Callable[[date], date]
) -> dict[str, dict[date, int]]:
    found: dict[str, dict[date, int]] = {}
    for stream, days in _daily(session, first, last, expert).items():
        sums = found.setdefault(stream, {})
        for day, minutes in days.items():
            sums[begin(day)] = sums.get(begin(day), 0) + minutes
    return found


def _daily(session: Session, first: date, last: date, expert: str) -> dict[str, dict[date, int]]:
    asked = (
        select(Booking.stream, Booking.day, func.sum(Booking.minutes))
        .where(Booking.day >= first, Booking.day <= last)
        .group_by(Booking.stream, Booking.day)
        .order_by(Booking.stream, Booking.day)
    )
    if expert:
        asked = asked.where(Booking.expert == expert)
    found: dict[str, dict[date, int]] = {}
    for stream, day, minutes in session.execute(asked):
        found.setdefault(stream, {})[day] = int(minutes)
    return found


@dataclass(frozen=True)
class Standing:
    """A stream's time beside its guarantee (minutes)."""

    stream: str
    booked: int
    guaranteed: int

    @property
    def left(self) -> int:
        """What of the guarantee was not used."""
        return max(0, self.guaranteed - self.booked)


def standings(session: Session, settings: Settings, first: date, last: date) -> list[Standing]:
    """Return each stream's time and guarantee in some days, both ends counted; in the facility's order."""
    if settings.help is None:
        return []
    booked = by_stream(session, first, last)
    names = [stream.name for stream in settings.streams]
    names += [name for name in booked if name not in names]  # of a stream that is gone
    a_week = 60 * sum(expert.hours_per_week for expert in settings.help.experts)
    weeks = ((last - first).days + 1) / 7
    parts = settings.help.guarantees
    return [
        Standing(name, booked.get(name, 0), round(a_week * weeks * parts.get(name, 0.0))) for name in names
    ]


def monday(day: date) -> date:
    """Return the Monday of a day's week.

    >>> monday(date(2026, 11, 22))
    datetime.date(2026, 11, 16)
    """
    return day - timedelta(days=day.weekday())


def week(day: date) -> tuple[date, date]:
    """Return the first and last day of a day's week."""
    return monday(day), monday(day) + timedelta(days=6)


def month(day: date) -> tuple[date, date]:
    """Return the first and last day of a day's month.

    >>> month(date(2028, 2, 3))
    (datetime.date(2028, 2, 1), datetime.date(2028, 2, 29))
    """
    return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])
