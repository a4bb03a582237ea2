"""What is mailed, to whom and when: the queue in the database, and what becomes of what is not taken."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from sqlalchemy.exc import OperationalError
from tests.desk import mail_desk
from tests.desk.mail_desk import acts, ask, confirmed, now_due, outgoing, take, write
from tests.mail_server import PEOPLE

from werkplaats_desk.centre import mail_addresses, mail_out
from werkplaats_desk.centre.mail_out import MOST_A_MINUTE, MailOut
from werkplaats_desk.centre.models import MailAddress, OutgoingMail, Ticket
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person


@dataclass
class FakeServer:
    """A mail server that answers as it is told: a mail server of one's own refuses too little.

    Attributes
    ----------
    answers
        By recipient; everything else is taken.
    """

    answers: dict[str, str] = field(default_factory=dict)
    got: list[EmailMessage] = field(default_factory=list)
    to: list[str] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's own name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        """Take a recipient, or answer as told."""
        answer = self.answers.get(address, "250 fine")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a mail, or answer as told for all of them."""
        answer = self.answers.get("", "250 taken")
        if answer.startswith("250"):
            self.got.append(message_from_bytes(envelope.content, policy=policy.default))
            self.to += envelope.rcpt_tos
        return answer


@contextmanager
def serving(fake: FakeServer, **more: Any) -> Iterator[FakeServer]:
    """Run one."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        fake.port = found.getsockname()[1]
    controller = Controller(fake, hostname="127.0.0.1", port=fake.port, **more)
    controller.start()
    try:
        yield fake
    finally:
        controller.stop()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A mail server that takes everything."""
    with serving(FakeServer()) as fake:
        yield fake


@pytest.fixture
def desk(tmp_path: Path, server: FakeServer) -> Desk:
    """A desk that sends to it; ``mkb`` gets mail."""
    made = mail_desk.open_desk(tmp_path, port=server.port)
    confirmed(made, "mkb")
    return made


def mails(desk: Desk, name: str) -> list[tuple[str, int]]:
    """Return the state and the tries of each mail to somebody."""
    return [(one.state, one.tries) for one in outgoing(desk, name)]


def change(desk: Desk, name: str, to: Callable[[OutgoingMail], None]) -> None:
    """Change what is kept of the mails to somebody."""
    with desk.database.transaction() as session:
        for one in outgoing(desk, name):
            found = session.get(OutgoingMail, one.id)
            assert found is not None
            to(found)


# -- who is told ----------------------------------------------------------------------------------------


def test_who_is_told_of_what(desk: Desk) -> None:
    """Who asked: that it came in, and each answer. Who has it: each reply. Nobody: what they wrote."""
    number = ask(desk, "mkb")
    assert [one.person for one in outgoing(desk)] == ["mkb", "anna"]
    take(desk, number, "anna")
    write(desk, number, "anna", "ask", "Which rate?")
    assert [one.person for one in outgoing(desk)][2:] == ["mkb"]
    write(desk, number, "mkb", "reply", "10.")
    assert [one.person for one in outgoing(desk)][3:] == ["anna"]
    assert len({one.same for one in outgoing(desk)}) == 4


def test_who_gave_no_address_gets_no_mail(desk: Desk) -> None:
    """Neither who gave none, nor who did not confirm it, nor an expert without one."""
    with desk.database.transaction() as session:
        session.add(MailAddress(person="rijk", address="rijk@people.example", code="x", asked_at=1))
    for name in ("student", "rijk"):
        number = ask(desk, name)
        take(desk, number, "boris")
        write(desk, number, "boris", "answer", "Less.")
        write(desk, number, name, "reply", "Thanks.")
        assert outgoing(desk, name) == []
    assert outgoing(desk, "boris") == []


def test_an_expert_without_an_address_of_the_facilitys_may_give_one(desk: Desk) -> None:
    """Then they are told as others are, in the language that they answer in."""
    confirmed(desk, "boris")
    number = ask(desk, "mkb", language="nl")
    take(desk, number, "boris")
    write(desk, number, "mkb", "reply", "Nog iets.")
    assert [one.address for one in outgoing(desk, "boris")] == [f"boris@{PEOPLE}"] * 2


