"""``api/help`` and ``api/tickets``: questions to the expertise centre, for a notebook.

It is the person's own side alone, also for an expert: any notebook that they open holds such a token.
"""

from __future__ import annotations

import time
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from werkplaats_desk import access_requests, words
from werkplaats_desk.centre import asking, offering, origin, tickets
from werkplaats_desk.centre.asking import Said
from werkplaats_desk.centre.drafts import (
    MOST_ALL,
    MOST_ATTACHMENTS,
    MOST_EACH,
    MOST_TEXT,
    AttachmentKind,
    Draft,
    Reply,
)
from werkplaats_desk.centre.entrance import TheHelp
from werkplaats_desk.centre.models import Ticket
from werkplaats_desk.centre.offering import Wanted
from werkplaats_desk.centre.states import Kind, Role, State, Urgency
from werkplaats_desk.datasets_api import Both
from werkplaats_desk.desk import Caller, TheDesk

_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    400: {"description": "what was sent cannot be read"},
    401: {"description": "no token came with it"},
    403: {"description": "the token does not open the desk, or the person may not do this"},
    404: {"description": "there is no such question, or nobody answers any"},
    503: {"description": "the Hub or the database is away, or too much comes in at once; nothing was done"},
}
_TAKEN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "the same form came before; this is what it made"},
    409: {"description": "not as things are; the message says why"},
    413: {"description": "it is too large"},
    429: {"description": "too much at once"},
}
router: Final = APIRouter(prefix="/api", tags=["help"], responses=_REFUSED)
Number = Annotated[int, Path(description="The number of a question.")]


class _Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class TopicShown(_Shown):
    """What a question may be about."""

    name: str
    title: Both
    kind: Literal["domain", "technique"]


class Limits(BaseModel):
    """The most that is taken: characters of a text; bytes of an attachment, and of all; how many."""

    text: int = MOST_TEXT
    each: int = MOST_EACH
    all: int = MOST_ALL
    attachments: int = MOST_ATTACHMENTS


class HelpShown(BaseModel):
    """What a form needs. Moments are Unix time (s)."""

    topics: list[TopicShown]
    projects: list[str]
    limits: Limits
    expected: dict[Urgency, int] = Field(description="when an answer would come, by urgency")
    restricted: bool = Field(
        description="what is attached may hold something of a restricted dataset: it is to be acknowledged"
    )
    offering: Literal["yes", "no", "unasked"]


class Taken(BaseModel):
    """A question that was taken."""

    number: int
    state: State
    expected_at: int
    page: str = Field(description="its page at the desk, below the public address")


class Card(BaseModel):
    """A question of one's own, as a list shows it."""

    number: int
    subject: str
    topic: str
    urgency: Urgency
    state: State
    expert: str = Field(description="who has it; empty while nobody does")
    created_at: int
    changed_at: int
    expected_at: int
    unread: bool


class AttachmentShown(_Shown):
    """What came along, without what is in it."""

    id: int
    kind: AttachmentKind
    name: str
    size: int
    note: str = Field(description="what is to be said of it, such as that it is no notebook; mostly empty")


class MessageShown(BaseModel):
    """What somebody wrote."""

    author: str
    role: Role
    kind: Kind
    body: str
    at: int
    by_mail: bool
    attachments: list[AttachmentShown]


class Whole(Card):
    """A question, and what was said."""

    page: str
    messages: list[MessageShown] = Field(description="the question, and the last ones")
    left: int = Field(description="how many messages after the question are not in it; its page has them")


class Choice(BaseModel):
    """Whether help may be offered."""

    model_config = ConfigDict(extra="forbid")

    wanted: Wanted


