"""What the tests of mail have in common: a desk with experts, a mail server's address, people who ask."""

from __future__ import annotations

import secrets
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlalchemy import select
from tests.desk.conftest import settings
from tests.desk.fake_hub import SECRET, FakeHub
from tests.mail_server import DESK, PEOPLE

from werkplaats_desk import words
from werkplaats_desk.centre import tickets
from werkplaats_desk.centre.drafts import Draft
from werkplaats_desk.centre.models import MailAddress, Message, OutgoingMail, Ticket, TicketAct
from werkplaats_desk.centre.tickets import Origin
from werkplaats_desk.database import Database
from werkplaats_desk.desk import Desk
from werkplaats_desk.hub import Hub
from werkplaats_desk.people import Person
from werkplaats_desk.published import Queue
from werkplaats_desk.settings import Watched

SENDER = f"help@{DESK}"
#: What a mail server says became of a mail; its block for one recipient is to be filled in.
REPORT = (
    b"From: MAILER-DAEMON@mx.example\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
    b"--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    b"Reporting-MTA: dns; mx.example\r\n\r\n%s\r\n--b--\r\n"
)


def help_settings(folder: Path, **mail: Any) -> dict[str, Any]:
    """Return an expertise centre of two experts, of whom one gets mail."""

    def title(text: str) -> dict[str, str]:
        return {"nl": f"{text} (nl)", "en": f"{text} (en)"}

    (folder / "mail-key").write_text("ab" * 32)
    given = {
        "sender": SENDER, "host": "localhost", "port": 25, "security": "none",
        "incoming": folder / "mail.socket", "key_file": folder / "mail-key", **mail,
    }  # fmt: skip
    return {
        "topics": [{"name": "vision", "title": title("Images"), "kind": "technique"}],
        "experts": [
            {"name": "anna", "languages": ["en"], "hours_per_week": 8, "mail": f"anna@{PEOPLE}"},
            {"name": "boris", "topics": ["vision"], "languages": ["nl"], "hours_per_week": 8},
        ],
        "guarantees": {"regional": 0.25, "national": 0.25, "eurohpc": 0.5},
        "address": "https://werkplaats.example",
        "mail": given,
    }


def open_desk(folder: Path, database: str = "", **mail: Any) -> Desk:
    """Return a desk that sends mail; where it keeps its settings, they can be written anew."""
    changes: dict[str, Any] = {"database": database} if database else {}
    (folder / "token").write_text(SECRET + "\n")
    path = folder / "desk.json"
    path.write_text(settings(folder, help=help_settings(folder, **mail), **changes).model_dump_json())
    watched = Watched(path)
    words.load(watched().locale)
    kept = Database(watched().database)
    kept.migrate()
    hub = FakeHub()
    return Desk(
        watched, kept, Hub("http://hub/hub/api", SECRET, "/services/desk/", hub.transport), Queue(_nothing)
    )


def _nothing(message: Any, timeout: float) -> dict[str, Any]:
    return {"error": "no Slurm here"}


def confirmed(desk: Desk, name: str, address: str = "") -> str:
    """Have somebody's address be confirmed."""
    address = address or f"{name}@{PEOPLE}"
    with desk.database.transaction() as session:
        session.merge(
            MailAddress(person=name, address=address, code="", asked_at=1, confirmed_at=1, bounced_at=None)
        )
    return address


def ask(desk: Desk, name: str, subject: str = "My loss is nan", **changes: Any) -> int:
    """Ask a question, and return its number."""
    draft = Draft.model_validate(
        {"key": secrets.token_hex(16), "subject": subject, "question": "It says nan after a while.",
         "topic": "vision", "language": "en", **changes}
    )  # fmt: skip
    with desk.database.transaction() as session:
        origin = Origin("regional", expected_at=1_800_000_000)
        return tickets.submit(session, desk.settings, Person(name), draft, origin)[0].id


def take(desk: Desk, number: int, expert: str) -> None:
    """Have an expert take it."""
    with desk.database.transaction() as session:
        tickets.take(session, _found(session.get(Ticket, number)), Person(expert))


def write(desk: Desk, number: int, author: str, kind: Any, text: str) -> None:
    """Have somebody write at the desk."""
    with desk.database.transaction() as session:
        ticket = _found(session.get(Ticket, number))
        tickets.write(session, desk.settings, ticket, author, kind, text, secrets.token_hex(16))


def _found(ticket: Ticket | None) -> Ticket:
    assert ticket is not None
    return ticket


def said(desk: Desk, number: int) -> list[tuple[str, str, str, bool]]:
    """Return what was written in a ticket: by whom, as what, which text, and whether by mail."""
    with desk.database.transaction() as session:
        found = session.scalars(select(Message).where(Message.ticket_id == number).order_by(Message.id))
        return [(one.author, one.kind, one.body, one.by_mail) for one in found]


def acts(desk: Desk, number: int) -> list[tuple[str, str]]:
    """Return a ticket's history: by whom, and what."""
    with desk.database.transaction() as session:
        found = session.scalars(select(TicketAct).where(TicketAct.ticket_id == number).order_by(TicketAct.id))
        return [(one.by, one.act) for one in found]


def outgoing(desk: Desk, name: str = "") -> list[OutgoingMail]:
    """Return the mails to somebody, or all of them, the first first."""
    with desk.database.transaction() as session:
        found = session.scalars(select(OutgoingMail).order_by(OutgoingMail.id))
        return [one for one in found if not name or one.person == name]


def now_due(desk: Desk) -> None:
    """Have everything that waits be due: a clock that runs faster."""
    with desk.database.transaction() as session:
        for one in session.scalars(select(OutgoingMail).where(OutgoingMail.state == "waiting")):
            one.next_at = int(time.time())


def reply(mail: EmailMessage, sender: str, text: str, **headers: str) -> EmailMessage:
    """Return a reply as a mail program makes one: the mail quoted below, its thread named."""
    made = EmailMessage()
    made["From"] = sender
    made["To"] = str(mail["Reply-To"])
    made["Subject"] = f"Re: {mail['Subject']}"
    made["Message-ID"] = f"<{secrets.token_hex(8)}@{sender.rpartition('@')[2]}>"
    made["In-Reply-To"] = str(mail["Message-ID"])
    made["References"] = f"{mail.get('References', '')} {mail['Message-ID']}".strip()
    for name, value in headers.items():
        del made[name.replace("_", "-")]
        made[name.replace("_", "-")] = value
    quoted = "".join(f"> {line}\n" for line in mail.get_content().split("\n"))
    made.set_content(f"{text}\n\nOn Sat, 21 Nov 2026 at 10:00, Atelier <{SENDER}> wrote:\n\n{quoted}")
    return made
