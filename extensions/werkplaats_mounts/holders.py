"""Which processes of a person still hold a view that was taken away: a file, a map, a copy of its mount.

A user can make a mount namespace of their own (``unshare -Urm``), into which the view is copied, and what
is unmounted in the job stays there. Only the end of the processes in it takes that away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from werkplaats_mounts import linux, mountinfo
from werkplaats_mounts.views import View

_NS_GET_OWNER_UID: Final = 0xB704
_NAMESPACE: Final = re.compile(r"mnt:\[([0-9]+)\]")


@dataclass
class Search:
    """A search through the processes of one person on this node.

    Attributes
    ----------
    view
        What was taken away.
    uid
        The person's.
    spaces
        The inodes of the namespaces that Slurm holds for jobs.
    emptied
        Those of them of which every process counts: something in it holds the view, and files that are
        on their way through a socket are seen nowhere.
    copies
        Whether a mount of the same folder in a namespace of the person's own making counts: it does
        unless another job of theirs has the dataset too.
    strict
        Whether every process of the person's in a namespace that neither Slurm nor the node made counts:
        what is on its way through a socket of one, or kept by the kernel for it, is seen nowhere.
    """

    view: View
    uid: int
    spaces: Collection[int]
    emptied: Collection[int] = ()
    copies: bool = True
    strict: bool = False
    _seen: dict[int, tuple[mountinfo.Mount, ...]] = field(default_factory=dict)

    def found(self) -> set[int]:
        """Return the numbers of the processes."""
        tasks = [(pid, task, space) for pid in _people(self.uid) for task, space in _tasks(pid)]
        for _, task, space in tasks:
            with contextlib.suppress(OSError):
                self._look(task, space)
        self._seen[os.stat("/proc/self/ns/mnt").st_ino] = _mounts(Path("/proc/self"))
        held = {one.id for space in self._made() for one in self._seen[space] if self._is_copy(one)}
        held.add(self.view.mount)
        visible = {one.id for mounts in self._seen.values() for one in mounts}
        return {pid for pid, task, space in tasks if self._holds(task, space, held, visible)}

    def _look(self, task: Path, space: int) -> None:
        if space not in self._seen:
            self._seen[space] = _mounts(task)

    def _made(self) -> list[int]:
        """Return the namespaces that were seen and are neither the node's nor a job's."""
        known = {*self.spaces, os.stat("/proc/self/ns/mnt").st_ino}
        return [space for space in self._seen if space not in known]

    def _is_copy(self, one: mountinfo.Mount) -> bool:
        root = self.view.root.rstrip("/")
        below = one.root == self.view.root or one.root.startswith(root + "/")
        return self.copies and one.device == self.view.device and below

    def _holds(self, task: Path, space: int, held: Collection[int], visible: Collection[int]) -> bool:
        mounts = self._seen.get(space, ())
        made = space in self._made()
        if space in self.emptied or (made and (self.strict or any(map(self._is_copy, mounts)))):
            return True
        if any(number not in self._seen and number not in self.spaces for number in _open_namespaces(task)):
            return True  # a way back to what nobody can list
        return any(
            number in held or (number not in visible and device == self.view.device)
            for number, device in _in_use(task)
        )


def kill(pids: Iterable[int]) -> None:
    """End processes at once."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _people(uid: int) -> Iterator[int]:
    """Return the processes of a person, also those that are somebody else within a namespace of theirs."""
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, ValueError):
                if uid in _uids(Path(entry.path)):
                    yield int(entry.name)


def _uids(process: Path) -> set[int]:
    """Return a process's users: its own, and who made the user namespace that it is in."""
    status = mountinfo.read(process / "status")  # a process may call itself by any bytes
    uids = {int(word) for word in status.partition("\nUid:")[2].split("\n", 1)[0].split()}
    if (process / "ns/user").stat().st_ino != os.stat("/proc/self/ns/user").st_ino:
        uids.add(_owner(process / "ns/user"))
    return uids


def _owner(space: Path) -> int:
    descriptor = os.open(space, os.O_RDONLY | os.O_CLOEXEC)
    try:
        answer = fcntl.ioctl(descriptor, _NS_GET_OWNER_UID, bytes(4))
    finally:
        os.close(descriptor)
    return int.from_bytes(answer, "little")


def _tasks(pid: int) -> Iterator[tuple[Path, int]]:
    """Return the threads of a process, each with its mount namespace: they need not have one in common."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                yield Path(entry.path), os.stat(f"{entry.path}/ns/mnt").st_ino


def _mounts(task: Path) -> tuple[mountinfo.Mount, ...]:
    return mountinfo.parse(mountinfo.read(task / "mountinfo"))


def _open_namespaces(task: Path) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for entry in os.scandir(task / "fd"):
            with contextlib.suppress(OSError):
                found = _NAMESPACE.fullmatch(os.readlink(entry.path))
                if found:
                    yield int(found[1])


def _in_use(task: Path) -> Iterator[tuple[int, str]]:
    """Return the mounts, with their devices, of what a thread has open, has mapped and stands in."""
    links = [task / "cwd", task / "root"]
    for folder in (task / "fd", task.parents[1] / "map_files"):
        with contextlib.suppress(OSError):
            links += [folder / name for name in os.listdir(folder)]
    for link in links:
        with contextlib.suppress(OSError):
            yield _mount_of(link)


def _mount_of(link: Path) -> tuple[int, str]:
    descriptor = os.open(link, os.O_PATH | os.O_CLOEXEC)
    try:
        device = os.fstat(descriptor).st_dev
        return linux.mount_id(descriptor), f"{os.major(device)}:{os.minor(device)}"
    finally:
        os.close(descriptor)
