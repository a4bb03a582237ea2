"""Courses: five fields, a link, a class that is never fuller than it may be, and a place in the queue."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from tests.desk.conftest import TOMORROW, Browser, FakeQueue
from tests.desk.fake_hub import FakeHub

from werkplaats_desk import courses, outbox
from werkplaats_desk.courses import Draft
from werkplaats_desk.desk import Desk
from werkplaats_desk.models import Course
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal

Make = Callable[..., Browser]
NAME = "ai-in-de-praktijk-c1"
FIVE = {
    "title": "AI in de praktijk",
    "notebook": "voorbeelden/first_steps/les.ipynb",
    "capacity": "3",
    "ends": TOMORROW.isoformat(),
    "gpu_hours": "50",
}


@pytest.fixture
def docent(browser: Make) -> Browser:
    """The teacher."""
    return browser("docent")


@pytest.fixture
def code(docent: Browser, desk: Desk) -> str:
    """A course of the teacher's, and its join code."""
    answer = docent.post("new-course", "new-course", **FIVE)
    assert answer.status_code == 303, answer.text
    with desk.database.transaction() as session:
        course = session.get(Course, 1)
    assert course is not None
    return course.code


def job(number: int, user: str, state: str = "PENDING") -> dict[str, Any]:
    """Return a job as the publisher says it."""
    return {"id": number, "user": user, "account": NAME, "qos": "regional", "state": state}


def members(desk: Desk) -> list[str]:
    """Return who is in the project's file."""
    text = (desk.settings.projects_d / f"{NAME}.toml").read_text()
    return list(tomllib.loads(text)["members"])


def test_a_course_is_a_project(docent: Browser, code: str, desk: Desk) -> None:
    """Its file has the teacher for owner and first member, its hours, its end and its stream."""
    found = tomllib.loads((desk.settings.projects_d / f"{NAME}.toml").read_text())
    assert found == {
        "title": {"nl": "AI in de praktijk", "en": "AI in de praktijk"},
        "stream": "regional",
        "gpu_hours": 50,
        "members": ["docent"],
        "owners": ["docent"],
        "call": "Cursus 1",
        "ends": TOMORROW,
    }
    shown = docent.get("courses/1").text
    assert f"http://testserver/services/desk/join/{code}" in shown
    assert "0 of 3 places" in shown


def test_from_the_link_to_the_lesson(
    browser: Make, code: str, desk: Desk, fake_hub: FakeHub, fake_queue: FakeQueue
) -> None:
    """Sign in, one button; the page waits until Slurm knows them, starts, shows the place, and goes on."""
    student = browser()
    sent = student.get(f"join/{code}")
    assert sent.headers["location"] == f"/services/desk/login?next=/services/desk/join/{code}"
    assert student.sign_in("student", f"join/{code}").headers["location"].endswith(f"/join/{code}")
    assert student.get(f"join/{code}").text.count('<button type="submit"') == 1
    waiting = student.post(f"join/{code}", f"join/{code}").headers["location"]
    assert members(desk) == ["docent", "student"]
    shown = student.get(waiting)
    assert "is being made ready" in shown.text
    assert '<meta http-equiv="refresh" content="3">' in shown.text
    assert fake_hub.started == []
    fake_queue.let(NAME, "docent", "student")
    shown = student.get(waiting).text
    assert "You are number 1 of 1 in the queue of your class." in shown
    assert "will be in the queue in a moment" in shown
    options = {"project": NAME, "notebook": FIVE["notebook"], "flavour": "gpu-1"}
    assert fake_hub.started == [("student", NAME, options)]
    fake_queue.jobs += [job(7, "ander"), job(9, "student")]
    assert "You are number 2 of 2 in the queue of your class." in student.get(waiting).text
    fake_queue.jobs[1] = job(9, "student", "RUNNING")
    assert student.get(waiting).headers["location"] == f"/hub/spawn-pending/student/{NAME}"
    assert len(fake_hub.started) == 1, "however often the page is loaded"
    assert "Open the lesson" in student.get("courses/1").text


