"""The catalogue as it is published: a folder that everybody may read, written by root alone.

``ID/VERSION/`` holds the record, what was measured when it was added, and the first rows where they may
be shown; ``ID/current`` names the version that is offered.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from werkplaats_datasets.names import DatasetId, Tier, Version
from werkplaats_datasets.record import Broken, Record, load, parse

_log = logging.getLogger(__name__)

RECORD: Final = "croissant.json"
ENTRY: Final = "entry.json"
PREVIEW: Final = "preview.json"
CURRENT: Final = "current"
#: The most rows of a preview.
MOST_ROWS: Final = 10

_ID: Final = TypeAdapter(DatasetId)
_VERSION: Final = TypeAdapter(Version)
_ORDER: Final = get_args(Tier)

Source = Literal["folder", "squashfs"]


class Entry(BaseModel):
    """What was measured when a version was added. Moments are Unix time (s).

    Attributes
    ----------
    size_bytes
        Of its files together; of the image where it is one.
    checksum
        ``sha256:...`` of the image, or of the lines ``SHA256  PATH`` of its files in order of path.
    withdrawn_at
        Since when it is not offered any more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_bytes: int = Field(ge=0)
    files: int = Field(ge=0)
    checksum: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    source: Source
    added_at: int = Field(ge=0)
    withdrawn_at: int | None = None


class Preview(BaseModel):
    """The first rows of the first table, each value as a text, a number, a truth or nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[str, ...]
    rows: Annotated[tuple[tuple[str | int | float | bool | None, ...], ...], Field(max_length=MOST_ROWS)]


class Dataset(BaseModel):
    """One version of a dataset."""

    model_config = ConfigDict(frozen=True)

    record: Record
    entry: Entry
    preview: Preview | None


_NOTHING: Final = (0, 0)
_Seen = tuple[tuple[int, int], ...]


class Catalogue:
    """The published catalogue; cheap to ask on every request, because what did not change is kept.

    Parameters
    ----------
    folder
        Where it lies. It need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[tuple[str, str], tuple[_Seen, Dataset | None]] = {}

    def offered(self) -> tuple[Dataset, ...]:
        """Return the current version of every dataset that is not withdrawn, by tier and title."""
        found = (self.find(name) for name in self._names())
        return tuple(sorted((one for one in found if one is not None), key=_place))

    def find(self, id: str, version: str | None = None) -> Dataset | None:  # noqa: A002
        """Return the version of a dataset that is offered, or the one that is named, withdrawn or not."""
        if not _fits(_ID, id) or not _fits(_VERSION, version or "0"):
            return None
        named = version or self.current(id)
        found = None if named is None else self._version(id, named)
        if found is None or (version is None and found.entry.withdrawn_at is not None):
            return None
        return found

    def current(self, dataset: str) -> str | None:
        """Return the version of a dataset that is current, withdrawn or not."""
        if not _fits(_ID, dataset):
            return None
        try:
            named = (self.folder / dataset / CURRENT).read_text().strip()
        except (OSError, ValueError):
            return None
        return named if _fits(_VERSION, named) else None

    def all(self) -> Iterator[Dataset]:
        """Return every version of every dataset, also those that are withdrawn."""
        for name in self._names():
            for version in self.versions(name):
                found = self.find(name, version)
                if found is not None:
                    yield found

    def versions(self, dataset: str) -> tuple[str, ...]:
        """Return the names of the versions of a dataset, in order of the alphabet."""
        if not _fits(_ID, dataset):
            return ()
        return tuple(name for name in _folders(self.folder / dataset) if _fits(_VERSION, name))

    def _names(self) -> Iterator[str]:
        return (name for name in _folders(self.folder) if _fits(_ID, name))

    def _version(self, dataset: str, version: str) -> Dataset | None:
        folder = self.folder / dataset / version
        key, seen = (dataset, version), _look(folder)
        if seen[0] == _NOTHING:  # and is not kept: anybody may ask for anything
            return None
        kept = self._kept.get(key)
        if kept is None or kept[0] != seen:
            self._kept[key] = kept = (seen, _read(folder, dataset, version))
        return kept[1]


def _fits(kind: TypeAdapter[Any], name: str) -> bool:
    try:
        kind.validate_python(name)
    except ValidationError:
        return False
    return True


def _folders(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _place(dataset: Dataset) -> tuple[int, str, str]:
    record = dataset.record
    return _ORDER.index(record.tier), record.title.nl.casefold(), record.id


def _look(folder: Path) -> _Seen:
    return tuple(_status(folder / name) for name in (RECORD, ENTRY, PREVIEW))


def _status(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return _NOTHING
    return (status.st_ino, status.st_mtime_ns)


def _read(folder: Path, dataset: str, version: str) -> Dataset | None:
    """Read a version; one that cannot be read is left out, and the log says why."""
    try:
        record = parse(load((folder / RECORD).read_bytes()))
        entry = Entry.model_validate_json((folder / ENTRY).read_bytes())
        preview = _preview(folder / PREVIEW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, Broken, ValidationError) as wrong:
        _log.error("%s cannot be read, and is not offered: %s", folder, wrong)
        return None
    if (record.id, record.version) != (dataset, version):
        _log.error("%s holds the record of %s %s, and is not offered", folder, record.id, record.version)
        return None
    return Dataset(record=record, entry=entry, preview=preview)


def _preview(path: Path) -> Preview | None:
    return Preview.model_validate_json(path.read_bytes()) if path.exists() else None
