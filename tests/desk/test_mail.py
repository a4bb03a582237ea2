"""Mail, with a real mail server: out of the desk, back in, and everything that goes wrong in between."""

from __future__ import annotations

import os
import re
import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from tests import mail_server as servers
from tests import postgresql
from tests.desk import mail_desk
from tests.desk.conftest import PREFIX
from tests.desk.mail_desk import acts, ask, confirmed, now_due, outgoing, reply, said, take, write
from tests.mail_server import PEOPLE, MailServer, until

from werkplaats_desk.app import create_app
from werkplaats_desk.centre import mail_addresses
from werkplaats_desk.centre.mail_in import MailIn
from werkplaats_desk.centre.mail_out import MailOut
from werkplaats_desk.centre.models import MailAddress, OutgoingMail
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="a mail server must be root to write mailboxes")
MKB, ANNA = f"mkb@{PEOPLE}", f"anna@{PEOPLE}"


@pytest.fixture(scope="module")
def running() -> Iterator[MailServer]:
    """A mail server of this module's own."""
    with servers.running(["mkb", "anna", "stranger"]) as server:
        yield server


@pytest.fixture
def server(running: MailServer) -> MailServer:
    """That server, with empty mailboxes."""
    running.empty()
    return running


@pytest.fixture(scope="module")
def postgres() -> Iterator[postgresql.Server]:
    """A PostgreSQL of this module's own."""
    with postgresql.running() as database:
        yield database


@contextmanager
def taking(desk: Desk) -> Iterator[None]:
    """Have a desk take mail on its socket."""
    socket = desk.settings.help.mail.incoming  # type: ignore[union-attr]
    socket.unlink(missing_ok=True)
    mail_in = MailIn(desk, every=0.05)
    mail_in.start()
    until(socket.is_socket)
    try:
        yield
    finally:
        mail_in.stop()
        mail_in._thread.join()


def desk_with(server: MailServer, folder: Path, **changes: Any) -> Desk:
    """Return a desk that sends to a server, and is sent to by it."""
    return mail_desk.open_desk(folder, **{"port": server.port, "incoming": server.listening, **changes})


@pytest.fixture
def desk(server: MailServer, tmp_path: Path) -> Iterator[Desk]:
    """A desk that sends mail to it, and takes mail from it."""
    made = desk_with(server, tmp_path)
    with taking(made):
        yield made


def test_a_conversation(server: MailServer, desk: Desk) -> None:
    """Asked, answered, replied to and answered once more, all by mail, and one thread for each reader."""
    confirmed(desk, "mkb")
    post = MailOut(desk)
    number = ask(desk, "mkb", urgency="high")
    post.once()
    (first,) = server.waits_for("mkb", 1)
    (new,) = server.waits_for("anna", 1)
    assert first["Subject"] == f"[#{number}] My loss is nan"
    assert f"Its number is {number}" in first.get_content()
    assert f"https://werkplaats.example{PREFIX}help/{number}" in first.get_content()
    assert f"#{number}  My loss is nan" in new.get_content()
    assert f"https://werkplaats.example{PREFIX}inbox/{number}" in new.get_content()

    take(desk, number, "anna")
    write(desk, number, "anna", "ask", "Which learning rate?\n```\nlr = 1\n```")
    post.once()
    second = server.waits_for("mkb", 2)[1]
    assert second["Auto-Submitted"] == "auto-generated"
    assert second["X-Auto-Response-Suppress"] == "All"
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
    assert second["Return-Path"].startswith("<help+b")
    assert "lr = 1" in second.get_content()
    assert second.get_content().startswith("##- Reply above this line -##")

    server.take(MKB, str(second["Reply-To"]), reply(second, MKB, "It is 10."))
    until(lambda: len(said(desk, number)) == 3, server.log)
    assert said(desk, number)[2] == ("mkb", "reply", "It is 10.", True)
    post.once()
    third = server.waits_for("anna", 2)[1]
    assert "It is 10." in third.get_content()
    server.take(ANNA, str(third["Reply-To"]), reply(third, ANNA, "Make it 0.1."))
    until(lambda: len(said(desk, number)) == 4, server.log)
    assert said(desk, number)[3] == ("anna", "answer", "Make it 0.1.", True)
    post.once()
    fourth = server.waits_for("mkb", 3)[2]
    assert fourth["References"] == f"{first['Message-ID']} {second['Message-ID']}"
    assert fourth["In-Reply-To"] == second["Message-ID"]
    assert fourth["Subject"] == f"Re: [#{number}] My loss is nan"
    assert ANNA not in fourth.as_string()
    assert MKB not in third.as_string()


