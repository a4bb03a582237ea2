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
from werkplaats_mounts.ids import Ids
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
    ids
        The person's numbers.
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
    ids: Ids
    spaces: Collection[int]
    emptied: Collection[int] = ()
    copies: bool = True
    strict: bool = False
    _seen: dict[int, tuple[mountinfo.Mount, ...]] = field(default_factory=dict)

    def found(self, *, ending: bool = False) -> list[int]:
        """Return the numbers of the processes; each was ended as soon as it was found, if that is asked.

        It takes as long as the person makes it take: it is for a child.
        """
        found_tasks = {pid: list(tasks(pid)) for pid in people(self.ids)}
        for task, space in (one for each in found_tasks.values() for one in each):
            with contextlib.suppress(OSError):
                self._look(task, space)
        self._seen[os.stat("/proc/self/ns/mnt").st_ino] = _mounts(Path("/proc/self"))
        held = {one.id for space in self._made() for one in self._seen[space] if self._is_copy(one)}
        everything = {one for mounts in self._seen.values() for one in mounts}
        if not any(one.id == self.view.mount and not self._is_it(one) for one in everything):
            held.add(self.view.mount)  # the kernel gives the number of a mount that is gone to another
        visible = {one.id for one in everything}
        found = []
        for pid, its in found_tasks.items():
            with _kept(pid) as process:
                if self._one_holds(its, held, visible):
                    found.append(pid)
                    if ending and process is not None:
                        self._kill(pid, process)
        return found

    def _kill(self, pid: int, process: int) -> None:
        """End a process, if it is still the person's: another may have its number meanwhile."""
        with contextlib.suppress(OSError):
            if any(one in self.ids for one in _uids(Path(f"/proc/{pid}"))):
                signal.pidfd_send_signal(process, signal.SIGKILL)

    def _look(self, task: Path, space: int) -> None:
        if space not in self._seen:
            self._seen[space] = _mounts(task)

    def _made(self) -> list[int]:
        """Return the namespaces that were seen and are neither the node's nor a job's."""
        known = {*self.spaces, os.stat("/proc/self/ns/mnt").st_ino}
        return [space for space in self._seen if space not in known]

    def _is_it(self, one: mountinfo.Mount) -> bool:
        return (one.device, one.root) == (self.view.device, self.view.root)

    def _is_copy(self, one: mountinfo.Mount) -> bool:
        root = self.view.root.rstrip("/")
        below = one.root == self.view.root or one.root.startswith(root + "/")
        return self.copies and one.device == self.view.device and below

    def _one_holds(
        self, its: list[tuple[Path, int]], held: Collection[int], visible: Collection[int]
    ) -> bool:
        """Return whether a thread of a process holds it; what threads have in common is looked at once."""
        if any(map(self._counts, {space for _, space in its})):
            return True
        last = 0
        for task, _ in its:
            number = int(task.name)
            if last and linux.same_files(last, number):
                continue
            last = number
            if self._holds(task, held, visible):
                return True
        return self._among(_in_use(_maps(its)), held, visible)

    def _counts(self, space: int) -> bool:
        """Return whether whoever is in a namespace counts, whatever they have open."""
        made, mounts = space in self._made(), self._seen.get(space, ())
        return space in self.emptied or (made and (self.strict or any(map(self._is_copy, mounts))))

    def _holds(self, task: Path, held: Collection[int], visible: Collection[int]) -> bool:
        if any(number not in self._seen and number not in self.spaces for number in _open_namespaces(task)):
            return True  # a way back to what nobody can list
        return self._among(_in_use(task / "fd", task / "cwd", task / "root"), held, visible)

    def _among(
        self, used: Iterable[tuple[int, str]], held: Collection[int], visible: Collection[int]
    ) -> bool:
        return any(
            number in held or (number not in visible and device in (self.view.files, self.view.device))
            for number, device in used
        )


@contextlib.contextmanager
def _kept(pid: int) -> Iterator[int | None]:
    """Open a process, so that it is this one that is looked at and ended, and none if it is gone."""
    try:
        process = os.pidfd_open(pid)
    except OSError:
        yield None
        return
    try:
        yield process
    finally:
        os.close(process)


def people(ids: Ids) -> Iterator[int]:
    """Return the processes of a person, also those that are somebody else within a namespace of theirs."""
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, ValueError):
                if any(one in ids for one in _uids(Path(entry.path))):
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


def tasks(pid: int) -> Iterator[tuple[Path, int]]:
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


def _maps(its: Iterable[tuple[Path, int]]) -> Path:
    """Return where a process's maps are seen: by a thread that lives; the first may have ended before."""
    folder = Path("/proc/nobody")
    for task, _ in its:
        folder = Path("/proc", task.name, "map_files")  # every thread has one, though it is not listed
        with contextlib.suppress(OSError):
            if os.listdir(folder):
                break
    return folder


def _in_use(folder: Path, *links: Path) -> Iterator[tuple[int, str]]:
    """Return the mounts, with their devices, of what links in ``/proc`` lead to."""
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = os.listdir(folder)
    for link in (*links, *(folder / name for name in names)):
        with contextlib.suppress(OSError):
            yield _mount_of(link)


def _mount_of(link: Path) -> tuple[int, str]:
    descriptor = os.open(link, os.O_PATH | os.O_CLOEXEC)
    try:
        device = os.fstat(descriptor).st_dev
        return linux.mount_id(descriptor), f"{os.major(device)}:{os.minor(device)}"
    finally:
        os.close(descriptor)
