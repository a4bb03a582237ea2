"""How the desk and the mount daemon speak to the audit; without its answer they begin nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from werkplaats_audit.events import MOST_LINE, Entry, Event, Head, Outcome

_MOST_BYTES: Final = 64 * 1024 * 1024
#: How many answers one program reads at once: the audit takes so many connections of it, and what is to
#: be written needs one too.
_MOST_READS: Final = 4


class AuditAway(Exception):
    """The audit did not write it down, or did not say so in time: the act must not begin.

    Attributes
    ----------
    reason
        One word: ``away``, or what the audit said, such as ``disk`` or ``not-yours``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Audit:
    """The audit that listens at a path; every call has a connection of its own.

    Parameters
    ----------
    timeout
        How long one call may take altogether (s).
    """

    def __init__(self, path: Path, timeout: float = 5.0) -> None:
        self._path, self._timeout = path, timeout
        self._reads = threading.BoundedSemaphore(_MOST_READS)

    def begin(self, event: Event) -> int:
        """Write down that an act begins, and return the entry's number once that is on disk.

        Raises
        ------
        AuditAway
        """
        return self._number({"want": "begin", **event.model_dump()})

    def close(self, entry: int, outcome: Outcome, detail: Mapping[str, str] | None = None) -> int:
        """Write down how an act that was begun has ended.

        Raises
        ------
        AuditAway
        """
        close = {"want": "close", "entry": entry, "outcome": outcome, "detail": dict(detail or {})}
        return self._number(close)

    def note(self, event: Event, outcome: Outcome) -> int:
        """Write down an act that is over at once.

        Raises
        ------
        AuditAway
        """
        return self._number({"want": "begin", **event.model_dump(), "outcome": outcome})

    def read(
        self,
        *,
        person: str = "",
        dataset: str = "",
        project: str = "",
        after: int = 0,
        before: int = 0,
        most: int = 500,
    ) -> list[Entry]:
        """Return entries in their order, and what closed them; there can be more while any come.

        Parameters
        ----------
        person, dataset, project
            Of these alone; empty for all.
        after
            Begin after the entry of this number.
        before
            Return the last ones before the entry of this number; 0 for the first ones.

        Raises
        ------
        AuditAway
        """
        ask = {"want": "read", "person": person, "dataset": dataset, "project": project}
        if not self._reads.acquire(timeout=self._timeout):
            raise AuditAway("busy", "too much is read from the audit at once; ask again")
        try:
            answer = self._ask({**ask, "after": after, "before": before, "most": most})
        finally:
            self._reads.release()
        try:
            return [Entry.model_validate_json(json.dumps(one)) for one in answer["entries"]]
        except (KeyError, TypeError, ValidationError) as wrong:
            raise AuditAway("away", f"the audit answered what is no list of entries: {wrong}") from wrong

    def head(self) -> Head:
        """Return where the journal ends.

        Raises
        ------
        AuditAway
        """
        try:
            return Head.model_validate(self._ask({"want": "head"}))
        except ValidationError as wrong:
            raise AuditAway("away", f"the audit answered what is no head: {wrong}") from wrong

    def _number(self, message: Mapping[str, Any]) -> int:
        number = self._ask(message).get("entry")
        if not isinstance(number, int):
            raise AuditAway("away", "the audit did not say which entry it wrote")
        return number

    def _ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        line = json.dumps(message, ensure_ascii=False).encode() + b"\n"
        if len(line) > MOST_LINE:
            raise AuditAway("too-large", "an entry of the audit may not be that long; say it shorter")
        try:
            answer = json.loads(self._exchange(line))
        except (OSError, ValueError) as wrong:
            raise AuditAway("away", f"the audit at {self._path} does not answer: {wrong}") from wrong
        if not isinstance(answer, dict):
            raise AuditAway("away", "the audit answered no object")
        if "trouble" in answer:
            raise AuditAway(str(answer["trouble"]), str(answer.get("message", "")))
        return answer

    def _exchange(self, line: bytes) -> bytes:
        """Send a line and return the one that comes back, both within the time of one call."""
        end = time.monotonic() + self._timeout
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(self._timeout)
            connection.connect(str(self._path))
            with contextlib.suppress(BrokenPipeError):  # it has answered already: that it does not listen
                connection.sendall(line)
            answer = bytearray()
            while not answer.endswith(b"\n"):
                connection.settimeout(max(0.001, end - time.monotonic()))
                part = connection.recv(65536)
                if not part or len(answer) > _MOST_BYTES:
                    raise OSError("the answer broke off")
                answer += part
                if time.monotonic() > end:
                    raise TimeoutError("no answer in time")
        return bytes(answer)
