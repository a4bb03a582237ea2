"""What a running server's project has left, and what the server takes: for the meter in a notebook.

``GET /hub/api/werkplaats/meter`` with a server's own token answers for that server, in the language of the
request: the numbers, and the same as sentences, so that a notebook needs no catalogue of its own::

    {"project": "mkb-verkenning", "project_title": "...", "stream": "regional", "stream_title": "...",
     "limit_hours": 1000.0, "used_hours": 11.5, "set_aside_hours": 2.0, "left_hours": 986.5,
     "gpus": 1, "lent": false, "ends": "2026-11-21T14:20:00+01:00", "numbers_at": "2026-11-21T12:20:01+01:00",
     "sentences": {"left": "...", "rate": "...", "end": "...", "age": "..."}}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from jupyterhub import apihandlers
from jupyterhub.apihandlers import APIHandler
from tornado import web

from werkplaats_spawners import period, spoken
from werkplaats_spawners.cluster import Unreachable
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import LENT, Offer
from werkplaats_spawners.registration import server_of_token
from werkplaats_spawners.slurm import Job
from werkplaats_spawners.standing import Budget, Standing

ROUTE: Final = r"/api/werkplaats/meter"
#: A meter is looked at, not started by: its numbers may be this old, seconds.
_MAX_AGE: Final = 10.0


@dataclass(frozen=True)
class Meter:
    """The numbers of one server.

    Attributes
    ----------
    limit_hours, used_hours, set_aside_hours, left_hours
        Of the project's budget in this period, in GPU-hours; limit and left are ``None`` where there is
        none. *Set aside* is the most that what runs and waits can still use.
    ends
        When the server's time is over; ``None`` where Slurm has not said.
    numbers_at
        When Slurm was asked.
    """

    project: str
    project_title: str
    stream: str
    stream_title: str
    limit_hours: float | None
    used_hours: float
    set_aside_hours: float
    left_hours: float | None
    gpus: int
    lent: bool
    ends: datetime | None
    numbers_at: datetime | None

    def as_json(self, offer: Offer, now: datetime) -> dict[str, Any]:
        """Return the answer for a notebook."""
        times = {key: moment.isoformat() if moment else None for key, moment in self._times.items()}
        return {**asdict(self), **times, "sentences": self._sentences(offer, now)}

    @property
    def _times(self) -> dict[str, datetime | None]:
        return {"ends": self.ends, "numbers_at": self.numbers_at}

    def _sentences(self, offer: Offer, now: datetime) -> dict[str, str]:
        return {
            "left": self._left(offer, now),
            "rate": self._rate(offer),
            "end": _("This server stops at {time}.").format(time=spoken.clock(self.ends))
            if self.ends
            else "",
            "age": _("As Slurm counted at {time}.").format(time=spoken.clock(self.numbers_at))
            if self.numbers_at
            else "",
        }

    def _left(self, offer: Offer, now: datetime) -> str:
        if self.left_hours is None or self.limit_hours is None:
            return _("'{project}' has no limit in GPU-hours.").format(project=self.project_title)
        sentence = _("'{project}' has {left} of {limit} GPU-hours left until {day}.")
        anew = spoken.day(period.end(offer.budgets.period, now), now)
        left, limit = (spoken.gpu_hours(round(hours * 60)) for hours in (self.left_hours, self.limit_hours))
        return sentence.format(project=self.project_title, left=left, limit=limit, day=anew)

    def _rate(self, offer: Offer) -> str:
        if self.gpus == 0:
            return _("This server has no GPU, and costs nothing of it.")
        if self.lent and not offer.lending.charged:
            return _("This server runs on lent capacity, which costs nothing of it and can be taken back.")
        return _("This server takes {hours} GPU-hours an hour.").format(hours=self.gpus)


async def meter_of(spawner: Any, max_age: float) -> Meter | None:
    """Return the numbers of a server (JupyterHub's Spawner); nothing where Slurm shows no job of it.

    Raises
    ------
    Unreachable
        When Slurm cannot be asked, and was not before.
    """
    view = await spawner.cluster.glance(max_age)
    job = view.jobs.get(int(spawner.job_id or 0))
    if job is None or job.user != spawner.user.name:
        return None
    return meter(job, spawner.offer, spawner.standing_in(view))


def meter(job: Job, offer: Offer, standing: Standing) -> Meter:
    """Return the numbers of a job's project, and of the job itself."""
    project = offer.project(job.account)
    stream = offer.stream(project.stream) if project else None
    budget = standing.budgets.get(job.account, Budget())
    return Meter(
        project=job.account,
        project_title=str(project.title) if project else job.account,
        stream=stream.name if stream else "",
        stream_title=str(stream.title) if stream else "",
        limit_hours=_hours(budget.limit),
        used_hours=budget.settled / 60,
        set_aside_hours=(budget.running + budget.waiting) / 60,
        left_hours=_hours(budget.left),
        gpus=job.gpus,
        lent=job.qos == LENT,
        ends=_moment(job.end),
        numbers_at=standing.numbers_at,
    )


def _hours(minutes: int | None) -> float | None:
    return None if minutes is None else minutes / 60


def _moment(text: str) -> datetime | None:
    """Read one of Slurm's times, local and ISO 8601."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        return None


class MeterHandler(APIHandler):  # type: ignore[misc]  # JupyterHub has no annotations
    """``GET`` with a server's own token."""

    @web.authenticated
    async def get(self) -> None:
        """Answer for the server whose token it is; 403 for any other token, 503 while Slurm is away."""
        spawner = server_of_token(self)
        if spawner is None:
            raise web.HTTPError(403, "This token is not that of a server that runs")
        try:
            found = await meter_of(spawner, _MAX_AGE)
        except Unreachable as wrong:
            raise web.HTTPError(503, _("The cluster does not answer at the moment.")) from wrong
        if found is None:
            raise web.HTTPError(404, "Slurm shows no job of this server")
        self.write(found.as_json(spawner.offer, datetime.now().astimezone()))


def claim_route() -> None:
    """Put the route in, once, however often it is called."""
    handlers = apihandlers.default_handlers
    handlers[:] = [*(entry for entry in handlers if entry[0] != ROUTE), (ROUTE, MeterHandler)]
