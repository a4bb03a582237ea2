"""How fast one person may ask for what is written down: so that nobody drowns what others did."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

#: So many in so long (s): more than any notebook needs.
MOST: Final = 30
SECONDS: Final = 10.0
_MOST_PEOPLE: Final = 5000


class Pace:
    """Counts what each person asks for; in memory, for it looks back seconds only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def require(self, person: str) -> None:
        """Count one more.

        Raises
        ------
        Refusal
            When it is too many in too short a time; nothing was written down then.
        """
        now = self._clock()
        with self._lock:
            if len(self._asked) >= _MOST_PEOPLE:
                self._asked = {name: when for name, when in self._asked.items() if when[-1] > now - SECONDS}
            theirs = self._asked.setdefault(person, deque(maxlen=MOST))
            full = len(theirs) == MOST and theirs[0] > now - SECONDS
            if not full:
                theirs.append(now)
        if full:
            raise Refusal("too-fast", _("That is too much at once. Wait ten seconds, and try again."), 429)
