"""A dataset as an operator gives it: a folder with ``croissant.json`` and ``data/`` or ``data.squashfs``.

It is looked at without following a link, and read through the folders that were looked at, so that
nothing outside it gets into the vault.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from werkplaats_datasets import image
from werkplaats_datasets.faults import Broken, Fault
from werkplaats_datasets.profile import IMAGE, PATH
from werkplaats_datasets.record import MOST_BYTES, Record, load, parse

RECORD: Final = "croissant.json"
DATA: Final = "data"
_NAME: Final = re.compile(PATH)
_BLOCK: Final = 1024 * 1024
#: More faults of one kind are not told one by one.
_MOST_FAULTS: Final = 20


@dataclass(frozen=True)
class Given:
    """A folder whose record is good; its files were not looked at yet.

    Attributes
    ----------
    text
        The record, byte by byte.
    """

    folder: Path
    text: bytes
    record: Record

    @property
    def is_image(self) -> bool:
        """Whether it comes as a squashfs image."""
        return self.record.files[0].path == IMAGE


def read(folder: Path) -> Given:
    """Read the record in a folder.

    Raises
    ------
    Broken
    """
    try:
        with _open(folder / RECORD) as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as wrong:
        said = _said(wrong)
        raise Broken(
            [Fault("the file", said, f"Put the record there, as {RECORD}", str(folder / RECORD))]
        ) from None
    return Given(folder, text, parse(load(text)))


def faults(given: Given) -> list[Fault]:
    """Return what is wrong with the files beside a record, without reading them whole."""
    return shortened(_wrong_image(given) if given.is_image else _wrong_files(given))


def shortened(all_of_them: Iterable[Fault]) -> list[Fault]:
    """Return the first faults of many, and how many more there are."""
    found = list(all_of_them)
    if len(found) > _MOST_FAULTS:
        more = len(found) - _MOST_FAULTS
        found[_MOST_FAULTS:] = [Fault(DATA, f"{more} more faults", "Mend those above first", DATA)]
    return found


def each(given: Given, take: Callable[[str, BinaryIO, str], str]) -> list[Fault]:
    """Open every file of a dataset in turn; return those that are not what the record says.

    Parameters
    ----------
    take
        Is given a file's path, the open file and the SHA-256 that it should have, and returns the one
        that it has.
    """
    wrong = []
    top = given.folder if given.is_image else given.folder / DATA
    for file in given.record.files:
        with open_below(top, file.path) as opened:
            found = take(file.path, opened, file.sha256)
        if found != file.sha256:
            said = f"its SHA-256 is {found[:16]}..., and the record says {file.sha256[:16]}..."
            mend = "Put the file there that was described, or describe this one"
            wrong.append(Fault("sha256", said, mend, _shown(given, file.path)))
    return wrong[:_MOST_FAULTS]


def digest(_path: str, file: BinaryIO, _should: str) -> str:
    """Return a file's SHA-256."""
    found = hashlib.sha256()
    while block := file.read(_BLOCK):
        found.update(block)
    return found.hexdigest()


def open_below(top: Path, path: str) -> BinaryIO:
    """Open a regular file below a folder, through no symbolic link."""
    *folders, name = path.split("/")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    here = os.open(top, flags | os.O_DIRECTORY)
    try:
        for folder in folders:
            below = os.open(folder, flags | os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = below
        return _regular(os.open(name, flags | os.O_NONBLOCK, dir_fd=here))
    finally:
        os.close(here)


def _open(path: Path) -> BinaryIO:
    return _regular(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))


def _regular(descriptor: int) -> BinaryIO:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "not a plain file")
    return os.fdopen(descriptor, "rb")


def _said(wrong: OSError) -> str:
    said = str(wrong.strerror or wrong)
    return (
        "a symbolic link, or behind one" if "symbolic link" in said.lower() else said[:1].lower() + said[1:]
    )


def _shown(given: Given, path: str) -> str:
    return path if given.is_image else f"{DATA}/{path}"


def _wrong_image(given: Given) -> Iterator[Fault]:
    path = given.folder / IMAGE
    try:
        _open(path).close()
    except OSError as wrong:
        yield Fault("the file", _said(wrong), "Put the image there", IMAGE)
        return
    yield from image.faults(path)


def _wrong_files(given: Given) -> Iterator[Fault]:
    top = given.folder / DATA
    if top.is_symlink() or not top.is_dir():
        yield Fault(
            "the folder", "not there, or a symbolic link", "Put the files in a folder of that name", DATA
        )
        return
    described = {f"{DATA}/{file.path}" for file in given.record.files}
    found: set[str] = set()
    for path, mode in _walk(top):
        found.add(path)
        yield from _wrong(path, mode, described)
    for path in sorted(described - found):
        yield Fault(
            "distribution", "described, and not there", "Put it there, or take it out of the record", path
        )


def _walk(top: Path) -> Iterator[tuple[str, int]]:
    """Return everything below a folder but its folders, with its mode."""
    for folder, names, files, descriptor in os.fwalk(top, follow_symlinks=False):
        place = Path(DATA, Path(folder).relative_to(top))
        for name in [*names, *files]:
            with suppress(FileNotFoundError):
                mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
                if not stat.S_ISDIR(mode):
                    yield str(place / name), mode


def _wrong(path: str, mode: int, described: set[str]) -> Iterator[Fault]:
    shown = ascii(path)[1:-1][:200]
    if stat.S_ISLNK(mode):
        yield Fault("the file", "a symbolic link", "Put the file itself there", shown)
    elif not stat.S_ISREG(mode):
        yield Fault("the file", "a device, a pipe or a socket", "Take it away", shown)
    elif not _NAME.fullmatch(path):
        mend = "Use letters, digits, dots, hyphens and underscores, and begin with none of .=-"
        yield Fault("its name", "hard to type or to read", mend, shown)
    elif path not in described:
        yield Fault(
            "distribution", "there, and not described", "Describe it in the record, or take it away", shown
        )
