"""The experts' pages in a real browser: axe-core finds nothing, and the keyboard reaches all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page
from tests.browsers import DESKTOP, TELEPHONE, chromium, screenshots, unreadable
from tests.desk.desks import listening
from tests.desk.fake_hub import FakeHub
from tests.desk.questions import ask, bundle
from tests.desk.test_inbox import file

from werkplaats_desk import signin
from werkplaats_desk.centre import hours, tickets
from werkplaats_desk.centre.models import Ticket
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person

__all__ = ["file"]
Expert = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def chromium_() -> Iterator[Chromium]:
    """Debian's Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture
def address(desk: Desk) -> Iterator[str]:
    """A desk that listens on loopback, with questions in all states: 1 is the expert's, 2 is new."""
    expert = Person("expert")
    with desk.database.transaction() as session:
        asked = (
            "The model does not fit:\n\n```python\nmodel.fit(x, y)\n```\n\nWhat do I do wrong? "
            + "And so on. " * 30
        )
        own = ask(
            session, desk.settings, subject="Model wants four features", question=asked, topic="vision",
            urgency="high", project="onderzoek", server="mkb/", job=17, restricted=True, attachments=bundle(),
        )  # fmt: skip
        subjects = ["Hoe lees ik een groot bestand?", "GPU memory is full", "Plot stays empty", "x" * 120]
        for n, subject in enumerate(subjects):
            urgency, language = ("low", "normal", "high", "normal")[n], ("nl", "en")[n % 2]
            ask(session, desk.settings, f"person-{n}", subject=subject, urgency=urgency, language=language)
        tickets.take(session, own, expert)
        tickets.write(session, desk.settings, own, "expert", "ask", "Which file? See\n```\nls\n```", "a" * 20)
        tickets.write(session, desk.settings, own, "mkb", "reply", "This one.", "b" * 20)
        for n, minutes in enumerate((30, 15)):
            hours.book(session, desk.settings, own, expert, minutes, f"key-{n:020}", date.today())
        late = session.get_one(Ticket, 3)
        late.expected_at = 1_790_000_000
    with listening(desk) as address:
        yield address


@pytest.fixture
def expert(chromium_: Chromium, address: str, desk: Desk, fake_hub: FakeHub) -> Iterator[Expert]:
    """Make a browser of an expert who is signed in."""
    made: list[BrowserContext] = []

    def make(name: str = "expert", **more: Any) -> BrowserContext:
        context = chromium_.new_context(**{"locale": "en", "viewport": DESKTOP, **more})
        kept = signin.keep(desk.database, Person(name, token=fake_hub.token(name)), "s")
        for cookie, value in ((signin.COOKIE, kept), (signin.HUB_SESSION, "s")):
            context.add_cookies([{"name": cookie, "value": value, "url": address}])
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


PAGES = {
    "inbox": "inbox", "filtered": "inbox?view=new&topic=data", "empty": "inbox?view=closed",
    "ticket": "inbox/1", "canned": "inbox/1?canned=memory&done=taken", "new": "inbox/2",
    "notebook": "inbox/1/attachments/3", "environment": "inbox/1/attachments/4", "hours": "inbox/hours",
}  # fmt: skip


@pytest.mark.parametrize(("size", "language"), [(DESKTOP, "nl"), (TELEPHONE, "en")], ids=["nl", "en"])
def test_the_pages_can_be_read(expert: Expert, address: str, size: Any, language: str) -> None:
    """With all of it open, light and dark in turn; each kept as a picture."""
    for number, (name, path) in enumerate(PAGES.items()):
        scheme: Any = ("light", "dark")[number % 2]
        page = expert(viewport=size, locale=language, color_scheme=scheme).new_page()
        answer = page.goto(address + path)
        assert answer is not None
        assert answer.status == 200, path
        assert page.locator("html").get_attribute("lang") == language
        picture = screenshots("inbox") / f"{name}-{language}.png"
        page.screenshot(path=picture, full_page=True, animations="disabled")
        assert unreadable(page) == [], path
        for one in page.locator("details").all():
            one.evaluate("(one) => { one.open = true; }")
        page.screenshot(path=picture.with_stem(f"{picture.stem}-open"), full_page=True, animations="disabled")
        assert unreadable(page) == [], f"{path}, all of it open"
        levels = page.eval_on_selector_all("h1, h2, h3, h4", "(all) => all.map((one) => +one.tagName[1])")
        steps = [later - earlier for earlier, later in itertools.pairwise(levels)]
        assert levels.count(1) == 1
        assert max(steps, default=0) <= 1, "no level of headings is passed over"


def focus_on(page: Page, label: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(150):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
        )
        if found == label:
            return
    raise AssertionError(f"Tab does not come to {label!r}")


def test_with_the_keyboard_alone(expert: Expert, address: str, desk: Desk) -> None:
    """Taken, answered, time booked, closed: with Tab, Enter and typing."""
    page = expert().new_page()
    page.goto(address + "inbox/2")
    focus_on(page, "Take this question")
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox/2?done=taken")
    assert page.get_by_role("status").inner_text() == "This question is yours now."
    focus_on(page, "What you write")
    page.keyboard.type("Read it in parts:\n```\nfor part in parts:\n```")
    focus_on(page, "Send as the answer")
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox/2?done=sent")
    assert page.locator("article code").last.inner_text() == "for part in parts:"
    focus_on(page, "30 minutes")
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox/2?done=booked")
    focus_on(page, "Close the question")
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox/2?done=closed")
    with desk.database.transaction() as session:
        found = session.get_one(Ticket, 2)
        assert (found.state, hours.of_ticket(session, found)) == ("closed", 30)


def test_without_javascript(expert: Expert, address: str) -> None:
    """Lists are narrowed, a question is taken, begun with a canned answer, sent and handed over."""
    page = expert(java_script_enabled=False).new_page()
    page.goto(address + "inbox")
    page.locator("summary").click()
    page.get_by_role("link", name="Dutch").click()
    assert page.locator("tbody tr").count() == 2
    page.get_by_role("link", name="Hoe lees ik een groot bestand?").click()
    page.get_by_role("button", name="Take this question").click()
    page.get_by_role("link", name="GPU memory is full").click()
    text = page.get_by_label("What you write")
    assert "Het geheugen van de GPU is vol" in text.input_value()
    text.fill("Lees het in stukken.")
    page.get_by_role("button", name="Ask this back").click()
    assert page.get_by_role("status").inner_text() == "Your message is sent."
    page.get_by_role("button", name="15 minutes").click()
    page.get_by_label("Hand it over to").select_option("derde")
    page.get_by_role("button", name="Hand over").click()
    assert page.get_by_role("status").inner_text() == "The question is handed over."
    assert "derde has it" in page.locator("main").inner_text()
    assert page.get_by_role("button", name="Close the question").count() == 0
    assert page.locator("img").count() == 0
    page.goto(address + "inbox/1")
    page.locator("summary", has_text="weeds.ipynb").click()
    shown = page.locator("img")
    assert shown.evaluate("(one) => one.complete && one.naturalWidth") == 1, "a picture is shown"
