"""What comes along with a message: kept as text, at most so much for one person, and not for ever."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from werkplaats_desk.centre.drafts import Attached
from werkplaats_desk.centre.models import Attachment, Message, Ticket
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

#: How much of one person's is kept in all (bytes).
MOST_KEPT: Final = 200 * 1024 * 1024
#: How long after its end a question's attachments are kept (s).
KEPT_AFTER: Final = 90 * 86400
_MIB: Final = 1024 * 1024

#: A notebook of many megabytes is many times that while it is read: one at a time.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Named:
    """An attachment without what is in it."""

    id: int
    kind: str
    name: str
    size: int

    @property
    def note(self) -> str:
        """What is to be said of it: that it was to be a notebook, and is none."""
        if self.kind != "file" or not self.name.lower().endswith(".ipynb"):
            return ""
        return _("{name} is no notebook that can be read. It is kept as plain text.").format(name=self.name)


def is_notebook(text: str) -> bool:
    """Return whether a text is a notebook as nbformat 4 writes one: an object with cells.

    >>> is_notebook('{"cells": []}'), is_notebook("[]"), is_notebook("{"), is_notebook("[" * 10**5)
    (True, False, False, False)
    """
    with _one_at_a_time:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return False
    return isinstance(found, dict) and isinstance(found.get("cells"), list)


def as_they_are(attachments: Sequence[Attached]) -> tuple[Attached, ...]:
    """Return attachments of which those that are called a notebook, and are none, are files.

    Reading them takes its time, so it is done before a transaction.
    """
    return tuple(
        one.model_copy(update={"kind": "file"})
        if one.kind == "notebook" and not is_notebook(one.text)
        else one
        for one in attachments
    )


def attach(session: Session, message: Message, attachments: Sequence[Attached]) -> None:
    """Lay what came along beside a message."""
    for one in attachments:
        content = one.text.encode()
        session.add(
            Attachment(
                message_id=message.id, kind=one.kind, name=one.name, size=len(content), content=content
            )
        )
    session.flush()


def of(session: Session, messages: Sequence[int]) -> dict[int, list[Named]]:
    """Return what lies beside messages, by the message's number, and not what is in it."""
    asked = select(
        Attachment.message_id, Attachment.id, Attachment.kind, Attachment.name, Attachment.size
    ).where(Attachment.message_id.in_(messages))
    found: dict[int, list[Named]] = {}
    for row in session.execute(asked.order_by(Attachment.id)):
        found.setdefault(row.message_id, []).append(Named(row.id, row.kind, row.name, row.size))
    return found


def text_of(session: Session, ticket: Ticket, number: int) -> tuple[Named, str]:
    """Return one attachment of a ticket, with what is in it.

    Raises
    ------
    Refusal
    """
    asked = (
        select(Attachment)
        .join(Message, Message.id == Attachment.message_id)
        .where(Message.ticket_id == ticket.id, Attachment.id == number)
    )
    found = session.scalar(asked) if 0 < number < 2**31 else None
    if found is None:
        raise Refusal("no-attachment", _("This attachment is not there, or not any more."), 404)
    return Named(found.id, found.kind, found.name, found.size), found.content.decode("utf-8", "replace")


def texts(session: Session, named: Sequence[Named], each: int, most: int) -> dict[int, str]:
    """Return what is in the small ones, by their number, until there is enough.

    Parameters
    ----------
    each, most
        The largest that is small, and what is enough (bytes).
    """
    wanted = []
    for one in named:
        if one.size <= min(each, most):
            wanted.append(one.id)
            most -= one.size
    asked = select(Attachment.id, Attachment.content).where(Attachment.id.in_(wanted))
    return {number: content.decode("utf-8", "replace") for number, content in session.execute(asked)}


def are_kept(session: Session, ticket: Ticket) -> bool:
    """Return whether something that came along in a ticket is there still."""
    asked = select(Attachment.id).join(Message, Message.id == Attachment.message_id)
    return session.scalar(asked.where(Message.ticket_id == ticket.id).limit(1)) is not None


def require_room(session: Session, person: str, attachments: Sequence[Attached]) -> None:
    """Refuse more of one person's than is kept for one person.

    Raises
    ------
    Refusal
    """
    if not attachments:
        return
    kept = (
        select(func.coalesce(func.sum(Attachment.size), 0))
        .join(Message, Message.id == Attachment.message_id)
        .where(Message.author == person)
    )
    more = sum(len(one.text.encode()) for one in attachments)
    if int(session.scalar(kept) or 0) + more > MOST_KEPT:
        sentence = _(
            "Your questions would keep more than {most} MiB of attachments, which is the most. Open one "
            "that is closed and take its attachments away, or send this without attachments."
        )
        raise Refusal("too-many", sentence.format(most=MOST_KEPT // _MIB), 409)


def remove(session: Session, ticket: Ticket) -> int:
    """Take away all that came along in a ticket; return how many those were."""
    messages = select(Message.id).where(Message.ticket_id == ticket.id)
    gone = session.execute(
        delete(Attachment)
        .where(Attachment.message_id.in_(messages))
        .execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE's result has one


def outlived(session: Session, now: int, most: int) -> list[Ticket]:
    """Return tickets that were closed so long ago that what came along is to go."""
    asked = (
        select(Ticket)
        .where(Ticket.state == "closed", Ticket.closed_at < now - KEPT_AFTER)
        .where(
            select(Attachment.id)
            .join(Message, Message.id == Attachment.message_id)
            .where(Message.ticket_id == Ticket.id)
            .exists()
        )
    )
    return list(session.scalars(asked.limit(most)))
