"""Lay the example notebooks out in a person's home directory, and never over their work."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

#: Where the environment keeps them (below its prefix), and where a person finds them.
SHIPPED: Final = Path("share/werkplaats/example_notebooks")
FOLDER: Final = "voorbeelden"


def lay_out(prefix: Path, home: Path) -> None:
    """Copy each example that the person does not have yet.

    A full disk or a file in the way is said in the log and does not keep the server from starting:
    it is the server with which the person makes room.
    """
    shipped = prefix / SHIPPED
    for source in sorted(shipped.rglob("*.ipynb")):
        target = home / FOLDER / source.relative_to(shipped)
        try:
            copy_once(source, target)
        except OSError as wrong:
            print(f"werkplaats: could not lay out {target}: {wrong}", file=sys.stderr)


def copy_once(source: Path, target: Path) -> None:
    """Copy a file unless the target is there, so that a copy is whole or absent."""
    if target.exists() or target.is_symlink():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{target.name}.half")
    try:
        shutil.copyfile(source, half)
        half.rename(target)
    except OSError:
        half.unlink(missing_ok=True)
        raise
