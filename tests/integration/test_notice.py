"""A server that is about to be ended says so in Lab, saves what is open, and leads on."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browsers import notebook_of, screenshots

from .conftest import PREFIX, Platform

WHO = PREFIX + "mkb"
WORDS = {
    "nl": {
        "in": "Inloggen",
        "more": "Meer opties",
        "title": "Je tijd is bijna om",
        "lent": "Je geleende rekenkracht gaat zo terug",
        "saved": "Je open documenten zijn opgeslagen.",
        "mark": "gered",
        "ended": "Deze server is gestopt",
        "back": "Je geleende GPU ging terug naar de eigenaar",
    },
    "en": {
        "in": "Sign in",
        "more": "More options",
        "title": "Your time is almost up",
        "lent": "Your borrowed computing power is about to go back",
        "saved": "Your open documents have been saved.",
        "mark": "saved",
        "ended": "This server has stopped",
        "back": "Your borrowed GPU went back to its owner",
    },
}


@dataclass
class Desk:
    """A person at work: Lab in a browser, on a server in a job."""

    page: Page
    platform: Platform
    words: dict[str, str]
    home: Path
    folder: Path

    @property
    def job(self) -> str:
        """The number of the server's job."""
        (number,) = self.platform.jobs("mkb")
        return number

    @property
    def banner(self) -> Locator:
        """The band above Lab."""
        return self.page.locator("#wp-notice")

    def warn(self) -> None:
        """Do what Slurm does before it ends a job."""
        self.platform.run("scancel", "--signal=USR1", "--batch", self.job)

    def keep(self, name: str, language: str) -> None:
        """Take a picture."""
        self.page.screenshot(path=screenshots() / f"{name}-{language}.png", animations="disabled")

    def give(self, name: str, text: str) -> Path:
        """Lay a file down in the person's folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        owner = self.home.stat()
        for made in (self.folder, path.parent, path):
            os.chown(made, owner.st_uid, owner.st_gid)
        return path

    def go_to(self, path: Path) -> None:
        """Open a file or folder by its address."""
        where = path.relative_to(self.home)
        self.page.goto(f"{self.platform.instance.url}user/{WHO}/lab/tree/{where}")
        self.page.locator(".jp-DirListing-content").wait_for(state="attached", timeout=60_000)
        self.page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=60_000)
        if not self.page.locator(".jp-DirListing-content").is_visible():  # the data stands there instead
            self.page.locator('.jp-SideBar [data-id="filebrowser"]').click()
        self.page.locator(".jp-DirListing-content").wait_for()

    def open(self, path: Path) -> None:
        """Open a file of the folder that is shown, beside what is open."""
        self.page.locator(f'.jp-DirListing-item[title*="{path.name}"]').dblclick()
        if path.is_file():
            self.page.locator(".lm-DockPanel .lm-mod-current", has_text=path.name).wait_for()

    def ready(self) -> None:
        """Wait, after a reload, until the document that was open is there again."""
        self.page.locator(".lm-DockPanel .cm-content:visible").first.wait_for()
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def type(self, text: str) -> None:
        """Type at the beginning of the document, or cell, in front, and do not save."""
        self.page.locator(".lm-DockPanel .cm-content:visible").first.click()
        self.page.keyboard.press("Control+Home")
        self.page.keyboard.type(text)


@pytest.fixture(scope="module")
def a_minute(platform: Platform) -> Iterator[None]:
    """A facility's own notice, in which these tests have time to look."""
    with platform.other_facility(lambda raw: raw["lending"].update(notice_seconds=60)):
        yield


