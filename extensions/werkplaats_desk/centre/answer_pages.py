"""One question as an expert reads it, and all that they do with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from secrets import token_urlsafe
from typing import Final, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from werkplaats_desk.centre import asking, bundle, canned, hours, look_pages, origin, queue, tickets
from werkplaats_desk.centre.bundle import Laid
from werkplaats_desk.centre.drafts import Body, Key
from werkplaats_desk.centre.inbox_pages import TheExpert
from werkplaats_desk.centre.models import Message, Ticket, TicketAct
from werkplaats_desk.centre.notebook import Room
from werkplaats_desk.centre.text import as_html
from werkplaats_desk.database import alone
from werkplaats_desk.desk import Desk, Fields, TheDesk
from werkplaats_desk.guard import HEADERS
from werkplaats_desk.login_pages import see
from werkplaats_desk.pages import render
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Expert
from werkplaats_desk.words import gettext as _

router: Final = APIRouter(include_in_schema=False)

#: Pictures of a notebook stand in the page itself. At an address of their own the desk would have to
#: answer what a script of somebody's notebook, on the same host, can ask for in the reader's name too.
_WITH_PICTURES: Final = {
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].replace(
        "img-src 'self'", "img-src 'self' data:"
    )
}
_KEY: Final = TypeAdapter(Key)


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(_Given):
    """What an expert writes: an answer, or a question back."""

    key: Key
    kind: Literal["answer", "ask"]
    text: Body


class Press(_Given):
    """Time that an expert books; without a day it is today's."""

    key: Key
    minutes: int = Field(ge=1, le=hours.MOST)
    day: date | Literal[""] = ""


@dataclass(frozen=True)
class Said:
    """A message, with what came along laid out."""

    message: Message
    laid: list[Laid]


@dataclass(frozen=True)
class View:
    """All that the page shows of one ticket.

    Attributes
    ----------
    left, earlier, before
        How many messages are not shown, before which they are, and before which those are that are
        shown; 0 where those are the last.
    written
        Keys of what the reader wrote: what a browser kept of those forms it can forget.
    may_book
        Whether the reader may book time on it.
    blocked
        Why the reader cannot take it now; empty where they can, or need not.
    """

    ticket: Ticket
    said: list[Said]
    left: int
    earlier: int
    before: int
    written: list[str]
    history: list[TicketAct]
    minutes: int
    may_book: bool
    blocked: str

    @property
    def has_pictures(self) -> bool:
        """Whether a picture of a notebook is on it."""
        return any(one.notebook.has_pictures for said in self.said for one in said.laid)


@dataclass
class Typed:
    """What was typed into a form that was refused, and the sentence that goes with it."""

    text: str = ""
    key: str = field(default_factory=lambda: token_urlsafe(24))
    wrong: str = ""
    status: int = 200


@router.get("/inbox/{number}")
def one(
    request: Request,
    desk: TheDesk,
    person: TheExpert,
    number: int,
    canned: str = "",
    done: str = "",
    before: int = 0,
) -> Response:
    """Show one question, laid out for reading: its last messages, or those before one."""
    return _page(request, desk, person, number, Typed(), canned=canned, done=done, before=before)


def _page(
    request: Request,
    desk: Desk,
    person: Person,
    number: int,
    typed: Typed,
    *,
    canned: str = "",
    done: str = "",
    before: int = 0,
) -> Response:
    view = _view(desk, person, number, before)
    ticket = view.ticket
    begun = "" if typed.text else _canned(canned, ticket)
    typed.text = typed.text or begun
    answer = render(
        request, "inbox_ticket.html", person, status=typed.status, view=view, ticket=ticket, typed=typed,
        canned=_CANNED, done=_done().get(done, ""), as_html=as_html, today=date.today(), now=time.time(),
        others=_others(desk, ticket, person), press=token_urlsafe(24), begun=begun,
        sight=look_pages.sight(desk, number, person),
    )  # fmt: skip
    if view.has_pictures:
        answer.headers.update(_WITH_PICTURES)
    return answer