def test_a_restricted_dataset_keeps_the_text_at_the_desk(desk: Desk) -> None:
    """Where one was mounted, mail says that something was written, and not what."""
    number = ask(desk, "mkb")
    take(desk, number, "anna")
    with desk.database.transaction() as session:
        ticket = session.get(Ticket, number)
        assert ticket is not None
        ticket.restricted = True
    write(desk, number, "anna", "answer", "Row 17 is odd.")
    body = outgoing(desk, "mkb")[-1].body
    assert "Row 17" not in body
    assert f"help/{number}" in body


def test_a_burst_of_questions_is_one_mail(desk: Desk, server: FakeServer) -> None:
    """An expert gets one mail for all that came in within five minutes, an urgent first one at once."""
    for n in range(15):
        ask(desk, "mkb", f"Question {n}")
    (mail,) = outgoing(desk, "anna")
    assert all(f"Question {n}\n" in mail.body for n in range(15))
    assert mail.next_at >= mail.created_at + 300
    MailOut(desk).once()
    assert "anna" not in [to.partition("@")[0] for to in server.to]
    now_due(desk)
    MailOut(desk).once()
    assert server.to.count(f"anna@{PEOPLE}") == 1
    ask(desk, "rijk", "Another", urgency="high")
    second = outgoing(desk, "anna")[1]
    assert second.next_at > time.time() + 290, "the next one comes five minutes after the last at the soonest"


def test_an_urgent_question_is_told_at_once(desk: Desk, server: FakeServer) -> None:
    """Where no mail went in the five minutes before."""
    ask(desk, "mkb", urgency="high")
    MailOut(desk).once()
    assert f"anna@{PEOPLE}" in server.to


# -- what it looks like -----------------------------------------------------------------------------------


def test_a_mail(desk: Desk, server: FakeServer) -> None:
    """It can be answered by any mail program, and by no machine."""
    number = ask(desk, "mkb", "Vraag over é", language="nl")
    MailOut(desk).once()
    (mail,) = server.got
    assert mail["From"].addresses[0].addr_spec == "help@werkplaats.example"
    assert mail["From"].addresses[0].display_name.startswith("Atelier")
    assert mail["To"] == f"mkb@{PEOPLE}"
    assert mail["Subject"] == f"[#{number}] Vraag over é"
    assert re.fullmatch(r"<\d+\.\d+\.[0-9a-f]{16}@werkplaats\.example>", str(mail["Message-ID"]))
    assert re.fullmatch(rf"help\+t{number}-[a-z2-7]{{26}}@werkplaats\.example", str(mail["Reply-To"]))
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["In-Reply-To"] is None
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().startswith("##- Antwoord boven deze lijn -##")


def test_a_mail_of_a_long_thread_names_its_begin_and_its_end(desk: Desk, server: FakeServer) -> None:
    """A thread stays one however long it grows, and its headers do not."""
    number = ask(desk, "mkb")
    take(desk, number, "anna")
    for n in range(30):
        write(desk, number, "anna", "answer", f"{n}")
    kept = outgoing(desk, "mkb")
    change(desk, "mkb", lambda one: setattr(one, "next_at", 2**40 if one.id != kept[-1].id else 0))
    MailOut(desk).once()
    named = str(server.got[0]["References"]).split()
    assert len(named) == 20
    assert named[0] == f"<{kept[0].message_id}>"
    assert named[-1] == f"<{kept[-2].message_id}>" == server.got[0]["In-Reply-To"]


