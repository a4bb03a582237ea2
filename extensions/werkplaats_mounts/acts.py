"""What the daemon does when it is asked: in which order a grant is looked at and carried out."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from werkplaats_audit.client import AuditAway
from werkplaats_audit.events import Event
from werkplaats_datasets.grants import Grant, read_grant
from werkplaats_datasets.signed import Checker, Forged
from werkplaats_datasets.vault import NoSuch, Vault
from werkplaats_mounts import asked, decide
from werkplaats_mounts.elsewhere import inode, strays
from werkplaats_mounts.forked import Failed, in_child
from werkplaats_mounts.ids import ids_of
from werkplaats_mounts.leaving import Leaving, event
from werkplaats_mounts.mounted import Mounted, Store
from werkplaats_mounts.revoked import Desk, DeskAway
from werkplaats_mounts.sentences import say
from werkplaats_mounts.settings import Settings
from werkplaats_mounts.slurm import Slurm, SlurmAway
from werkplaats_mounts.spaces import Spaces
from werkplaats_mounts.told import Told
from werkplaats_mounts.views import NoView, Views

_log = logging.getLogger(__name__)
#: After a refusal the same person waits (s): each is written down, and nobody is to fill the audit's disk.
_AFTER_REFUSAL: Final = 0.25
#: How often programs outside a job are looked for before a mount is refused, and after which pause (s).
_LOOKS: Final = 4
_BETWEEN_LOOKS: Final = 0.25


@dataclass(frozen=True)
class Caller:
    """Who asks, as the kernel says it."""

    uid: int
    name: str


class Refused(Exception):
    """It is not done. Its reason is one of :mod:`werkplaats_mounts.sentences`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


#: What keeps a mount from being made; a person who is gone from the machine is a ``KeyError``.
_NOT_DONE: Final = (Refused, Forged, NoView, DeskAway, SlurmAway, AuditAway, Failed, KeyError, OSError)


