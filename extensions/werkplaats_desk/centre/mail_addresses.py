"""Where somebody wants mail: given, confirmed by a code that was sent there, and taken away again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from typing import Annotated, Final

from pydantic import StringConstraints, TypeAdapter, ValidationError
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from werkplaats_desk.centre import mail_words
from werkplaats_desk.centre.models import MailAddress, OutgoingMail
from werkplaats_desk.centre.notices import new_message_id
from werkplaats_desk.database import alone
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Mail, Settings
from werkplaats_desk.words import gettext as _

#: How many mails with a code one person has sent in a day: it may be somebody else's address.
MOST_CODES: Final = 3
#: How long a code holds (s).
CODE_HOLDS: Final = 86400
_CODE_BYTES: Final = 10
_ADDRESS: Final = TypeAdapter(
    Annotated[
        str,
        StringConstraints(
            strip_whitespace=True,
            max_length=254,
            pattern=r"^[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
            r"[A-Za-z0-9-]{2,63}$",
        ),
    ]
)


def mail_of(settings: Settings) -> Mail:
    """Return how mail goes out here.

    Raises
    ------
    Refusal
        Where it does not.
    """
    if settings.help is None or settings.help.mail is None:
        raise Refusal("no-mail", _("This place sends no mail. Follow your questions at the desk."), 404)
    return settings.help.mail


def of(session: Session, person: Person) -> MailAddress | None:
    """Return where somebody wants mail."""
    return session.get(MailAddress, person.name)


def give(session: Session, settings: Settings, person: Person, given: str) -> None:
    """Have mail go to an address, once the code that is sent there came back; until then none goes.

    Raises
    ------
    Refusal
        When it is no address, or too many codes were sent today.
    """
    mail = mail_of(settings)
    try:
        address = _ADDRESS.validate_python(given)
    except ValidationError:
        sentence = _("This is no mail address. Give one such as name@example.org.")
        raise Refusal("bad-value", sentence) from None
    alone(session)  # of two presses at once the second sees the first
    now = int(time.time())
    sent = select(func.count()).where(
        OutgoingMail.person == person.name,
        OutgoingMail.same.startswith(f"code-{person.name}-"),
        OutgoingMail.created_at > now - 86400,
    )
    if (session.scalar(sent) or 0) >= MOST_CODES:
        sentence = _("You asked for {number} codes in a day, and no more are sent. Try again tomorrow.")
        raise Refusal("too-many", sentence.format(number=MOST_CODES), 429)
    code = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower()
    theirs = of(session, person) or MailAddress(person=person.name)
    theirs.address, theirs.code, theirs.asked_at = address, _kept(person, code), now
    theirs.confirmed_at = theirs.bounced_at = None
    session.add(theirs)
    subject, body = mail_words.of_code(settings, person.name, code)
    made = OutgoingMail(
        same=f"code-{person.name}-{secrets.token_hex(8)}", person=person.name, address=address,
        subject=subject, body=body, message_id=new_message_id(mail, "code"), state="waiting", next_at=now,
        created_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()


def confirm(session: Session, settings: Settings, person: Person, code: str) -> None:
    """Have mail go to the address from now on, when the code is the one that was sent there.

    Raises
    ------
    Refusal
    """
    mail_of(settings)
    theirs = session.get(MailAddress, person.name, with_for_update=True)
    now = int(time.time())
    given = _kept(person, re.sub(r"[\s-]", "", code.lower())[:100])
    if theirs is None or not hmac.compare_digest(theirs.code, given) or theirs.asked_at < now - CODE_HOLDS:
        sentence = _("This is not the code, or it is older than a day. Look in the last mail, or ask anew.")
        raise Refusal("bad-code", sentence)
    theirs.confirmed_at, theirs.bounced_at, theirs.code = now, None, ""


def take_away(session: Session, settings: Settings, person: Person) -> None:
    """Forget somebody's address; what waits to be sent there is not sent.

    What was tried, or is under way, is kept without its text: a code that may have gone out counts.
    """
    theirs = session.get(MailAddress, person.name, with_for_update=True)
    if theirs is None:
        return
    expert = settings.help.expert(person.name) if settings.help else None
    if expert is None or expert.mail != theirs.address:
        waiting = (
            OutgoingMail.person == person.name,
            OutgoingMail.address == theirs.address,
            OutgoingMail.state.in_(("waiting", "given-up")),
        )
        session.execute(delete(OutgoingMail).where(*waiting, OutgoingMail.tries == 0))
        session.execute(update(OutgoingMail).where(*waiting).values(state="withdrawn", body=""))
    session.delete(theirs)


def _kept(person: Person, code: str) -> str:
    """Return what the database keeps of a code; nothing is ever the code of an address without one."""
    return hashlib.sha256(f"{person.name}:{code}".encode("utf8", "replace")).hexdigest()