def test_a_link_starts_nothing(
    browser: Make, code: str, fake_hub: FakeHub, fake_queue: FakeQueue, desk: Desk
) -> None:
    """Neither the join link nor the waiting page nor the class: only a press on the button does."""
    student = browser("student")
    student.post(f"join/{code}", f"join/{code}")
    fake_queue.let(NAME, "student")
    student.get("courses/1/waiting")
    assert len(fake_hub.started) == 1
    fake_queue.jobs = [job(7, "student")]
    student.get("courses/1/waiting")
    fake_queue.jobs = []
    for _ in range(3):
        answer = student.get("courses/1/waiting")
        assert answer.headers["location"] == "/services/desk/courses/1"
        student.get(f"join/{code}")
        student.get("courses/1")
    assert len(fake_hub.started) == 1
    other = browser("ander")
    other.get(f"join/{code}")
    assert members(desk) == ["docent", "student"]
    student.post("courses/1/start", "courses/1")
    student.get("courses/1/waiting")
    assert len(fake_hub.started) == 2


def test_thirty_at_once(desk: Desk) -> None:
    """A class of thirty takes thirty of forty who join in the same moment; no place is given twice."""
    draft = Draft.model_validate({**FIVE, "capacity": 30})
    with desk.database.transaction() as session:
        course = courses.make(session, desk.settings, Person("docent"), draft, date.today())
    outcomes: list[str] = []

    def one(number: int) -> None:
        try:
            with desk.database.transaction() as session:
                courses.join(session, course.code, Person(f"s{number % 40}"), date.today())
            outbox.publish(desk.database, desk.settings.projects_d)
            outcomes.append("in")
        except Refusal as refusal:
            outcomes.append(refusal.reason)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["course-full"] * 10 + ["in"] * 30
    assert len(members(desk)) == 31


def test_a_full_course(browser: Make, code: str) -> None:
    """Who comes too late reads it; who is in stays in, however often they press."""
    students = [browser(f"s{number}") for number in range(4)]
    for student in students[:3]:
        assert student.post(f"join/{code}", f"join/{code}").status_code == 303
    late = students[3].post(f"join/{code}", f"join/{code}")
    assert late.status_code == 409
    assert "all 3 places are taken" in late.text
    assert students[0].post(f"join/{code}", f"join/{code}").status_code == 303
    assert students[3].get("courses/1").status_code == 404


@pytest.mark.parametrize("wrong", ["abcdefgh", "x", "%2e%2e", "a" * 500, "%00", "'--"])
def test_a_wrong_code(browser: Make, code: str, wrong: str) -> None:
    """Says so, and whom to ask."""
    answer = browser("student").get(f"join/{wrong}")
    assert answer.status_code == 404
    assert "Check it with your teacher" in answer.text


def test_a_code_that_was_typed(browser: Make, code: str) -> None:
    """In capitals, with spaces: it is the same code."""
    student = browser("student")
    assert student.get(f"join?code=%20{code.upper()}%20").headers["location"].endswith(f"/join/{code}")


def test_ending_a_course(browser: Make, docent: Browser, code: str, desk: Desk, fake_hub: FakeHub) -> None:
    """The file says that its last day is over; nobody joins or starts any more."""
    student = browser("student")
    student.post(f"join/{code}", f"join/{code}")
    assert student.post("courses/1/end", "courses").status_code == 403
    assert docent.post("courses/1/end", "courses/1").status_code == 303
    found = tomllib.loads((desk.settings.projects_d / f"{NAME}.toml").read_text())
    assert found["ends"] == date.today() - timedelta(1)
    assert found["members"] == ["docent", "student"], "nobody is taken out"
    assert student.post("courses/1/start", "courses").status_code == 410
    assert "has ended. Your work is kept" in student.get("courses/1").text
    assert student.get("courses/1/waiting").headers["location"] == "/services/desk/courses/1"
    late = browser("ander")
    assert late.get(f"join/{code}").status_code == 410
    assert late.post(f"join/{code}", "courses").status_code == 410
    assert "nobody starts any more" in docent.get("courses/1").text
    assert fake_hub.started == []


