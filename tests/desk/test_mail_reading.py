"""What a mail says: replies as mail programs make them, and what anybody can send."""

from __future__ import annotations

import secrets
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.desk.mail_desk import REPORT, SENDER

from werkplaats_desk.centre.drafts import MOST_EACH, MOST_TEXT
from werkplaats_desk.centre.mail_bounds import Unreadable
from werkplaats_desk.centre.mail_reading import Incoming, read

TO = "help+t1-abc@werkplaats.example"
OURS = "##- Antwoord boven deze lijn -##\n\nanna gaf antwoord op vraag 1 (Verlies):\n\nMaak het kleiner."
QUOTED = "".join(f"> {line}\n" for line in OURS.split("\n"))

#: What mail programs make of one reply.
REPLIES = {
    "gmail": f"Dank!\n\nOp za 21 nov 2026 om 10:00 schreef Atelier <help@werkplaats.example>:\n\n{QUOTED}",
    "gmail, broken in two": "Dank!\n\nOp za 21 nov 2026 om 10:00 schreef Atelier <\n"
    f"help+t1-abc@werkplaats.example>:\n\n{QUOTED}",
    "gmail, in English": f"Dank!\n\nOn Sat, Nov 21, 2026 at 10:00 AM Atelier <h@w.example> wrote:\n{QUOTED}",
    "outlook": "Dank!\n\n________________________________\nVan: Atelier <help@werkplaats.example>\n"
    f"Verzonden: zaterdag 21 november 2026 10:00\nAan: mkb@people.example\nOnderwerp: [#1] Verlies\n\n{OURS}",
    "outlook, on a desk": "Dank!\n\n-----Oorspronkelijk bericht-----\nVan: Atelier\nVerzonden: vandaag\n\n"
    + OURS,
    "outlook, without a line": "Dank!\n\nFrom: Atelier <help@werkplaats.example>\nSent: Saturday\n"
    f"To: mkb\nSubject: RE: [#1] Verlies\n\n{OURS}",
    "thunderbird": f"Dank!\n\nOp 21-11-2026 om 10:00 schreef Atelier:\n{QUOTED}\n",
    "apple": "Dank!\n\n> Op 21 nov. 2026 om 10:00 heeft Atelier <h@w.example> het volgende geschreven:\n"
    f">\n{QUOTED}",
    "apple, without marks": "Dank!\n\nOp 21 nov. 2026 heeft Atelier <h@w.example> het volgende geschreven:\n"
    f"\n{OURS}",
    "with a signature": f"Dank!\n\n-- \nM. Kabouter\nBaas\n\nOn Sat, 21 Nov 2026, Atelier wrote:\n{QUOTED}",
    "below what is quoted": f"Op 21-11-2026 om 10:00 schreef Atelier:\n{QUOTED}\nDank!\n",
    "without anything quoted": "Dank!\n",
}


def mail(text: str = "Hello", **headers: str) -> EmailMessage:
    """Return a mail of somebody's."""
    made = EmailMessage()
    made["From"] = "Mkb <MKB@people.example>"
    made["To"] = TO
    made["Message-ID"] = f"<{secrets.token_hex(6)}@people.example>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def said(made: EmailMessage | bytes, to: str = TO) -> Incoming:
    """Return what a mail says."""
    return read(made if isinstance(made, bytes) else made.as_bytes(policy=policy.SMTP), to, SENDER)


@pytest.mark.parametrize("program", REPLIES)
def test_a_reply_is_what_was_written(program: str) -> None:
    """What is quoted, what announces it and a signature are left out, whatever program it was."""
    text = said(mail(REPLIES[program])).text
    if program == "below what is quoted":
        # What is above cannot be told from what they chose to quote; it is theirs that counts.
        assert text.endswith("Dank!")
        assert "Antwoord boven" not in text
    else:
        assert text == "Dank!"


def test_what_is_written_between_the_quoted_lines_is_kept() -> None:
    """Who answers line by line loses nothing, and what they answer stays with it."""
    text = said(mail(f"Hi\n{QUOTED}To what?\n> more of it\n> and more\n")).text
    assert text.endswith("> Maak het kleiner.\nTo what?")
    assert text.startswith("Hi\n>")


def test_what_looks_like_an_announcement_is_kept() -> None:
    """A last line of somebody's own is theirs, where nothing is quoted after it."""
    for text in (
        f"Above\n{'_' * 30}\nbelow",
        "select 1;\n--\nselect 2;",
        "See attached.\n\nThis is what line 3 wrote:",
        "Hi.\nVan: maandag\nAan: zondag",
    ):
        assert said(mail(text)).text == text


def test_html_is_read_as_text() -> None:
    """HTML without a plain part is read, and nothing of it stays HTML."""
    made = mail()
    made.set_content(
        "<html><head><title>x</title><style>p {}</style><body><p>Ja, <b>dat</b> &lt;b&gt;\nis het.</p>"
        "<pre>for x in y:\n    print(x)</pre>"
        "<script>alert(1)</script><div>Groet</div><div class=gmail_quote><div>Op za 21 nov 2026 om 10:00 "
        "schreef Atelier &lt;help@w.example&gt;:</div><blockquote>oud</blockquote></div></body></html>",
        subtype="html",
    )
    assert said(made).text == "Ja, dat <b> is het.\n\nfor x in y:\n    print(x)\n\nGroet"


