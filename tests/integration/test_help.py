"""A question on the real parts: from a page, and from a server; answered, read, written in, and closed."""

from __future__ import annotations

import re
import secrets
import stat
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests import browsers
from tests.browsers import DESKTOP, screenshots
from werkplaats_desk.centre import tickets
from werkplaats_desk.centre.models import Ticket
from werkplaats_desk.database import Database
from werkplaats_desk.people import Person
from werkplaats_desk.settings import Settings

from .conftest import PREFIX, Platform, until
from .test_datasets_desk import ask, start

ANSWER = "Call show() at the end:\n```python\nplt.show()\n```\nSee https://matplotlib.org/."

pytestmark = pytest.mark.usefixtures("desk_without_a_past")


@pytest.fixture
def page(browser: Browser, platform: Platform) -> Iterator[Page]:
    """A window of somebody's who is signed in at the Hub, and speaks Dutch."""
    window = browser.new_context(locale="nl", viewport=DESKTOP)  # type: ignore[arg-type]
    tab = window.new_page()
    tab.set_default_timeout(30_000)
    browsers.sign_in(tab, platform.instance.url, PREFIX + "mkb", platform.passwords["demo"])
    tab.wait_for_url("**/hub/spawn**")
    yield tab
    window.close()


def readable(page: Page, name: str) -> None:
    """Keep a picture of a page in both languages, and hold it against axe-core's rules."""
    here = page.url
    for language in ("en", "nl"):
        page.locator(f".wp-languages a[hreflang={language}]").click()
        page.locator(f"html[lang={language}]").wait_for(state="attached")
        page.screenshot(path=screenshots("help") / f"{name}-{language}.png", full_page=True)
        assert browsers.unreadable(page) == [], name
    assert page.url == here


def expert(platform: Platform, number: int, text: str) -> None:
    """Have the expert take a question, once, and answer it; the desk's database is the one between them."""
    settings = Settings.model_validate_json(platform.instance.desk_settings.read_text())
    database = Database(settings.database)
    who = Person(PREFIX + "expert")
    assert who.answers(settings)
    with database.transaction() as session:
        found = session.get_one(Ticket, number)
        tickets.take(session, found, who)
        tickets.write(session, settings, found, who.name, "answer", text, secrets.token_hex(12))
    database.engine.dispose()


def test_a_question_without_a_server(page: Page, platform: Platform) -> None:
    """From the Hub's start page to an answer with code, a reply, and the end; nothing of it needs Slurm."""
    page.locator('footer a[href$="/help/new"]').click()
    page.wait_for_url("**/services/desk/help/new?**")
    readable(page, "1-ask")
    page.fill("#subject", "Mijn grafiek blijft leeg")
    page.fill("#question", "Ik roep plot() aan, en zie niets.\n```\nplt.plot(x)\n```")
    page.select_option("#topic", "data")
    page.locator("main form button[type=submit]").click()
    page.wait_for_url(re.compile(r"/services/desk/help/\d+$"))
    number = int(page.url.rpartition("/")[2])
    assert f" {number}" in page.locator(".wp-badges").inner_text()
    assert page.locator(".wp-note time[datetime]").count() == 1, "when an answer is expected"
    readable(page, "2-sent")
    expert(platform, number, ANSWER)
    page.goto(f"{platform.instance.url}services/desk/")
    page.locator(".wp-new").wait_for()
    page.goto(f"{platform.instance.url}services/desk/help")
    page.locator("li", has_text="Mijn grafiek").locator(".wp-new").wait_for()
    readable(page, "3-list")
    page.get_by_role("link", name="Mijn grafiek blijft leeg").click()
    assert page.locator(".wp-talk-expert pre").inner_text() == "plt.show()"
    assert (
        page.locator('.wp-talk-expert a[rel~="noopener"]').get_attribute("href") == "https://matplotlib.org/"
    )
    page.fill("#text", "Dat was het, dank!")
    page.locator("form[data-keep] button").click()
    page.locator("article", has_text="Dat was het").wait_for()
    page.locator(f'form[action$="/help/{number}/closed"] button').click()
    page.locator(f'form[action$="/help/{number}/closed"]').wait_for(state="detached")
    page.locator("main details > summary").last.click()
    readable(page, "4-closed")
    page.goto(f"{platform.instance.url}services/desk/help")
    page.locator("li", has_text="Mijn grafiek").wait_for()
    assert page.locator(".wp-new").count() == 0


def test_a_question_from_a_server(platform: Platform) -> None:
    """With its own token: project and stream are those of its job, as Slurm has it; it is one question."""
    job, token = start(platform, "mkb", "mkb-verkenning")
    about = ask(platform, token, "GET", "help").json()
    assert (about["restricted"], about["offering"]) == (False, "unasked"), "as the audit has it"
    assert {"health", "data"} < {topic["name"] for topic in about["topics"]}
    given = {
        "key": secrets.token_hex(12), "subject": "An error", "question": "What is this?", "topic": "data",
        "language": "en", "job": int(job),
        "attachments": [{"kind": "error", "name": "error", "text": "NameError: \x1b[31mx"}],
    }  # fmt: skip
    made = ask(platform, token, "POST", "tickets", given)
    again = ask(platform, token, "POST", "tickets", given)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json()
    number = made.json()["number"]
    database = Database(f"sqlite:///{platform.instance.state}/desk/desk.sqlite")
    with database.transaction() as session:
        kept = session.get_one(Ticket, number)
    database.engine.dispose()
    assert (kept.stream, kept.project, kept.job) == ("regional", "mkb-verkenning", int(job))
    assert kept.server == f"{PREFIX}mkb/"
    expert(platform, number, ANSWER)
    listed = ask(platform, token, "GET", "tickets").json()
    assert [(one["state"], one["unread"]) for one in listed if one["number"] == number] == [
        ("answered", True)
    ]
    other = ask(platform, token, "GET", f"tickets/{number + 1}")
    assert (other.status_code, other.json()["reason"]) == (404, "no-ticket")
    big = {**given, "key": secrets.token_hex(12), "attachments": [
        {"kind": "file", "name": "big", "text": "x" * 8_000_000}
    ]}  # fmt: skip
    assert ask(platform, token, "POST", "tickets", big).status_code == 201
    assert ask(platform, token, "POST", f"tickets/{number}/closed", {}).json() == {"state": "closed"}


def test_what_was_sent_is_the_desks_alone(platform: Platform) -> None:
    """Nobody else on the machine reads the database, and nothing of a question stands in a log."""
    folder = platform.instance.state / "desk"
    assert stat.S_IMODE(folder.stat().st_mode) & 0o007 == 0
    until(lambda: platform.session("mkb").page("services/desk/help").status_code == 200, within=20)
    for path in platform.instance.logs.rglob("*"):
        assert not path.is_file() or b"NameError: " not in path.read_bytes(), path
