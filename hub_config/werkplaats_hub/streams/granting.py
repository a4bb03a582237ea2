"""What the desk grants becomes so in Slurm by itself: new projects, and new people in them.

Runs within the keeper, as Slurm's own user. It only ever adds, and only below projects that a file in
``projects.d`` names; what else differs (hours, people who left) waits for the operator's ``apply``.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Container, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from werkplaats_hub import facility as facilities
from werkplaats_hub.instance import Instance
from werkplaats_hub.slurm_commands import SlurmFailed
from werkplaats_hub.streams import plan as planning
from werkplaats_hub.streams.changes import Change, Sign
from werkplaats_hub.streams.model import Kind, Run
from werkplaats_hub.streams.plan import Plan

_log = logging.getLogger("streams")
#: At least this long between two looks: a class that joins in the same minute is a few plans, not thirty.
_LEAST_SECONDS: Final = 2
#: How long nothing is tried after a failure.
_AFTER_FAILURE_SECONDS: Final = 15


def adds(change: Change, granted: Container[str]) -> bool:
    """Return whether a change does nothing but add a granted project, or somebody to one."""
    of_one = change.thing.kind in (Kind.ACCOUNT, Kind.USER) and change.thing.name in granted
    return of_one and change.sign is Sign.ADD and not change.thing.partition


def grant_once(instance: Instance, run: Run, now: datetime) -> list[Change]:
    """Add what was granted and is not in Slurm yet; return what was added.

    Each project is added for itself, so that one which Slurm refuses keeps no other from its people.

    Raises
    ------
    SlurmFailed, FacilityError
        When Slurm or the file cannot be read, or Slurm did not take something.
    """
    own = {project.name for project in facilities.read(instance.facility).projects}
    facility = facilities.read(instance.facility, instance.drop)
    granted = [project.name for project in facility.projects if project.name not in own]
    if not granted:
        return []
    done: list[Change] = []
    failures: list[str] = []
    for part in _parts(planning.plan(facility, run, now.date()), granted):
        applied = planning.apply(part, run)
        done += applied.done
        failures += [applied.failure] if applied.failure else []
    if failures:
        raise SlurmFailed("; ".join(failures))
    return done


def _parts(whole: Plan, granted: list[str]) -> Iterator[Plan]:
    for name in granted:
        changes = tuple(change for change in whole.changes if adds(change, {name}))
        if changes:
            yield replace(whole, changes=changes)


class Granting:
    """When the desk's folder was last looked at."""

    def __init__(self, instance: Instance, run: Run) -> None:
        self._instance, self._run = instance, run
        self._seen = -1
        self._next = -math.inf

    def look(self, now: datetime) -> None:
        """Add what is new, soon after the desk wrote it."""
        version = self._instance.drop.version()
        if version == self._seen or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _AFTER_FAILURE_SECONDS
        for change in grant_once(self._instance, self._run, now):
            _log.info("%s is there: the desk granted it", change.thing)
        self._seen = version
        self._next = time.monotonic() + _LEAST_SECONDS
