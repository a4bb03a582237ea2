"""The page that the proxy has as a file: whole by itself, in both languages, in the facility's name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.browsers import chromium

from werkplaats_hub.away_page import away_page
from werkplaats_hub.facility import read


def test_it_says_in_both_languages_what_goes_on(facility_file: Path) -> None:
    """The facility's own language first; of the Hub, of the desk, and of a server."""
    page = away_page(read(facility_file).facility)
    dutch, english = re.findall(r'<section lang="(?:nl|en)">(.*?)</section>', page, re.DOTALL)
    for section, sentences in (
        (dutch, ("Niemand kan nu inloggen", "Het loket is nu niet te bekijken", "zijn tijd was om")),
        (english, ("Nobody can sign in", "The desk cannot be read now", "its time may be over")),
    ):
        parts = re.findall(r'<p data-of="([^"]+)">([^<]+)', section)
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
    facility_file: Path, path: str, locale: str, said: str
) -> None:
    """One language and one part of it; who reads neither language gets the facility's own."""
    html = away_page(read(facility_file).facility)
    with chromium() as browser:
        page = browser.new_context(locale=locale).new_page()
        page.route("**/*", lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
        page.goto(f"http://werkplaats.test/{path}")
        shown = page.inner_text("main")
        assert page.locator("[data-of]:visible").count() == 1
        assert page.get_attribute("html", "lang") == ("en" if locale.startswith("en") else "nl")
    assert said in shown
