"""What is mounted, and which grants were used: files of root's, each there whole or not at all."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from werkplaats_datasets.grants import Grant
from werkplaats_mounts.views import View

_log = logging.getLogger(__name__)
_USED: Final = "used"
_LIST: Final = "revocations"

#: A person's wish, the desk's word, an end that was set, a desk that was not heard for long, a second job
#: beside one that is to be alone, the job's own end, a daemon that was killed in the midst, a mount that
#: somebody else took away.
Why = Literal["asked", "revoked", "ended", "desk-silent", "others-run", "job-ended", "killed", "lost"]


class Mounted(BaseModel):
    """One dataset in one job.

    Attributes
    ----------
    state
        ``mounting`` and ``leaving`` are on their way: a daemon that finds them at its start was killed.
    since
        Unix time (s).
    open_entry
        The audit's entry that is not closed yet; 0 when there is none.
    view
        What tells the mount; there is none before it is mounted, nor after it is gone.
    why
        Why it leaves: one of :data:`Why`.
    said
        Whether the audit knows that it left, and only Slurm's mark on the job is still to go.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    grant: Grant
    state: Literal["mounting", "mounted", "leaving"]
    since: int
    open_entry: int = 0
    view: View | None = None
    why: Why | None = None
    said: bool = False


class Store:
    """The records in a folder, ``JOB/DATASET.json``, and the ids of grants that were used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / _USED).mkdir(mode=0o700, exist_ok=True)
        self._all = {(one.grant.job, one.grant.dataset): one for one in self._read()}

    def all(self) -> tuple[Mounted, ...]:
        """Return every record."""
        return tuple(self._all.values())

    def get(self, job: int, dataset: str) -> Mounted | None:
        """Return one record."""
        return self._all.get((job, dataset))

    def of(self, job: int) -> tuple[Mounted, ...]:
        """Return the records of a job."""
        return tuple(one for one in self._all.values() if one.grant.job == job)

    def put(self, mounted: Mounted) -> Mounted:
        """Write a record; it is on disk afterwards."""
        path = self._path(mounted.grant.job, mounted.grant.dataset)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _write(path, mounted.model_dump_json())
        self._all[mounted.grant.job, mounted.grant.dataset] = mounted
        return mounted

    def drop(self, mounted: Mounted) -> None:
        """Take a record away."""
        path = self._path(mounted.grant.job, mounted.grant.dataset)
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another dataset of the job's is there
            path.parent.rmdir()
        self._all.pop((mounted.grant.job, mounted.grant.dataset), None)

    def use(self, grant: Grant) -> bool:
        """Write down that a grant is used, and return whether it is for the first time."""
        try:
            with (self._folder / _USED / grant.id).open("x") as file:
                file.write(str(grant.expires_at))
        except FileExistsError:
            return False
        return True

    def forget(self, now: float) -> None:
        """Forget the grants that have expired: nobody can use them any more."""
        for path in (self._folder / _USED).iterdir():
            with contextlib.suppress(OSError, ValueError):
                if int(path.read_text() or "0") < now and path.stat().st_mtime < now - 120:
                    path.unlink()

    @property
    def revocations(self) -> str:
        """The newest list of revocations that was seen, as the desk signed it; empty before the first."""
        path = self._folder / _LIST
        return path.read_text() if path.exists() else ""

    @revocations.setter
    def revocations(self, signed: str) -> None:
        _write(self._folder / _LIST, signed)

    def _path(self, job: int, dataset: str) -> Path:
        return self._folder / str(job) / f"{dataset}.json"

    def _read(self) -> Iterator[Mounted]:
        for path in sorted(self._folder.glob("[0-9]*/*.json")):
            try:
                yield Mounted.model_validate_json(path.read_bytes())
            except ValidationError as wrong:
                # What is mounted without a record is taken away; so is this.
                _log.error("%s cannot be read, and is dropped: %s", path, wrong)
                path.unlink()


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    half = path.with_name(f".{path.name}.new")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.rename(path)
