"""What happens to views that are there: jobs end, access is taken back or runs out, a daemon was killed."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from werkplaats_datasets.grants import Grant, Revocations
from werkplaats_mounts import decide
from werkplaats_mounts.acts import Acts
from werkplaats_mounts.mounted import Mounted
from werkplaats_mounts.revoked import DeskAway
from werkplaats_mounts.slurm import Job, SlurmAway

_log = logging.getLogger(__name__)
#: How often the desk and Slurm are asked while something is mounted (s).
EVERY: Final = 2.5


@dataclass
class Watch:
    """Looks after what is mounted."""

    acts: Acts

    async def run(self) -> None:
        """Look again and again."""
        while True:
            try:
                await self.round()
            except Exception:  # the watch must not end because one round went wrong
                _log.exception("a round of the watch failed")
            await asyncio.sleep(EVERY)

    async def round(self) -> None:
        """Look once at everything that is mounted."""
        acts, everything = self.acts, self.acts.store.all()
        acts.store.forget(acts.clock())
        if not everything:
            return
        people = {one.grant.person for one in everything}
        revocations, jobs = await asyncio.gather(self._revocations(), self._jobs(people))
        # Nobody waits for somebody else's mount that takes its time to go.
        await asyncio.gather(*(self._person(name, everything, revocations, jobs) for name in people))

    async def _revocations(self) -> Revocations | None:
        """Return the newest list; of a desk that is away the one that it gave last."""
        try:
            return await self.acts.desk.revocations()
        except DeskAway as wrong:
            _log.warning("the desk does not say what was taken back: %s", wrong)
            return self.acts.desk.newest

    async def _jobs(self, people: Iterable[str]) -> tuple[Job, ...] | None:
        try:
            return await self.acts.slurm.jobs(people)
        except SlurmAway as wrong:
            _log.warning("Slurm does not say which jobs run: %s", wrong)
            return None

    async def _person(
        self,
        name: str,
        everything: Iterable[Mounted],
        revocations: Revocations | None,
        jobs: tuple[Job, ...] | None,
    ) -> None:
        async with self.acts.locks[name]:
            for one in everything:
                # What changed meanwhile is younger than Slurm's answer, and is looked at in the next round.
                if one.grant.person == name and self.acts.store.get(one.grant.job, one.grant.dataset) is one:
                    looking = self._look(one, revocations, jobs)
                    await _by_itself(looking, f"{one.grant.dataset} in job {one.grant.job}")

    async def _look(
        self, one: Mounted, revocations: Revocations | None, jobs: tuple[Job, ...] | None
    ) -> None:
        now = self.acts.clock()
        why = decide.must_go(one.grant, revocations, jobs, now, silent=self.acts.desk.silent(now))
        if why is not None or one.state != "mounted":
            await self.acts.leaving.at_once(one, why or one.why or "killed")
            return
        if one.open_entry:
            await self.acts.leaving.finish(one)
        if one.grant.alone and jobs is not None:
            await self._mark(one)

    async def _mark(self, one: Mounted) -> None:
        """Keep anything else of the person's from starting, also where the mark went."""
        try:
            await self.acts.slurm.mark_again(one.grant.job, one.grant.dataset)
        except SlurmAway as wrong:
            _log.warning("whether job %d is marked is not known: %s", one.grant.job, wrong)

    async def begin(self) -> None:
        """Put in order what a daemon that was killed has left; nothing half-mounted stays."""
        acts = self.acts
        for one in acts.store.all():
            if one.state != "mounted":
                leaving = acts.leaving.at_once(one, one.why or "killed")
                await _by_itself(leaving, f"{one.grant.dataset} in job {one.grant.job}")
        for job, space in acts.spaces.all():
            await _by_itself(self._tidy(job), str(space))

    async def _tidy(self, job: int) -> None:
        """Take away what is mounted in a job without a record; end the records of what is not."""
        acts = self.acts
        records = {one.grant.dataset: one for one in acts.store.of(job)}
        for space in acts.spaces.of(job):
            shown = {one.id: one.point.rpartition("/")[2] for one in await acts.views.shown(space)}
            for dataset in shown.values():
                if dataset not in records:
                    _log.warning("%s was mounted in job %d, and nobody knows why", dataset, job)
                    await self._unknown(job, space, dataset)
            for one in records.values():
                if one.state == "mounted" and one.view is not None and one.view.mount not in shown:
                    await acts.leaving.at_once(one, "lost")

    async def _unknown(self, job: int, space: Path, dataset: str) -> None:
        """Take away what has no record, as what had to be alone: nobody knows what it was.

        A record is made of it, so that it is gone on with until nobody holds it.
        """
        acts, now = self.acts, int(self.acts.clock())
        try:
            grant = _presumed(await acts.slurm.job(job), dataset, now)
        except (SlurmAway, ValidationError) as wrong:
            _log.error("whose job %d is, is not known: %s", job, wrong)
            if await acts.views.take(space, dataset, lazily=False) == "busy":
                await acts.views.take(space, dataset, lazily=True)
                await acts.slurm.end(job)
        else:
            record = Mounted(grant=grant, state="mounting", since=now, said=True)
            await acts.leaving.at_once(record, "killed")


def _presumed(job: Job | None, dataset: str, now: int) -> Grant:
    """Return the strictest grant by which a dataset can have come into a job."""
    if job is None:
        raise SlurmAway("there is no such job")
    return Grant(
        id=secrets.token_hex(16),
        entitlement="unknown",
        person=job.person,
        job=job.id,
        project=job.project,
        dataset=dataset,
        version="0.0.0",
        tier="restricted",
        alone=True,
        purpose="",
        issued_at=now,
        expires_at=now,
        ends_at=0,
    )


async def _by_itself(work: Awaitable[None], what: str) -> None:
    """Await something; where it goes wrong, the others go on, and this is done again in the next round."""
    try:
        await work
    except Exception:
        _log.exception("%s could not be looked after", what)
