"""When the budgets' period began and when the next one does, as Slurm reckons it.

Slurm resets the usage that ``GrpTRESMins`` limits at ``PriorityUsageResetPeriod`` (slurm.conf(5)), at
midnight of the first day, in the machine's local time: ``_next_reset`` of its multifactor plugin. Its
daily and weekly periods are left out, because Slurm adds seconds for those: when the clock changes
they end an hour early or late, or over and over again (Slurm 22.05 to 24.11).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

Period = Literal["monthly", "quarterly", "yearly"]

_MONTHS: Final = {"monthly": 1, "quarterly": 3, "yearly": 12}


def begin(period: Period, now: datetime) -> datetime:
    """Return the local midnight at which the period of `now` began.

    Parameters
    ----------
    period
        Quarters begin in January, April, July and October.
    now
        A moment; one without a time zone is in the machine's own.
    """
    here = now.astimezone()
    months = _MONTHS[period]
    return _first(here.year, (here.month - 1) // months * months + 1)


def end(period: Period, now: datetime) -> datetime:
    """Return the local midnight at which budgets begin anew, with the time zone of that moment."""
    first = begin(period, now)
    month = first.month + _MONTHS[period]
    return _first(first.year + (month > 12), (month - 1) % 12 + 1)


def _first(year: int, month: int) -> datetime:
    """Return the first midnight of a month, on whichever side of a change of the clock it lies."""
    return datetime(year, month, 1).astimezone()