@pytest.fixture
def sit_down(browser: Browser, platform: Platform, a_minute: None) -> Iterator[Callable[..., Desk]]:
    """Sign in, start a server (unless one runs), and open Lab, in a language."""
    platform.session("mkb")
    windows = []

    def sit(language: str, runs: bool = False) -> Desk:
        home = platform.instance.homes / WHO
        # Lab opens again what was open in an earlier test.
        shutil.rmtree(home / ".jupyter/lab/workspaces", ignore_errors=True)
        window = browser.new_context(locale=language, viewport={"width": 1280, "height": 800})
        windows.append(window)
        page = window.new_page()
        page.set_default_timeout(30_000)
        page.goto(platform.instance.url)
        page.fill('input[name="username"]', WHO)
        page.fill('input[name="password"]', platform.passwords["demo"])
        page.get_by_role("button", name=WORDS[language]["in"], exact=True).click()
        if not runs:
            page.locator("summary", has_text=WORDS[language]["more"]).click()
            page.locator("#spawn_form button[type=submit]:not([form])").click()
        page.wait_for_url(re.compile(r"/user/[^/]+/lab"), timeout=60_000)
        page.wait_for_selector("#jp-main-dock-panel", timeout=60_000)
        page.locator("#wp-data-panel").wait_for(timeout=60_000)  # once, by itself
        return Desk(page, platform, WORDS[language], home, home / f"werk-{language}")

    yield sit
    for window in windows:
        window.pages[0].screenshot(path=screenshots() / "last-notice.png")  # where a failing test stopped
        window.close()
    platform.stop_everything()


def within(seconds: float, true: Callable[[], bool]) -> bool:
    """Whether something becomes true within a time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


NOTEBOOK = notebook_of()


@pytest.mark.parametrize("language", ["nl", "en"])
def test_what_is_typed_is_on_disk_when_the_end_is_near(sit_down: Callable[..., Desk], language: str) -> None:
    """Within five seconds of the signal: the band, the text file, the notebook, and copies where needed."""
    desk = sit_down(language)
    notes, changed = desk.give("notities.txt", "oud\n"), desk.give("plan.txt", "van mij\n")
    fixed = desk.give("vast.txt", "niet te schrijven\n")
    fixed.chmod(0o444)
    gone = desk.give("weg/brief.txt", "beste\n")
    notebook = desk.give("cijfers.ipynb", json.dumps(NOTEBOOK))
    desk.go_to(desk.folder)
    for path in (gone.parent, gone):
        desk.open(path)
    desk.type("getypt ")
    desk.page.locator(".jp-BreadCrumbs-item", has_text=desk.folder.name).click()
    for path in (notes, changed, fixed, notebook):
        desk.open(path)
        desk.type("getypt ")
    changed.write_text("van een ander\n")
    shutil.rmtree(gone.parent)

    desk.warn()
    signalled = time.monotonic()
    expect(desk.banner).to_be_visible(timeout=3000)
    expect(desk.banner).to_contain_text(desk.words["title"])
    assert within(5, lambda: notes.read_text() == "getypt oud\n")
    assert within(5, lambda: '"getypt "' in notebook.read_text())

    def copies(folder: Path, stem: str) -> list[str]:
        return [copy.read_text() for copy in folder.glob(f"{stem} ({desk.words['mark']} *).txt")]

    assert within(5, lambda: copies(desk.folder, "plan") == ["getypt van mij\n"])
    assert within(5, lambda: copies(desk.folder, "vast") == ["getypt niet te schrijven\n"])
    assert within(5, lambda: copies(desk.home, "brief") == ["getypt beste\n"])
    assert time.monotonic() - signalled < 6
    assert changed.read_text() == "van een ander\n"
    expect(desk.banner).to_contain_text(desk.words["saved"])
    expect(desk.banner).to_contain_text(f"plan ({desk.words['mark']} ")
    assert desk.page.locator(".jp-Dialog").count() == 0
    desk.keep("8-notice-copies", language)


TAKEN_BACK = {"kind": "taken-back", "at": "", "ends": "", "seconds_left": 25}


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_text_that_cannot_be_saved_keeps_its_page(sit_down: Callable[..., Desk], language: str) -> None:
    """A page that is opened later has the band too; what no server took any more stays to be copied."""
    desk = sit_down(language)
    notebook = desk.give("cijfers.ipynb", json.dumps(NOTEBOOK))
    desk.go_to(desk.folder)
    desk.open(notebook)
    desk.type("getypt ")
    desk.warn()
    expect(desk.banner).to_contain_text(desk.words["saved"])
    desk.page.reload()
    expect(desk.banner).to_contain_text(desk.words["title"], timeout=30_000)
    desk.ready()
    desk.type("en ")  # all of the editor is there, before nothing can be fetched any more
    desk.page.context.set_offline(True)
    desk.type("nog wat ")
    desk.platform.run("scancel", desk.job)
    desk.platform.session("mkb").wait_gone()
    desk.page.context.set_offline(False)
    expect(desk.banner).to_contain_text(desk.words["ended"])
    expect(desk.banner).to_contain_text("“cijfers.ipynb”")
    assert desk.page.locator(".jp-Dialog").count() == 0
    desk.keep("9-notice-unsaved", language)
    desk.banner.get_by_role("link").click()
    desk.page.wait_for_url(re.compile(rf"/hub/user/{WHO}/"))


@pytest.mark.parametrize("language", ["nl", "en"])
def test_lent_capacity_that_is_taken_back(sit_down: Callable[..., Desk], language: str) -> None:
    """It has sentences of its own, and reads well in the dark too; then the page goes to the Hub's."""
    desk = sit_down(language)
    notebook = desk.give("cijfers.ipynb", json.dumps(NOTEBOOK))
    desk.go_to(desk.folder)
    desk.open(notebook)
    desk.page.route(
        "**/werkplaats/notice*", lambda route: route.fulfill(json=TAKEN_BACK, content_type="application/json")
    )
    desk.page.reload()
    expect(desk.banner).to_contain_text(desk.words["lent"], timeout=30_000)
    desk.ready()
    desk.type("getypt ")
    desk.keep("8-notice-lent", language)
    desk.page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    expect(desk.banner).to_have_class(re.compile("wp-mod-urgent"), timeout=15_000)
    desk.keep("8-notice-lent-dark", language)
    assert within(10, lambda: '"getypt "' in notebook.read_text())
    expect(desk.page.locator(".lm-DockPanel .jp-mod-dirty")).to_have_count(0)
    desk.platform.run("scancel", desk.job)
    desk.platform.session("mkb").wait_gone()
    desk.page.wait_for_url(re.compile(rf"/hub/user/{WHO}/"))
    desk.keep("9-notice-hub", language)


