"""Who came for the first time, and how far their account is: one register for the Hub.

It keeps no ledger. Whether somebody has an account is asked, each time, of the machine and of the
shared view of Slurm, which costs next to nothing; only a failure is remembered, for some seconds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from werkplaats_spawners import names
from werkplaats_spawners.cluster import Cluster, Unreachable
from werkplaats_spawners.enrol.client import Enrol
from werkplaats_spawners.enrol.people import find
from werkplaats_spawners.enrol.waiting import NotEnrolled
from werkplaats_spawners.enrol.why import NotMade, Why
from werkplaats_spawners.offer import FIRST_STEPS, Offer
from werkplaats_spawners.sentences import not_enrolled

_log = logging.getLogger(__name__)

#: How long a page waits for an account, and how long Slurm's controller has to show one (seconds).
_PATIENCE: Final = 4.0
_LOOK: Final = 0.2
#: How old the numbers may be by which somebody has an account already: as old as a page's (seconds).
_KNOWN_FOR: Final = 10.0
#: How long nothing is tried anew after it failed (seconds).
_PAUSE: Final = 3.0
#: The same when there is no more room today.
_PAUSE_WHEN_FULL: Final = 60.0
#: After how many seconds a page that is open looks again, by what the account waits for; what only
#: another name or another day mends is not looked at again.
_LOOKS_AGAIN: Final = {Why.WAITING: 3, Why.UNREACHABLE: 10, Why.OTHER: 10}


@dataclass
class _Run:
    """One look at a name, and what had to be done for it."""

    task: asyncio.Task[Why | None]
    ended: float | None = field(default=None)

    @property
    def holds(self) -> bool:
        """Whether it is under way, or failed so lately that another would fail as well."""
        if self.ended is None:
            return True
        why = self.task.result()
        pause = _PAUSE_WHEN_FULL if why is Why.FULL else _PAUSE
        return why is not None and time.monotonic() - self.ended < pause


class Newcomers:
    """The Hub's newcomers.

    Parameters
    ----------
    enrol
        How to make an account.
    cluster
        The shared view of Slurm.
    source
        Returns what the facility offers now: without first steps nobody is enrolled.
    group
        The platform's group, whose members are its people.
    """

    def __init__(self, enrol: Enrol, cluster: Cluster, source: Callable[[], Offer], group: str) -> None:
        self._enrol = enrol
        self._cluster = cluster
        self._source = source
        self._group = group
        self._runs: dict[str, _Run] = {}
        self._begun: set[str] = set()

    def __deepcopy__(self, memo: object) -> Newcomers:
        """Return itself: traitlets copies a configuration for every spawner."""
        return self

    def come(self, name: str) -> None:
        """Begin to make an account for who just signed in, if they have none; wait for nothing.

        Raises
        ------
        NotMade
            When the name belongs to somebody of this machine's who is not of the platform, or nobody
            can take it.
        """
        if find(name, self._group) is None and not names.can_be_a_newcomer(name):
            raise NotMade(Why.NAME, "nobody can take that name")
        if self._welcome:
            self._run(name)

    async def settle(self, name: str) -> None:
        """Wait, some seconds at most, until somebody has an account; begin anew what failed before.

        Raises
        ------
        NotEnrolled
            When they have none yet.
        """
        if not self._welcome:
            return
        await asyncio.wait({self._run(name).task}, timeout=_PATIENCE)
        why = self._why(name)
        if why is not None:
            raise NotEnrolled(why)

    def note(self, name: str) -> str:
        """Return what to tell a person whose account is not there, in a sentence; mostly nothing."""
        why = self._why(name) if self._welcome else None
        return not_enrolled(why).sentence if why else ""

    def looks_again(self, name: str) -> int:
        """Return after how many seconds a page that shows :meth:`note` looks again; 0 for never.

        Each look tries anew what failed, so that nobody has to load a page for it.
        """
        why = self._why(name) if self._welcome else None
        return _LOOKS_AGAIN.get(why, 0) if why else 0

    @property
    def _welcome(self) -> bool:
        return self._source().project(FIRST_STEPS) is not None

    def _why(self, name: str) -> Why | None:
        run = self._runs.get(name)
        if run is None:
            return None
        if run.task.done():
            return run.task.result()
        # A look at somebody whom we know to have all takes no time; who is enrolled is told.
        return Why.WAITING if name in self._begun else None

    def _run(self, name: str) -> _Run:
        """Return the run for a name: one at a time."""
        run = self._runs.get(name)
        if run is None or not run.holds:
            self._runs = {other: kept for other, kept in self._runs.items() if kept.holds}
            run = self._runs[name] = _Run(asyncio.ensure_future(self._bring_in(name)))
            run.task.add_done_callback(lambda task, run=run: _note_the_end(run))  # type: ignore[misc]
        return run

    async def _bring_in(self, name: str) -> Why | None:
        """See that somebody has an account; return why they have none."""
        try:
            if await self._is_in(name):
                self._begun.discard(name)
                return None
            self._begun.add(name)
            began = time.monotonic()
            await self._enrol(name)
            if not await self._appears(name):
                return Why.WAITING
        except Unreachable:
            return Why.UNREACHABLE
        except NotMade as wrong:
            _log.error("%s is not enrolled (%s): %s", name, wrong.why.value, wrong)
            return wrong.why
        except Exception:
            _log.exception("%s is not enrolled", name)
            return Why.OTHER
        self._begun.discard(name)
        _log.info("Enrolled %s in %.1f s", name, time.monotonic() - began)
        return None

    async def _is_in(self, name: str) -> bool:
        """Return whether somebody is a user of this machine's, and may charge anything in Slurm."""
        if find(name, self._group) is None:
            return False
        try:
            known = await self._cluster.view(_KNOWN_FOR, _KNOWN_FOR)
            # That somebody has an account may be old news; that they have none must be of now.
            return bool(known.accounts(name) or (await self._cluster.view(0.0, 0.0)).accounts(name))
        except Unreachable:
            if name in self._begun:
                raise
            return True  # nothing is known; whoever asks for a server is told that of Slurm

    async def _appears(self, name: str) -> bool:
        """Look until Slurm's controller shows a new account, or it has had its time."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            try:
                if (await self._cluster.view(0.0, 0.0)).accounts(name):
                    return True
            except Unreachable:
                pass
            await asyncio.sleep(_LOOK)
        return False


def _note_the_end(run: _Run) -> None:
    run.ended = time.monotonic()
