"""A Postfix of a test's own: Debian's programs, set up as docs/how-to/mail.md says, on loopback alone."""

from __future__ import annotations

import email.policy
import re
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
#: Where people have their mailboxes, and the desk its replies.
PEOPLE: Final = "people.example"
DESK: Final = "werkplaats.example"

_OWN: Final = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
shlib_directory = no
myhostname = mail.{people}
mydestination =
local_transport = error:no local mail
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = {people}
virtual_mailbox_base = {folder}/boxes
virtual_mailbox_maps = texthash:{folder}/etc/people
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
# Unknown people are found out only when their mail is delivered, so that a bounce is made.
smtpd_reject_unlisted_recipient = no
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
transport_retry_time = 1s
address_verify_poll_delay = 1s
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/etc/certificate.pem
smtpd_tls_key_file = {folder}/etc/key.pem
"""


def as_documented(folder: Path, listening: Path) -> dict[str, str]:
    """Return the files that the how-to gives, by name, for a folder and a socket of a test's own."""
    text = (ROOT / "docs/how-to/mail.md").read_text()
    found = re.findall(r"^`/etc/postfix/([a-z.-]+)`:\n\n```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert [name for name, _text in found] == ["main.cf", "werkplaats", "werkplaats-known"]
    return {
        name: text.replace("/etc/postfix", f"{folder}/etc").replace(
            "/run/werkplaats/mail/mail.socket", str(listening)
        )
        for name, text in found
    }


@dataclass(frozen=True)
class MailServer:
    """One that can be stopped and started.

    Attributes
    ----------
    folder
        Holds its configuration, its queue, its log and everybody's mailbox.
    listening
        Where the desk takes what comes in.
    """

    folder: Path
    port: int
    listening: Path

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._control("start")
        until(self._answers)

    def stop(self) -> None:
        """End it; what is in its queue stays there."""
        process = int((self.folder / "queue/pid/master.pid").read_text())
        self._control("stop")
        until(lambda: not Path(f"/proc/{process}").exists())

    def empty(self) -> None:
        """Empty everybody's mailbox."""
        for path in (self.folder / "boxes").glob("*/new/*"):
            path.unlink()

    def hurry(self) -> None:
        """Have it try everything in its queue now."""
        subprocess.run(["postqueue", "-c", f"{self.folder}/etc", "-f"], check=True)

    def inbox(self, name: str) -> list[EmailMessage]:
        """Return what somebody got, the first first."""
        parser = BytesParser(policy=email.policy.default)
        files = sorted(
            (self.folder / "boxes" / name / "new").glob("*"), key=lambda path: path.stat().st_mtime_ns
        )
        return [parser.parsebytes(path.read_bytes()) for path in files]

    def waits_for(self, name: str, number: int) -> list[EmailMessage]:
        """Wait until somebody got so many mails, and return them."""
        until(lambda: len(self.inbox(name)) >= number, lambda: self.log())
        return self.inbox(name)

    def take(self, sender: str, recipient: str, mail: EmailMessage | bytes) -> None:
        """Have it take a mail, as somebody's mail program would."""
        content = mail if isinstance(mail, bytes) else mail.as_bytes(policy=email.policy.SMTP)
        with smtplib.SMTP("127.0.0.1", self.port, timeout=60) as client:
            client.sendmail(sender, [recipient], content)

    def queued(self) -> int:
        """Return how many mails it holds."""
        folders = (self.folder / "queue" / name for name in ("active", "deferred", "incoming"))
        return sum(path.is_file() for folder in folders for path in folder.rglob("*"))

    def log(self) -> str:
        """Return the end of its log."""
        return (self.folder / "log").read_text()[-3000:]

    def _answers(self) -> bool:
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=5) as client:
                return client.noop()[0] == 250
        except OSError:
            return False

    def _control(self, word: str) -> None:
        done = subprocess.run(["postfix", "-c", f"{self.folder}/etc", word], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + self.log()


def until(true: Callable[[], object], why: Callable[[], object] = str, within: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, why()
        time.sleep(0.02)


@contextmanager
def running(people: list[str], listening: Path | None = None) -> Iterator[MailServer]:
    """Run one, and leave nothing of it.

    Parameters
    ----------
    people
        Who has a mailbox.
    listening
        Where the desk takes mail, in a folder that is there; by default one is made for it.
    """
    folder = Path(tempfile.mkdtemp(prefix="desk-mail-", dir="/tmp"))
    folder.chmod(0o755)
    server = MailServer(folder, _free_port(), listening or folder / "run/mail.socket")
    try:
        _lay_down(server, people)
        server.start()
        yield server
    finally:
        if (folder / "queue/pid/master.pid").exists() and server._answers():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _lay_down(server: MailServer, people: list[str]) -> None:
    folder = server.folder
    for name in ("etc", "queue", "data", "boxes", "run"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    shutil.chown(folder / "boxes", 65534, 65534)
    # As `make up` makes it: the desk's, and for the group of the mail server to pass.
    shutil.chown(folder / "run", group="postfix")
    (folder / "run").chmod(0o710)
    files = as_documented(folder, server.listening)
    files["main.cf"] += _OWN.format(folder=folder, people=PEOPLE)
    files["people"] = "".join(f"{name}@{PEOPLE} {name}/\n" for name in people)
    files["master.cf"] = _services(server.port)
    for name, text in files.items():
        (folder / "etc" / name).write_text(text)
    _certificate(folder / "etc")


def _services(port: int) -> str:
    """Return Debian's own list of services, none of them below a folder of its own, on another port."""
    lines = Path("/etc/postfix/master.cf.proto").read_text().splitlines()
    kept = [re.sub(r"^(\S+\s+\S+\s+\S+\s+\S+\s+)y", r"\1n", line) for line in lines]
    text = "\n".join(line for line in kept if not line.startswith("#")) + "\n"
    assert re.search(r"^smtp +inet", text, re.MULTILINE)
    return re.sub(r"^smtp +inet", f"127.0.0.1:{port} inet", text, count=1, flags=re.MULTILINE)


def _certificate(folder: Path) -> None:
    """Make a certificate for ``localhost``, which is its own authority."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "certificate.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
