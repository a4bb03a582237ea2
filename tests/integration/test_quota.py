"""The meter in a real notebook: what the project has left, as Slurm counts it."""

from __future__ import annotations

import json
import os
import re

from playwright.sync_api import Browser, expect

from tests.browsers import WORDS, notebook_of, open_notebook, run_all, screenshots, sign_in

from .conftest import PREFIX, Platform

WHO = PREFIX + "student"
CELL = "from werkplaats_widgets import quota\n\nquota()"
NOTEBOOK = notebook_of(CELL)


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
        sign_in(page, platform.instance.url, WHO, platform.passwords["demo"])
        open_notebook(page, platform.instance.url, WHO, "meter.ipynb")
        run_all(page, WORDS["nl"])
        meter = page.locator(".wp-quota")
        expect(meter).to_contain_text(re.compile(r"GPU-uren|GPU-hours"), timeout=30_000)
        expect(meter.get_by_role("meter")).to_have_attribute("aria-valuemax", "1000")
        page.screenshot(path=screenshots() / "6-meter-nl.png")
    finally:
        window.close()
        platform.stop_everything()


def test_no_other_token_asks_for_it(platform: Platform) -> None:
    """A person's own session and token are not a server's."""
    student = platform.session("student")
    assert student.api("GET", "werkplaats/meter").status == 403
    assert student.api("GET", "werkplaats/meter", cookie=True).status == 403
