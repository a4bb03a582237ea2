"""May this person have this server? Pure judgement: no input or output, no clock.

Slurm is the second and final fence; this is the one that answers in a sentence, before anything
is submitted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import Flavour, Offer, Project
from werkplaats_spawners.request import Refused, ServerRequest


@dataclass(frozen=True)
class Granted:
    """A server as it will be asked of Slurm.

    Attributes
    ----------
    account, qos
        What the job is charged to: the project's account, and the QOS of its stream.
    minutes
        Length of the session.
    notebook
        What to open, as a path below the home directory; ``None`` for Lab's own start.
    """

    flavour: Flavour
    project: Project
    account: str
    qos: str
    minutes: int
    notebook: str | None


def decide(request: ServerRequest, offer: Offer, accounts: Iterable[str]) -> Granted | Refused:
    """Judge a request against what is offered and what Slurm lets the person charge.

    Parameters
    ----------
    request
        What was asked; open fields are filled in here.
    offer
        The facility's flavours, streams and projects.
    accounts
        The accounts of the person's associations in Slurm.
    """
    theirs = projects_of(offer, accounts)
    flavour = _flavour(request, offer)
    if isinstance(flavour, Refused):
        return flavour
    project = _project(request, offer, theirs)
    if isinstance(project, Refused):
        return project
    hours = request.hours or flavour.hours
    if hours > flavour.max_hours:
        return Refused("too-long", _too_long(flavour))
    if request.lent:
        return Refused("no-lending", _("This facility does not lend capacity. Leave 'lent' out."))
    return Granted(flavour, project, project.name, project.stream, hours * 60, request.notebook)


def projects_of(offer: Offer, accounts: Iterable[str]) -> tuple[Project, ...]:
    """Return a person's projects, in the order of the facility's file: the first is the default."""
    known = frozenset(accounts)
    return tuple(project for project in offer.projects if project.name in known)


def _flavour(request: ServerRequest, offer: Offer) -> Flavour | Refused:
    if request.flavour is None:
        return offer.flavours[0]
    found = offer.flavour(request.flavour)
    if found is None:
        names = ", ".join(f.name for f in offer.flavours)
        sentence = _("There is no server of the kind '{name}'. Choose one of: {names}.")
        return Refused("unknown-flavour", sentence.format(name=request.flavour, names=names))
    return found


def _project(request: ServerRequest, offer: Offer, theirs: tuple[Project, ...]) -> Project | Refused:
    if not theirs:
        return Refused("no-association", _no_association(), 403)
    if request.project is not None and request.project not in {p.name for p in theirs}:
        sentence = _("You do not take part in the project '{name}'. Yours: {names}.")
        return _not_theirs(sentence, request.project, (p.name for p in theirs))
    if request.stream is not None and request.stream not in {p.stream for p in theirs}:
        sentence = _("You do not belong to the stream '{name}'. Yours: {names}.")
        return _not_theirs(sentence, request.stream, (p.stream for p in theirs))
    for project in theirs:
        if request.project in (None, project.name) and request.stream in (None, project.stream):
            return project
    sentence = _("The project '{project}' is not in the stream '{stream}'. Choose one of the two.")
    return Refused("mismatch", sentence.format(project=request.project, stream=request.stream))


def _not_theirs(sentence: str, name: str, names: Iterable[str]) -> Refused:
    return Refused("not-theirs", sentence.format(name=name, names=", ".join(dict.fromkeys(names))), 403)


def _no_association() -> str:
    return _(
        "You can sign in, but you do not take part in a project yet, so there is nothing to charge "
        "a server to. Ask the owner of your project, or the desk, to add you."
    )


def _too_long(flavour: Flavour) -> str:
    sentence = _("A server of the kind '{name}' runs for at most {hours} hours. Ask for fewer hours.")
    return sentence.format(name=flavour.name, hours=flavour.max_hours)
