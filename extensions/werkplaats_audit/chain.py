"""The chain: how an entry is written as one line, and how each line holds on to the one before.

A line is the canonical JSON of its entry: keys in order, no spaces, UTF-8 and nothing escaped that need
not be, which is RFC 8785 for what stands here (texts and whole numbers; keys in ASCII). An entry's hash
is SHA-256 over the hash before it and the canonical JSON of everything else in it. So a line can be
written in one way only, and a byte that differs is found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from werkplaats_audit.events import MOST_LINE, Entry

#: What stands before the first entry.
START: Final = "0" * 64
#: No line is longer (bytes): what a client sent, and what the audit adds.
MOST_WRITTEN: Final = 2 * MOST_LINE

_KEYS: Final = {
    "number",
    "at",
    "source",
    "closes",
    "outcome",
    "event",
    "detail",
    "previous",
    "hash",
}


class Garbled(ValueError):
    """A line is not one that the audit wrote."""


def canonical(value: Mapping[str, Any]) -> bytes:
    r"""Return the one way in which an object is written.

    >>> canonical({"b": "é", "a": 1})
    b'{"a":1,"b":"\xc3\xa9"}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def linked(rest: Mapping[str, Any], previous: str) -> tuple[bytes, str]:
    """Return the line of an entry that follows one with the hash `previous`, and its own hash.

    Parameters
    ----------
    rest
        All of it but the two hashes; `at` in whole milliseconds.
    """
    found = _hash(rest, previous)
    return canonical({**rest, "previous": previous, "hash": found}) + b"\n", found


def read(line: bytes) -> dict[str, Any]:
    """Read one line, and see that nothing in it was changed; where it stands is not looked at.

    Raises
    ------
    Garbled
    """
    held = loosely(line)
    if held.keys() != _KEYS or not all(isinstance(held[key], str) for key in ("previous", "hash")):
        raise Garbled("it is no entry")
    rest = {key: value for key, value in held.items() if key not in ("previous", "hash")}
    try:
        if canonical(held) + b"\n" != line:
            raise Garbled("it is not written as the audit writes")
        found = _hash(rest, held["previous"])
    except ValueError as wrong:
        raise Garbled(str(wrong)) from None
    if found != held["hash"]:
        raise Garbled("its hash is not that of what it says")
    return held


def loosely(line: bytes) -> dict[str, Any]:
    """Read one line without a look at its hash.

    Raises
    ------
    Garbled
        When it is not an object with a number.
    """
    try:
        held = json.loads(line)
    except (ValueError, RecursionError):
        raise Garbled("it is no JSON") from None
    if not isinstance(held, dict) or type(held.get("number")) is not int:
        raise Garbled("it is no entry")
    return held


def entry(held: Mapping[str, Any]) -> Entry:
    """Return what a line says as an entry."""
    return Entry.model_validate({**held, "at": held["at"] / 1000})


def _hash(rest: Mapping[str, Any], previous: str) -> str:
    return hashlib.sha256(bytes.fromhex(previous) + canonical(rest)).hexdigest()
