"""A person asks, writes and closes: the same from a notebook and from a page, and each once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from werkplaats_desk.centre import attachments, origin, tickets
from werkplaats_desk.centre.attachments import Named
from werkplaats_desk.centre.drafts import Attached, Draft, Reply
from werkplaats_desk.centre.models import Message, Ticket
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _


@dataclass(frozen=True)
class Said:
    """A message, with what lies beside it."""

    message: Message
    attachments: Sequence[Named]


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


def conversation(session: Session, ticket: Ticket, *, seen: bool = True) -> list[Said]:
    """Return what was written in a ticket, the first first.

    Parameters
    ----------
    seen
        Whether the person looks at it now.
    """
    asked = select(Message).where(Message.ticket_id == ticket.id).order_by(Message.id)
    messages = list(session.scalars(asked))
    beside = attachments.of(session, [message.id for message in messages])
    if seen and messages:
        tickets.see(session, ticket, messages[-1].id)
    return [Said(message, beside.get(message.id, [])) for message in messages]
