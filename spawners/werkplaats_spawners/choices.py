"""What each flavour would mean for a person now: when it starts, what it costs, how long it may run.

Limits come first: what the policy refuses says why, and what must wait for a share says so, because
Slurm's own answer does not reckon with what others of a share have in use. Only of the rest Slurm's
answer is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from werkplaats_spawners import spoken
from werkplaats_spawners.estimates import Estimate
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.limits import Qos
from werkplaats_spawners.offer import LENT, Flavour, Offer
from werkplaats_spawners.policy import Granted, decide, stream_of
from werkplaats_spawners.request import Refused, ServerRequest
from werkplaats_spawners.sentences import submission_refused
from werkplaats_spawners.slurm import Trouble
from werkplaats_spawners.standing import Standing

#: What starts within this is said to start now.
_NOW = timedelta(seconds=60)
#: A share counts thousandths of a GPU, at least so many for each (``billing``).
_BILLING_OF_A_GPU = 1000

Known = Callable[[Granted], Estimate | None]


@dataclass(frozen=True)
class Choice:
    """One flavour, for one person, as it stands now.

    Attributes
    ----------
    granted
        What would be submitted; ``None`` where the policy refuses.
    refused
        Why it cannot be started, as a sentence; empty where it can.
    when
        The earliest start in words; empty while that is not known.
    now
        Whether it would start now.
    cost
        GPU-hours left now, and after this request, in words.
    longest
        The longest session possible, minutes.
    header
        The ``#SBATCH`` lines that would be submitted; empty while they are not known.
    """

    flavour: Flavour
    granted: Granted | None = None
    refused: str = ""
    when: str = ""
    now: bool = False
    cost: str = ""
    longest: int = 0
    header: str = ""

    @property
    def line(self) -> str:
        """All of it in a line, for beside the flavour."""
        if self.refused:
            return self.refused
        when = self.when or _("is being asked")
        return " ".join(
            part
            for part in (
                _("Can start: {when}.").format(when=when),
                self.cost,
                self._shorter(),
            )
            if part
        )

    def _shorter(self) -> str:
        if self.longest >= self.flavour.max_hours * 60:
            return ""
        return _("For you at most {time}.").format(time=spoken.duration(self.longest))

    def as_json(self) -> dict[str, object]:
        """Return what the start page's script shows."""
        return {
            "line": self.line,
            "refused": bool(self.refused),
            "now": self.now,
            "longest": max(1, self.longest // 60),
            "header": self.header,
        }


def choices(request: ServerRequest, offer: Offer, standing: Standing, known: Known) -> tuple[Choice, ...]:
    """Return what each flavour would mean with the other options as they are chosen.

    Parameters
    ----------
    known
        Returns what Slurm said of a server lately, if anything.
    """
    return tuple(choice(flavour, request, offer, standing, known) for flavour in offer.flavours)


def grants(request: ServerRequest, offer: Offer, standing: Standing) -> tuple[Granted, ...]:
    """Return the choices whose start is worth asking of Slurm: those that no limit holds back now."""
    judged = [decide(_with(request, flavour), offer, standing) for flavour in offer.flavours]
    return tuple(one for one in judged if isinstance(one, Granted) and not must_wait(one, standing))


def must_wait(granted: Granted, standing: Standing) -> bool:
    """Return whether a share is too full for it now, as Slurm counts it."""
    held = standing.qos.get(granted.qos)
    return held is not None and granted.flavour.gpus > 0 and not _has_room(held, granted.flavour.gpus)


def _has_room(held: Qos, gpus: int) -> bool:
    left, billing = held.gpus.left, held.billing.left
    return (left is None or gpus <= left) and (billing is None or gpus * _BILLING_OF_A_GPU <= billing)


def _with(request: ServerRequest, flavour: Flavour) -> ServerRequest:
    """Return the request for this flavour; one without a GPU borrows nothing."""
    changed = {"flavour": flavour.name, "lent": request.lent and flavour.gpus > 0}
    return request.model_copy(update=changed)


def choice(
    flavour: Flavour, request: ServerRequest, offer: Offer, standing: Standing, known: Known
) -> Choice:
    """Return what one flavour would mean."""
    judged = decide(_with(request, flavour), offer, standing)
    if isinstance(judged, Refused):
        return Choice(flavour, refused=judged.sentence, longest=flavour.max_hours * 60)
    cost, longest = _cost(judged, offer, standing), _longest(judged, offer, standing)
    estimate = known(judged)
    header = estimate.start.header if estimate and estimate.start else ""
    if must_wait(judged, standing):
        when = _when_there_is_room(judged)
        return Choice(flavour, judged, when=when, cost=cost, longest=longest, header=header)
    refused = _slurm_refuses(estimate, judged)
    at = _earliest(estimate, offer, standing)
    return Choice(
        flavour,
        None if refused else judged,
        refused=refused,
        when=_("not known: the cluster does not answer") if _away(estimate) else moment(at, standing.now),
        now=at is not None and at <= standing.now + _NOW,
        cost=cost,
        longest=longest,
        header=header,
    )


def _away(estimate: Estimate | None) -> bool:
    return estimate is not None and estimate.failed is not None and estimate.failed.trouble in _NO_ANSWER


#: What says nothing of the request itself.
_NO_ANSWER = (Trouble.UNREACHABLE, Trouble.OTHER, Trouble.BUSY)


def _slurm_refuses(estimate: Estimate | None, granted: Granted) -> str:
    if estimate is None or estimate.failed is None or _away(estimate):
        return ""
    return submission_refused(estimate.failed, granted).sentence


def _earliest(estimate: Estimate | None, offer: Offer, standing: Standing) -> datetime | None:
    if estimate is None or estimate.start is None:
        return None
    if estimate.start.preempts:  # Slurm's own guess is a quarter of an hour; the notice is what it takes
        return standing.now + timedelta(seconds=max(_NOW.seconds + 1, offer.lending.notice_seconds))
    return estimate.start.at


def moment(at: datetime | None, now: datetime) -> str:
    """Return a time to come, such as ``now``, ``about 14:20``, or nothing where it is not known."""
    if at is None:
        return ""
    if at <= now + _NOW:
        return _("now")
    here = at.astimezone(now.tzinfo)
    if here.date() == now.date():
        return _("about {time}").format(time=spoken.clock(here))
    return _("{day}, about {time}").format(day=spoken.day(here, now), time=spoken.clock(here))


def _when_there_is_room(granted: Granted) -> str:
    if granted.qos == LENT:
        return _("when there is something to borrow")
    if granted.flavour.gpus == 1:
        return _("when a GPU of your share is free")
    return _("when {gpus} of your share are free").format(gpus=spoken.gpus(granted.flavour.gpus))


def _charged(granted: Granted, offer: Offer) -> bool:
    return granted.flavour.gpus > 0 and (granted.qos != LENT or offer.lending.charged)


def _cost(granted: Granted, offer: Offer, standing: Standing) -> str:
    """Say what is left of the project's budget now and after this; nothing where it is not charged."""
    if not _charged(granted, offer):
        return _("Costs no GPU-hours.")
    asked = granted.flavour.gpus * granted.minutes
    budget = standing.budgets.get(granted.project.name)
    if budget is None or budget.left is None:
        return _("Takes at most {asked} GPU-hours.").format(asked=spoken.gpu_hours(asked))
    values = {"left": spoken.gpu_hours(budget.left), "after": spoken.gpu_hours(budget.left - asked)}
    return _("GPU-hours left: {left} now, {after} after this.").format(**values)


def _longest(granted: Granted, offer: Offer, standing: Standing) -> int:
    """Return the longest session that the flavour, the stream and the budget allow, minutes."""
    hours = stream_of(offer, granted.project).person.hours or granted.flavour.max_hours
    longest = min(hours, granted.flavour.max_hours) * 60
    budget = standing.budgets.get(granted.project.name)
    if budget is None or budget.left is None or not _charged(granted, offer):
        return longest
    return min(longest, budget.left // granted.flavour.gpus)
