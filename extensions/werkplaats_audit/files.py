"""A file that only grows: what is added is on disk when it says so, and what fails leaves nothing."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path


class Changed(Exception):
    """Somebody else wrote in a file of the audit's, or took it away, while the audit had it open."""


class Growing:
    """A file that is opened for adding alone, and made when it is missing.

    Attributes
    ----------
    size
        How much of it is good (bytes); what comes after was never answered for.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._going = threading.Lock()  # a number that was let go of may be another file's already
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(path, flags, 0o600)
        try:
            self.size = os.fstat(self._file).st_size
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            self.close()
            raise
        try:
            os.fsync(folder)  # its name is on disk as well
        finally:
            os.close(folder)

    def close(self) -> None:
        """Let go of the file."""
        with self._going:
            os.close(self._file)
            self._file = -1

    def require_same(self) -> None:
        """See that it is the file that it was.

        Raises
        ------
        Changed
        """
        mine = os.fstat(self._file)
        try:
            there = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            raise Changed(f"{self.path} was taken away") from None
        if (there.st_ino, there.st_dev) != (mine.st_ino, mine.st_dev) or mine.st_size != self.size:
            raise Changed(f"{self.path} was changed by another")

    def add(self, data: bytes) -> None:
        """Write at the end, down to the disk; :attr:`size` stays until :meth:`keep`."""
        written = os.write(self._file, data)
        if written != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        os.fsync(self._file)

    def keep(self) -> None:
        """Take what was added for good."""
        self.size = os.fstat(self._file).st_size

    def cut(self, size: int | None = None) -> None:
        """Take away what is not good, or everything beyond `size`."""
        self.size = self.size if size is None else size
        if os.fstat(self._file).st_size != self.size:
            os.ftruncate(self._file, self.size)
            os.fsync(self._file)

    def read(self, start: int, length: int) -> bytes:
        """Return a part of it; any thread may ask.

        Raises
        ------
        Changed
            When it was let go of.
        OSError
        """
        with self._going:
            if self._file < 0:
                raise Changed(f"{self.path} was let go of")
            return os.pread(self._file, length, start)

    def tail(self, most: int) -> bytes:
        """Return its last bytes."""
        start = max(0, self.size - most)
        return self.read(start, self.size - start)


def lines(path: Path, size: int, most: int) -> Iterator[bytes]:
    """Return the lines of the first `size` bytes of a file; one that is longer than `most` in pieces."""
    if not size:
        return
    with path.open("rb", buffering=1 << 20) as file:
        left = size
        while left > 0 and (line := file.readline(min(most, left))):
            left -= len(line)
            yield line
