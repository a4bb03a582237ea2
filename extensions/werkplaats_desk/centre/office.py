"""The hours in which questions are answered: working days, from nine to five."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_ZONE: Final = ZoneInfo("Europe/Amsterdam")
_OPENS: Final = time(9)
_CLOSES: Final = time(17)
#: Of one day, and of one week (h).
DAY: Final = 8.0
WEEK: Final = 5 * DAY


def after(now: float, hours: float) -> int:
    """Return the moment at which so many office hours have passed; public holidays are not known here.

    Parameters
    ----------
    now
        Unix time (s).
    hours
        At least 0; what is far away is told as a year at most.

    >>> friday = datetime(2026, 11, 20, 16, 0, tzinfo=_ZONE).timestamp()
    >>> datetime.fromtimestamp(after(friday, 2), _ZONE).isoformat()
    '2026-11-23T10:00:00+01:00'
    """
    at = datetime.fromtimestamp(now, _ZONE)
    left = timedelta(hours=min(hours, 52 * WEEK))
    while True:
        opens, closes = _hours_of(at)
        begin = max(at, opens)
        if at.weekday() < 5 and begin < closes:
            here = closes.astimezone(UTC) - begin.astimezone(
                UTC
            )  # of two in one zone Python counts the wall clock
            if left <= here:
                return int((begin.astimezone(UTC) + left).timestamp())
            left -= here
        at = datetime.combine(at.date() + timedelta(days=1), _OPENS, _ZONE)


def _hours_of(day: datetime) -> tuple[datetime, datetime]:
    return (
        datetime.combine(day.date(), _OPENS, _ZONE),
        datetime.combine(day.date(), _CLOSES, _ZONE),
    )
