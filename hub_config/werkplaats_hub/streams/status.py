"""``werkplaats streams status``: use against entitlement, from what Slurm itself counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from werkplaats_hub.facility import Facility
from werkplaats_hub.streams import capacity
from werkplaats_hub.streams.model import Run, tres
from werkplaats_hub.streams.shares import apportion
from werkplaats_spawners import period
from werkplaats_spawners.limits import Association, parse_associations, parse_qos, show_limits
from werkplaats_spawners.offer import LENT


@dataclass(frozen=True)
class StreamStatus:
    """One stream.

    Attributes
    ----------
    gpus, in_use
        Its share, and how much of that is in use now.
    borrowed
        GPUs that its projects borrow now.
    entitled_hours, used_hours
        GPU-hours since the period began: what its share comes to, and what was charged to it.
    """

    name: str
    share: float
    guaranteed: bool
    gpus: int
    in_use: int
    borrowed: int
    entitled_hours: float
    used_hours: float


@dataclass(frozen=True)
class ProjectStatus:
    """One project; hours are GPU-hours of this period.

    Attributes
    ----------
    budget_hours, left_hours
        As Slurm itself limits the account; ``None`` where it does not.
    running_hours
        The most that what runs now can still use.
    """

    name: str
    stream: str
    call: str
    ends: str | None
    budget_hours: float | None
    used_hours: float
    running_hours: float
    left_hours: float | None


@dataclass(frozen=True)
class Status:
    """The whole facility at one moment."""

    at: str
    period_began: str
    period_ends: str
    gpus: int
    streams: tuple[StreamStatus, ...]
    projects: tuple[ProjectStatus, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def status(facility: Facility, run: Run, now: datetime) -> Status:
    """Ask Slurm's controller; one question for limits and use, one for nodes, one for lent jobs."""
    text = run(show_limits())
    accounts = {one.account: one for one in parse_associations(text) if not one.user}
    in_use = {one.name: one.gpus.used for one in parse_qos(text)}
    total = capacity.read(run, facility.partitions).gpus
    began = period.begin(facility.budgets.period, now)
    elapsed = (now - began).total_seconds() / 3600
    shares = apportion(facility.streams, total)
    borrowed = _borrowed(facility, run(_LENT_JOBS))
    streams = tuple(
        StreamStatus(
            name=stream.name,
            share=stream.share,
            guaranteed=stream.guaranteed,
            gpus=shares[stream.name],
            in_use=in_use.get(stream.name, 0),
            borrowed=borrowed.get(stream.name, 0),
            entitled_hours=round(shares[stream.name] * elapsed, 1),
            used_hours=_hours(accounts, stream.name),
        )
        for stream in facility.streams
    )
    return Status(
        at=now.isoformat(timespec="seconds"),
        period_began=began.isoformat(timespec="minutes"),
        period_ends=period.end(facility.budgets.period, now).isoformat(timespec="minutes"),
        gpus=total,
        streams=streams,
        projects=tuple(_projects(facility, accounts)),
    )


_LENT_JOBS = [
    "squeue",
    "--noheader",
    f"--qos={LENT}",
    "--states=RUNNING",
    "--Format=account:.64,tres-alloc:.200",
]


def _borrowed(facility: Facility, text: str) -> Mapping[str, int]:
    """Return GPUs under the QOS of borrowed capacity, by the stream of the account."""
    stream_of = {project.name: project.stream for project in facility.offer.projects}
    found: dict[str, int] = {}
    for line in text.splitlines():
        account, _, resources = line.strip().partition(" ")
        gpus = tres(resources.strip()).get("gres/gpu", 0)
        stream = stream_of.get(account, account)
        found[stream] = found.get(stream, 0) + gpus
    return found


def _hours(accounts: Mapping[str, Association], name: str) -> float:
    return round(accounts[name].gpu_minutes.used / 60, 1) if name in accounts else 0.0


def _projects(facility: Facility, accounts: Mapping[str, Association]) -> Iterator[ProjectStatus]:
    for project in facility.projects:
        has = accounts.get(project.name, Association(project.name, ""))
        limit, taken = has.gpu_minutes.limit, has.gpu_minutes.used + has.committed
        yield ProjectStatus(
            name=project.name,
            stream=project.stream,
            call=project.call,
            ends=project.ends.isoformat() if project.ends else None,
            budget_hours=None if limit is None else round(limit / 60, 1),
            used_hours=round(has.gpu_minutes.used / 60, 1),
            running_hours=round(has.committed / 60, 1),
            left_hours=None if limit is None else round(max(0, limit - taken) / 60, 1),
        )


def tables(found: Status) -> Iterator[str]:
    """Yield the status as two tables."""
    yield f"{found.gpus} GPUs; period {found.period_began[:10]} to {found.period_ends[:10]}, in GPU-hours"
    yield ""
    head = ["stream", "share", "GPUs", "in use", "borrowed", "entitled", "used", "%"]
    rows = [
        [
            s.name + (" (guaranteed)" if s.guaranteed else ""),
            f"{s.share:.0%}",
            str(s.gpus),
            str(s.in_use),
            str(s.borrowed),
            f"{s.entitled_hours:g}",
            f"{s.used_hours:g}",
            f"{s.used_hours / s.entitled_hours:.0%}" if s.entitled_hours else "-",
        ]
        for s in found.streams
    ]
    yield from _aligned([head, *rows])
    yield ""
    head = ["project", "stream", "budget", "used", "running", "left", "ends", "call"]
    rows = [
        [
            p.name,
            p.stream,
            _or_none(p.budget_hours),
            f"{p.used_hours:g}",
            f"{p.running_hours:g}",
            _or_none(p.left_hours),
            p.ends or "-",
            p.call or "-",
        ]
        for p in found.projects
    ]
    yield from _aligned([head, *rows])


def _or_none(hours: float | None) -> str:
    return "-" if hours is None else f"{hours:g}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as columns: the first to the left, numbers to the right."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    numbers = [all(row[i][:1] in "0123456789-" for row in rows[1:]) for i in range(len(rows[0]))]
    for row in rows:
        cells = (c.rjust(w) if n else c.ljust(w) for c, w, n in zip(row, widths, numbers, strict=True))
        yield "  ".join(cells).rstrip()


def history(facility: Facility, run: Run, first: date, last: date) -> dict[str, float]:
    """Return the GPU-hours of each stream and project between two days, from Slurm's accounting.

    Accounting rolls up once an hour, so that the hour that runs is not in it.

    Parameters
    ----------
    first, last
        The first day, and the first day that is not counted any more.
    """
    asked = ["sreport", "--noheader", "--parsable2", "--tres=gres/gpu", "-t", "Minutes", "cluster"]
    rows = run(
        [*asked, "AccountUtilizationByUser", f"start={first}", f"end={last}", "format=account,login,used"]
    )
    known = {s.name for s in facility.streams} | {p.name for p in facility.offer.projects}
    found = dict.fromkeys(sorted(known), 0.0)
    for account, login, used in (line.split("|") for line in rows.splitlines() if line.count("|") == 2):
        if account in known and not login and used.isdecimal():
            found[account] = round(int(used) / 60, 1)
    return found
