"""The signed list of what was taken back, in a file beside the desk.

Whoever keeps the desk from answering must not keep a revocation from arriving: the mount daemon on this
machine reads the file, and asks over HTTP only where that is old.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from werkplaats_datasets.grants import sign_revocations
from werkplaats_desk import revoking
from werkplaats_desk.datasets import Datasets
from werkplaats_desk.desk import Desk

_log = logging.getLogger(__name__)
#: How often the list is written anew, also where nothing changed (s): its age says that the desk is there.
EVERY: Final = 4.0
_PROBLEM: Final = "revocations"
#: One list at a time is read and written: an older one must not overtake a younger.
_ONE_AT_A_TIME: Final = threading.Lock()


def signed(desk: Desk, datasets: Datasets) -> str:
    """Return the list as it stands now, as it travels."""
    with desk.database.transaction() as session:
        found = revoking.revocations(session, int(time.time()))
    return sign_revocations(datasets.signer, found)


def announce(desk: Desk) -> None:
    """Write the list down; where that fails the desk says so, and it is tried again in a moment."""
    path, datasets = desk.settings.revocations, desk.datasets
    if path is None or datasets is None:
        return
    try:
        with _ONE_AT_A_TIME:
            _write(path, signed(desk, datasets))
    except (OSError, SQLAlchemyError) as wrong:
        desk.problems[_PROBLEM] = str(wrong)
        _log.error("what was taken back is not in %s: %s", path, wrong)
    else:
        desk.problems.pop(_PROBLEM, None)


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all; who reads it checks the signature, so everybody may."""
    half = path.with_name(f".{path.name}.new")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    half.rename(path)


class Announcer:
    """A thread that writes the list again and again; nothing else of the desk's keeps it waiting."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="announcer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._over.set()

    def _work(self) -> None:
        while True:
            try:
                announce(self._desk)
            except Exception:  # the next one may go well
                _log.exception("the list of what was taken back could not be written")
            if self._over.wait(EVERY):
                return
