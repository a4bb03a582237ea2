"""Looking along: an expert asks, the person says yes or no, and it ends.

A look stands in the database before the server is shared, and in the audit before that; so whatever
breaks in between, :mod:`~werkplaats_desk.centre.look_clock` finds it and ends it.
"""

from __future__ import annotations

import logging
import time
from contextvars import copy_context
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from werkplaats_audit.client import AuditAway
from werkplaats_audit.events import Event, Outcome
from werkplaats_datasets.grants import LASTS
from werkplaats_desk import history, words
from werkplaats_desk.centre import looks, tickets
from werkplaats_desk.centre.models import Look, Ticket
from werkplaats_desk.database import alone
from werkplaats_desk.datasets import Datasets, Log
from werkplaats_desk.desk import Desk
from werkplaats_desk.hub import HubAway
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

_log = logging.getLogger(__name__)
#: How long a look lasts: what a person chooses from, and what is chosen beforehand (minutes).
MINUTES: Final = (15, 30, 60)
USUAL: Final = 30
#: A grant that was given may be on its way to be mounted for so long (s).
_ON_ITS_WAY: Final = LASTS + 30
_LAST: Final = 2**53 - 1


def _offered(minutes: int) -> int:
    if minutes not in MINUTES:
        raise ValueError("not one of those")
    return minutes


