"""Pages of questions in a real browser: axe-core finds nothing, and what somebody writes is not lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, Route
from tests.browsers import DESKTOP, TELEPHONE, chromium, unreadable
from tests.desk.asked import attached, key, question
from tests.desk.conftest import FakeQueue
from tests.desk.desks import listening
from tests.desk.fake_hub import FakeHub

from werkplaats_desk import signin
from werkplaats_desk.centre import asking, tickets
from werkplaats_desk.centre.drafts import Draft
from werkplaats_desk.centre.models import Ticket
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person

LONG = "x = " + "1 + " * 80 + "1"
ANSWER = f"Try this, and see https://example.eu/{'a' * 200}:\n```python\n{LONG}\n```\n{'verylong' * 40}"


@pytest.fixture(scope="module")
def chromium_() -> Iterator[Chromium]:
    """Debian's Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture
def address(desk: Desk, fake_queue: FakeQueue) -> Iterator[str]:
    """A desk that listens on loopback, in which somebody asked two things and an expert answered one."""
    fake_queue.let("onderzoek", "mkb")
    fake_queue.let("mkb-verkenning", "mkb")
    beside = [attached(LONG), attached("no notebook", "notebook", "les.ipynb"), attached("y" * 30_000, "log")]
    for files in (beside, []):
        asking.ask(desk, Person("mkb"), Draft.model_validate(question(attachments=files)))
    with desk.database.transaction() as session:
        one = session.get_one(Ticket, 1)
        tickets.take(session, one, Person("expert"))
        tickets.write(session, desk.settings, one, "expert", "answer", ANSWER, key())
    with listening(desk) as address:
        yield address


def window(
    chromium_: Chromium, address: str, desk: Desk, fake_hub: FakeHub, name: str = "mkb", **how: Any
) -> Page:
    """Return a window of somebody's who is signed in."""
    context = chromium_.new_context(**how)
    kept = signin.keep(desk.database, Person(name, token=fake_hub.token(name)), "s")
    for cookie, value in ((signin.COOKIE, kept), (signin.HUB_SESSION, "s")):
        context.add_cookies([{"name": cookie, "value": value, "url": address}])
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page


def away(route: Route) -> None:
    """Answer as the proxy does while the desk does not."""
    route.fulfill(status=503, body="<h1>Away</h1>", content_type="text/html")


@pytest.mark.parametrize(
    ("size", "language", "scheme"),
    [
        (DESKTOP, "nl", "light"),
        (DESKTOP, "nl", "dark"),
        (TELEPHONE, "en", "light"),
        (TELEPHONE, "en", "dark"),
    ],
)
def test_the_pages_can_be_read(
    chromium_: Chromium, address: str, desk: Desk, fake_hub: FakeHub, size: Any, language: str, scheme: str
) -> None:
    """Light and dark, large and small, also with code and words that are wider than a telephone."""
    how = {"viewport": size, "locale": language, "color_scheme": scheme}
    page = window(chromium_, address, desk, fake_hub, **how)
    for path in ("", "help", "help/new", "help/new?about=start", "help/1", "help/2"):
        answer = page.goto(address + path)
        assert answer is not None
        assert answer.status == 200, path
        for summary in page.locator("main summary").all():
            summary.click()
        assert page.locator("html").get_attribute("lang") == language
        assert unreadable(page) == [], path
    page.context.close()


def test_with_the_keyboard_alone(chromium_: Chromium, address: str, desk: Desk, fake_hub: FakeHub) -> None:
    """A question is written and sent without a mouse."""
    page = window(chromium_, address, desk, fake_hub, locale="en")
    page.goto(address + "help/new")
    page.locator("#main").focus()
    page.keyboard.press("Tab")
    page.keyboard.type("A question")
    page.keyboard.press("Tab")
    page.keyboard.type("What now?")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    for _stop in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('button[type=submit]')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/help/3")
    assert page.locator("h1").inner_text() == "A question"
    page.context.close()


def test_what_is_written_is_not_lost(
    chromium_: Chromium, address: str, desk: Desk, fake_hub: FakeHub
) -> None:
    """The desk is away when it is sent: who comes back finds their words, and it becomes one question."""
    page = window(chromium_, address, desk, fake_hub, locale="en")
    page.goto(address + "help/new")
    page.fill("#subject", "Written with care")
    page.fill("#question", "Three paragraphs.")
    page.select_option("#topic", "vision")
    page.locator('input[name=urgency][value="low"]').check()
    form = page.url
    page.route("**/help/new*", away)
    page.locator("main form button[type=submit]").click()
    page.get_by_text("Away").wait_for()
    assert page.url == form, "what looks again by itself comes to the form"
    page.unroute("**/help/new*")
    page.goto(form)
    assert page.input_value("#question") == "Three paragraphs."
    assert page.input_value("#topic") == "vision"
    assert page.locator('input[name=urgency][value="low"]').is_checked()
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/help/3")
    page.goto(form)
    page.wait_for_url("**/help/3")
    assert page.evaluate("Object.keys(sessionStorage).length") == 0, "the desk has it"
    page.fill("#text", "One more thing.")
    page.route("**/messages", away)
    page.locator("form[data-keep] button").click()
    page.get_by_text("Away").wait_for()
    page.unroute("**/messages")
    page.goto(page.url)
    page.wait_for_url("**/help/3")
    assert page.input_value("#text") == "One more thing."
    page.locator("form[data-keep] button").click()
    page.locator("article", has_text="One more thing.").wait_for()
    assert page.input_value("#text") == ""
    page.fill("#text", "Not sent.")
    page.locator("#logout").click()
    page.context.clear_cookies()
    page.goto(address)
    assert page.evaluate("Object.keys(sessionStorage).length") == 0, "nobody is signed in"
    page.context.close()


def test_nothing_executes(chromium_: Chromium, address: str, desk: Desk, fake_hub: FakeHub) -> None:
    """In a real browser, with what runs on its own wherever it can."""
    evil = '<img src=x onerror="document.title=1"><svg onload="document.title=2">'
    evil += "<script>document.title=3</script>"
    files = [attached(evil, "error", f"a{evil}"[:120])]
    asking.ask(desk, Person("mkb"), Draft.model_validate(question(question=evil, attachments=files)))
    page = window(chromium_, address, desk, fake_hub, locale="en")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(address + "help/3")
    page.locator("details", has_text="Show a<img").locator("summary").click()
    assert page.title().startswith("My plot stays empty")
    assert page.locator("main img, main svg, main script").count() == 0
    assert complaints == []
    with page.expect_download() as loaded:
        page.locator('a[href*="/attachments/"]').click()
    assert loaded.value.suggested_filename.startswith("a_img"), loaded.value.suggested_filename
    page.context.close()
