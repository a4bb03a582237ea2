"""Courses: a project with a join code, an end, a capacity and a lesson to open."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from werkplaats_desk import budget
from werkplaats_desk.applications import Title, require_day
from werkplaats_desk.models import Course, Enrolment
from werkplaats_desk.names import PATTERN, project_name
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings
from werkplaats_desk.words import gettext as _

MOST_STUDENTS: Final = 500
_MOST_COURSES: Final = 20
#: What a person reads aloud and types: no letter that is taken for another.
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_CODE_LENGTH: Final = 8
#: How long a press on start is waited with, and after how long without a job the Hub is asked once more (s).
PRESS_HOLDS: Final = 900
ASKED_AGAIN: Final = 15


def _is_a_lesson(path: str) -> str:
    parts = path.split("/")
    fine = all(re.fullmatch(r"[A-Za-z0-9_.-]+", part) and part.strip(".") for part in parts)
    if not fine or path[0] in ".-" or not path.endswith(".ipynb"):
        raise ValueError("not the path of a notebook in a home directory")
    return path


class Draft(BaseModel):
    """The five fields of a course."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Title
    notebook: Annotated[str, Field(min_length=7, max_length=200), AfterValidator(_is_a_lesson)]
    capacity: int = Field(ge=1, le=MOST_STUDENTS)
    ends: date
    gpu_hours: int = Field(ge=0, le=1_000_000)


def now() -> int:
    """Return the moment, as the database keeps moments."""
    return int(time.time())


def make(session: Session, settings: Settings, teacher: Person, draft: Draft, today: date) -> Course:
    """Make a course.

    Raises
    ------
    Refusal
        When it makes no sense, or takes more hours than a teacher may give.
    """
    require_day(draft.ends, today)
    mine = select(func.count()).where(
        Course.teacher == teacher.name, Course.ended_at.is_(None), Course.ends >= today
    )
    if int(session.scalar(mine) or 0) >= _MOST_COURSES:
        raise Refusal("too-many", _("You have twenty courses that run. End one first."), 409)
    if draft.gpu_hours > settings.most_course_hours:
        sentence = _("A course has at most {most} GPU-hours a month without asking. Send a request for more.")
        raise Refusal("too-much", sentence.format(most=settings.most_course_hours), 409)
    budget.require(session, settings, settings.course_stream, draft.gpu_hours, today)
    course = Course(
        teacher=teacher.name,
        stream=settings.course_stream,
        code="".join(secrets.choice(_LETTERS) for _letter in range(_CODE_LENGTH)),
        created_at=now(),
        **draft.model_dump(),
    )
    session.add(course)
    session.flush()
    course.project = project_name(course.title, "c", course.id)
    if course.project in settings.projects or not PATTERN.fullmatch(course.project):
        raise Refusal("name-taken", _("There is something of that name already. Choose another name."), 409)
    return course


def over(course: Course, today: date) -> bool:
    """Return whether a course has ended, by its day or by its teacher."""
    return course.ended_at is not None or course.ends < today


def by_code(session: Session, code: str, *, lock: bool = False) -> Course:
    """Return the course that a join code opens.

    Parameters
    ----------
    lock
        Whether nobody else may join until this transaction is over (SQLite has that lock anyway).
    """
    clean = code.strip().lower()
    asked = select(Course).where(Course.code == clean)
    if lock:
        asked = asked.with_for_update()
    found = session.scalar(asked) if set(clean) <= set(_LETTERS) else None
    if found is None:
        raise Refusal(
            "no-course",
            _("No course has this join code. Check it with your teacher, and type it once more."),
            404,
        )
    return found


def join(session: Session, code: str, person: Person, today: date) -> Course:
    """Put somebody into the class; once is enough, and never more than there are places.

    Raises
    ------
    Refusal
        When the code is wrong, the course has ended, or it is full.
    """
    course = by_code(session, code, lock=True)
    if over(course, today):
        sentence = _("This course has ended. Ask your teacher for the link of another.")
        raise Refusal("course-ended", sentence, 410)
    if not is_in(session, course, person):
        taken = session.scalar(select(func.count()).where(Enrolment.course_id == course.id))
        if int(taken or 0) >= course.capacity:
            sentence = _("This course is full: all {places} places are taken. Ask your teacher.")
            raise Refusal("course-full", sentence.format(places=course.capacity), 409)
        session.add(Enrolment(course_id=course.id, person=person.name, joined_at=now()))
        session.flush()
    return course


