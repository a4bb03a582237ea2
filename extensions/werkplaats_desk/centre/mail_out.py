"""Mail on its way out: what waits in the database is handed to a mail server, and tried again until it is.

A mail is claimed before it is sent, so that of two desks one sends it, and settled after. A desk that dies
between the two sends it once more when the claim has run out: at least once, with the same ``Message-ID``.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from typing import Final

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from werkplaats_desk.centre import envelopes
from werkplaats_desk.centre.envelopes import Envelope
from werkplaats_desk.centre.models import OutgoingMail
from werkplaats_desk.centre.undeliverable import came_back, is_dead, without_address
from werkplaats_desk.desk import Desk
from werkplaats_desk.settings import Mail

_log = logging.getLogger(__name__)

#: How often the database is asked for what waits (s).
EVERY: Final = 5.0
#: How long a claim holds: longer than a server takes to answer (s).
_CLAIM: Final = 900
#: After a try that failed: a minute, doubled up to four hours (s); after four days it is given up.
_FIRST: Final = 60
_LONGEST: Final = 4 * 3600
GIVEN_UP: Final = 4 * 86400
#: While no server answers it is asked again after five seconds, doubled up to a minute.
_PAUSE_FIRST: Final = 5.0
_PAUSE_LONGEST: Final = 60.0
#: How long one step of SMTP may take (s).
_TIMEOUT: Final = 30.0
#: The most that goes to one person in a minute.
MOST_A_MINUTE: Final = 10
#: A mail that has waited longer than this (s) is worth a word to those who run this place.
_LATE: Final = 600


@dataclass(frozen=True)
class Outcome:
    """What became of one try.

    Attributes
    ----------
    state
        ``sent``, ``waiting`` (it is tried again), ``bounced`` or ``given-up``.
    said
        By the server.
    dead
        Whether nobody is at that address.
    gone
        Whether the server went away.
    """

    state: str
    said: str = ""
    dead: bool = False
    gone: bool = False


class MailOut:
    """A thread that sends what waits.

    Parameters
    ----------
    every
        How often it looks (s).
    """

    def __init__(self, desk: Desk, every: float = EVERY) -> None:
        self._desk, self._every = desk, every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mail-out", daemon=True)
        #: Tried and not written down yet, because the database went away in between.
        self._unsettled: dict[int, Outcome] = {}
        self._sent: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MOST_A_MINUTE))
        #: Why no server took mail when it was last asked, after how long it is asked again, and when.
        self._away, self._pause, self._again_at = "", 0.0, 0.0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is under way is not waited for."""
        self._over.set()

    def _work(self) -> None:
        while not self._over.wait(self._every):
            try:
                self.once()
            except Exception as wrong:  # one mail that cannot be made must not end them all
                self._desk.problems["mail"] = f"{type(wrong).__name__}: {wrong}"
                _log.exception("mail could not be sent")

    def once(self) -> None:
        """Send what is to be sent now."""
        told = self._desk.settings.help
        if told is None or told.mail is None:
            self._desk.problems.pop("mail", None)
            return
        try:
            for number, outcome in list(self._unsettled.items()):
                self._settle(number, outcome)
            if self._is_due() and time.monotonic() >= self._again_at:
                self._send_all(told.mail)
            self._report()
        except SQLAlchemyError as wrong:
            self._desk.problems["mail"] = str(wrong)
            _log.error("mail: %s", wrong)

    def _is_due(self) -> bool:
        """Give up what is too old, and return whether anything is left to be sent now."""
        now = int(time.time())  # the moment that it was given up is kept, for those who run this place
        old = update(OutgoingMail).where(
            OutgoingMail.state == "waiting",
            OutgoingMail.next_at <= now,
            OutgoingMail.created_at < now - GIVEN_UP,
        )
        due = select(func.count()).where(OutgoingMail.state == "waiting", OutgoingMail.next_at <= now)
        with self._desk.database.transaction() as session:
            session.execute(old.values(state="given-up", next_at=now))
            return bool(session.scalar(due))

    def _send_all(self, mail: Mail) -> None:
        """Send one after the other over one connection."""
        try:
            server = connect(mail)
        except (smtplib.SMTPException, OSError) as wrong:  # the password's file may be what is missing
            self._is_away(f"{type(wrong).__name__}: {wrong}")
            return
        self._away, self._pause = "", 0.0
        try:
            while not self._over.is_set():
                envelope = self._claim(mail)
                if envelope is None:
                    return
                outcome = send(server, envelope)
                self._settle(envelope.number, outcome)
                if outcome.state == "sent":
                    self._sent[envelope.person].append(time.time())
                if outcome.gone:
                    self._is_away(outcome.said)
                    return
        finally:
            server.close()

    def _is_away(self, why: str) -> None:
        if why != self._away:
            _log.error("the mail server takes no mail: %s", why)
        self._away = why
        self._pause = min(max(_PAUSE_FIRST, 2 * self._pause), _PAUSE_LONGEST)
        self._again_at = time.monotonic() + self._pause

    def _claim(self, mail: Mail) -> Envelope | None:
        """Return the mail that has waited longest, as nobody else's for a while."""
        while True:
            now = int(time.time())
            waiting = select(OutgoingMail).where(OutgoingMail.state == "waiting", OutgoingMail.next_at <= now)
            first = waiting.order_by(OutgoingMail.next_at, OutgoingMail.id).limit(1)
            with self._desk.database.transaction() as session:
                found = session.scalar(first.with_for_update(skip_locked=True))
                if found is None:
                    return None
                sent = self._sent[found.person]
                if len(sent) == MOST_A_MINUTE and sent[0] > now - 60:
                    found.next_at = int(sent[0]) + 61
                    continue
                found.tries += 1
                found.next_at = now + _CLAIM
                try:
                    return envelopes.of(session, self._desk.settings, mail, found)
                except (ValueError, MessageError) as wrong:  # of this one alone; the others go on
                    _write_down(session, found, Outcome("given-up", f"{type(wrong).__name__}: {wrong}"))

    def _settle(self, number: int, outcome: Outcome) -> None:
        """Write down what became of a try; kept in mind until it stands."""
        self._unsettled[number] = outcome
        with self._desk.database.transaction() as session:
            found = session.get(OutgoingMail, number, with_for_update=True)
            if found is not None:
                _write_down(session, found, outcome)
        del self._unsettled[number]

    def _report(self) -> None:
        """Say in the desk's problems what waits, and since when."""
        now = int(time.time())
        late = or_(OutgoingMail.tries > 0, OutgoingMail.created_at < now - _LATE)
        waiting = select(func.count(), func.min(OutgoingMail.created_at), func.max(OutgoingMail.error)).where(
            OutgoingMail.state == "waiting", *([] if self._away else [late])
        )
        lost = select(func.count()).where(
            OutgoingMail.state == "given-up", OutgoingMail.next_at > now - GIVEN_UP
        )
        with self._desk.database.transaction() as session:
            number, since, error = session.execute(waiting).one()
            given_up = session.scalar(lost) or 0
        said = []
        if number:
            at = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M UTC")
            said.append(f"{number} wait, the oldest since {at}: {self._away or error or 'too many at once'}")
        if given_up:
            said.append(f"{given_up} given up in the last four days")
        if said:
            self._desk.problems["mail"] = "; ".join(said)
        else:
            self._desk.problems.pop("mail", None)


