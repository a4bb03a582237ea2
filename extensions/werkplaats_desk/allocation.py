"""The public account: per stream and month, how the guarantee was honoured. No person is in it.

=============  ======================================================================================
guaranteed     the stream's share of all GPU-hours that the cluster had in the month
used           what ran under the stream's own QOS
borrowed       what its projects ran on what other streams left idle
lent           its part of all that was borrowed: Slurm lends from one pool, so it is apportioned by
               how much of its guarantee each lending stream left idle
=============  ======================================================================================
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from werkplaats_desk.desk import Desk
from werkplaats_desk.models import Application, Course, MonthOfStream
from werkplaats_desk.settings import Settings

#: How many months the account goes back, and how old the running month's hours may grow (s).
MONTHS: Final = 12
_FRESH: Final = 45
#: Accounting rolls up once an hour, so a month is not final at its last midnight (s).
_SETTLES: Final = 2 * 3600
NOT_MEASURED: Final = "not measured yet"


@dataclass(frozen=True)
class Figures:
    """One stream in one month, in GPU-hours."""

    stream: str
    guaranteed: float
    used: float
    lent: float
    borrowed: float


def figures(settings: Settings, month: Mapping[str, Any], stream_of: Mapping[str, str]) -> list[Figures]:
    """Return every stream's part of a month.

    Parameters
    ----------
    month
        The publisher's answer: ``gpu_minutes``, and ``used`` by account and QOS.
    stream_of
        The stream of every account.
    """
    had = float(month["gpu_minutes"]) / 60
    used, borrowed = _sums(settings, month["used"], stream_of)
    idle = {s.name: max(0.0, s.share * had - used[s.name]) if s.lends else 0.0 for s in settings.streams}
    all_idle, all_borrowed = sum(idle.values()), sum(borrowed.values())
    return [
        Figures(
            stream=s.name,
            guaranteed=s.share * had,
            used=used[s.name],
            lent=all_borrowed * idle[s.name] / all_idle if all_idle else 0.0,
            borrowed=borrowed[s.name],
        )
        for s in settings.streams
    ]


def _sums(
    settings: Settings, rows: Iterable[Mapping[str, Any]], stream_of: Mapping[str, str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the hours of each stream under its own QOS, and under that of borrowed capacity."""
    used = {stream.name: 0.0 for stream in settings.streams}
    borrowed = dict(used)
    for row in rows:
        hours, qos = float(row["gpu_minutes"]) / 60, str(row["qos"])
        if qos in used:
            used[qos] += hours
        elif qos == settings.lent and stream_of.get(str(row["account"])) in borrowed:
            borrowed[stream_of[str(row["account"])]] += hours
    return used, borrowed


def wanted(session: Session, now: datetime) -> list[str]:
    """Return the months of which accounting is to be asked: new ones, and those that were not over yet."""
    kept = dict(session.execute(select(MonthOfStream.month, MonthOfStream.at)).all())
    return [name for name in last_months(now, MONTHS) if _is_old(name, kept.get(name, 0), now)]


def _is_old(name: str, at: int, now: datetime) -> bool:
    final = _end(name) + _SETTLES
    return at < final and now.timestamp() - at > _FRESH


def _end(name: str) -> float:
    """Return the Unix time at which a month is over, by this machine's clock."""
    year, month = int(name[:4]), int(name[5:])
    return datetime(year + month // 12, month % 12 + 1, 1).timestamp()


def last_months(now: datetime, number: int) -> list[str]:
    """Return the last months, this one last.

    >>> last_months(datetime(2026, 2, 3), 3)
    ['2025-12', '2026-01', '2026-02']
    """
    ordinal = now.year * 12 + now.month - 1
    return [f"{o // 12:04}-{o % 12 + 1:02}" for o in range(ordinal - number + 1, ordinal + 1)]


def refresh(desk: Desk, now: datetime) -> None:
    """Ask accounting for what is old, and keep it.

    Raises
    ------
    Away
        When it does not answer; what was kept stays, with its age.
    """
    settings = desk.settings
    with desk.database.transaction() as session:
        names = wanted(session, now)
        streams = {**settings.projects, **granted(session)}
    for name in reversed(names):  # this month first: it is the one that is looked at
        answer = desk.queue.months([name])["months"].get(name)
        if answer is not None:
            with desk.database.transaction() as session:
                _keep(session, name, figures(settings, answer, streams), int(answer["at"]))


def granted(session: Session) -> dict[str, str]:
    """Return the desk's own projects, each with its stream."""
    pairs = [
        *session.execute(select(Application.project, Application.stream)),
        *session.execute(select(Course.project, Course.stream)),
    ]
    return {project: stream for project, stream in pairs if project}


def _keep(session: Session, name: str, found: Sequence[Figures], at: int) -> None:
    session.execute(delete(MonthOfStream).where(MonthOfStream.month == name))
    session.add_all(
        MonthOfStream(
            month=name, stream=f.stream, guaranteed=f.guaranteed, used=f.used, lent=f.lent,
            borrowed=f.borrowed, at=at,
        )
        for f in found
    )  # fmt: skip


def account(session: Session, settings: Settings) -> list[MonthOfStream]:
    """Return the account: the latest month first, in it the streams in the facility's order.

    Months before the cluster had anything are left out.
    """
    order = {stream.name: index for index, stream in enumerate(settings.streams)}
    rows = list(session.scalars(select(MonthOfStream)))
    began = {row.month for row in rows if row.guaranteed or row.used or row.borrowed}
    latest = max((row.month for row in rows), default="")
    kept = [row for row in rows if row.month in began or row.month == latest]
    kept.sort(key=lambda row: (order.get(row.stream, len(order)), row.stream))
    return sorted(kept, key=lambda row: row.month, reverse=True)


COLUMNS: Final = (
    "month",
    "stream",
    "guaranteed_gpu_hours",
    "used_gpu_hours",
    "lent_gpu_hours",
    "borrowed_gpu_hours",
    "energy_kwh",
    "as_of",
)


def as_csv(rows: Iterable[MonthOfStream]) -> str:
    """Return the account as CSV (RFC 4180), with a dot for decimals whatever the reader's language."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        hours = [f"{value:.2f}" for value in (row.guaranteed, row.used, row.lent, row.borrowed)]
        at = datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds")
        writer.writerow([row.month, row.stream, *hours, NOT_MEASURED, at])
    return out.getvalue()