# -- what is not taken ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "state", "dead"),
    [
        ("550 5.1.1 <{}> no such user", "bounced", True),
        ("553 no such mailbox", "bounced", True),
        ("550 5.2.1 disabled", "bounced", True),
        ("550 5.7.1 you look like spam", "given-up", False),
        ("554 5.7.1 <{}>: Relay access denied", "given-up", False),
        ("552 5.2.2 mailbox full", "given-up", False),
    ],
)
def test_what_is_refused_is_not_tried_again(
    desk: Desk, server: FakeServer, answer: str, state: str, dead: bool
) -> None:
    """Nobody there: it came back, and so it is said. Anything else is for the operator to see."""
    address = f"mkb@{PEOPLE}"
    server.answers[address] = answer.format(address)
    number = ask(desk, "mkb")
    post = MailOut(desk)
    post.once()
    post.once()
    assert mails(desk, "mkb") == [(state, 1)]
    assert address not in outgoing(desk, "mkb")[0].error
    assert (("mkb", "mail-bounced") in acts(desk, number)) == dead
    with desk.database.transaction() as session:
        theirs = session.get(MailAddress, "mkb")
        assert theirs is not None
        assert (theirs.bounced_at is not None) == dead
    assert ("given up" in desk.problems.get("mail", "")) == (not dead)


def test_what_is_put_off_is_tried_again_later_and_later(desk: Desk, server: FakeServer) -> None:
    """After one minute, two, four and so on to four hours; after four days it is given up, and seen."""
    server.answers[f"mkb@{PEOPLE}"] = "451 4.7.1 greylisted"
    ask(desk, "mkb")
    post, waits = MailOut(desk), []
    for _ in range(12):
        post.once()
        (mail,) = outgoing(desk, "mkb")
        waits.append(round((mail.next_at - time.time()) / 60))
        change(desk, "mkb", lambda one: setattr(one, "next_at", 0))
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240, 240]
    assert "1 wait, the oldest since" in desk.problems["mail"]
    assert "greylisted" in desk.problems["mail"]
    change(desk, "mkb", lambda one: setattr(one, "created_at", one.created_at - mail_out.GIVEN_UP - 1))
    post.once()
    assert mails(desk, "mkb")[0][0] == "given-up"
    assert outgoing(desk, "mkb")[0].body, "it can still be sent"
    server.answers.clear()
    post.once()
    assert "1 given up" in desk.problems["mail"]


def test_what_is_withdrawn_while_it_is_sent_is_not_tried_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their address was taken away while a server had the mail, and that put it off."""

    def meanwhile(*_given: object) -> mail_out.Outcome:
        with desk.database.transaction() as session:
            mail_addresses.take_away(session, desk.settings, Person("mkb"))
        return mail_out.Outcome("waiting", "451 4.7.1 greylisted")

    monkeypatch.setattr(mail_out, "send", meanwhile)
    ask(desk, "mkb")
    MailOut(desk).once()
    assert mails(desk, "mkb") == [("withdrawn", 1)]
    assert "greylisted" not in desk.problems.get("mail", "")


def test_one_mail_that_is_refused_keeps_no_other(desk: Desk, server: FakeServer) -> None:
    """Nor does one that cannot be made."""
    confirmed(desk, "rijk")
    confirmed(desk, "student")
    for name in ("mkb", "rijk", "student"):
        ask(desk, name)
    server.answers[f"mkb@{PEOPLE}"] = "451 later"
    change(desk, "rijk", lambda one: setattr(one, "address", "nobody@@nowhere\nBcc: x"))
    MailOut(desk).once()
    assert server.to == [f"student@{PEOPLE}"]
    assert mails(desk, "rijk") == [("given-up", 1)]


def test_nobody_is_flooded(desk: Desk, server: FakeServer) -> None:
    """To one person ten a minute; the rest waits, and does not count as tried."""
    confirmed(desk, "rijk")
    for n in range(MOST_A_MINUTE + 4):
        ask(desk, "mkb", f"Question {n}")
    ask(desk, "rijk")
    post = MailOut(desk)
    post.once()
    assert server.to.count(f"mkb@{PEOPLE}") == MOST_A_MINUTE
    assert f"rijk@{PEOPLE}" in server.to
    assert mails(desk, "mkb").count(("waiting", 0)) == 4
    rest = [one.next_at for one in outgoing(desk, "mkb") if one.state == "waiting"]
    assert all(time.time() < at <= time.time() + 62 for at in rest)


# -- what dies in the middle --------------------------------------------------------------------------------


def test_what_was_sent_while_the_database_went_away_is_not_sent_again(
    desk: Desk, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it was sent is kept in mind until it can be written down."""
    ask(desk, "mkb")
    post, real = MailOut(desk), mail_out._write_down

    def away(*_given: Any) -> None:
        raise OperationalError("UPDATE", {}, Exception("the database went away"))

    monkeypatch.setattr(mail_out, "_write_down", away)
    post.once()
    assert "database went away" in desk.problems["mail"]
    monkeypatch.setattr(mail_out, "_write_down", real)
    change(desk, "mkb", lambda one: setattr(one, "next_at", 0))
    post.once()
    assert mails(desk, "mkb") == [("sent", 1)]
    assert len(server.got) == 1


