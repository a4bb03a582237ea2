"""What the desk does by itself: files of what was granted, and the numbers of the public account."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from werkplaats_desk import allocation
from werkplaats_desk.centre import figures, tickets
from werkplaats_desk.desk import Desk
from werkplaats_desk.published import Away

_log = logging.getLogger(__name__)
_SECONDS: Final = 60.0


class Chores:
    """A thread that looks every minute; what fails is tried again, and keeps nothing else from it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="chores", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; one that is under way is not waited for."""
        self._over.set()

    def once(self) -> None:
        """Do everything once."""
        self._do("outbox", self._desk.publish)
        self._do("questions", lambda: self._questions(int(time.time())))
        self._do("allocation", lambda: allocation.refresh(self._desk, datetime.now()))
        self._do("expertise", self._count_help)

    def _count_help(self) -> None:
        with self._desk.database.transaction() as session:
            figures.refresh(session, self._desk.settings, datetime.now())

    def _questions(self, now: int) -> None:
        """See to questions whose expert left, that nobody wrote in any more, or that are long over."""
        told = self._desk.settings.help
        with self._desk.database.transaction() as session:
            tickets.release_left(session, [expert.name for expert in told.experts] if told else [])
            tickets.close_silent(session, now)
        with self._desk.database.transaction() as session:
            tickets.empty_old(session, now)

    def _do(self, name: str, chore: Callable[[], object]) -> None:
        try:
            chore()
            self._desk.problems.pop(name, None)
        except (OSError, SQLAlchemyError, Away, ValueError, KeyError) as wrong:
            self._desk.problems[name] = str(wrong)
            _log.error("%s: %s", name, wrong)
        except Exception as wrong:  # nobody foresaw it; the others, and the next minute, go on
            self._desk.problems[name] = f"{type(wrong).__name__}: {wrong}"
            _log.exception("%s", name)

    def _work(self) -> None:
        while True:
            self.once()
            if self._over.wait(_SECONDS):
                return
