"""Add a version of a dataset: into the vault and then into the catalogue, whole or not at all."""

from __future__ import annotations

import hashlib
import json
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
from werkplaats_datasets.catalogue import CURRENT, ENTRY, PREVIEW, RECORD, Catalogue, Entry, Preview
from werkplaats_datasets.faults import Broken, Fault, Refused, Taken
from werkplaats_datasets.given import Given
from werkplaats_datasets.helper import Helper
from werkplaats_datasets.places import Places
from werkplaats_datasets.record import Record
from werkplaats_datasets.vault import IMAGE, NoSuch, Vault

_BLOCK: Final = 1024 * 1024
#: How long mlcroissant may look at a record, and a table's head may be read (s).
_CHECK_WITHIN: Final = 120
_ROWS_WITHIN: Final = 60
#: What stays free on the disk (bytes).
_SPARE: Final = 64 * 1024 * 1024
_SHUT: Final = 0o555
_TABLES: Final = {".parquet": "parquet", ".csv": "csv"}


@dataclass(frozen=True)
class Added:
    """What was done.

    Attributes
    ----------
    new
        False when everything was as it is already.
    """

    record: Record
    entry: Entry
    new: bool


def check(folder: Path, helper: Helper) -> Given:
    """Look at everything that `add` looks at, and change nothing.

    Raises
    ------
    Broken
    """
    given = _good(folder, helper)
    wrong = givens.each(given, givens.digest)
    if wrong:
        raise Broken(wrong)
    return given


def add(folder: Path, places: Places, helper: Helper, *, as_image: bool = False) -> Added:
    """Lay a version into the vault and offer it; the one that was offered before stays in the vault.

    Raises
    ------
    Broken
        When something is wrong with it.
    Refused
        When that version is there with another record, or there is no room.
    """
    with places.alone():
        given = givens.read(folder)
        before = _before(given, places)
        if before is not None:
            places.stand()
            return Added(given.record, before, new=False)
        given = _good(folder, helper)
        places.require_free(given.record.id)
        entry, preview = _lay(given, places, helper, as_image)
        _publish(given, entry, preview, places)
        places.stand()
        return Added(given.record, entry, new=True)


def _good(folder: Path, helper: Helper) -> Given:
    given = givens.read(folder)
    wrong = [*givens.faults(given), *_croissant(given, helper)]
    if wrong:
        raise Broken(wrong)
    return given


def _croissant(given: Given, helper: Helper) -> Iterable[Fault]:
    """Return what mlcroissant finds wrong."""
    said = helper.run("werkplaats_datasets.check_croissant", "-", given=given.text, within=_CHECK_WITHIN)
    mend = "Write it as Croissant 1.1 says"
    for error in json.loads(said)["errors"]:
        where, found, what = str(error).partition("] ")
        yield Fault(where.lstrip("[") if found else "Croissant", (what if found else where).rstrip("."), mend)


def _before(given: Given, places: Places) -> Entry | None:
    """Return the entry of the same version, when it is offered and there.

    Raises
    ------
    Taken
        When it is there with another record.
    """
    record = given.record
    catalogue = Catalogue(places.catalogue)
    known = catalogue.find(record.id, record.version)
    if known is None:
        return None
    if (places.catalogue / record.id / record.version / RECORD).read_bytes() != given.text:
        raise Taken(
            f"{record.id} {record.version} is in the catalogue with another record or other files. "
            "What people agreed to and mounted stays what it was: give yours another version."
        )
    there = _there(record, places)
    current = catalogue.current(record.id) == record.version
    return known.entry if there and current and known.entry.withdrawn_at is None else None


def _there(record: Record, places: Places) -> bool:
    try:
        Vault(places.vault, places.catalogue).lies(record.id, record.version)
    except NoSuch:
        return False
    return True


# -- into the vault ----------------------------------------------------------------------------------


