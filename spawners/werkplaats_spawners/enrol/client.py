"""The Hub's side of *enrol*: ask sudo to run it, and read its one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from werkplaats_spawners.asking import NoAnswer, ask
from werkplaats_spawners.enrol.why import NotMade, Why

#: How many run at once: useradd takes one at a time, Slurm's accounting a few.
_AT_ONCE: Final = 4
#: Longer than enrol's own limit, so that its answer arrives.
_TIMEOUT: Final = 65.0


@dataclass(frozen=True)
class Enrol:
    """How the Hub runs *enrol*: ``sudo -n -u root PROGRAM``.

    Attributes
    ----------
    program
        The path of the root-owned program, exactly as the sudo rule names it.
    prefix
        The command that changes identity.
    """

    program: str
    prefix: Sequence[str] = ("sudo", "-n", "-u", "root")
    _places: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(_AT_ONCE), repr=False, compare=False
    )

    async def __call__(self, name: str) -> None:
        """Make a newcomer's account, or find it made.

        Raises
        ------
        NotMade
            When it was not, or nothing is known.
        """
        async with self._places:
            try:
                answer = await ask([*self.prefix, self.program], {"name": name}, _TIMEOUT, "enrol")
            except NoAnswer as wrong:
                raise NotMade(Why.UNREACHABLE if wrong.late else Why.OTHER, str(wrong)) from wrong
        if answer != {"ok": True}:
            known = {why.value: why for why in Why}
            why = known.get(str(answer.get("trouble")), Why.OTHER)
            raise NotMade(why, str(answer.get("message", "")))
