"""How much of a mail is read at all: it comes from anybody, and everybody's waits behind it."""

from __future__ import annotations

from collections.abc import Sequence
from email.policy import Compat32
from typing import Final

#: The most lines of a mail: ten MiB of base64 have 140,000.
MOST_LINES: Final = 200_000
#: The most bytes of one header that is taken apart, and of all headers, of all parts together.
MOST_OF_ONE: Final = 4000
MOST_HEADERS: Final = 256_000
#: The most parts that hold others: each line is held against the ends of all that are open.
MOST_MULTIPARTS: Final = 30
#: What is taken apart; of the others the beginning is looked at.
_TAKEN_APART: Final = ("from", "content-type", "content-disposition", "content-transfer-encoding")


class Unreadable(Exception):
    """What came in cannot be read as a mail."""


class Bounded(Compat32):
    """Python's way to read a mail without taking each header apart, which can take minutes of one.

    A header is looked at when it comes by, before anything is done with it: one of these is for one mail.

    Raises
    ------
    Unreadable
        When there is too much of something; also while it reads.
    """

    _headers: int
    _multiparts: int

    def __init__(self, content: bytes) -> None:
        super().__init__()
        _keep(self, headers=0, multiparts=0)
        lines = content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")
        if lines > MOST_LINES:
            raise Unreadable("too many lines")

    def header_source_parse(self, sourcelines: Sequence[str]) -> tuple[str, str]:
        """Return a header, as it stands there; its lines come in."""
        size = sum(map(len, sourcelines))
        name, value = super().header_source_parse(list(sourcelines))
        low = name.strip().lower()
        holds = low == "content-type" and "multipart" in value.lower()
        _keep(self, headers=self._headers + size, multiparts=self._multiparts + holds)
        if self._headers > MOST_HEADERS or (low in _TAKEN_APART and size > MOST_OF_ONE):
            raise Unreadable("headers too long")
        if self._multiparts > MOST_MULTIPARTS:
            raise Unreadable("too many parts that hold others")
        return name, value


def _keep(policy: Bounded, *, headers: int, multiparts: int) -> None:
    """Set what was counted; a policy otherwise never changes."""
    object.__setattr__(policy, "_headers", headers)
    object.__setattr__(policy, "_multiparts", multiparts)
