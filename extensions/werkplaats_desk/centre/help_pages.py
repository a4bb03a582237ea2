"""The pages of who asks: their questions, a new one without a notebook, and one with what was said."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from werkplaats_desk import access_requests, fields, words
from werkplaats_desk.centre import asking, attachments, look_pages, offering, tickets
from werkplaats_desk.centre.asking import Said
from werkplaats_desk.centre.attachments import Named
from werkplaats_desk.centre.drafts import KEY, MOST_TEXT, Draft, Reply
from werkplaats_desk.centre.entrance import TheHelp
from werkplaats_desk.centre.states import URGENCIES
from werkplaats_desk.desk import Desk, Fields, Reader, TheDesk
from werkplaats_desk.login_pages import see
from werkplaats_desk.pages import render
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Help
from werkplaats_desk.words import gettext as _

router: Final = APIRouter(include_in_schema=False)
#: What is shown on the page itself, each and all together (bytes); the others are there to be downloaded.
_SHOWN: Final = 20_000
_SHOWN_ALL: Final = 1024 * 1024
_ASKED: Final = ("key", "subject", "question", "topic", "urgency", "project")


def new_key() -> str:
    """Return what makes a form one: however often it is sent, it is carried out once."""
    return secrets.token_urlsafe(24)


def _key(given: str) -> str:
    """Return a form's key; a new one for what is none, which no database need be asked of."""
    return given if re.fullmatch(KEY, given) and "\n" not in given else new_key()


def unread(desk: Desk, person: Person) -> int:
    """Return in how many of somebody's own questions there is something new."""
    if desk.settings.help is None:
        return 0
    with desk.database.transaction() as session:
        return len(tickets.unread(session, person))


@router.get("/help")
def mine(request: Request, desk: TheDesk, help_: TheHelp, person: Reader) -> Response:
    """Show somebody's own questions."""
    with desk.database.transaction() as session:
        found = tickets.of(session, person)
        unread = tickets.unread(session, person)
        wanted = offering.of(session, person.name)
    return render(
        request, "help.html", person, found=found, unread=unread, wanted=wanted, topics=_titles(help_)
    )


@router.get("/help/new")
def blank(
    request: Request, desk: TheDesk, help_: TheHelp, person: Reader, key: str = "", topic: str = "",
    about: str = "",
) -> Response:  # fmt: skip
    """Show the form. Its key stands in its address: who comes back to it finds what became of it."""
    if key != _key(key):
        given = {"key": new_key(), "topic": topic, "about": about}
        kept = {name: value for name, value in given.items() if value}
        return see(f"{desk.settings.prefix}help/new?{urlencode(kept)}")
    with desk.database.transaction() as session:
        before = tickets.of_form(session, person.name, key)
    if before is not None:
        return see(f"{desk.settings.prefix}help/{before.id}")
    return _form(request, desk, help_, person, {"key": key, "topic": topic, **_about(about, help_)}, {})


def _about(about: str, help_: Help) -> dict[str, str]:
    """Return what a link fills in beforehand."""
    if about != "start":
        return {}
    filled = {
        "subject": _("My server does not start"),
        "question": _("My server does not start. What I pressed, and what I saw then:") + "\n\n",
        "urgency": "high",
    }
    return {**filled, "topic": "first-steps"} if help_.topic("first-steps") else filled


@router.post("/help/new")
def ask(request: Request, desk: TheDesk, help_: TheHelp, person: Reader, given: Fields) -> Response:
    """Hand a question in, and go to where it is followed."""
    asked = {name: given[name] for name in _ASKED if name in given}
    try:
        draft = Draft.model_validate({**asked, "language": words.current()})
        made, _is_new = asking.ask(desk, person, draft)
    except ValidationError as invalid:
        return _form(request, desk, help_, person, given, _wrong(invalid), 400)
    except Refusal as refusal:
        return _form(request, desk, help_, person, given, {"": refusal.sentence}, refusal.status)
    return see(f"{desk.settings.prefix}help/{made.id}")


def _wrong(invalid: ValidationError) -> dict[str, str]:
    names = [str(error["loc"][0]) if error["loc"] else "" for error in invalid.errors()]
    return {name: fields.sentence(name) for name in names}


