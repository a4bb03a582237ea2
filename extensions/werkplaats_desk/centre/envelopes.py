"""A mail as it goes out: what the database keeps of it, with the headers of its thread and its kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

from sqlalchemy import select
from sqlalchemy.orm import Session

from werkplaats_desk.centre import reply_address
from werkplaats_desk.centre.models import OutgoingMail
from werkplaats_desk.settings import Mail, Settings

#: Names this house in mail of its own: one that comes back in is a loop.
OURS = "X-Werkplaats"
#: The most of a thread that is named (RFC 5322, 3.6.4, bounds no number; headers of kilobytes are refused).
_MOST_REFERENCES = 20


@dataclass(frozen=True)
class Envelope:
    """A mail on its way (RFC 5321).

    Attributes
    ----------
    number
        Of the mail in the database.
    sender
        Where a server says that it could not be delivered.
    """

    number: int
    person: str
    sender: str
    recipient: str
    content: bytes


def of(session: Session, settings: Settings, mail: Mail, kept: OutgoingMail) -> Envelope:
    """Return a mail of the database as it goes out."""
    made = EmailMessage(policy=policy.SMTP)
    name = getattr(settings.look.name, settings.language).replace('"', "")
    made["From"] = formataddr((name, mail.sender))
    made["To"] = kept.address
    made["Subject"] = " ".join(kept.subject.split())
    made["Date"] = format_datetime(datetime.fromtimestamp(kept.created_at, UTC))
    made["Message-ID"] = f"<{kept.message_id}>"
    if kept.reply_to:
        made["Reply-To"] = kept.reply_to
    if kept.in_reply_to:
        made["In-Reply-To"] = f"<{kept.in_reply_to}>"
        made["References"] = " ".join(f"<{one}>" for one in _thread(session, kept))
    # RFC 3834, and what Microsoft's servers heed instead: nobody's absence is to be answered to a desk.
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made["X-Loop"] = mail.sender
    made[OURS] = mail.sender.rpartition("@")[2]
    # Lines that any server takes, whatever it says of 8BITMIME.
    made.set_content(kept.body, cte="quoted-printable")
    replies = reply_address.takes_replies(mail)
    sender = reply_address.of_bounce(mail, kept.id) if replies else mail.sender
    return Envelope(kept.id, kept.person, sender, kept.address, made.as_bytes())


def _thread(session: Session, kept: OutgoingMail) -> list[str]:
    """Return what was sent to that person of that ticket before, the first first."""
    before = (
        select(OutgoingMail.message_id)
        .where(
            OutgoingMail.ticket_id == kept.ticket_id,
            OutgoingMail.person == kept.person,
            OutgoingMail.id < kept.id,
        )
        .order_by(OutgoingMail.id)
    )
    found = list(session.scalars(before))
    return found if len(found) <= _MOST_REFERENCES else [found[0], *found[1 - _MOST_REFERENCES :]]