def connect(mail: Mail) -> smtplib.SMTP:
    """Return a connection to the mail server, which showed that it is the one that it should be.

    Raises
    ------
    smtplib.SMTPException
    OSError
        Also where its certificate is not good, or the password's file is not there.
    """
    ours = mail.sender.rpartition("@")[2]
    trusted = ssl.create_default_context()
    if mail.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            mail.host, mail.port, local_hostname=ours, timeout=_TIMEOUT, context=trusted
        )
    else:
        server = smtplib.SMTP(mail.host, mail.port, local_hostname=ours, timeout=_TIMEOUT)
    try:
        if mail.security == "starttls":
            server.starttls(context=trusted)
        if mail.user and mail.password_file is not None:
            server.login(mail.user, mail.password_file.read_text().strip())
    except BaseException:
        server.close()
        raise
    return server


def send(server: smtplib.SMTP, envelope: Envelope) -> Outcome:
    """Hand one mail to a server, and return what became of it."""
    try:
        server.sendmail(envelope.sender, [envelope.recipient], envelope.content)
    except smtplib.SMTPRecipientsRefused as refused:
        code, said = refused.recipients[envelope.recipient]
        text = _text(code, said)
        dead = is_dead(code, text)
        return Outcome("waiting" if code < 500 else "bounced" if dead else "given-up", text, dead)
    except smtplib.SMTPResponseException as refused:
        text = _text(refused.smtp_code, refused.smtp_error)
        return Outcome("waiting" if refused.smtp_code < 500 else "given-up", text)
    except (smtplib.SMTPException, OSError) as wrong:
        return Outcome("waiting", f"{type(wrong).__name__}: {wrong}", gone=True)
    return Outcome("sent")


def _text(code: int, said: bytes | str) -> str:
    return f"{code} {said.decode('utf8', 'replace') if isinstance(said, bytes) else said}"


def _write_down(session: Session, mail: OutgoingMail, outcome: Outcome) -> None:
    now = int(time.time())
    if mail.state == "bounced":
        return  # a server can be quicker to say so than we to write down that it took it
    if outcome.state == "sent":
        # Its text stands in the ticket, and a code is to stand nowhere.
        mail.state, mail.sent_at, mail.body, mail.error = "sent", now, "", ""
    elif outcome.state == "bounced":
        came_back(session, mail, outcome.said, dead=outcome.dead)
    elif mail.state != "withdrawn":
        old = mail.created_at < now - GIVEN_UP
        mail.state = "given-up" if old else outcome.state
        mail.next_at = now + min(_FIRST * 2 ** min(mail.tries - 1, 20), _LONGEST)
        mail.error = without_address(outcome.said, mail.address)
    if mail.state in ("given-up", "bounced"):
        _log.error("mail %d was not delivered: %s", mail.id, mail.error)