def _form(
    request: Request, desk: Desk, help_: Help, person: Person, given: Mapping[str, str],
    wrong: dict[str, str], status: int = 200,
) -> Response:  # fmt: skip
    projects = access_requests.projects(desk.queue.view(), person.name)
    key = _key(given.get("key", ""))
    return render(
        request, "help_new.html", person, status=status, given={**given, "key": key}, wrong=wrong,
        topics=help_.topics, urgencies=URGENCIES, projects=projects, most=MOST_TEXT,
    )  # fmt: skip


@router.get("/help/{number:int}")
def one(
    request: Request, desk: TheDesk, help_: TheHelp, person: Reader, number: int, before: int = 0
) -> Response:
    """Show a question of one's own, with what was said: last, or before a message."""
    return _one(request, desk, help_, person, number, {}, {}, before=before)


@router.get("/help/{number:int}/messages")
def back(desk: TheDesk, person: Reader, number: int) -> Response:
    """Go to the question: who sent something while the desk was away, and looks again, comes here."""
    return see(f"{desk.settings.prefix}help/{number}")


def _one(
    request: Request, desk: Desk, help_: Help, person: Person, number: int, given: Mapping[str, str],
    wrong: dict[str, str], status: int = 200, before: int = 0,
) -> Response:  # fmt: skip
    with desk.database.transaction() as session:
        ticket = tickets.own(session, number, person)
        found = asking.conversation(session, ticket, before)
        history = tickets.history(session, ticket)
        beside = [named for one in found.said for named in one.attachments]
        shown = attachments.texts(session, beside, _SHOWN, _SHOWN_ALL)
        kept = attachments.are_kept(session, ticket)
    return render(
        request, "help_one.html", person, status=status, ticket=ticket, found=found, before=before,
        history=history, shown=shown, wrong=wrong, topics=_titles(help_), most=MOST_TEXT, kept=kept,
        given={"key": _key(given.get("key", "")), "text": given.get("text", "")},
        written=_written(found.said, person), sight=look_pages.sight(desk, number, person),
    )  # fmt: skip


def _written(said: Sequence[Said], person: Person) -> str:
    """Return the keys of what somebody wrote: a browser that kept one of those need keep it no longer."""
    return " ".join(one.message.key for one in said if one.message.author == person.name)


@router.post("/help/{number:int}/messages")
def reply(
    request: Request, desk: TheDesk, help_: TheHelp, person: Reader, given: Fields, number: int
) -> Response:
    """Write in a question of one's own."""
    try:
        written = Reply.model_validate({name: given[name] for name in ("key", "text") if name in given})
        asking.reply(desk, person, number, written)
    except ValidationError as invalid:
        return _one(request, desk, help_, person, number, given, _wrong(invalid), 400)
    except Refusal as refusal:
        return _one(request, desk, help_, person, number, given, {"": refusal.sentence}, refusal.status)
    return see(f"{desk.settings.prefix}help/{number}")


@router.post("/help/{number:int}/closed")
def close(desk: TheDesk, person: Reader, given: Fields, number: int) -> Response:
    """Close a question of one's own."""
    asking.close(desk, person, number)
    return see(f"{desk.settings.prefix}help/{number}")


@router.post("/help/{number:int}/emptied")
def empty(desk: TheDesk, person: Reader, given: Fields, number: int) -> Response:
    """Take away what came along in a question of one's own that is closed."""
    with desk.database.transaction() as session:
        tickets.empty(session, tickets.own(session, number, person), person.name)
    return see(f"{desk.settings.prefix}help/{number}")


@router.post("/help/offering")
def offer(desk: TheDesk, help_: TheHelp, person: Reader, given: Fields) -> Response:
    """Keep whether help may be offered."""
    with desk.database.transaction() as session:
        offering.choose(session, person.name, "yes" if given.get("wanted") == "yes" else "no")
    return see(f"{desk.settings.prefix}help")


@router.get("/help/{number:int}/attachments/{beside:int}")
def attached(desk: TheDesk, person: Reader, number: int, beside: int) -> Response:
    """Hand an attachment of one's own question out, as a file of plain text."""
    with desk.database.transaction() as session:
        named, text = attachments.text_of(session, tickets.own(session, number, person), beside)
    return as_file(named, text)


def as_file(named: Named, text: str) -> Response:
    """Return an attachment as what it is to a browser: text to keep, and nothing to show or to run."""
    name = (
        f"attachment; filename=\"attachment-{named.id}.txt\"; filename*=UTF-8''{quote(named.name, safe='')}"
    )
    headers = {
        "Content-Disposition": name,
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


def _titles(help_: Help) -> dict[str, Any]:
    return {topic.name: topic.title for topic in help_.topics}
