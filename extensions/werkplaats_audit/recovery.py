"""What a start does with what a crash left: half a line, or an entry that nobody was answered about.

The newest signed head that the audit finds, beside its journal or at the second place, says where the
journal ends. One entry beyond it was never answered for and goes; that it went is written as an
entry. Anything else is no crash's work: then the audit writes nothing, and says so.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from werkplaats_audit import chain, heads
from werkplaats_audit.events import Event, tame
from werkplaats_audit.files import Growing, lines
from werkplaats_audit.heads import Place
from werkplaats_audit.index import Index
from werkplaats_datasets.signed import Checker, Forged

_MEND: Final = "run `werkplaats audit verify`, and read docs/how-to/audit.md"


class Broken(Exception):
    """Journal and signed heads contradict one another; the text says how."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; {_MEND}")


@dataclass(frozen=True)
class Recovered:
    """What a start found.

    Attributes
    ----------
    last
        Where the journal ends; None when it has no entry.
    signed
        The line of heads that says so.
    mended
        What was put in order, still to be written down.
    """

    index: Index
    last: Place | None
    signed: bytes
    mended: tuple[Event, ...]


def recover(journal: Growing, beside: Growing, anchor: Growing, checker: Checker) -> Recovered:
    """Put journal, heads and second place in order, and read the journal once.

    Raises
    ------
    Broken
    OSError
    """
    mended = [event for each in (beside, anchor) for event in _without_half_line(each, heads.MOST_WRITTEN)]
    found = [_last(each, checker) for each in (beside, anchor)]
    last, signed = max(found, key=lambda pair: pair[0].entry if pair[0] else 0)
    if any(place and last and place.entry == last.entry and place.hash != last.hash for place, _ in found):
        raise Broken(f"two heads of entry {last.entry if last else 0} were signed, and they differ")
    index, end = _read(journal, last)
    mended += _without_tail(journal, end)
    for each, (place, _) in zip((beside, anchor), found, strict=True):
        if last and (place is None or place.entry < last.entry):
            mended.append(_mend(f"gave {each.path} the last head, which it lacked"))
            each.add(signed)
            each.keep()
    return Recovered(index, last, signed, tuple(mended))


def _last(file: Growing, checker: Checker) -> tuple[Place | None, bytes]:
    """Return the last head of a file, and its line."""
    if not file.size:
        return None, b""
    line = file.tail(heads.MOST_WRITTEN).splitlines(keepends=True)[-1]
    try:
        return heads.read(checker, line), line
    except Forged as wrong:
        raise Broken(f"the last line of {file.path} is not a head that this audit signed ({wrong})") from None


def _read(journal: Growing, last: Place | None) -> tuple[Index, int]:
    """Read the journal up to its signed end; return the index and where that end is."""
    index, offset, previous = Index(), 0, chain.START
    for line in lines(journal.path, journal.size, chain.MOST_WRITTEN) if last else ():
        try:
            held = chain.loosely(line)
            if held["number"] != len(index) + 1 or held["previous"] != previous:
                raise Broken(f"entry {len(index) + 1} of the journal does not follow from the one before")
            offset, previous = offset + len(line), held["hash"]
            index.add(offset, held)
        except (chain.Garbled, KeyError, TypeError) as wrong:
            raise Broken(f"entry {len(index) + 1} of the journal cannot be read ({wrong})") from None
        if last and len(index) == last.entry:
            break
    if last and (len(index), previous) != (last.entry, last.hash):
        raise Broken(f"entry {last.entry} was signed, and the journal holds another or ends before it")
    return index, offset


def _without_half_line(file: Growing, most: int) -> list[Event]:
    """Cut what stands after the last whole line."""
    whole = file.tail(most)
    half = whole[whole.rfind(b"\n") + 1 :]
    if len(half) == most:
        raise Broken(f"the end of {file.path} is nothing that this audit wrote")
    return _cut(file, file.size - len(half), half)


def _without_tail(journal: Growing, end: int) -> list[Event]:
    """Cut what stands beyond the signed end: at most one entry, or a part of one."""
    tail = journal.read(end, chain.MOST_WRITTEN + 1)
    if len(tail) > chain.MOST_WRITTEN or b"\n" in tail[:-1]:
        raise Broken("the journal has entries after its last signed one")
    return _cut(journal, end, tail)


def _cut(file: Growing, size: int, what: bytes) -> list[Event]:
    if not what:
        return []
    file.cut(size)
    digest = hashlib.sha256(what).hexdigest()
    return [_mend(f"cut from {file.path.name}, which nobody was answered about", len(what), digest, what)]


def _mend(what: str, size: int = 0, digest: str = "", cut: bytes = b"") -> Event:
    detail = {"what": what}
    if cut:
        detail |= {"bytes": str(size), "sha256": digest, "text": tame(cut.decode(errors="replace"), 1000)}
    return Event(kind="mend", detail=detail)
