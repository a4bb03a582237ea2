"""Tickets: asked once, taken by one expert, talked about, and closed. All that changes one is here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from werkplaats_desk.centre.drafts import Attached, Draft
from werkplaats_desk.centre.models import Attachment, Message, Ticket, TicketAct
from werkplaats_desk.centre.notices import notify
from werkplaats_desk.centre.states import OPEN, Kind, Role, after
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings
from werkplaats_desk.words import gettext as _

#: How many open tickets one person has at most.
MOST_OPEN: Final = 20


@dataclass(frozen=True)
class Origin:
    """Where a question comes from, as the desk itself knows it, and not as the form says.

    Attributes
    ----------
    stream, project
        Whose hours it is answered on.
    server, job
        The server it was asked from, with its job; empty and 0 from a page.
    restricted
        Whether a restricted dataset was mounted in that job.
    expected_at
        By when an answer comes (Unix time, s).
    """

    stream: str
    project: str = ""
    server: str = ""
    job: int = 0
    restricted: bool = False
    expected_at: int = 0


def submit(
    session: Session, settings: Settings, person: Person, draft: Draft, origin: Origin
) -> tuple[Ticket, bool]:
    """Hand a question in, and return it, and whether it is a new one: a form that comes twice is one.

    Raises
    ------
    Refusal
        When they have too many that are open.
    """
    before = _of_form(session, person.name, draft.key)
    if before is not None:
        return before, False
    opened = select(func.count()).where(Ticket.person == person.name, Ticket.state.in_(OPEN))
    if (session.scalar(opened) or 0) >= MOST_OPEN:
        sentence = _("You have {number} questions that are open. Close one first, or go on in one of those.")
        raise Refusal("too-many", sentence.format(number=MOST_OPEN), 409)
    now = int(time.time())
    made = Ticket(
        person=person.name, key=draft.key, stream=origin.stream, project=origin.project,
        server=origin.server, job=origin.job, subject=draft.subject, topic=draft.topic,
        urgency=draft.urgency, language=draft.language, restricted=origin.restricted, state="new",
        created_at=now, changed_at=now, expected_at=origin.expected_at,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # the same form, at the same moment
        twin = _of_form(session, person.name, draft.key)
        assert twin is not None  # noqa: S101  # that is what the index said
        return twin, False
    _note(session, made, person.name, "asked")
    message = _write(session, made, person.name, "person", "question", draft.question, draft.key)
    attach(session, message, draft.attachments)
    notify(session, settings, made, message)
    return made, True


def _of_form(session: Session, person: str, key: str) -> Ticket | None:
    return session.scalar(select(Ticket).where(Ticket.person == person, Ticket.key == key))


def find(session: Session, number: int, person: Person, settings: Settings) -> Ticket:
    """Return a ticket that somebody may read: their own, and every one for an expert.

    Raises
    ------
    Refusal
        Also for one of somebody else's, with the same words: its number says nothing.
    """
    found = session.get(Ticket, number) if 0 < number < 2**31 else None
    if found is None or (found.person != person.name and not person.answers(settings)):
        raise Refusal("no-ticket", _("There is no such question, or it is not yours."), 404)
    return found


def of(session: Session, person: Person, most: int = 200) -> list[Ticket]:
    """Return somebody's own tickets, the one that changed last first."""
    asked = (
        select(Ticket)
        .where(Ticket.person == person.name)
        .order_by(Ticket.changed_at.desc(), Ticket.id.desc())
    )
    return list(session.scalars(asked.limit(most)))


def history(session: Session, ticket: Ticket) -> list[TicketAct]:
    """Return what was done with a ticket, the first first."""
    return list(
        session.scalars(select(TicketAct).where(TicketAct.ticket_id == ticket.id).order_by(TicketAct.id))
    )


