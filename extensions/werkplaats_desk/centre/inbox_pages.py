"""The experts' pages: the inbox, and the hours that were booked; one question is in ``answer_pages``."""

from __future__ import annotations

import time
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from werkplaats_desk.centre import hours
from werkplaats_desk.centre.hours import Standing
from werkplaats_desk.centre.inbox import FACETS, Wanted, listed
from werkplaats_desk.desk import Fields, TheDesk, desk_of, reader
from werkplaats_desk.login_pages import see
from werkplaats_desk.pages import render
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

router: Final = APIRouter(include_in_schema=False)


def expert(request: Request) -> Person:
    """Return the expert who looks at a page of theirs.

    Raises
    ------
    Refusal
    """
    person = reader(request)
    if not person.answers(desk_of(request).settings):
        sentence = _("This page is for the experts who answer questions. You can ask them one yourself.")
        raise Refusal("not-an-expert", sentence, 403)
    return person


TheExpert = Annotated[Person, Depends(expert)]


@router.get("/inbox")
def inbox(request: Request, desk: TheDesk, person: TheExpert, wanted: Annotated[Wanted, Query()]) -> Response:
    """Show what waits for an expert, or the list that a link asks for."""
    now = time.time()
    with desk.database.transaction() as session:
        found = listed(session, desk.settings, person, wanted, now)
    return render(request, "inbox.html", person, found=found, wanted=wanted, facets=FACETS, now=now)


@router.get("/inbox/hours")
def booked(request: Request, desk: TheDesk, person: TheExpert) -> Response:
    """Show an expert's hours, and each stream's beside its guarantee."""
    today = date.today()
    spans = (hours.week(today), hours.month(today))
    with desk.database.transaction() as session:
        found = [hours.standings(session, desk.settings, *span) for span in spans]
        own = [hours.by_stream(session, *span, person.name) for span in spans]
        last = hours.of_expert(session, person.name)
    return render(
        request, "inbox_hours.html", person, streams=_beside(found), own=own, last=last,
        can_be_taken_back=hours.can_be_taken_back,
    )  # fmt: skip


def _beside(found: list[list[Standing]]) -> list[tuple[str, list[Standing]]]:
    """Return each stream with its standing in each span; one that is gone may be in one of them alone."""
    names = dict.fromkeys(one.stream for span in found for one in span)
    by_name = [{one.stream: one for one in span} for span in found]
    return [(name, [span.get(name, Standing(name, 0, 0)) for span in by_name]) for name in names]


@router.post("/inbox/hours/{number}/withdrawal")
def take_back(desk: TheDesk, person: TheExpert, given: Fields, number: int) -> Response:
    """Take a booking back that was a wrong press."""
    with desk.database.transaction() as session:
        hours.take_back(session, number, person)
    return see(f"{desk.settings.prefix}inbox/hours")
