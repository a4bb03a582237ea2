"""The meter in a real notebook: what the project has left, as Slurm counts it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.instances import CHECKOUT

from .conftest import PREFIX, Platform
from .test_browser import ARGUMENTS, WORDS, run_all

WHO = PREFIX + "student"
CELL = "from werkplaats_widgets import quota\n\nquota()"
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "id": "a",
            "source": CELL,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield chromium
        chromium.close()


def test_the_meter_in_lab(platform: Platform, browser: Browser) -> None:
    """One cell: the course's hours, the rate of one GPU, and when it stops."""
    student = platform.session("student")
    assert student.start({"flavour": "gpu-1"}).status in (201, 202)
    student.wait_ready()
    home = platform.instance.homes / WHO
    notebook = home / "meter.ipynb"
    notebook.write_text(json.dumps(NOTEBOOK))
    os.chown(notebook, home.stat().st_uid, home.stat().st_gid)
    window = browser.new_context(locale="nl", viewport={"width": 1280, "height": 800})
    page = window.new_page()
    page.set_default_timeout(30_000)
    try:
        page.goto(platform.instance.url)
        page.fill('input[name="username"]', WHO)
        page.fill('input[name="password"]', platform.passwords["demo"])
        page.keyboard.press("Enter")
        page.wait_for_url("**/user/**")
        page.goto(f"{platform.instance.url}user/{WHO}/lab/tree/meter.ipynb")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        expect(page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')).to_be_visible(
            timeout=60_000
        )
        run_all(page, WORDS["nl"])
        meter = page.locator(".wp-quota")
        expect(meter).to_contain_text(re.compile(r"GPU-uren|GPU-hours"), timeout=30_000)
        expect(meter.get_by_role("meter")).to_have_attribute("aria-valuemax", "1000")
        folder = CHECKOUT / "tests/screenshots"
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / "6-meter-nl.png")
    finally:
        window.close()
        platform.stop_everything()


def test_no_other_token_asks_for_it(platform: Platform) -> None:
    """A person's own session and token are not a server's."""
    student = platform.session("student")
    assert student.api("GET", "werkplaats/meter").status == 403
    assert student.api("GET", "werkplaats/meter", cookie=True).status == 403
