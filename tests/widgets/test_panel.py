"""The panel at the side of a real Lab: once by itself, from the launcher, its kernel ends with it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browsers import OURS, chromium, notebook_of, run_all, screenshots, unreadable
from tests.browsers import WORDS as MENU
from tests.widgets import labs
from tests.widgets.fakes import Platform, running

WORDS = {
    "nl": {"data": "Gegevens", "use": "Gebruik deze dataset", "out": "Ontkoppel"},
    "en": {"data": "Data", "use": "Use this dataset", "out": "Unmount"},
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium."""
    with chromium() as found:
        yield found


def open_lab(browser: Browser, url: str, width: int = 1280) -> tuple[Page, list[str]]:
    """Open Lab in a window of its own, and keep what its console says."""
    page, messages = browser.new_context(viewport={"width": width, "height": 800}).new_page(), list[str]()
    page.set_default_timeout(30_000)
    page.on("console", lambda said: messages.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(url + "lab")
    page.wait_for_selector(".jp-LauncherCard", timeout=60_000)
    return page, messages


def no_session(url: str) -> bool:
    """Return whether, soon, nothing runs any more."""
    late = time.monotonic() + 10
    while labs.running(url) and time.monotonic() < late:
        time.sleep(0.1)
    return not labs.running(url)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_who_has_never_run_a_cell(tmp_path: Path, browser: Browser, language: str) -> None:
    """It is there at the first opening; one press mounts; it is gone with the page, and waits at the next."""
    words, platform = WORDS[language], Platform()
    with (
        running(tmp_path, platform) as environment,
        labs.lab(tmp_path / "home", environment, language, dark=language == "en") as url,
    ):
        page, messages = open_lab(browser, url)
        panel = page.locator("#wp-data-panel")
        expect(panel.locator(".wp-data-card")).to_have_count(3, timeout=60_000)
        panel.get_by_role("button", name=words["use"]).first.click()
        expect(panel).to_contain_text("/data/vehicles")
        page.screenshot(path=screenshots("datasets") / f"panel-{language}.png")
        assert unreadable(page, "#wp-data-panel") == []
        panel.get_by_role("button", name=words["out"]).first.click()
        expect(panel.get_by_role("button", name=words["use"])).to_have_count(1)
        assert [(found["name"], found["type"]) for found in labs.running(url)] == [
            (words["data"], "werkplaats")
        ]
        page.context.close()
        assert no_session(url)
        assert labs.errors(messages) == []

        page, messages = open_lab(browser, url, width=1100)
        panel = page.locator("#wp-data-panel")
        if panel.is_visible():  # Lab put it back, as it was left
            page.get_by_role("tab", name=words["data"]).first.click()
        expect(panel).to_be_hidden()
        page.locator(".jp-LauncherCard", has_text=words["data"]).click()
        expect(panel.locator(".wp-data-card")).to_have_count(3, timeout=60_000)
        page.context.close()
        assert labs.errors(messages) == []


def test_a_kernel_that_is_taken_away(tmp_path: Path, browser: Browser) -> None:
    """It is said, with a button that starts another; without the platform the panel says that."""
    with running(tmp_path, Platform()) as environment, labs.lab(tmp_path / "home", environment, "nl") as url:
        page, _messages = open_lab(browser, url)
        panel = page.locator("#wp-data-panel")
        expect(panel.locator(".wp-data-card")).to_have_count(3, timeout=60_000)
        (session,) = labs.running(url)
        page.evaluate(
            """async id => {
                const token = document.cookie.match(/_xsrf=([^;]+)/)[1];
                const headers = { 'X-XSRFToken': token };
                await fetch(`/api/sessions/${id}`, { method: 'DELETE', headers });
            }""",
            session["id"],
        )
        expect(panel.get_by_role("status").first).to_contain_text("nu niet te zien", timeout=30_000)
        page.screenshot(path=screenshots("datasets") / "panel-stopped.png")
        panel.get_by_role("button", name="Probeer het opnieuw").click()
        expect(panel.locator(".wp-data-card")).to_have_count(3, timeout=60_000)
        page.context.close()


def test_a_narrow_window_is_left_alone(tmp_path: Path, browser: Browser) -> None:
    """There the panel would hide what somebody came for: it waits until it is asked for."""
    with running(tmp_path, Platform()) as environment, labs.lab(tmp_path / "home", environment, "nl") as url:
        page, _messages = open_lab(browser, url, width=390)
        page.wait_for_timeout(1500)
        assert labs.running(url) == []
        page.context.close()


def test_the_same_in_a_cell(tmp_path: Path, browser: Browser) -> None:
    """`datasets()` and `provenance()` in a notebook of Lab's, as anywidget shows them."""
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    cell = "from werkplaats_widgets import datasets, provenance\ndisplay(provenance())\ndatasets()"
    (home / "work/try.ipynb").write_text(json.dumps(notebook_of(cell)))
    with running(tmp_path, Platform()) as environment, labs.lab(home, environment, "nl") as url:
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(url + "lab/tree/try.ipynb")
        idle = page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        expect(idle).to_be_visible(timeout=60_000)
        run_all(page, MENU["nl"])
        notebook = page.locator(".jp-Notebook")
        expect(notebook.locator(".wp-data-card")).to_have_count(3, timeout=30_000)
        statement = notebook.frame_locator(".wp-provenance iframe")
        expect(statement.get_by_text("vehicles 1.0.0")).to_be_visible()
        notebook.get_by_role("button", name="Bewaar naast het notebook").click()
        expect(notebook.locator(".wp-provenance").get_by_role("status")).to_contain_text("Bewaard")
        page.screenshot(path=screenshots("datasets") / "cell.png")
        assert unreadable(page, OURS) == []
        assert {path.name for path in (home / "work").iterdir()} >= {
            "provenance.html",
            "ro-crate-metadata.json",
        }
        page.context.close()
