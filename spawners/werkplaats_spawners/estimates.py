"""When a server would start, asked of Slurm as the person, beside the pages that show it.

An answer is kept for ten seconds, and the same question is never asked twice at a time. Few are
asked at once, and fewer for one person, so that looking at a page takes nothing from starting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from werkplaats_spawners.launch.client import Launch, LaunchFailed, Start
from werkplaats_spawners.policy import Granted

#: How long an answer is shown, seconds.
KEPT: Final = 10.0
#: How many are asked at once, and how many questions of one person may wait for that.
_AT_ONCE: Final = 3
_OF_ONE_PERSON: Final = 12
#: An answer is forgotten after this, seconds.
_FORGOTTEN: Final = 120.0

_Key = tuple[str, str, str, str, int]


@dataclass(frozen=True)
class Estimate:
    """An answer: when it would start, or why it would not, and when that was asked (Unix time)."""

    at: float
    start: Start | None = None
    failed: LaunchFailed | None = None


class Estimates:
    """The answers that are known now; one for the whole Hub.

    Parameters
    ----------
    launch
        How to ask.
    """

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._known: dict[_Key, Estimate] = {}
        self._asking: dict[_Key, asyncio.Future[None]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    def __deepcopy__(self, memo: object) -> Estimates:
        """Return itself: traitlets copies a configuration for every spawner."""
        return self

    def known(self, user: str, granted: Granted, max_age: float = KEPT) -> Estimate | None:
        """Return an answer of at most that age, in seconds; ask for none."""
        found = self._known.get(_key(user, granted))
        return found if found and found.at > time.time() - max_age else None

    def ask(self, user: str, granted: Granted, max_age: float = KEPT) -> asyncio.Future[None] | None:
        """See to it that an answer comes, unless one of that age is there or too many are asked for."""
        key = _key(user, granted)
        if self.known(user, granted, max_age):
            return None
        if key not in self._asking and sum(1 for other in self._asking if other[0] == user) < _OF_ONE_PERSON:
            self._asking[key] = asyncio.ensure_future(self._learn(key))
        return self._asking.get(key)

    async def learn(self, user: str, grants: Iterable[Granted], within: float) -> None:
        """Wait until all of these are known, or the time (seconds) is over."""
        asked = [future for granted in grants if (future := self.ask(user, granted))]
        if asked:
            await asyncio.wait(asked, timeout=within)

    async def _learn(self, key: _Key) -> None:
        user, account, qos, flavour, minutes = key
        try:
            async with self._places:
                asked = time.time()
                try:
                    answer = await self._launch.when(
                        user, flavour=flavour, account=account, qos=qos, minutes=minutes
                    )
                except LaunchFailed as failed:
                    self._known[key] = Estimate(asked, failed=failed)
                else:
                    self._known[key] = Estimate(asked, start=answer)
        finally:
            del self._asking[key]
            self._forget()

    def _forget(self) -> None:
        oldest = time.time() - _FORGOTTEN
        for key in [key for key, known in self._known.items() if known.at < oldest]:
            del self._known[key]


def _key(user: str, granted: Granted) -> _Key:
    return user, granted.account, granted.qos, granted.flavour.name, granted.minutes
