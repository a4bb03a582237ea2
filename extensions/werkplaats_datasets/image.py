"""Squashfs images: what one holds, and how a folder becomes one."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from werkplaats_datasets.faults import Fault, Refused
from werkplaats_datasets.profile import IMAGE, PATH

#: A line of ``unsquashfs -lln``: type, rights, owner, size, moment, path.
_LINE: Final = re.compile(
    r"(?P<type>.)(?P<rights>[rwxsStT-]{9}) +\d+/\d+ +(?P<size>\d+) [\d-]+ [\d:]+ squashfs-root(?P<path>/.*)?"
)
_NAME: Final = re.compile(PATH)
#: How rights are written that make of a file more than something to read.
_SPECIAL: Final = frozenset("sStT")
_WITHIN: Final = 3600


def faults(path: Path) -> Iterator[Fault]:
    """Return what in an image would be in the way of who mounts it."""
    try:
        lines = _listed(path)
    except Refused as wrong:
        yield Fault("the file", str(wrong), "Make it with mksquashfs", IMAGE)
        return
    for line in lines:
        yield from _wrong(line)


def _wrong(line: str) -> Iterator[Fault]:
    found = _LINE.fullmatch(line)
    if found is None or found["type"] not in "-d":
        mend = "Make the image of plain files and folders, without links and devices"
        yield Fault("its content", f"{ascii(line)[1:-1][:200]} is neither a file nor a folder", mend, IMAGE)
    elif found["path"] and not _NAME.fullmatch("data" + found["path"]):
        mend = "Use letters, digits, dots, hyphens and underscores"
        yield Fault("its content", f"{ascii(found['path'])[1:-1][:200]} is hard to type", mend, IMAGE)
    elif set(found["rights"]) & _SPECIAL:
        mend = "Take such rights away (chmod -R u-s,g-s,-t) before the image is made"
        wrong = f"{found['path'] or '/'} is setuid, setgid or sticky"
        yield Fault("its content", wrong, mend, IMAGE)
    elif found["rights"][6] != "r" or (found["type"] == "d" and found["rights"][8] != "x"):
        mend = "Let everybody read it (chmod -R a+rX) before the image is made"
        yield Fault("its content", f"{found['path'] or '/'} is not for everybody to read", mend, IMAGE)


def names(path: Path) -> list[str]:
    """Return the paths of the files in an image that was found good."""
    found = (_LINE.fullmatch(line) for line in _listed(path))
    return [one["path"].lstrip("/") for one in found if one and one["type"] == "-"]


def _listed(path: Path) -> list[str]:
    said = _run(["unsquashfs", "-no-progress", "-lln", str(path)])
    return [line for line in said.split("\n") if line and not line.startswith("Parallel unsquashfs")]


def pack(folder: Path, path: Path) -> None:
    """Make an image of a folder, the same for the same files."""
    quietly = ("-noappend", "-no-progress", "-quiet")
    same = ("-no-xattrs", "-all-root", "-comp", "zstd", "-mkfs-time", "0", "-all-time", "0")
    _run(["mksquashfs", str(folder), str(path), *quietly, *same])


def unpack(path: Path, folder: Path) -> None:
    """Lay down what an image holds, in a folder that is not there yet: ours, for everybody to read.

    Rights and owners are those of the image until all of it is there, so it is done where nobody else
    can walk to.

    Raises
    ------
    Refused
        When it cannot be, or the image holds something else than files and folders.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as alone:
        half = Path(alone, "files")
        _run(["unsquashfs", "-no-progress", "-quiet", "-no-xattrs", "-dest", str(half), str(path)])
        _make_plain(half)
        half.chmod(0o755)  # to be moved; nobody but its owner may write there
        half.rename(folder)


def _make_plain(top: Path) -> None:
    """Make everything ours, files 0444 and folders 0555."""
    for folder, _names, files, descriptor in os.fwalk(top, topdown=False, follow_symlinks=False):
        for name in files:
            if not stat.S_ISREG(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                raise Refused(f"{Path(folder, name).name} in the image is no plain file; make it anew")
            os.chown(name, os.geteuid(), os.getegid(), dir_fd=descriptor, follow_symlinks=False)
            os.chmod(name, 0o444, dir_fd=descriptor)
        os.fchown(descriptor, os.geteuid(), os.getegid())
        os.fchmod(descriptor, 0o555)


def extract(path: Path, name: str, into: Path) -> None:
    """Write one file of an image into another."""
    with into.open("wb") as file:
        subprocess.run(
            ["unsquashfs", "-no-progress", "-cat", str(path), name], stdout=file, timeout=_WITHIN, check=True
        )


def _run(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_WITHIN, check=False)
    except FileNotFoundError:
        raise Refused(f"{argv[0]} is not installed; install Debian's squashfs-tools") from None
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise Refused(f"{argv[0]} said: {lines[-1][:300] if lines else 'nothing'}")
    return done.stdout.decode(errors="surrogateescape")
