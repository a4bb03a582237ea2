"""Where the data itself lies: root's alone, a folder or an image for every version."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from werkplaats_datasets.catalogue import Catalogue
from werkplaats_datasets.names import DatasetId, Version

IMAGE: Final = ".squashfs"
_NAMES: Final = TypeAdapter(tuple[DatasetId, Version])


class NoSuch(LookupError):
    """There is no such version of a dataset, or it is offered no more."""


class Vault:
    """The vault, beside the catalogue that says what may be taken from it.

    Parameters
    ----------
    vault
        Root's alone; whoever else asks finds nothing.
    catalogue
        The published catalogue.
    """

    def __init__(self, vault: Path, catalogue: Path) -> None:
        self.folder = vault
        self._catalogue = Catalogue(catalogue)

    def source(self, id: str, version: str) -> Path:  # noqa: A002
        """Return the folder of a version, or its image, which ends in ``.squashfs``.

        Raises
        ------
        NoSuch
            Also of a version that was withdrawn.
        """
        found = self._catalogue.find(id, version)
        if found is None or found.entry.withdrawn_at is not None:
            raise NoSuch(f"{id} {version}"[:100])
        return self.lies(id, version)

    def lies(self, id: str, version: str) -> Path:  # noqa: A002
        """Return where the bytes of a version lie, whatever the catalogue says.

        Raises
        ------
        NoSuch
        """
        try:
            _NAMES.validate_python((id, version))
        except ValidationError:
            raise NoSuch(f"{id} {version}"[:100]) from None
        folder, image = self.folder / id / version, self.folder / id / f"{version}{IMAGE}"
        if image.is_file() and not image.is_symlink():
            return image
        if folder.is_dir() and not folder.is_symlink():
            return folder
        raise NoSuch(f"{id} {version}")