class TroubleSeen(BaseModel):
    """That an error came, by what the widget calls it; nothing of the error."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["error"]
    fingerprint: Annotated[str, Field(min_length=1, max_length=200)]


@router.get("/help", summary="What a question may be about, what may come along, and when an answer comes")
def about(
    desk: TheDesk, help_: TheHelp, person: Caller, topic: Annotated[str, Query(max_length=40)] = ""
) -> HelpShown:
    """Return what a form needs."""
    projects = access_requests.projects(desk.queue.view(), person.name)
    project = origin.place(desk, person).project
    chosen = help_.topic(topic) or (help_.topics[0] if help_.topics else None)
    with desk.database.transaction() as session:
        expected = origin.expectations(
            session, desk.settings, project, chosen.name if chosen else "", words.current(), int(time.time())
        )
        wanted = offering.of(session, person.name)
    return HelpShown(
        topics=[TopicShown.model_validate(one) for one in help_.topics],
        projects=projects,
        limits=Limits(),
        expected=expected,
        restricted=origin.restricted(desk, person),
        offering=wanted,
    )


@router.post("/tickets", status_code=201, summary="Ask a question", responses=_TAKEN)
def ask(desk: TheDesk, help_: TheHelp, person: Caller, draft: Draft, answer: Response) -> Taken:
    """Hand a question in; the same form again is the same question."""
    made, is_new = asking.ask(desk, person, draft)
    answer.status_code = 201 if is_new else 200
    return Taken(number=made.id, state=_state(made), expected_at=made.expected_at, page=_page(desk, made))


@router.get("/tickets", summary="Your questions, the one that changed last first")
def mine(desk: TheDesk, help_: TheHelp, person: Caller) -> list[Card]:
    """Return a person's own questions."""
    with desk.database.transaction() as session:
        found = tickets.of(session, person)
        unread = tickets.unread(session, person)
    return [Card(**_card(one, one.id in unread)) for one in found]


@router.get("/tickets/{number}", summary="One of your questions, with what was said; it is read by this")
def one(desk: TheDesk, help_: TheHelp, person: Caller, number: Number) -> Whole:
    """Return a question."""
    with desk.database.transaction() as session:
        found = tickets.own(session, number, person)
        unread = found.id in tickets.unread(session, person)
        told = asking.conversation(session, found)
    messages = [_message(one) for one in told.said]
    return Whole(**_card(found, unread), page=_page(desk, found), messages=messages, left=told.left)


@router.post("/tickets/{number}/messages", status_code=201, summary="Write once more", responses=_TAKEN)
def reply(
    desk: TheDesk, help_: TheHelp, person: Caller, number: Number, given: Reply, answer: Response
) -> MessageShown:
    """Write in a question of one's own; the same form again is the same message."""
    said, is_new = asking.reply(desk, person, number, given)
    answer.status_code = 201 if is_new else 200
    return _message(said)


@router.post("/tickets/{number}/closed", summary="Close a question of yours; to write in it opens it again")
def close(desk: TheDesk, help_: TheHelp, person: Caller, number: Number) -> dict[Literal["state"], State]:
    """Close a question."""
    asking.close(desk, person, number)
    return {"state": "closed"}


@router.post(
    "/help/offering", summary="Whether help may be offered when the same error comes again and again"
)
def offer(desk: TheDesk, help_: TheHelp, person: Caller, choice: Choice) -> dict[Literal["offering"], Wanted]:
    """Keep what the person wants."""
    with desk.database.transaction() as session:
        offering.choose(session, person.name, choice.wanted)
    return {"offering": choice.wanted}


@router.post(
    "/help/trouble", summary="The same error came again: whether to offer help, once", responses=_TAKEN
)
def trouble(desk: TheDesk, help_: TheHelp, person: Caller, seen: TroubleSeen) -> dict[Literal["offer"], bool]:
    """Count an error, where the person wants that."""
    desk.help_pace.require(person.name)
    with desk.database.transaction() as session:
        found = offering.trouble(session, person.name, seen.fingerprint, int(time.time()))
    return {"offer": found}


def _page(desk: TheDesk, ticket: Ticket) -> str:
    return f"{desk.settings.prefix}help/{ticket.id}"


def _state(ticket: Ticket) -> State:
    return ticket.state  # type: ignore[return-value]  # that is what states.after writes


def _card(one: Ticket, unread: bool) -> dict[str, Any]:
    same = ("subject", "topic", "urgency", "state", "created_at", "changed_at", "expected_at")
    return {
        **{name: getattr(one, name) for name in same},
        "number": one.id,
        "expert": one.expert or "",
        "unread": unread,
    }


def _message(said: Said) -> MessageShown:
    same = ("author", "role", "kind", "body", "at", "by_mail")
    return MessageShown(
        **{name: getattr(said.message, name) for name in same},
        attachments=[AttachmentShown.model_validate(one) for one in said.attachments],
    )
