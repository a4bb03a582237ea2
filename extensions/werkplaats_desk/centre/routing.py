"""Whose turn it is: every stream's part of the experts' hours holds in any four weeks.

Of the streams with a question that waits for an expert, the one goes first that had least of its guarantee
in the last seven days. What a stream does not ask for is used by others at once, and a stream that comes
back goes before them until it had its part: nothing is reserved into emptiness. Looking back over a week
keeps the four weeks best: looking back over all four, a stream that once used what was idle waits for long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

#: How far is looked back (s).
WINDOW: Final = 7 * 24 * 3600
#: How long an expert works on one question before it is looked at again whose turn it is (minutes).
SITTING: Final = 60


@dataclass(frozen=True)
class Answerer:
    """An expert, as far as it matters for whose turn it is.

    Attributes
    ----------
    topics
        Names of topics; empty for all of them.
    hours_per_week
        How long they answer questions (h).
    """

    name: str
    topics: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset({"nl", "en"})
    hours_per_week: float = 0.0

    def knows(self, topic: str, language: str) -> bool:
        """Return whether they can answer a question about a topic, in its language."""
        return language in self.languages and (not self.topics or topic in self.topics)


class Turns:
    """What each stream had of the experts' time lately, and who goes first by that.

    Parameters
    ----------
    guarantees
        Each stream's part of the experts' hours, by its name; they sum to at most 1.
    """

    def __init__(self, guarantees: Mapping[str, float]) -> None:
        self._guarantees = guarantees
        self._worked: deque[tuple[float, str, float]] = deque()
        self._had: dict[str, float] = {}

    def worked(self, at: float, stream: str, minutes: float) -> None:
        """Count time that an expert worked for a stream.

        Parameters
        ----------
        at
            Unix time (s); not before what was counted before.
        """
        self._worked.append((at, stream, minutes))
        self._had[stream] = self._had.get(stream, 0.0) + minutes

    def had(self, stream: str, now: float) -> float:
        """Return what a stream had in the last seven days (minutes)."""
        while self._worked and self._worked[0][0] <= now - WINDOW:
            _at, name, minutes = self._worked.popleft()
            self._had[name] -= minutes
        return self._had.get(stream, 0.0)

    def turn(self, waiting: Collection[str], now: float) -> str | None:
        """Return the stream that goes first among some; ``None`` among none.

        Of two that had the same part of theirs, the one with the larger guarantee; then by name. A
        stream without a guarantee goes when no other waits.
        """
        return min(waiting, key=lambda stream: self._rank(stream, now), default=None)

    def _rank(self, stream: str, now: float) -> tuple[float, float, str]:
        guarantee = self._guarantees.get(stream, 0.0)
        had = self.had(stream, now)
        return (had / guarantee if guarantee else float("inf"), -guarantee, stream)
