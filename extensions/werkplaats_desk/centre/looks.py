"""Looks along as the database has them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from werkplaats_desk.centre.models import Look


def latest(session: Session, ticket: int) -> Look | None:
    """Return the last look of a ticket, which may be over."""
    return session.scalar(select(Look).where(Look.ticket_id == ticket).order_by(Look.id.desc()).limit(1))


def standing(session: Session, ticket: int) -> Look | None:
    """Return the look of a ticket that was asked for and is not over, for this transaction alone."""
    found = select(Look).where(Look.ticket_id == ticket, Look.ended_at.is_(None))
    return session.scalar(found.with_for_update())


def unfinished(session: Session) -> list[int]:
    """Return the numbers of all looks that are not over, also those that wait for a yes."""
    return list(session.scalars(select(Look.id).where(Look.ended_at.is_(None)).order_by(Look.id)))


def begun_of(session: Session, person: str) -> bool:
    """Return whether an expert looks along in any server of a person's, or that is being ended."""
    found = select(Look.id).where(Look.person == person, Look.ended_at.is_(None), Look.began_at.is_not(None))
    return session.scalar(found.limit(1)) is not None


def begun_since(session: Session, person: str, moment: float) -> bool:
    """Return whether an expert began to look along in a person's server since a moment (Unix time, s)."""
    found = select(Look.id).where(Look.person == person, Look.began_at >= int(moment))
    return session.scalar(found.limit(1)) is not None


def ticket_of(session: Session, person: str) -> int | None:
    """Return the ticket of the last look in any server of a person's."""
    found = select(Look.ticket_id).where(Look.person == person).order_by(Look.id.desc())
    return session.scalar(found.limit(1))


def begun_in(session: Session, expert: str, server: str) -> bool:
    """Return whether an expert looks along in a server already: there is one share for both questions."""
    found = select(Look.id).where(
        Look.expert == expert, Look.server == server, Look.ended_at.is_(None), Look.began_at.is_not(None)
    )
    return session.scalar(found.limit(1)) is not None
