"""Lay the files of a version into the vault, and measure them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import ValidationError

from werkplaats_datasets import given as givens
from werkplaats_datasets import image
from werkplaats_datasets.catalogue import Entry, Preview, Source
from werkplaats_datasets.faults import Broken, Fault, Refused
from werkplaats_datasets.given import Given
from werkplaats_datasets.helper import Helper
from werkplaats_datasets.record import Record
from werkplaats_datasets.vault import IMAGE

_BLOCK: Final = 1024 * 1024
#: How long a table's head may be read (s).
_ROWS_WITHIN: Final = 60
#: What stays free on the disk (bytes).
_SPARE: Final = 64 * 1024 * 1024
_READ: Final = 0o555
_TABLES: Final = {".parquet": "parquet", ".csv": "csv"}


def lay(given: Given, vault: Path, helper: Helper, *, as_image: bool) -> tuple[Entry, Preview | None]:
    """Copy the files, each checked while it is copied, and put them in their place by one rename.

    Raises
    ------
    Broken
        When a file is not what the record says, an image holds what it may not, or the first rows of
        a table cannot be read.
    Refused
        When there is no room.
    """
    record = given.record
    home = vault / record.id
    home.mkdir(mode=0o700, exist_ok=True)
    _clear(home)  # of an add that was killed
    _require_room(given, vault, twice=as_image)
    half = home / f".{record.version}.coming"
    make = _as_given if given.is_image else _packed if as_image else _as_folder
    try:
        _copy(given, half)
        ready = make(given, half, helper)
        _remove(home / record.version)  # never offered: an add that was killed before it was
        _remove(home / f"{record.version}{IMAGE}")
        ready.path.rename(home / (record.version + (IMAGE if ready.path.is_file() else "")))
        sync(home)
    finally:
        _clear(home)
    return ready.entry, ready.preview


def _clear(home: Path) -> None:
    for left in home.glob(".*.coming*"):
        _remove(left)


def _require_room(given: Given, vault: Path, twice: bool) -> None:
    top = given.folder if given.is_image else given.folder / givens.DATA
    needed = sum((top / file.path).stat().st_size for file in given.record.files)
    free = shutil.disk_usage(vault).free
    if needed * (2 if twice else 1) + _SPARE > free:
        raise Refused(f"{vault} has {free // 1024**2} MiB free, and it needs {needed // 1024**2}: make room")


def _copy(given: Given, half: Path) -> None:
    half.mkdir(mode=0o700)
    wrong = givens.each(given, lambda path, file, _should: _copied(file, half / path))
    if wrong:
        raise Broken(wrong)


def _copied(file: BinaryIO, target: Path) -> str:
    """Copy a file to the disk; return its SHA-256."""
    target.parent.mkdir(parents=True, exist_ok=True)
    found = hashlib.sha256()
    with target.open("xb") as copy:
        while block := file.read(_BLOCK):
            found.update(block)
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
        os.fchmod(copy.fileno(), 0o444)
    return found.hexdigest()


@dataclass(frozen=True)
class _Ready:
    """What is to be moved into place, and what was measured of it."""

    path: Path
    entry: Entry
    preview: Preview | None


def _as_folder(given: Given, half: Path, helper: Helper) -> _Ready:
    files = sorted(given.record.files, key=lambda one: one.path)
    preview = _preview_of_files(given.record, half, helper)
    size = sum((half / file.path).stat().st_size for file in files)
    lines = "".join(f"{file.sha256}  {file.path}\n" for file in files)
    _shut(half)
    return _Ready(
        half, _entry("folder", size, len(files), hashlib.sha256(lines.encode()).hexdigest()), preview
    )


def _packed(given: Given, half: Path, helper: Helper) -> _Ready:
    """Make an image of the files."""
    preview = _preview_of_files(given.record, half, helper)
    _shut(half)
    path = half.with_name(half.name + IMAGE)
    image.pack(half, path)
    path.chmod(0o444)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        sha256 = givens.digest("", file, "")
    return _Ready(path, _entry("squashfs", path.stat().st_size, len(given.record.files), sha256), preview)


def _as_given(given: Given, half: Path, helper: Helper) -> _Ready:
    """Take the image that was given, if the copy is good: the giver can change theirs at any moment."""
    [file] = given.record.files
    path = half / file.path
    wrong = givens.shortened(image.faults(path))
    if wrong:
        raise Broken(wrong)
    names = image.names(path)
    preview = _preview_of_image(given.record, path, names, helper)
    return _Ready(path, _entry("squashfs", path.stat().st_size, len(names), file.sha256), preview)


def _entry(source: Source, size: int, files: int, sha256: str) -> Entry:
    checksum, now = f"sha256:{sha256}", int(time.time())
    return Entry(size_bytes=size, files=files, checksum=checksum, source=source, added_at=now)


def _shut(top: Path) -> None:
    """Let nobody, and no accident of root's, add to what lies there."""
    for folder, _names, _files in os.walk(top, topdown=False):
        sync(Path(folder))
        os.chmod(folder, _READ)


def sync(folder: Path) -> None:
    """See that what a folder lists is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


# -- the first rows ----------------------------------------------------------------------------------


def _table(names: Iterable[str]) -> str | None:
    return next((name for name in names if Path(name).suffix in _TABLES), None)


def _preview(record: Record, folder: Path, names: Iterable[str], helper: Helper) -> Preview | None:
    """Return the first rows of the first table; none where they cannot be read, or may not be shown."""
    name = _table(names)
    if name is None or not record.show_preview:
        return None
    with (folder / name).open("rb") as file:
        kind = _TABLES[Path(name).suffix]
        try:
            said = helper.run("werkplaats_datasets.first_rows", kind, given=file, within=_ROWS_WITHIN)
            return Preview.model_validate_json(said)
        except (Refused, ValidationError) as wrong:
            fault = Fault("the table", str(wrong)[:300], "Mend the table, or set wp:preview to false", name)
            raise Broken([fault]) from None


def _preview_of_files(record: Record, folder: Path, helper: Helper) -> Preview | None:
    return _preview(record, folder, [file.path for file in record.files], helper)


def _preview_of_image(record: Record, packed: Path, names: list[str], helper: Helper) -> Preview | None:
    name = _table(sorted(names))
    if name is None or not record.show_preview:
        return None
    with tempfile.TemporaryDirectory(dir=packed.parent.parent, prefix=".rows.coming-") as folder:
        target = Path(folder, f"table{Path(name).suffix}")
        image.extract(packed, name, target)
        return _preview(record, target.parent, [target.name], helper)