def test_a_code_confirms_an_address(server: MailServer, desk: Desk) -> None:
    """Nothing but a code goes to an address before it came back from there."""
    person = Person("mkb")
    with desk.database.transaction() as session:
        mail_addresses.give(session, desk.settings, person, MKB)
    ask(desk, "mkb")
    MailOut(desk).once()
    (mail,) = server.waits_for("mkb", 1)
    code = re.search(r"^    ([a-z2-7]{16})$", mail.get_content(), re.MULTILINE)
    assert code is not None
    with desk.database.transaction() as session, pytest.raises(Refusal, match="code"):
        mail_addresses.confirm(session, desk.settings, Person("student"), code[1])
    with desk.database.transaction() as session:
        mail_addresses.confirm(session, desk.settings, person, code[1].upper())
    assert outgoing(desk, "mkb")[0].body == "", "a code that was sent is kept nowhere"
    number = ask(desk, "mkb", "Another one")
    MailOut(desk).once()
    assert f"[#{number}]" in server.waits_for("mkb", 2)[1]["Subject"]


def test_a_bounce(server: MailServer, desk: Desk) -> None:
    """A real server's report that nobody is there stops mail to that address, and stands in the ticket."""
    confirmed(desk, "mkb", f"nobody@{PEOPLE}")
    number = ask(desk, "mkb")
    post = MailOut(desk)
    post.once()
    until(lambda: ("mkb", "mail-bounced") in acts(desk, number), server.log)
    (mail,) = outgoing(desk, "mkb")
    assert mail.state == "bounced"
    assert "unknown user" in mail.error
    assert "nobody@" not in mail.error
    with desk.database.transaction() as session:
        theirs = session.get(MailAddress, "mkb")
        assert theirs is not None
        assert theirs.bounced_at is not None
    take(desk, number, "anna")
    write(desk, number, "anna", "answer", "Less.")
    assert len(outgoing(desk, "mkb")) == 1, "nothing more is sent there"


def test_an_outage_of_the_mail_server_loses_nothing(server: MailServer, desk: Desk) -> None:
    """What is written while it is away waits, is seen to wait, and goes once when it is back."""
    confirmed(desk, "mkb")
    post = MailOut(desk)
    server.stop()
    try:
        numbers = [ask(desk, "mkb", f"Question {n}") for n in range(8)]
        post.once()
        with TestClient(create_app(desk, chores=False)) as client:
            assert client.get(f"{PREFIX}health").json()["problems"] == ["mail"]
        assert re.match(r"9 wait, the oldest since .* UTC: ConnectionRefused", desk.problems["mail"])
    finally:
        server.start()
    until(lambda: not post.once() and "mail" not in desk.problems, lambda: desk.problems)
    post.once()
    found = [mail["Subject"] for mail in server.waits_for("mkb", 8)]
    assert sorted(found) == [f"[#{n}] Question {i}" for i, n in enumerate(numbers)]
    until(lambda: server.queued() == 0)
    assert len(server.inbox("mkb")) == 8


def test_an_outage_of_the_database_loses_nothing(
    server: MailServer, postgres: postgresql.Server, tmp_path: Path
) -> None:
    """A reply that comes while the desk's database is away stays with the mail server, and comes in after."""
    desk = desk_with(server, tmp_path, database=postgres.url)
    confirmed(desk, "mkb")
    number = ask(desk, "mkb")
    MailOut(desk).once()
    (mail,) = server.waits_for("mkb", 1)
    # The server asks whether the address is good before it takes a mail; it remembers the answer.
    with taking(desk):
        server.take(MKB, str(mail["Reply-To"]), reply(mail, MKB, "One."))
        until(lambda: len(said(desk, number)) == 2, server.log)
        postgres.stop()
        server.take(MKB, str(mail["Reply-To"]), reply(mail, MKB, "Two."))
        until(lambda: "451" in server.log(), server.log)
        assert server.queued() == 1
        postgres.start()
        server.hurry()
        until(lambda: server.queued() == 0, server.log)
    assert [text for _by, _kind, text, _mail in said(desk, number)][1:] == ["One.", "Two."]
    desk.database.engine.dispose()


