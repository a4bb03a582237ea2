"""Mail of the platform's own desk, as its own user, by a real mail server that is another."""

from __future__ import annotations

import re
import shutil
import smtplib
import stat
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from single_machine import mail_folder
from single_machine.login import desk_problems
from tests import mail_server
from tests.mail_server import DESK as DOMAIN
from tests.mail_server import PEOPLE, MailServer
from werkplaats_hub import facility as facilities

from .conftest import Platform, until, without_a_past
from .desks import DESK, send

ADDRESS = f"mkb@{PEOPLE}"


@pytest.fixture(scope="module", autouse=True)
def server(platform: Platform) -> Iterator[MailServer]:
    """Have the platform send mail to a mail server, and take replies from it; leave it as it was."""
    instance = platform.instance
    with mail_server.running(["mkb"], instance.mail_socket) as made:

        def change(raw: dict[str, Any]) -> None:
            raw["help"]["mail"] = {
                "sender": f"help@{DOMAIN}", "port": made.port, "security": "none", "replies": True,
            }  # fmt: skip

        try:
            with platform.other_facility(change) as file:
                told = facilities.read(file).help
                assert told is not None
                mail_folder.make(instance, told.mail)  # as `make up` does
                until(instance.mail_socket.is_socket, within=30)
                yield made
        finally:
            without_a_past(platform)
            shutil.rmtree(instance.mail_socket.parent, ignore_errors=True)


def test_an_address_is_confirmed_by_mail(platform: Platform, server: MailServer) -> None:
    """The desk sends as its own user, and the page takes the code that came."""
    mkb = platform.session("mkb")
    assert send(mkb, "help/mail", "help/mail", address=ADDRESS).status_code == 303
    (mail,) = server.waits_for("mkb", 1)
    code = re.search(r"^    ([a-z2-7]{16})$", mail.get_content(), re.MULTILINE)
    assert code is not None
    assert send(mkb, "help/mail", "help/mail/code", code=code[1]).status_code == 303
    page = mkb.page(DESK + "help/mail").text
    assert ADDRESS in page
    assert 'name="code"' not in page
    assert mail["Return-Path"].startswith("<help+b")


def test_the_mail_server_reaches_the_desk(platform: Platform, server: MailServer) -> None:
    """It asks the desk, over the socket, whether an address is one of its own; the desk reads its key."""
    mail = EmailMessage()
    mail.set_content("Who am I?")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        server.take(ADDRESS, f"help+t1-{'a' * 26}@{DOMAIN}", mail)
    ((code, said),) = refused.value.recipients.values()
    assert code == 550, said
    assert b"No such reply address" in said
    (sent,) = server.inbox("mkb")
    server.take("", str(sent["Return-Path"]).strip("<>"), mail)
    until(lambda: "status=sent (250 2.0.0 Taken)" in server.log(), within=20)
    assert desk_problems(platform.instance.url) == []


def test_nobody_else_reaches_the_socket(platform: Platform) -> None:
    """Its folder lets one group pass; and of the secrets only the desk reads what is for mail."""
    instance = platform.instance
    folder = instance.mail_socket.parent.stat()
    assert stat.S_IMODE(folder.st_mode) == 0o710
    script = f"import socket; socket.socket(socket.AF_UNIX).connect({str(instance.mail_socket)!r})"
    for user, group, passes in (("nobody", "nogroup", False), ("nobody", "postfix", True)):
        asked = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        done = subprocess.run([*asked, "/usr/bin/python3", "-c", script], capture_output=True, text=True)
        assert (done.returncode == 0) == passes, done.stderr
    assert instance.mail_key.owner() == instance.desk_user
    assert stat.S_IMODE(instance.mail_key.stat().st_mode) == 0o400
