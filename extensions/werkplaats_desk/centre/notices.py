"""What people are told by mail of a ticket, written in the transaction of what it tells of."""

from __future__ import annotations

from sqlalchemy.orm import Session

from werkplaats_desk.centre.models import Message, Ticket
from werkplaats_desk.settings import Settings


def notify(session: Session, settings: Settings, ticket: Ticket, message: Message) -> None:
    """Have whoever did not write a message be told of it."""
