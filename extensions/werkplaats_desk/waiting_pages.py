"""Between a press on start and the lesson: each sees where they stand, and never a bare spinner.

The press was a form; this page, which the browser asks for again and again, only carries it out once
Slurm knows the person as a member. A link to it starts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from werkplaats_desk import classroom, courses
from werkplaats_desk.course_pages import hub_page_of, seconds_since, server_of
from werkplaats_desk.desk import Desk, Reader, TheDesk
from werkplaats_desk.hub import HubAway, HubBusy
from werkplaats_desk.login_pages import see
from werkplaats_desk.models import Course
from werkplaats_desk.pages import render
from werkplaats_desk.people import Person

router: Final = APIRouter(include_in_schema=False)
_LONG: Final = 60


@dataclass(frozen=True)
class _Start:
    """What became of a press on start.

    Attributes
    ----------
    pressed_at
        When it was made; until a job shows that came of it.
    asked_at
        When the Hub was last asked for the server.
    refused
        Why the Hub did not start it.
    hub_away
        Whether the Hub did not answer: it is asked again.
    """

    pressed_at: int | None
    asked_at: int | None
    refused: str = ""
    hub_away: bool = False

    @property
    def pressed(self) -> bool:
        """Whether a press waits for its job."""
        return seconds_since(self.pressed_at) < courses.PRESS_HOLDS


@router.get("/courses/{number}/waiting")
def waiting(request: Request, desk: TheDesk, person: Reader, number: int) -> Response:
    """Say where somebody stands who pressed start, or go on to their server."""
    with desk.database.transaction() as session:
        course = courses.find(session, number, person, desk.settings)
        place = courses.member(session, course, person)
        start = _Start(place.pressed_at, place.started_at)
        lined_up = courses.lined_up(course.members)
    view, project = desk.queue.view(), course.project or ""
    mine = classroom.places(view, project).get(person.name, classroom.Place())
    if start.pressed and classroom.came_of_it(view, project, person.name, start.pressed_at or 0):
        start = _settled(desk, course, person, start)
    elif start.pressed and view.may_start(project, person.name):
        start = _carry_out(desk, course, person, start)
    if mine.state == "running" and desk.hub.answers():
        return see(hub_page_of(desk, course, person))
    holds = mine.state != "off" or start.pressed or start.refused
    if not holds or courses.over(course, date.today()):
        return see(f"{desk.settings.prefix}courses/{number}")
    return render(
        request, "waiting.html", person, course=course, start=start, in_slurm=mine.state != "off", view=view,
        mine=classroom.places(view, project, lined_up).get(person.name, mine),
        long=start.pressed and seconds_since(start.pressed_at) > _LONG,
        hub_page=hub_page_of(desk, course, person),
    )  # fmt: skip


def _settled(desk: Desk, course: Course, person: Person, start: _Start) -> _Start:
    """Forget a press that has its job; only that shows it: a Hub that took it may have ended since."""
    with desk.database.transaction() as session:
        courses.settle(session, course, person, start.asked_at)
    return _Start(None, None)


def _carry_out(desk: Desk, course: Course, person: Person, start: _Start) -> _Start:
    """Ask the Hub for the class's server; return what became of it.

    Asked once more for a server that it is starting, it starts nothing.
    """
    with desk.database.transaction() as session:
        asked_at = courses.take_turn(session, course, person)
    if not asked_at:
        return start
    flavour = desk.settings.course_flavours[1 if course.gpu_hours else 0]
    options = {"project": course.project or "", "notebook": course.notebook}
    if flavour:
        options["flavour"] = flavour
    refused, hub_away = "", False
    try:
        refused = desk.hub.start(person, server_of(desk, course), course.title, options)
    except HubBusy:
        pass  # it is at it
    except HubAway:
        hub_away = True
    with desk.database.transaction() as session:
        if hub_away:
            courses.not_asked(session, course, person)
        elif refused:
            courses.settle(session, course, person, asked_at)
    if refused:
        return _Start(None, None, refused)
    return _Start(start.pressed_at, None if hub_away else asked_at, hub_away=hub_away)
