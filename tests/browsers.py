"""A person with a browser, Debian's Chromium: signs in, fills in, and keeps pictures of what they saw."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as TooLate

from tests.instances import CHECKOUT

#: Chromium's own background traffic is off: the tests' machine reaches nothing outside.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
#: What there is of ours in Lab: the rest of it is not ours to mend.
OURS = ".wp-data"
DESKTOP, TELEPHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
#: What is written on what a person presses.
WORDS = {
    "nl": {
        "in": "Inloggen",
        "more": "Meer opties",
        "run": "Uitvoeren",
        "all": "Run All Cells",
        "stop": "Stop",
    },
    "en": {"in": "Sign in", "more": "More options", "run": "Run", "all": "Run All Cells", "stop": "Stop"},
}


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser. No longer than one module's tests: its event loop is in the way of others'."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield browser
        browser.close()


def screenshots(folder: str = "") -> Path:
    """Return a folder, not in the repository, in which what people see is kept."""
    path = CHECKOUT / "tests/screenshots" / folder
    path.mkdir(parents=True, exist_ok=True)
    return path


def sign_in(page: Page, url: str, name: str, password: str) -> None:
    """Go through the log-in page as a person does, to the page that follows it."""
    page.goto(url)
    page.fill('input[name="username"]', name)
    page.fill('input[name="password"]', password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda at: "/hub/login" not in at and at != url)


def open_notebook(page: Page, url: str, name: str, path: str) -> None:
    """Open a notebook of a person's in Lab, by Lab's own address for it, until its kernel is idle.

    What was open before is not opened again (`reset`): another notebook, which stands in front for a
    moment, would be the one that is looked at and run.
    """
    page.goto(f"{url}user/{name}/lab/tree/{path}?reset")
    in_front = page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current", has_text=Path(path).name)
    in_front.first.wait_for(timeout=60_000)
    page.locator(".jp-Notebook .jp-Cell:visible").first.wait_for(timeout=60_000)
    idle = page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]:visible')
    expect(idle.first).to_be_visible(timeout=60_000)


def notebook_of(source: str = "") -> dict[str, Any]:
    """Return a notebook of one cell, which was not run yet (nbformat 4.5)."""
    cell = nbformat.v4.new_code_cell(source, id="a")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return dict(nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel}))


def run_all(page: Page, words: dict[str, str]) -> None:
    """Run all cells as a person does: again, when nothing happens, as in a menu that opened too early.

    Also when one says that it went wrong, for Lab may have dropped the cell before it: twice at most.
    """
    wrong = page.locator('.jp-Notebook [data-mime-type="application/vnd.jupyter.error"]:visible')
    for turn in range(6):
        page.get_by_role("menuitem", name=words["run"], exact=True).first.click()
        page.locator("#jp-mainmenu-run").get_by_text(words["all"], exact=True).click()
        with contextlib.suppress(TooLate, AssertionError):
            page.locator(".jp-Notebook .jp-OutputArea-output:visible").first.wait_for(timeout=8000)
            expect(page.locator(".jp-Notebook").get_by_text("Loading widget...")).to_have_count(
                0, timeout=8000
            )
            if turn >= 2 or wrong.count() == 0:
                return
    raise AssertionError("nothing was printed, however often the cells were run")


def unreadable(page: Page, part: str | None = None) -> list[object]:
    """Return what axe-core finds wrong with a page, and whether it is wider than its window.

    Parameters
    ----------
    part
        A CSS selector: only there it is looked, for the rest of the page is not ours to mend.
    """
    found = Axe().run(page, context=part).response["violations"]
    said: list[object] = [
        (rule["id"], rule["help"], [node["target"] for node in rule["nodes"]]) for rule in found
    ]
    fits = part or page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return said if fits else [*said, "too wide"]


@dataclass
class Walk:
    """Somebody's way through the platform, with a picture of each step, which everybody can read."""

    page: Page
    name: str
    language: str
    steps: int = 0

    def keep(self, what: str, *, whole: bool = False, passing: bool = False) -> None:
        """Keep a picture of what is on the screen, or of the whole page, and see that it can be read.

        Parameters
        ----------
        passing
            Whether the page goes on by itself in a moment, so that there is no time to look closely.
        """
        self.steps += 1
        path = screenshots("walks") / f"{self.name}-{self.steps:02}-{what}-{self.language}.png"
        self.page.screenshot(path=path, full_page=whole, animations="disabled")
        in_lab = "/user/" in self.page.url
        if not passing and (not in_lab or self.page.locator(OURS).count()):
            assert unreadable(self.page, OURS if in_lab else None) == [], what
