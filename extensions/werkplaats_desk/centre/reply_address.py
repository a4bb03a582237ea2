"""Addresses that the desk makes for mail that comes back: of a reply, and of a bounce.

``help+t17-SECRET@domain`` is where one correspondent replies in ticket 17, ``help+b33-SECRET@domain`` where
a server says that mail 33 could not be delivered. The number only says where to look: the secret is made
of it, of who it was given to, and of a key of the desk's, and decides alone. It is written in an alphabet
of one case, for a mail server may fold the part before the ``@``.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
from dataclasses import dataclass
from typing import Final, Literal

from werkplaats_desk.settings import Mail

#: Of the 32 bytes of HMAC-SHA256: 128 bits, 26 letters and digits.
_BYTES: Final = 16
_TAG: Final = re.compile(r"(?P<kind>[tb])(?P<number>[1-9][0-9]{0,9})-(?P<secret>[a-z2-7]{26})")


@dataclass(frozen=True)
class Tag:
    """What stands between ``+`` and ``@`` of an address, before its secret was looked at.

    Attributes
    ----------
    kind
        ``t`` of a ticket, ``b`` of a mail that bounced.
    """

    kind: Literal["t", "b"]
    number: int
    secret: str


def takes_replies(mail: Mail) -> bool:
    """Return whether what is sent to these addresses reaches the desk.

    Without its key the desk makes none, and mail says so: nobody's question waits for that.
    """
    key = mail.key_file
    return mail.incoming is not None and key is not None and os.access(key, os.R_OK)


def of_reply(mail: Mail, ticket: int, name: str) -> str:
    """Return where somebody replies in a ticket."""
    return _address(mail, "t", ticket, name)


def of_bounce(mail: Mail, number: int) -> str:
    """Return where a server says that a mail could not be delivered (VERP)."""
    return _address(mail, "b", number, "")


def read(mail: Mail, address: str) -> Tag | None:
    """Return the tag of an address; nothing where it is none of ours."""
    local, _at, domain = address.lower().rpartition("@")
    ours, _at, our_domain = mail.sender.lower().rpartition("@")
    name, plus, rest = local.rpartition("+")
    found = _TAG.fullmatch(rest)
    if domain != our_domain or name != ours or not plus or found is None:
        return None
    number = int(found["number"])
    return Tag("t" if found["kind"] == "t" else "b", number, found["secret"]) if number < 2**31 else None


def opens(mail: Mail, tag: Tag, name: str = "") -> bool:
    """Return whether a tag's secret is the one that `name` was given; in the same time for every secret."""
    return hmac.compare_digest(tag.secret, _secret(mail, tag.kind, tag.number, name))


def _address(mail: Mail, kind: Literal["t", "b"], number: int, name: str) -> str:
    local, _at, domain = mail.sender.rpartition("@")
    return f"{local}+{kind}{number}-{_secret(mail, kind, number, name)}@{domain}"


def _secret(mail: Mail, kind: str, number: int, name: str) -> str:
    assert mail.key_file is not None  # noqa: S101  # `takes_replies` was asked
    key = mail.key_file.read_bytes().strip()
    digest = hmac.digest(key, f"{kind}:{number}:{name}".encode(), "sha256")
    return base64.b32encode(digest[:_BYTES]).decode().rstrip("=").lower()
