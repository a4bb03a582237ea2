"""The audit, asked by a daemon that goes on with others meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from werkplaats_audit.client import Audit
from werkplaats_audit.events import Event, Outcome

#: How many people's acts are written down at once; those of one person come one after another anyway.
_AT_ONCE: Final = 8


class Told:
    """Tells the audit, each time in a thread: a disk that is slow holds up nobody else's mount.

    Who asks awaits the answer, so that what belongs together keeps its order.
    """

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._threads = ThreadPoolExecutor(_AT_ONCE, "audit")

    async def begin(self, event: Event) -> int:
        """Write down that an act begins, and return the entry's number.

        Raises
        ------
        AuditAway
        """
        return await self._told(lambda: self._audit.begin(event))

    async def close(self, entry: int, outcome: Outcome, detail: Mapping[str, str] | None = None) -> int:
        """Write down how an act that was begun has ended.

        Raises
        ------
        AuditAway
        """
        return await self._told(lambda: self._audit.close(entry, outcome, detail))

    async def note(self, event: Event, outcome: Outcome) -> int:
        """Write down an act that is over at once.

        Raises
        ------
        AuditAway
        """
        return await self._told(lambda: self._audit.note(event, outcome))

    async def _told(self, telling: Callable[[], int]) -> int:
        return await asyncio.get_running_loop().run_in_executor(self._threads, telling)
