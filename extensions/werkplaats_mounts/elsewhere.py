"""Programs of a person outside the job in which a dataset is to be alone.

Whoever has the same number as a program may look into it, and through its ``/proc/PID/root`` at all that is
mounted where it is. Slurm knows of jobs; what was left by one that ended, or came in by another door of
the node, only ``/proc`` shows.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from werkplaats_mounts import mountinfo
from werkplaats_mounts.holders import people, tasks
from werkplaats_mounts.ids import Ids


def strays(ids: Ids, space: int) -> list[int]:
    """Return the numbers of a person's processes that are not of a job.

    In it are those in its mount namespace, into which nobody gets but by Slurm, and what these started,
    in whatever namespace that is.

    Parameters
    ----------
    space
        The inode of the mount namespace that Slurm holds for the job.
    """
    return [pid for pid in people(ids) if not _is_of(pid, space)]


def _is_of(pid: int, space: int) -> bool:
    seen = {number for _, number in tasks(pid)}
    if not seen:
        return True  # it ended meanwhile, or waits to be reaped: it looks at nothing any more
    while pid > 1 and space not in seen:
        pid = _parent(pid)
        seen = {number for _, number in tasks(pid)}
    return space in seen


def _parent(pid: int) -> int:
    """Return the number of a process's parent; 0 where it is gone."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        # What a process calls itself stands in brackets, and may hold any bytes.
        return int(mountinfo.read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()[1])
    return 0


def inode(space: Path) -> int:
    """Return the inode by which a namespace is known."""
    return os.stat(space).st_ino
