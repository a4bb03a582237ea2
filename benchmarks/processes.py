"""Processes, as ``/proc`` shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def family(pid: int) -> set[int]:
    """Return a process and all that descend from it.

    >>> import os
    >>> os.getpid() in family(os.getpid())
    True
    """
    found = {pid}
    for children in (_PROC / str(pid) / "task").glob("*/children"):
        for child in children.read_text().split():
            found |= family(int(child))
    return found


def resident_mb(pids: Iterable[int]) -> float:
    """Return the resident memory of processes together, in millions of bytes.

    Raises
    ------
    ProcessLookupError
        When one of them ended.
    """
    return sum(_resident_kib(pid) for pid in pids) * 1024 / 1e6


def _resident_kib(pid: int) -> int:
    status = _PROC / str(pid) / "status"
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status.read_text() if status.exists() else "", re.MULTILINE)
    if not found:
        raise ProcessLookupError(f"process {pid} ended, and was to be measured")
    return int(found[1])


def command_line(pid: int) -> str:
    """Return the command line of a process; empty when there is no such process."""
    path = _PROC / str(pid) / "cmdline"
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
