"""What becomes of a mail that came in: a message in a ticket, a note of a bounce, or nothing.

The secret in the address that it came to decides whose reply it is, and in which ticket; nothing else in the
mail does. It must also be from where that person gets mail. Each mail is written down once, and answered
for when that stands in the database.
"""

from __future__ import annotations

import logging
import threading
import time
import unicodedata
from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from werkplaats_desk.centre import mail_reading, origin, reply_address, tickets
from werkplaats_desk.centre.drafts import Reply
from werkplaats_desk.centre.mail_bounds import Unreadable
from werkplaats_desk.centre.mail_reading import Incoming
from werkplaats_desk.centre.models import IncomingMail, MailAddress, Message, OutgoingMail, Ticket
from werkplaats_desk.centre.notices import speaking
from werkplaats_desk.centre.reply_address import Tag
from werkplaats_desk.centre.states import Kind
from werkplaats_desk.centre.undeliverable import came_back, is_dead
from werkplaats_desk.database import AWAY
from werkplaats_desk.desk import Desk
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Mail, Settings
from werkplaats_desk.words import gettext as _

_log = logging.getLogger(__name__)

#: The most that one correspondent writes by mail in one ticket in an hour: two machines that answer one
#: another without saying that they are machines end here.
MOST_AN_HOUR: Final = 20
#: The most that is refused in one ticket in an hour after it was read: the mail server tells whoever the
#: envelope says, and that may be somebody who is to get this mail from us. More than that is dropped.
MOST_REFUSALS: Final = 5
_REFUSED: Final = ("forged", "refused", "empty", "unreadable")
NULL_SENDER: Final = ("", "<>")
_LATER: Final = "451 4.3.0 The desk cannot write this down at the moment; try again"
_NOBODY: Final = "550 5.1.1 No such reply address; reply to a mail about one question, or write at the desk"


@dataclass(frozen=True)
class Verdict:
    """What became of a mail.

    Attributes
    ----------
    outcome
        As in :class:`IncomingMail`.
    sentence
        For who sent it, where it is refused.
    """

    outcome: str
    sentence: str = ""
    ticket: int | None = None

    @property
    def reply(self) -> str:
        """The answer to the mail server (RFC 5321, RFC 3463); what is no good is not tried again."""
        if self.outcome in ("taken", "bounce", "loop", "dropped"):
            return "250 2.0.0 Taken"
        code = {"empty": "550 5.6.0", "unreadable": "550 5.6.0", "unknown": "550 5.1.1"}.get(
            self.outcome, "550 5.7.1"
        )
        plain = unicodedata.normalize("NFKD", self.sentence).encode("ascii", "ignore").decode()
        return f"{code} {' '.join(plain.split())[:400] or 'Refused'}"


@dataclass(frozen=True)
class _Correspondent:
    """Whose reply address it is, and in which ticket."""

    ticket: Ticket
    name: str