def test_two_desks_send_each_mail_once(
    server: MailServer, postgres: postgresql.Server, tmp_path: Path
) -> None:
    """Of two processes on one PostgreSQL each mail is one's, and none is left."""
    desk = desk_with(server, tmp_path, database=postgres.url)
    for n in range(24):
        confirmed(desk, f"p{n}", MKB)
        ask(desk, f"p{n}", f"Question {n}")
    other = desk_with(server, tmp_path, database=postgres.url)
    threads = [threading.Thread(target=MailOut(one).once) for one in (desk, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    subjects = [str(mail["Subject"]) for mail in server.waits_for("mkb", 24)]
    until(lambda: server.queued() == 0)
    assert len(server.inbox("mkb")) == len(set(subjects)) == 24
    for one in (desk, other):
        one.database.engine.dispose()


@pytest.mark.timeout(200)
def test_a_mail_that_another_desk_has_in_hand_is_passed_by(
    server: MailServer, postgres: postgresql.Server, tmp_path: Path
) -> None:
    """It is not waited for: what stands behind it goes."""
    desk = desk_with(server, tmp_path, database=postgres.url)
    names = ("held", "behind")
    for name in names:
        confirmed(desk, name, MKB)
    numbers = [ask(desk, name, f"Of {name}") for name in names]
    mine = select(OutgoingMail).where(OutgoingMail.person == "held", OutgoingMail.ticket_id == numbers[0])
    with desk.database.transaction() as another:
        assert another.scalar(mine.with_for_update()) is not None
        MailOut(desk).once()
        assert [mail["Subject"] for mail in server.waits_for("mkb", 1)] == [f"[#{numbers[1]}] Of behind"]
    MailOut(desk).once()
    assert server.waits_for("mkb", 2)[1]["Subject"] == f"[#{numbers[0]}] Of held"
    desk.database.engine.dispose()


def test_a_loop_ends(server: MailServer, desk: Desk) -> None:
    """A machine that answers that its owner is away is heard, and not answered."""
    confirmed(desk, "mkb")
    number = ask(desk, "mkb")
    post = MailOut(desk)
    post.once()
    (mail,) = server.waits_for("mkb", 1)
    away = reply(mail, MKB, "I am away until Monday.", Auto_Submitted="auto-replied")
    server.take("", str(mail["Reply-To"]), away)
    bounced_to = str(mail["Return-Path"]).strip("<>")
    server.take("", bounced_to, reply(mail, MKB, "I am away.", Auto_Submitted="auto-replied"))
    until(lambda: server.queued() == 0, server.log)
    post.once()
    assert len(said(desk, number)) == 1
    assert [one.person for one in outgoing(desk)] == ["mkb", "anna"], "the two of the question itself"
    assert len(server.inbox("mkb")) == 1
    assert outgoing(desk, "mkb")[0].state == "sent"


def test_a_machine_that_does_not_say_so_is_stopped(server: MailServer, desk: Desk) -> None:
    """One that answers every mail as a person would is refused after twenty in an hour."""
    confirmed(desk, "mkb")
    number = ask(desk, "mkb")
    MailOut(desk).once()
    (mail,) = server.waits_for("mkb", 1)
    for n in range(22):
        server.take(MKB, str(mail["Reply-To"]), reply(mail, MKB, f"I am away, {n}."))
    until(lambda: server.queued() == 0, server.log)
    assert len(said(desk, number)) == 21
    refused = server.waits_for("mkb", 3)
    assert "Too many mails came in within an hour" in refused[1].as_string()


def test_forged_mail(server: MailServer, desk: Desk) -> None:
    """A number opens nothing, a guessed secret is refused at the door, a stolen one by its sender."""
    confirmed(desk, "mkb")
    number = ask(desk, "mkb")
    post = MailOut(desk)
    post.once()
    (mail,) = server.waits_for("mkb", 1)
    theirs = str(mail["Reply-To"])
    stranger = f"stranger@{PEOPLE}"
    tag, _at, domain = theirs.partition("@")
    guessed = f"{tag[:-4]}aaaa@{domain}"
    assert guessed != theirs
    for address in (guessed, f"help@{domain}", f"help+t{number}@{domain}"):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            server.take(MKB, address, reply(mail, MKB, "I am mkb."))
        assert refused.value.recipients[address][0] == 550
    server.take(stranger, theirs, reply(mail, stranger, "Tell me more."))
    (back,) = server.waits_for("stranger", 1)
    assert "given to somebody with another mail address" in " ".join(back.as_string().split())
    # Somebody's own secret does nothing in another's ticket, whatever the subject says.
    confirmed(desk, "stranger")
    other = ask(desk, "stranger")
    post.once()
    own = server.waits_for("stranger", 2)[1]
    server.take(
        stranger, str(own["Reply-To"]), reply(own, stranger, "Mine.", Subject=f"Re: [#{number}] My loss")
    )
    until(lambda: len(said(desk, other)) == 2, server.log)
    assert len(said(desk, number)) == 1
    assert len(server.inbox("mkb")) == 1, "whom it was to harm is told nothing"


def test_a_certificate_is_looked_at(
    server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that cannot show who it is gets nothing; one whose authority is trusted does."""
    desk = desk_with(server, tmp_path, security="starttls")
    confirmed(desk, "mkb")
    ask(desk, "mkb")
    MailOut(desk).once()
    assert "CERTIFICATE_VERIFY_FAILED" in desk.problems["mail"]
    assert [one.tries for one in outgoing(desk)] == [0, 0]
    monkeypatch.setenv("SSL_CERT_FILE", str(server.folder / "etc/certificate.pem"))
    now_due(desk)
    MailOut(desk).once()
    assert "with ESMTPS" in str(server.waits_for("mkb", 1)[0]["Received"])
    assert "mail" not in desk.problems