_CANNED: Final = canned.CANNED


def _canned(name: str, ticket: Ticket) -> str:
    return canned.text_of(name, ticket.language)


def _done() -> Mapping[str, str]:
    """Return what is said on top of the page after something was done."""
    return {
        "taken": _("This question is yours now."),
        "sent": _("Your message is sent."),
        "handed": _("The question is handed over."),
        "returned": _("The question is back in the queue."),
        "booked": _("The time is booked."),
        "closed": _("The question is closed."),
    }


def _view(desk: Desk, person: Person, number: int, before: int) -> View:
    with desk.database.transaction() as session:
        ticket = tickets.find(session, number, person, desk.settings)
        shown = asking.stretch(session, ticket, before)
        attachments = [one for message in shown.messages for one in message.attachments]
        contents = bundle.beside(session, attachments)
        history = tickets.history(session, ticket)
        minutes = hours.of_ticket(session, ticket)
        may_book = hours.helped(session, desk.settings, ticket, person)
        blocked = _blocked(session, desk, person, ticket)
    room = Room()
    said = [
        Said(message, [bundle.lay(one, contents.get(one.id), room) for one in message.attachments])
        for message in shown.messages
    ]
    written = [message.key for message in shown.messages if message.author == person.name]
    return View(
        ticket, said, shown.left, shown.earlier, before, written, history, minutes, may_book, blocked
    )  # fmt: skip


def _blocked(session: Session, desk: Desk, person: Person, ticket: Ticket) -> str:
    if ticket.expert is not None or ticket.state != "new":
        return ""
    try:
        _require_may_take(session, desk, person, ticket)
    except Refusal as refusal:
        return refusal.sentence
    return ""


def _require_may_take(session: Session, desk: Desk, person: Person, ticket: Ticket) -> None:
    if ticket.person == person.name:
        sentence = _("Nobody answers a question of their own. Another expert takes it.")
        raise Refusal("own-question", sentence, 403)
    queue.require_turn(session, desk.settings, person, ticket, time.time())


def _others(desk: Desk, ticket: Ticket, person: Person) -> tuple[list[Expert], list[Expert]]:
    """Return to whom a question can be handed: who knows its topic and language, and the others."""
    assert desk.settings.help is not None  # noqa: S101  # else nobody is an expert
    able = [one for one in desk.settings.help.experts if one.name not in (person.name, ticket.person)]
    knows = [one for one in able if _knows(one, ticket)]
    return knows, [one for one in able if one not in knows]


def _knows(one: Expert, ticket: Ticket) -> bool:
    return (not one.topics or ticket.topic in one.topics) and ticket.language in one.languages


def _do(
    request: Request,
    desk: Desk,
    person: Person,
    number: int,
    act: Callable[[Session, Ticket], None],
    done: str,
    typed: Typed | None = None,
) -> Response:
    """Do something with a ticket; a refusal is said on its page, with what was typed kept."""
    try:
        with desk.database.transaction() as session:
            act(session, tickets.find(session, number, person, desk.settings))
    except Refusal as refusal:
        if refusal.reason == "no-ticket":
            raise
        typed = typed or Typed()
        typed.wrong, typed.status = refusal.sentence, refusal.status
        return _page(request, desk, person, number, typed)
    return see(f"{desk.settings.prefix}inbox/{number}?done={done}")


@router.post("/inbox/{number}/taking")
def take(request: Request, desk: TheDesk, person: TheExpert, given: Fields, number: int) -> Response:
    """Take a question that nobody has."""

    def act(session: Session, ticket: Ticket) -> None:
        alone(session)  # of two who take different questions, the second sees what the first has left
        session.refresh(ticket, with_for_update=True)
        if ticket.expert is None:
            _require_may_take(session, desk, person, ticket)
        tickets.take(session, ticket, person)

    return _do(request, desk, person, number, act, "taken")