class Consent(BaseModel):
    """What a person sends who says yes.

    Attributes
    ----------
    look
        Which one they read.
    server
        In which server of theirs; empty for the one without a name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    look: int
    minutes: Annotated[int, AfterValidator(_offered)]
    server: str = Field(max_length=64)


def ask(desk: Desk, number: int, expert: Person) -> None:
    """Ask a person whether one may look along; asked twice, it is asked once.

    Raises
    ------
    Refusal
        When the ticket is not theirs, or closed.
    """
    with desk.database.transaction() as session:
        ticket = tickets.find(session, number, expert, desk.settings)
        if ticket.expert != expert.name:
            raise tickets.not_theirs(ticket)
        if ticket.state == "closed":
            raise Refusal("closed", _("This question is closed. Open it again by writing in it."), 409)
        if ticket.person == expert.name:
            raise Refusal("own", _("This question is your own: open your server yourself."), 409)
        made = _asked(session, ticket, expert)
        if made is not None:
            tickets.note(session, ticket, expert.name, "look-asked")
            body = copy_context().run(_question, desk, ticket)
            tickets.write(
                session, desk.settings, ticket, expert.name, "ask", body, f"look-along-{made.id:06}"
            )


def _asked(session: Session, ticket: Ticket, expert: Person) -> Look | None:
    if looks.standing(session, ticket.id) is not None:
        return None
    made = Look(
        ticket_id=ticket.id, person=ticket.person, expert=expert.name, server=ticket.server, minutes=USUAL,
        asked_at=int(time.time()),
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # pressed twice, at the same moment
        return None
    return made


def _question(desk: Desk, ticket: Ticket) -> str:
    """Return what the person reads, in the language of their question."""
    words.speak("en" if ticket.language == "en" else "nl")
    address = desk.settings.help.address if desk.settings.help else ""
    sentence = _("I would like to look along in your server. What that means, and your yes or no: {page}")
    return sentence.format(page=f"{address}{desk.settings.prefix}help/{ticket.id}/look")


def withdraw(desk: Desk, number: int, expert: Person) -> None:
    """Take back that one asked, or end looking along."""
    _end(desk, number, expert, "withdrawn", "expert")


def stop(desk: Desk, number: int, person: Person) -> None:
    """Say no to a look, or end one that has begun, as the person whose server it is."""
    _end(desk, number, person, "declined", "person")


def _end(desk: Desk, number: int, who: Person, unbegun: str, begun: str) -> None:
    """End the look of a ticket, as one of the two that it is between; what is over stays so."""
    with desk.database.transaction() as session:
        tickets.find(session, number, who, desk.settings)
        look = looks.standing(session, number)
        if look is None:
            return
        if who.name not in (look.person, look.expert):
            raise Refusal("not-yours", _("This is between the person and the expert who looks along."), 403)
        mark(session, look, unbegun if look.began_at is None else begun)
        id_ = look.id
    try:
        finish(desk, id_)
    except (HubAway, AuditAway) as wrong:  # the clock tries again, and the page says that it ends
        _log.error("Look %d is not ended yet: %s", id_, wrong)


def mark(session: Session, look: Look, why: str) -> None:
    """Write down that a look is to end, and why; what was written first stays."""
    look.ending = look.ending or why
    if look.began_at is None:  # nothing was ever shared
        _over(session, look)


def finish(desk: Desk, id_: int) -> None:
    """Carry out the end of a look that is to end: take the share back, and close its entry of the audit.

    Raises
    ------
    HubAway, AuditAway
        When that is not known to be done: once more, then.
    """
    with desk.database.transaction() as session:
        look = session.get_one(Look, id_)
    if look.ended_at is not None or not look.ending:
        return
    desk.hub.end_look(look.expert, look.server)
    if look.entry is not None:
        _close(audit_of(desk), look.entry, "failed" if look.ending == "failed" else "done", look.ending)
    with desk.database.transaction() as session:
        look = session.get_one(Look, id_, with_for_update=True)
        if look.ended_at is None:
            _over(session, look)


def _over(session: Session, look: Look) -> None:
    look.ended_at = int(time.time())
    ticket = session.get_one(Ticket, look.ticket_id)
    by = {"person": look.person, "declined": look.person, "expert": look.expert, "withdrawn": look.expert}
    tickets.note(session, ticket, by.get(look.ending, ""), "look-ended", why=look.ending)


def consent(desk: Desk, number: int, person: Person, given: Consent) -> None:
    """Let the expert who asked look along in a server of the person's, from now on.

    Raises
    ------
    Refusal
        When it cannot be; nothing is shared then.
    """
    audit = audit_of(desk)
    server = _server(desk, person, given)
    with desk.database.transaction() as session:
        look = _that_waits(session, desk, number, person, given)
        event = Event(
            kind="look", person=person.name, by=look.expert,
            detail={"server": server, "minutes": str(given.minutes), "ticket": str(number)},
        )  # fmt: skip
    try:
        entry = audit.begin(event)
    except AuditAway as away:
        _log.error("No look: %s", away)
        raise _no_audit() from None
    look = _begun(desk, audit, entry, number, person, given)
    if sentence := _being_mounted(desk, audit, person) or _shared(desk, person, look):
        _take_back(desk, audit, look, sentence)
        raise Refusal("not-shared", sentence, 409)
    _settle(desk, number, look)


def _server(desk: Desk, person: Person, given: Consent) -> str:
    running = running_of(desk, person)
    if given.server not in running:
        sentence = _("That server does not run. Start it, or choose another one, and say yes again.")
        raise Refusal("not-running", sentence, 409)
    return f"{person.name}/{given.server}"


def running_of(desk: Desk, person: Person) -> list[str]:
    """Return the names of the person's servers that run; empty for the one without a name.

    Raises
    ------
    Refusal
        When the Hub does not say.
    """
    try:
        running = desk.hub.servers(person)
    except HubAway:
        sentence = _("The Hub does not answer, so nobody knows which servers of yours run. Try again soon.")
        raise Refusal("hub-away", sentence, 503) from None
    if running is None:
        sentence = _("You signed in before looking along was there. Sign out, sign in, and try again.")
        raise Refusal("sign-in-again", sentence, 403)
    return running


def _that_waits(session: Session, desk: Desk, number: int, person: Person, given: Consent) -> Look:
    """Return the look that the person read of, while it waits for their answer."""
    ticket = tickets.find(session, number, person, desk.settings)
    look = looks.standing(session, number)
    if ticket.person != person.name:
        raise Refusal("not-yours", _("Only who asked this question can say yes."), 403)
    waits = look is not None and look.began_at is None and look.expert == ticket.expert
    if look is None or not waits or look.id != given.look:
        raise Refusal("changed", _("This changed meanwhile. Look at the page again."), 409)
    return look


def _begun(desk: Desk, audit: Log, entry: int, number: int, person: Person, given: Consent) -> Look:
    """Start the clock; nothing is shared yet."""
    try:
        with desk.database.transaction() as session:
            look = _that_waits(session, desk, number, person, given)
            alone(session)
            if looks.begun_in(session, look.expert, f"{person.name}/{given.server}"):
                raise _already()
            look.began_at = int(time.time())
            look.ends_at = look.began_at + 60 * given.minutes
            look.minutes, look.entry = given.minutes, entry
            look.server = f"{person.name}/{given.server}"
    except Refusal as refusal:
        _close(audit, entry, "refused", refusal.reason)
        raise
    return look


def _already() -> Refusal:
    sentence = _("This expert looks along in that server already, for another question. End that first.")
    return Refusal("already", sentence, 409)


def _being_mounted(desk: Desk, audit: Log, person: Person) -> str:
    """Return why nobody is let in while a restricted dataset may be on its way into a job of theirs.

    Of one that is mounted the Hub knows; and while a look stands no other grant is given.
    """
    since = time.time() - _ON_ITS_WAY
    try:
        entries = audit.read(person=person.name, before=_LAST, most=200)
    except AuditAway as away:
        _log.error("What is being mounted is not known: %s", away)
        return _no_audit().sentence
    lately = [act for act in history.acts(entries) if act.kind == "grant" and act.at > since]
    if any(act.outcome in ("done", "open") and _restricted(desk.datasets, act.dataset) for act in lately):
        return _mount()
    return ""


def _restricted(datasets: Datasets | None, name: str) -> bool:
    found = datasets.catalogue.find(name) if datasets else None
    return found is None or found.record.tier == "restricted"


def _shared(desk: Desk, person: Person, look: Look) -> str:
    """Have the Hub share the server; return why it did not."""
    assert look.ends_at is not None  # noqa: S101  # it has begun
    try:
        return desk.hub.let_look(person, look.server, look.expert, look.ends_at)
    except HubAway as wrong:
        _log.error("Look %d: %s", look.id, wrong)
        with desk.database.transaction() as session:
            mark(session, session.get_one(Look, look.id, with_for_update=True), "failed")
        sentence = _("The Hub does not answer, so nobody looks along. Your expert can ask again.")
        raise Refusal("hub-away", sentence, 503) from None


def _take_back(desk: Desk, audit: Log, look: Look, sentence: str) -> None:
    """Let a look wait for an answer again: the Hub refused, and shared nothing."""
    with desk.database.transaction() as session:
        kept = session.get_one(Look, look.id, with_for_update=True)
        if kept.ended_at is None:
            kept.began_at = kept.ends_at = kept.entry = None
            if kept.ending:
                _over(session, kept)
    assert look.entry is not None  # noqa: S101  # it has begun
    try:
        _close(audit, look.entry, "refused", sentence)
    except AuditAway as away:  # an entry that stays open says that its end is not known
        _log.error("Entry %d of the audit stays open, and nobody was let in: %s", look.entry, away)


def _settle(desk: Desk, number: int, look: Look) -> None:
    """Say in the ticket that it began; where it was ended in that very moment, end it once more."""
    with desk.database.transaction() as session:
        kept = session.get_one(Look, look.id, with_for_update=True)
        ticket = session.get_one(Ticket, number)
        tickets.note(session, ticket, look.person, "look-began", expert=look.expert, minutes=look.minutes)
        if kept.ending:
            kept.ended_at = None
    finish(desk, look.id)


def _close(audit: Log, entry: int, outcome: Outcome, why: str) -> None:
    try:
        audit.close(entry, outcome, {"reason": why})
    except AuditAway as away:
        if away.reason != "closed":  # by another hand, in the same moment
            raise


def audit_of(desk: Desk) -> Log:
    """Return the audit.

    Raises
    ------
    Refusal
        Where there is none: then nobody looks along.
    """
    if desk.datasets is None:
        raise _no_audit()
    return desk.datasets.audit


def _no_audit() -> Refusal:
    sentence = _(
        "Who looks along in a server is written down first, and that cannot be done at the moment: nobody "
        "was let in. Try again in a few minutes."
    )
    return Refusal("audit-away", sentence, 503)


def _mount() -> str:
    return _(
        "A restricted dataset is being mounted for you, and that is for you alone: nobody was let in. "
        "Unmount it, and try again in two minutes."
    )
