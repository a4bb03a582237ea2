"""What a benchmark prints: one figure, one JSON line."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number beside its peer's; less is better in all of them so far.

    Attributes
    ----------
    name
        As the issue that asks for it names it.
    ours, peer
        In `unit`; `peer` is ``None`` where nothing is comparable.
    n
        How many repeats stand behind each number.
    """

    name: str
    ours: float
    peer: float | None
    unit: str
    n: int

    @property
    def ratio(self) -> float | None:
        """The peer's over ours: more than 1 is better than the peer; nothing where ours is none at all.

        >>> Figure("post_to_ready", 2.0, 3.0, "s", 9).ratio
        1.5
        """
        return None if self.peer is None or not self.ours else round(self.peer / self.ours, 3)

    def line(self) -> str:
        """Return the JSON line.

        >>> Figure("a", 20.12345, None, "MB", 1).line()
        '{"figure": "a", "ours": 20.123, "peer": null, "ratio": null, "unit": "MB", "n": 1}'
        """
        return json.dumps(
            {
                "figure": self.name,
                "ours": round(self.ours, 3),
                "peer": None if self.peer is None else round(self.peer, 3),
                "ratio": self.ratio,
                "unit": self.unit,
                "n": self.n,
            }
        )


def percentile_90(values: Sequence[float]) -> float:
    """Return the 90th percentile, interpolated between the values that were measured.

    >>> percentile_90([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    10.0
    """
    return statistics.quantiles(values, n=10, method="inclusive")[8]


def say(text: str) -> None:
    """Print progress: on standard error, so that standard output holds figures only."""
    print(text, file=sys.stderr, flush=True)
