"""What accounting recorded of a month: GPU-minutes by account and QOS, without people.

``sreport`` knows no QOS, so ``sacct`` lists the month's jobs, cut at its borders; what the cluster
had comes from ``sreport``, which rolls up once an hour, and from the nodes for the hour that runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from werkplaats_spawners import period

_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
MOST_MONTHS: Final = 24


@dataclass(frozen=True)
class Span:
    """One month, as far as it has passed.

    Attributes
    ----------
    full
        The last full hour: until there accounting has rolled up.
    """

    name: str
    begin: datetime
    full: datetime
    end: datetime

    @property
    def running_minutes(self) -> float:
        """Minutes since the last full hour; 0 for a month that is over."""
        return (self.end - self.full).total_seconds() / 60


def span(name: object, now: datetime) -> Span | None:
    """Return a month that has begun, such as ``2026-11``; ``None`` for anything else."""
    if not isinstance(name, str) or not _MONTH.fullmatch(name):
        return None
    begin = datetime(int(name[:4]), int(name[5:]), 1).astimezone()
    if begin > now:
        return None
    end = period.end("monthly", begin)
    if end <= now:
        return Span(name, begin, end, end)
    return Span(name, begin, now.replace(minute=0, second=0, microsecond=0), now)


@dataclass
class Month:
    """What a month came to.

    Attributes
    ----------
    at
        Unix time at which accounting was asked.
    gpu_minutes
        What the cluster had: its GPUs times the minutes of which accounting knows.
    used
        GPU-minutes by account and QOS.
    """

    at: float
    gpu_minutes: float = 0.0
    used: list[dict[str, Any]] = field(default_factory=list)


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def sacct_month(one: Span) -> list[str]:
    """Ask for every job of a month, also those that were queued again; no field of it is a person's."""
    return [
        "sacct", "--noheader", "--parsable2", "--allocations", "--allusers", "--duplicates", "--truncate",
        f"--starttime={_clock(one.begin)}", f"--endtime={_clock(one.end)}",
        "--format=Account,QOS,ElapsedRaw,AllocTRES",
    ]  # fmt: skip


def parse_month(text: str) -> list[dict[str, Any]]:
    r"""Read the output of :func:`sacct_month`: GPU-minutes by account and QOS.

    >>> parse_month("mkb|regional|90|cpu=4,gres/gpu=2\nmkb|regional|30|gres/gpu=1\nx|y|9|\n")
    [{'account': 'mkb', 'qos': 'regional', 'gpu_minutes': 3.5}]
    """
    seconds: dict[tuple[str, str], int] = {}
    for line in text.splitlines():
        fields = line.split("|", 3)
        if len(fields) == 4 and fields[2].isdecimal():
            gpus = re.search(r"(?:^|,)gres/gpu=(\d+)", fields[3])
            key = (fields[0], fields[1])
            seconds[key] = seconds.get(key, 0) + int(fields[2]) * (int(gpus[1]) if gpus else 0)
    return [
        {"account": account, "qos": qos, "gpu_minutes": round(total / 60, 2)}
        for (account, qos), total in sorted(seconds.items())
        if total
    ]


def sreport_month(one: Span) -> list[str] | None:
    """Ask what the cluster had in the full hours of a month; ``None`` where there are none yet."""
    if one.full <= one.begin:
        return None
    return [
        "sreport", "--noheader", "--parsable2", "--tres=gres/gpu", "-t", "Minutes", "cluster", "Utilization",
        f"start={_clock(one.begin)}", f"end={_clock(one.full)}", "format=Reported",
    ]  # fmt: skip


def parse_reported(text: str) -> float:
    """Read the output of :func:`sreport_month`; 0 where accounting has rolled up nothing yet."""
    return float(sum(int(line) for line in text.split() if line.isdecimal()))


def sinfo_gpus() -> list[str]:
    """Ask which GPUs each node has."""
    return ["sinfo", "--noheader", "--Node", "--format=%N|%G"]


def parse_gpus(text: str) -> int:
    r"""Read the output of :func:`sinfo_gpus`; a node of two partitions comes twice and counts once.

    >>> parse_gpus("a|gpu:h100:4(S:0-1)\na|gpu:h100:4(S:0-1)\nb|gpu:2,mps:100\nc|(null)\n")
    6
    """
    nodes = dict(line.split("|", 1) for line in text.splitlines() if "|" in line)
    return sum(_count(gres) for gres in nodes.values())


def _count(gres: str) -> int:
    found: Iterable[str] = re.findall(r"(?:^|,)gpu(?::[A-Za-z][\w.-]*)?:(\d+)", gres)
    return sum(int(number) for number in found)
