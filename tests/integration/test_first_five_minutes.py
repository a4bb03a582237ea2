"""The first five minutes of an owner of a small firm and of a researcher, each step with a picture.

The student's are in the tests of courses. What is on the screen is what `docs/explanation` promises.
"""

from __future__ import annotations

import json
import os
import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsers import DESKTOP, TELEPHONE, WORDS, Walk, notebook_of, open_notebook, run_all, sign_in

from .browserless import Session
from .conftest import PREFIX, Platform, until

pytestmark = pytest.mark.usefixtures("idle", "desk_without_a_past")

BAKER = PREFIX + "bakker"
RESEARCHER = PREFIX + "onderzoeker"
#: The researcher's stream has half of the sixteen GPUs.
HALF = 8
METER = notebook_of("from werkplaats_widgets import quota\n\nquota()")


def window(browser: Browser, language: str, size: dict[str, int] = DESKTOP) -> Page:
    """Return a fresh window of somebody who reads that language."""
    page = browser.new_context(locale=language, viewport=size).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(30_000)
    return page


def lay_down_a_meter(platform: Platform, name: str) -> None:
    """Give somebody a notebook with the one cell that shows their meter."""
    home = platform.instance.homes / name
    notebook = home / "meter.ipynb"
    notebook.write_text(json.dumps(METER))
    os.chown(notebook, home.stat().st_uid, home.stat().st_gid)


def test_an_owner_of_a_small_firm(platform: Platform, browser: Browser) -> None:
    """In Dutch, as a newcomer: one button, Lab, the hours in sight; then a request, granted, and used."""
    owner = Walk(window(browser, "nl"), "mkb", "nl")
    page = owner.page

    page.goto(platform.instance.url)
    for said in ("Wat kost het?", "Wie ziet je gegevens?"):
        expect(page.get_by_text(said)).to_be_visible()
    owner.keep("what-this-is")
    sign_in(page, platform.instance.url, BAKER, platform.passwords["demo"])
    platform.sessions[BAKER] = Session(platform.instance.url, BAKER, platform.passwords["demo"])

    big = page.locator("button.wp-button-large:visible")
    expect(big).to_have_count(1)
    expect(page.get_by_text("Je hebt nog 2 GPU-uren")).to_be_visible()
    expect(page.get_by_text("Kan starten: nu").first).to_be_visible(timeout=20_000)
    owner.keep("one-button")
    with platform.taken(nodes=platform.up.nodes[-1].name):
        big.click()
        page.wait_for_url("**/hub/spawn-pending/**")
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        expect(page.locator("#progress-slurm")).to_be_visible()
        owner.keep("waiting")
    page.wait_for_url(re.compile(r"/user/[^/]+/lab"), timeout=60_000)
    page.wait_for_selector("#jp-main-dock-panel", timeout=60_000)
    page.wait_for_timeout(1500)
    owner.keep("lab")
    lay_down_a_meter(platform, BAKER)
    open_notebook(page, platform.instance.url, BAKER, "meter.ipynb")
    run_all(page, WORDS["nl"])
    expect(page.locator(".wp-quota")).to_contain_text("GPU-uren", timeout=30_000)
    owner.keep("hours-in-the-notebook")

    page.goto(platform.instance.url + "hub/home")
    owner.keep("home")
    page.get_by_role("link", name=re.compile("loket", re.IGNORECASE)).first.click()
    page.wait_for_url("**/services/desk/**")
    owner.keep("desk")
    page.get_by_role("link", name="Vraag meer GPU-uren aan").first.click()
    page.fill("#title", "Broden tellen")
    page.locator('input[name="stream"][value="regional"]').check()
    page.fill("#purpose", "Een camera boven de oven telt hoeveel broden er per uur uitkomen.")
    page.fill("#gpu_hours", "20")
    page.fill("#ends", (date.today() + timedelta(60)).isoformat())
    owner.keep("five-fields", whole=True)
    page.locator("main button[type=submit]").click()
    page.wait_for_url(re.compile(r"/services/desk/applications/\d+"))
    owner.keep("asked", whole=True)

    operator = Walk(window(browser, "nl"), "beheer", "nl")
    sign_in(operator.page, platform.instance.url, PREFIX + "beheer", platform.passwords["admin"])
    operator.page.goto(platform.instance.url + "services/desk/requests")
    operator.keep("requests", whole=True)
    operator.page.get_by_role("link", name="Broden tellen").click()
    operator.page.fill("textarea", "Mooi plan. Succes!")
    operator.keep("decide", whole=True)
    operator.page.get_by_role("button", name="Goedkeuren").click()
    expect(operator.page.get_by_text("Mooi plan. Succes!")).to_be_visible()
    operator.keep("decided", whole=True)

    start = page.get_by_role("link", name="Start een server in dit project")
    expect(start).to_be_visible(timeout=60_000)  # the page looks again by itself
    owner.keep("granted", whole=True)
    address = str(start.get_attribute("href"))
    start.click()
    page.wait_for_url("**/user/**")  # one server runs already, so the link leads to it
    page.goto(platform.instance.url + "hub/home")
    page.get_by_role("button", name="Stop").first.click()
    platform.sessions[BAKER].wait_gone()
    page.goto(platform.instance.url + address.lstrip("/"))
    expect(page.locator("#project option:checked")).to_have_text("Broden tellen")
    owner.keep("start-in-the-project", whole=True)

    anybody = Walk(window(browser, "nl", TELEPHONE), "streek", "nl")
    anybody.page.goto(platform.instance.url + "services/desk/allocation")
    anybody.keep("public-account", whole=True)
    for each in (owner, operator, anybody):
        each.page.context.close()


