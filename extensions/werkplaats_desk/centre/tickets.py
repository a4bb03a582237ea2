"""Tickets: asked once, taken by one expert, talked about, and closed. All that changes one is here."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from werkplaats_desk.centre import attachments as kept
from werkplaats_desk.centre.attachments import attach as attach  # of all that changes a ticket
from werkplaats_desk.centre.drafts import Attached, Draft
from werkplaats_desk.centre.models import Message, Ticket, TicketAct
from werkplaats_desk.centre.notices import notify
from werkplaats_desk.centre.states import OPEN, Kind, Role, after
from werkplaats_desk.database import alone
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings
from werkplaats_desk.words import gettext as _

#: How many open tickets one person has at most.
MOST_OPEN: Final = 20
#: How often one person writes in a day at most, their questions included.
MOST_A_DAY: Final = 300
#: After how long a silence a question that was answered is closed (s), and how many at a time.
SILENCE: Final = 14 * 86400
_AT_A_TIME: Final = 100


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
        Whether what was written or came along may hold something of a restricted dataset.
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
        When they have too many that are open, or there is no room for what comes along.
    """
    alone(session)  # what is counted here stays so until the ticket is there
    before = of_form(session, person.name, draft.key)
    if before is not None:
        return before, False
    opened = select(func.count()).where(Ticket.person == person.name, Ticket.state.in_(OPEN))
    if (session.scalar(opened) or 0) >= MOST_OPEN:
        sentence = _("You have {number} questions that are open. Close one first, or go on in one of those.")
        raise Refusal("too-many", sentence.format(number=MOST_OPEN), 409)
    _require_measure(session, person.name, draft.attachments)
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
        twin = of_form(session, person.name, draft.key)
        assert twin is not None  # noqa: S101  # that is what the index said
        return twin, False
    _note(session, made, person.name, "asked")
    message = _write(session, made, person.name, "person", "question", draft.question, draft.key)
    attach(session, message, draft.attachments)
    notify(session, settings, made, message)
    return made, True


def _require_measure(session: Session, person: str, attachments: Sequence[Attached]) -> None:
    """Refuse more than anybody reads, and more than is kept."""
    since = int(time.time()) - 86400
    today = select(func.count()).where(Message.author == person, Message.at > since)
    if (session.scalar(today) or 0) >= MOST_A_DAY:
        sentence = _("You wrote {number} times in a day, which is the most. Go on tomorrow.")
        raise Refusal("too-many", sentence.format(number=MOST_A_DAY), 409)
    kept.require_room(session, person, attachments)


def of_form(session: Session, person: str, key: str) -> Ticket | None:
    """Return the ticket that somebody handed in by a form; nothing where that form did not come yet."""
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
        raise _no_ticket()
    return found


def own(session: Session, number: int, person: Person) -> Ticket:
    """Return a ticket of somebody's own; an expert reads others' on the expert's pages alone.

    Raises
    ------
    Refusal
    """
    found = session.get(Ticket, number) if 0 < number < 2**31 else None
    if found is None or found.person != person.name:
        raise _no_ticket()
    return found


def _no_ticket() -> Refusal:
    return Refusal("no-ticket", _("There is no such question, or it is not yours."), 404)


def of(session: Session, person: Person, most: int = 200) -> list[Ticket]:
    """Return somebody's own tickets, the one that changed last first."""
    asked = (
        select(Ticket)
        .where(Ticket.person == person.name)
        .order_by(Ticket.changed_at.desc(), Ticket.id.desc())
    )
    return list(session.scalars(asked.limit(most)))


def unread(session: Session, person: Person) -> set[int]:
    """Return the numbers of somebody's own tickets in which an expert wrote what they did not look at."""
    asked = (
        select(Ticket.id)
        .join(Message, Message.ticket_id == Ticket.id)
        .where(Ticket.person == person.name, Message.role == "expert", Message.id > Ticket.seen)
    )
    return set(session.scalars(asked))


