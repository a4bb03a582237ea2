"""What a spawner shows before and while its server starts: the start page, choices, the waiting page."""

from __future__ import annotations

import asyncio
import pwd
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, cast

from traitlets import Callable, HasTraits
from traitlets import Instance as InstanceTrait

from werkplaats_spawners import form
from werkplaats_spawners.afterwards import afterwards
from werkplaats_spawners.choices import Choice, choice, choices, grants, must_wait
from werkplaats_spawners.cluster import Cluster, Unreachable, Verdict, View
from werkplaats_spawners.enrol.newcomers import Newcomers
from werkplaats_spawners.enrol.waiting import NotEnrolled
from werkplaats_spawners.estimates import Estimates
from werkplaats_spawners.offer import Flavour, Offer
from werkplaats_spawners.policy import Granted, decide
from werkplaats_spawners.refusals import accept, exception
from werkplaats_spawners.request import Refused, ServerRequest, from_options
from werkplaats_spawners.sentences import nothing_known
from werkplaats_spawners.slurm import Phase
from werkplaats_spawners.standing import Standing
from werkplaats_spawners.standing import standing as standing_of
from werkplaats_spawners.waiting import Waiting, waiting

#: How old an answer may be by which a smaller server is offered to who waits, seconds: there may be
#: many who wait, and each answer costs Slurm a question.
_OFFERED_FOR: Final = 60.0


#: How old numbers may be for a page that shows them for some seconds more before it asks again.
_SHOWN_FOR: Final = 3.0
#: How old the numbers may be by which a server is started, seconds.
_STARTED_BY: Final = 0.5


def without(view: View, number: int) -> View:
    """Return a view in which one job gave back what it asks for."""
    return replace(view, jobs={other: job for other, job in view.jobs.items() if other != number})