def test_plain_text_is_preferred() -> None:
    """Of the same twice, the one without tags is taken."""
    made = mail("plain\x1b[31m\u202e")
    made.add_alternative("<p>rich</p>", subtype="html")
    assert said(made).text == "plain\ufffd[31m\ufffd"


def test_attachments() -> None:
    """Text comes along, by its type or its name; what is none is named, and no path is believed."""
    made = mail()
    made.add_attachment("a,b\n1,2\n", subtype="csv", filename="../../etc/x.csv")
    made.add_attachment(b"print(1)\n", maintype="application", subtype="octet-stream", filename="job.py")
    made.add_attachment(b"\x89PNG\0", maintype="image", subtype="png", filename="loss.png")
    made.add_attachment(b"a\0b", maintype="text", subtype="plain", filename="not-text.txt")
    made.add_attachment(b"-", maintype="application", subtype="pgp-signature", filename="signature.asc")
    inner = mail("Within")
    made.add_attachment(inner)
    found = said(made)
    assert [(one.kind, one.name, one.text) for one in found.attachments] == [
        ("file", "x.csv", "a,b\n1,2\n"),
        ("file", "job.py", "print(1)\n"),
    ]
    assert found.left_out == ("loss.png", "not-text.txt", "message/rfc822")
    assert found.text == "Hello"


def test_what_is_too_much_is_left_out() -> None:
    """A text that is too long is shortened; an attachment that is, or is one too many, is named."""
    made = mail("x" * 70 + "\n" + "y\n" * MOST_TEXT)
    made.add_attachment("z" * (MOST_EACH + 1), filename="large.txt")
    for number in range(14):
        made.add_attachment("few", filename=f"n{number}.txt")
    found = said(made)
    assert found.shortened
    assert len(found.text) < MOST_TEXT
    assert len(found.attachments) == 12
    assert found.left_out == ("large.txt", "n12.txt", "n13.txt")


@pytest.mark.parametrize(
    ("headers", "automatic"),
    [
        ({}, False),
        ({"Auto_Submitted": "no"}, False),
        ({"Auto_Submitted": "auto-replied (vacation)"}, True),
        ({"Auto_Submitted": "auto-generated; x=y"}, True),
        ({"Precedence": "bulk"}, True),
        ({"Precedence": "List"}, True),
        ({"Precedence": "junk"}, True),
        ({"Precedence": "first-class"}, False),
        ({"List_Id": "<news.example>"}, True),
        ({"X_Loop": SENDER}, True),
        ({"X_Loop": "someone@else.example"}, False),
        ({"X_Werkplaats": "anywhere"}, True),
        ({"X_Autoreply": "yes"}, True),
    ],
)
def test_machines(headers: dict[str, str], automatic: bool) -> None:
    """What a machine writes is known by its headers."""
    assert said(mail(**headers)).automatic == automatic


@pytest.mark.parametrize("address", [SENDER, SENDER.upper(), f"help+t1-x@{SENDER.partition('@')[2]}"])
def test_mail_of_our_own_is_a_loop(address: str) -> None:
    """What says that it is from the desk was not written by anybody."""
    made = mail()
    made.replace_header("From", address)
    assert said(made).automatic


def test_who_sent_it() -> None:
    """One address, in small letters; two are nobody's."""
    assert said(mail()).sender == "mkb@people.example"
    two = mail().as_bytes(policy=policy.SMTP).replace(b"From:", b"From: a@b.example\r\nFrom:")
    assert said(two).sender == ""
    both = mail()
    both.replace_header("From", "a@b.example, mkb@people.example")
    assert said(both).sender == ""
    none = mail()
    del none["From"]
    assert said(none).sender == ""


def test_a_mail_is_known_again() -> None:
    """By its Message-ID and whom it came to; without one, by all of it."""
    one, other = mail(), mail()
    assert said(one).key == said(one).key != said(other).key
    assert said(one).key != said(one, "help+t2-abc@werkplaats.example").key
    assert said(one, TO.upper()).key == said(one).key
    for made in (one, other):
        del made["Message-ID"]
    assert said(one).key == said(other).key
    assert len(said(one).key) == 64


@pytest.mark.parametrize(
    ("block", "failed", "status"),
    [
        (b"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n", True, "5.1.1"),
        (
            b"Final-Recipient: rfc822; a@b.example\r\nAction: FAILED\r\nStatus: 5.2.2 (full)\r\n",
            True,
            "5.2.2",
        ),
        (b"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n", True, ""),
        (b"Final-Recipient: rfc822; a@b.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n", False, ""),
        (b"Action: delivered\r\nStatus: 2.0.0\r\n", False, ""),
        (b"nonsense", False, ""),
    ],
)
def test_reports(block: bytes, failed: bool, status: str) -> None:
    """Whether a server says that a mail will never arrive, and with which status."""
    report = said(REPORT % block).report
    assert report is not None
    assert (report.failed, report.status) == (failed, status)


