"""Pages of looking along: what it means, yes or no, and the end; for the person, and for the expert.

Both sides' pages of a ticket include what stands in ``help_look.html`` and ``inbox_look.html``, given
``sight`` of :func:`sight`; the pages here are the same by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from werkplaats_desk import fields
from werkplaats_desk.centre import looking, looks, tickets
from werkplaats_desk.centre.looking import Consent
from werkplaats_desk.centre.models import Look
from werkplaats_desk.desk import Desk, Fields, Reader, TheDesk
from werkplaats_desk.login_pages import see
from werkplaats_desk.pages import render
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

router: Final = APIRouter(include_in_schema=False)
#: How often a page of somebody who waits looks again by itself (s).
_AGAIN: Final = 5
State = Literal["none", "asked", "on", "ending", "over"]


@dataclass(frozen=True)
class Sight:
    """A look as a page shows it.

    Attributes
    ----------
    ticket
        Its number.
    mine
        Whether whoever reads the page is its expert, and the ticket is open: they may ask.
    state
        ``asked``: it waits for a yes; ``on``; ``ending``: the share is being taken back; ``over``.
    server
        The name of the server; empty for the one without a name.
    address
        Where the expert opens it.
    until
        When it ends by itself (Unix time, s).
    ended_at, why
        When it was over, and why, as in :class:`~werkplaats_desk.centre.models.Look`.
    servers
        Which servers of the person's run; nothing where that was not asked, or is not known.
    trouble
        Why it is not known, in a sentence.
    minutes
        What a person chooses from; the first is chosen.
    """

    ticket: int
    person: str
    mine: bool = False
    state: State = "none"
    id: int = 0
    expert: str = ""
    server: str = ""
    address: str = ""
    until: int = 0
    ended_at: int = 0
    why: str = ""
    servers: tuple[str, ...] = ()
    trouble: str = ""
    minutes: tuple[int, ...] = looking.MINUTES
    usual: int = looking.USUAL


def sight(desk: Desk, number: int, person: Person) -> Sight:
    """Return how a look stands, for one of the two sides' pages.

    Parameters
    ----------
    number
        Of the ticket.
    person
        Who reads the page; one who may not read the ticket is refused.

    Raises
    ------
    Refusal
    """
    with desk.database.transaction() as session:
        ticket = tickets.find(session, number, person, desk.settings)
        look = looks.latest(session, number)
    mine = ticket.expert == person.name and ticket.state != "closed" and ticket.person != person.name
    if look is None:
        return Sight(number, ticket.person, mine)
    state = _state(look)
    servers: tuple[str, ...] = ()
    trouble = ""
    if state == "asked" and person.name == look.person:
        servers, trouble = _running(desk, person)
    name = look.server.partition("/")[2]
    return Sight(
        number, look.person, mine, state, look.id, look.expert, name, _address(desk, look), look.ends_at or 0,
        look.ended_at or 0, look.ending, servers, trouble,
    )  # fmt: skip


def _state(look: Look) -> State:
    if look.ended_at is not None:
        return "over"
    if look.ending:
        return "ending"
    return "asked" if look.began_at is None else "on"


def _address(desk: Desk, look: Look) -> str:
    """Return where the expert opens a server: below the Hub's own address."""
    owner, _slash, name = look.server.partition("/")
    server = f"{quote(owner)}/{quote(name)}" if name else quote(owner)
    return f"{desk.settings.hub.removesuffix('hub/')}user/{server}/lab"


def _running(desk: Desk, person: Person) -> tuple[tuple[str, ...], str]:
    try:
        running = tuple(looking.running_of(desk, person))
    except Refusal as refusal:
        return (), refusal.sentence
    if not running:
        return (), _("No server of yours runs at the moment. Start it first, then come back here.")
    return running, ""


@router.get("/look")
def mine(desk: TheDesk, person: Reader) -> Response:
    """Go to the look that stands in a server of one's own, from the band above Lab."""
    with desk.database.transaction() as session:
        number = looks.ticket_of(session, person.name)
    return see(f"{desk.settings.prefix}help" + (f"/{number}/look" if number else ""))


@router.get("/help/{number}/look")
def of_the_person(request: Request, desk: TheDesk, person: Reader, number: int) -> Response:
    """Show the person what looking along means, and how it stands."""
    return _page(request, desk, person, number, "help_look.html")


@router.get("/inbox/{number}/look")
def of_the_expert(request: Request, desk: TheDesk, person: Reader, number: int) -> Response:
    """Show the expert how it stands."""
    return _page(request, desk, person, number, "inbox_look.html")


def _page(
    request: Request, desk: Desk, person: Person, number: int, part: str, wrong: str = "", status: int = 200
) -> Response:
    seen = sight(desk, number, person)
    if part == "inbox_look.html" and not person.answers(desk.settings):
        raise Refusal("not-an-expert", _("This page is for the experts who answer questions."), 403)
    if part == "help_look.html" and seen.person != person.name:
        raise Refusal("not-yours", _("Only who asked this question can say yes."), 403)
    # A form that somebody reads does not go away under their hands.
    waits = seen.state in ("on", "ending") or (seen.state == "asked" and part == "inbox_look.html")
    again = _AGAIN if waits and not wrong else 0
    return render(
        request, "look.html", person, status=status, sight=seen, part=part, wrong=wrong, again=again
    )


@router.post("/help/{number}/look")
def answer(request: Request, desk: TheDesk, person: Reader, given: Fields, number: int) -> Response:
    """Say yes."""
    consent, _wrong = fields.read(Consent, given)
    if consent is None:
        raise Refusal("bad-form", _("This form could not be read. Load the page again."))
    try:
        looking.consent(desk, number, person, consent)
    except Refusal as refusal:
        return _page(request, desk, person, number, "help_look.html", refusal.sentence, refusal.status)
    return see(f"{desk.settings.prefix}help/{number}/look")


@router.post("/help/{number}/look/end")
def end(desk: TheDesk, person: Reader, given: Fields, number: int) -> Response:
    """Say no, or end it."""
    looking.stop(desk, number, person)
    return see(f"{desk.settings.prefix}help/{number}/look")


@router.post("/inbox/{number}/look")
def ask(desk: TheDesk, person: Reader, given: Fields, number: int) -> Response:
    """Ask whether one may look along."""
    looking.ask(desk, number, person)
    return see(f"{desk.settings.prefix}inbox/{number}/look")


@router.post("/inbox/{number}/look/end")
def leave(desk: TheDesk, person: Reader, given: Fields, number: int) -> Response:
    """Take it back, or end it."""
    looking.withdraw(desk, number, person)
    return see(f"{desk.settings.prefix}inbox/{number}/look")
