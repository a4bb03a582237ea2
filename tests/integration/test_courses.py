"""A class on a real machine: in a browser from form to lesson, thirty at once, and what goes wrong."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import TimeoutError as TooLate

from tests.browsers import screenshots

from .browserless import Session
from .conftest import PREFIX, Platform, until
from .desks import DESK, LATER, LESSON, make_course, send

pytestmark = pytest.mark.usefixtures("idle", "desk_without_a_past")

NL, EN = {"Accept-Language": "nl"}, {"Accept-Language": "en"}


#: What a student presses and reads, by language.
WORDS = {
    "nl": {"in": "Inloggen", "start": "Start de les", "queued": "De les opent vanzelf"},
    "en": {"in": "Sign in", "start": "Start the lesson", "queued": "The lesson opens by itself"},
}


@dataclass
class Window:
    """Somebody's browser, which keeps what they saw."""

    page: Page
    folder: Path
    language: str
    password: str
    url: str

    def keep(self, name: str) -> None:
        """Keep a screenshot."""
        self.page.screenshot(path=self.folder / f"course-{name}-{self.language}.png", full_page=True)

    def sign_in(self, who: str) -> None:
        """Fill in the form that stands there."""
        self.page.fill('input[name="username"]', who)
        self.page.fill('input[name="password"]', self.password)
        self.press(WORDS[self.language]["in"])

    def press(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).click()


@pytest.fixture
def window(browser: Browser, platform: Platform) -> Iterator[Callable[[str], Window]]:
    """Open a window of its own for somebody who reads a language."""
    opened: list[BrowserContext] = []

    def of(language: str) -> Window:
        context = browser.new_context(locale=language, viewport={"width": 1280, "height": 800})
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        return Window(page, screenshots("walks"), language, platform.passwords["demo"], platform.instance.url)

    yield of
    for number, context in enumerate(opened):
        context.pages[0].screenshot(path=screenshots() / f"last-course-{number}.png")  # where it stopped
        context.close()
    platform.stop_everything()


def make_by_hand(docent: Window) -> str:
    """Sign in as the teacher, fill in five fields; return the link that the page shows."""
    docent.page.goto(docent.url + DESK + "new-course")
    docent.sign_in(PREFIX + "docent")
    docent.page.wait_for_url("**/new-course")
    docent.page.get_by_label("Hoe heet").fill("AI in de praktijk")
    assert docent.page.get_by_label("Welke les").input_value() == LESSON
    docent.page.get_by_label("Hoeveel deelnemers").fill("2")
    docent.page.locator("#ends").fill(LATER.isoformat())
    docent.page.get_by_label("GPU-uren").fill("20")
    assert docent.page.locator("main input:visible").count() == 5
    docent.keep("1-five-fields")
    docent.press("Maak de cursus")
    docent.page.wait_for_url(re.compile(r"/courses/\d+$"))
    docent.keep("2-the-link")
    return str(docent.page.locator(".wp-panel a").get_attribute("href"))


def join_by_hand(student: Window, who: str, link: str) -> None:
    """Follow the link, sign in, press the one button; stand in the queue."""
    words = WORDS[student.language]
    student.page.goto(link)
    student.keep("3-sign-in")
    student.sign_in(who)
    student.page.wait_for_url(link)
    expect(student.page.locator("html")).to_have_attribute("lang", student.language)
    student.keep("4-one-button")
    student.press(words["start"])
    student.page.wait_for_url("**/waiting")
    student.keep("5-made-ready")
    expect(student.page.get_by_text(words["queued"])).to_be_visible(timeout=60_000)
    student.keep("6-the-queue")


def in_the_lesson(student: Window, platform: Platform) -> None:
    """Wait for Lab, with the lesson open in it."""
    student.page.wait_for_url(re.compile(r"/user/[^/]+/[^/]+/lab"), timeout=90_000)
    # The address itself changes with what was open in Lab before.
    expect(student.page.get_by_role("heading", name="Je eerste stappen")).to_be_visible(timeout=60_000)
    expect(student.page.locator(".jp-Spinner")).to_have_count(0)
    ready = '.jp-Notebook-ExecutionIndicator[data-status="idle"]:visible'
    expect(student.page.locator(ready).first).to_be_visible(timeout=60_000)
    student.keep("8-the-lesson")


