"""Add a version of a dataset: into the vault and then into the catalogue, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from werkplaats_datasets import given as givens
from werkplaats_datasets.catalogue import CURRENT, ENTRY, PREVIEW, RECORD, Catalogue, Entry, Preview
from werkplaats_datasets.faults import Broken, Fault, Taken
from werkplaats_datasets.given import Given
from werkplaats_datasets.helper import Helper
from werkplaats_datasets.laying import lay, sync
from werkplaats_datasets.places import Places
from werkplaats_datasets.record import Record
from werkplaats_datasets.vault import NoSuch, Vault

#: How long mlcroissant may look at a record (s).
_CHECK_WITHIN: Final = 120


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
    given = givens.read(folder)
    _require_good(given, helper)
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
            done = Added(given.record, *_offer_again(given.record, before, places))
        else:
            _require_good(given, helper)
            places.require_free(given.record.id)
            entry, preview = lay(given, places.vault, helper, as_image=as_image)
            _publish(given, entry, preview, places)
            done = Added(given.record, entry, new=True)
        places.stand()
        return done


def _require_good(given: Given, helper: Helper) -> None:
    """See that files are what they should be, and that mlcroissant agrees with the record."""
    wrong = [*givens.faults(given), *_croissant(given, helper)]
    if wrong:
        raise Broken(wrong)


def _croissant(given: Given, helper: Helper) -> Iterable[Fault]:
    """Return what mlcroissant finds wrong."""
    said = helper.run("werkplaats_datasets.check_croissant", "-", given=given.text, within=_CHECK_WITHIN)
    mend = "Write it as Croissant 1.1 says"
    for error in json.loads(said)["errors"]:
        where, found, what = str(error).partition("] ")
        yield Fault(where.lstrip("[") if found else "Croissant", (what if found else where).rstrip("."), mend)


def _before(given: Given, places: Places) -> Entry | None:
    """Return the entry of the same version, when its bytes are there.

    Raises
    ------
    Taken
        When it is there with another record.
    """
    record = given.record
    known = Catalogue(places.catalogue).find(record.id, record.version)
    if known is None:
        return None
    if (places.catalogue / record.id / record.version / RECORD).read_bytes() != given.text:
        raise Taken(
            f"{record.id} {record.version} is in the catalogue with another record or other files. "
            "What people agreed to and mounted stays what it was: give yours another version."
        )
    try:
        Vault(places.vault, places.catalogue).lies(record.id, record.version)
    except NoSuch:
        return None
    return known.entry


def _offer_again(record: Record, entry: Entry, places: Places) -> tuple[Entry, bool]:
    """Offer a version whose bytes lie in the vault; they are left alone, for a job may have them mounted.

    Returns
    -------
    tuple
        Its entry, and whether it was not offered before.
    """
    home = places.catalogue / record.id
    current = Catalogue(places.catalogue).current(record.id) == record.version
    offered = entry.model_copy(update={"withdrawn_at": None})
    if offered != entry:
        write(home / record.version / ENTRY, offered.model_dump_json(indent=2).encode())
    if not current:
        write(home / CURRENT, f"{record.version}\n".encode())
    return offered, offered != entry or not current


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
    sync(half)
    if final.exists():  # its bytes were taken away before
        for part in half.iterdir():
            part.rename(final / part.name)
        half.rmdir()
    else:
        half.rename(final)
    write(home / CURRENT, f"{record.version}\n".encode())
    sync(home)


def write(path: Path, content: bytes) -> None:
    """Write a file that everybody may read, whole or not at all."""
    half = path.with_name(f".{path.name}.new")
    with half.open("wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    half.rename(path)
