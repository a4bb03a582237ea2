"""What is done by itself: projects close and open, and borrowers are told to go.

A project whose last day is over is closed; one that the desk granted is added with its people.

Runs as Slurm's own user, beside the queue's publisher; the Hub has no such right. Everything else
that a facility's file says waits for the operator's ``werkplaats streams apply``.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from werkplaats_hub import facility as facilities
from werkplaats_hub.facility import FacilityError
from werkplaats_hub.instance import Instance, this_instance
from werkplaats_hub.slurm_commands import Slurm, SlurmFailed
from werkplaats_hub.streams import plan as planning
from werkplaats_hub.streams.changes import Change
from werkplaats_hub.streams.desired import CLOSED
from werkplaats_hub.streams.granting import Granting
from werkplaats_hub.streams.model import Kind, Run
from werkplaats_hub.streams.reclaim import Reclaimer
from werkplaats_hub.watched import WatchedFacility

_log = logging.getLogger("streams")
#: How often the calendar and the file are looked at, and when Slurm is asked though neither changed.
_LOOK_SECONDS: Final = 30
_ASK_SECONDS: Final = 3600
#: How often it is looked at whether owners wait.
_TICK_SECONDS: Final = 1


def closes(change: Change, ended: Container[str]) -> bool:
    """Return whether a change does nothing but close the account of a project that ended."""
    of_one = change.thing.kind is Kind.ACCOUNT and change.thing.name in ended
    return of_one and bool(change.before) and dict(change.after) == dict(CLOSED)


def keep_once(instance: Instance, run: Run, now: datetime) -> list[Change]:
    """Close what has ended; return what was closed.

    Raises
    ------
    SlurmFailed, FacilityError
        When Slurm or the file cannot be read, or Slurm does not take the change.
    """
    facility, today = facilities.read(instance.facility, instance.drop), now.date()
    over = {project.name for project in facility.projects if project.ends and project.ends < today}
    found = planning.plan(facility, run, today)
    ended = replace(found, changes=tuple(change for change in found.changes if closes(change, over)))
    applied = planning.apply(ended, run)
    if applied.failure:
        raise SlurmFailed(applied.failure)
    return applied.done


class Calendar:
    """When the calendar and the file were last looked at."""

    def __init__(self, instance: Instance, run: Run) -> None:
        self._instance, self._run = instance, run
        self._seen: object = None
        self._looked = self._asked = -math.inf

    def look(self, now: datetime) -> None:
        """Close what has ended, when the day or the file is another, and now and then anyway."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        state = (now.date(), self._instance.facility.stat().st_mtime_ns, self._instance.drop.version())
        if state == self._seen and time.monotonic() - self._asked < _ASK_SECONDS:
            return
        for change in keep_once(self._instance, self._run, now):
            _log.info("%s is closed: its last day is over", change.thing)
        self._seen, self._asked = state, time.monotonic()


class Lending:
    """Borrowers, and the part of the file that they are judged by."""

    def __init__(self, instance: Instance, run: Run) -> None:
        facility = facilities.read(instance.facility, instance.drop)
        self._file = WatchedFacility(instance.facility, facility, instance.drop)
        self._reclaimer = Reclaimer(run)

    def look(self, now: datetime) -> None:
        """Tell whom owners need to go, and end those whose notice is over."""
        self._reclaimer.look(self._file.facility, now)


def keep(looks: Sequence[Callable[[datetime], None]], clock: Callable[[], datetime]) -> None:
    """Look every second, for ever; what fails is tried again at the next look, and keeps no other."""
    while True:
        for look in looks:
            try:
                look(clock())
            except (SlurmFailed, FacilityError, OSError) as wrong:
                _log.error("%s", wrong)
        time.sleep(_TICK_SECONDS)


def main() -> None:
    """Run as ``python -m werkplaats_hub.streams.keeper``."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    instance = this_instance()
    slurm = Slurm(instance)
    looks = (Calendar(instance, slurm).look, Granting(instance, slurm).look, Lending(instance, slurm).look)
    keep(looks, lambda: datetime.now().astimezone())


if __name__ == "__main__":
    main()
