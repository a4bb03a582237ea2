"""The pages of courses: a teacher makes one in five fields; a student follows a link and is in it."""

from __future__ import annotations

import time
from datetime import date
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from werkplaats_desk import classroom, courses, fields
from werkplaats_desk.application_pages import publish
from werkplaats_desk.courses import Draft
from werkplaats_desk.desk import Desk, Fields, Reader, Teacher, TheDesk
from werkplaats_desk.login_pages import see
from werkplaats_desk.models import Course
from werkplaats_desk.pages import render
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal

router: Final = APIRouter(include_in_schema=False)


@router.get("/courses")
def listed(request: Request, desk: TheDesk, person: Reader) -> Response:
    """Show the classes that somebody teaches or is in."""
    with desk.database.transaction() as session:
        found = courses.of(session, person)
    over = {course.id for course in found if courses.over(course, date.today())}
    return render(request, "courses.html", person, found=found, over=over)


@router.get("/new-course")
def blank(request: Request, desk: TheDesk, person: Teacher) -> Response:
    """Show the form."""
    lesson = desk.settings.lessons[0] if desk.settings.lessons else ""
    return _form(request, desk, person, {"notebook": lesson, "gpu_hours": "0"}, {})


@router.post("/new-course")
def make(request: Request, desk: TheDesk, person: Teacher, given: Fields) -> Response:
    """Make a course, and go to it."""
    draft, wrong = fields.read(Draft, given)
    if draft is None:
        return _form(request, desk, person, given, wrong, 400)
    try:
        with desk.database.transaction() as session:
            course = courses.make(session, desk.settings, person, draft, date.today())
    except Refusal as refusal:
        return _form(request, desk, person, given, {"": refusal.sentence}, refusal.status)
    publish(desk)
    return see(f"{desk.settings.prefix}courses/{course.id}")


def _form(
    request: Request,
    desk: Desk,
    person: Person,
    given: dict[str, str],
    wrong: dict[str, str],
    status: int = 200,
) -> Response:
    today = date.today()
    return render(
        request, "new_course.html", person, status=status, given=given, wrong=wrong, today=today,
        lessons=desk.settings.lessons, most=desk.settings.most_course_hours,
    )  # fmt: skip


@router.get("/join")
def by_hand(desk: TheDesk, code: str = "") -> Response:
    """Go to the course whose code somebody typed."""
    return see(f"{desk.settings.prefix}join/{quote(code.strip().lower()[:16], safe='')}")


@router.get("/join/{code}")
def door(request: Request, desk: TheDesk, person: Reader, code: str) -> Response:
    """Show what the link leads to, with one button."""
    with desk.database.transaction() as session:
        course = courses.by_code(session, code)
    if courses.over(course, date.today()):
        return render(request, "course_over.html", person, course=course, status=410)
    return render(request, "join.html", person, course=course)


@router.post("/join/{code}")
def join(desk: TheDesk, person: Reader, given: Fields, code: str) -> Response:
    """Join the class and press start: one button for both."""
    today = date.today()
    with desk.database.transaction() as session:
        course = courses.join(session, code, person, today)
        courses.press(session, course, person, today)
    publish(desk)
    return see(f"{desk.settings.prefix}courses/{course.id}/waiting")


@router.get("/courses/{number}")
def one(request: Request, desk: TheDesk, person: Reader, number: int, ending: bool = False) -> Response:
    """Show the teacher their class, and a student their lesson.

    Parameters
    ----------
    ending
        Whether the teacher is about to end the course: such a page stays as it is while they read.
    """
    with desk.database.transaction() as session:
        course = courses.find(session, number, person, desk.settings)
        members = list(course.members)
    view = desk.queue.view()
    project = course.project or ""
    leads = courses.leads(course, person, desk.settings)
    # A student whose server is off can press start; the teacher also sees who pressed it just now.
    places = classroom.places(view, project, courses.lined_up(members) if leads else ())
    known: dict[str, Any] = {
        "course": course,
        "view": view,
        "places": places,
        "budget": classroom.budget(view, project),
        "nowhere": classroom.Place(),
        "over": courses.over(course, date.today()),
    }
    if leads:
        link = f"{_origin(request)}{desk.settings.prefix}join/{course.code}"
        states = [places[one.person].state for one in members if one.person in places]
        counts = {state: states.count(state) for state in ("running", "waiting")}
        known |= {"members": members, "link": link, "counts": counts, "ending": ending}
        return render(request, "class.html", person, **known)
    if known["over"]:
        return render(request, "course_over.html", person, course=course)
    return render(request, "lesson.html", person, hub_page=hub_page_of(desk, course, person), **known)


@router.post("/courses/{number}/start")
def start(desk: TheDesk, person: Reader, given: Fields, number: int) -> Response:
    """Press start."""
    with desk.database.transaction() as session:
        course = courses.find(session, number, person, desk.settings)
        courses.press(session, course, person, date.today())
    return see(f"{desk.settings.prefix}courses/{number}/waiting")


@router.post("/courses/{number}/end")
def end(desk: TheDesk, person: Reader, given: Fields, number: int) -> Response:
    """End the course."""
    with desk.database.transaction() as session:
        course = courses.find(session, number, person, desk.settings)
        courses.end(session, course, person, desk.settings)
    publish(desk)
    return see(f"{desk.settings.prefix}courses/{number}")


def hub_page_of(desk: Desk, course: Course, person: Person) -> str:
    """Return the Hub's page of the class's server: it waits there, or opens."""
    server = server_of(desk, course)
    return f"{desk.settings.hub}spawn-pending/{quote(person.name, safe='')}" + (
        f"/{server}" if server else ""
    )


def server_of(desk: Desk, course: Course) -> str:
    """Return the name of the class's server: one beside a person's own, where they may have it."""
    return (course.project or "") if desk.settings.named_servers else ""


def _origin(request: Request) -> str:
    """Return how this place is called by who looks at it, for a link to hand out."""
    told = request.headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip()
    host = request.headers.get("x-forwarded-host", request.headers.get("host", ""))
    return f"{told if told in ('http', 'https') else 'http'}://{host}"


def seconds_since(moment: int | None) -> float:
    """Return how long ago something was; for ever for what never was."""
    return float("inf") if moment is None else time.time() - moment