def write(
    session: Session,
    settings: Settings,
    ticket: Ticket,
    author: str,
    kind: Kind,
    body: str,
    key: str,
    attachments: Sequence[Attached] = (),
    *,
    by_mail: bool = False,
) -> Message:
    """Write in a ticket, once for each key, and take it to the state that follows.

    Raises
    ------
    Refusal
        When an expert writes in a ticket that is not theirs.
    """
    session.refresh(ticket, with_for_update=True)  # until this is over nobody else changes it
    again = select(Message).where(
        Message.ticket_id == ticket.id, Message.author == author, Message.key == key
    )
    before = session.scalar(again)
    if before is not None:
        return before
    role: Role = "person" if kind in ("question", "reply") else "expert"
    if role == "expert" and ticket.expert != author:
        raise not_theirs(ticket)
    if ticket.state == "closed":
        _note(session, ticket, author, "reopened")
        ticket.closed_at = None
    ticket.state = after(kind, ticket.state, ticket.expert is not None)  # type: ignore[arg-type]
    if role == "expert" and ticket.first_answer_at is None:
        ticket.first_answer_at = int(time.time())
    message = _write(session, ticket, author, role, kind, body, key, by_mail)
    attach(session, message, attachments)
    _note(session, ticket, author, "wrote", kind=kind)
    notify(session, settings, ticket, message)
    return message


def _write(
    session: Session, ticket: Ticket, author: str, role: Role, kind: Kind, body: str, key: str,
    by_mail: bool = False,
) -> Message:  # fmt: skip
    message = Message(
        ticket_id=ticket.id, author=author, key=key, role=role, kind=kind, body=body, by_mail=by_mail,
        at=int(time.time()),
    )  # fmt: skip
    session.add(message)
    session.flush()
    return message


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


def take(session: Session, ticket: Ticket, expert: Person) -> None:
    """Take a ticket that nobody has.

    Raises
    ------
    Refusal
        When somebody has it; of two who take it at once the second reads who was first.
    """
    session.refresh(ticket, with_for_update=True)
    if ticket.expert == expert.name:
        return
    if ticket.expert is not None or ticket.state != "new":
        raise not_theirs(ticket)
    ticket.expert, ticket.state = expert.name, "assigned"
    _note(session, ticket, expert.name, "taken")


def hand(session: Session, ticket: Ticket, by: Person, to: str | None) -> None:
    """Hand a ticket of one's own to another expert, or back to the queue.

    Parameters
    ----------
    to
        Another expert's name; ``None`` for the queue.

    Raises
    ------
    Refusal
    """
    session.refresh(ticket, with_for_update=True)
    if ticket.expert != by.name:
        raise not_theirs(ticket)
    ticket.expert = to
    if to is None:
        ticket.state = "new"
        _note(session, ticket, by.name, "returned")
        return
    if ticket.state == "closed":
        ticket.state = "assigned"
    _note(session, ticket, by.name, "handed", to=to)


def close(session: Session, ticket: Ticket, by: str) -> None:
    """Close a ticket: the person's own, or its expert."""
    session.refresh(ticket, with_for_update=True)
    if by not in (ticket.person, ticket.expert):
        raise not_theirs(ticket)
    if ticket.state != "closed":
        ticket.state, ticket.closed_at = "closed", int(time.time())
        _note(session, ticket, by, "closed")


def not_theirs(ticket: Ticket) -> Refusal:
    """Return what an expert reads who acts on a ticket that somebody else has."""
    if ticket.expert is None:
        return Refusal("not-taken", _("Nobody has this question yet. Take it first."), 409)
    sentence = _("{name} has this question. Ask them to hand it over.")
    return Refusal("taken", sentence.format(name=ticket.expert), 409)


def note(session: Session, ticket: Ticket, by: str, act: str, **detail: Any) -> None:
    """Write a line into a ticket's history."""
    _note(session, ticket, by, act, **detail)


def _note(session: Session, ticket: Ticket, by: str, act: str, **detail: Any) -> None:
    now = int(time.time())
    ticket.changed_at = now
    session.add(TicketAct(ticket_id=ticket.id, at=now, by=by, act=act, detail=detail))
    session.flush()
