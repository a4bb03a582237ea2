"""The desk's socket for mail, as a mail server speaks to it: LMTP, one reply for one recipient."""

from __future__ import annotations

import asyncio
import secrets
import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.smtp import Envelope
from sqlalchemy import select
from tests.desk import fake_datasets, mail_desk
from tests.desk.fake_datasets import FakeAudit
from tests.desk.mail_desk import REPORT, acts, ask, confirmed, outgoing, said, take, write
from tests.mail_server import PEOPLE, until

from werkplaats_desk.centre import mail_in, reply_address
from werkplaats_desk.centre.incoming import MOST_REFUSALS, Inward
from werkplaats_desk.centre.mail_in import MOST_BYTES, MailIn
from werkplaats_desk.centre.models import IncomingMail, MailAddress, Ticket
from werkplaats_desk.desk import Desk
from werkplaats_desk.settings import Mail

MKB, ANNA = f"mkb@{PEOPLE}", f"anna@{PEOPLE}"


@contextmanager
def listening(desk: Desk) -> Iterator[MailIn]:
    """Have a desk listen."""
    made = MailIn(desk, every=0.02)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        made._thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the socket lies, for a group to pass."""
    tmp_path.chmod(0o710)
    return tmp_path


@pytest.fixture
def desk(folder: Path) -> Iterator[Desk]:
    """A desk that listens; ``mkb`` gets mail."""
    made = mail_desk.open_desk(folder)
    confirmed(made, "mkb")
    with listening(made):
        until(path(made).is_socket)
        yield made


def mail_of(desk: Desk) -> Mail:
    """Return the settings of mail."""
    found = desk.settings.help.mail  # type: ignore[union-attr]
    assert found is not None
    return found


def path(desk: Desk) -> Path:
    """Return where it listens."""
    found = mail_of(desk).incoming
    assert found is not None
    return found


def client(desk: Desk) -> smtplib.LMTP:
    """Return a mail server's side of it."""
    return smtplib.LMTP(str(path(desk)))


def hand(desk: Desk, sender: str, recipient: str, mail: EmailMessage | bytes) -> tuple[int, str]:
    """Hand a mail over, and return the answer."""
    content = mail if isinstance(mail, bytes) else mail.as_bytes(policy=policy.SMTP)
    with client(desk) as server:
        server.ehlo_or_helo_if_needed()
        code, text = server.mail(sender)
        if code == 250:
            code, text = server.rcpt(recipient)
        if code == 250:
            code, text = server.data(content)
        return code, text.decode()


def written(text: str = "It is 10.", sender: str = MKB, **headers: str) -> EmailMessage:
    """Return a mail of somebody's."""
    made = EmailMessage()
    made["From"], made["Message-ID"] = sender, f"<{secrets.token_hex(6)}@people.example>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def outcomes(desk: Desk) -> list[str]:
    """Return what became of what came in."""
    with desk.database.transaction() as session:
        return sorted(session.scalars(select(IncomingMail.outcome)))


def test_a_reply(desk: Desk) -> None:
    """It is a message of that person's in that ticket, with what came along; the expert is told."""
    number = ask(desk, "mkb")
    take(desk, number, "anna")
    mail = written()
    mail.add_attachment("epoch 1: nan\n", filename="train.log")
    mail.add_attachment(b"\x89PNG\0", maintype="image", subtype="png", filename="loss.png")
    assert hand(desk, MKB, reply_address.of_reply(mail_of(desk), number, "mkb"), mail)[0] == 250
    left = "[Left out, because only text comes along by mail: loss.png. Add it on the page.]"
    assert said(desk, number)[1] == ("mkb", "reply", f"It is 10.\n\n{left}", True)
    with desk.database.transaction() as session:
        ticket = session.get(Ticket, number)
        assert ticket is not None
        assert ticket.state == "assigned"
        (one,) = ticket.messages[1].attachments
        assert (one.kind, one.name, one.content) == ("file", "train.log", b"epoch 1: nan\n")
    assert outgoing(desk, "anna")[-1].address == ANNA
    assert "1 attachment came with it" in outgoing(desk, "anna")[-1].body
    assert "epoch 1" not in outgoing(desk, "anna")[-1].body


