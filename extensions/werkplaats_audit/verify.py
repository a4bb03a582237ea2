"""Whether a journal is what the audit wrote: every line, the chain through them, and every signed head.

It reads the files from front to back and keeps a line of each, whatever their length.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from werkplaats_audit import chain, heads
from werkplaats_audit.files import lines
from werkplaats_audit.heads import Place
from werkplaats_audit.journal import HEADS, JOURNAL
from werkplaats_datasets.signed import Checker, Forged

#: What is found beyond this is counted, and not said.
MOST_SAID: Final = 20
#: How long to wait for an audit that is writing to have written (s).
_SETTLES: Final = 3.0


@dataclass(frozen=True)
class Fault:
    """Something that the audit did not write so.

    Attributes
    ----------
    entry
        The number of the entry that it is about, or that should stand there.
    """

    entry: int
    what: str


@dataclass
class Report:
    """What was found.

    Attributes
    ----------
    faults
        The first of them, in the order of the files.
    count
        How many there are.
    since, last_at
        When the first and the last entry were written (Unix time, s).
    """

    faults: list[Fault] = field(default_factory=list)
    count: int = 0
    entries: int = 0
    since: float = 0.0
    last_at: float = 0.0
    head: str = chain.START
    heads: int = 0
    anchored: int = 0

    def wrong(self, entry: int, what: str) -> None:
        """Take up a fault."""
        self.count += 1
        if len(self.faults) < MOST_SAID:
            self.faults.append(Fault(entry, what))


def verify(folder: Path, checker: Checker, anchor: Path | None = None, settles: float = _SETTLES) -> Report:
    """Read a journal whole, while the audit may be writing in it.

    Parameters
    ----------
    folder
        Holds the journal and its heads.
    anchor
        The heads at the second place, or a copy of them that somebody kept elsewhere.
    settles
        How long to wait for an audit that is writing to have written (s).

    Raises
    ------
    OSError
        When the anchor is not there, or a file cannot be read.
    """
    report = Report()
    second = anchor.stat().st_size if anchor else 0  # first: it is written last
    sizes = _settled(folder, checker, settles)
    beside = _Heads(report, checker, folder / HEADS, sizes[1], "signed")
    apart = _Heads(report, checker, anchor, second, "signed at the second place")
    for number, held in _walk(report, folder / JOURNAL, sizes[0]):
        _meet(report, beside, number, held)
        apart.pass_by(number, held)
    _end(report, beside, apart)
    report.heads, report.anchored = beside.count, apart.count
    return report


def _settled(folder: Path, checker: Checker, settles: float) -> tuple[int, int]:
    """Return the lengths of journal and heads at a moment at which both end at the same entry."""
    end = time.monotonic() + settles
    while True:
        sizes = _size(folder / JOURNAL), _size(folder / HEADS)
        last = _last_line(folder / JOURNAL, sizes[0], chain.MOST_WRITTEN)
        signed = _last_line(folder / HEADS, sizes[1], heads.MOST_WRITTEN)
        try:
            if chain.loosely(last)["number"] == heads.read(checker, signed).entry:
                return sizes
        except (Forged, chain.Garbled):
            pass
        if not (last or signed) or time.monotonic() > end:
            return sizes
        time.sleep(0.01)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _last_line(path: Path, size: int, most: int) -> bytes:
    if not size:
        return b""
    with path.open("rb") as file:
        file.seek(max(0, size - most))
        tail = file.read(min(size, most))
    return tail[tail.rfind(b"\n", 0, len(tail) - 1) + 1 :]


def _walk(report: Report, path: Path, size: int) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Return every entry with its number, None for one that cannot be believed; say what is wrong."""
    number, previous = 0, chain.START
    for line in lines(path, size, chain.MOST_WRITTEN):
        number += 1
        try:
            held = chain.read(line)
        except chain.Garbled as wrong:
            half = (
                "" if line.endswith(b"\n") else "; it is half a line, which the audit's next start puts away"
            )
            report.wrong(number, f"was changed after it was written ({wrong}){half}")
            previous = ""  # what follows is held against its own hash and head alone
            yield number, None
            continue
        if held["number"] != number:
            report.wrong(number, _misplaced(number, held["number"]))
        elif previous and held["previous"] != previous:
            report.wrong(number, "does not follow from the one before it: that one was changed or replaced")
        number, previous = held["number"], held["hash"]
        _take_up(report, held)
        yield number, held


def _misplaced(expected: int, found: int) -> str:
    if found > expected:
        gone = (
            f"the entry {expected} is"
            if found == expected + 1
            else f"the entries {expected} to {found - 1} are"
        )
        return f"{gone} not in its place: deleted, or moved; entry {found} stands there"
    return f"entry {found} stands in its place: moved, or there twice"


def _take_up(report: Report, held: dict[str, Any]) -> None:
    report.entries += 1
    report.since = report.since or held["at"] / 1000
    report.last_at, report.head = held["at"] / 1000, held["hash"]


def _meet(report: Report, beside: _Heads, number: int, held: dict[str, Any] | None) -> None:
    """Hold an entry against the head that must have been signed for it."""
    if not beside.pass_by(number, held):
        report.wrong(
            number,
            "stands under no signed head: another wrote it, or its head was taken away; if it is the last, "
            "the audit may have died over it, and puts it away at its next start",
        )


def _end(report: Report, beside: _Heads, apart: _Heads) -> None:
    """Say what was signed and is no longer in the journal."""
    last = report.entries and report.head
    for one, meaning in ((beside, "the end was cut off"), (apart, "an older state was put back")):
        newest = one.rest()
        if newest is not None:
            ends = "the journal has no entry" if not last else "the journal does not have it"
            report.wrong(newest.entry, f"was {one.how} on {_moment(newest.at)}, and {ends}: {meaning}")


class _Heads:
    """Heads in their order, met one by one as the journal goes by."""

    def __init__(self, report: Report, checker: Checker, path: Path | None, size: int, how: str) -> None:
        self.how, self.count = how, 0
        self._report, self._checker = report, checker
        self._places = self._read(path, size) if path else iter(())
        self._next = next(self._places, None)

    def _read(self, path: Path, size: int) -> Iterator[Place]:
        last = 0
        for line in lines(path, size, heads.MOST_WRITTEN):
            self.count += 1
            try:
                place = heads.read(self._checker, line)
            except Forged as wrong:
                self._report.wrong(last + 1, f"has a forged head: line {self.count} of {path} ({wrong})")
                continue
            if place.entry <= last:
                self._report.wrong(place.entry, f"has its head out of order: line {self.count} of {path}")
                continue
            last = place.entry
            yield place

    def pass_by(self, number: int, held: dict[str, Any] | None) -> bool:
        """Hold an entry against its head; return whether there is one."""
        while self._next and self._next.entry < number:
            self._report.wrong(
                self._next.entry, f"was {self.how} on {_moment(self._next.at)}, and is not in the journal"
            )
            self._next = next(self._places, None)
        if self._next is None or self._next.entry != number:
            return False
        if held is not None and held["hash"] != self._next.hash:
            when = _moment(self._next.at)
            self._report.wrong(number, f"is not what was {self.how} on {when}: it was written anew")
        self._next = next(self._places, None)
        return True

    def rest(self) -> Place | None:
        """Return the newest head that no entry of the journal met."""
        newest = self._next
        for place in self._places if newest else ():
            newest = place
        return newest


def _moment(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at / 1000))
