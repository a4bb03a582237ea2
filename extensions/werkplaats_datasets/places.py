"""Where a machine keeps its datasets, and what stands at ``/data`` for each."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from werkplaats_datasets import image
from werkplaats_datasets.catalogue import Catalogue
from werkplaats_datasets.faults import Refused
from werkplaats_datasets.vault import IMAGE, Vault


@dataclass(frozen=True)
class Places:
    """The folders of one machine.

    Attributes
    ----------
    catalogue, vault
        What is published, and the data itself.
    data
        Where jobs see datasets: ``/data``.
    mounts
        Where the mount daemon notes what is mounted: ``JOB/DATASET.json``.
    open_data
        Open datasets, for everybody to read, where jobs cannot have mounts of their own.
    own_mounts
        Whether they can.
    """

    catalogue: Path
    vault: Path
    data: Path
    mounts: Path
    open_data: Path
    own_mounts: bool = True

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others from changing catalogue and vault meanwhile.

        What is published is for everybody to read, whatever root's umask.
        """
        before = os.umask(0o022)
        try:
            with self._locked():
                yield
        finally:
            os.umask(before)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        for folder, mode in ((self.vault, 0o700), (self.catalogue, 0o755)):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(mode)
        descriptor = os.open(self.vault / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def stand(self) -> None:
        """Make what is at ``/data`` what it should be, for every dataset that is in the catalogue.

        Raises
        ------
        Refused
            When something else is in the way.
        """
        catalogue = Catalogue(self.catalogue)
        for name in sorted({one.record.id for one in catalogue.all()}):
            offered = catalogue.find(name)
            if self.own_mounts or offered is None or offered.record.tier != "open":
                self._empty(name)
            else:
                self._linked(name, offered.record.version)
        self._forget_copies(catalogue)

    def require_free(self, name: str) -> None:
        """See that nothing of somebody else's stands where a dataset will be.

        Raises
        ------
        Refused
        """
        top = self._top()
        try:
            if not self._ours(top, name):
                self._require_folder(top, name)
        except FileNotFoundError:
            return
        finally:
            os.close(top)

    def _empty(self, name: str) -> None:
        """Have an empty folder stand there: what a job mounts on."""
        top = self._top()
        try:
            if self._ours(top, name):
                os.unlink(name, dir_fd=top)
            try:
                os.mkdir(name, 0o755, dir_fd=top)
            except FileExistsError:
                self._require_folder(top, name)
        finally:
            os.close(top)

    def _linked(self, name: str, version: str) -> None:
        """Have a link stand there, to files that everybody may read and nobody write."""
        copy = self._copied(name, version)
        top = self._top()
        try:
            if not self._ours(top, name):
                self._require_nothing(top, name)
            half = f".{name}.new"
            _unlink(half, top)
            os.symlink(copy, half, dir_fd=top)
            os.rename(half, name, src_dir_fd=top, dst_dir_fd=top)
        finally:
            os.close(top)

    def _top(self) -> int:
        self.data.mkdir(parents=True, exist_ok=True)
        return os.open(self.data, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def _ours(self, top: int, name: str) -> bool:
        """Return whether a link of ours stands there."""
        try:
            return Path(os.readlink(name, dir_fd=top)).is_relative_to(self.open_data)
        except OSError:
            return False

    def _require_folder(self, top: int, name: str) -> None:
        status = os.stat(name, dir_fd=top, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise Refused(
                f"{self.data / name} is there already, and no folder of root's that it alone may write: "
                "move it away, then run this again"
            )

    def _require_nothing(self, top: int, name: str) -> None:
        """Take an empty folder of ours away; whatever else is there stays."""
        try:
            self._require_folder(top, name)
            os.rmdir(name, dir_fd=top)
        except FileNotFoundError:
            return
        except OSError as wrong:
            raise Refused(f"{self.data / name} is not empty: move it away, then run this again") from wrong

    def _copied(self, name: str, version: str) -> Path:
        """Return a copy that everybody may read: hard links where the disk is the same."""
        copy = self.open_data / name / version
        if copy.is_dir():
            return copy
        source = Vault(self.vault, self.catalogue).lies(name, version)
        half = copy.with_name(f".{version}.coming")
        shutil.rmtree(half, ignore_errors=True)
        half.parent.mkdir(parents=True, exist_ok=True)
        if source.name.endswith(IMAGE):
            image.unpack(source, half)
        else:
            shutil.copytree(source, half, copy_function=_link)
        half.chmod(0o555)
        half.rename(copy)
        return copy

    def _forget_copies(self, catalogue: Catalogue) -> None:
        """Take away the copies of what is not offered any more as an open dataset."""
        if not self.open_data.is_dir():
            return
        for copy in self.open_data.glob("*/*"):
            offered = None if self.own_mounts else catalogue.find(copy.parent.name, copy.name)
            if offered is None or offered.record.tier != "open" or offered.entry.withdrawn_at is not None:
                shutil.rmtree(copy)


def _unlink(name: str, top: int) -> None:
    try:
        os.unlink(name, dir_fd=top)
    except FileNotFoundError:
        return


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        os.chmod(target, 0o444)
