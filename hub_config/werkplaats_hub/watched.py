"""The installed ``facility.toml`` as it is now: the Hub need not start afresh when it changes."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from werkplaats_hub import facility as facilities
from werkplaats_hub.facility import Facility, FacilityError
from werkplaats_hub.granted import Drop
from werkplaats_spawners.offer import Offer

_log = logging.getLogger(__name__)


class WatchedFacility:
    """The facility, read anew when its file or the desk's folder is another; called, it returns the offer.

    A file that cannot be used is passed over, with a line in the log: what it said before stays.
    """

    def __init__(self, path: Path, facility: Facility, drop: Drop | None = None) -> None:
        self._path = path
        self._drop = drop
        self._facility = facility
        self._seen = self._look()

    def __deepcopy__(self, memo: object) -> WatchedFacility:
        """Return itself: traitlets copies a configuration for every spawner."""
        return self

    def __call__(self) -> Offer:
        """Return what requests are judged against, as the file now says it."""
        return self.facility.offer

    @property
    def facility(self) -> Facility:
        """What the file now says; looking at it costs microseconds."""
        now = self._look()
        if now != self._seen:
            self._seen = now
            try:
                self._facility = facilities.read(self._path, self._drop)
                _log.info("%s has changed, and was read", self._path)
            except FacilityError as wrong:
                _log.error("What was offered stays: %s", wrong)
        return self._facility

    def _look(self) -> tuple[int, ...]:
        """Return what tells one version of the file, and of the desk's folder, from another."""
        granted = self._drop.version() if self._drop else 0
        try:
            status = os.stat(self._path)
        except OSError:
            return (0, 0, 0, granted)
        return (status.st_ino, status.st_mtime_ns, status.st_size, granted)