def see(session: Session, ticket: Ticket, last: int) -> None:
    """Keep that the person looked at a ticket, up to a message; that is no change of it."""
    session.execute(
        update(Ticket)
        .where(Ticket.id == ticket.id, Ticket.seen < last)
        .values(seen=last)
        .execution_options(synchronize_session=False)
    )


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
    restricted: bool = False,
) -> Message:
    """Write in a ticket, once for each key, and take it to the state that follows.

    Parameters
    ----------
    restricted
        Whether it may hold something of a restricted dataset; from then on nothing of the ticket is mailed.

    Raises
    ------
    Refusal
        When somebody writes in a ticket that is not theirs, or there is no room for what comes along.
    """
    session.refresh(ticket, with_for_update=True)  # until this is over nobody else changes it
    before = written(session, ticket, author, key)
    if before is not None:
        return before
    role: Role = "person" if kind in ("question", "reply") else "expert"
    _require_theirs(ticket, author, role)
    if role == "person":
        _require_measure(session, author, attachments)
    if ticket.state == "closed":
        _note(session, ticket, author, "reopened")
        ticket.closed_at = None
    ticket.restricted = ticket.restricted or restricted
    ticket.state = after(kind, ticket.state, ticket.expert is not None)  # type: ignore[arg-type]
    if role == "expert" and ticket.first_answer_at is None:
        ticket.first_answer_at = int(time.time())
    message = _write(session, ticket, author, role, kind, body, key, by_mail)
    attach(session, message, attachments)
    _note(session, ticket, author, "wrote", kind=kind)
    notify(session, settings, ticket, message)
    return message


def written(session: Session, ticket: Ticket, author: str, key: str) -> Message | None:
    """Return what somebody wrote by a form; nothing where that form did not come yet."""
    return session.scalar(
        select(Message).where(Message.ticket_id == ticket.id, Message.author == author, Message.key == key)
    )


def _require_theirs(ticket: Ticket, author: str, role: Role) -> None:
    if role == "person" and ticket.person != author:
        raise _no_ticket()
    if role == "expert" and ticket.expert != author:
        raise not_theirs(ticket)


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


def release_left(session: Session, experts: Collection[str]) -> int:
    """Put back into the queue what somebody has who is no expert any more; return how many those were.

    Parameters
    ----------
    experts
        Their names, as the facility has them now.
    """
    asked = select(Ticket).where(Ticket.state.in_(OPEN), Ticket.expert.not_in(list(experts)))
    found = list(session.scalars(asked.limit(_AT_A_TIME).with_for_update(skip_locked=True)))
    for ticket in found:
        ticket.expert = None
        if ticket.state == "assigned":
            ticket.state = "new"
        _note(session, ticket, "", "returned")
    return len(found)


def close_silent(session: Session, now: int) -> int:
    """Close what was answered, and of which nothing was heard for two weeks; return how many those were."""
    asked = select(Ticket).where(Ticket.state == "answered", Ticket.changed_at < now - SILENCE)
    found = list(session.scalars(asked.limit(_AT_A_TIME).with_for_update(skip_locked=True)))
    for ticket in found:
        ticket.state, ticket.closed_at = "closed", now
        _note(session, ticket, "", "closed", days=SILENCE // 86400)
    return len(found)


def empty(session: Session, ticket: Ticket, by: str) -> None:
    """Take away what came along in a ticket that is closed.

    Raises
    ------
    Refusal
        While it is open: who answers it may need that.
    """
    session.refresh(ticket, with_for_update=True)
    if ticket.state != "closed":
        raise Refusal("open", _("Close this question first; then its attachments can be taken away."), 409)
    if kept.remove(session, ticket):
        _note(session, ticket, by, "emptied")


def empty_old(session: Session, now: int) -> int:
    """Take away what came along in tickets that were closed long ago; return how many those were."""
    emptied = 0
    for ticket in kept.outlived(session, now, _AT_A_TIME):
        with suppress(Refusal):  # opened again since it was found
            empty(session, ticket, "")
            emptied += 1
    return emptied


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
