"""Amounts, durations and days as people say them, in the reader's language."""

from __future__ import annotations

from datetime import date, datetime

from babel.dates import format_date, format_time
from babel.numbers import format_decimal

from werkplaats_spawners.language import current
from werkplaats_spawners.language import gettext as _


def gpu_hours(minutes: int) -> str:
    """Return GPU-minutes as hours with at most one decimal, never more than there are.

    >>> from werkplaats_spawners.language import speaking
    >>> with speaking("nl"):
    ...     gpu_hours(12345), gpu_hours(59)
    ('205,7', '0,9')
    """
    return format_decimal(minutes * 10 // 60 / 10, format="#,##0.#", locale=current())


def duration(minutes: int) -> str:
    """Return a length of time, such as ``1 h 10 min``."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return _("{minutes} min").format(minutes=rest)
    if not rest:
        return _("{hours} h").format(hours=hours)
    return _("{hours} h {minutes} min").format(hours=hours, minutes=rest)


def gpus(number: int) -> str:
    """Return a number of GPUs, such as ``2 GPUs``."""
    return _("1 GPU") if number == 1 else _("{number} GPUs").format(number=number)


def day(moment: date | datetime, now: date | datetime) -> str:
    """Return a day, such as ``1 december``; with the year where it is another than that of `now`."""
    pattern = "d MMMM" if moment.year == now.year else "d MMMM y"
    return format_date(moment, pattern, locale=current())


def clock(moment: datetime) -> str:
    """Return a time of day, such as ``14:20``."""
    return format_time(moment, "H:mm", locale=current())


def either(choices: list[str]) -> str:
    """Return choices as one phrase: ``a``, ``a or b``, ``a, b or c``."""
    if len(choices) < 2:
        return "".join(choices)
    return _("{first} or {last}").format(first=", ".join(choices[:-1]), last=choices[-1])
