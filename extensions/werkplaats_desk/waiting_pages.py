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
        When it was made, until the Hub was asked for the server.
    started_at
        When the Hub was last asked.
    refused
        Why the Hub did not start it.
    hub_away
        Whether the Hub did not answer: it is asked again.
    """

    pressed_at: int | None
    started_at: int | None
    refused: str = ""
    hub_away: bool = False

    @property
    def pressed(self) -> bool:
        """Whether a press waits to be carried out."""
        return seconds_since(self.pressed_at) < courses.PRESS_HOLDS

    @property
    def handed_in(self) -> bool:
        """Whether the server was asked for so lately that its job need not show yet."""
        return seconds_since(self.started_at) < courses.SHOWS_WITHIN


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
    if mine.state != "off" and start.pressed and view.at >= (start.pressed_at or 0):
        # The Hub took it, and did not come to say so; a later page must not start it once more.
        with desk.database.transaction() as session:
            courses.put_back(session, course, person, None)
    if mine.state == "running" and desk.hub.answers():
        return see(hub_page_of(desk, course, person))
    if mine.state == "off" and start.pressed and view.may_start(project, person.name):
        start = _carry_out(desk, course, person, start)
    holds = mine.state != "off" or start.pressed or start.handed_in
    if not (holds or start.refused) or courses.over(course, date.today()):
        return see(f"{desk.settings.prefix}courses/{number}")
    return render(
        request, "waiting.html", person, course=course, start=start, in_slurm=mine.state != "off", view=view,
        mine=classroom.places(view, project, lined_up).get(person.name, mine),
        long=start.pressed and seconds_since(start.pressed_at) > _LONG,
        hub_page=hub_page_of(desk, course, person),
    )  # fmt: skip


def _carry_out(desk: Desk, course: Course, person: Person, start: _Start) -> _Start:
    """Ask the Hub for the class's server; return what became of it."""
    with desk.database.transaction() as session:
        if not courses.take_press(session, course, person):
            return _Start(None, courses.now())  # another page of theirs did it
    flavour = desk.settings.course_flavours[1 if course.gpu_hours else 0]
    options = {"project": course.project or "", "notebook": course.notebook}
    if flavour:
        options["flavour"] = flavour
    try:
        said = desk.hub.start(person, server_of(desk, course), course.title, options)
    except HubAway as away:
        back = _Start(start.pressed_at, None, hub_away=not isinstance(away, HubBusy))
    else:
        if not said:
            return _Start(None, courses.now())
        back = _Start(None, None, refused=said)
    with desk.database.transaction() as session:
        courses.put_back(session, course, person, back.pressed_at)
    return back
