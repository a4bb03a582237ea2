"""The view of a dataset in a job: laid down, looked at and taken away, by a child in the job's namespace."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from werkplaats_datasets.vault import IMAGE
from werkplaats_mounts import linux, loops, mountinfo
from werkplaats_mounts.forked import Failed, in_child
from werkplaats_mounts.mountinfo import Mount

_FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW

Taken = Literal["gone", "busy", "none"]


class View(BaseModel):
    """What tells a view from every other mount: its number, its file system and what of that is seen.

    Attributes
    ----------
    device, files
        The file system's, and what its files say they are on: with btrfs each subvolume has one of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mount: int
    device: str
    root: str
    files: str = ""


class NoView(Exception):
    """There is no view. Its reason is one of :mod:`werkplaats_mounts.sentences`."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason = reason


@dataclass(frozen=True)
class Views:
    """Makes views of what lies in a vault, below the folder of the datasets in a job."""

    vault: Path
    data: Path

    def point(self, dataset: str) -> str:
        """Return where a dataset is seen."""
        return str(self.data / dataset)

    async def lay(self, space: Path, dataset: str, source: Path) -> View:
        """Mount a folder or an image of the vault in a namespace.

        Raises
        ------
        NoView
        """
        try:
            view = View(**await in_child(partial(_lay, self, space, dataset, source)))
        except Failed as wrong:
            raise NoView(_reason(wrong), str(wrong)) from wrong
        if any(one.id == view.mount or one.root == view.root for one in self._outside(dataset)):
            await self.take(space, dataset, lazily=True)
            raise NoView("failed", "a mount of a job's shows outside it")
        return view

    def _outside(self, dataset: str) -> list[Mount]:
        """Return what is mounted at a dataset's path on the node itself."""
        return [one for one in _here() if one.point == self.point(dataset)]

    async def take(self, space: Path, dataset: str, *, lazily: bool) -> Taken:
        """Take a view away: ``busy`` where something is open in it, unless `lazily`.

        Raises
        ------
        NoView
        """
        try:
            taken: Taken = await in_child(partial(_take, space, self.point(dataset), lazily))
        except Failed as wrong:
            raise NoView("failed", str(wrong)) from wrong
        return taken

    async def shown(self, space: Path) -> tuple[Mount, ...]:
        """Return what is mounted below the datasets' folder in a namespace, and not on the node itself.

        Raises
        ------
        NoView
        """
        try:
            text: str = await in_child(partial(_mounts, space))
        except Failed as wrong:
            raise NoView("failed", str(wrong)) from wrong
        outside = {(one.point, one.device, one.root) for one in _here()}
        return tuple(
            one
            for one in mountinfo.parse(text)
            if Path(one.point).parent == self.data and (one.point, one.device, one.root) not in outside
        )

    def make_point(self, dataset: str) -> None:
        """Make the empty folder on the node that a view is mounted on.

        Raises
        ------
        NoView
        """
        try:
            above = os.open(self.data, _FOLDER | os.O_CLOEXEC)
        except OSError as wrong:
            raise NoView("bad-place", str(wrong)) from wrong
        try:
            os.mkdir(dataset, 0o755, dir_fd=above)
        except FileExistsError:
            pass
        except OSError as wrong:
            raise NoView("bad-place", str(wrong)) from wrong
        finally:
            os.close(above)


def _reason(wrong: Failed) -> str:
    if wrong.kind in ("NoLoop", "BadPlace", "NoData"):
        return {"NoLoop": "no-loop", "BadPlace": "bad-place", "NoData": "no-data"}[wrong.kind]
    return "failed"


class BadPlace(Exception):
    """The mount point is not a folder of root's on a path without symbolic links."""


class NoData(Exception):
    """The vault does not have it."""


def _lay(views: Views, space: Path, dataset: str, source: Path) -> dict[str, Any]:
    """Do it, in the child: what is opened on the node is attached in the job."""
    namespace = os.open(space, os.O_RDONLY | os.O_CLOEXEC)
    tree = _tree(views.vault, source)
    linux.fence(tree)
    linux.enter(namespace)
    linux.attach(tree, _point(views.point(dataset)))
    device = os.fstat(tree).st_dev
    files = f"{os.major(device)}:{os.minor(device)}"
    return _verified(mountinfo.at(_here(), views.point(dataset)), linux.mount_id(tree), files)


def _verified(seen: Mount | None, number: int, files: str) -> dict[str, Any]:
    """Return a view as the daemon reads it, after a look whether it is what was meant."""
    if seen is None or seen.id != number or not seen.options >= linux.FENCED:
        raise OSError(f"it is not mounted as it should be: {seen and asdict(seen)}")
    return {"mount": seen.id, "device": seen.device, "root": seen.root, "files": files}


def _tree(vault: Path, source: Path) -> int:
    """Return a mount of what lies in the vault, attached nowhere yet."""
    is_image = source.name.endswith(IMAGE)
    try:
        above = os.open(vault, _FOLDER | os.O_CLOEXEC)
        flags = os.O_RDONLY if is_image else _FOLDER
        found = linux.open_beneath(above, str(source.relative_to(vault)), flags)
    except (OSError, ValueError) as wrong:
        raise NoData(str(wrong)) from wrong
    if not is_image:
        return linux.clone(found)
    device, path = loops.open_device(found)
    try:
        return linux.image("squashfs", path)
    finally:
        os.close(device)


def _point(path: str) -> int:
    """Open the mount point, which nobody but root can have made, in the namespace that this is."""
    root = os.open("/", _FOLDER | os.O_CLOEXEC)
    try:
        found = linux.open_beneath(root, path.removeprefix("/"), _FOLDER)
    except OSError as wrong:
        raise BadPlace(str(wrong)) from wrong
    status = os.fstat(found)
    if status.st_uid != 0 or stat.S_IMODE(status.st_mode) & 0o022:
        raise BadPlace(f"{path} is not root's alone to write")
    return found


def _take(space: Path, path: str, lazily: bool) -> Taken:
    """Take the mount at a path away, in the child."""
    linux.enter(os.open(space, os.O_RDONLY | os.O_CLOEXEC))
    try:
        linux.detach(path, lazily=lazily)
    except OSError as wrong:
        if wrong.errno == errno.EBUSY:
            return "busy"
        if wrong.errno in (errno.EINVAL, errno.ENOENT):
            return "none"
        raise
    return "gone"


def _mounts(space: Path) -> str:
    linux.enter(os.open(space, os.O_RDONLY | os.O_CLOEXEC))
    return mountinfo.read(Path("/proc/self/mountinfo"))


def _here() -> tuple[Mount, ...]:
    """Return what is mounted where this process is."""
    return mountinfo.parse(mountinfo.read(Path("/proc/self/mountinfo")))