def write(student: Window, text: str, path: Path) -> None:
    """Write into the lesson, run it, and save it: class, time left and budget are printed."""
    cell = student.page.locator(".jp-Notebook .jp-CodeCell:visible").first
    cell.locator(".cm-content").click()
    student.page.keyboard.press("Control+Home")
    student.page.keyboard.type(f"from werkplaats_widgets import quota  # {text}\nprint(quota())\n")
    printed = cell.locator(".jp-OutputArea-output")
    for _try in range(6):  # Lab drops what is run before its own connection to the kernel stands
        student.page.keyboard.press("Control+Enter")
        with contextlib.suppress(TooLate):
            printed.first.wait_for(timeout=8000)
            break
    expect(printed.first).to_contain_text("'AI in de praktijk' heeft nog")
    expect(printed.first).to_contain_text("Deze server stopt om")
    student.page.keyboard.press("Control+s")
    until(lambda: text in path.read_text(), within=20)
    student.keep("8-what-is-left")


def test_from_five_fields_to_the_lesson_and_its_end(
    window: Callable[[str], Window], platform: Platform
) -> None:
    """A teacher, a student who reads Dutch, and one who reads English, each before a browser of their own."""
    docent, dutch, english = window("nl"), window("nl"), window("en")
    link = make_by_hand(docent)
    project = f"ai-in-de-praktijk-c{docent.page.url.rpartition('/')[2]}"
    gpus = ",".join(node.name for node in platform.up.nodes if node.gpus)
    with platform.taken(nodes=gpus):
        join_by_hand(dutch, PREFIX + "student", link)
        join_by_hand(english, PREFIX + "mkb", link)
        expect(english.page.get_by_text("You are number 2 of 2 in the queue")).to_be_visible()
        expect(docent.page.get_by_text("Wacht: nummer 2 van 2")).to_be_visible(timeout=60_000)
        docent.keep("7-the-class-waits")
    in_the_lesson(dutch, platform)
    in_the_lesson(english, platform)
    work = platform.instance.homes / f"{PREFIX}student" / LESSON
    write(dutch, "mijn eigen werk", work)
    until(lambda: docent.page.locator("td", has_text="Is begonnen").count() == 2, within=60)
    # Of twenty, each of two servers may still use two: its one GPU for two hours.
    assert "16" in docent.page.locator(".wp-meter dd").first.inner_text()
    docent.keep("9-the-class-works")

    docent.page.get_by_role("link", name="Beëindig de cursus").click()
    docent.keep("10-about-to-end")
    docent.press("Beëindig de cursus nu")
    expect(docent.page.locator(".wp-note")).to_contain_text("is afgelopen")
    docent.keep("11-ended")
    for student in (dutch, english):
        student.page.goto(link)
        student.keep("12-the-link-afterwards")
        student.page.goto(f"{student.url}{DESK}courses")
        student.page.locator(".wp-links a").first.click()
        expect(student.page.locator("main button")).to_have_count(0)
        student.keep("13-the-class-afterwards")
    student_api = platform.session("student")
    student_api.stop(project)
    assert student_api.start({"project": project}, project).status == 403
    assert "mijn eigen werk" in work.read_text()
    work.unlink()


REFRESH = 'http-equiv="refresh"'
AT_THE_SERVER = re.compile(r"/hub/spawn-pending/|/user/")
#: A class of thirty places, and those who come for them; some sign in while the Hub is away.
PLACES, EARLY, LATE = 30, 24, 8
FULL = "full"
#: So many of them have room at once; the others wait in Slurm's queue.
ROOM = 8
ALL_STAND = {"RUNNING": ROOM, "PENDING": PLACES - ROOM}


@dataclass
class Student:
    """Somebody with a browser that does what the pages tell it, and what each page said."""

    platform: Platform
    name: str
    code: str
    seen: list[str] = field(default_factory=list)

    def attend(self, over: threading.Event) -> None:
        """Sign in, follow the link, press the button, and look at the page until the server is there."""
        session = self.sign_in()
        session.http.headers.update(EN)
        answer = send(session, f"join/{self.code}", f"join/{self.code}")
        if answer.status_code == 409:
            self.seen.append(FULL if "Ask your teacher" in answer.text else answer.text)
            return
        assert answer.status_code == 303, answer.text
        page = answer.headers["location"].removeprefix("/")
        while not over.is_set() and self.seen[-1:] != ["server 200"]:
            self.seen.append(said(session.page(page)))
            over.wait(3)

    def sign_in(self) -> Session:
        """Sign in; while the Hub is away do as its page says, and try again."""
        while self.name not in self.platform.sessions:
            link = requests.get(f"{self.platform.instance.url}{DESK}join/{self.code}", headers=EN, timeout=30)
            if link.ok:
                url, password = self.platform.instance.url, self.platform.passwords["demo"]
                self.platform.sessions[self.name] = Session(url, self.name, password)
            else:
                self.seen.append(said(link))
                time.sleep(1)
        return self.platform.sessions[self.name]

    @property
    def placed(self) -> bool:
        """Whether the last page that they saw is their place in the queue, or their server."""
        return bool(self.seen) and self.seen[-1].startswith(("place ", "server 200", FULL))


