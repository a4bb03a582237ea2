"""Resident memory of the platform's parts, idle.

It is RSS, as ``ps`` shows it: the pages of a process that are in memory, shared libraries included.
A part of several processes is the sum of theirs, which counts pages that they share more than once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from benchmarks.figures import Figure
from benchmarks.ours import Ours
from benchmarks.peer import Peer
from benchmarks.processes import family, resident_mb

#: Any facility has these beside its Hub, a stock one too.
_SLURM: Final = re.compile(r"munge|database|slurmdbd|slurmctld|slurmd-.*")


def figures(ours: Ours, stock: Peer) -> list[Figure]:
    """Measure every part of ours, with the stock Hub and its proxy beside it."""
    peers = {"hub": resident_mb([stock.hub_pid]), "proxy": resident_mb(stock.proxy_pids)}
    return [
        Figure(f"resident_memory_{name}", resident_mb(pids), peers.get(name), "MB", 1)
        for name, pids in _parts(ours).items()
    ]


def _parts(ours: Ours) -> Mapping[str, set[int]]:
    """Return the processes of each part: a service is one, but Slurm and its database are one together."""
    parts: dict[str, set[int]] = {"supervisor": {ours.supervisor_pid}}
    for name, pid in ours.service_pids.items():
        part = "slurm_and_database" if _SLURM.fullmatch(name) else name
        parts.setdefault(part, set()).update(family(pid))
    return parts