def _lay(given: Given, places: Places, helper: Helper, as_image: bool) -> tuple[Entry, Preview | None]:
    """Copy the files, each checked while it is copied, and put them in their place by one rename."""
    record = given.record
    home = places.vault / record.id
    home.mkdir(mode=0o700, exist_ok=True)
    for left in home.glob(".*.coming*"):  # of an add that was killed
        _remove(left)
    _require_room(given, places.vault, twice=as_image)
    half = home / f".{record.version}.coming"
    try:
        _copy(given, half)
        entry, preview, ready = _measured(given, half, helper, as_image)
        final = home / (record.version + (IMAGE if ready.is_file() else ""))
        _remove(home / record.version)
        _remove(home / f"{record.version}{IMAGE}")
        ready.rename(final)
        _sync(home)
    finally:
        for left in home.glob(".*.coming*"):
            _remove(left)
    return entry, preview


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


def _measured(given: Given, half: Path, helper: Helper, as_image: bool) -> tuple[Entry, Preview | None, Path]:
    """Return the entry, the preview, and what is to be moved into place."""
    now = int(time.time())
    files = given.record.files
    if given.is_image:
        packed = half / files[0].path
        names = image.names(packed)
        entry = _entry(packed, len(names), files[0].sha256, now)
        return entry, _preview_of_image(given.record, packed, names, helper), packed
    preview = _preview(given.record, half, [file.path for file in files], helper)
    if as_image:
        _close_folders(half)
        packed = half.with_name(half.name + IMAGE)
        image.pack(half, packed)
        packed.chmod(0o444)
        with packed.open("rb") as file:
            os.fsync(file.fileno())
            checksum = givens.digest("", file, "")
        return _entry(packed, len(files), checksum, now), preview, packed
    size = sum((half / file.path).stat().st_size for file in files)
    _close_folders(half)
    lines = "".join(f"{file.sha256}  {file.path}\n" for file in sorted(files, key=lambda one: one.path))
    checksum = f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
    entry = Entry(size_bytes=size, files=len(files), checksum=checksum, source="folder", added_at=now)
    return entry, preview, half


def _entry(packed: Path, files: int, sha256: str, now: int) -> Entry:
    size = packed.stat().st_size
    return Entry(size_bytes=size, files=files, checksum=f"sha256:{sha256}", source="squashfs", added_at=now)


def _close_folders(top: Path) -> None:
    """Let nobody, and no accident of root's, add to what lies there."""
    for folder, _names, _files in os.walk(top, topdown=False):
        _sync(Path(folder))
        os.chmod(folder, _SHUT)


def _sync(folder: Path) -> None:
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


def _preview_of_image(record: Record, packed: Path, names: list[str], helper: Helper) -> Preview | None:
    name = _table(sorted(names))
    if name is None or not record.show_preview:
        return None
    with tempfile.TemporaryDirectory(dir=packed.parent.parent, prefix=".rows.coming-") as folder:
        target = Path(folder, f"table{Path(name).suffix}")
        image.extract(packed, name, target)
        return _preview(record, target.parent, [target.name], helper)


# -- into the catalogue ------------------------------------------------------------------------------


def _publish(given: Given, entry: Entry, preview: Preview | None, places: Places) -> None:
    """Show a version to everybody, and offer it."""
    record = given.record
    home = places.catalogue / record.id
    home.mkdir(mode=0o755, exist_ok=True)
    half, final = home / f".{record.version}.coming", home / record.version
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o755)
    write(half / RECORD, given.text)
    write(half / ENTRY, entry.model_dump_json(indent=2).encode())
    if preview is not None:
        write(half / PREVIEW, preview.model_dump_json().encode())
    _sync(half)
    if final.exists():  # withdrawn before, or its bytes were taken away
        for part in half.iterdir():
            part.rename(final / part.name)
        half.rmdir()
    else:
        half.rename(final)
    write(home / CURRENT, f"{record.version}\n".encode())
    _sync(home)


def write(path: Path, content: bytes) -> None:
    """Write a file that everybody may read, whole or not at all."""
    half = path.with_name(f".{path.name}.new")
    with half.open("wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    half.rename(path)
