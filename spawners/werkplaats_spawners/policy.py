"""May this person have this server? Pure judgement: no input or output, no clock.

Slurm is the second and final fence; this is the one that answers in a sentence, before anything
is submitted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import Flavour, Offer, Project, Stream
from werkplaats_spawners.request import Refused, ServerRequest
from werkplaats_spawners.rules import RULES, Case
from werkplaats_spawners.standing import Standing


@dataclass(frozen=True)
class Granted:
    """A server as it will be asked of Slurm.

    Attributes
    ----------
    account, qos
        What the job is charged to: the project's account; and the QOS of its stream, or that of
        borrowed capacity.
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


def decide(request: ServerRequest, offer: Offer, standing: Standing) -> Granted | Refused:
    """Judge a request against what is offered and how the person stands.

    Of several projects that a request leaves open, the first that can have it is charged.

    Parameters
    ----------
    request
        What was asked; open fields are filled in here.
    offer
        The facility's flavours, streams and projects, and its rules.
    standing
        What the person may charge, what is used of it, and what they have already.
    """
    flavour = _flavour(request, offer)
    if isinstance(flavour, Refused):
        return flavour
    projects = _projects(request, offer, standing)
    if isinstance(projects, Refused):
        return projects
    judged = [_judge(request, offer, standing, flavour, project) for project in projects]
    return next((one for one in judged if isinstance(one, Granted)), judged[0])


def projects_of(offer: Offer, standing: Standing) -> tuple[Project, ...]:
    """Return a person's projects, in the order of the facility's file: the first is the default."""
    return tuple(
        project
        for project in offer.projects
        if project.name in standing.accounts and _belongs(offer.stream(project.stream), standing)
    )


def stream_of(offer: Offer, project: Project) -> Stream:
    """Return a project's stream; the facility's file is checked to have it."""
    return next(stream for stream in offer.streams if stream.name == project.stream)


def _belongs(stream: Stream | None, standing: Standing) -> bool:
    return stream is not None and (not stream.groups or bool(standing.groups & frozenset(stream.groups)))


def _flavour(request: ServerRequest, offer: Offer) -> Flavour | Refused:
    if request.flavour is None:
        return offer.flavours[0]
    found = offer.flavour(request.flavour)
    if found is None:
        names = ", ".join(f.name for f in offer.flavours)
        sentence = _("There is no server of the kind '{name}'. Choose one of: {names}.")
        return Refused("unknown-flavour", sentence.format(name=request.flavour, names=names))
    return found


def _projects(request: ServerRequest, offer: Offer, standing: Standing) -> tuple[Project, ...] | Refused:
    """Return the projects that the request can mean, at least one."""
    theirs = projects_of(offer, standing)
    if not theirs:
        return Refused("no-association", no_association(), 403)
    if request.project is not None and request.project not in {p.name for p in theirs}:
        sentence = _("You do not take part in the project '{name}'. Yours: {names}.")
        return _not_theirs(sentence, request.project, (p.name for p in theirs))
    if request.stream is not None and request.stream not in {p.stream for p in theirs}:
        sentence = _("You do not belong to the stream '{name}'. Yours: {names}.")
        return _not_theirs(sentence, request.stream, (p.stream for p in theirs))
    meant = tuple(
        project
        for project in theirs
        if request.project in (None, project.name) and request.stream in (None, project.stream)
    )
    if not meant:
        sentence = _("The project '{project}' is not in the stream '{stream}'. Choose one of the two.")
        return Refused("mismatch", sentence.format(project=request.project, stream=request.stream))
    return meant


def _not_theirs(sentence: str, name: str, names: Iterable[str]) -> Refused:
    return Refused("not-theirs", sentence.format(name=name, names=", ".join(dict.fromkeys(names))), 403)


def no_association() -> str:
    """Return what to tell somebody who takes part in no project."""
    return _(
        "You can sign in, but you do not take part in a project yet, so there is nothing to charge "
        "a server to. Ask the owner of your project, or the desk, to add you."
    )


def _judge(
    request: ServerRequest, offer: Offer, standing: Standing, flavour: Flavour, project: Project
) -> Granted | Refused:
    stream = stream_of(offer, project)
    usual = min(flavour.hours, stream.person.hours or flavour.hours)
    minutes = (request.hours or usual) * 60
    case = Case(request, offer, standing, flavour, project, stream, minutes)
    for rule in RULES:
        refused = rule(case)
        if refused is not None:
            return refused
    return Granted(flavour, project, project.name, case.qos, minutes, request.notebook)
