"""How many *launches* of one person run at once: what they do to their own keeps nobody else waiting.

*launch* runs as the person, who may stop it in the middle. Such a one is not heard after its time, and
keeps its person's place until it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final

#: Of one person: a start, and something beside it. More wait for one another.
AT_ONCE: Final = 2


class AllStuck(Exception):
    """Every place of this person is taken by a program that does not end."""


@dataclass
class _Person:
    running: int = 0
    stuck: int = 0
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def wake(self) -> None:
        """Have all who wait look again, in their order."""
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)


class Places:
    """The places that are taken, by person."""

    def __init__(self) -> None:
        self._people: dict[str, _Person] = {}

    async def enter(self, user: str) -> None:
        """Take a place of a person, once there is one.

        Raises
        ------
        AllStuck
            When waiting would be for what does not end.
        """
        person = self._people.setdefault(user, _Person())
        while person.running + person.stuck >= AT_ONCE:
            if person.stuck >= AT_ONCE:
                raise AllStuck(f"{person.stuck} earlier ones of {user} have not ended")
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            person.waiting.append(turn)
            await turn
            person = self._people.setdefault(user, person)
        person.running += 1

    def leave(self, user: str) -> None:
        """Give a place back."""
        self._people[user].running -= 1
        self._changed(user)

    def stays(self, user: str, ended: Awaitable[object]) -> None:
        """Keep a place taken, beside the one that is given back, until something has ended."""
        self._people[user].stuck += 1

        def over(done: asyncio.Future[object]) -> None:
            if not done.cancelled():
                done.exception()
            self._people[user].stuck -= 1
            self._changed(user)

        asyncio.ensure_future(ended).add_done_callback(over)

    def _changed(self, user: str) -> None:
        person = self._people[user]
        person.wake()
        if not person.running and not person.stuck:
            del self._people[user]
