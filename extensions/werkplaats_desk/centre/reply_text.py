"""What somebody wrote in a reply, without the mail that it answers."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from werkplaats_desk.centre.mail_words import MARKERS

_BREAKS: Final = frozenset(
    {
        "blockquote",
        "p",
        "div",
        "br",
        "li",
        "tr",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "pre",
        "table",
        "ul",
        "ol",
        "hr",
    }
)
_HIDDEN: Final = frozenset({"script", "style", "head", "title", "template"})
#: The line with which a mail program begins what it quotes; some break it in two.
_WROTE: Final = re.compile(
    r"(?=.*[0-9@])((Op|On|Am|Le) .{4,250}(schreef|wrote|geschreven|schrieb|a écrit).{0,200}:?"
    r"|.{4,250}(schreef|wrote).{0,80}:)"
)
_HEADS: Final = re.compile(
    r"-{2,} ?(Oorspronkelijk bericht|Original Message|Doorgestuurd bericht|Forwarded message) ?-{2,}",
    re.IGNORECASE,
)
_RULE: Final = re.compile(r"_{20,}")
#: Two dashes and a space begin a signature (RFC 3676, 4.3); without the space they may be somebody's text.
_SIGNATURE: Final = "-- "
_HEADER: Final = re.compile(r"\*?(Van|From|Verzonden|Sent|Aan|To|Onderwerp|Subject|Datum|Date|Cc):\*? .*")


def reply_of(text: str) -> str:
    r"""Return what somebody wrote, without what they quote.

    What stands above our line was written by them, and, where their program marks each quoted line with
    ``>``, what is not marked. A mail without the line is cut where its end is quoted.

    >>> reply_of("Thanks!\n\nOn 1 Jan 2026 at 9:00 Help wrote:\n> ##- Reply above this line -##\n> ...")
    'Thanks!'
    >>> reply_of("> first?\nYes.\n> second?\nNo.\n> bye")
    '> first?\nYes.\n> second?\nNo.'
    """
    lines = [line if line == _SIGNATURE else line.rstrip() for line in text.split("\n")]
    at = next((i for i, line in enumerate(lines) if any(one in line for one in MARKERS.values())), None)
    if at is not None and not _quotes_and_goes_on(lines, at):
        lines = lines[:at]
    elif at is not None:
        del lines[at]
    return "\n".join(_without_the_end(lines, quotes=at is not None)).strip()


def _quotes_and_goes_on(lines: list[str], at: int) -> bool:
    """Return whether the line is quoted with ``>``, and something is written below it."""
    if not lines[at].lstrip().startswith(">"):
        return False
    own = [line for line in _without_signature(lines[at + 1 :]) if line and not _quoted(line)]
    return bool(own)


def _without_the_end(lines: list[str], *, quotes: bool) -> list[str]:
    """Take what is quoted from the end, and what announced it, where something was quoted."""
    kept = _without_signature(_before_the_original(lines))
    while True:
        while kept and (not kept[-1] or _quoted(kept[-1])):
            quotes = bool(kept.pop()) or quotes
        announced = _announcement(kept) if quotes else 0
        if not announced:
            break
        # Above it something may be quoted again. Each line is looked at once, however often that is so.
        del kept[-announced:]
        quotes = False
    while quotes and kept and _HEADER.fullmatch(kept[-1].strip()):
        kept.pop()
    return kept


def _announcement(kept: list[str]) -> int:
    """Return how many lines at the end announce what is quoted; a program may have broken them."""
    for several in (1, 2, 3):
        last = " ".join(line.strip() for line in kept[-several:])
        if len(kept) >= several and _WROTE.fullmatch(last):
            return several
    return 0


def _before_the_original(lines: list[str]) -> list[str]:
    """Cut where a program says that the original begins: in words, or with a rule above its headers."""
    for at, line in enumerate(lines):
        below = lines[at + 1].strip() if at + 1 < len(lines) else ""
        ruled = _RULE.fullmatch(line.strip()) and _HEADER.fullmatch(below)
        if ruled or _HEADS.fullmatch(line.strip()):
            return lines[:at]
    return lines


def _without_signature(lines: list[str]) -> list[str]:
    at = next((i for i, line in enumerate(lines) if line == _SIGNATURE), None)
    return lines if at is None else lines[:at]


def _quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


class _Reader(HTMLParser):
    """Keeps the text of HTML: a line for each block, and ``>`` before what is quoted."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._hidden: list[str] = []
        self._quotes = self._pre = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self._hidden.clear()  # a head need not be closed
        elif tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag in _BREAKS:
            self._within(tag, 1)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                pass
        elif tag in _BREAKS:
            self._within(tag, -1)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._pre:
            self.found.append(self._break.join(data.split("\n")))
            return
        begins = not self.found or self.found[-1] == self._break
        text = re.sub(r"\s+", " ", data)
        self.found.append(text.lstrip() if begins else text)

    def _within(self, tag: str, step: int) -> None:
        if tag == "blockquote":
            self._quotes = max(0, self._quotes + step)
        elif tag == "pre":
            self._pre = max(0, self._pre + step)
        self.found.append(self._break)

    @property
    def _break(self) -> str:
        return "\n> " if self._quotes else "\n"


def from_html(text: str) -> str:
    r"""Return the text of HTML, what it quotes with ``>`` before each line; nothing of it is kept as HTML.

    >>> from_html("<style>p{}</style><p>Yes, <b>that</b> is it.</p><blockquote>old</blockquote>&lt;b&gt;")
    'Yes, that is it.\n\n> old\n<b>'
    """
    reader = _Reader()
    # A tag at the end has it hand out what it still holds. To close it would do so too, and can take
    # hours over markup that is never finished; what follows such markup is left out.
    reader.feed(text + "<br>")
    lines = "".join(reader.found).split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()
