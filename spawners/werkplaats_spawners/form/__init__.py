"""The start page's form: one button for who comes to begin, and every choice for who comes to choose."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template

from werkplaats_spawners.language import gettext, ngettext
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import Flavour, Offer, Project, Stream
from werkplaats_spawners.request import Refused, ServerRequest


def render(offer: Offer, *, projects: tuple[Project, ...], chosen: ServerRequest) -> str:
    """Return the inside of the start form, as HTML in the reader's language.

    The page around it has two forms: ``quick-start``, which holds no fields of its own, and the one
    that this goes into. So the one big button sends a flavour and nothing else, whatever was filled
    in below it, also without JavaScript.

    Parameters
    ----------
    offer
        What the facility has.
    projects
        The person's projects; they choose when there is more than one.
    chosen
        What a link, or the form that was just refused, asked for.
    """
    return _template().render(
        quick=default_flavour(offer),
        flavours=offer.flavours,
        longest=max(flavour.max_hours for flavour in offer.flavours),
        groups=by_stream(offer, projects),
        several=len(projects) > 1,
        chosen=chosen,
        preselected=chosen.model_dump(exclude_defaults=True).keys() - {"notebook"} != set(),
    )


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
