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
from werkplaats_datasets.faults import Broken, Changed, Fault, Taken
from werkplaats_datasets.given import Given
from werkplaats_datasets.helper import Helper
from werkplaats_datasets.laying import lay, sync
from werkplaats_datasets.places import Places
from werkplaats_datasets.record import Party, Record
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


def add(
    folder: Path, places: Places, helper: Helper, *, as_image: bool = False, change: bool = False
) -> Added:
    """Lay a version into the vault and offer it; the one that was offered before stays in the vault.

    Parameters
    ----------
    change
        Whether it may have another steward, owner or tier than the dataset has.

    Raises
    ------
    Broken
        When something is wrong with it.
    Refused
        When that version is there with another record, the dataset is another's, or there is no room.
    """
    with places.alone():
        given = givens.read(folder)
        before = _before(given, places)
        if not change:
            _require_unchanged(given.record, places)
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


def _require_unchanged(record: Record, places: Places) -> None:
    """See that a version leaves a dataset to whom it belongs, also when that is withdrawn.

    Who decides on access, and whether anybody must, is what the current record says.

    Raises
    ------
    Changed
    """
    catalogue = Catalogue(places.catalogue)
    known = catalogue.find(record.id, catalogue.current(record.id))
    if known is None:
        return
    now = known.record
    said = (
        ("steward (maintainer.identifier)", now.steward.person, record.steward.person),
        ("owner (creator)", _named(now.owner), _named(record.owner)),
        ("tier (wp:tier)", now.tier, record.tier),
    )
    differs = [f"{what} is {old}, and would be {new}" for what, old, new in said if old != new]
    if differs:
        raise Changed(
            f"{record.id} {record.version} is not as {now.version}, which is there: "
            f"its {'; its '.join(differs)}. "
            "Who decides on the data would be another, or it would be for others: write what was there, "
            "or, if you have asked those who decide now and they agree, add it with --change."
        )


def _named(party: Party) -> str:
    return f"{party.name} <{party.url}>" if party.url else party.name


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