def said(answer: requests.Response) -> str:
    """Return in a word or two what a page tells who waits; ``STUCK`` where it leaves them alone."""
    if AT_THE_SERVER.search(urlsplit(answer.url).path):
        return f"server {answer.status_code}"
    if REFRESH not in answer.text:
        return f"STUCK {answer.status_code} {answer.url}: {answer.text[-300:]}"
    if found := re.search(r"number (\d+) of (\d+) in the queue", answer.text):
        return f"place {found[1]} of {found[2]}"
    message = re.search(r'class="wp-(?:message|error)"[^>]*>([^<]+)', answer.text)
    return message[1] if message else "?"


@pytest.mark.timeout(600)
def test_thirty_press_start_while_the_hub_restarts(platform: Platform) -> None:
    """Each sees a place or their server; nobody is lost, has two jobs, or is left with an error.

    Two more than there are places come for them.
    """
    page, code = make_course(platform, "Dertig", PLACES)
    project = f"dertig-c{page.rpartition('/')[2]}"
    early = [Student(platform, f"{PREFIX}les{number}", code) for number in range(EARLY)]
    late = [Student(platform, f"{PREFIX}laat{number}", code) for number in range(LATE)]
    everybody, over = [*early, *late], threading.Event()
    node = platform.up.nodes[-1]
    with (
        platform.taken(nodes=node.name, corecnt=node.cpus - ROOM * 2),
        ThreadPoolExecutor(EARLY + LATE) as pool,
    ):
        list(pool.map(Student.sign_in, early))
        began = time.monotonic()
        at_work = [pool.submit(student.attend, over) for student in early]
        try:
            until(lambda: len(jobs(platform, project)) > ROOM, within=120)
            platform.supervisor.stop("hub")
            seconds = [time.monotonic() - began]
            submitted = len(jobs(platform, project))
            at_work += [pool.submit(student.attend, over) for student in late]
            platform.supervisor.start("hub")
            platform.wait_for_hub()
            seconds.append(time.monotonic() - began)
            until(
                lambda: states(platform, project) == {"RUNNING": ROOM, "PENDING": PLACES - ROOM}, within=180
            )
            until(lambda: all(student.placed for student in everybody), within=90)
            seconds.append(time.monotonic() - began)
            found = jobs(platform, project)
            servers = {s.name: platform.sessions[s.name].server(project) for s in everybody}
        finally:
            over.set()
            leave(platform, project, everybody)
        for one in at_work:
            one.result()
    print(f"{submitted} jobs; the Hub stops, is back, all stand: {[round(one) for one in seconds]} s")
    print(Counter(re.sub(r"\d+ of \d+", "N of M", page) for s in everybody for page in s.seen))
    pages = Counter(page for student in everybody for page in student.seen)
    assert [page for page in pages if page.startswith(("STUCK", "server 4", "server 500"))] == []
    taken_in = [student.name for student in everybody if student.seen[-1] != FULL]
    assert len(taken_in) == PLACES, "who came too late reads that the class is full"
    assert Counter(user for user, _state in found) == Counter(taken_in)
    known = [name for name, server in servers.items() if server.get("ready") or server.get("pending")]
    assert sorted(known) == sorted(taken_in), "the Hub knows each job as somebody's server"


def leave(platform: Platform, account: str, students: list[Student]) -> None:
    """End what an account runs; the Hub notices, and thirty are not stopped one by one."""
    platform.run("scancel", f"--account={account}")
    for student in students:
        platform.sessions.pop(student.name, None)
    platform.wait_until_idle()


def jobs(platform: Platform, account: str) -> list[tuple[str, str]]:
    """Return whose jobs an account has in Slurm's queue, and their states."""
    words = platform.run("squeue", "-h", "-A", account, "-t", "PD,CF,R", "-o", "%u %T").split()
    return list(zip(words[::2], words[1::2], strict=True))


