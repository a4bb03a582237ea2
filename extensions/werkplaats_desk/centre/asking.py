"""A person asks, writes and closes: the same from a notebook and from a page, and each once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from werkplaats_desk.centre import attachments, origin, tickets
from werkplaats_desk.centre.attachments import Named
from werkplaats_desk.centre.drafts import Attached, Draft, Reply
from werkplaats_desk.centre.models import Message, Ticket
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

#: How many messages are read at once: the question, and the last ones.
MOST_AT_ONCE: Final = 100
#: The largest number that a database's column of them holds.
_LAST: Final = 2**31 - 1


@dataclass(frozen=True)
class Said:
    """A message, with what lies beside it."""

    message: Message
    attachments: Sequence[Named]


@dataclass(frozen=True)
class Stretch:
    """The question of a ticket, and messages that follow on one another.

    Attributes
    ----------
    left
        How many messages between the question and the others are not in it.
    earlier
        Before which message those are.
    """

    messages: Sequence[Message]
    left: int
    earlier: int


@dataclass(frozen=True)
class Conversation:
    """A stretch of what was said, with what lies beside it; see ``Stretch``."""

    said: Sequence[Said]
    left: int
    earlier: int


def ask(desk: Desk, person: Person, draft: Draft) -> tuple[Ticket, bool]:
    """Hand a question in, and return it, and whether it is a new one.

    What takes long is looked at before the transaction, so that nobody waits for it.

    Raises
    ------
    Refusal
    """
    before = _before(desk, person, draft.key)
    if before is not None:
        return before, False
    desk.help_pace.require(person.name)
    help_ = desk.settings.help
    if help_ is None or help_.topic(draft.topic) is None:
        raise Refusal(
            "no-topic", _("Choose what your question is about: one of the topics in the list."), 422
        )
    place = origin.place(desk, person, draft.project, draft.job)
    may_hold = _may_hold(desk, person, draft.attachments, draft.acknowledged)
    sent = draft.model_copy(update={"attachments": attachments.as_they_are(draft.attachments)})
    now = int(time.time())
    with desk.database.transaction() as session:
        found = origin.origin(session, desk.settings, person, draft, place, may_hold, now)
        return tickets.submit(session, desk.settings, person, sent, found)


def _before(desk: Desk, person: Person, key: str) -> Ticket | None:
    """Return what the same form asked: sent again, it is refused for nothing that changed meanwhile."""
    with desk.database.transaction() as session:
        return tickets.of_form(session, person.name, key)


def _may_hold(desk: Desk, person: Person, given: Sequence[Attached], acknowledged: bool) -> bool:
    found = origin.restricted(desk, person)  # what is typed may hold some of it too: it is not mailed then
    if given:
        origin.require_acknowledged(found, acknowledged)
    return found


def reply(desk: Desk, person: Person, number: int, given: Reply) -> tuple[Said, bool]:
    """Write in a ticket of one's own, and return what was written, and whether that is new.

    Raises
    ------
    Refusal
    """
    with desk.database.transaction() as session:
        ticket = tickets.own(session, number, person)
        before = tickets.written(session, ticket, person.name, given.key)
        if before is not None:
            return _said(session, before), False
    desk.help_pace.require(person.name)
    may_hold = _may_hold(desk, person, given.attachments, given.acknowledged)
    sent = attachments.as_they_are(given.attachments)
    with desk.database.transaction() as session:
        ticket = tickets.own(session, number, person)
        made = tickets.write(
            session, desk.settings, ticket, person.name, "reply", given.text, given.key, sent,
            restricted=may_hold,
        )  # fmt: skip
        return _said(session, made), True


def _said(session: Session, message: Message) -> Said:
    return Said(message, attachments.of(session, [message.id]).get(message.id, []))


def close(desk: Desk, person: Person, number: int) -> Ticket:
    """Close a ticket of one's own; once more changes nothing.

    Raises
    ------
    Refusal
    """
    with desk.database.transaction() as session:
        ticket = tickets.own(session, number, person)
        tickets.close(session, ticket, person.name)
        return ticket


def stretch(session: Session, ticket: Ticket, before: int = 0) -> Stretch:
    """Return the question, and the last messages, the first first: never more than a page can hold.

    Parameters
    ----------
    before
        The messages before this one are wanted, and not the last of all; 0 for those.
    """
    asked = select(Message).options(selectinload(Message.attachments))
    question = list(
        session.scalars(asked.where(Message.ticket_id == ticket.id).order_by(Message.id).limit(1))
    )
    if not question:
        return Stretch([], 0, 0)
    end = before if 0 < before < _LAST else _LAST
    between = (Message.ticket_id == ticket.id, Message.id > question[0].id, Message.id < end)
    latest = asked.where(*between).order_by(Message.id.desc()).limit(MOST_AT_ONCE - 1)
    found = list(session.scalars(latest))[::-1]
    count = session.scalar(select(func.count()).select_from(Message).where(*between)) or 0
    return Stretch([*question, *found], count - len(found), found[0].id if found else 0)


def conversation(session: Session, ticket: Ticket, before: int = 0) -> Conversation:
    """Return a stretch of what was written in a ticket; its person has then seen it.

    Parameters
    ----------
    before
        As ``stretch`` takes it.
    """
    found = stretch(session, ticket, before)
    if found.messages:
        tickets.see(session, ticket, found.messages[-1].id)
    said = [
        Said(message, [Named(one.id, one.kind, one.name, one.size) for one in message.attachments])
        for message in found.messages
    ]
    return Conversation(said, found.left, found.earlier)
