"""Limits and use as slurmctld itself counts them: one ``scontrol show assoc_mgr`` for all.

Reading them costs no database: the controller holds them in memory, and enforces by the same numbers.
Standard library only; runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class Use:
    """A limit and what is used of it; no limit is ``None``."""

    limit: int | None = None
    used: int = 0

    @property
    def left(self) -> int | None:
        """What is left, never below 0; ``None`` where there is no limit."""
        return None if self.limit is None else max(0, self.limit - self.used)


@dataclass(frozen=True)
class Association:
    """What Slurm holds of an account, or of one person in it.

    Attributes
    ----------
    user
        Empty for the account itself.
    gpu_minutes
        Budget of the period and settled use (``GrpTRESMins``), in GPU-minutes. What a job of a QOS
        with ``UsageFactor=0`` takes is not in it.
    committed
        The most that what runs now can still use, in GPU-minutes (``GrpTRESRunMins``).
    closed
        Whether nothing new may be handed in (``GrpSubmitJobs=0``).
    """

    account: str
    user: str
    gpu_minutes: Use = Use()
    committed: int = 0
    closed: bool = False


@dataclass(frozen=True)
class Qos:
    """What Slurm holds of a QOS.

    Attributes
    ----------
    gpus
        The share, and how much of it is in use, in GPUs.
    billing
        The same in thousandths of a GPU, with what jobs keep from others beside their GPUs.
    users
        GPUs in use, by Unix user number.
    """

    name: str
    gpus: Use = Use()
    billing: Use = Use()
    users: Mapping[str, int] = field(default_factory=dict)


def show_limits() -> list[str]:
    """Ask the controller's memory for every association and QOS."""
    return ["scontrol", "show", "assoc_mgr", "flags=assoc,qos"]


#: One for a single partition is no one's whole right, and passed over.
_ASSOCIATION: Final = re.compile(r"ClusterName=\S* Account=(\S+) UserName=(\S*?)(?:\(\d+\))? Partition= ")
_QOS: Final = re.compile(r"QOS=(\S+?)\(\d+\)")


def parse_associations(text: str) -> tuple[Association, ...]:
    """Read the associations out of what :func:`show_limits` prints."""
    return tuple(
        Association(
            account=head[1],
            user=head[2],
            gpu_minutes=_use(body, "GrpTRESMins", "gres/gpu"),
            committed=_use(body, "GrpTRESRunMins", "gres/gpu").used,
            closed=" GrpSubmitJobs=0(" in body,
        )
        for head, body in _records(text, _ASSOCIATION)
    )


def parse_qos(text: str) -> tuple[Qos, ...]:
    """Read the QOS out of what :func:`show_limits` prints."""
    found = []
    for head, body in _records(text, _QOS):
        group, _, people = body.partition("    User Limits\n")
        users = {
            user: _use(lines, "MaxTRESPU", "gres/gpu").used
            for user, lines in re.findall(r"^      (\d+)\n((?:        .*\n?)+)", people, re.MULTILINE)
        }
        found.append(
            Qos(
                name=head[1],
                gpus=_use(group, "GrpTRES", "gres/gpu"),
                billing=_use(group, "GrpTRES", "billing"),
                users={user: used for user, used in users.items() if used},
            )
        )
    return tuple(found)


def _records(text: str, head: re.Pattern[str]) -> Iterator[tuple[re.Match[str], str]]:
    """Yield each record that begins with `head`: its first line's match, and its other lines."""
    match: re.Match[str] | None = None
    body: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.startswith(" "):
            body.append(line)
            continue
        if match:
            yield match, "".join(body)
        match, body = head.match(line), []
    if match:
        yield match, "".join(body)


def _use(body: str, key: str, resource: str) -> Use:
    """Read ``gres/gpu=LIMIT(USED)`` from the line of `key`; N is no limit."""
    line = re.search(rf"^ +(?:\S+=\S+ )*{key}=(\S*)", body, re.MULTILINE)
    amount = re.search(rf"(?:^|,){re.escape(resource)}=(N|\d+)\((\d+)\)", line[1]) if line else None
    if amount is None:
        return Use()
    return Use(None if amount[1] == "N" else int(amount[1]), int(amount[2]))


def read_associations(rows: Iterable[Mapping[str, Any]]) -> tuple[Association, ...]:
    """Read associations that were published as JSON objects."""
    return tuple(Association(**{**row, "gpu_minutes": Use(**row["gpu_minutes"])}) for row in rows)


def read_qos(rows: Iterable[Mapping[str, Any]]) -> tuple[Qos, ...]:
    """Read QOS that were published as JSON objects."""
    return tuple(Qos(**{**row, "gpus": Use(**row["gpus"]), "billing": Use(**row["billing"])}) for row in rows)
