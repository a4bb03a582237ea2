"""The queue of a class: a place from the press on, whatever the Hub does meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.desk.conftest import Browser, FakeQueue
from tests.desk.fake_hub import FakeHub
from tests.desk.test_courses import NAME, Make, code, docent, job

from werkplaats_desk import courses
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person

__all__ = ["code", "docent"]  # fixtures


def test_a_place_from_the_press_on(
    browser: Make, docent: Browser, code: str, desk: Desk, fake_hub: FakeHub, fake_queue: FakeQueue
) -> None:
    """Who pressed and is not in Slurm's queue yet stands behind those who are, in the order of presses."""
    students = [browser(f"s{number}") for number in range(3)]
    pages = [student.post(f"join/{code}", f"join/{code}").headers["location"] for student in students]
    with desk.database.transaction() as session:
        for number, moment in ((0, 3), (1, 2), (2, 1)):
            place = courses.member(session, courses.by_code(session, code), Person(f"s{number}"))
            place.pressed_at = courses.now() - moment
    assert students[0].post("courses/1/start", "courses/1").status_code == 303, "presses once more"
    shown = [student.get(page).text for student, page in zip(students, pages, strict=True)]
    for place, text in enumerate(shown, start=1):
        assert f"You are number {place} of 3 in the queue of your class." in text
    assert "Waits: number 3 of 3" in docent.get("courses/1").text
    fake_hub.away = True
    fake_queue.let(NAME, "s0", "s1", "s2")
    for place, (student, page) in enumerate(zip(students, pages, strict=True), start=1):
        shown_now = student.get(page).text
        assert f"You are number {place} of 3 in the queue of your class." in shown_now, (
            "the press keeps its turn"
        )
        assert "The Hub does not answer" in shown_now
    fake_hub.away = False
    fake_queue.jobs += [job(7, "s2")]
    assert "You are number 1 of 3" in students[2].get(pages[2]).text
    assert "You are number 2 of 3" in students[0].get(pages[0]).text


def test_the_hub_is_away_when_it_is_their_turn(
    browser: Make, code: str, fake_hub: FakeHub, fake_queue: FakeQueue
) -> None:
    """The page says that their server is there, and goes on to it when the Hub is back: no dead end."""
    student = browser("student")
    waiting = student.post(f"join/{code}", f"join/{code}").headers["location"]
    fake_queue.let(NAME, "student")
    fake_queue.jobs += [job(7, "student", "RUNNING")]
    fake_hub.away = True
    shown = student.get(waiting)
    assert shown.status_code == 200
    assert "your server is there" in shown.text
    assert '<meta http-equiv="refresh"' in shown.text
    fake_hub.away = False
    assert student.get(waiting).headers["location"] == f"/hub/spawn-pending/student/{NAME}"


def test_the_hub_took_a_press_and_ended_before_it_said_so(
    browser: Make, docent: Browser, code: str, fake_hub: FakeHub, fake_queue: FakeQueue
) -> None:
    """The job in the queue is what they pressed for: when it is over, nothing starts by itself."""
    student = browser("student")
    waiting = student.post(f"join/{code}", f"join/{code}").headers["location"]
    fake_queue.let(NAME, "student")
    fake_hub.away = True
    student.get(waiting)
    fake_hub.away = False
    fake_queue.jobs += [job(7, "student")]
    assert "The lesson opens by itself" in student.get(waiting).text
    fake_queue.jobs.clear()
    assert student.get(waiting).headers["location"].endswith("/courses/1")
    assert "Not started" in docent.get("courses/1").text
    assert fake_hub.started == []


def test_the_hub_took_a_press_and_lost_it(
    browser: Make, code: str, desk: Desk, fake_hub: FakeHub, fake_queue: FakeQueue
) -> None:
    """Only a job shows that something came of a press: without one the Hub is asked again, not at once."""
    student = browser("student")
    waiting = student.post(f"join/{code}", f"join/{code}").headers["location"]
    fake_queue.let(NAME, "student")
    for _look in range(3):
        assert "will be in the queue in a moment" in student.get(waiting).text
    assert len(fake_hub.started) == 1
    with desk.database.transaction() as session:
        place = courses.member(session, courses.by_code(session, code), Person("student"))
        place.started_at = courses.now() - courses.ASKED_AGAIN
    student.get(waiting)
    assert len(fake_hub.started) == 2


def test_a_server_that_ended_at_once_is_not_asked_for_again(
    browser: Make, code: str, fake_queue: FakeQueue
) -> None:
    """A job that began after the press came of it, also when nobody saw it run; an older one did not."""
    student = browser("student")
    waiting = student.post(f"join/{code}", f"join/{code}").headers["location"]
    fake_queue.let(NAME, "student")

    def began(ago: int) -> dict[str, object]:
        start = datetime.now() - timedelta(seconds=ago)
        return {**job(7, "student", "FAILED"), "start": start.isoformat(timespec="seconds")}

    fake_queue.jobs = [began(60), {**job(8, "student", "CANCELLED"), "start": "N/A"}]
    assert "in the queue" in student.get(waiting).text
    fake_queue.jobs = [began(-1)]
    assert student.get(waiting).headers["location"].endswith("/courses/1")


def test_a_refused_start_is_nobody_in_the_queue(
    browser: Make, docent: Browser, code: str, fake_hub: FakeHub, fake_queue: FakeQueue
) -> None:
    """Neither the teacher nor the student sees a place for what the Hub did not take."""
    student = browser("student")
    waiting = student.post(f"join/{code}", f"join/{code}").headers["location"]
    fake_queue.let(NAME, "student")
    fake_hub.refuses = (403, "The class has no GPU-hours left.")
    student.get(waiting)
    assert "Not started" in docent.get("courses/1").text
    assert student.get(waiting).headers["location"].endswith("/courses/1")
