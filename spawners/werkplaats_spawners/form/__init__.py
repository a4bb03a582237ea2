"""The start page's form: one button for who comes to begin, and every choice for who comes to choose."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template

from werkplaats_spawners import period, spoken
from werkplaats_spawners.choices import Choice
from werkplaats_spawners.language import gettext, ngettext
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import Flavour, Offer, Project, Stream
from werkplaats_spawners.policy import no_association, projects_of, stream_of
from werkplaats_spawners.request import Refused, ServerRequest
from werkplaats_spawners.standing import Standing

#: Numbers older than this carry their age.
_FRESH = timedelta(minutes=1)


def render(
    offer: Offer,
    *,
    standing: Standing,
    chosen: ServerRequest,
    choices: tuple[Choice, ...] = (),
    quick_choice: Choice | None = None,
    desk: str = "",
) -> str:
    """Return the inside of the start form, as HTML in the reader's language.

    The page around it has two forms: ``quick-start``, which holds no fields of its own, and the one
    that this goes into. So the one big button sends a flavour and nothing else, whatever was filled
    in below it, also without JavaScript.

    Parameters
    ----------
    offer
        What the facility has.
    standing
        The person's projects, of which they choose when there is more than one; and what is left.
    chosen
        What a link, or the form that was just refused, asked for.
    choices, quick_choice
        What each flavour would mean now, and what the one big button would.
    desk
        Where more GPU-hours are asked for; empty where there is no such place.
    """
    projects = projects_of(offer, standing)
    quick = default_flavour(offer)
    return _template().render(
        quick=quick,
        choices={choice.flavour.name: choice for choice in choices},
        quick_choice=quick_choice,
        asked_for=chosen.flavour or quick.name,
        note=note(offer, standing),
        desk=desk,
        lacks_a_project=standing.cluster_away is None and not projects,
        free=free(standing),
        flavours=offer.flavours,
        longest=max(flavour.max_hours for flavour in offer.flavours),
        groups=by_stream(offer, projects),
        several=len(projects) > 1,
        chosen=chosen,
        preselected=chosen.model_dump(exclude_defaults=True).keys() - {"notebook"} != set(),
        left=_left(projects, standing),
        shares=_shares(offer, projects, standing),
        anew=spoken.day(period.end(offer.budgets.period, standing.now), standing.now),
        borrows=any(stream_of(offer, project).lends for project in projects),
        charged=offer.lending.charged,
        notice=_notice(offer.lending.notice_seconds),
        as_of=_as_of(standing),
        accounting_away=standing.accounting_away is not None and standing.cluster_away is None,
    )


def note(offer: Offer, standing: Standing) -> str:
    """Return what keeps the person from starting anything at all now; nothing where nothing does."""
    if standing.cluster_away is not None:
        return _(
            "The cluster does not answer at the moment, so nothing can be started now. What runs goes on. "
            "Try again in a few minutes."
        )
    if not projects_of(offer, standing):
        return no_association()
    return ""


def free(standing: Standing) -> list[dict[str, str]]:
    """Return the GPUs that are free now, by type, in words."""
    return [
        {
            "title": _("GPUs free now ({kind})").format(kind=kind) if kind else _("GPUs free now"),
            "text": _("{free} of {whole}").format(free=number, whole=whole),
        }
        for kind, (number, whole) in standing.free.by_type.items()
    ]


def _left(projects: tuple[Project, ...], standing: Standing) -> list[dict[str, str]]:
    """Return what is left of each project's budget, in words."""
    found = []
    for project in projects:
        budget = standing.budgets.get(project.name)
        if budget is not None and budget.limit is not None:
            whole = spoken.gpu_hours(budget.limit)
            left = spoken.gpu_hours(budget.left or 0)
            found.append({"title": str(project.title), "left": left, "whole": whole})
    return found


def _shares(offer: Offer, projects: tuple[Project, ...], standing: Standing) -> list[dict[str, object]]:
    """Return how much of each of the person's streams is in use."""
    found = []
    for stream, _members in by_stream(offer, projects):
        held = standing.qos.get(stream.name)
        if held is not None and held.gpus.limit is not None:
            full = held.gpus.used >= held.gpus.limit
            found.append(
                {"title": str(stream.title), "used": held.gpus.used, "whole": held.gpus.limit, "full": full}
            )
    return found


def _notice(seconds: int) -> str:
    if seconds % 60 == 0:
        return ngettext("1 minute", "{number} minutes", seconds // 60).format(number=seconds // 60)
    return ngettext("1 second", "{number} seconds", seconds).format(number=seconds)


def _as_of(standing: Standing) -> str:
    """Return the time of numbers that are not of this minute, or that nobody can vouch for now."""
    at = standing.numbers_at
    away = standing.accounting_away is not None or standing.cluster_away is not None
    if at is None or (not away and standing.now - at < _FRESH):
        return ""
    return spoken.clock(at)


def default_flavour(offer: Offer) -> Flavour:
    """Return what the one big button starts: ``first-steps``, or else the first without a GPU."""
    without = (flavour for flavour in offer.flavours if flavour.gpus == 0)
    return offer.flavour("first-steps") or next(without, offer.flavours[0])


def by_stream(offer: Offer, projects: tuple[Project, ...]) -> list[tuple[Stream, list[Project]]]:
    """Return the projects, below the stream that pays for them, in the facility's order."""
    groups = [(stream, [p for p in projects if p.stream == stream.name]) for stream in offer.streams]
    return [(stream, members) for stream, members in groups if members]


def not_offered(chosen: ServerRequest, offer: Offer) -> Refused | None:
    """Return a refusal if `chosen` names something that this facility does not have."""
    known = {"flavour": offer.flavour, "stream": offer.stream, "project": offer.project}
    for key, find in known.items():
        name = getattr(chosen, key)
        if name is not None and find(name) is None:
            sentence = _("This link asks for '{name}', which is not offered here. Choose one from the list.")
            return Refused(f"unknown-{key}", sentence.format(name=name))
    return None


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment.get_template("form.html")
