"""Days of the periods in which Slurm counts hours: they begin at midnight of the first of a month."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final, Literal

Period = Literal["monthly", "quarterly", "yearly"]

_MONTHS: Final = {"monthly": 1, "quarterly": 3, "yearly": 12}


def first_day(period: Period, today: date) -> date:
    """Return the first day of the period that runs.

    >>> first_day("quarterly", date(2026, 11, 21)).isoformat()
    '2026-10-01'
    """
    months = _MONTHS[period]
    return date(today.year, (today.month - 1) // months * months + 1, 1)


def last_periods_first_day(period: Period, today: date) -> date:
    """Return the first day of the period before the one that runs.

    >>> last_periods_first_day("monthly", date(2026, 1, 31)).isoformat()
    '2025-12-01'
    """
    return first_day(period, first_day(period, today) - timedelta(days=1))


def midnight(day: date) -> int:
    """Return the Unix time at which a day begins, by this machine's clock."""
    return int(datetime(day.year, day.month, day.day).timestamp())
