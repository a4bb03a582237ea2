"""Put files and folders in place; say whether that changed anything."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def folder(path: Path, mode: int = 0o755, owner: str = "root", group: str | None = None) -> None:
    """Make a folder with that mode and owner, and its parents as root's."""
    path.mkdir(parents=True, exist_ok=True)
    shutil.chown(path, owner, group or owner)
    path.chmod(mode)


def write(path: Path, text: str, mode: int = 0o644, owner: str = "root", group: str | None = None) -> bool:
    """Write a file whole or not at all; return whether its text is new.

    It is never readable by more people than `mode` says, not even while it is written.
    """
    changed = not path.is_file() or path.read_text() != text
    if changed:
        half = path.with_name(f".{path.name}.new")
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        half.rename(path)
    shutil.chown(path, owner, group or owner)
    path.chmod(mode)
    return changed


def log(path: Path, owner: str) -> None:
    """Let a daemon that is not root write its log in a folder that is root's."""
    path.touch()
    shutil.chown(path, owner)
    path.chmod(0o640)
