"""How much a request may bring, by where it goes; and how many large ones are in memory at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

#: Largest body of a request: five fields, one of them a page of text.
MOST_BYTES: Final = 64 * 1024
#: Of a form with a long message, of which a browser writes each letter of some scripts with nine.
_MOST_FORM: Final = 256 * 1024
#: Of a question with what comes along.
_MOST_UPLOAD: Final = 12 * 1024 * 1024
#: How many uploads are taken at once, of everybody and of one person, and how long one may last (s).
AT_ONCE: Final = 4
EACH: Final = 2
SECONDS: Final = 120.0
#: What stands in the scope of a request whose large body is wanted: the connection waits for that one.
ADMITTED: Final = "werkplaats.admitted"


@dataclass(frozen=True)
class Bound:
    """How much comes in at most.

    Attributes
    ----------
    most
        Bytes.
    upload
        Whether so much is taken only of who has a token, and of few at once.
    """

    most: int
    upload: bool = False

    @property
    def sentence(self) -> str:
        """What who sent more is told."""
        if self.upload:
            return _(
                "This is too large. What goes with a question is 10 MB at most, and one attachment 8 MB. "
                "Leave one out, send a notebook without its outputs, or say in your question where the "
                "file is."
            )
        if self.most == _MOST_FORM:
            return _(
                "This is too long. A message has at most 20,000 characters; go back, make it shorter, and "
                "send it."
            )
        return _(
            "This is too long. A request has at most 4000 characters; go back, make it shorter, and send it."
        )


_USUAL: Final = Bound(MOST_BYTES)
_FORM: Final = Bound(_MOST_FORM)
_UPLOAD: Final = Bound(_MOST_UPLOAD, upload=True)
_PATHS: Final = (
    (re.compile(r"api/tickets(/\d+/messages)?"), _UPLOAD),
    (re.compile(r"(help|inbox)(/.*)?"), _FORM),
)


def bound(path: str, prefix: str) -> Bound:
    """Return how much a request may bring.

    Parameters
    ----------
    path, prefix
        Of the request, and of the desk.
    """
    below = path.removeprefix(prefix)
    return next((found for pattern, found in _PATHS if pattern.fullmatch(below)), _USUAL)


class Structure:
    r"""Counts what of a JSON text stands outside of its strings, as the text comes in.

    A question is a few long strings. Megabytes of brackets would become hundreds of megabytes of objects.

    >>> counted = Structure()
    >>> for piece in (b'{"a": "x\\', b'"y", "b": [', b'1, 2]}'):
    ...     counted.feed(piece)
    >>> counted.outside
    14
    """

    def __init__(self) -> None:
        self.outside = 0
        self._inside = self._escaped = False

    def feed(self, piece: bytes) -> None:
        """Look at the next piece."""
        at = 1 if self._escaped and piece else 0
        self._escaped = self._escaped and not piece
        while at < len(piece):
            at = self._string(piece, at) if self._inside else self._between(piece, at)

    def _between(self, piece: bytes, at: int) -> int:
        quote = piece.find(b'"', at)
        end = quote if quote >= 0 else len(piece)
        self.outside += end - at
        self._inside = quote >= 0
        return end + 1

    def _string(self, piece: bytes, at: int) -> int:
        found = _IN_STRING.match(piece, at)
        end = found.end() if found else at
        if end < len(piece):  # its last quote, or a backslash of which the other half is still to come
            self._escaped = piece[end] == ord("\\")
            self._inside = self._escaped
        return end + 1


_IN_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)


class Uploads:
    """The uploads that are taken at this moment.

    Parameters
    ----------
    admit
        Returns whose request it is, or refuses it.
    """

    def __init__(self, admit: Callable[[Request], str]) -> None:
        self._admit = admit
        self._now: Counter[str] = Counter()

    @asynccontextmanager
    async def one(self, request: Request) -> AsyncIterator[None]:
        """Take one, until it is done with.

        Raises
        ------
        Refusal
            When it is nobody's, or there are too many already.
        """
        name = await run_in_threadpool(self._admit, request)
        if self._now[name] >= EACH:
            sentence = _("You are sending something already. Wait until that is there, and send this then.")
            raise Refusal("too-fast", sentence, 429)
        if self._now.total() >= AT_ONCE:
            sentence = _(
                "Many people are sending something at this moment, so nothing was taken. Your text is still "
                "with you: send it again in a minute."
            )
            raise Refusal("busy", sentence, 503)
        self._now[name] += 1
        try:
            yield
        finally:
            self._now[name] -= 1
            self._now += Counter()  # forgets who has none
