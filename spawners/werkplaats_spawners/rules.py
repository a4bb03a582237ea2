"""The rules of one request for one project: each lets it pass, or refuses it with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from werkplaats_spawners import period, spoken
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import LENT, Flavour, Offer, Project, Stream
from werkplaats_spawners.request import Refused, ServerRequest
from werkplaats_spawners.standing import Budget, Standing

#: A session shorter than this is no advice to give (minutes).
_WORTHWHILE: Final = 10


@dataclass(frozen=True)
class Case:
    """One request, for one project; what every rule below looks at."""

    request: ServerRequest
    offer: Offer
    standing: Standing
    flavour: Flavour
    project: Project
    stream: Stream
    minutes: int

    @property
    def qos(self) -> str:
        """The QOS that it runs under: its stream's, or that of borrowed capacity."""
        return LENT if self.request.lent else self.stream.name

    @property
    def charged(self) -> bool:
        """Whether it costs GPU-hours of the project's budget."""
        return self.flavour.gpus > 0 and (not self.request.lent or self.offer.lending.charged)


def _the_project_is_open(case: Case) -> Refused | None:
    project = case.project
    if project.ends is not None and project.ends < case.standing.now.date():
        sentence = _("The project '{name}' ended on {day}, so nothing can be charged to it any more. {ask}")
        values = {
            "name": project.name,
            "day": spoken.day(project.ends, case.standing.now),
            "ask": _whom_to_ask(project),
        }
        return Refused("project-ended", sentence.format(**values), 403)
    if project.name in case.standing.closed:
        sentence = _("You can start nothing new in the project '{name}'. {ask}")
        return Refused("closed", sentence.format(name=project.name, ask=_whom_to_ask(project)), 403)
    return None


def _the_session_is_not_too_long(case: Case) -> Refused | None:
    if case.minutes > case.flavour.max_hours * 60:
        sentence = _("A server of the kind '{name}' runs for at most {hours} hours. Ask for fewer hours.")
        values = {"name": case.flavour.name, "hours": case.flavour.max_hours}
        return Refused("too-long", sentence.format(**values))
    longest = case.stream.person.hours
    if longest is not None and case.minutes > longest * 60:
        sentence = _("In the stream '{name}' a server runs for at most {hours} hours. Ask for fewer hours.")
        return Refused("too-long", sentence.format(name=case.stream.name, hours=longest))
    return None


def _lending_is_possible(case: Case) -> Refused | None:
    if not case.request.lent:
        return None
    if case.flavour.gpus == 0:
        sentence = _(
            "A server without a GPU has a place of its own and needs no lent capacity. Leave 'lent' out."
        )
        return Refused("nothing-to-lend", sentence)
    if not case.stream.lends:
        sentence = _("The stream '{name}' lends nothing and borrows nothing. Leave 'lent' out.")
        return Refused("no-lending", sentence.format(name=case.stream.name), 403)
    return None


def _not_too_many_servers(case: Case) -> Refused | None:
    most = case.stream.person.servers
    if most is None or case.standing.servers < most:
        return None
    sentence = _(
        "You have {servers} servers, and {most} at once is the most in the stream '{name}'. Stop one first."
    )
    values = {"servers": case.standing.servers, "most": most, "name": case.stream.name}
    return Refused("too-many-servers", sentence.format(**values), 403)


def _not_too_many_gpus(case: Case) -> Refused | None:
    """Keep a person within their own limit; on lent capacity it does not count."""
    most = case.stream.person.gpus
    if most is None or case.request.lent or case.flavour.gpus == 0:
        return None
    used, asked = case.standing.gpus.get(case.stream.name, 0), case.flavour.gpus
    if used + asked <= most:
        return None
    sentence = _(
        "You use {used} and ask for {asked}; in the stream '{name}' one person has at most {most} at once."
    )
    values = {"used": spoken.gpus(used), "asked": spoken.gpus(asked), "name": case.stream.name}
    advice = _("Stop a server first, or choose a smaller one.")
    return Refused("too-many-gpus", sentence.format(**values, most=spoken.gpus(most)) + " " + advice, 403)


