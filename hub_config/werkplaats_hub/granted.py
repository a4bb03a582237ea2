"""What the desk granted: one file a project in a folder of the desk's, merged with ``facility.toml``.

The desk is a web service, so what it writes is judged again here, where root and Slurm's user read
it: a file can name a project with its members and hours in a stream that exists, and nothing else.
One that cannot be used is left out with a sentence; it takes neither the facility down nor others.
"""

from __future__ import annotations

import os
import pwd
import stat
import tomllib
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from werkplaats_spawners.offer import Project, Stream
from werkplaats_spawners.period import Period, begin

#: A course of five hundred people fits; more is none of ours.
MOST_BYTES: Final = 64 * 1024
_MOST_FILES: Final = 5000
_SUFFIX: Final = ".toml"


class Drop(NamedTuple):
    """A folder in which the desk leaves files, and the system user whose it may be (beside root)."""

    folder: Path
    owner: str

    def version(self) -> int:
        """Return what tells one state of the folder from another: files in it are replaced whole."""
        try:
            return os.stat(self.folder).st_mtime_ns
        except OSError:
            return 0


@dataclass(frozen=True)
class Granted:
    """What was found: projects, and a sentence for each file that was left out."""

    projects: tuple[Project, ...] = ()
    faults: tuple[str, ...] = ()


class _Fault(Exception):
    """Why one file is left out."""


def read(
    drop: Drop, streams: Sequence[Stream], projects: Sequence[Project], most_gpu_hours: int, period: Period
) -> Granted:
    """Read every file of the folder.

    Parameters
    ----------
    streams, projects
        Those of ``facility.toml``; a file can use the former, and take no name of either.
    most_gpu_hours
        What all files together may give in one period.
    period
        How long one lasts: a project that ended in this one still counts, as it does at the desk.
    """
    try:
        names = _files(drop)
    except FileNotFoundError:
        return Granted()
    except (OSError, _Fault) as wrong:
        return Granted(faults=(f"{drop.folder}: {wrong}. Nothing in it was read.",))
    known, taken = {s.name for s in streams}, {s.name for s in streams} | {p.name for p in projects}
    found: list[Project] = []
    faults: list[str] = []
    left, first = most_gpu_hours, begin(period, datetime.now()).date()
    for name in names:
        try:
            project = _project(drop, name, known, taken)
            asked = 0 if project.ends and project.ends < first else project.gpu_hours
            if asked > left:
                raise _Fault(f"asks for {asked} GPU-hours, and desk.most_gpu_hours leaves {left}")
        except (OSError, _Fault) as wrong:
            faults.append(f"{drop.folder / name}: {wrong}. It was left out.")
        else:
            left -= asked
            found.append(project)
    return Granted(tuple(found), tuple(faults))


def _files(drop: Drop) -> list[str]:
    """Return the names of the files in the folder, in an order of their own."""
    status = os.stat(drop.folder, follow_symlinks=False)
    if not stat.S_ISDIR(status.st_mode):
        raise _Fault("is no folder")
    if status.st_uid not in _owners(drop) or status.st_mode & 0o022:
        raise _Fault(f"can be written by others than {drop.owner}")
    names = sorted(
        entry.name for entry in os.scandir(drop.folder)
        if entry.name.endswith(_SUFFIX) and not entry.name.startswith(".")
    )  # fmt: skip
    if len(names) > _MOST_FILES:
        raise _Fault(f"holds more than {_MOST_FILES} files")
    return names


def _owners(drop: Drop) -> set[int]:
    try:
        return {0, pwd.getpwnam(drop.owner).pw_uid}
    except KeyError:
        return {0}


def _project(drop: Drop, name: str, streams: Container[str], taken: Container[str]) -> Project:
    project = _valid(name.removesuffix(_SUFFIX), _table(drop, name))
    if project.name in taken:
        raise _Fault("has the name of a stream or project in facility.toml")
    if project.stream not in streams:
        raise _Fault(f"names the stream '{project.stream}', which does not exist")
    if "root" in (*project.members, *project.owners):
        raise _Fault("names 'root', whom Slurm limits in nothing")
    if not project.call.isprintable():
        raise _Fault("has a control character in call")
    return project


def _table(drop: Drop, name: str) -> dict[str, Any]:
    """Read one file, as what it is: a small plain file of the desk's, and no link to something else."""
    descriptor = os.open(drop.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise _Fault("is no plain file")
        if status.st_uid not in _owners(drop):
            raise _Fault(f"does not belong to {drop.owner}")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _Fault(f"is larger than {MOST_BYTES // 1024} KiB")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as wrong:
        raise _Fault(f"is not TOML ({' '.join(str(wrong).split())[:200]})") from wrong


def _valid(name: str, table: dict[str, Any]) -> Project:
    if "name" in table:
        raise _Fault("has a key 'name', which only the file's own name says")
    try:
        return Project.model_validate({**table, "name": name})
    except ValidationError as invalid:
        raise _Fault("; ".join(_said(dict(error)) for error in invalid.errors()[:5])) from invalid


def _said(error: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "the table"
    return f"{key}: {error['msg'][:1].lower()}{error['msg'][1:]}"