def test_a_researcher(platform: Platform, browser: Browser) -> None:
    """In English: every choice with its price and its time, Slurm's real reason, Lab, terminal and meter."""
    researcher = Walk(window(browser, "en"), "onderzoeker", "en")
    page = researcher.page
    platform.session("onderzoeker")
    sign_in(page, platform.instance.url, RESEARCHER, platform.passwords["demo"])
    page.locator("summary", has_text="More options").click()
    page.locator('input[name="flavour"][value="gpu-2"]').check()
    page.fill("#hours", "4")
    expect(page.locator("#this-request-text")).to_contain_text("Can start: now", timeout=20_000)
    page.locator("#script summary").click()
    expect(page.locator("#script-text")).to_contain_text("#SBATCH --time=240")
    researcher.keep("every-choice", whole=True)

    project = next(one for one in platform.facility.projects if RESEARCHER in one.members)
    others = [platform.sbatch("onderzoeker", project.name, project.stream) for _ in range(HALF)]
    platform.until_running(*others)
    page.locator("#spawn_form button[type=submit]:not([form])").click()
    page.wait_for_url("**/hub/spawn-pending/**")
    expect(page.locator("#progress-message")).to_contain_text("in use")
    expect(page.locator("#progress-slurm")).to_contain_text("QOSGrp")
    researcher.keep("why-it-waits", whole=True)
    for number in others:
        platform.run("scancel", str(number))
    page.wait_for_url(re.compile(r"/user/[^/]+/lab"), timeout=90_000)
    page.wait_for_selector("#jp-main-dock-panel", timeout=60_000)

    lay_down_a_meter(platform, RESEARCHER)
    open_notebook(page, platform.instance.url, RESEARCHER, "meter.ipynb")
    run_all(page, WORDS["en"])
    expect(page.locator(".wp-quota")).to_contain_text("GPU-hours", timeout=30_000)
    researcher.keep("meter")
    page.goto(f"{platform.instance.url}user/{RESEARCHER}/lab?reset")
    page.locator('.jp-LauncherCard[title*="terminal" i]').click()
    page.locator(".jp-Terminal .xterm-helper-textarea").wait_for(state="attached")
    page.wait_for_timeout(1000)
    page.keyboard.type("squeue --me | tee seen.txt\n")
    seen = platform.instance.homes / RESEARCHER / "seen.txt"
    (number,) = platform.jobs("onderzoeker")
    until(lambda: seen.exists() and number in seen.read_text(), within=20)
    researcher.keep("terminal")
    page.context.close()