def test_slurm_takes_a_borrowed_gpu_back(sit_down: Callable[..., Desk], platform: Platform) -> None:
    """By Slurm's own hand: told in time, saved, and led to what happened and how to go on."""
    language = "nl"
    others = [platform.sbatch("onderzoeker", "onderzoek", "eurohpc") for _ in range(8)]
    others += [platform.sbatch("onderzoeker", "onderzoek", "lent") for _ in range(3)]
    others += [platform.sbatch("rijk", "rijk-verkenning", "national") for _ in range(4)]
    platform.until_running(*others)
    mkb = platform.session("mkb")
    assert mkb.start({"flavour": "gpu-1", "lent": True}).status in (201, 202)
    mkb.wait_ready()
    desk = sit_down(language, runs=True)
    notes = desk.give("notities.txt", "oud\n")
    desk.go_to(desk.folder)
    desk.open(notes)
    desk.type("getypt ")
    asked = time.monotonic()
    owner = platform.sbatch("student", "cursus-ai", "regional")
    expect(desk.banner).to_contain_text(desk.words["lent"], timeout=15_000)
    assert within(5, lambda: notes.read_text() == "getypt oud\n")
    desk.keep("8-taken-back", language)
    platform.until_running(owner, within=75 - (time.monotonic() - asked))
    desk.page.wait_for_url(re.compile(rf"/hub/user/{WHO}/"), timeout=60_000)
    expect(desk.page.locator("h1")).to_have_text(desk.words["back"], timeout=30_000)
    desk.keep("9-taken-back", language)
    assert all(platform.state(number) == "RUNNING" for number in others)
