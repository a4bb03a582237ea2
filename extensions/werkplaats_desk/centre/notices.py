"""What people are told of a ticket by mail, written in the transaction of what it tells of.

Who asked is told that it came in, and of each answer; who has a ticket, of each reply. The experts who
could take a new one are told in one mail for all that came in within five minutes.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from werkplaats_desk import words
from werkplaats_desk.centre import mail_words, reply_address
from werkplaats_desk.centre.models import Attachment, MailAddress, Message, OutgoingMail, Ticket
from werkplaats_desk.settings import Expert, Help, Mail, Settings
from werkplaats_desk.words import Language

#: How long a mail of new tickets waits for more of them (s), and how long it may become (characters).
GATHERED: Final = 300
_MOST_GATHERED: Final = 20_000
_INBOX: Final = "inbox-"


def notify(session: Session, settings: Settings, ticket: Ticket, message: Message) -> None:
    """Have whoever did not write a message be told of it."""
    told, mail = settings.help, settings.help.mail if settings.help else None
    if told is None or mail is None:
        return
    if message.role == "expert":
        _tell(session, settings, mail, ticket, message, ticket.person)
        return
    if message.kind == "question":
        _tell(session, settings, mail, ticket, message, ticket.person)
    if ticket.expert is not None:
        _tell(session, settings, mail, ticket, message, ticket.expert)
    else:
        _tell_the_inbox(session, settings, mail, ticket, message)


def address_of(session: Session, settings: Settings, name: str) -> str:
    """Return where somebody gets mail: what the facility says of an expert, else what they confirmed.

    Empty where there is none, or where mail came back from it for good.
    """
    expert = settings.help.expert(name) if settings.help else None
    if expert is not None and expert.mail:
        return expert.mail
    theirs = session.get(MailAddress, name)
    if theirs is None or theirs.confirmed_at is None or theirs.bounced_at is not None:
        return ""
    return theirs.address


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Say everything within in one language: a mail is in its reader's, not its writer's."""
    before = words.current()
    words.speak(language)
    try:
        yield
    finally:
        words.speak(before)


def new_message_id(mail: Mail, what: str) -> str:
    """Return a ``Message-ID`` of our own domain, without its angle brackets."""
    return f"{what}.{secrets.token_hex(8)}@{mail.sender.rpartition('@')[2]}"


def _tell(
    session: Session, settings: Settings, mail: Mail, ticket: Ticket, message: Message, name: str
) -> None:
    address = address_of(session, settings, name)
    if not address:
        return
    last = session.scalar(
        select(OutgoingMail.message_id)
        .where(OutgoingMail.ticket_id == ticket.id, OutgoingMail.person == name)
        .order_by(OutgoingMail.id.desc())
        .limit(1)
    )
    replies = reply_address.takes_replies(mail)
    attached = select(func.count()).where(Attachment.message_id == message.id)
    with speaking(_language(settings, ticket, name)):
        body = mail_words.of_message(
            settings, ticket, message, to_the_person=name == ticket.person, replies=replies,
            attached=session.scalar(attached) or 0,
        )  # fmt: skip
    now = int(time.time())
    session.add(
        OutgoingMail(
            ticket_id=ticket.id,
            same=f"message-{message.id}-{name}",
            person=name,
            address=address,
            subject=("Re: " if last else "") + f"[#{ticket.id}] {ticket.subject}",
            body=body,
            message_id=new_message_id(mail, f"{ticket.id}.{message.id}"),
            in_reply_to=last or "",
            reply_to=reply_address.of_reply(mail, ticket.id, name) if replies else "",
            state="waiting",
            next_at=now,
            created_at=now,
        )
    )
    session.flush()


def _language(settings: Settings, ticket: Ticket, name: str) -> Language:
    expert = settings.help.expert(name) if settings.help else None
    if expert is not None and name != ticket.person:
        return expert.languages[0]
    return "nl" if ticket.language == "nl" else "en"


def _tell_the_inbox(
    session: Session, settings: Settings, mail: Mail, ticket: Ticket, message: Message
) -> None:
    for expert in _who_could(settings.help, ticket):
        address = address_of(session, settings, expert.name)
        if not address or expert.name == ticket.person:
            continue
        with speaking(expert.languages[0]):
            line = mail_words.line_of_the_inbox(settings, ticket, message)
            _gather(session, settings, mail, expert.name, address, line, ticket.urgency == "high")


def _who_could(told: Help | None, ticket: Ticket) -> list[Expert]:
    """Return the experts of a ticket's topic and language, or of its topic, or all."""
    everybody = list(told.experts) if told else []
    topic = [one for one in everybody if not one.topics or ticket.topic in one.topics]
    both = [one for one in topic if ticket.language in one.languages]
    return both or topic or everybody


def _gather(
    session: Session, settings: Settings, mail: Mail, name: str, address: str, line: str, soon: bool
) -> None:
    """Put a line into the mail that waits for this expert, or begin one."""
    now = int(time.time())
    theirs = select(OutgoingMail).where(OutgoingMail.person == name, OutgoingMail.same.startswith(_INBOX))
    last = session.scalar(theirs.order_by(OutgoingMail.id.desc()).limit(1).with_for_update())
    if last is not None and last.state == "waiting" and last.tries == 0 and len(last.body) < _MOST_GATHERED:
        last.body += line
        return
    # One that is urgent does not wait for others, but comes no sooner after the last one than they.
    earliest = (last.sent_at or last.created_at) + GATHERED if last is not None else 0
    session.add(
        OutgoingMail(
            same=f"{_INBOX}{name}-{secrets.token_hex(8)}",
            person=name,
            address=address,
            subject=mail_words.subject_of_the_inbox(),
            body=mail_words.head_of_the_inbox(settings) + line,
            message_id=new_message_id(mail, "inbox"),
            state="waiting",
            next_at=max(now if soon else now + GATHERED, min(earliest, now + GATHERED)),
            created_at=now,
        )
    )
    session.flush()
