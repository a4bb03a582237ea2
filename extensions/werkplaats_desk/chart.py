"""A chart of the public account: per stream a row of months; drawn on the server, read without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from werkplaats_desk.models import MonthOfStream

WIDTH: Final = 640
HEIGHT: Final = 150
_TOP: Final = 12
_BOTTOM: Final = 22
_LEFT: Final = 56
_PLOT: Final = HEIGHT - _TOP - _BOTTOM


@dataclass(frozen=True)
class Bar:
    """A rectangle; `kind` is its class in the style sheet."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """One stream: bars, the months below them, and the height of the scale (GPU-hours)."""

    stream: str
    bars: tuple[Bar, ...]
    months: tuple[tuple[float, str], ...]
    top: float
    rows: tuple[MonthOfStream, ...]


def charts(rows: Sequence[MonthOfStream], streams: Sequence[str]) -> list[Chart]:
    """Return a chart for each stream, all to one scale, the months from old to new."""
    months = sorted({row.month for row in rows})
    top = max((max(row.guaranteed, row.used + row.borrowed + row.lent) for row in rows), default=0.0) or 1.0
    return [
        _chart(name, sorted((r for r in rows if r.stream == name), key=lambda r: r.month), months, top)
        for name in streams
    ]


def _chart(name: str, rows: Sequence[MonthOfStream], months: Sequence[str], top: float) -> Chart:
    step = (WIDTH - _LEFT) / max(len(months), 4)
    bars: list[Bar] = []
    for row in rows:
        left, wide = _LEFT + months.index(row.month) * step, min(step * 0.7, 60)
        floor = 0.0
        for kind, value in (("used", row.used), ("lent", row.lent), ("borrowed", row.borrowed)):
            bars.append(_bar(kind, left, wide, floor, value, top))
            floor += value
        bars.append(_bar("guaranteed", left - 3, wide + 6, 0, row.guaranteed, top))
    places = tuple((_LEFT + index * step, month) for index, month in enumerate(months))
    return Chart(name, tuple(bars), places, top, tuple(rows))


def _bar(kind: str, x: float, width: float, floor: float, value: float, top: float) -> Bar:
    height = _PLOT * value / top
    y = _TOP + _PLOT * (1 - floor / top) - height
    return Bar(kind, round(x, 1), round(y, 1), round(width, 1), round(height, 1))
