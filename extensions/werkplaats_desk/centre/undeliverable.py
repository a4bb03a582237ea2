"""A mail that did not arrive, and will not: said where the ticket is read, and no more is sent there."""

from __future__ import annotations

import re
import time

from sqlalchemy.orm import Session

from werkplaats_desk.centre import tickets
from werkplaats_desk.centre.models import MailAddress, OutgoingMail, Ticket

#: What says that an address itself is not good, and not this one mail (RFC 3463: addressing status, and a
#: mailbox that is disabled). Without such a code 550, 551 and 553 are about the mailbox (RFC 5321, 4.2.3).
_DEAD = re.compile(r"5\.(1\.[0-46]|2\.1)")
_ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


def is_dead(code: int, text: str) -> bool:
    """Return whether an answer of a server says that nobody is at that address.

    A refusal for another reason, such as mail that it takes for spam, or a server that does not take mail
    from us at all, says nothing about the address.

    >>> is_dead(550, "5.1.1 no such user"), is_dead(554, "5.7.1 relay access denied"), is_dead(550, "no")
    (True, False, True)
    """
    enhanced = _ENHANCED.search(text)
    if enhanced is not None:
        return _DEAD.fullmatch(enhanced[0]) is not None
    return code in (550, 551, 553)


def came_back(session: Session, mail: OutgoingMail, said: str, *, dead: bool) -> None:
    """Write down that a mail came back for good.

    Parameters
    ----------
    said
        By the server that could not deliver it; the address is taken out of it.
    dead
        Whether nobody is at that address: then nothing is sent there again, until it is confirmed anew.
    """
    mail.state, mail.error = "bounced", without_address(said, mail.address)
    theirs = session.get(MailAddress, mail.person, with_for_update=True)
    if dead and theirs is not None and theirs.address == mail.address and theirs.bounced_at is None:
        theirs.bounced_at = int(time.time())
    ticket = session.get(Ticket, mail.ticket_id, with_for_update=True) if mail.ticket_id else None
    if ticket is not None:
        tickets.note(session, ticket, mail.person, "mail-bounced")


def without_address(said: str, address: str) -> str:
    """Return what a server said as one line without the address: that is told to nobody else."""
    shown = re.sub(re.escape(address), "...", said, flags=re.IGNORECASE)
    return " ".join("".join(c if c.isprintable() else " " for c in shown).split())[:300]
