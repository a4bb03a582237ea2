"""The page that the proxy has as a file: whole by itself, in both languages, in the facility's name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.browsers import chromium

from werkplaats_hub.away_page import away_page
from werkplaats_hub.facility import read


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for this module's pages."""
    with chromium() as running:
        yield running


def test_it_says_in_both_languages_what_goes_on(facility_file: Path) -> None:
    """The facility's own language first; of the Hub, of the desk, and of a server."""
    page = away_page(read(facility_file).facility)
    dutch, english = re.findall(r'<section lang="(?:nl|en)">(.*?)</section>', page, re.DOTALL)
    for section, sentences in (
        (dutch, ("Niemand kan nu inloggen", "Het loket is nu niet te bekijken", "zijn tijd was om")),
        (english, ("Nobody can sign in", "The desk cannot be read now", "its time may be over")),
    ):
        parts = re.findall(r'<p data-of="([^"]+)" hidden>([^<]+)', section)
        assert [where for where, _ in parts] == ["/", "/services/desk", "/user/"]
        assert all(sentence in said for sentence, (_, said) in zip(sentences, parts, strict=True))
    assert page.index(dutch) < page.index(english)


def test_it_needs_nobody_else(facility_file: Path) -> None:
    """No stylesheet, script or picture is asked of a Hub that does not answer; texts are escaped."""
    look = read(facility_file).facility
    name = look.name.model_copy(update={"nl": "<b>Van & naar</b>", "en": "<b>"})
    page = away_page(look.model_copy(update={"name": name, "language": "nl"}))
    assert not re.findall(r'<link|src="|url\(', page)
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert look.primary in page


@pytest.mark.parametrize(
    ("path", "locale", "said"),
    [
        ("hub/spawn", "en", "Nobody can sign in, start a server or stop one now."),
        ("services/desk/apply", "nl", "Het loket is nu niet te bekijken"),
        ("user/mkb/lab", "en-GB", "its time may be over"),
        ("", "de", "Niemand kan nu inloggen"),
    ],
)
def test_a_browser_shows_the_readers_language_and_what_concerns_them(
    browser: Browser, facility_file: Path, path: str, locale: str, said: str
) -> None:
    """One language and one part of it; who reads neither language gets the facility's own."""
    html = away_page(read(facility_file).facility)
    page = opened(browser, html, path, locale=locale)
    assert page.locator("[data-of]:visible").count() == 1
    assert page.get_attribute("html", "lang") == ("en" if locale.startswith("en") else "nl")
    assert page.locator("h1:visible").count() == 1
    shown = page.inner_text("main")
    assert said in shown
    assert not re.search("^Servers", shown, re.MULTILINE), "that is for who has no script"


def test_without_a_script_it_says_what_is_so_of_every_part(browser: Browser, facility_file: Path) -> None:
    """In both languages; not that nobody can sign in, which may not be so."""
    html = away_page(read(facility_file).facility)
    page = opened(browser, html, "services/desk/", java_script_enabled=False)
    assert page.locator("[data-of]:visible").count() == 0
    shown = page.inner_text("main")
    assert "Servers die draaien, draaien door" in shown
    assert "Servers that run go on" in shown
    assert "Nobody" not in shown


def opened(browser: Browser, html: str, path: str, **more: Any) -> Page:
    """Open a page of the platform while the proxy reads out the file."""
    page = browser.new_context(**more).new_page()
    page.route("**/*", lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
    page.goto(f"http://werkplaats.test/{path}")
    return page