def test_the_teacher_sees_the_class(
    browser: Make, docent: Browser, code: str, desk: Desk, fake_queue: FakeQueue
) -> None:
    """Who has started, who waits and where, who has not; and what is left of the class's hours."""
    for name in ("anna", "bram", "cor"):
        browser(name).post(f"join/{code}", f"join/{code}")
    fake_queue.let(NAME, "anna", "bram", "cor", limit=3000, used=750)
    with desk.database.transaction() as session:
        courses.member(session, courses.by_code(session, code), Person("cor")).pressed_at = None
    fake_queue.jobs += [job(3, "anna", "RUNNING"), job(4, "bram"), {**job(5, "cor"), "account": "elsewhere"}]
    shown = docent.get("courses/1").text
    assert "Has started" in shown
    assert "Waits: number 1 of 1" in shown
    assert "Not started" in shown
    assert "3 of 3 places" in shown
    assert "37.5" in shown, "hours left of 50"
    fake_queue.associations[0]["committed"] = 150
    assert "<dd>35</dd>" in docent.get("courses/1").text, "of which what runs may still use 2.5"
    fake_queue.away = True
    fake_queue.at = 0.0
    assert "Waits: number 1 of 1" in docent.get("courses/1").text, "as it last was"


def test_slurm_has_been_away_for_long(
    browser: Make, docent: Browser, code: str, fake_queue: FakeQueue
) -> None:
    """The pages come, with the age of what they say."""
    fake_queue.at = 1795000000.0
    fake_queue.let(NAME, "docent")
    assert "This is how it was at" in docent.get("courses/1").text
    student = browser("student")
    waiting = student.post(f"join/{code}", f"join/{code}").headers["location"]
    assert "Slurm does not answer" in student.get(waiting).text


def test_the_hub_refuses_the_start(
    browser: Make, code: str, fake_hub: FakeHub, fake_queue: FakeQueue
) -> None:
    """The student reads why, and can try again."""
    student = browser("student")
    waiting = student.post(f"join/{code}", f"join/{code}").headers["location"]
    fake_queue.let(NAME, "student")
    fake_hub.refuses = (403, "The class has no GPU-hours left.")
    shown = student.get(waiting)
    assert "The class has no GPU-hours left." in shown.text
    assert "refresh" not in shown.text
    fake_hub.refuses = None
    student.post("courses/1/start", "courses/1")
    student.get(waiting)
    assert len(fake_hub.started) == 1


def test_the_hub_is_away_at_the_start(
    browser: Make, code: str, fake_hub: FakeHub, fake_queue: FakeQueue
) -> None:
    """The press is kept, and carried out when the Hub is back."""
    student = browser("student")
    waiting = student.post(f"join/{code}", f"join/{code}").headers["location"]
    fake_queue.let(NAME, "student")
    fake_hub.away = True
    shown = student.get(waiting)
    assert "The Hub does not answer at the moment" in shown.text
    assert '<meta http-equiv="refresh"' in shown.text
    fake_hub.away = False
    assert "will be in the queue in a moment" in student.get(waiting).text
    assert len(fake_hub.started) == 1


