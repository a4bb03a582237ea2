"""A person with a real browser: sign in, one button, a cell on a GPU, stop. Screenshots are kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsers import WORDS, open_notebook, run_all, screenshots

from .conftest import PREFIX, Platform


@pytest.fixture(params=["nl", "en"])
def page(request: pytest.FixtureRequest, browser: Browser, platform: Platform) -> Iterator[Page]:
    """A fresh browser window of a person who reads that language."""
    platform.session("mkb")  # so that whatever the browser leaves running is stopped
    window = browser.new_context(locale=request.param, viewport={"width": 1280, "height": 800})
    tab = window.new_page()
    tab.set_default_timeout(30_000)
    tab.language = request.param  # type: ignore[attr-defined]
    yield tab
    tab.screenshot(path=screenshots() / f"last-{request.param}.png")  # where a failing test stopped
    window.close()
    platform.stop_everything()


def empty(notebook: Path) -> None:
    """Take the stored outputs out of a notebook."""
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    notebook.write_text(json.dumps(content))


def test_from_the_address_to_a_cell_on_a_gpu_and_back(page: Page, platform: Platform):
    """Signs in, starts `gpu-1`, opens and runs the example, reads the GPU that the cell printed, stops."""
    language: str = page.language  # type: ignore[attr-defined]
    words = WORDS[language]

    def keep(name: str) -> None:
        page.screenshot(path=screenshots() / f"{name}-{language}.png")

    page.goto(platform.instance.url)
    expect(page.locator("html")).to_have_attribute("lang", language)
    keep("1-login")
    page.fill('input[name="username"]', PREFIX + "mkb")
    page.fill('input[name="password"]', platform.passwords["demo"])
    page.get_by_role("button", name=words["in"], exact=True).click()

    page.wait_for_url("**/hub/spawn**")
    expect(page.locator("html")).to_have_attribute("lang", language)
    keep("2-start")
    page.locator("summary", has_text=words["more"]).click()
    page.locator('input[name="flavour"][value="gpu-1"]').check()
    keep("2-start-more")
    page.locator("#spawn_form button[type=submit]:not([form])").click()

    page.wait_for_url("**/hub/spawn-pending/**")
    keep("3-waiting")
    page.wait_for_url(re.compile(r"/user/[^/]+/lab"), timeout=60_000)
    page.wait_for_selector("#jp-main-dock-panel", timeout=60_000)
    keep("4-lab")

    # The example lies in the person's own folder. Its stored outputs are taken out, so that what is read
    # below was printed now.
    empty(platform.instance.homes / f"{PREFIX}mkb/voorbeelden/first_steps/eerste-stappen.ipynb")
    open_notebook(page, platform.instance.url, PREFIX + "mkb", "voorbeelden/first_steps/eerste-stappen.ipynb")
    assert page.locator(".jp-Notebook .jp-OutputArea-output").count() == 0
    run_all(page, words)
    printed = page.locator(".jp-Notebook .jp-OutputArea-output", has_text="Slurm gaf je")
    expect(printed.last).to_contain_text("Slurm gaf je 1 GPU, met nummer 0.", timeout=60_000)
    (number,) = platform.jobs("mkb")
    assert "gres/gpu=1" in platform.run("scontrol", "show", "job", "-o", number)
    keep("5-notebook")
    page.wait_for_timeout(500)

    page.goto(platform.instance.url + "hub/home")
    keep("6-home")
    stop = page.get_by_role("button", name=re.compile(words["stop"]))
    stop.first.click()
    platform.session("mkb").wait_gone()
    assert platform.jobs("mkb") == []
    expect(stop).to_have_count(0, timeout=30_000)  # the page itself sees that it is over
    keep("7-stopped")
