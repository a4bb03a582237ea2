"""Make one of the datasets: ``python -m werkplaats_datasets.bundled NAME FOLDER``."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from werkplaats_datasets.bundled import cohort, municipal_assets, tables, vehicles

#: A name, and what makes it.
GENERATORS: Final = {
    "vehicles": vehicles.make,
    "municipal-assets": municipal_assets.make,
    "cohort": cohort.make,
}


def template(name: str) -> dict[str, Any]:
    """Return a record without its files: what all three share, and what is its own."""
    here = files("werkplaats_datasets.bundled")
    common = json.loads((here / "common.json").read_text(encoding="utf-8"))
    return {**common, **json.loads((here / f"{name}.json").read_text(encoding="utf-8"))}


def make(name: str, folder: Path, scale: float = 1.0) -> None:
    """Write a dataset as an operator would give it.

    Parameters
    ----------
    scale
        Of the number of rows; less than 1 is for tests.
    """
    GENERATORS[name](folder / "data", scale)
    tables.save(folder, tables.describe(template(name), folder))


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]))
