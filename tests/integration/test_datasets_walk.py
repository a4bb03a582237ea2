"""Trusted data, as people meet it: cards in Lab, a steward's decision, files to read, a statement."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect
from playwright.sync_api import TimeoutError as TooLate

from tests.browsers import DESKTOP, WORDS, Walk, notebook_of, open_notebook, run_all, sign_in

from .conftest import PREFIX, Platform, until

pytestmark = pytest.mark.usefixtures("idle", "desk_without_a_past")

CARDS = notebook_of("from werkplaats_widgets import datasets\n\ndatasets()")


@pytest.fixture(autouse=True)
def jobs_have_mounts(platform: Platform) -> None:
    """Where jobs have none of their own, only open datasets can be offered; another test says so."""
    if "JobContainerType" not in platform.instance.slurm_conf.read_text():
        pytest.skip("jobs have no mounts of their own on this machine")


@pytest.fixture
def in_lab(platform: Platform, browser: Browser) -> Iterator[object]:
    """Return how somebody comes to the cards: signed in, in Lab, in a notebook of one cell."""
    windows = []

    def come(role: str, language: str, flavour: str = "first-steps") -> Walk:
        session, name = platform.session(role), PREFIX + role
        assert session.start({"flavour": flavour}, language=language).status in (201, 202)
        session.wait_ready()
        home = platform.instance.homes / name
        notebook = home / "gegevens.ipynb"
        notebook.write_text(json.dumps(CARDS))
        os.chown(notebook, home.stat().st_uid, home.stat().st_gid)
        window = browser.new_context(locale=language, viewport=DESKTOP)  # type: ignore[arg-type]
        windows.append(window)
        page = window.new_page()
        page.set_default_timeout(30_000)
        sign_in(page, platform.instance.url, name, platform.passwords["demo"])
        open_notebook(page, platform.instance.url, name, notebook.name)
        run_all(page, WORDS[language])
        walk = Walk(page, f"data-{role}", language)
        walk.keep("lab")
        return walk

    yield come
    for window in windows:
        window.close()


def card(walk: Walk, dataset: str) -> Locator:
    """Return a dataset's card in the notebook."""
    found = walk.page.locator(f'.jp-Notebook [data-dataset="{dataset}"]')
    notebook = walk.page.locator(".jp-Notebook")
    with contextlib.suppress(TooLate):
        found.wait_for()
    assert found.count() == 1, f"no card of {dataset}, but: {notebook.all_inner_texts()}"
    found.scroll_into_view_if_needed()
    return found


def seen_by_a_job(platform: Platform, job: str, path: str) -> list[str]:
    """Return what there is in a folder, seen from the mounts that Slurm holds for a job."""
    (held,) = (platform.instance.state / "job-container").glob(f"**/{job}/.ns")
    return platform.run("nsenter", f"--mount={held}", "ls", path).split()


def test_an_open_dataset_is_one_click(platform: Platform, in_lab) -> None:
    """Press, read a million rows, and unmount; the host sees an empty folder all the while."""
    walk = in_lab("mkb", "nl")
    vehicles = card(walk, "vehicles")
    expect(vehicles).to_contain_text("Namaak")
    walk.keep("cards")
    vehicles.get_by_role("button", name="Gebruik deze dataset").click()
    expect(vehicles).to_contain_text("Klaar voor gebruik")
    expect(vehicles.get_by_role("button", name="Ontkoppel")).to_be_visible()
    walk.keep("mounted")
    folder = platform.instance.data / "vehicles"
    (job,) = platform.jobs("mkb")
    assert any(name.endswith(".parquet") for name in seen_by_a_job(platform, job, str(folder)))
    assert list(folder.iterdir()) == []
    vehicles.get_by_role("button", name="Ontkoppel").click()
    expect(vehicles).to_contain_text("is ontkoppeld")
    assert seen_by_a_job(platform, job, str(folder)) == []


def test_terms_are_accepted_once(platform: Platform, in_lab) -> None:
    """The terms are shown, accepted with a press, and not asked for again."""
    walk = in_lab("student", "nl")
    assets = card(walk, "municipal-assets")
    assets.get_by_role("button", name="Lees de voorwaarden").click()
    expect(assets).to_contain_text("Voorwaarden")
    walk.keep("terms")
    assets.get_by_role("button", name="Akkoord en gebruik").click()
    expect(assets).to_contain_text("Klaar voor gebruik")
    assets.get_by_role("button", name="Ontkoppel").click()
    expect(assets).to_contain_text("is ontkoppeld")
    assets.get_by_role("button", name="Gebruik deze dataset").click()
    expect(assets).to_contain_text("Klaar voor gebruik")
    walk.keep("accepted")


