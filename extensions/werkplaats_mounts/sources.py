"""Where in the vault the data of a grant lies."""

from __future__ import annotations

from pathlib import Path

from werkplaats_datasets.grants import Grant
from werkplaats_mounts.views import IMAGE


def source(vault: Path, grant: Grant) -> Path:
    """Return the folder of a version, or its image; that it is there is seen when it is opened."""
    folder = vault / grant.dataset / grant.version
    image = folder.with_name(grant.version + IMAGE)
    return image if image.is_file() and not folder.is_dir() else folder