def test_no_report() -> None:
    """A mail of somebody's reports nothing; a read receipt is no failure."""
    assert said(mail()).report is None
    receipt = REPORT.replace(b"delivery-status", b"disposition-notification") % b"x: y\r\n"
    report = said(receipt).report
    assert report is not None
    assert not report.failed


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"\r\n\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b'Content-Type: text/plain; charset="no-such-thing"\r\n\r\nText',
        b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"z" * 1_500_000,
        b"Content-Type: text/plain; charset=unicode_escape\r\n\r\n\\ud800",
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"Subject: =?utf-8?b?//79?=\r\nFrom: =?x?q?y?= <\r\n\r\nText",
        b"Content-Disposition: attachment; filename*=utf-8''%FF%00\r\nContent-Type: a/b\r\n\r\nText",
        b"Content-Type: text/html\r\n\r\n" + b"<!--" * 40_000 + b"<a " * 40_000,
        *(
            b"Content-Type: text/html\r\n\r\n" + odd * 40_000
            for odd in (b"<!--", b"<a ", b"<", b"<!", b"</", b"<?", b"&#", b"<![CDATA[", b'<a b="', b"<p>")
        ),
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(40)),
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 500,
    ],
)
@pytest.mark.timeout(20)
def test_what_anybody_can_send(content: bytes) -> None:
    """It is read, or it is said that it cannot be; nothing else becomes of it, and it takes no time."""
    try:
        found = said(content)
    except Unreadable:
        return
    (found.text + "".join(one.text + one.name for one in found.attachments)).encode()
    assert all(line.isprintable() or "\t" in line for line in found.text.split("\n"))


@pytest.mark.parametrize(
    "content",
    [
        b"From: " + b"." * 20_000 + b"\r\n\r\nText",
        b"From: " + b"a@b.example," * 5000 + b"\r\n\r\nText",
        b"Content-Type: text/plain" + b";x" * 10_000 + b"\r\n\r\nText",
        b'Content-Type: multipart/mixed; "' + b";" * 100_000 + b"\r\n\r\nText",
        b"From: a@b.example\r\n" + b"X: y\r\n" * 60_000 + b"\r\nText",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"".join(b"--b\r\nContent-Type: a/b" + b";x=y" * 900 + b"\r\n\r\nx\r\n" for _ in range(95)),
        b"\r\n" + b"\n" * 10_000_000,
        b"\r\n" + b"\r" * 10_000_000,
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(400))
        + b"--x\n" * 190_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
        + b"--c\r\n\r\nx\r\n" * 95
        + b"--c--\r\n"
        + b"--b\r\n\r\nx\r\n" * 95,
    ],
)
@pytest.mark.timeout(3)
def test_what_takes_long_to_read_is_not_read(content: bytes) -> None:
    """Nothing is taken apart that would keep the mail of others waiting."""
    with pytest.raises(Unreadable):
        said(content)


@pytest.mark.timeout(3)
def test_a_long_text_is_read_at_once() -> None:
    """Each line of quotes upon quotes is looked at once; of HTML so much, in however many parts."""
    found = said(mail("x\n" * 50_000 + "On 1234 wrote:\n>\n" * 2000))
    assert found.text.startswith("x\nx\n")
    assert "wrote" not in found.text
    part = b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<" * 90_000 + b"\r\n"
    assert said(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 90).shortened


def test_what_real_mail_has_is_read() -> None:
    """Long headers that nobody takes apart, a name in words of RFC 2047, and a sender on two lines."""
    made = (
        b"ARC-Seal: " + b"x" * 12_000 + b"\r\nTo: " + b"a@b.example,\r\n " * 800 + b"c@d.example\r\n"
        b"From: =?utf-8?q?M=2C?=\r\n <MKB@people.example>\r\n"
        b'Content-Type: text/plain; name="=?utf-8?q?verlies_caf=C3=A9=2Etxt?="\r\n\r\n1 2\r\n'
    )
    found = said(made)
    assert found.sender == "mkb@people.example"
    assert [(one.name, one.text) for one in found.attachments] == [("verlies café.txt", "1 2\n")]
    odd = made.replace(b"=?utf-8?q?verlies", b"=?no-such?q?verlies")
    assert "no-such" in said(odd).attachments[0].name


_HEADERS: Any = st.sampled_from(
    [b"From: ", b"To: ", b"Message-ID: ", b"Content-Type: ", b"Content-Disposition: ", b"Precedence: ",
     b"Content-Transfer-Encoding: ", b"Auto-Submitted: ", b"X-Loop: "]
)  # fmt: skip


@given(
    st.lists(st.tuples(_HEADERS, st.binary(max_size=60)), max_size=6),
    st.binary(max_size=400),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Whatever comes in, reading it ends in what it says or in :class:`Unreadable`."""
    content = b"".join(name + value + b"\r\n" for name, value in headers) + b"\r\n" + body
    try:
        found = said(content)
    except Unreadable:
        return
    found.text.encode()
    assert len(found.key) == 64