def test_the_same_mail_twice_is_one_message(desk: Desk) -> None:
    """A server that did not hear the answer hands it over again, and gets the same one."""
    number = ask(desk, "mkb")
    to, mail = reply_address.of_reply(mail_of(desk), number, "mkb"), written()
    assert [hand(desk, MKB, to, mail)[0] for _ in range(3)] == [250, 250, 250]
    forged = written(sender="other@people.example")
    assert [hand(desk, MKB, to, forged)[0] for _ in range(2)] == [550, 550]
    assert len(said(desk, number)) == 2
    assert outcomes(desk) == ["forged", "taken"]


def test_one_mail_to_two_tickets_is_two_messages(desk: Desk) -> None:
    """Each recipient is answered for by itself."""
    numbers = [ask(desk, "mkb"), ask(desk, "mkb")]
    to = [reply_address.of_reply(mail_of(desk), number, "mkb") for number in numbers]
    mail = written()
    with client(desk) as server:
        server.ehlo_or_helo_if_needed()
        server.mail(MKB)
        assert [server.rcpt(one)[0] for one in to] == [250, 452]
    for one in to:
        assert hand(desk, MKB, one, mail)[0] == 250
    assert [len(said(desk, number)) for number in numbers] == [2, 2]


def test_only_a_secret_opens_a_ticket(desk: Desk) -> None:
    """Every letter of it counts, its case does not, and it is one person's in one ticket."""
    number, other = ask(desk, "mkb"), ask(desk, "student")
    good = reply_address.of_reply(mail_of(desk), number, "mkb")
    local, _at, domain = good.partition("@")
    changed = [local[:i] + ("a" if local[i] != "a" else "b") + local[i + 1 :] for i in range(-26, 0)]
    bad = [f"{one}@{domain}" for one in changed] + [
        good.replace(f"+t{number}-", f"+t{other}-"),
        good.replace(f"+t{number}-", f"+b{number}-"),
        good.replace("+t", "+t0"),
        good.replace("+t", "+t99999999"),
        good.replace(domain, "elsewhere.example"),
        good.replace("help+", "other+"),
        f"help@{domain}",
        f"help+t{number}-@{domain}",
        reply_address.of_reply(mail_of(desk), number, "student"),
        reply_address.of_reply(mail_of(desk), 4711, "mkb"),
    ]
    for address in bad:
        assert hand(desk, MKB, address, written(Subject=f"[#{number}] x"))[0] == 550, address
    assert outcomes(desk) == [], "what is refused at the door leaves nothing behind"
    assert hand(desk, MKB, good.upper(), written())[0] == 250
    assert len(said(desk, number)) == 2


@pytest.mark.parametrize("sender", ["student@people.example", "", "a@b.example, " + MKB])
def test_the_sender_must_be_who_got_our_mail(desk: Desk, sender: str) -> None:
    """A secret that leaked is not enough; who sends it reads why."""
    number = ask(desk, "mkb")
    mail = written(sender=sender or MKB)
    if not sender:
        del mail["From"]
    code, text = hand(desk, MKB, reply_address.of_reply(mail_of(desk), number, "mkb"), mail)
    assert code == 550
    assert "given to somebody with another mail address" in text
    assert len(said(desk, number)) == 1
    assert len(outgoing(desk, "mkb")) == 1
    assert outcomes(desk) == ["forged"]


def test_an_address_that_was_not_confirmed_writes_nothing(desk: Desk) -> None:
    """Nor does one that was taken away since."""
    number = ask(desk, "mkb")
    to = reply_address.of_reply(mail_of(desk), number, "mkb")
    with desk.database.transaction() as session:
        theirs = session.get(MailAddress, "mkb")
        assert theirs is not None
        theirs.confirmed_at = None
    assert hand(desk, MKB, to, written())[0] == 550
    with desk.database.transaction() as session:
        session.delete(session.get(MailAddress, "mkb"))
    assert hand(desk, MKB, to, written())[0] == 550
    assert len(said(desk, number)) == 1


@pytest.mark.parametrize(
    ("envelope", "headers"),
    [
        ("<>", {}),
        (MKB, {"Auto_Submitted": "auto-replied"}),
        (MKB, {"Precedence": "bulk"}),
        (MKB, {"X_Loop": "help@werkplaats.example"}),
        (MKB, {"X_Werkplaats": "werkplaats.example"}),
    ],
)
def test_a_loop_writes_nothing(desk: Desk, envelope: str, headers: dict[str, str]) -> None:
    """What a machine says is taken, written down, and answered with nothing, not even a refusal."""
    number = ask(desk, "mkb")
    before = len(outgoing(desk))
    to = reply_address.of_reply(mail_of(desk), number, "mkb")
    assert hand(desk, envelope, to, written(**headers))[0] == 250
    assert len(said(desk, number)) == 1
    assert len(outgoing(desk)) == before
    assert outcomes(desk) == ["loop"]


