"""The queue: what an expert sees of it, and whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from werkplaats_desk.centre.models import Ticket
from werkplaats_desk.centre.states import OURS, URGENCIES
from werkplaats_desk.people import Person
from werkplaats_desk.settings import Settings


@dataclass(frozen=True)
class Entry:
    """A ticket in somebody's inbox.

    Attributes
    ----------
    yours
        Whether the reader has it.
    next
        Whether it is this one's turn.
    blocked
        Why it cannot be taken now, in a sentence; empty where it can.
    """

    ticket: Ticket
    yours: bool
    next: bool
    blocked: str


def inbox(session: Session, settings: Settings, expert: Person, now: float) -> list[Entry]:
    """Return what an expert could work on, in the order of urgency and age."""
    theirs = or_(Ticket.expert.is_(None), Ticket.expert == expert.name)
    found = list(session.scalars(select(Ticket).where(Ticket.state.in_(OURS), theirs)))
    found.sort(key=lambda one: (URGENCIES.index(one.urgency), one.created_at, one.id))
    first = next((one for one in found if one.expert is None), None)
    return [Entry(one, one.expert == expert.name, one is first, "") for one in found]


def require_turn(session: Session, settings: Settings, expert: Person, ticket: Ticket, now: float) -> None:
    """Refuse to take what would eat into hours that are kept for another stream."""
