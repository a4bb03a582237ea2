"""The journal of the audit: entries are added, on disk and under a signed head before anybody is told."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

from werkplaats_audit import chain, heads
from werkplaats_audit.events import Entry, Event, Head, Outcome, Source
from werkplaats_audit.files import Growing
from werkplaats_audit.heads import Place
from werkplaats_audit.index import Field
from werkplaats_audit.recovery import recover
from werkplaats_datasets.signed import Checker, Signer

#: The names of its files.
JOURNAL: Final = "journal"
HEADS: Final = "heads"
#: One answer holds no more than this (bytes of the journal), whatever was asked.
_MOST_READ: Final = 8 * 1024 * 1024


class Refused(Exception):
    """What was asked cannot be written; `reason` is one word."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Journal:
    """A journal with its heads beside it and at a second place; one process alone has it open.

    Parameters
    ----------
    folder
        Holds the journal and its heads.
    anchor
        The file at the second place.
    signer
        Signs every head.
    clock
        Returns Unix time (s).

    Raises
    ------
    Broken
        When journal and heads contradict one another.
    OSError
    """

    def __init__(
        self, folder: Path, anchor: Path, signer: Signer, clock: Callable[[], float] = time.time
    ) -> None:
        self._signer, self._clock = signer, clock
        self._files: list[Growing] = []
        self._torn = False
        try:
            for path in (folder / JOURNAL, folder / HEADS, anchor):
                self._files.append(Growing(path))
            journal, beside, second = self._files
            found = recover(journal, beside, second, Checker(signer.public()))
        except BaseException:
            self.close()
            raise
        self._entries = journal
        self._index, self._last, self._signed = found.index, found.last, found.signed
        self._unsaid = list(found.mended)
        with contextlib.suppress(OSError):  # a full disk: it is said before what is written next
            self._say()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        while self._files:
            self._files.pop().close()

    def begin(self, source: Source, event: Event, outcome: Outcome | None = None) -> Head:
        """Write down an act that begins, or one that is over at once.

        Raises
        ------
        OSError
            When it is not on disk; then nothing of it is.
        Changed
        """
        return self._add(source, event=event, outcome=outcome)

    def end(self, source: Source, number: int, outcome: Outcome, detail: Mapping[str, str]) -> Head:
        """Write down how an act has ended: once, and by who began it.

        Raises
        ------
        Refused
        OSError
        Changed
        """
        begun = self._index.open.get(number)
        if number > len(self._index):
            raise Refused("no-such-entry", f"there is no entry {number}")
        if begun is None:
            raise Refused("closed", f"entry {number} is closed already, or closes another")
        if begun.source != source:
            raise Refused("not-yours", f"entry {number} was begun by {begun.source}; who began it closes it")
        return self._add(source, closes=number, outcome=outcome, detail=detail)

    def read(self, wanted: Mapping[Field, str], after: int, most: int, before: int = 0) -> list[Entry]:
        """Return entries in their order, at most so many: the first after one, or the last before one.

        Any thread may read, while one adds.

        Raises
        ------
        Garbled
        Changed
            When it was let go of meanwhile.
        OSError
        """
        found: list[Entry] = []
        size = 0
        numbers = self._index.find_last(wanted, before) if before else self._index.find(wanted, after)
        for number in islice(numbers, most):
            line = self._line(number)
            size += len(line)
            if found and size > _MOST_READ:
                break
            found.append(chain.entry(chain.read(line)))
        return found[::-1] if before else found

    def head(self) -> Head:
        """Return where the journal ends."""
        if self._last is None:
            return Head(entry=0, hash=chain.START, signed="")
        return Head(entry=self._last.entry, hash=self._last.hash, signed=self._signed.decode().rstrip("\n"))

    def open(self) -> int:
        """Return how many acts were begun and not closed."""
        return len(self._index.open)

    def _line(self, number: int) -> bytes:
        start, end = self._index.place(number)
        return self._entries.read(start, end - start)

    def _add(self, source: Source, **what: Any) -> Head:
        self._say()
        return self._write(source, **what)

    def _say(self) -> None:
        """Write down what the start put in order."""
        while self._unsaid:
            self._write("audit", event=self._unsaid[0], outcome="done")
            self._unsaid.pop(0)

    def _write(
        self,
        source: Source,
        *,
        event: Event | None = None,
        closes: int | None = None,
        outcome: Outcome | None = None,
        detail: Mapping[str, str] | None = None,
    ) -> Head:
        self._take_back()
        for file in self._files:
            file.require_same()
        now = int(self._clock() * 1000)
        rest = {
            "number": len(self._index) + 1,
            "at": now,
            "source": source,
            "closes": closes,
            "outcome": outcome,
            "event": event.model_dump() if event else None,
            "detail": dict(detail or {}),
        }
        line, digest = chain.linked(rest, self._last.hash if self._last else chain.START)
        place = Place(entry=len(self._index) + 1, hash=digest, at=now)
        signed = heads.sign(self._signer, place)
        self._put(line, signed)
        self._index.add(self._entries.size, rest)
        self._last, self._signed = place, signed
        return self.head()

    def _put(self, line: bytes, signed: bytes) -> None:
        """Write to the three files, one after another; what fails takes the others back with it."""
        self._torn = True
        try:
            for file, data in zip(self._files, (line, signed, signed), strict=True):
                file.add(data)
        except OSError:
            self._take_back()
            raise
        for file in self._files:
            file.keep()
        self._torn = False

    def _take_back(self) -> None:
        """Take back what was not written whole; where that fails, before the next that is written.

        The other way round than it was written: where it breaks off, by a crash, an entry under a head
        that is still there stays, and the next start finds both.
        """
        if self._torn:
            for file in reversed(self._files):
                file.cut()
            self._torn = False
