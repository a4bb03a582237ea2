"""Pages that everybody can read: axe-core finds nothing, and a telephone need not be scrolled sideways."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests import browsers
from tests.browsers import DESKTOP, TELEPHONE, screenshots

from .conftest import PREFIX, Platform

WHO = PREFIX + "student"


@pytest.fixture(params=["nl", "en"])
def language(request: pytest.FixtureRequest) -> str:
    """The reader's language."""
    return str(request.param)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    """What the reader's machine asks for."""
    return str(request.param)


@pytest.fixture(params=[DESKTOP, TELEPHONE], ids=["desktop", "telephone"])
def page(
    request: pytest.FixtureRequest, browser: Browser, platform: Platform, language: str, scheme: str
) -> Iterator[Page]:
    """A window of that size, in that language and those colours."""
    window = browser.new_context(locale=language, color_scheme=scheme, viewport=request.param)
    tab = window.new_page()
    tab.set_default_timeout(30_000)
    yield tab
    window.close()


def readable(page: Page, name: str) -> None:
    """Keep a picture of a page, and hold it against axe-core's rules and its width against the window's."""
    page.screenshot(path=screenshots("accessible") / f"{name}.png", full_page=True)
    assert browsers.unreadable(page) == [], name


def sign_in(page: Page, platform: Platform, who: str = WHO, kind: str = "demo") -> None:
    """Sign somebody in; they stand before the start page."""
    browsers.sign_in(page, platform.instance.url, who, platform.passwords[kind])
    page.wait_for_url("**/hub/spawn**")


def test_the_hubs_pages(page: Page, platform: Platform, language: str, scheme: str) -> None:
    """From the log-in to what is not there, by mouse, keyboard or screen reader."""
    size = page.viewport_size["width"] if page.viewport_size else 0
    mark = f"{language}-{scheme}-{size}"
    page.goto(platform.instance.url)
    readable(page, f"login-{mark}")
    sign_in(page, platform)
    page.wait_for_url("**/hub/spawn**")
    readable(page, f"start-{mark}")
    page.locator("summary").first.click()
    readable(page, f"start-more-{mark}")
    for name in ("home", "token", "nothing-here"):
        page.goto(platform.instance.url + f"hub/{name}")
        readable(page, f"{name}-{mark}")


def test_an_access_key_is_made_shown_once_and_taken_back(page: Page, platform: Platform) -> None:
    """As a person does it, on our own page of keys."""
    sign_in(page, platform)
    page.goto(platform.instance.url + "hub/token")
    before = page.locator(".token-row").count()
    page.fill("#token-note", "back-up")
    page.locator("#request-token-form button[type=submit]").click()
    page.locator("#token-area").wait_for()
    assert len(page.locator("#token-result").inner_text()) >= 32
    page.reload()
    assert page.locator(".token-row").count() == before + 1
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator(".token-row", has_text="back-up").get_by_role("button").click()
    page.locator(".token-row", has_text="back-up").wait_for(state="detached")


def test_who_runs_the_place_sees_and_stops_what_runs(browser: Browser, platform: Platform) -> None:
    """On a page of their own, in both languages, light and dark, also on a telephone; nobody else has it."""
    student = platform.session("student")
    student.start()
    student.wait_ready()
    assert student.page("hub/servers").status_code == 403
    page = browser.new_context(locale="nl", viewport=DESKTOP).new_page()  # type: ignore[arg-type]
    sign_in(page, platform, PREFIX + "beheer", "admin")
    for language, scheme, size in itertools.product(("nl", "en"), ("light", "dark"), (DESKTOP, TELEPHONE)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.goto(f"{platform.instance.url}hub/language/{language}?next=/hub/servers")
        readable(page, f"servers-{language}-{scheme}-{size['width']}")
    page.once("dialog", lambda dialog: dialog.accept())
    row = page.locator("tr", has_text=student.name)
    row.get_by_role("button", name="Stop").click()
    student.wait_gone()
    row.wait_for(state="detached")
    page.context.close()


def test_a_newcomer_needs_no_mouse(page: Page, platform: Platform) -> None:
    """From the log-in to the start button with the tabulator alone, and each stop is seen."""
    sign_in(page, platform)
    page.wait_for_url("**/hub/spawn**")
    for _stop in range(20):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "document.activeElement.matches('#spawn_form button[type=submit], button[form=spawn_form]')"
        )
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", page.evaluate("document.activeElement.outerHTML")
        if focused:
            return
    raise AssertionError("the start button is not within twenty stops")


def test_the_desks_pages(page: Page, platform: Platform, language: str, scheme: str) -> None:
    """The public account before anybody signs in; then asking for more, and a course."""
    size = page.viewport_size["width"] if page.viewport_size else 0
    mark = f"{language}-{scheme}-{size}"
    desk = platform.instance.url + "services/desk/"
    page.goto(desk + "allocation")
    readable(page, f"desk-allocation-{mark}")
    sign_in(page, platform, PREFIX + "docent")
    own = ("datasets", "history", "provenance", "help", "help/new")
    for name in ("", "apply", "applications", "courses", "new-course", "join", *own):
        page.goto(desk + name)
        readable(page, f"desk-{name.replace('/', '-') or 'home'}-{mark}")
