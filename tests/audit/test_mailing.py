"""Heads by mail: what a real mail server brought shows an older state that was put back."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.audit import postfix
from tests.audit.journals import CHECKER, Place, filled, mount
from tests.audit.postfix import Postfix
from tests.audit.processes import running

from werkplaats_audit import anchors
from werkplaats_audit.client import Audit
from werkplaats_audit.mailing import Mailing
from werkplaats_audit.settings import Mail
from werkplaats_audit.verify import Report, verify

needs_postfix = pytest.mark.skipif(os.getuid() != 0, reason="a mail server must be root to write mailboxes")
TO = f"operator@{postfix.DOMAIN}"


@pytest.fixture(scope="module")
def server() -> Iterator[Postfix]:
    """A mail server."""
    with postfix.running() as made:
        yield made


def mail_by(port: int, every: int = 0) -> Mail:
    """Return where heads go."""
    return Mail(to=TO, sender=TO, host="127.0.0.1", port=port, every=every)


def head_of(made: Place) -> str:
    """Return the last signed head."""
    with made.opened() as journal:
        return journal.head().signed


def held_against(made: Place, kept: Path) -> Report:
    """Verify a journal against mails."""
    with anchors.readable(kept, CHECKER) as second:
        return verify(made.folder, CHECKER, second, settles=0)


@needs_postfix
def test_an_older_state_is_found_by_a_mail(tmp_path: Path, server: Postfix) -> None:
    """As it was saved, in a mailbox, and passed on with marks before its lines; the audit itself agrees."""
    made = filled(tmp_path)
    older = made.files()
    with made.opened() as journal:
        journal.begin("mounts", mount())
    assert Mailing(mail_by(server.port), lambda: head_of(made), tmp_path / "mailed").once()
    mail = server.mails(1)[-1].read_bytes()
    (tmp_path / "saved.eml").write_bytes(mail)
    box = b"From operator Sat Nov 21 12:00:00 2026\n" + mail + b"\n"
    (tmp_path / "box").write_bytes(box.replace(b"\r", b"") * 2)
    head, _, body = mail.partition(b"\n\n")
    (tmp_path / "passed.eml").write_bytes(
        head + b"\n\n" + b"".join(b"> " + one for one in body.splitlines(True))
    )
    for name in ("saved.eml", "box", "passed.eml"):
        found = held_against(made, tmp_path / name)
        assert (found.faults, found.anchored) == ([], 1), name
    for path, data in zip((made.journal, made.heads, made.anchor), older, strict=True):
        path.write_bytes(data)
    assert made.report().faults == []
    for name in ("saved.eml", "box", "passed.eml"):
        [fault] = held_against(made, tmp_path / name).faults
        assert "an older state was put back" in fault.what, name


@needs_postfix
def test_a_running_audit_sends_what_it_wrote_before(server: Postfix) -> None:
    """At its start, when there is something that was not sent; with its own text and address."""
    before = len(list((server.folder / "boxes/operator/new").glob("*")))

    def fill(made: Place) -> None:
        with made.opened() as journal:
            journal.begin("mounts", mount())

    with running("daemon", fill, mail=mail_by(server.port)) as process:
        mail = server.mails(before + 1)[-1]
        signed = Audit(process.socket).head().signed
        assert signed.encode() in mail.read_bytes()
        assert f"To: {TO}" in mail.read_text()


def test_a_mail_server_that_is_away_holds_up_nothing() -> None:
    """Nobody listens, or somebody who never answers: entries are written, and the process ends at once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def fill(made: Place) -> None:
            with made.opened() as journal:
                journal.begin("mounts", mount())

        with running("daemon", fill, mail=mail_by(silent.getsockname()[1])) as process:
            silent.settimeout(30)
            held, _ = silent.accept()  # it is being sent now, and waits for an answer
            assert Audit(process.socket).begin(mount()) == 2
            assert process.end() == 0
            held.close()


def test_at_most_once_in_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same head never twice, a newer one after the time; a note that cannot be read is as none."""
    made, sent = filled(tmp_path), list[str]()
    monkeypatch.setattr(Mailing, "_send", lambda _, head: sent.append(head))
    for every, times in ((3600, 1), (0, 1)):
        mailing = Mailing(mail_by(1, every), lambda: head_of(made), tmp_path / "mailed")
        mailing.once()
        mailing.once()
        assert len(sent) == times
    with made.opened() as journal:
        journal.begin("mounts", mount())
    assert not Mailing(mail_by(1, 3600), lambda: head_of(made), tmp_path / "mailed").once()
    assert Mailing(mail_by(1, 0), lambda: head_of(made), tmp_path / "mailed").once()
    (tmp_path / "mailed").write_text(json.dumps(["nonsense"]))
    assert Mailing(mail_by(1, 3600), lambda: head_of(made), tmp_path / "mailed").once()
    assert not Mailing(mail_by(1, 0), lambda: "", tmp_path / "new").once()


def test_what_anybody_can_mail_is_no_head(tmp_path: Path) -> None:
    """A mail without one is refused; a forged one beside a good one counts for nothing."""
    made = filled(tmp_path)
    mail = tmp_path / "mail.eml"
    mail.write_text("Subject: hello\n\nforged.head.line\n")
    with pytest.raises(anchors.NoHead):
        held_against(made, mail)
    mail.write_text(f"Subject: hello\n\nforged.head.line\n{head_of(made)}\n")
    found = held_against(made, mail)
    assert (found.faults, found.anchored) == ([], 1)
