"""What a journal is held against: heads in a file, or the mails that brought them."""

from __future__ import annotations

import email
import email.policy
import mailbox
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

from werkplaats_audit import heads
from werkplaats_datasets.signed import Checker, Forged


class NoHead(Exception):
    """A file is no mail, or of mails, in which there is a head that this audit signed."""


@contextmanager
def readable(path: Path, checker: Checker) -> Iterator[Path]:
    """Return a file of heads for :func:`~werkplaats_audit.verify.verify`: this one, or what its mails hold.

    Of mails what the audit did not sign is left out: anybody can send one.

    Raises
    ------
    NoHead
    OSError
    """
    with path.open("rb") as file:
        first = file.readline(heads.MOST_WRITTEN)
    if b":" not in first and not first.startswith(b"From "):
        yield path
        return
    signed: dict[bytes, int] = {}
    for mail in _mails(path, first):
        for line in _lines(mail):
            try:
                signed[line] = heads.read(checker, line).entry
            except Forged:
                continue
    if not signed:
        raise NoHead(f"{path} holds no head that this audit signed")
    with tempfile.NamedTemporaryFile(prefix="heads-") as made:
        for line in sorted(signed, key=lambda one: signed[one]):
            made.write(line)
        made.flush()
        yield Path(made.name)


def _mails(path: Path, first: bytes) -> Iterator[Message]:
    """Return the mails of a file: one as it was saved, or a mailbox of them."""
    if first.startswith(b"From "):
        yield from mailbox.mbox(path, create=False)
    else:
        yield email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def _lines(mail: Message) -> Iterator[bytes]:
    """Return what may be heads, also where somebody passed a mail on and their program quoted it."""
    for part in mail.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            yield from (bytes(line.strip(b"> \t\r")) + b"\n" for line in content.split(b"\n"))