class Front(HasTraits):
    """The part of the Spawner that people look at; it starts and stops nothing."""

    source = Callable(help="Returns what the facility offers now.").tag(config=True)
    cluster = InstanceTrait(Cluster, help="The shared view of Slurm.").tag(config=True)
    estimates = InstanceTrait(Estimates, help="When a server would start.").tag(config=True)
    newcomers = InstanceTrait(Newcomers, help="Who has no account yet.", allow_none=True).tag(config=True)

    user: Any
    handler: Any
    job_id: Any
    user_options: Any
    #: Whether another server is about to take the place of the one that waits.
    giving_way: bool = False
    _verdict: Verdict = Verdict(Phase.UNKNOWN)

    @property
    def offer(self) -> Offer:
        """What the facility offers now: its file may have changed since the Hub began."""
        return cast(Offer, self.source())

    # -- how the person stands -------------------------------------------------------------------

    def standing_in(self, view: View) -> Standing:
        """Return how the person stands by this view."""
        now = datetime.now().astimezone()
        try:
            uid = pwd.getpwnam(self.user.name).pw_uid
        except KeyError:
            return Standing(accounts=frozenset(), now=now)
        return standing_of(
            view,
            self.offer,
            self.user.name,
            uid,
            groups=frozenset(group.name for group in self.user.groups),
            servers=sum(1 for other in self.user.spawners.values() if other is not self and other.active),
            now=now,
        )

    async def _settle_in(self) -> None:
        """Wait, some seconds at most, until the person has an account.

        Raises
        ------
        NotEnrolled
            When they have none yet.
        """
        if self.newcomers is not None:
            await self.newcomers.settle(self.user.name)

    async def _at_a_glance(self, max_age: float = 10.0) -> Standing:
        """Return how the person stands, for a page, which always comes; numbers of that age (seconds)."""
        try:
            await self._settle_in()
            return self.standing_in(await self.cluster.glance(max_age))
        except NotEnrolled:  # the page says so
            return Standing(accounts=frozenset(), now=datetime.now().astimezone())
        except Unreachable as wrong:
            now = datetime.now().astimezone()
            return Standing(accounts=frozenset(), now=now, cluster_away=str(wrong))

    # -- the start page --------------------------------------------------------------------------

    async def _start_page(self) -> str:
        chosen = getattr(self.handler, "preselected", None) or ServerRequest()
        standing = await self._at_a_glance()
        worth = self._worth_asking(chosen, standing)
        afterwards(lambda: [self.estimates.ask(self.user.name, granted) for granted in worth])
        found = choices(chosen, self.offer, standing, self._known)
        quick = self._quick(standing)
        desk = getattr(self.handler, "desk_form", "")
        return form.render(
            self.offer, standing=standing, chosen=chosen, choices=found, quick_choice=quick, desk=desk
        )

    async def choices(
        self, request: ServerRequest, within: float
    ) -> tuple[Standing, tuple[Choice, ...], Choice]:
        """Return how the person stands, what each flavour would mean, and what the one big button would.

        Slurm is asked where that is worth it.

        Parameters
        ----------
        within
            How long to wait for Slurm, seconds.
        """
        standing = await self._at_a_glance(_SHOWN_FOR)
        await self.estimates.learn(self.user.name, self._worth_asking(request, standing), within)
        return standing, choices(request, self.offer, standing, self._known), self._quick(standing)

    def _quick(self, standing: Standing) -> Choice:
        """Return what the big button means, which sends nothing of what the form says below it."""
        return choice(form.default_flavour(self.offer), ServerRequest(), self.offer, standing, self._known)

    def _worth_asking(self, request: ServerRequest, standing: Standing) -> tuple[Granted, ...]:
        if standing.cluster_away:
            return ()
        quick = self._quick(standing).granted
        asked = grants(request, self.offer, standing)
        return (quick, *asked) if quick and quick not in asked else asked

    def _known(self, granted: Granted) -> Any:
        return self.estimates.known(self.user.name, granted)

    # -- the waiting page ------------------------------------------------------------------------

    def waiting(self) -> Waiting:
        """Say where the start stands, by what is known already."""
        view = self.cluster.latest
        now = datetime.now().astimezone()
        known_at = datetime.fromtimestamp(view.at).astimezone() if view and view.error else None
        return waiting(self._verdict, view.jobs if view else {}, now, self._smaller(view), known_at)

    def _smaller(self, view: View | None) -> Flavour | None:
        """Return the largest smaller flavour that would start now, as far as that is known."""
        job = self._verdict.job
        if view is None or view.error or job is None or job.phase is not Phase.PENDING:
            return None
        standing = self.standing_in(without(view, job.id))
        sizes = sorted(self.offer.flavours, key=lambda flavour: -flavour.gpus)
        for flavour in (flavour for flavour in sizes if flavour.gpus < job.gpus):
            granted = self.instead(flavour.name, standing)
            if isinstance(granted, Granted) and self._starts_now(granted, standing):
                return flavour
        return None

    async def judge_instead(self, flavour: str) -> dict[str, object]:
        """Return the options by which another flavour would be started in the place of the one that waits.

        Raises
        ------
        SpawnException
            When it would be refused, with why; nothing was stopped for it.
        """
        try:
            await self._settle_in()
            view = await self.cluster.certain_view(_STARTED_BY)
        except Unreachable as wrong:
            raise exception(nothing_known(wrong)) from wrong
        own = int(self.job_id) if self.job_id else 0
        accept(self.instead(flavour, self.standing_in(without(view, own))))
        return self.instead_options(flavour)

    def instead(self, flavour: str, standing: Standing) -> Granted | Refused:
        """Judge another flavour in the place of the one that waits, with as much of its options as fits."""
        request = from_options(self.instead_options(flavour))
        return request if isinstance(request, Refused) else decide(request, self.offer, standing)

    def instead_options(self, flavour: str) -> dict[str, object]:
        """Return the options of a start of another flavour: project and notebook stay as they are."""
        kept = {
            key: self.user_options[key]
            for key in ("stream", "project", "notebook")
            if key in self.user_options
        }
        return {**kept, "flavour": flavour}

    def _starts_now(self, granted: Granted, standing: Standing) -> bool:
        if must_wait(granted, standing) or granted.flavour.gpus > standing.free.most:
            return False
        self.estimates.ask(self.user.name, granted, _OFFERED_FOR)
        known = self.estimates.known(self.user.name, granted, _OFFERED_FOR)
        if known is None or known.start is None or known.start.preempts:
            return False
        return (known.start.at - standing.now).total_seconds() < _OFFERED_FOR

    async def progress(self) -> AsyncIterator[dict[str, str]]:
        """Say where the start stands, whenever that changes."""
        said = None
        while True:
            event = self.waiting().event()
            if event != said:
                said = event
                yield event
            await asyncio.sleep(1)
