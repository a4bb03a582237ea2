"""What the calendar changes, done by itself: a project whose last day is over is closed in Slurm.

Runs as Slurm's own user, beside the queue's publisher; the Hub has no such right. Everything else
that a facility's file says waits for the operator's ``werkplaats streams apply``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
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
from werkplaats_hub.streams.model import Kind, Run

_log = logging.getLogger("streams")
#: How often the calendar and the file are looked at, and when Slurm is asked though neither changed.
_LOOK_SECONDS: Final = 30
_ASK_SECONDS: Final = 3600


def closes(change: Change) -> bool:
    """Return whether a change does nothing but close an account."""
    return change.thing.kind is Kind.ACCOUNT and bool(change.before) and dict(change.after) == dict(CLOSED)


def keep_once(instance: Instance, run: Run, now: datetime) -> list[Change]:
    """Close what has ended; return what was closed.

    Raises
    ------
    SlurmFailed, FacilityError
        When Slurm or the file cannot be read, or Slurm does not take the change.
    """
    found = planning.plan(facilities.read(instance.facility), run, now.date())
    ended = replace(found, changes=tuple(filter(closes, found.changes)))
    applied = planning.apply(ended, run)
    if applied.failure:
        raise SlurmFailed(applied.failure)
    return applied.done


def keep(instance: Instance, run: Run, clock: Callable[[], datetime]) -> None:
    """Look now and then, for ever; what fails is tried again at the next look."""
    seen: object = None
    asked = 0.0
    while True:
        try:
            state = (clock().date(), instance.facility.stat().st_mtime_ns)
            if state != seen or time.monotonic() - asked > _ASK_SECONDS:
                for change in keep_once(instance, run, clock()):
                    _log.info("%s is closed: its last day is over", change.thing)
                seen, asked = state, time.monotonic()
        except (SlurmFailed, FacilityError, OSError) as wrong:
            _log.error("%s", wrong)
        time.sleep(_LOOK_SECONDS)


def main() -> None:
    """Run as ``python -m werkplaats_hub.streams.keeper``."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    instance = this_instance()
    keep(instance, Slurm(instance), lambda: datetime.now().astimezone())


if __name__ == "__main__":
    main()
