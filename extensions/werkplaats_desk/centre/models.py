"""What the desk keeps of questions to the expertise centre. Moments are Unix time (s)."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, deferred, mapped_column, relationship

from werkplaats_desk.models import Base

_STANDS = text("ended_at IS NULL")


class Ticket(Base):
    """A question, and where it stands.

    Attributes
    ----------
    key
        What the form was given when it was opened: the same form sent twice is one ticket.
    stream
        Whose hours an expert's work on it is booked on: that of the project it was asked in.
    topic
        A name of the facility's ``[help.topics]``.
    urgency
        ``low``, ``normal`` or ``high``.
    server
        From which server of theirs it was asked, as ``name/server``; empty from a page or by mail.
    restricted
        Whether what was written or came along may hold something of a restricted dataset: the person had
        one mounted lately, as the audit has it, or the audit did not say.
    expert
        Who has it; nobody while it is new.
    expected_at
        By when the person was told that an answer comes.
    first_answer_at
        When an expert first wrote to them.
    seen
        The last message that the person has looked at; those of an expert after it are unread.
    version
        Counts changes, so that of two who take it at once one reads that the other did.
    """

    __tablename__ = "tickets"
    __table_args__ = (UniqueConstraint("person", "key", name="one_ticket_a_form"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    person: Mapped[str] = mapped_column(String(64), index=True)
    key: Mapped[str] = mapped_column(String(64))
    stream: Mapped[str] = mapped_column(String(40))
    project: Mapped[str] = mapped_column(String(64), default="")
    server: Mapped[str] = mapped_column(String(130), default="")
    job: Mapped[int] = mapped_column(BigInteger, default=0)
    subject: Mapped[str] = mapped_column(String(120))
    topic: Mapped[str] = mapped_column(String(40))
    urgency: Mapped[str] = mapped_column(String(8))
    language: Mapped[str] = mapped_column(String(2))
    restricted: Mapped[bool] = mapped_column(Boolean, default=False)
    state: Mapped[str] = mapped_column(String(12), index=True)
    expert: Mapped[str | None] = mapped_column(String(64), default=None)
    created_at: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[int] = mapped_column(BigInteger)
    expected_at: Mapped[int] = mapped_column(BigInteger)
    first_answer_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    closed_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    seen: Mapped[int] = mapped_column(Integer, default=0)
    version: Mapped[int] = mapped_column(Integer)
    messages: Mapped[list[Message]] = relationship(order_by="Message.id")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy's own way to say it


class Message(Base):
    """What somebody wrote in a ticket.

    Attributes
    ----------
    key
        As of a ticket: the same form sent twice is one message; of a mail its ``Message-ID``'s SHA-256.
    role
        ``person`` or ``expert``.
    kind
        ``question``, ``reply`` (the person's), ``ask`` (an expert asks back) or ``answer``.
    body
        Text, in which three backticks set code off; never HTML.
    by_mail
        Whether it came in by mail.
    """

    __tablename__ = "messages"
    __table_args__ = (UniqueConstraint("ticket_id", "author", "key", name="one_message_a_form"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), index=True)
    author: Mapped[str] = mapped_column(String(64), index=True)
    key: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(8))
    kind: Mapped[str] = mapped_column(String(10))
    body: Mapped[str] = mapped_column(Text)
    by_mail: Mapped[bool] = mapped_column(Boolean, default=False)
    at: Mapped[int] = mapped_column(BigInteger)
    attachments: Mapped[list[Attachment]] = relationship(order_by="Attachment.id")


class Attachment(Base):
    """What came with a message.

    Attributes
    ----------
    kind
        ``error``, ``cell``, ``notebook``, ``environment``, ``log`` or ``file``.
    content
        As it was sent; read only where it is asked for.
    size
        Of the content (bytes).
    """

    __tablename__ = "attachments"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(120))
    size: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary))


class TicketAct(Base):
    """One line of a ticket's history.

    Attributes
    ----------
    act
        ``asked``, ``taken``, ``handed``, ``returned``, ``wrote``, ``booked``, ``closed``, ``reopened``,
        ``emptied`` (of its attachments), ``look-asked``, ``look-began``, ``look-ended``, ``mail-bounced``.
    by
        A person; empty for the desk itself.
    detail
        Such as ``{"to": "..."}`` or ``{"minutes": 30}``; no text of a message.
    """

    __tablename__ = "ticket_acts"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), index=True)
    at: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str] = mapped_column(String(64))
    act: Mapped[str] = mapped_column(String(16))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class Booking(Base):
    """Time of an expert's, on a ticket: what the guarantees of streams are counted in.

    Attributes
    ----------
    key
        As of a ticket: one press is one booking.
    """

    __tablename__ = "bookings"
    __table_args__ = (UniqueConstraint("expert", "key", name="one_booking_a_press"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), index=True)
    expert: Mapped[str] = mapped_column(String(64), index=True)
    key: Mapped[str] = mapped_column(String(64))
    stream: Mapped[str] = mapped_column(String(40))
    minutes: Mapped[int] = mapped_column(Integer)
    day: Mapped[date] = mapped_column(Date, index=True)
    at: Mapped[int] = mapped_column(BigInteger)


class MailAddress(Base):
    """Where somebody wants mail; nothing but one mail with a code is sent there before it is confirmed."""

    __tablename__ = "mail_addresses"

    person: Mapped[str] = mapped_column(String(64), primary_key=True)
    address: Mapped[str] = mapped_column(String(254))
    code: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[int] = mapped_column(BigInteger)
    confirmed_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    bounced_at: Mapped[int | None] = mapped_column(BigInteger, default=None)


class OutgoingMail(Base):
    """A mail on its way, in the transaction of what it tells of; kept until it was taken by a server.

    Attributes
    ----------
    same
        What makes it the only one of its kind, such as ``message-17-anna``.
    message_id, in_reply_to
        Of RFC 5322, without their angle brackets; a conversation is one thread by them.
    state
        ``waiting``, ``sent``, ``given-up``, ``bounced``, or ``withdrawn`` where its address was taken away
        when it had been tried.
    next_at
        When it is tried again.
    """

    __tablename__ = "outgoing_mails"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"), index=True, default=None)
    same: Mapped[str] = mapped_column(String(120), unique=True)
    person: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    message_id: Mapped[str] = mapped_column(String(200), unique=True)
    in_reply_to: Mapped[str] = mapped_column(String(200), default="")
    reply_to: Mapped[str] = mapped_column(String(254), default="")
    state: Mapped[str] = mapped_column(String(10), index=True)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[int] = mapped_column(BigInteger)
    error: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[int] = mapped_column(BigInteger)
    sent_at: Mapped[int | None] = mapped_column(BigInteger, default=None)


class IncomingMail(Base):
    """A mail that came in, and what became of it; each ``Message-ID`` once.

    Attributes
    ----------
    id
        SHA-256 of whom it came to and of its ``Message-ID``, or of all of it where it has none.
    outcome
        ``taken``, ``bounce``, ``loop``, ``forged``, ``unknown``, ``refused``, ``empty``, ``unreadable``, or
        ``dropped`` where it was one too many to refuse.
    """

    __tablename__ = "incoming_mails"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"), default=None)
    outcome: Mapped[str] = mapped_column(String(10))
    at: Mapped[int] = mapped_column(BigInteger)


class Look(Base):
    """An expert who looks along in somebody's server, for a time, with their consent.

    Attributes
    ----------
    minutes
        For how long; the clock runs from ``began_at``.
    asked_at
        When the expert asked; the person says yes (``began_at``) or no (``ended_at``).
    ends_at
        When it ends by itself.
    ended_at
        When it was over: the share gone. The server itself closes what the expert has open, within seconds.
    ending
        Why it ends: ``declined``, ``withdrawn``, ``person``, ``expert``, ``time``, ``server-gone``,
        ``ticket`` (closed, or handed over) or ``failed``; empty while it goes on.
    entry
        Of the audit, begun before the share and closed after its end.
    """

    __tablename__ = "looks"
    __table_args__ = (
        Index("one_look", "ticket_id", unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), index=True)
    person: Mapped[str] = mapped_column(String(64))
    expert: Mapped[str] = mapped_column(String(64))
    server: Mapped[str] = mapped_column(String(130))
    minutes: Mapped[int] = mapped_column(Integer)
    asked_at: Mapped[int] = mapped_column(BigInteger)
    began_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    ends_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    ending: Mapped[str] = mapped_column(String(12), default="")
    ended_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    entry: Mapped[int | None] = mapped_column(Integer, default=None)


class Offering(Base):
    """Whether somebody wants help to be offered when they seem to be stuck.

    Attributes
    ----------
    wanted
        ``yes`` or ``no``; who was never asked has no row.
    """

    __tablename__ = "offerings"

    person: Mapped[str] = mapped_column(String(64), primary_key=True)
    wanted: Mapped[str] = mapped_column(String(3))
    at: Mapped[int] = mapped_column(BigInteger)


class MonthOfHelp(Base):
    """What a stream had of the experts in one month; of a month that is over it does not change any more.

    Attributes
    ----------
    month
        Such as ``2026-11``.
    guaranteed, booked
        Its part of the experts' hours in that month, and what was worked for it (h).
    asked, answered
        How many questions were asked in it, and how many of those were answered for the first time.
    first_answer
        Half of those were answered within so long (s).
    """

    __tablename__ = "help_months"

    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    stream: Mapped[str] = mapped_column(String(40), primary_key=True)
    guaranteed: Mapped[float] = mapped_column(Float)
    booked: Mapped[float] = mapped_column(Float)
    asked: Mapped[int] = mapped_column(Integer)
    answered: Mapped[int] = mapped_column(Integer)
    first_answer: Mapped[int | None] = mapped_column(BigInteger, default=None)
    at: Mapped[int] = mapped_column(BigInteger)


class Trouble(Base):
    """The same error of somebody who wants help to be offered, and how often it came.

    Attributes
    ----------
    fingerprint
        SHA-256 of what the widget calls it; nothing of the error itself.
    offered_at
        When help was offered for it; once.
    """

    __tablename__ = "troubles"

    person: Mapped[str] = mapped_column(String(64), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    times: Mapped[int] = mapped_column(Integer)
    last_at: Mapped[int] = mapped_column(BigInteger)
    offered_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
