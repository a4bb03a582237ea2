"""What a mail that came in says: read once, here, from bytes of anybody's into values that do not change."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from pathlib import PurePosixPath
from typing import Final

from pydantic import ValidationError

from werkplaats_desk.centre.drafts import MOST_ALL, MOST_ATTACHMENTS, MOST_TEXT, Attached, readable
from werkplaats_desk.centre.envelopes import OURS
from werkplaats_desk.centre.mail_bounds import Bounded, Unreadable
from werkplaats_desk.centre.reply_text import from_html, reply_of

#: The most parts that are looked at, and how deep they lie.
_MOST_PARTS: Final = 100
_DEEPEST: Final = 10
#: So much of a mail's text is looked at (characters), and so much of it kept, with room for a word of ours.
_MOST_LOOKED_AT: Final = 200_000
_MOST_KEPT: Final = MOST_TEXT - 1500
#: What is text although its type does not say so.
_TEXT_TYPES: Final = frozenset(
    {"application/json", "application/x-ipynb+json", "application/x-yaml", "application/toml"}
)
_TEXT_NAMES: Final = frozenset(
    {".txt", ".log", ".out", ".err", ".csv", ".tsv", ".py", ".r", ".sh", ".ipynb", ".json", ".md", ".yaml"}
    | {".yml", ".toml", ".ini", ".cfg", ".xml", ".sql", ".diff", ".patch"}
)
_CHARSETS: Final = (
    "ascii",
    "utf-8",
    "utf-16",
    "utf-32",
    "iso8859",
    "cp",
    "koi8",
    "mac",
    "gb",
    "big5",
    "euc",
    "shift",
    "iso2022",
)
#: What only proves who sent a mail.
_SIGNATURES: Final = ("application/pgp-signature", "application/pkcs7-signature")
#: Headers that only machines write, beside those of RFC 3834 and RFC 2076.
_MACHINES: Final = ("List-Id", "X-Autoreply", "X-Autorespond", OURS)


@dataclass(frozen=True)
class Report:
    """What a mail server says became of a mail (RFC 3464).

    Attributes
    ----------
    status
        Such as ``5.1.1``; empty where it says none.
    said
        In its own words.
    """

    failed: bool
    status: str = ""
    said: str = ""


@dataclass(frozen=True)
class Incoming:
    """A mail that came in.

    Attributes
    ----------
    key
        SHA-256 of its ``Message-ID`` and of whom it came to; of all of it where it has none.
    sender
        The one address that it says it is from, in small letters; empty where there is not exactly one.
    automatic
        Whether a machine wrote it, a machine of ours included.
    report
        What became of a mail, where that is what it tells.
    text
        What somebody wrote, without what they quote.
    shortened
        Whether there was more of it.
    left_out
        Attachments that are not taken.
    """

    key: str
    sender: str
    automatic: bool
    report: Report | None
    text: str
    shortened: bool
    attachments: tuple[Attached, ...]
    left_out: tuple[str, ...]


def read(content: bytes, recipient: str, ours: str) -> Incoming:
    """Read a mail.

    Parameters
    ----------
    recipient
        To whom it came: the same mail to two is two.
    ours
        The address that our own mail is from.

    Raises
    ------
    Unreadable
    """
    try:
        mail = message_from_bytes(content, policy=Bounded(content))
        return _read(mail, content, recipient, ours.lower())
    except Unreadable:
        raise
    except Exception as wrong:  # Python's own reader has many ways to stumble over what strangers send
        # Not in its own words: they may be the stranger's.
        raise Unreadable(type(wrong).__name__) from wrong


def key_of(recipient: str, known: bytes) -> str:
    """Return what a mail is known by again: whom it came to, and its ``Message-ID`` or all of it."""
    return hashlib.sha256(recipient.lower().encode() + b"\n" + known).hexdigest()


def _read(mail: Message, content: bytes, recipient: str, ours: str) -> Incoming:
    known = _header(mail, "Message-ID").encode("utf8", "replace") or content
    parts = list(_leaves(mail))
    if len(parts) > _MOST_PARTS:
        raise Unreadable("too many parts")
    sender = _sender(mail)
    attachments, left_out = _attachments(parts)
    text = reply_of(_text(parts))
    return Incoming(
        key=key_of(recipient, known),
        sender=sender,
        automatic=_automatic(mail, sender, ours),
        report=_report(mail),
        text=text[:_MOST_KEPT],
        shortened=len(text) > _MOST_KEPT,
        attachments=attachments,
        left_out=left_out,
    )


def _header(part: Message, name: str, default: str = "") -> str:
    """Return a header on one line."""
    return " ".join(str(part.get(name, default)).split())


def _sender(mail: Message) -> str:
    values = [str(value) for value in mail.get_all("From", [])]
    if len(values) != 1:
        return ""
    found = [address for _name, address in getaddresses(values) if address]
    return found[0].lower() if len(found) == 1 else ""


def _automatic(mail: Message, sender: str, ours: str) -> bool:
    submitted = _header(mail, "Auto-Submitted", "no").partition(";")[0].strip().lower()
    precedence = _header(mail, "Precedence").lower()
    looped = any(str(value).strip().lower() == ours for value in mail.get_all("X-Loop", []))
    local, _at, domain = ours.rpartition("@")
    its, _at, its_domain = sender.rpartition("@")
    from_us = its_domain == domain and its.partition("+")[0] == local
    named = any(name in mail for name in _MACHINES)
    return submitted != "no" or precedence in ("bulk", "list", "junk") or looped or from_us or named


# -- parts -------------------------------------------------------------------------------------------


def _leaves(mail: Message, depth: int = 0) -> Iterator[Message]:
    """Yield the parts that hold something; a mail within a mail is one, and is not opened."""
    if not mail.is_multipart() or mail.get_content_maintype() == "message":
        yield mail
        return
    if depth == _DEEPEST:
        raise Unreadable("parts lie too deep")
    for part in mail.get_payload():
        assert isinstance(part, Message)  # noqa: S101  # the parser's own class
        yield from _leaves(part, depth + 1)


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _text(parts: list[Message]) -> str:
    """Return what is to be read: plain text where there is any, else HTML without its tags."""
    shown = [part for part in parts if not _is_attached(part)]
    plain = [_decoded(part) for part in shown if part.get_content_type() == "text/plain"]
    if any(text.strip() for text in plain):
        return readable("\n".join(plain)[:_MOST_LOOKED_AT])
    rich = (_decoded(part) for part in shown if part.get_content_type() == "text/html")
    return readable(from_html("<hr>".join(rich)[:_MOST_LOOKED_AT]))


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    found = payload if isinstance(payload, bytes) else b""
    try:
        charset = codecs.lookup(part.get_content_charset("utf-8")).name
    except (LookupError, ValueError):  # no such character set
        charset = "utf-8"
    # Some that Python knows are for no text, or take hours over a large one.
    return found.decode(charset if charset.startswith(_CHARSETS) else "utf-8", "replace")


def _attachments(parts: list[Message]) -> tuple[tuple[Attached, ...], tuple[str, ...]]:
    taken: list[Attached] = []
    left_out: list[str] = []
    room = MOST_ALL
    for part in parts:
        shown = not _is_attached(part) and part.get_content_maintype() in ("text", "multipart")
        if shown or part.get_content_type() in _SIGNATURES:
            continue
        name = _name(part)
        one = _attached(part, name) if len(taken) < MOST_ATTACHMENTS else None
        size = len(one.text.encode("utf-8", "replace")) if one else 0
        if one is None or size > room:
            left_out.append(name)
        else:
            taken.append(one)
            room -= size
    return tuple(taken), tuple(left_out[:MOST_ATTACHMENTS])


def _name(part: Message) -> str:
    """Return what an attachment is called, as one line without a path."""
    told = part.get_filename() or ""
    # Many write it as RFC 2047 has words of a subject; a name that cannot be read so is kept as it stands.
    with suppress(HeaderParseError, LookupError, ValueError):
        told = str(make_header(decode_header(told)))
    given = "".join(c for c in told if c.isprintable())
    name = " ".join(re.split(r"[/\\]", given)[-1].split())[-100:]
    return name if len(name) >= 3 else f"{part.get_content_type()} {name}".strip()[:100]


def _attached(part: Message, name: str) -> Attached | None:
    """Return a text as an attachment; nothing where it is none, or too large."""
    textual = part.get_content_maintype() == "text" or part.get_content_type() in _TEXT_TYPES
    if not textual and PurePosixPath(name.lower()).suffix not in _TEXT_NAMES:
        return None
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes) or b"\0" in payload:
        return None
    try:
        return Attached(kind="file", name=name, text=_decoded(part))
    except ValidationError:
        return None


# -- what servers say ---------------------------------------------------------------------------------


def _report(mail: Message) -> Report | None:
    if mail.get_content_type() != "multipart/report":
        return None
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status":
            return _delivery(part)
    return Report(failed=False)


def _delivery(part: Message) -> Report:
    """Read the blocks of a report: one for the mail, and one for each whom it was for."""
    blocks = part.get_payload()
    for block in blocks if isinstance(blocks, list) else []:
        assert isinstance(block, Message)  # noqa: S101  # the parser's own class
        action = _header(block, "Action").lower()
        if action == "failed":
            status = _header(block, "Status").partition(" ")[0]
            return Report(True, status, _header(block, "Diagnostic-Code")[:300])
    return Report(failed=False)
