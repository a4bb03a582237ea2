"""Between a press on start and the lesson: each sees where they stand, and never a bare spinner.

The press was a form; this page, which the browser asks for again and again, only carries it out once
Slurm knows the person as a member. A link to it starts nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from werkplaats_desk import classroom, courses
from werkplaats_desk.course_pages import hub_page_of, seconds_since, server_of
from werkplaats_desk.desk import Desk, Reader, TheDesk
from werkplaats_desk.hub import HubAway
from werkplaats_desk.login_pages import see
from werkplaats_desk.models import Course
from werkplaats_desk.pages import render
from werkplaats_desk.people import Person
from werkplaats_desk.words import gettext as _

router: Final = APIRouter(include_in_schema=False)
_LONG: Final = 60


@router.get("/courses/{number}/waiting")
def waiting(request: Request, desk: TheDesk, person: Reader, number: int) -> Response:
    """Say where somebody stands who pressed start, or go on to their server."""
    with desk.database.transaction() as session:
        course = courses.find(session, number, person, desk.settings)
        place = courses.member(session, course, person)
        pressed, started = seconds_since(place.pressed_at), seconds_since(place.started_at)
    view, project = desk.queue.view(), course.project or ""
    mine = classroom.places(view, project).get(person.name, classroom.Place())
    if mine.state == "running":
        return see(hub_page_of(desk, course, person))
    refused = ""
    if mine.state == "off" and pressed < courses.PRESS_HOLDS and view.may_start(project, person.name):
        refused, pressed, started = _carry_out(desk, course, person)
    holds = pressed < courses.PRESS_HOLDS or started < courses.SHOWS_WITHIN or mine.state == "waiting"
    if not (holds or refused) or courses.over(course, date.today()):
        return see(f"{desk.settings.prefix}courses/{number}")
    return render(
        request, "waiting.html", person, course=course, mine=mine, refused=refused, view=view,
        handed_in=pressed >= courses.PRESS_HOLDS, long=_LONG < pressed < courses.PRESS_HOLDS,
        hub_page=hub_page_of(desk, course, person),
    )  # fmt: skip


def _carry_out(desk: Desk, course: Course, person: Person) -> tuple[str, float, float]:
    """Ask the Hub for the class's server; return why it does not start, and when what was last done."""
    with desk.database.transaction() as session:
        if not courses.take_press(session, course, person):
            return "", float("inf"), 0.0
    flavour = desk.settings.course_flavours[1 if course.gpu_hours else 0]
    options = {"project": course.project or "", "notebook": course.notebook}
    if flavour:
        options["flavour"] = flavour
    try:
        said = desk.hub.start(person, server_of(desk, course), course.title, options)
    except HubAway:
        with desk.database.transaction() as session:
            courses.press(session, course, person, date.today())
        return _("The Hub does not answer at the moment. This page tries again by itself."), 0.0, 0.0
    return said, float("inf"), float("inf") if said else 0.0
