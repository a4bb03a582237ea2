r"""A text as the rules of :mod:`werkplaats_widgets.redacting` read it: one character for each thing.

A rule must not read a mark that stands already, and must see that ``\n`` within a notebook's JSON is the
end of a line and no letter. So for as long as the rules look, each of those is one character for
private use, of which :data:`MARKS` and the constants below are all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: What was taken out, as a mark says it. One language for all: the person and the expert who reads it may
#: speak different ones, and a text must stay the same however often it goes through here.
KINDS: Final = (
    "password",
    "token",
    "key",
    "private key",
    "cookie",
    "BSN",
    "IBAN",
    "card number",
    "e-mail",
    "phone number",
)
_FIRST: Final = 0x10FF80
#: The character that stands for each kind's mark.
MARKS: Final = {kind: chr(_FIRST + at) for at, kind in enumerate(KINDS)}

#: As JSON and Python write them within a string: the end of a line, a tab, quotes, the start of a colour.
NEWLINE: Final = chr(_FIRST + 32)
RETURN: Final = chr(_FIRST + 33)
TAB: Final = chr(_FIRST + 34)
DOUBLE: Final = chr(_FIRST + 35)
SINGLE: Final = chr(_FIRST + 36)
ESCAPES: Final = tuple(chr(_FIRST + 37 + at) for at in range(4))
#: The letter that ends a colour: it stands right before a word, and is no part of it.
COLOUR: Final = chr(_FIRST + 41)

_WRITTEN: Final = {
    **{f"[removed: {kind}]": mark for kind, mark in MARKS.items()},
    "\\n": NEWLINE,
    "\\r": RETURN,
    "\\t": TAB,
    '\\"': DOUBLE,
    "\\'": SINGLE,
    **dict(zip(("\\u001b", "\\x1b", "\\033", "\\e["), ESCAPES, strict=True)),
}
_COLOURED: Final = re.compile(f"([\x1b{''.join(ESCAPES)}]\\[[0-9;]{{0,20}})m")
#: A run of letters and digits this long is data, such as a picture: its middle is put aside, unread.
_DATA: Final = re.compile(r"(?<=[A-Za-z0-9+/]{128})[A-Za-z0-9+/]{4096,}+")
#: The characters that stand for what was put aside.
_ASIDE: Final = range(0x10C000, _FIRST)
_RESERVED: Final = re.compile(f"[{chr(_ASIDE[0])}-{chr(_FIRST + 63)}]")
#: Where characters that somebody used from our range are put meanwhile.
_ELSEWHERE: Final = range(0xF0000, 0xFFFFE)


@dataclass(frozen=True)
class Reading:
    """A text in this form, and the way back.

    Attributes
    ----------
    others
        What stands for what: of this range's own characters that the text had, and of what was put aside.
    """

    text: str
    others: dict[str, str]

    @classmethod
    def of(cls, text: str) -> Reading:
        """Read a text."""
        moved = _free(text) if _RESERVED.search(text) else {}
        text = _exchanged(text, moved)
        aside: dict[str, str] = {}

        def put(found: re.Match[str]) -> str:
            if len(aside) == len(_ASIDE):
                return found[0]
            one = chr(_ASIDE[len(aside)])
            aside[one] = found[0]
            return one

        text = _exchanged(_DATA.sub(put, text), _WRITTEN)
        others = {other: found for found, other in moved.items()} | aside
        return cls(_COLOURED.sub(rf"\1{COLOUR}", text), others)

    def back(self, text: str) -> str:
        """Return what the rules made of it, as people write it."""
        text = _exchanged(text, {one: written for written, one in _WRITTEN.items()} | {COLOUR: "m"})
        # All at once: what was put aside can have been many, and each look at a text takes its time.
        return (
            text.translate({ord(one): found for one, found in self.others.items()}) if self.others else text
        )


def _exchanged(text: str, others: dict[str, str]) -> str:
    for found, other in others.items():
        text = text.replace(found, other)
    return text


def _free(text: str) -> dict[str, str]:
    seen = set(text)
    free: Iterator[str] = (chr(code) for code in _ELSEWHERE if chr(code) not in seen)
    # Nobody has a text in which none is free; its characters would become the one for "unknown".
    return {one: next(free, "\ufffd") for one in sorted(seen) if _RESERVED.match(one)}
