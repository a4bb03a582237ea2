"""Taking a view away: by the person's wish where nothing is open in it, and otherwise whatever holds it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from werkplaats_audit.client import AuditAway
from werkplaats_audit.events import Event, Kind, Outcome
from werkplaats_datasets.grants import Grant
from werkplaats_mounts.forked import Failed, in_child
from werkplaats_mounts.holders import Search
from werkplaats_mounts.ids import ids_of
from werkplaats_mounts.mounted import Mounted, Store, Why
from werkplaats_mounts.slurm import Slurm, SlurmAway
from werkplaats_mounts.spaces import Spaces
from werkplaats_mounts.told import Told
from werkplaats_mounts.views import NoView, View, Views

_log = logging.getLogger(__name__)
#: How long the processes that hold a view are looked for and ended (s), before the next round goes on.
_SECONDS: Final = 6.0
_AGAIN_SECONDS: Final = 0.05
#: What the audit says of an entry that there is no closing of any more.
_TOLD: Final = ("closed", "no-such-entry", "not-yours")


def event(kind: Kind, grant: Grant, detail: Mapping[str, str] | None = None) -> Event:
    """Return what the audit is told of an act with a grant."""
    return Event(
        kind=kind,
        person=grant.person,
        dataset=grant.dataset,
        version=grant.version,
        project=grant.project,
        job=grant.job,
        purpose=grant.purpose,
        entitlement=grant.entitlement,
        detail={"grant": grant.id, **(detail or {})},
    )


@dataclass(frozen=True)
class Leaving:
    """Takes views away, and keeps the record until that is done and written down."""

    store: Store
    spaces: Spaces
    views: Views
    slurm: Slurm
    audit: Told

    async def asked(self, mounted: Mounted) -> bool:
        """Unmount as the person wishes; return whether it is gone, or somebody holds it.

        Raises
        ------
        AuditAway, NoView
        """
        entry = await self.audit.begin(event("unmount", mounted.grant, {"why": "asked"}))
        mounted = await self._closed(mounted)
        return await self._gently(self.store.put(mounted.model_copy(update=_left("asked", entry))))

    async def _gently(self, leaving: Mounted) -> bool:
        """Take a view away where nobody holds it, or leave it as it was."""
        view, busy = leaving.view, await self._is_held(leaving)
        for space in () if busy else self.spaces.of(leaving.grant.job):
            busy = await self.views.take(space, leaving.grant.dataset, lazily=False) == "busy"
        if busy:
            self.store.put(leaving.model_copy(update={"state": "mounted", "why": None, "open_entry": 0}))
            await self._close(leaving.open_entry, "refused", {"why": "busy"})
            return False
        # Nobody watches over it any more: whoever copied it in this very moment does not keep it.
        if view is None or await self._let_go(leaving, view, ()):
            await self._settle(leaving)
        return True

    async def _is_held(self, leaving: Mounted) -> bool:
        """Return whether a process holds it, a copy in a namespace of its own included."""
        return leaving.view is not None and await self._holders(leaving, leaving.view, ()) != []

    async def at_once(self, mounted: Mounted, why: Why) -> None:
        """Take a view away whoever holds it; what cannot be done now is gone on with at the next call."""
        if mounted.why == why == "asked":  # the daemon was killed in the midst, or could not do it
            await self._gently(mounted)
            return
        if mounted.state != "leaving":
            mounted = await self._begin(mounted, why)
        elif mounted.why != why and why == "job-ended":
            mounted = self.store.put(mounted.model_copy(update={"why": why}))
        try:
            gone = await self._away(mounted, why)
        except NoView as wrong:
            _log.error("%s of job %d: %s", mounted.grant.dataset, mounted.grant.job, wrong)
            return
        if gone:
            await self._settle(self.store.get(mounted.grant.job, mounted.grant.dataset) or mounted)

    async def _begin(self, mounted: Mounted, why: Why) -> Mounted:
        """Write down that it leaves; without an audit too, for what was taken back must not stay."""
        _log.info("%s leaves job %d: %s", mounted.grant.dataset, mounted.grant.job, why)
        entry = mounted.open_entry
        if why not in ("job-ended", "killed"):
            mounted = await self._closed(mounted)
            try:
                entry = await self.audit.begin(event("unmount", mounted.grant, {"why": why}))
            except AuditAway as wrong:
                _log.error("the audit is told later: %s", wrong)
        return self.store.put(mounted.model_copy(update=_left(why, entry)))

    async def _away(self, mounted: Mounted, why: Why) -> bool:
        """Unmount in the job, and end what still holds it; return whether nothing does.

        What had to be alone, and goes by nobody's wish, takes the job along: the kernel knows holders that
        no search finds (a file system laid over the view, a ring, a socket); all end with their processes.
        """
        spaces = self.spaces.of(mounted.grant.job)
        view, busy = mounted.view, False
        for space in spaces:
            view = view or await self.seen(space, mounted.grant.dataset)
            if await self.views.take(space, mounted.grant.dataset, lazily=False) == "busy":
                await self.views.take(space, mounted.grant.dataset, lazily=True)
                busy = True
        if view is None:
            return True
        strict = busy or (mounted.grant.alone and why != "asked")
        if busy or (strict and why != "job-ended"):
            await self._end(mounted.grant.job)
        return await self._let_go(mounted, view, spaces if strict else (), strict=strict)

    async def seen(self, space: Path, dataset: str) -> View | None:
        """Return the view of a dataset that is in a namespace."""
        for one in await self.views.shown(space):
            if one.point == self.views.point(dataset):
                return View(mount=one.id, device=one.device, root=one.root)
        return None

    async def _let_go(
        self, mounted: Mounted, view: View, emptied: tuple[Path, ...], *, strict: bool = False
    ) -> bool:
        """End the processes that hold a view, and the job with them, until there are none."""
        until, ended = time.monotonic() + _SECONDS, strict
        while (found := await self._holders(mounted, view, emptied, strict=strict, ending=ended)) != []:
            if not ended:
                await self._end(mounted.grant.job)
                ended = True
            elif time.monotonic() > until:
                _log.error("%s is still held by %s", mounted.grant.dataset, found)
                return False
            await asyncio.sleep(_AGAIN_SECONDS)
        return True

    async def _holders(
        self,
        mounted: Mounted,
        view: View,
        emptied: tuple[Path, ...],
        *,
        strict: bool = False,
        ending: bool = False,
    ) -> list[int] | None:
        """Return who holds a view; none where a search failed or is late: that counts as held."""
        try:
            search = self._search(mounted, view, emptied, strict=strict)
            if search is None:
                return []
            found: list[int] = await in_child(partial(search.found, ending=ending), _SECONDS)
        except (Failed, OSError) as wrong:  # which may be somebody's doing
            _log.error("who holds %s is not known: %s", mounted.grant.dataset, wrong)
            return None
        return found

    def _search(
        self, mounted: Mounted, view: View, emptied: tuple[Path, ...], *, strict: bool
    ) -> Search | None:
        grant = mounted.grant
        try:
            ids = ids_of(grant.person)
        except KeyError:  # who left has no processes
            return None
        elsewhere = any(
            one.grant.person == grant.person and one.grant.dataset == grant.dataset and one.state == "mounted"
            for one in self.store.all()
        )
        numbers = {path.stat().st_ino for path in emptied if path.exists()}
        return Search(view, ids, self.spaces.numbers(), numbers, not elsewhere, strict)

    async def _end(self, job: int) -> None:
        try:
            await self.slurm.end(job)
        except SlurmAway as wrong:  # its processes are ended all the same
            _log.error("job %d could not be ended: %s", job, wrong)

    async def _settle(self, mounted: Mounted) -> None:
        """Write down that it is gone, and only then forget it."""
        mounted = self.store.put(mounted.model_copy(update={"view": None}))
        if not await self._said(mounted):
            return
        if mounted.grant.alone and mounted.why != "job-ended":
            try:
                await self._unmark(mounted)
            except SlurmAway as wrong:
                _log.error("the mark on job %d stays: %s", mounted.grant.job, wrong)
                self.store.put(mounted.model_copy(update={"open_entry": 0, "said": True}))
                return
        self.store.drop(mounted)

    async def _unmark(self, gone: Mounted) -> None:
        """Take the mark off a job, or write on it which other dataset in it must be alone."""
        job = gone.grant.job
        alone = {one.grant.dataset for one in self.store.of(job) if one.grant.alone}
        left = sorted(alone - {gone.grant.dataset})
        if left:
            await self.slurm.mark(job, left[0])
        else:
            await self.slurm.unmark(job)

    async def _said(self, mounted: Mounted) -> bool:
        """Tell the audit how it ended; return whether it knows."""
        if mounted.said:
            return True
        why = mounted.why or "lost"
        try:
            if mounted.open_entry:
                outcome: Outcome = "failed" if why == "killed" else "done"
                await self.audit.close(mounted.open_entry, outcome, {"why": why})
            if why == "job-ended":
                await self.audit.note(event("end", mounted.grant, {"why": why}), "done")
            elif not mounted.open_entry:
                await self.audit.note(event("unmount", mounted.grant, {"why": why}), "done")
        except AuditAway as wrong:
            if wrong.reason not in _TOLD:
                _log.error("the audit is told later: %s", wrong)
                return False
        return True

    async def _closed(self, mounted: Mounted) -> Mounted:
        """Close the audit's entry of the mount itself, where that is still to be done."""
        if mounted.open_entry and await self._close(mounted.open_entry, "done", {}):
            return self.store.put(mounted.model_copy(update={"open_entry": 0}))
        return mounted

    async def _close(self, entry: int, outcome: Outcome, detail: Mapping[str, str]) -> bool:
        try:
            await self.audit.close(entry, outcome, detail)
        except AuditAway as wrong:
            _log.error("the audit is told later: %s", wrong)
            return wrong.reason in _TOLD
        return True

    async def finish(self, mounted: Mounted) -> None:
        """Close what the audit could not be told when it was mounted."""
        await self._closed(mounted)


def _left(why: Why, entry: int) -> dict[str, object]:
    return {"state": "leaving", "why": why, "open_entry": entry}
