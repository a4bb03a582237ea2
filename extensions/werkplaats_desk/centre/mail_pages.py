"""``help/mail``, where somebody says where they want mail; ``mail``, where an operator sees what waits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import func, select, update

from werkplaats_desk.centre import mail_addresses
from werkplaats_desk.centre.models import OutgoingMail
from werkplaats_desk.desk import Desk, Fields, Operator, Reader, TheDesk
from werkplaats_desk.login_pages import see
from werkplaats_desk.pages import render
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal

router: Final = APIRouter(include_in_schema=False)
#: How many mails the operator sees.
_SHOWN: Final = 100


@router.get("/help/mail")
def mine(request: Request, desk: TheDesk, person: Reader) -> Response:
    """Show where somebody gets mail."""
    return _mine(request, desk, person, {}, {})


@router.post("/help/mail")
def give(request: Request, desk: TheDesk, person: Reader, given: Fields) -> Response:
    """Send a code to an address."""
    return _do(request, desk, person, given, "address")


@router.post("/help/mail/code")
def confirm(request: Request, desk: TheDesk, person: Reader, given: Fields) -> Response:
    """Take the code."""
    return _do(request, desk, person, given, "code")


@router.post("/help/mail/away")
def take_away(desk: TheDesk, person: Reader, given: Fields) -> Response:
    """Forget an address."""
    desk.help_pace.require(person.name)
    with desk.database.transaction() as session:
        mail_addresses.take_away(session, desk.settings, person)
    return see(f"{desk.settings.prefix}help/mail")


def _do(request: Request, desk: Desk, person: Person, given: Mapping[str, str], field: str) -> Response:
    """Do what a form of one field asks, and show the page again."""
    act = {"address": mail_addresses.give, "code": mail_addresses.confirm}[field]
    try:
        desk.help_pace.require(person.name)
        with desk.database.transaction() as session:
            act(session, desk.settings, person, given.get(field, ""))
    except Refusal as refusal:
        if refusal.reason == "no-mail":
            raise
        return _mine(request, desk, person, given, {field: refusal.sentence}, refusal.status)
    return see(f"{desk.settings.prefix}help/mail")


def _mine(
    request: Request, desk: Desk, person: Person, given: Mapping[str, str], wrong: dict[str, str],
    status: int = 200,
) -> Response:  # fmt: skip
    mail_addresses.mail_of(desk.settings)
    with desk.database.transaction() as session:
        theirs = mail_addresses.of(session, person)
    expert = desk.settings.help.expert(person.name) if desk.settings.help else None
    return render(
        request, "mail_address.html", person, status=status, theirs=theirs, given=given, wrong=wrong,
        as_expert=expert.mail if expert else "",
    )  # fmt: skip


@router.get("/mail")
def queue(request: Request, desk: TheDesk, person: Operator) -> Response:
    """Show the operator what waits, what was given up, and why; no address, and no text."""
    mail_addresses.mail_of(desk.settings)
    counted = select(OutgoingMail.state, func.count()).group_by(OutgoingMail.state)
    undone = select(OutgoingMail).where(OutgoingMail.state.in_(("waiting", "given-up", "bounced")))
    with desk.database.transaction() as session:
        numbers = {row[0]: row[1] for row in session.execute(counted)}
        found = list(session.scalars(undone.order_by(OutgoingMail.id.desc()).limit(_SHOWN)))
    return render(
        request, "mail_queue.html", person, numbers=numbers, found=found,
        problem=desk.problems.get("mail", ""), incoming=desk.problems.get("mail-in", ""),
    )  # fmt: skip


@router.post("/mail/again")
def again(desk: TheDesk, person: Operator, given: Fields) -> Response:
    """Have everything that waits tried now, and what was given up tried anew."""
    now = int(time.time())
    waits = update(OutgoingMail).where(OutgoingMail.state == "waiting", OutgoingMail.tries > 0)
    lost = update(OutgoingMail).where(OutgoingMail.state == "given-up")
    with desk.database.transaction() as session:
        # What another try has in its hands now is left to it.
        session.execute(waits.where(OutgoingMail.error != "").values(next_at=now))
        session.execute(lost.values(state="waiting", tries=0, next_at=now, created_at=now))
    return see(f"{desk.settings.prefix}mail")