def states(platform: Platform, account: str) -> Counter[str]:
    """Return how many of an account's jobs are in each state."""
    return Counter(state for _user, state in jobs(platform, account))


def test_a_code_that_is_wrong_a_course_that_is_full_and_one_that_has_ended(platform: Platform) -> None:
    """Each is a sentence that says what to do, in both languages, for somebody who stays signed in."""
    page, code = make_course(platform, "Vol", 1)
    student, mkb = platform.session("student"), platform.session("mkb")
    reads(student.page(f"{DESK}join/zzzzzzzz", headers=NL), 404, "Vraag de code na bij je docent")
    reads(student.page(f"{DESK}join/zzzzzzzz", headers=EN), 404, "Check it with your teacher")
    assert send(mkb, f"join/{code}", f"join/{code}").status_code == 303
    for headers, sentence in ((NL, "Vraag het je docent"), (EN, "Ask your teacher")):
        reads(send(student, f"join/{code}", f"join/{code}", headers=headers), 409, sentence)
    assert send(platform.session("docent"), page, f"{page}/end").status_code == 303
    for headers, sentence in ((NL, "Vraag je docent om de link"), (EN, "ask your teacher for its link")):
        reads(mkb.page(f"{DESK}join/{code}", headers=headers), 410, sentence)
        answer = send(mkb, "courses", f"join/{code}", headers=headers)
        reads(answer, 410, "Vraag je docent" if headers is NL else "Ask your teacher")


def reads(answer: requests.Response, status: int, sentence: str) -> None:
    """Hold an answer to what its reader is told, and to a way on."""
    assert answer.status_code == status
    assert sentence in answer.text
    assert 'class="wp-who"' in answer.text, "still signed in"
    assert 'href="/hub/home"' in answer.text


def test_a_lesson_that_nobody_has(platform: Platform, window: Callable[[str], Window]) -> None:
    """The teacher reads it when the course is made; a student whose server is there reads what to do."""
    docent = platform.session("docent")
    given = {
        "title": "Zonder les",
        "notebook": "les/er-niet.ipynb",
        "capacity": 1,
        "ends": LATER,
        "gpu_hours": 0,
    }
    page = send(docent, "new-course", "new-course", **given).headers["location"].removeprefix(f"/{DESK}")
    assert "hoort niet bij de voorbeelden" in docent.page(DESK + page, headers=NL).text
    code = re.search(r'class="wp-code">(\w+)<', docent.page(DESK + page).text)
    assert code
    student = window("nl")
    student.page.goto(f"{student.url}{DESK}join/{code[1]}")
    student.sign_in(PREFIX + "student")
    student.press("Start de les")
    student.page.wait_for_url("**/werkplaats/lesson", timeout=90_000)
    expect(student.page.get_by_role("alert")).to_contain_text("les/er-niet.ipynb")
    expect(student.page.locator("main")).to_contain_text("Vertel het je docent")
    student.keep("14-no-lesson")
    home = platform.instance.homes / f"{PREFIX}student"
    platform.run("mkdir", "-p", f"{home}/les", user=f"{PREFIX}student")
    platform.run("cp", f"{home}/{LESSON}", f"{home}/les/er-niet.ipynb", user=f"{PREFIX}student")
    student.page.reload()
    student.page.wait_for_selector(".jp-Notebook .jp-Cell:visible", timeout=60_000)
    (home / "les/er-niet.ipynb").unlink()


def test_a_class_is_its_teachers_alone(platform: Platform) -> None:
    """Another teacher neither sees nor ends it; a student has no page of a teacher's."""

    def another_teacher(raw: dict[str, Any]) -> None:
        raw["desk"]["teachers"].append(f"{PREFIX}onderzoeker")

    page, code = make_course(platform, "Van docent", 1)
    with platform.other_facility(another_teacher):
        other = platform.session("onderzoeker")
        until(lambda: other.page(f"{DESK}new-course").status_code == 200, within=10)
        assert other.page(DESK + page).status_code == 404
        assert send(other, "new-course", f"{page}/end").status_code == 404
        assert "Van docent" not in other.page(f"{DESK}courses").text
    student = platform.session("student")
    assert student.page(f"{DESK}new-course").status_code == 403
    assert send(student, f"join/{code}", f"join/{code}").status_code == 303
    assert code not in student.page(DESK + page).text
    assert send(student, "courses", f"{page}/end").status_code == 403
    assert f"{page}/end" not in student.page(f"{DESK}{page}?ending=1").text
    assert "has ended" not in platform.session("docent").page(DESK + page, headers=EN).text