def _it_fits_the_share(case: Case) -> Refused | None:
    """Refuse what can never start: more than the whole share. What must wait for others, waits."""
    held = case.standing.qos.get(case.qos)
    if held is None or held.gpus.limit is None or case.flavour.gpus <= held.gpus.limit:
        return None
    if case.request.lent:
        sentence = _("At most {most} can be lent here. Choose a smaller server.")
        return Refused("over-share", sentence.format(most=spoken.gpus(held.gpus.limit)), 403)
    sentence = _(
        "The share of the stream '{name}' is {most}, and you ask for {asked}. Choose a smaller server{lent}."
    )
    lent = _(", or lent capacity") if case.stream.lends else ""
    values = {
        "name": case.stream.name,
        "most": spoken.gpus(held.gpus.limit),
        "asked": spoken.gpus(case.flavour.gpus),
    }
    return Refused("over-share", sentence.format(**values, lent=lent), 403)


def _accounting_answers(case: Case) -> Refused | None:
    if case.standing.accounting_away is None or case.offer.budgets.without_accounting == "start":
        return None
    sentence = _(
        "The cluster's accounting does not answer, and without it nothing is started here. What runs goes "
        "on. Try again in a few minutes."
    )
    return Refused("accounting-away", sentence, 503)


def _the_budget_covers_it(case: Case) -> Refused | None:
    budget = case.standing.budgets.get(case.project.name, Budget())
    if not case.charged or budget.covers(case.flavour.gpus * case.minutes):
        return None
    left = budget.left or 0
    sentence = _("The project '{name}' has {left} GPU-hours left, and this server can use {asked}.")
    asked = case.flavour.gpus * case.minutes
    values = {"name": case.project.name, "left": spoken.gpu_hours(left), "asked": spoken.gpu_hours(asked)}
    parts = [sentence.format(**values), _what_fits(case, left), _when_anew(case)]
    return Refused("over-budget", " ".join(part for part in parts if part), 403)


def _what_fits(case: Case, left: int) -> str:
    """Say what the budget would cover: as many GPUs for less time, then fewer for as long as asked."""
    sizes = [flavour for flavour in case.offer.flavours if 0 < flavour.gpus <= case.flavour.gpus]
    fits = []
    for gpus in sorted({flavour.gpus for flavour in sizes}, reverse=True):
        longest = max(flavour.max_hours for flavour in sizes if flavour.gpus == gpus) * 60
        minutes = min(case.minutes, left // gpus, longest)
        if minutes >= _WORTHWHILE:
            fits.append(_("{gpus} for {time}").format(gpus=spoken.gpus(gpus), time=spoken.duration(minutes)))
    if not fits:
        return _("A server without a GPU costs nothing of it.")
    return _("What fits: {choices}.").format(choices=spoken.either(fits))


def _when_anew(case: Case) -> str:
    now = case.standing.now
    anew = spoken.day(period.end(case.offer.budgets.period, now), now)
    said = _("A new budget begins on {day}.").format(day=anew)
    if case.stream.lends and not case.request.lent and not case.offer.lending.charged:
        said += " " + _("Lent capacity is not charged: it can be had now, and can be taken back.")
    return said


def _whom_to_ask(project: Project) -> str:
    if not project.owners:
        return _("Ask the desk.")
    return _("Ask {owners}, who own the project.").format(owners=spoken.either(list(project.owners)))


RULES: Final[tuple[Callable[[Case], Refused | None], ...]] = (
    _the_project_is_open,
    _the_session_is_not_too_long,
    _lending_is_possible,
    _not_too_many_servers,
    _not_too_many_gpus,
    _it_fits_the_share,
    _accounting_answers,
    _the_budget_covers_it,
)