def test_a_desk_that_died_while_it_sent_is_taken_over(desk: Desk, server: FakeServer) -> None:
    """What it had in hand is nobody else's for a quarter of an hour, and then sent: never lost."""
    ask(desk, "mkb")
    dead = MailOut(desk)
    mail = desk.settings.help.mail  # type: ignore[union-attr]
    assert mail is not None
    first = dead._claim(mail)
    assert first is not None
    MailOut(desk).once()
    assert server.got == []
    change(desk, "mkb", lambda one: setattr(one, "next_at", one.next_at - 900))
    MailOut(desk).once()
    assert [str(one["Message-ID"]) for one in server.got] == [
        str(message_from_bytes(first.content, policy=policy.default)["Message-ID"])
    ]


def test_a_server_that_hangs_up_is_tried_again(tmp_path: Path) -> None:
    """A connection that breaks in the middle loses nothing, and is said."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        desk = mail_desk.open_desk(tmp_path, port=listening.getsockname()[1])
        confirmed(desk, "mkb")
        ask(desk, "mkb")

        def hang_up() -> None:
            connection, _address = listening.accept()
            connection.sendall(b"220 hello\r\n")
            connection.recv(100)
            connection.sendall(b"250 hello\r\n")
            connection.recv(100)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        MailOut(desk).once()
        thread.join()
    assert mails(desk, "mkb") == [("waiting", 1)]
    assert "SMTPServerDisconnected" in desk.problems["mail"]


# -- signing in -------------------------------------------------------------------------------------------


def _checks(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"desk", b"right")
    return AuthResult(success=good, handled=good)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # in the clear, to this machine, for this test alone
def test_it_signs_in_with_the_password_of_its_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong one is said, without what it is; nothing counts as tried, and all goes once it is right."""
    secret = tmp_path / "mail-password"
    with serving(FakeServer(), authenticator=_checks, auth_required=True, auth_require_tls=False) as server:
        desk = mail_desk.open_desk(tmp_path, port=server.port, user="desk", password_file=secret)
        confirmed(desk, "mkb")
        ask(desk, "mkb")
        MailOut(desk).once()
        assert "mail-password" in desk.problems["mail"]
        secret.write_text("wrong-and-secret\n")
        MailOut(desk).once()
        assert "SMTPAuthenticationError" in desk.problems["mail"]
        assert mails(desk, "mkb") == [("waiting", 0)]
        secret.write_text("right\n")
        MailOut(desk).once()
        assert len(server.got) == 1
    assert "mail" not in desk.problems
    assert "wrong-and-secret" not in caplog.text + str(desk.problems)


def test_a_server_that_offers_no_tls_gets_nothing(desk: Desk, server: FakeServer, tmp_path: Path) -> None:
    """Where the settings ask for it, mail does not go in the clear."""
    strict = mail_desk.open_desk(tmp_path, port=server.port, security="starttls")
    ask(strict, "mkb")
    MailOut(strict).once()
    assert "STARTTLS" in strict.problems["mail"]
    assert server.got == []


def test_a_desk_without_mail_does_nothing(tmp_path: Path) -> None:
    """Nothing is written for nobody to send."""
    desk = mail_desk.open_desk(tmp_path)
    confirmed(desk, "mkb")
    told = desk.settings.help
    assert told is not None
    without = desk.settings.model_copy(update={"help": told.model_copy(update={"mail": None})})
    (tmp_path / "desk.json").write_text(without.model_dump_json())
    ask(desk, "mkb")
    MailOut(desk).once()
    assert outgoing(desk) == []
    assert desk.problems == {}
