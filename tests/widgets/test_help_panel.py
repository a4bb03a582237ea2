"""A question to an expert from a real Lab: its card, what it knows of the notebook, an offer in a cell."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import TimeoutError as TooLate
from tests.browsers import WORDS as MENU
from tests.browsers import chromium, notebook_of, run_all, screenshots, unreadable
from tests.instances import CHECKOUT
from tests.widgets import labs
from tests.widgets.corpus import Maker
from tests.widgets.fakes import running
from tests.widgets.help_desk import HelpDesk

PASSWORD = Maker(7).word()
WORDS = {
    "nl": {
        "card": "Vraag een expert",
        "question": "Je vraag",
        "see": "Bekijk wat er",
        "send": "Verstuur",
        "topic": "Waar gaat",
    },
    "en": {
        "card": "Ask an expert",
        "question": "Your question",
        "see": "See what will",
        "send": "Send",
        "topic": "What is it",
    },
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium."""
    with chromium() as found:
        yield found


@pytest.mark.parametrize("language", ["nl", "en"])
def test_from_the_launcher(tmp_path: Path, browser: Browser, language: str) -> None:
    """Beside a notebook in which something went wrong: filled in from it; its kernel ends with it."""
    words, desk, home = WORDS[language], HelpDesk(), tmp_path / "home"
    book = notebook_of(f'password = \'{PASSWORD}\'  # """\\n\nundefined_name')
    wrong = {
        "output_type": "error",
        "ename": "NameError",
        "evalue": 'name \'undefined_name\' is not defined """ \\',
        "traceback": ["\x1b[31mNameError\x1b[0m", "line"],
    }
    book["cells"][0].update(execution_count=3, outputs=[wrong])
    (home / "work").mkdir(parents=True)
    (home / "work/try.ipynb").write_text(json.dumps(book))
    with (
        running(tmp_path, desk) as environment,
        labs.lab(home, environment, language, dark=language == "en") as url,
    ):
        context, messages = browser.new_context(viewport={"width": 1400, "height": 900}), list[str]()
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda said: messages.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(url + "lab/tree/try.ipynb")
        idle = page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        expect(idle).to_be_visible(timeout=60_000)
        page.keyboard.press("Control+Shift+L")
        page.locator(".jp-LauncherCard", has_text=words["card"]).click()
        panel = page.locator(".wp-help-panel")
        subject = panel.locator('[data-key="subject"]')
        expect(subject).to_have_value(
            'NameError: name \'undefined_name\' is not defined """ \\', timeout=60_000
        )
        panel.get_by_label(words["question"]).fill("?")
        panel.get_by_label(words["topic"]).select_option("python")
        page.screenshot(path=screenshots("help") / f"panel-{language}.png")
        panel.get_by_label("notebook").first.check()
        panel.get_by_role("button", name=words["see"]).click()
        expect(panel.locator(".wp-help-piece")).to_have_count(6)
        assert [found for found in unreadable(page) if "wp-help" in str(found)] == []
        panel.get_by_role("button", name=words["send"], exact=True).click()
        expect(panel.locator(".wp-data-ready h3")).to_contain_text("41")
        (draft,) = desk.drafts
        sent = {one["kind"]: one["text"] for one in draft["attachments"]}
        assert PASSWORD not in json.dumps(draft)
        assert sent["error"] == "NameError\nline"
        assert sent["cell"] == 'password = \'[removed: password]\'  # """\\n\nundefined_name'
        assert json.loads(sent["notebook"])["cells"][0]["outputs"] == []
        assert "werkplaats" in [found["type"] for found in labs.running(url)]
        page.locator(".lm-TabBar-tab", has_text=words["card"]).locator(".lm-TabBar-tabCloseIcon").click()
        late = time.monotonic() + 10
        while "werkplaats" in [
            found["type"] for found in labs.running(url) if words["card"] == found["name"]
        ]:
            assert time.monotonic() < late, "the panel's kernel goes on without it"
            time.sleep(0.1)
        page.context.close()
        assert labs.errors(messages) == []


def test_an_offer_below_an_error(tmp_path: Path, browser: Browser) -> None:
    """The fifth time the same goes wrong, as the environment sets IPython up; filled in from it."""
    desk, home = HelpDesk(wanted="yes"), tmp_path / "home"
    (home / "work").mkdir(parents=True)
    (home / "work/try.ipynb").write_text(json.dumps(notebook_of("numbers = [1]\nnumbers[7]")))
    profile = tmp_path / "ipython/profile_default"
    profile.mkdir(parents=True)
    config = CHECKOUT / "extensions/werkplaats_server/ipython/ipython_kernel_config.py"
    (profile / config.name).symlink_to(config)
    with running(tmp_path, desk) as environment:
        environment["IPYTHONDIR"] = str(tmp_path / "ipython")
        with labs.lab(home, environment, "nl") as url:
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.set_default_timeout(30_000)
            page.goto(url + "lab/tree/try.ipynb")
            expect(page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')).to_be_visible(
                timeout=60_000
            )
            run_all(page, MENU["nl"])
            notebook = page.locator(".jp-Notebook")
            prompt = notebook.locator(".jp-CodeCell .jp-InputPrompt").first
            notebook.locator(".jp-CodeCell .cm-content").first.click()
            offer = notebook.get_by_role("button", name="Vraag een expert")
            late = time.monotonic() + 60
            while not offer.is_visible() and time.monotonic() < late:
                before = prompt.inner_text()
                page.keyboard.press("Control+Enter")
                expect(prompt).not_to_have_text(before)
                expect(prompt).to_have_text(re.compile(r"\d"))
                with contextlib.suppress(TooLate):
                    offer.wait_for(timeout=500)
            expect(offer).to_be_visible()
            page.screenshot(path=screenshots("help") / "offer-in-lab.png")
            assert len(desk.told) == 1
            offer.click()
            expect(notebook.locator('[data-key="subject"]')).to_have_value(
                "IndexError: list index out of range"
            )
            page.screenshot(path=screenshots("help") / "offer-asked-in-lab.png")
            page.context.close()
