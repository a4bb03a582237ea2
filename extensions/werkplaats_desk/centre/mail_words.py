"""The words of the mails that the desk sends, in the language that is spoken."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from babel.dates import format_datetime

from werkplaats_desk import words
from werkplaats_desk.centre.models import Message, Ticket
from werkplaats_desk.settings import Settings
from werkplaats_desk.words import Language, ngettext
from werkplaats_desk.words import gettext as _

#: What stands above this line in a reply is what somebody wrote; the same words for ever, for replies to
#: old mails come back with them.
MARKERS: Final[dict[Language, str]] = {
    "nl": "##- Antwoord boven deze lijn -##",
    "en": "##- Reply above this line -##",
}


def link(settings: Settings, path: str) -> str:
    """Return the address of a page of the desk's, as people reach it; empty where none is known."""
    address = settings.help.address if settings.help else ""
    return f"{address}{settings.prefix}{path}" if address else ""


def of_message(
    settings: Settings, ticket: Ticket, message: Message, *, to_the_person: bool, replies: bool, attached: int
) -> str:
    """Return a mail that tells of one message.

    Parameters
    ----------
    to_the_person
        Whether it goes to who asked, and not to an expert.
    replies
        Whether a reply by mail is taken.
    attached
        How many attachments came with the message; they are not sent along.
    """
    if message.kind == "question" and to_the_person:
        said = [_confirmation(ticket)]
    else:
        said = [_who_wrote(ticket, message), _text(ticket, message)]
    if attached:
        sentence = ngettext(
            "{number} attachment came with it; see it on the page.",
            "{number} attachments came with it; see them on the page.",
            attached,
        )
        said.append(sentence.format(number=attached))
    said.append(_how_to_reply(settings, ticket, to_the_person=to_the_person, replies=replies))
    head = [MARKERS[words.current()]] if replies else []
    return "\n\n".join([*head, *said, "-- \n" + str(settings.look.name)]) + "\n"


def _confirmation(ticket: Ticket) -> str:
    said = _("Your question came in. Its number is {number}: {subject}").format(
        number=ticket.id, subject=ticket.subject
    )
    if ticket.expected_at:
        said += "\n" + _("You can expect an answer by {moment}.").format(moment=_moment(ticket.expected_at))
    return said


def _who_wrote(ticket: Ticket, message: Message) -> str:
    sentence = {
        "answer": _("{name} answered question {number} ({subject}):"),
        "ask": _("{name} has something to ask you about question {number} ({subject}):"),
    }.get(message.kind, _("{name} wrote in question {number} ({subject}):"))
    return sentence.format(name=message.author, number=ticket.id, subject=ticket.subject)


def _text(ticket: Ticket, message: Message) -> str:
    if ticket.restricted:
        return _(
            "A restricted dataset was mounted lately, or nobody can say whether one was, so the text is not "
            "sent by mail. "
            "Read it on the page."
        )
    return message.body


def _how_to_reply(settings: Settings, ticket: Ticket, *, to_the_person: bool, replies: bool) -> str:
    page = link(settings, f"{'help' if to_the_person else 'inbox'}/{ticket.id}")
    if replies and page:
        return _("Reply to this mail, above the line at its top, or on the page: {page}").format(page=page)
    if replies:
        return _("Reply to this mail, above the line at its top.")
    if page:
        return _("Replies to this mail are not read. Reply on the page: {page}").format(page=page)
    return _("Replies to this mail are not read. Reply at the desk, on the page of your question.")


def subject_of_the_inbox() -> str:
    """Return the subject of the mail that tells an expert of new tickets."""
    return _("New questions for the expertise centre")


def head_of_the_inbox(settings: Settings) -> str:
    """Return how that mail begins; lines follow."""
    page = link(settings, "inbox")
    return _("These came in and nobody has them yet. Take one on the page: {page}").format(page=page) + "\n"


def line_of_the_inbox(settings: Settings, ticket: Ticket, message: Message) -> str:
    """Return the line of one ticket in that mail."""
    urgency = {
        "high": _("urgent"),
        "normal": _("normal"),
        "low": _("not urgent"),
    }[ticket.urgency]
    topic = settings.help.topic(ticket.topic) if settings.help else None
    about = str(topic.title) if topic else ticket.topic
    again = "" if message.kind == "question" else " " + _("(a reply came)")
    page = link(settings, f"inbox/{ticket.id}")
    return f"\n#{ticket.id}  {ticket.subject}{again}\n    {about}, {urgency}, {ticket.language}  {page}\n"


def of_code(settings: Settings, name: str, code: str) -> tuple[str, str]:
    """Return subject and text of the mail with which an address is confirmed."""
    place = str(settings.look.name)
    text = _(
        "{name} wants mail of {place} at this address. If that is you, type this code on the page "
        "where you gave the address:\n\n    {code}\n\nIt holds for a day. If it is not you, do nothing: "
        "you get no more mail."
    )
    return _("Your code"), text.format(name=name, place=place, code=code) + f"\n\n-- \n{place}\n"


def _moment(seconds: int) -> str:
    at = datetime.fromtimestamp(seconds).astimezone()
    return format_datetime(at, "EEEE d MMMM y, HH:mm", tzinfo=at.tzinfo, locale=words.current())
