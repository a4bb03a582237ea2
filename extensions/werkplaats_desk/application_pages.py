"""The pages of requests: a form of five fields, where a request stands, and the operator's list."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError

from werkplaats_desk import allocation, applications, budget, capacity, fields
from werkplaats_desk.applications import PAGE, Decision, Draft
from werkplaats_desk.capacity import Capacity
from werkplaats_desk.desk import Desk, Fields, Operator, Reader, TheDesk
from werkplaats_desk.login_pages import see
from werkplaats_desk.models import APPROVED, SUBMITTED, Application
from werkplaats_desk.pages import render
from werkplaats_desk.people import Person
from werkplaats_desk.published import View
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Stream
from werkplaats_desk.words import gettext as _

router: Final = APIRouter(include_in_schema=False)


@router.get("/apply")
def blank(request: Request, desk: TheDesk, person: Reader, stream: str = "") -> Response:
    """Show the form."""
    return _form(request, desk, person, {"stream": stream}, {})


@router.post("/apply")
def submit(request: Request, desk: TheDesk, person: Reader, given: Fields) -> Response:
    """Hand a request in, and go to where it stands."""
    draft, wrong = fields.read(Draft, given)
    if draft is None:
        return _form(request, desk, person, given, wrong, 400)
    try:
        with desk.database.transaction() as session:
            made = applications.submit(session, desk.settings, person, draft, date.today())
    except Refusal as refusal:
        return _form(request, desk, person, given, {"": refusal.sentence}, refusal.status)
    return see(f"{desk.settings.prefix}applications/{made.id}")


def _form(
    request: Request,
    desk: Desk,
    person: Person,
    given: Mapping[str, str],
    wrong: dict[str, str],
    status: int = 200,
) -> Response:
    today = date.today()
    return render(
        request, "apply.html", person, status=status, given=given, wrong=wrong, today=today,
        streams=desk.settings.streams,
    )  # fmt: skip


@router.get("/applications")
def mine(request: Request, desk: TheDesk, person: Reader) -> Response:
    """Show somebody's own requests."""
    with desk.database.transaction() as session:
        found = applications.of(session, person)
    return render(request, "applications.html", person, found=found, everybody=False)


@router.get("/requests")
def everybodys(
    request: Request, desk: TheDesk, person: Operator, page: Annotated[int, Query(ge=1, le=10**6)] = 1
) -> Response:
    """Show the operator what waits, and what was decided, a page at a time."""
    today = date.today()
    with desk.database.transaction() as session:
        found = applications.everybodys(session, page)
        rest = [(s, budget.left(session, desk.settings, s, today)) for s in desk.settings.streams]
    return render(
        request, "applications.html", person, found=found[:PAGE], everybody=True, rest=rest, page=page,
        more=len(found) > PAGE,
    )  # fmt: skip


@router.get("/applications/{number}")
def one(request: Request, desk: TheDesk, person: Reader, number: int) -> Response:
    """Show one request, and where it stands."""
    with desk.database.transaction() as session:
        found = applications.find(session, number, person, desk.settings)
    return _one(request, desk, person, found)


def _one(
    request: Request, desk: Desk, person: Person, found: Application, wrong: str = "", status: int = 200
) -> Response:
    ready, view = False, desk.queue.view()
    if found.state == APPROVED and found.project:
        ready = view.may_start(found.project, found.applicant)
    over = found.ends < date.today()
    waits = found.state == APPROVED and not ready and not over
    stream, room = desk.settings.stream(found.stream), None
    if found.state == SUBMITTED and person.decides(desk.settings):
        room = _room(desk, stream, view)
    return render(
        request, "application.html", person, status=status, one=found, wrong=wrong, ready=ready, over=over,
        waits=waits, long=waits and (found.decided_at or 0) < time.time() - 300, stream=stream, view=view,
        room=room,
    )  # fmt: skip


@dataclass(frozen=True)
class Room:
    """What an operator weighs a request by: hours that the desk has left to give, and what there is."""

    left: int
    capacity: Capacity | None


def _room(desk: Desk, stream: Stream | None, view: View) -> Room | None:
    if stream is None:
        return None
    with desk.database.transaction() as session:
        left = budget.left(session, desk.settings, stream, date.today())
        granted = allocation.granted(session)
    return Room(left, capacity.of_stream(view, desk.settings, granted, stream))


@router.post("/applications/{number}/decision")
def decide(request: Request, desk: TheDesk, person: Operator, given: Fields, number: int) -> Response:
    """Approve or decline, with a word."""
    answer, _wrong = fields.read(Decision, given)
    if answer is None:
        raise Refusal("bad-form", _("This form could not be read. Load the page again."))
    with desk.database.transaction() as session:
        found = applications.find(session, number, person, desk.settings)
    try:
        settle(desk, person, number, answer)
    except Refusal as refusal:
        with desk.database.transaction() as session:
            found = applications.find(session, number, person, desk.settings)
        return _one(request, desk, person, found, refusal.sentence, refusal.status)
    return see(f"{desk.settings.prefix}applications/{number}")


def settle(desk: Desk, person: Person, number: int, decision: Decision) -> Application:
    """Decide on a request and put what follows where the operator's process finds it."""
    view = desk.queue.view()  # before the transaction: whoever waits for Slurm must hold nobody up
    with desk.database.transaction() as session:
        found = applications.find(session, number, person, desk.settings)
        if decision.approve and found.state == SUBMITTED:
            stream = desk.settings.stream(found.stream)
            known = capacity.of_stream(view, desk.settings, allocation.granted(session), stream)
            capacity.require(known, found.gpu_hours)
        applications.decide(session, desk.settings, found, person, decision, date.today())
    publish(desk)
    return found


def publish(desk: Desk) -> None:
    """Write the files of what was granted; where that fails it is done again in a minute."""
    try:
        desk.publish()
        desk.problems.pop("outbox", None)
    except (OSError, SQLAlchemyError) as wrong:  # the decision stands, whatever came after it
        desk.problems["outbox"] = str(wrong)


@router.post("/applications/{number}/withdrawal")
def withdraw(desk: TheDesk, person: Reader, given: Fields, number: int) -> Response:
    """Take one's own request back."""
    with desk.database.transaction() as session:
        found = applications.find(session, number, person, desk.settings)
        applications.withdraw(session, found, person)
    return see(f"{desk.settings.prefix}applications/{number}")
