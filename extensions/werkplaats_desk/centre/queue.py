"""The queue of questions: whose turn it is, what an expert may take, and when an answer is expected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from werkplaats_desk.centre import office
from werkplaats_desk.centre.models import Booking, Ticket
from werkplaats_desk.centre.routing import WINDOW, Answerer, Turns
from werkplaats_desk.centre.states import OURS, URGENCIES
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Help, Settings
from werkplaats_desk.words import gettext as _

#: Within how many office hours a question is answered when nobody waits before it (h).
SOON: Final = {"high": 4.0, "normal": 8.0, "low": 24.0}
#: What a question takes until there are enough that say so (minutes), and how many that is.
_USUAL: Final = 45.0
_ENOUGH: Final = 10
#: The most open questions that are looked at at once.
_MOST: Final = 2000


@dataclass(frozen=True)
class Entry:
    """A ticket in an expert's inbox.

    Attributes
    ----------
    yours
        Whether this expert has it.
    next
        Whether it is the one to go on with.
    blocked
        Why it cannot be taken now: a sentence, or empty.
    """

    ticket: Ticket
    yours: bool
    next: bool
    blocked: str = ""


def answerers(told: Help) -> list[Answerer]:
    """Return the facility's experts."""
    return [
        Answerer(e.name, frozenset(e.topics), frozenset(e.languages), e.hours_per_week) for e in told.experts
    ]


def inbox(session: Session, settings: Settings, expert: Person, now: float) -> list[Entry]:
    """Return what waits for an expert: their own, then what nobody has; the most urgent, then the oldest.

    Parameters
    ----------
    now
        Unix time (s).
    """
    told, me = _centre(settings, expert)
    waiting = _waiting(session)
    mine = [t for t in waiting if t.expert == expert.name]
    free = [t for t in waiting if t.state == "new"]
    known = [t for t in free if me.knows(t.topic, t.language)]
    first = _turns(session, told, now).turn({t.stream for t in known}, now)
    following = mine[0] if mine else next((t for t in known if t.stream == first), None)
    blocked = _blocked(settings, known, first)
    return [
        *(Entry(t, yours=True, next=t is following) for t in mine),
        *(Entry(t, False, t is following, blocked if t.stream != first else "") for t in known),
        *(
            Entry(t, False, False, _("It is about something that you are not down for."))
            for t in free
            if t not in known
        ),
    ]


def require_turn(session: Session, settings: Settings, expert: Person, ticket: Ticket, now: float) -> None:
    """Pass where an expert may take a ticket now.

    Raises
    ------
    Refusal
        When a stream waits that had less of its guarantee: its question goes first.
    """
    told, me = _centre(settings, expert)
    known = [t for t in _waiting(session) if t.state == "new" and me.knows(t.topic, t.language)]
    first = _turns(session, told, now).turn({t.stream for t in known}, now)
    if first is not None and me.knows(ticket.topic, ticket.language) and ticket.stream != first:
        raise Refusal("turn", _blocked(settings, known, first), 409)


def expected(
    session: Session, settings: Settings, stream: str, topic: str, language: str, urgency: str, now: float
) -> int:
    """Return by when a question that is asked now is answered (Unix time, s).

    It goes by what is certain: the stream's own part of the hours of the experts who know about it, after
    everything that waits in that stream already, at what a question usually takes.
    """
    told = settings.help
    if told is None:
        return office.after(now, SOON[urgency])
    everybody = answerers(told)
    able = [one for one in everybody if one.knows(topic, language)] or everybody
    week = sum(one.hours_per_week for one in able) * max(told.guarantees.get(stream, 0.0), 0.05)
    before = [
        t for t in _waiting(session)
        if t.stream == stream and any(one.knows(t.topic, t.language) for one in able)
    ]  # fmt: skip
    ahead = len(before) * _usual(session, now) / 60
    return office.after(now, SOON[urgency] + ahead / max(week, 0.5) * office.WEEK)


def _centre(settings: Settings, expert: Person) -> tuple[Help, Answerer]:
    told = settings.help
    found = next((one for one in answerers(told) if one.name == expert.name), None) if told else None
    if told is None or found is None:
        raise Refusal("no-expert", _("This page is for the people of the expertise centre."), 403)
    return told, found


def _waiting(session: Session) -> list[Ticket]:
    """Return the tickets that wait for an expert, the most urgent first, then the oldest."""
    asked = select(Ticket).where(Ticket.state.in_(OURS)).order_by(Ticket.id).limit(_MOST)
    return sorted(session.scalars(asked), key=lambda t: (URGENCIES.index(t.urgency), t.created_at, t.id))


def _turns(session: Session, told: Help, now: float) -> Turns:
    turns = Turns(told.guarantees)
    asked = select(Booking.at, Booking.stream, Booking.minutes).where(Booking.at > now - WINDOW)
    for at, stream, minutes in session.execute(asked.order_by(Booking.at)):
        turns.worked(float(at), stream, float(minutes))
    return turns


def _blocked(settings: Settings, known: Sequence[Ticket], first: str | None) -> str:
    """Return why the tickets of other streams wait."""
    one = next((t for t in known if t.stream == first), None)
    if one is None:
        return ""
    stream = settings.stream(one.stream)
    sentence = _("Question {number} goes first: {stream} had less of its part of your hours.")
    return sentence.format(number=one.id, stream=stream.title if stream else one.stream)


def _usual(session: Session, now: float) -> float:
    """Return what a question takes, by those of the last quarter (minutes)."""
    asked = select(func.sum(Booking.minutes)).where(Booking.at > now - 91 * 24 * 3600)
    each: Iterable[int] = session.scalars(asked.group_by(Booking.ticket_id))
    found = sorted(each)
    return float(found[len(found) // 2]) if len(found) >= _ENOUGH else _USUAL
