"""A Postfix of a test's own: Debian's programs, on loopback, with a folder for everything that it keeps."""

from __future__ import annotations

import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Where the one who gets the heads has a mailbox.
DOMAIN: Final = "elsewhere.example"
_MAIN: Final = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mail.elsewhere.example
mydestination =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = elsewhere.example
virtual_mailbox_base = {folder}/boxes
virtual_mailbox_maps = inline:{{ operator@elsewhere.example=operator/ }}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
"""
_MASTER: Final = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """One that runs."""

    folder: Path
    port: int

    def mails(self, number: int) -> list[Path]:
        """Wait until somebody got so many, and return them as they were kept, the first first."""
        box = self.folder / "boxes/operator/new"

        def found() -> list[Path]:
            return sorted(box.glob("*"), key=lambda path: path.stat().st_mtime_ns)

        _until(lambda: len(found()) >= number, lambda: (self.folder / "log").read_text()[-3000:])
        return found()

    def answers(self) -> bool:
        """Return whether it takes mail."""
        with suppress(OSError), smtplib.SMTP("127.0.0.1", self.port, timeout=5) as client:
            return client.noop()[0] == 250
        return False


def _until(true: Callable[[], bool], why: Callable[[], str]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, why()
        time.sleep(0.05)


@contextmanager
def running() -> Iterator[Postfix]:
    """Run one, and end it by what its own master is."""
    folder = Path(tempfile.mkdtemp(prefix="postfix-"))
    folder.chmod(0o755)
    for name in ("etc", "queue", "data", "boxes"):
        (folder / name).mkdir(mode=0o755)
    shutil.chown(folder / "data", "postfix")
    shutil.chown(folder / "boxes", "nobody")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "etc/main.cf").write_text(_MAIN.format(folder=folder))
    (folder / "etc/master.cf").write_text(_MASTER.format(port=port))
    made = Postfix(folder, port)
    _control(folder, "start")
    try:
        _until(made.answers, lambda: (folder / "log").read_text()[-3000:])
        yield made
    finally:
        _control(folder, "stop")
        shutil.rmtree(folder)


def _control(folder: Path, word: str) -> None:
    asked = ["postfix", "-c", f"{folder}/etc", word]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