@dataclass
class Acts:
    """Carries out what is asked, one thing at a time for each person.

    Attributes
    ----------
    locks
        By name: two mounts of one person's wait for one another, and the watch waits too.
    """

    settings: Settings
    checker: Checker
    desk: Desk
    slurm: Slurm
    audit: Told
    store: Store
    spaces: Spaces
    views: Views
    vault: Vault
    leaving: Leaving
    clock: Callable[[], float] = time.time
    locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def answer(self, line: bytes, caller: Caller) -> dict[str, Any]:
        """Answer one message."""
        match asked.read(line):
            case asked.Mount() as wish:
                return await self._answer_mount(wish, caller)
            case asked.Unmount() as wish:
                return await self._answer_unmount(wish, caller)
            case asked.Mounted(job=job):
                return {"mounted": [self._shown(one) for one in self._of(job, caller)]}
            case asked.Can():
                return {"own_mounts": self.settings.own_mounts}
        return _trouble("unknown-message", "en")

    def _of(self, job: int, caller: Caller) -> list[Mounted]:
        """Return what is mounted in a job, to whose it is and to root."""
        found = self.store.of(job)
        return [one for one in found if caller.uid == 0 or one.grant.person == caller.name]

    def _shown(self, one: Mounted) -> dict[str, Any]:
        grant = one.grant
        return {
            "dataset": grant.dataset,
            "version": grant.version,
            "path": self.views.point(grant.dataset),
            "since": one.since,
            "ends_at": grant.ends_at,
            "alone": grant.alone,
        }

    # -- mounting --------------------------------------------------------------------------------

    async def _answer_mount(self, wish: asked.Mount, caller: Caller) -> dict[str, Any]:
        async with self.locks[caller.name]:
            grant: Grant | None = None
            try:
                grant = read_grant(self.checker, wish.grant)
                await self._mount(grant, caller)
            except _NOT_DONE as wrong:
                reason = _reason(wrong)
                _log.info("%s is refused a mount (%s): %s", caller.name, reason, wrong)
                await self._note(grant, caller, reason)
                await asyncio.sleep(_AFTER_REFUSAL)
                return _trouble(reason, wish.language)
        return {
            "path": self.views.point(grant.dataset),
            "dataset": grant.dataset,
            "version": grant.version,
        }

    async def _mount(self, grant: Grant, caller: Caller) -> None:
        """Mount what a grant says, or raise why not."""
        _refuse(decide.grant(grant, caller.name, self.clock()))
        if not self.store.use(grant):
            raise Refused("replayed")
        if not self.settings.own_mounts and grant.tier != "open":
            raise Refused("no-own-mounts")
        revocations, jobs = await asyncio.gather(self.desk.revocations(), self.slurm.jobs([grant.person]))
        _refuse("revoked" if revocations.takes(grant) else decide.job(grant, jobs))
        if not self.settings.own_mounts:
            await self._show(grant)
        elif not self._is_there(grant):
            await self._mount_alone(grant)

    def _is_there(self, grant: Grant) -> bool:
        """Return whether it is mounted already."""
        there = self.store.get(grant.job, grant.dataset)
        if there is None:
            return False
        if there.state == "leaving":
            raise Refused("busy")
        if there.grant.version != grant.version:
            raise Refused("other-version")
        return True

    async def _mount_alone(self, grant: Grant) -> None:
        """Mount; where it must be alone, first keep anything else of the person's from starting."""
        if not grant.alone:
            await self._lay(grant)
            return
        await self.slurm.mark(grant.job, grant.dataset)
        try:
            jobs = await self.slurm.jobs([grant.person])
            if decide.others(grant.person, grant.job, jobs):
                raise Refused("others-run")
            await self._require_no_strays(grant)
            await self._lay(grant)
        except BaseException:
            if not any(one.grant.alone for one in self.store.of(grant.job)):
                await self.slurm.unmark(grant.job)
            raise

    async def _require_no_strays(self, grant: Grant) -> None:
        """See that no program of the person's runs outside the job: it could look into it."""
        spaces = self.spaces.of(grant.job)
        if len(spaces) != 1:
            raise Refused("elsewhere")
        work = partial(strays, ids_of(grant.person), inode(spaces[0]))
        for _ in range(_LOOKS):  # the Hub's questions to Slurm are asked as the person, and over at once
            found: list[int] = await in_child(work)
            if not found:
                return
            await asyncio.sleep(_BETWEEN_LOOKS)
        _log.info("%s has programs outside job %d: %s", grant.person, grant.job, found[:20])
        raise Refused("programs-elsewhere")

    async def _lay(self, grant: Grant) -> None:
        """Write it down, mount, and write down how that went."""
        spaces = self.spaces.of(grant.job)
        if len(spaces) != 1:
            raise Refused("elsewhere")
        source = self._source(grant)
        self.views.make_point(grant.dataset)
        entry = await self.audit.begin(event("mount", grant))
        now = int(self.clock())
        mounting = Mounted(grant=grant, state="mounting", since=now, open_entry=entry)
        try:
            self.store.put(mounting)
            view = await self.views.lay(spaces[0], grant.dataset, source)
            mounted = self.store.put(mounting.model_copy(update={"state": "mounted", "view": view}))
        except (NoView, OSError) as wrong:
            _log.error("%s is not mounted in job %d: %s", grant.dataset, grant.job, wrong)
            await self._take_back(mounting, _reason(wrong))
            raise
        await self.leaving.finish(mounted)

    def _source(self, grant: Grant) -> Path:
        try:
            return self.vault.source(grant.dataset, grant.version)
        except NoSuch as wrong:
            raise Refused("no-data") from wrong

    async def _take_back(self, mounting: Mounted, reason: str) -> None:
        """Leave nothing half-mounted, nor who got hold of it; what cannot be done now the watch does."""
        grant = mounting.grant
        try:
            try:
                await self.audit.close(mounting.open_entry, "failed", {"why": reason})
                mounting = mounting.model_copy(update={"open_entry": 0, "said": True})
            finally:
                await self.leaving.at_once(mounting, "killed")
        except (NoView, AuditAway, OSError) as wrong:
            _log.error("%s in job %d is cleared up later: %s", grant.dataset, grant.job, wrong)

    async def _show(self, grant: Grant) -> None:
        """Write down the use of a dataset that lies open on this node, where jobs have no mounts."""
        folder = self.settings.data / grant.dataset
        if not folder.is_dir() or not any(os.scandir(folder)):
            raise Refused("no-data")
        entry = await self.audit.begin(event("mount", grant, {"own_mounts": "no"}))
        await self.audit.close(entry, "done")

    async def _note(self, grant: Grant | None, caller: Caller, reason: str) -> None:
        detail = {"reason": reason}
        if grant is None:
            refusal = Event(kind="refusal", person=caller.name, detail=detail)
        else:
            refusal = event("refusal", grant, detail).model_copy(update={"person": caller.name})
        try:
            await self.audit.note(refusal, "refused")
        except AuditAway as wrong:
            _log.error("a refusal is not written down: %s", wrong)

    # -- unmounting ------------------------------------------------------------------------------

    async def _answer_unmount(self, wish: asked.Unmount, caller: Caller) -> dict[str, Any]:
        there = self.store.get(wish.job, wish.dataset)
        if there is None or caller.uid not in (0, _uid_of(there, caller)):
            return _trouble("not-mounted", wish.language)
        async with self.locks[there.grant.person]:
            now = self.store.get(wish.job, wish.dataset)
            if now is None or now.state != "mounted":
                return _trouble("not-mounted", wish.language)
            try:
                gone = await self.leaving.asked(now)
            except (AuditAway, NoView, OSError) as wrong:
                _log.error("%s stays in job %d: %s", wish.dataset, wish.job, wrong)
                return _trouble(_reason(wrong), wish.language)
        return {"unmounted": wish.dataset} if gone else _trouble("busy", wish.language)


def _uid_of(mounted: Mounted, caller: Caller) -> int:
    """Return the caller's number where it is theirs, and no number otherwise."""
    return caller.uid if mounted.grant.person == caller.name else -1


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise Refused(reason)


def _reason(wrong: Exception) -> str:
    """Return what of :mod:`werkplaats_mounts.sentences` an exception is."""
    match wrong:
        case Refused(reason=reason) | NoView(reason=reason):
            return str(reason)
        case Forged():
            return "forged"
        case DeskAway():
            return "desk-away"
        case SlurmAway():
            return "slurm-away"
        case AuditAway():
            return "audit-away"
    return "failed"


def _trouble(reason: str, language: Any) -> dict[str, Any]:
    return {"trouble": reason, "message": say(reason, language)}