def test_the_same_in_english(platform: Platform, in_lab) -> None:
    """An open dataset and one with terms, as somebody meets them who reads no Dutch."""
    walk = in_lab("expert", "en")
    vehicles = card(walk, "vehicles")
    walk.keep("cards")
    vehicles.get_by_role("button", name="Use this dataset").click()
    expect(vehicles).to_contain_text("Ready to use")
    walk.keep("mounted")
    vehicles.get_by_role("button", name="Unmount").click()
    expect(vehicles).to_contain_text("is unmounted")
    assets = card(walk, "municipal-assets")
    assets.get_by_role("button", name="Read the terms").click()
    expect(assets).to_contain_text("Terms")
    walk.keep("terms")
    assets.get_by_role("button", name="Accept and use").click()
    expect(assets).to_contain_text("Ready to use")
    walk.keep("accepted")
    walk.page.goto(platform.instance.url + "services/desk/datasets/municipal-assets")
    walk.keep("page", whole=True)
    walk.page.goto(platform.instance.url + "services/desk/history")
    expect(walk.page.locator("main")).to_contain_text("vehicles")
    walk.keep("history", whole=True)
    walk.page.goto(platform.instance.url + "services/desk/provenance/statement?language=en")
    expect(walk.page.locator("body")).to_contain_text("Vehicles (synthetic)")
    walk.keep("statement", whole=True)


def test_a_restricted_one_is_asked_for_granted_used_and_taken_back(
    platform: Platform, browser: Browser, in_lab
) -> None:
    """From the form in the card to the steward's page, the files, the statement, and the end of it."""
    walk = in_lab("onderzoeker", "nl")
    cohort = card(walk, "cohort")
    cohort.get_by_role("button", name="Vraag toegang aan").click()
    cohort.get_by_label("Waarvoor heb je deze gegevens nodig?").fill("Hoe slaap en gezondheid samenhangen.")
    cohort.get_by_label("Tot en met").fill((date.today() + timedelta(30)).isoformat())
    walk.keep("application")
    cohort.get_by_role("button", name="Verstuur de aanvraag").click()
    expect(cohort).to_contain_text("Je aanvraag is verstuurd")

    window = browser.new_context(locale="nl", viewport=DESKTOP)  # type: ignore[arg-type]
    steward = Walk(window.new_page(), "data-steward", "nl")
    sign_in(steward.page, platform.instance.url, PREFIX + "steward", platform.passwords["demo"])
    desk = platform.instance.url + "services/desk/"
    steward.page.goto(desk)
    steward.keep("desk")
    steward.page.goto(desk + "datasets/cohort/steward")
    steward.page.locator("textarea").first.fill("Akkoord, voor dit onderzoek.")
    steward.keep("decide", whole=True)
    steward.page.get_by_role("button", name="Goedkeuren").click()
    expect(steward.page.get_by_role("button", name=re.compile("^Intrekken"))).to_be_visible()
    steward.keep("decided", whole=True)

    walk.page.locator(".jp-Notebook").get_by_role("button", name="Ververs").click()
    cohort.get_by_role("button", name="Gebruik deze dataset").click()
    expect(cohort).to_contain_text("Klaar voor gebruik")
    expect(cohort).to_contain_text("mag er niets anders van jou draaien")
    walk.keep("restricted-mounted")
    (job,) = platform.jobs("onderzoeker")
    folder = platform.instance.data / "cohort"
    assert seen_by_a_job(platform, job, str(folder)) != []

    steward.page.get_by_role("button", name=re.compile("^Intrekken")).click()
    until(
        lambda: job not in platform.jobs("onderzoeker") or not seen_by_a_job(platform, job, str(folder)), 10
    )
    steward.page.goto(desk + "datasets/cohort/steward")
    expect(steward.page.locator("main")).to_contain_text("onderzoeker")
    steward.keep("taken-back", whole=True)

    walk.page.goto(desk + "datasets/cohort")
    walk.keep("page", whole=True)
    walk.page.goto(desk + "history")
    walk.keep("history", whole=True)
    walk.page.goto(desk + "provenance/statement?language=nl")
    expect(walk.page.locator("body")).to_contain_text("cohort")
    walk.keep("statement", whole=True)
    window.close()
    done = platform.werkplaats("audit", "verify")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_panel_at_the_side_needs_no_cell(platform: Platform, in_lab) -> None:
    """Lab's side area shows the same cards, from a kernel of its own."""
    walk = in_lab("docent", "nl")
    panel = walk.page.locator(".wp-data-panel")
    if not panel.is_visible():
        walk.page.get_by_role("tab", name="Gegevens").first.click()
    found = panel.locator('[data-dataset="vehicles"]')
    expect(found).to_be_visible(timeout=60_000)
    walk.keep("panel")
    found.get_by_role("button", name="Gebruik deze dataset").click()
    expect(found).to_contain_text("Klaar voor gebruik")
    walk.keep("panel-mounted")


def test_the_vault_is_nobodys_to_read(platform: Platform) -> None:
    """Not a person's, not the Hub's, not the desk's."""
    vault: Path = platform.instance.vault
    for user in (PREFIX + "mkb", platform.instance.hub_user, platform.instance.desk_user):
        assert platform.run("sudo", "-n", "-u", user, "ls", str(vault), check=False) == ""
    assert vault.stat().st_mode & 0o777 == 0o700