def press(session: Session, course: Course, person: Person, today: date) -> None:
    """Note that somebody pressed start; their server is asked for as soon as it can be.

    Who presses once more while they wait keeps the turn of the first press, unless that soon lapses.
    """
    if over(course, today):
        raise Refusal("course-ended", _("This course has ended. Your work is kept."), 410)
    place = member(session, course, person)
    if (place.pressed_at or 0) <= now() - PRESS_HOLDS // 2:
        place.pressed_at = now()


def take_turn(session: Session, course: Course, person: Person) -> int:
    """Return the moment from which a page asks the Hub for what somebody pressed for; 0 where it may not.

    Of two pages that would ask, one does; and none soon after another.
    """
    moment = now()
    of_one = (Enrolment.course_id == course.id) & (Enrolment.person == person.name)
    asked_long_ago = or_(Enrolment.started_at.is_(None), Enrolment.started_at <= moment - ASKED_AGAIN)
    taken = session.execute(
        update(Enrolment)
        .where(of_one, asked_long_ago, Enrolment.pressed_at > moment - PRESS_HOLDS)
        .values(started_at=moment)
        .returning(Enrolment.person)
    )
    return moment if taken.first() is not None else 0


def not_asked(session: Session, course: Course, person: Person) -> None:
    """Note that the Hub heard nothing: the next page asks it."""
    member(session, course, person).started_at = None


def settle(session: Session, course: Course, person: Person, asked_at: int | None) -> None:
    """Note that a press came to its end: a job, or a refusal; not one that was made since.

    Parameters
    ----------
    asked_at
        When the Hub was asked for it.
    """
    place = member(session, course, person)
    if place.started_at == asked_at:
        place.pressed_at = place.started_at = None


def lined_up(members: Iterable[Enrolment]) -> list[str]:
    """Return who pressed start and may not be in Slurm's queue yet, in the order of their turn."""
    oldest = now() - PRESS_HOLDS
    pressed = [one for one in members if (one.pressed_at or 0) > oldest]
    by_turn = sorted(pressed, key=lambda one: (one.pressed_at or 0, one.joined_at, one.person))
    return [one.person for one in by_turn]


def member(session: Session, course: Course, person: Person) -> Enrolment:
    """Return somebody's place in a class."""
    found = session.get(Enrolment, (course.id, person.name))
    if found is None:
        raise Refusal("not-a-member", _("You are not in this class. Ask your teacher for the link."), 403)
    return found


def find(session: Session, number: int, person: Person, settings: Settings) -> Course:
    """Return a course that somebody may see: their own, one that they are in, or as an operator any."""
    course = session.get(Course, number) if 0 < number < 2**31 else None
    if course is None or not (leads(course, person, settings) or is_in(session, course, person)):
        raise Refusal("no-course", _("There is no such course, or you are not in it."), 404)
    return course


def is_in(session: Session, course: Course, person: Person) -> bool:
    """Return whether somebody joined a course."""
    return session.get(Enrolment, (course.id, person.name)) is not None


def leads(course: Course, person: Person, settings: Settings) -> bool:
    """Return whether somebody is the course's teacher, or an operator."""
    return course.teacher == person.name or person.decides(settings)


def end(session: Session, course: Course, person: Person, settings: Settings) -> None:
    """End a course before its day: nobody starts any more, and all work is kept."""
    if not leads(course, person, settings):
        raise Refusal("not-yours", _("Only its teacher can end a course."), 403)
    if course.ended_at is None:
        course.ended_at = now()


def of(session: Session, person: Person) -> list[Course]:
    """Return the courses that somebody teaches or is in, the newest first."""
    joined = select(Enrolment.course_id).where(Enrolment.person == person.name)
    asked = select(Course).where(or_(Course.teacher == person.name, Course.id.in_(joined)))
    return list(session.scalars(asked.order_by(Course.id.desc()).limit(200)))