def test_nothing_above_the_line(desk: Desk) -> None:
    """Who sends an empty reply reads so; with attachments it is one."""
    number = ask(desk, "mkb")
    to = reply_address.of_reply(mail_of(desk), number, "mkb")
    code, text = hand(desk, MKB, to, written("\n##- Reply above this line -##\nOur words."))
    assert (code, "Nothing was written above the line" in text) == (550, True)
    mail = written(" ")
    mail.add_attachment("nan", filename="train.log")
    assert hand(desk, MKB, to, mail)[0] == 250
    assert said(desk, number)[1][2] == "[A mail with nothing but attachments.]"


def test_a_refusal_is_in_the_language_of_the_question(desk: Desk) -> None:
    """And in letters that any mail server passes on."""
    number = ask(desk, "mkb", language="nl")
    to = reply_address.of_reply(mail_of(desk), number, "mkb")
    _code, text = hand(desk, MKB, to, written("\n"))
    assert text.isascii()
    assert text.startswith("5.6.0 ")


def test_an_expert_answers_what_is_theirs(desk: Desk) -> None:
    """Their reply is an answer; in a ticket that nobody has, or another has, it is refused with why."""
    number = ask(desk, "mkb")
    to = reply_address.of_reply(mail_of(desk), number, "anna")
    code, text = hand(desk, ANNA, to, written("Less.", ANNA))
    assert (code, "Nobody has this question yet" in text) == (550, True)
    take(desk, number, "boris")
    assert hand(desk, ANNA, to, written("Less.", ANNA))[0] == 550
    assert len(said(desk, number)) == 1
    mine = ask(desk, "mkb")
    take(desk, mine, "anna")
    address = reply_address.of_reply(mail_of(desk), mine, "anna")
    assert hand(desk, ANNA, address, written("Less.", ANNA))[0] == 250
    assert said(desk, mine)[1] == ("anna", "answer", "Less.", True)


def test_a_reply_opens_a_closed_ticket(desk: Desk) -> None:
    """As a reply on the page does."""
    number = ask(desk, "mkb")
    take(desk, number, "anna")
    write(desk, number, "anna", "answer", "Less.")
    with desk.database.transaction() as session:
        ticket = session.get(Ticket, number)
        assert ticket is not None
        ticket.state = "closed"
    assert hand(desk, MKB, reply_address.of_reply(mail_of(desk), number, "mkb"), written())[0] == 250
    assert ("mkb", "reopened") in acts(desk, number)


@pytest.mark.parametrize(
    ("block", "state", "dead"),
    [
        (b"Final-Recipient: rfc822; x\r\nAction: failed\r\nStatus: 5.1.1\r\n", "bounced", True),
        (b"Final-Recipient: rfc822; x\r\nAction: failed\r\nStatus: 5.7.1\r\n", "bounced", False),
        (b"Final-Recipient: rfc822; x\r\nAction: failed\r\nStatus: 5.2.2\r\n", "bounced", False),
        (b"Final-Recipient: rfc822; x\r\nAction: delayed\r\nStatus: 4.4.1\r\n", "waiting", False),
        (b"Final-Recipient: rfc822; x\r\nAction: failed\r\nStatus: 4.4.7\r\n", "bounced", False),
    ],
)
def test_reports_of_servers(desk: Desk, block: bytes, state: str, dead: bool) -> None:
    """A failure for good marks the mail, and its address where it says that nobody is there."""
    number = ask(desk, "mkb")
    (mail,) = outgoing(desk, "mkb")
    to = reply_address.of_bounce(mail_of(desk), mail.id)
    for _ in range(2):
        assert hand(desk, "<>", to, REPORT % block)[0] == 250
    assert outgoing(desk, "mkb")[0].state == state
    assert acts(desk, number).count(("mkb", "mail-bounced")) == (state == "bounced")
    with desk.database.transaction() as session:
        theirs = session.get(MailAddress, "mkb")
        assert theirs is not None
        assert (theirs.bounced_at is not None) == dead


def test_a_report_about_an_older_address_leaves_the_new_one(desk: Desk) -> None:
    """Who gave another address in between goes on getting mail there."""
    ask(desk, "mkb")
    (mail,) = outgoing(desk, "mkb")
    confirmed(desk, "mkb", "new@people.example")
    block = b"Final-Recipient: rfc822; x\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    assert hand(desk, "<>", reply_address.of_bounce(mail_of(desk), mail.id), REPORT % block)[0] == 250
    with desk.database.transaction() as session:
        theirs = session.get(MailAddress, "mkb")
        assert theirs is not None
        assert theirs.bounced_at is None