class Inward:
    """Takes mail that came in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._refusals = _Refusals()

    def accepts(self, recipient: str) -> str:
        """Return what the mail server reads that asks whether an address is one of ours."""
        mail = self._mail()
        tag = reply_address.read(mail, recipient) if mail else None
        if mail is None or tag is None:
            return _NOBODY
        try:
            with self._desk.database.transaction() as session:
                known = _is_known(session, self._desk.settings, mail, tag)
        except AWAY as wrong:
            _log.error("mail: %s", wrong)
            return _LATER
        return "250 2.1.5 Good" if known else _NOBODY

    def take(self, sender: str, recipient: str, content: bytes) -> str:
        """Take a mail, and return what its server reads; good only when it is in the database.

        Parameters
        ----------
        sender
            Of the envelope; empty, or ``<>``, of what a server itself says.
        """
        mail = self._mail()
        tag = reply_address.read(mail, recipient) if mail else None
        if mail is None or tag is None:
            return _NOBODY
        incoming, key = _read(content, recipient, mail.sender)
        by_a_server = sender in NULL_SENDER
        try:
            # Looked at before the transaction, so that nobody waits for it.
            may_hold = tag.kind != "b" and origin.restricted_in(self._desk, tag.number)
            with self._desk.database.transaction() as session:
                verdict = self._judge(session, mail, tag, by_a_server, incoming, may_hold, key)
        except (*AWAY, IntegrityError, StaleDataError) as wrong:  # away, or the same one at the same moment
            _log.error("mail: %s", wrong)
            return _LATER
        _log.info("a mail came in: %s, ticket %s", verdict.outcome, verdict.ticket)
        return verdict.reply

    def _mail(self) -> Mail | None:
        told = self._desk.settings.help
        return told.mail if told and told.mail and reply_address.takes_replies(told.mail) else None

    def _judge(
        self, session: Session, mail: Mail, tag: Tag, by_a_server: bool, incoming: Incoming | None,
        may_hold: bool, key: str,
    ) -> Verdict:  # fmt: skip
        before = session.get(IncomingMail, key)
        if before is not None:
            sentence = _("This mail came in before.")
            return self._unless_often(Verdict(before.outcome, sentence, before.ticket_id))
        if tag.kind == "b":
            verdict = _of_bounce(session, mail, tag, incoming)
        else:
            verdict = _of_reply(session, self._desk.settings, mail, tag, by_a_server, incoming, may_hold)
        verdict = self._unless_often(verdict)
        at = int(time.time())
        session.add(IncomingMail(id=key, ticket_id=verdict.ticket, outcome=verdict.outcome, at=at))
        session.flush()
        return verdict

    def _unless_often(self, verdict: Verdict) -> Verdict:
        """Return what becomes of a mail: one that is refused after too many, also once more, is dropped."""
        if verdict.outcome not in _REFUSED or self._refusals.has_room(verdict.ticket):
            return verdict
        return replace(verdict, outcome="dropped")


class _Refusals:
    """Counts what is refused in each ticket; in memory, for it looks back an hour only."""

    def __init__(self) -> None:
        self._at: dict[int | None, deque[float]] = {}
        self._lock = threading.Lock()

    def has_room(self, ticket: int | None) -> bool:
        """Return whether one more may be refused now, and count it."""
        now = time.monotonic()
        with self._lock:
            self._at = {one: at for one, at in self._at.items() if at[-1] > now - 3600}
            lately = self._at.setdefault(ticket, deque(maxlen=MOST_REFUSALS))
            full = len(lately) == MOST_REFUSALS and lately[0] > now - 3600
            if not full:
                lately.append(now)
            return not full


def _read(content: bytes, recipient: str, ours: str) -> tuple[Incoming | None, str]:
    """Return what a mail says, nothing where it cannot be read, and what it is known by again."""
    try:
        incoming = mail_reading.read(content, recipient, ours)
    except Unreadable as wrong:
        _log.error("a mail that came in cannot be read: %s", wrong)
        return None, mail_reading.key_of(recipient, content)
    return incoming, incoming.key


def _is_known(session: Session, settings: Settings, mail: Mail, tag: Tag) -> bool:
    if tag.kind == "b":
        return reply_address.opens(mail, tag)
    return _correspondent(session, settings, mail, tag) is not None


def _correspondent(session: Session, settings: Settings, mail: Mail, tag: Tag) -> _Correspondent | None:
    """Return whose secret it is: who asked, or one of the experts."""
    ticket = session.get(Ticket, tag.number)
    if ticket is None:
        return None
    experts = [expert.name for expert in settings.help.experts] if settings.help else []
    found = [name for name in (ticket.person, *experts) if reply_address.opens(mail, tag, name)]
    return _Correspondent(ticket, found[0]) if found else None


# -- what did not arrive -----------------------------------------------------------------------------


def _of_bounce(session: Session, mail: Mail, tag: Tag, incoming: Incoming | None) -> Verdict:
    """Judge what came to the address of one mail's bounces; what is no report of a failure is a loop."""
    if not reply_address.opens(mail, tag):
        return Verdict("unknown")
    sent = session.get(OutgoingMail, tag.number, with_for_update=True)
    report = incoming.report if incoming else None
    if sent is None or report is None:
        return Verdict("loop")
    # Also where its status is of a passing trouble: that server has given it up.
    if report.failed and sent.state != "bounced":
        text = f"{report.status} {report.said}".strip()
        came_back(session, sent, text, dead=is_dead(0, text))
    return Verdict("bounce", ticket=sent.ticket_id)


