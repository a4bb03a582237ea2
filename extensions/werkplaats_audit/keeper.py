"""What the audit answers: it alone has the journal open, and says of every trouble what it is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from werkplaats_audit import messages
from werkplaats_audit.chain import Garbled
from werkplaats_audit.events import Head, Source
from werkplaats_audit.files import Changed
from werkplaats_audit.index import Field
from werkplaats_audit.journal import Journal, Refused
from werkplaats_audit.messages import OF, Begin, Close, Message, Read
from werkplaats_audit.recovery import Broken

_log = logging.getLogger(__name__)

_NO_DISK: Final = (
    "nothing was written and nothing may begin: {}. Make room, or mend that place; it goes on by itself"
)


#: What is still to be read for an answer, in whichever thread there is for that.
Reading = Callable[[], dict[str, Any]]


class Keeper:
    """Answers one message after another, in one thread; what takes a while to read it gives away.

    Parameters
    ----------
    opened
        Opens the journal; it is called again when that failed, or the files were changed.
    """

    def __init__(self, opened: Callable[[], Journal]) -> None:
        self._opened = opened
        self._journal: Journal | None = None
        self._doubted: Journal | None = None

    def answer(self, source: Source, line: bytes) -> dict[str, Any] | Reading:
        """Return the answer to one line of a desk or a mount daemon, or what to read for it."""
        try:
            return self._answered(source, messages.read(line))
        except Refused as wrong:
            return trouble(wrong.reason, str(wrong))
        except OSError as wrong:
            _log.error("nothing can be written: %s", wrong)
            return trouble("disk", _NO_DISK.format(wrong.strerror or wrong))
        except (Broken, Changed, Garbled) as wrong:
            _log.error("%s", wrong)
            self.close()
            return trouble("broken", f"nothing was written and nothing may begin: {wrong}")

    def journal(self) -> Journal:
        """Return the journal, opened.

        Raises
        ------
        Broken
        OSError
        """
        if self._doubted is not None and self._doubted is self._journal:
            self.close()
        if self._journal is None:
            self._journal = self._opened()
            _log.info("the journal has %d entries", self._journal.head().entry)
        return self._journal

    def signed(self) -> str:
        """Return the last signed head, or nothing where no journal is open; any thread may ask."""
        journal = self._journal
        return journal.head().signed if journal is not None else ""

    def close(self) -> None:
        """Let go of the journal; the next message opens it again."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _answered(self, source: Source, message: Message) -> dict[str, Any] | Reading:
        """Answer; where another wrote in the files, look once at what a start makes of them."""
        try:
            return self._answer(source, message)
        except Changed as wrong:
            _log.error("%s", wrong)
            self.close()
            return self._answer(source, message)

    def _answer(self, source: Source, message: Message) -> dict[str, Any] | Reading:
        journal = self.journal()
        if isinstance(message, Begin):
            if message.kind not in OF[source]:
                raise Refused("not-yours", f"{source} writes no {message.kind}")
            return _written(journal.begin(source, message.event(), message.outcome))
        if isinstance(message, Close):
            return _written(journal.end(source, message.entry, message.outcome, message.detail))
        if isinstance(message, Read):
            return partial(self._read, journal, message)
        return journal.head().model_dump()

    def _read(self, journal: Journal, message: Read) -> dict[str, Any]:
        """Read what was asked for; a journal that cannot be read is opened anew for the next message."""
        try:
            found = journal.read(_wanted(message), message.after, message.most, message.before)
        except OSError as wrong:
            _log.error("the journal cannot be read: %s", wrong)
            return trouble("disk", f"the journal cannot be read: {wrong.strerror or wrong}")
        except (Changed, Garbled) as wrong:
            _log.error("%s", wrong)
            self._doubted = journal
            return trouble("broken", f"the journal cannot be read: {wrong}")
        return {"entries": [entry.model_dump() for entry in found]}


def trouble(reason: str, message: str) -> dict[str, Any]:
    """Return the answer that says that something was not done."""
    return {"trouble": reason, "message": message}


def _written(head: Head) -> dict[str, Any]:
    return {"entry": head.entry, "hash": head.hash}


def _wanted(message: Read) -> dict[Field, str]:
    wanted: dict[Field, str] = {
        "person": message.person,
        "dataset": message.dataset,
        "project": message.project,
    }
    return {name: value for name, value in wanted.items() if value}
