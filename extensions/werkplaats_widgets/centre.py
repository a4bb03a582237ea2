"""The expertise centre as the desk offers it to a server: what it knows, and what it is sent."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from werkplaats_widgets.desk import Desk
from werkplaats_widgets.gathering import Piece
from werkplaats_widgets.hub import NoAnswer
from werkplaats_widgets.redacting import redact
from werkplaats_widgets.words import language, say

_URGENCIES: Final = ("low", "normal", "high")
#: A control character in an error's text is no reason to refuse it.
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[\ud800-\udfff]")


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class Topic(_Told):
    """What a question can be about."""

    name: str
    title: dict[str, str]
    kind: str = ""

    def shown(self) -> dict[str, str]:
        """Return its name and title in this server's language."""
        title = self.title.get(language()) or self.title.get("en") or self.name
        return {"name": self.name, "title": title, "kind": self.kind}


class Limits(_Told):
    """How much can be sent: characters of text, bytes of each attachment and of all, how many of them."""

    text: int = 20_000
    each: int = 8 * 1024 * 1024
    all: int = 10 * 1024 * 1024
    attachments: int = 12


class Centre(_Told):
    """What the desk says of help (``GET api/help``)."""

    topics: tuple[Topic, ...]
    projects: tuple[str, ...] = ()
    limits: Limits = Limits()
    expected: dict[str, int] = {}
    restricted: bool = False
    offering: Literal["yes", "no", "unasked"] = "unasked"


class Sent(_Told):
    """What became of a question.

    Attributes
    ----------
    expected_at
        By when an answer is expected (Unix time, s).
    page
        Where it can be followed, as a path of the desk.
    """

    number: int
    state: str = "new"
    expected_at: int = 0
    page: str = ""


class Ticket(_Told):
    """A question of the person's, as a list of them has it."""

    number: int
    subject: str
    topic: str = ""
    urgency: str = "normal"
    state: str = "new"
    expert: str | None = None
    created_at: int = 0
    changed_at: int = 0
    expected_at: int | None = None
    unread: bool | int = False


class Attached(_Told):
    """One thing that came with a message."""

    id: int
    kind: str
    name: str
    size: int = 0


class Message(_Told):
    """What somebody wrote."""

    author: str
    role: str
    kind: str = ""
    body: str = ""
    at: int = 0
    by_mail: bool = False
    attachments: tuple[Attached, ...] = ()


class Conversation(Ticket):
    """One question, with all that was said."""

    page: str = ""
    messages: tuple[Message, ...] = ()


_Read = TypeVar("_Read", bound=BaseModel)
_TICKETS: Final = TypeAdapter(tuple[Ticket, ...])


def new_key() -> str:
    """Return what makes a form sent twice one question."""
    return secrets.token_urlsafe(24)


def centre() -> Centre:
    """Return what the desk says of help.

    Raises
    ------
    NoAnswer
        With a sentence: also where nobody offers help here.
    """
    return _read(Centre, Desk.of().get("api/help"))


def submit(key: str, form: dict[str, str], pieces: Sequence[Piece], *, acknowledged: bool) -> Sent:
    """Send a question: once, however often it is sent with the same key.

    Every text goes through :func:`~werkplaats_widgets.redacting.redact` here, last of all.

    Raises
    ------
    NoAnswer
    """
    told = {
        "key": key,
        "subject": _clean(form["subject"])[:120].strip(),
        "question": _clean(form["question"]),
        "topic": form["topic"],
        "urgency": form["urgency"] if form["urgency"] in _URGENCIES else "normal",
        "language": language(),
        "project": form.get("project", ""),
        "job": _job(),
        "acknowledged": acknowledged,
        "attachments": [{"kind": one.kind, "name": one.name, "text": _clean(one.text)} for one in pieces],
    }
    return _read(Sent, Desk.of().post("api/tickets", **told))


def questions() -> tuple[Ticket, ...]:
    """Return this person's questions to the experts, and where each stands.

    Raises
    ------
    NoAnswer
        With a sentence in the person's language.
    """
    try:
        return _TICKETS.validate_python(Desk.of().get("api/tickets"))
    except ValidationError:
        raise NoAnswer(say("desk_away")) from None


def conversation(number: int) -> Conversation:
    """Return one question with what was said.

    Raises
    ------
    NoAnswer
    """
    return _read(Conversation, Desk.of().get(f"api/tickets/{int(number)}"))


def reply(number: int, key: str, text: str, *, acknowledged: bool = False) -> None:
    """Write in a question of the person's.

    Raises
    ------
    NoAnswer
    """
    told = {"key": key, "text": _clean(text), "attachments": [], "acknowledged": acknowledged}
    Desk.of().post(f"api/tickets/{int(number)}/messages", **told)


def close(number: int) -> None:
    """Say that a question is over.

    Raises
    ------
    NoAnswer
    """
    Desk.of().post(f"api/tickets/{int(number)}/closed")


def offering(wanted: Literal["yes", "no"]) -> None:
    """Say whether help may be offered when the same goes wrong again and again.

    Raises
    ------
    NoAnswer
    """
    Desk.of().post("api/help/offering", wanted=wanted)


def _clean(text: str) -> str:
    """Return a text as it is sent: without secrets, and without what cannot be shown."""
    return redact(_UNSEEN.sub("\ufffd", text))


def _job() -> int:
    number = os.environ.get("SLURM_JOB_ID", "")
    return int(number) if re.fullmatch(r"[1-9][0-9]{0,9}", number) and int(number) < 2**31 else 0


def _read(kind: type[_Read], answer: Any) -> _Read:
    try:
        return kind.model_validate(answer)
    except ValidationError:
        raise NoAnswer(say("desk_away")) from None