def test_a_report_that_nobody_asked_for(desk: Desk) -> None:
    """Without the secret of that one mail nobody can have an address be passed over."""
    ask(desk, "mkb")
    (mail,) = outgoing(desk, "mkb")
    good = reply_address.of_bounce(mail_of(desk), mail.id)
    local, _at, domain = good.partition("@")
    guessed = f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}"
    assert hand(desk, "<>", guessed, b"x")[0] == 550
    other = reply_address.of_bounce(mail_of(desk), mail.id + 1).replace(f"+b{mail.id + 1}", f"+b{mail.id}")
    assert hand(desk, "<>", other, b"x")[0] == 550


def test_a_mail_that_is_too_large(desk: Desk) -> None:
    """It is refused, whether it says so beforehand or not; what comes after it is taken."""
    number = ask(desk, "mkb")
    to = reply_address.of_reply(mail_of(desk), number, "mkb")
    large = written().as_bytes(policy=policy.SMTP) + (b"x" * 78 + b"\r\n") * (MOST_BYTES // 80 + 1)
    assert hand(desk, MKB, to, large)[0] == 552
    with client(desk) as server:
        server.ehlo_or_helo_if_needed()
        assert server.mail(MKB, [f"size={MOST_BYTES + 1}"])[0] == 552
    assert hand(desk, MKB, to, written())[0] == 250


def test_what_cannot_be_read_is_refused(desk: Desk) -> None:
    """And not kept by the server for days; nothing of it is told to anybody."""
    number = ask(desk, "mkb")
    head = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
    deep = b"".join(head % (n, n) for n in range(40))
    to = reply_address.of_reply(mail_of(desk), number, "mkb")
    assert hand(desk, MKB, to, deep) == (550, "5.6.0 This mail cannot be read")


def test_what_goes_wrong_here_is_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the desk's own loses no mail: the server keeps it."""
    number = ask(desk, "mkb")
    to, mail = reply_address.of_reply(mail_of(desk), number, "mkb"), written()

    def broken(*_given: Any, **_more: Any) -> None:
        raise RuntimeError("a fault")

    with monkeypatch.context() as patched:
        patched.setattr("werkplaats_desk.centre.tickets.write", broken)
        assert hand(desk, MKB, to, mail)[0] == 451
    assert hand(desk, MKB, to, mail)[0] == 250
    assert len(said(desk, number)) == 2


def test_who_may_come_to_the_socket(folder: Path) -> None:
    """A folder that everybody may pass is refused, and said; once it is as it should be, it listens."""
    folder.chmod(0o755)
    desk = mail_desk.open_desk(folder)
    with listening(desk):
        until(lambda: "everybody may pass" in desk.problems.get("mail-in", ""))
        assert not path(desk).exists()
        folder.chmod(0o710)
        until(lambda: path(desk).is_socket() and "mail-in" not in desk.problems)


def test_the_socket_comes_back(desk: Desk) -> None:
    """Where it was taken away, or a desk that died left its own, it is made anew."""
    path(desk).unlink()
    until(path(desk).is_socket)
    number = ask(desk, "mkb")
    assert hand(desk, MKB, reply_address.of_reply(mail_of(desk), number, "mkb"), written())[0] == 250


def test_a_socket_that_a_dead_desk_left(folder: Path) -> None:
    """It stands in nobody's way."""
    desk = mail_desk.open_desk(folder)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path(desk)))
    with listening(desk):
        until(lambda: _answers(desk))


def _answers(desk: Desk) -> bool:
    try:
        with client(desk) as server:
            return server.noop()[0] == 250
    except OSError:
        return False


def test_without_its_key_no_replies_are_taken(folder: Path) -> None:
    """Nobody's question waits for it: mail goes out, and says that replies are not read."""
    (folder / "nowhere").mkdir()
    desk = mail_desk.open_desk(folder, key_file=folder / "nowhere/key")
    confirmed(desk, "mkb")
    ask(desk, "mkb")
    (mail,) = outgoing(desk, "mkb")
    assert mail.reply_to == ""
    assert "Replies to this mail are not read" in mail.body
    assert "Reply above this line" not in mail.body
    with listening(desk):
        until(lambda: "cannot be read" in desk.problems.get("mail-in", ""))


