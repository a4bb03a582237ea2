"""The mount namespaces of jobs, as Slurm itself holds them.

``job_container/tmpfs`` keeps each job's namespace at ``BasePath/NODE/JOB/.ns``. That file, and no process
of the job, says which one is the job's: a user may have made a namespace of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

_HELD: Final = ".ns"


class Spaces:
    """The namespaces of the jobs on this node; several slurmd on one host share the folder."""

    def __init__(self, base: Path) -> None:
        self._base = base

    def of(self, job: int) -> tuple[Path, ...]:
        """Return the files that hold the namespaces of a job: one on each of its nodes that are here."""
        held = (self._base / str(job) / _HELD, *sorted(self._base.glob(f"*/{job}/{_HELD}")))
        return tuple(path for path in held if _is_held(path))

    def all(self) -> Iterator[tuple[int, Path]]:
        """Return every job's number and namespace."""
        for path in sorted({*self._base.glob(f"*/{_HELD}"), *self._base.glob(f"*/*/{_HELD}")}):
            if path.parent.name.isdecimal() and _is_held(path):
                yield int(path.parent.name), path

    def numbers(self) -> frozenset[int]:
        """Return the inodes by which the namespaces of the jobs are told apart."""
        return frozenset(path.stat().st_ino for _, path in self.all())


def _is_held(path: Path) -> bool:
    """Return whether a namespace is mounted on a file: it lies on another file system than its folder."""
    try:
        return path.stat().st_dev != path.parent.stat().st_dev
    except OSError:
        return False