@router.post("/inbox/{number}/messages")
def answer(request: Request, desk: TheDesk, person: TheExpert, given: Fields, number: int) -> Response:
    """Answer, or ask something back; the same form sent twice is one message."""
    typed = Typed(given.get("text", ""), _key(given))
    try:
        read = Answer.model_validate(given)
    except ValidationError:
        typed.status, typed.wrong = 400, _("Write an answer of 1 to 20000 characters.")
        return _page(request, desk, person, number, typed)

    may_hold = origin.restricted_in(desk, number)

    def act(session: Session, ticket: Ticket) -> None:
        tickets.write(
            session, desk.settings, ticket, person.name, read.kind, read.text, read.key, restricted=may_hold
        )

    return _do(request, desk, person, number, act, "sent", typed)


def _key(given: Mapping[str, str]) -> str:
    """Return a form's key, so that sent once more it is still the same one; a new one for no key."""
    try:
        return _KEY.validate_python(given.get("key", ""))
    except ValidationError:
        return Typed().key


@router.post("/inbox/{number}/handing")
def hand(request: Request, desk: TheDesk, person: TheExpert, given: Fields, number: int) -> Response:
    """Hand a question over, or back to the queue."""
    to = given.get("to", "") or None

    def act(session: Session, ticket: Ticket) -> None:
        if to is not None and not any(
            to == one.name for some in _others(desk, ticket, person) for one in some
        ):
            raise Refusal("no-expert", _("Choose one of the other experts, or the queue."), 400)
        tickets.hand(session, ticket, person, to)

    return _do(request, desk, person, number, act, "handed" if to else "returned")


@router.post("/inbox/{number}/booking")
def book(request: Request, desk: TheDesk, person: TheExpert, given: Fields, number: int) -> Response:
    """Book time, with one press."""
    try:
        read = Press.model_validate({key: given.get(key, "") for key in Press.model_fields})
    except ValidationError:
        typed = Typed(wrong=_("Give 1 to 480 minutes, and a day such as 2027-01-31."), status=400)
        return _page(request, desk, person, number, typed)

    def act(session: Session, ticket: Ticket) -> None:
        day = read.day or date.today()
        hours.book(session, desk.settings, ticket, person, read.minutes, read.key, day)

    return _do(request, desk, person, number, act, "booked")


@router.post("/inbox/{number}/closing")
def close(request: Request, desk: TheDesk, person: TheExpert, given: Fields, number: int) -> Response:
    """Close a question of one's own hands."""

    def act(session: Session, ticket: Ticket) -> None:
        if ticket.expert != person.name:
            raise tickets.not_theirs(ticket)
        tickets.close(session, ticket, person.name)

    return _do(request, desk, person, number, act, "closed")


@router.get("/inbox/{number}/attachments/{which}")
def attachment(request: Request, desk: TheDesk, person: TheExpert, number: int, which: int) -> Response:
    """Show one attachment, as large as it is."""
    with desk.database.transaction() as session:
        ticket = tickets.find(session, number, person, desk.settings)
        found, content = bundle.find(session, ticket, which)
    laid = bundle.lay(found, content, Room())
    shown = render(request, "inbox_attachment.html", person, ticket=ticket, one=laid)
    if laid.notebook.has_pictures:
        shown.headers.update(_WITH_PICTURES)
    return shown


@router.get("/inbox/{number}/attachments/{which}/file")
def file(desk: TheDesk, person: TheExpert, number: int, which: int) -> Response:
    """Give an attachment as a file to keep; a browser shows nothing of it."""
    with desk.database.transaction() as session:
        ticket = tickets.find(session, number, person, desk.settings)
        found, content = bundle.find(session, ticket, which)
    return Response(content, media_type="application/octet-stream", headers=bundle.headers(found))
