"""When an answer is expected."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from werkplaats_desk.centre.states import Urgency
from werkplaats_desk.settings import Settings

_HERE: Final = ZoneInfo("Europe/Amsterdam")
_OPENS: Final = 9
_CLOSES: Final = 17
#: In working days.
_DAYS: Final[dict[Urgency, int]] = {"high": 1, "normal": 2, "low": 5}


def expected(
    session: Session, settings: Settings, stream: str, topic: str, language: str, urgency: Urgency, now: int
) -> int:
    """Return by when an answer comes (Unix time, s)."""
    at = datetime.fromtimestamp(now, _HERE)
    if at.hour >= _CLOSES:
        at = (at + timedelta(1)).replace(hour=_OPENS, minute=0, second=0, microsecond=0)
    elif at.hour < _OPENS:
        at = at.replace(hour=_OPENS, minute=0, second=0, microsecond=0)
    while at.weekday() > 4:
        at = (at + timedelta(1)).replace(hour=_OPENS, minute=0, second=0, microsecond=0)
    for _day in range(_DAYS[urgency]):
        at += timedelta(1)
        while at.weekday() > 4:
            at += timedelta(1)
    return int(at.timestamp())
