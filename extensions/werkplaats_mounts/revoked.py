"""The desk's list of what was taken back: of now, checked, and never an older one than before.

The desk writes it into a file every few seconds, and at once when something is taken back. That is read
first: nobody can keep it from arriving by keeping the desk from answering. Where the file is old, or on
another machine, the desk is asked over HTTP. The newest list counts, whichever way it came.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from pathlib import Path
from typing import Final

import httpx
from pydantic import BaseModel, ConfigDict

from werkplaats_datasets.grants import Revocations, read_revocations
from werkplaats_datasets.signed import MOST_CHARACTERS, Checker, Forged
from werkplaats_mounts.mounted import Store

_log = logging.getLogger(__name__)

_SECONDS: Final = 3.0
#: How old a list may be that stands for this moment (s): whoever listens on the desk's port while it is
#: away must not pass an old one off as today's.
_FRESH: Final = 30
#: The desk writes its file every four seconds: one that is older than this (s) says that it does not.
_WRITTEN: Final = 10
#: After so long without a list (s), nobody knows what was taken back meanwhile.
SILENT: Final = 120
#: How often a list in which nothing changed is kept for after a restart (s).
_KEPT_EVERY: Final = 30


class DeskAway(Exception):
    """The desk did not say what was taken back, or not believably."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)

    list: str


class Desk:
    """The desk, of which one thing is to be known.

    Parameters
    ----------
    store
        Keeps the newest list over a restart.
    written
        The file that the desk writes it into, where there is one.
    """

    def __init__(self, url: str, checker: Checker, store: Store, written: Path | None = None) -> None:
        self._checker, self._store, self._written = checker, store, written
        self._client = httpx.AsyncClient(base_url=url, timeout=_SECONDS, trust_env=False)
        self.newest = self._kept()
        self._kept_at = self.newest.issued_at if self.newest else 0
        self._began = time.time()

    def silent(self, now: float) -> bool:
        """Return whether the newest list is so old that it says too little of this moment (Unix time, s)."""
        heard = self.newest.issued_at if self.newest else self._began
        return now - heard > SILENT

    async def revocations(self) -> Revocations:
        """Return the list as it is now.

        Raises
        ------
        DeskAway
        """
        if self._written is not None:
            try:
                return self._take(_read(self._written), _WRITTEN)
            except (DeskAway, OSError, ValueError) as wrong:
                _log.info("the desk is asked: in %s is no list of now: %s", self._written, wrong)
        return self._take(await self._asked(), _FRESH)

    async def _asked(self) -> str:
        try:
            answered = await self._client.get("api/revocations")
            answered.raise_for_status()
            if len(answered.content) > 2 * MOST_CHARACTERS:
                raise ValueError("too long")
            return _Answer.model_validate_json(answered.content).list
        except (httpx.HTTPError, ValueError) as wrong:  # ValidationError is a ValueError
            raise DeskAway(str(wrong) or type(wrong).__name__) from wrong

    def _take(self, signed: str, most_seconds: int) -> Revocations:
        """Take a list that is good as the newest; one that is not of this moment is no answer to now."""
        try:
            found = read_revocations(self._checker, signed)
        except Forged as wrong:
            raise DeskAway(str(wrong)) from wrong
        if self.newest is not None and found.issued_at < self.newest.issued_at:
            raise DeskAway("the list is older than one that was seen before")
        age = time.time() - found.issued_at
        if age < -_FRESH:
            raise DeskAway("the list is of a later moment")
        self._keep(found, signed)  # what it takes back is taken back, however old it is
        if age > most_seconds:
            raise DeskAway(f"the list is {age:.0f} s old")
        return found

    def _keep(self, found: Revocations, signed: str) -> None:
        changed = self.newest is None or found.entries != self.newest.entries
        if changed or found.issued_at - self._kept_at >= _KEPT_EVERY:
            self._store.revocations = signed
            self._kept_at = found.issued_at
        self.newest = found

    def _kept(self) -> Revocations | None:
        if not self._store.revocations:
            return None
        try:
            return read_revocations(self._checker, self._store.revocations)
        except Forged:  # of a desk with another key
            _log.warning("the list of revocations that was kept is not of this desk")
            return None


def _read(path: Path) -> str:
    """Read a file of the desk's: what lies there may be anything, and nothing of it is waited for.

    Raises
    ------
    OSError, ValueError
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{path} is no file")
        return file.read(MOST_CHARACTERS + 1).decode("ascii")