# -- what somebody writes ----------------------------------------------------------------------------


def _of_reply(
    session: Session, settings: Settings, mail: Mail, tag: Tag, by_a_server: bool,
    incoming: Incoming | None, may_hold: bool,
) -> Verdict:  # fmt: skip
    theirs = _correspondent(session, settings, mail, tag)
    if theirs is None:
        return Verdict("unknown")
    number = theirs.ticket.id
    if incoming is None:
        return Verdict("unreadable", "This mail cannot be read", number)
    if incoming.report is not None:
        return Verdict("bounce", ticket=number)
    if by_a_server or incoming.automatic:
        return Verdict("loop", ticket=number)
    with speaking("nl" if theirs.ticket.language == "nl" else "en"):
        if incoming.sender not in _addresses(session, settings, theirs.name):
            sentence = _(
                "This reply address was given to somebody with another mail address. Send it from the "
                "address that got our mail, or write on the page of the question."
            )
            return Verdict("forged", sentence, number)
        return _written(session, settings, theirs, incoming, may_hold)


def _addresses(session: Session, settings: Settings, name: str) -> set[str]:
    """Return from where somebody writes; a confirmed address also when mail once came back from it."""
    expert = settings.help.expert(name) if settings.help else None
    theirs = session.get(MailAddress, name)
    found = {expert.mail.lower()} if expert and expert.mail else set()
    if theirs is not None and theirs.confirmed_at is not None:
        found.add(theirs.address.lower())
    return found


def _written(
    session: Session, settings: Settings, theirs: _Correspondent, incoming: Incoming, may_hold: bool
) -> Verdict:
    ticket, name = theirs.ticket, theirs.name
    text = _body(incoming)
    if not text:
        sentence = _("Nothing was written above the line. Write above it, or on the page of the question.")
        return Verdict("empty", sentence, ticket.id)
    lately = select(func.count()).where(
        Message.ticket_id == ticket.id,
        Message.author == name,
        Message.by_mail,
        Message.at > int(time.time()) - 3600,
    )
    if (session.scalar(lately) or 0) >= MOST_AN_HOUR:
        sentence = _("Too many mails came in within an hour. Write on the page of the question.")
        return Verdict("refused", sentence, ticket.id)
    reply = Reply(key=incoming.key, text=text, attachments=incoming.attachments)
    kind: Kind = "reply" if name == ticket.person else "answer"
    try:
        tickets.write(
            session, settings, ticket, name, kind, reply.text, reply.key, reply.attachments, by_mail=True,
            restricted=may_hold,
        )  # fmt: skip
    except Refusal as refusal:
        return Verdict("refused", refusal.sentence, ticket.id)
    return Verdict("taken", ticket=ticket.id)


def _body(incoming: Incoming) -> str:
    """Return what is written into the ticket: the text, and what was left out of it."""
    said = [incoming.text] if incoming.text else []
    if incoming.shortened:
        said.append(_("[The mail was longer. The rest was left out.]"))
    if incoming.left_out:
        names = ", ".join(incoming.left_out)[:1000]
        said.append(
            _("[Left out, because only text comes along by mail: {names}. Add it on the page.]").format(
                names=names
            )
        )
    if not said and incoming.attachments:
        said.append(_("[A mail with nothing but attachments.]"))
    return "\n\n".join(said)