def test_a_server_that_runs_already(
    browser: Make, code: str, fake_hub: FakeHub, fake_queue: FakeQueue
) -> None:
    """Is no refusal."""
    student = browser("student")
    waiting = student.post(f"join/{code}", f"join/{code}").headers["location"]
    fake_queue.let(NAME, "student")
    fake_hub.refuses = (400, f"student:{NAME} is already running")
    assert "already running" not in student.get(waiting).text


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("title", "x", "3 to 80 characters"),
        ("notebook", "../../etc/passwd.ipynb", "ending in .ipynb"),
        ("notebook", "/etc/x.ipynb", "ending in .ipynb"),
        ("notebook", "a//b.ipynb", "ending in .ipynb"),
        ("notebook", "les.py", "ending in .ipynb"),
        ("notebook", "les.ipynb\n", "ending in .ipynb"),
        ("notebook", "les;id.ipynb", "ending in .ipynb"),
        ("capacity", "0", "1 to 500"),
        ("capacity", "501", "1 to 500"),
        ("gpu_hours", "-1", "whole number"),
        ("gpu_hours", "201", "at most 200 GPU-hours a month without asking"),
        ("ends", "2020-01-01", "not over yet"),
    ],
)
def test_a_field_that_makes_no_sense_is_said(
    docent: Browser, desk: Desk, field: str, value: str, said: str
) -> None:
    """Nothing is made of it."""
    answer = docent.post("new-course", "new-course", **{**FIVE, field: value})
    assert answer.status_code in (400, 409)
    assert said in answer.text
    assert list(desk.settings.projects_d.iterdir()) == []


def test_who_teaches(browser: Make, fake_hub: FakeHub) -> None:
    """Who is named, who is in a group that is, and an operator; nobody else makes a course."""
    fake_hub.people["groep"] = (False, ["docenten"])
    for name in ("docent", "groep", "beheer"):
        assert browser(name).get("new-course").status_code == 200
    assert browser("mkb").get("new-course").status_code == 403
    assert browser("mkb").post("new-course", "courses", **FIVE).status_code == 403


def test_another_teachers_course(browser: Make, code: str, fake_hub: FakeHub) -> None:
    """Is not seen by who is not in it, and not ended; an operator may do both."""
    fake_hub.people["ander"] = (False, ["docenten"])
    ander = browser("ander")
    assert ander.get("courses/1").status_code == 404
    assert ander.post("courses/1/end", "courses").status_code == 404
    assert browser("beheer").post("courses/1/end", "courses/1").status_code == 303


def test_courses_count_for_what_the_desk_may_give(docent: Browser, desk: Desk) -> None:
    """A thousand hours are the stream's: five courses of two hundred, and no sixth."""
    for number in range(5):
        fields = {**FIVE, "title": f"Cursus {number}", "gpu_hours": "200"}
        assert docent.post("new-course", "new-course", **fields).status_code == 303
    answer = docent.post("new-course", "new-course", **{**FIVE, "gpu_hours": "1"})
    assert answer.status_code == 409
    assert "0 GPU-hours a month left" in answer.text
    assert docent.post("new-course", "new-course", **{**FIVE, "gpu_hours": "0"}).status_code == 303


def test_ending_takes_two_steps_on_a_page_that_stays(docent: Browser, code: str) -> None:
    """The class's page loads itself anew; the one that asks whether to end it does not."""
    assert '<meta http-equiv="refresh"' in docent.get("courses/1").text
    asked = docent.get("courses/1?ending=1").text
    assert '<meta http-equiv="refresh"' not in asked
    assert "/courses/1/end" in asked
    assert "/courses/1/end" not in docent.get("courses/1").text


def test_a_lesson_that_is_no_example(docent: Browser, desk: Desk, code: str) -> None:
    """The teacher reads that not everybody has it; of an example they read nothing."""
    assert "none of the examples" in docent.get("courses/1").text
    docent.post("new-course", "new-course", **{**FIVE, "notebook": desk.settings.lessons[0]})
    assert "none of the examples" not in docent.get("courses/2").text


def test_what_went_wrong_is_said_to_who_reads_it(browser: Make, code: str) -> None:
    """A refusal leaves its reader signed in, and shows a way on."""
    shown = browser("student").get("join/abcdefgh").text
    assert '<span class="wp-who">student</span>' in shown
    assert 'href="/services/desk/courses"' in shown
    assert 'id="login"' not in shown
