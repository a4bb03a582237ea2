"""Where an instance keeps its datasets."""

from __future__ import annotations

import json
from pathlib import Path

from werkplaats_datasets.places import Places
from werkplaats_hub.instance import Instance


def places(instance: Instance) -> Places:
    """Return where an instance keeps its datasets."""
    return Places(
        catalogue=instance.catalogue,
        vault=instance.vault,
        data=instance.data,
        mounts=instance.state / "mounts",
        open_data=instance.state / "open-data",
        own_mounts=_own_mounts(instance.etc / "mounts.json"),
    )


def _own_mounts(path: Path) -> bool:
    """Return whether jobs of this machine can have mounts of their own, as `make up` found."""
    try:
        return bool(json.loads(path.read_text()).get("own_mounts", True))
    except FileNotFoundError:
        return True