def test_a_look_that_fails_is_not_the_last(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was, what listens goes on, somebody can see it, and it is over when it is over."""
    number = ask(desk, "mkb")
    to = reply_address.of_reply(mail_of(desk), number, "mkb")

    def fails(told: Mail) -> bool:
        raise RuntimeError("nobody foresaw this")

    with monkeypatch.context() as patched:
        patched.setattr(reply_address, "takes_replies", fails)
        until(lambda: "mail-in" in desk.problems)
        assert desk.problems["mail-in"] == "RuntimeError: nobody foresaw this"
    until(lambda: "mail-in" not in desk.problems)
    assert hand(desk, MKB, to, written())[0] == 250
    path(desk).unlink()
    until(path(desk).is_socket)
    assert hand(desk, MKB, to, written())[0] == 250


def test_what_is_refused_too_often_is_dropped(desk: Desk) -> None:
    """Who knows an address cannot have us send their text to whoever the envelope names, again and again."""
    number, other = ask(desk, "mkb"), ask(desk, "mkb")
    to = reply_address.of_reply(mail_of(desk), number, "mkb")
    victim = "victim@elsewhere.example"
    bad: list[EmailMessage | bytes] = [
        written(sender=victim), written(""), b"From:" + b" ....\r\n" * 1000 + b"\r\nText",
    ]  # fmt: skip
    codes = [hand(desk, victim, to, mail)[0] for _ in range(2) for mail in bad]
    assert codes == [550] * MOST_REFUSALS + [250], "those that come again are counted too"
    assert hand(desk, victim, to, written(sender=victim))[0] == 250
    assert outcomes(desk) == ["dropped", "empty", "forged", "unreadable"]
    assert [text for _who, _kind, text, _by_mail in said(desk, number)][1:] == []
    assert hand(desk, MKB, to, written("Still mine."))[0] == 250
    assert said(desk, number)[-1][2] == "Still mine."
    fresh = reply_address.of_reply(mail_of(desk), other, "mkb")
    assert hand(desk, victim, fresh, written(sender=victim))[0] == 550, "counted for each question"


def test_a_reply_beside_a_restricted_dataset(desk: Desk, folder: Path) -> None:
    """It is in the ticket, and nothing of it goes out by mail again; so it is of the expert's answer."""
    number = ask(desk, "mkb")
    take(desk, number, "anna")
    desk.datasets = fake_datasets.datasets(folder / "catalogue")
    audit = cast("FakeAudit", desk.datasets.audit)
    assert hand(desk, MKB, reply_address.of_reply(mail_of(desk), number, "mkb"), written("Fine."))[0] == 250
    assert "Fine." in outgoing(desk, "anna")[-1].body
    audit.mount("mkb", "cohort")
    assert hand(desk, MKB, reply_address.of_reply(mail_of(desk), number, "mkb"), written("Row 17."))[0] == 250
    assert said(desk, number)[-1][2] == "Row 17."
    assert "Row 17" not in outgoing(desk, "anna")[-1].body
    assert (
        hand(desk, ANNA, reply_address.of_reply(mail_of(desk), number, "anna"), written("17?", ANNA))[0]
        == 250
    )
    assert "17?" not in outgoing(desk, "mkb")[-1].body


def test_a_mail_that_nobody_waits_for_keeps_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that goes away ends no thread: as long as that works, no other takes its place."""
    monkeypatch.setattr(mail_in, "_MOST_AT_ONCE", 1)
    begun: list[bytes] = []
    go_on = threading.Event()

    class Slow:
        def take(self, sender: str, recipient: str, content: bytes) -> str:
            begun.append(content)
            go_on.wait(10)
            return "250 2.0.0 Taken"

    async def two() -> str:
        handler = mail_in._Handler(cast("Inward", Slow()))
        first, second = (_handed(handler, content) for content in (b"first", b"second"))
        while not begun:
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        done, _ = await asyncio.wait([second], timeout=0.2)
        assert not done
        assert begun == [b"first"]
        go_on.set()
        return await second

    try:
        assert asyncio.run(two()).startswith("250")
    finally:
        go_on.set()
    assert begun == [b"first", b"second"]


def _handed(handler: Any, content: bytes) -> asyncio.Task[str]:
    envelope = Envelope()
    envelope.mail_from, envelope.rcpt_tos, envelope.content = MKB, ["help@desk.example"], content
    return asyncio.create_task(handler.handle_DATA(None, None, envelope))
