"""What helps to try the catalogue: the helper of this checkout, and places of one's own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import IO

from werkplaats_datasets import first_rows, record
from werkplaats_datasets.helper import Helper
from werkplaats_datasets.places import Places

_FROM = Path(record.__file__).parents[1]
_START = (
    "import runpy, sys; sys.path.insert(0, sys.argv[1]); sys.argv = sys.argv[2:]; "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


def helper() -> Helper:
    """Return the one that runs what is tested, and not what is installed; it keeps its rights."""
    return Helper((sys.executable, "-I", "-c", _START, str(_FROM)), drop=False)


def places(root: Path, own_mounts: bool = True) -> Places:
    """Return the folders of a machine below a folder."""
    return Places(
        catalogue=root / "catalogue",
        vault=root / "vault",
        data=root / "data",
        mounts=root / "mounts",
        open_data=root / "open-data",
        own_mounts=own_mounts,
    )


class Quick(Helper):
    """Finds every record good, and reads the first rows in this process."""

    def run(
        self, module: str, *words: str | Path, given: IO[bytes] | bytes | None = None, within: float
    ) -> bytes:
        """Answer as the modules do."""
        if module.endswith("check_croissant"):
            return b'{"errors": [], "warnings": []}'
        assert given is not None
        assert not isinstance(given, bytes)
        return json.dumps(first_rows.preview(str(words[0]), given)).encode()


def quick() -> Helper:
    """Return a helper that starts no process."""
    return Quick(())
