"""The desk's list of what was taken back: asked anew, checked, and never an older one than before."""

from __future__ import annotations

import logging
import time
from typing import Final

import httpx
from pydantic import BaseModel, ConfigDict

from werkplaats_datasets.grants import Revocations, read_revocations
from werkplaats_datasets.signed import MOST_CHARACTERS, Checker, Forged
from werkplaats_mounts.mounted import Store

_log = logging.getLogger(__name__)

_SECONDS: Final = 3.0
#: How old a list may be that the desk gives when it is asked (s): whoever listens on its port while it is
#: away must not pass an old one off as today's.
_FRESH: Final = 30


class DeskAway(Exception):
    """The desk did not say what was taken back, or not believably."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)

    list: str


class Desk:
    """The desk, of which one thing is asked.

    Parameters
    ----------
    store
        Keeps the newest list over a restart.
    """

    def __init__(self, url: str, checker: Checker, store: Store) -> None:
        self._checker, self._store = checker, store
        self._client = httpx.AsyncClient(base_url=url, timeout=_SECONDS, trust_env=False)
        self.newest = self._kept()

    async def revocations(self) -> Revocations:
        """Ask for the list.

        Raises
        ------
        DeskAway
        """
        try:
            answered = await self._client.get("api/revocations")
            answered.raise_for_status()
            if len(answered.content) > 2 * MOST_CHARACTERS:
                raise ValueError("too long")
            signed = _Answer.model_validate_json(answered.content).list
            found = read_revocations(self._checker, signed)
        except (httpx.HTTPError, ValueError) as wrong:  # Forged and ValidationError are ValueErrors
            raise DeskAway(str(wrong)) from wrong
        self._take(found, signed)
        return found

    def _take(self, found: Revocations, signed: str) -> None:
        if self.newest is not None and found.issued_at < self.newest.issued_at:
            raise DeskAway("the list is older than one that was seen before")
        if abs(time.time() - found.issued_at) > _FRESH:
            raise DeskAway("the list is not of now")
        if self.newest is None or found.entries != self.newest.entries:
            self._store.revocations = signed
        self.newest = found

    def _kept(self) -> Revocations | None:
        if not self._store.revocations:
            return None
        try:
            return read_revocations(self._checker, self._store.revocations)
        except Forged:  # of a desk with another key
            _log.warning("the list of revocations that was kept is not of this desk")
            return None
