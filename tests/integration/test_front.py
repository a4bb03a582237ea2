"""The start page and the waiting page on real Slurm: what they say is what Slurm then does."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browsers import sign_in

from .browserless import Session
from .conftest import PREFIX, Platform, until

pytestmark = pytest.mark.usefixtures("idle")

PROJECT = "mkb-verkenning"


def text(html: str) -> str:
    """Return what is read of a page, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def known(session: Session, **fields: str) -> dict[str, Any]:
    """Return what the start page's script is told."""
    answer = session.http.get(f"{session.url}hub/choices/{session.name}", params=fields, timeout=30)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def waiting_page(session: Session, name: str = "") -> str:
    """Return the waiting page's HTML."""
    path = f"hub/spawn-pending/{session.name}"
    return session.page(f"{path}/{name}" if name else path, allow_redirects=False).text


def press(session: Session, page: str, button: str, **fields: str) -> None:
    """Send one of the waiting page's forms, as a browser without JavaScript."""
    action = re.search(rf'<form action="/(hub/{button}/[^"]*)"', page)
    token = re.search(r'name="_xsrf" value="([^"]+)"', page)
    assert action
    assert token
    answer = session.http.post(
        session.url + action[1], data={"_xsrf": token[1], **fields}, timeout=60, allow_redirects=False
    )
    assert answer.status_code == 302, answer.text


def fill_the_share(platform: Platform) -> list[int]:
    """Have four plain jobs take the four GPUs of the regional share."""
    jobs = [platform.sbatch("mkb", PROJECT, "regional") for _ in range(4)]
    platform.until_running(*jobs)
    return jobs


def test_the_choices_of_an_idle_cluster_start_now(platform: Platform):
    """Slurm itself says so, as the person; hours left are the project's, and the script is launch's own."""
    mkb = platform.session("mkb")
    found = known(mkb, hours="2")
    for flavour in ("first-steps", "gpu-1", "gpu-2"):
        assert found["choices"][flavour]["line"].startswith("Kan starten: nu."), found
    assert "hierna" in found["choices"]["gpu-1"]["line"]
    assert found["note"] == ""
    header = found["choices"]["gpu-1"]["header"]
    assert f"#SBATCH --account={PROJECT}\n#SBATCH --qos=regional\n" in header
    assert platform.jobs("mkb") == [], "asking submits nothing"
    assert mkb.start({"flavour": "gpu-1", "hours": 2}).status in (201, 202)
    mkb.wait_ready()
    (number,) = platform.jobs("mkb")
    assert header in platform.run("scontrol", "write", "batch_script", number, "-")


def test_the_page_itself_shows_it_without_javascript(platform: Platform):
    """One big button; loaded again a moment later, the answers are there."""
    mkb = platform.session("mkb")
    first = text(mkb.page("hub/spawn").text)
    assert "Start (gratis, zonder GPU)" in first
    assert "GPU-uren voor werk op een GPU" in first
    until(lambda: "Kan starten: nu. Kost geen GPU-uren." in text(mkb.page("hub/spawn").text), 10)


def test_a_drained_node_is_not_free(platform: Platform):
    """Its GPUs are nobody's, and not to be had."""
    mkb = platform.session("mkb")
    until(lambda: list(known(mkb)["free"].values()) == ["16 van 16"], 15)
    platform.run("scontrol", "update", "nodename=" + platform.up.nodes[0].name, "state=drain", "reason=test")
    try:
        until(lambda: list(known(mkb)["free"].values()) == ["12 van 12"], 15)
    finally:
        platform.run("scontrol", "update", "nodename=" + platform.up.nodes[0].name, "state=resume")


def test_a_full_share_is_said_where_slurms_own_estimate_would_be_wrong(platform: Platform):
    """`sbatch --test-only` knows no group's use; the page does, and borrowing can start now."""
    mkb = platform.session("mkb")
    fill_the_share(platform)
    until(lambda: "zodra er een GPU van je deel vrij is" in known(mkb)["choices"]["gpu-1"]["line"], 15)
    assert known(mkb, lent="true")["choices"]["gpu-1"]["line"].startswith("Kan starten: nu.")


def test_a_place_that_others_borrowed_comes_after_their_notice(platform: Platform):
    """The whole cluster is lent; the owner of a share is told about when, and not *now*."""
    mkb = platform.session("mkb")
    lent = [
        platform.sbatch("mkb", PROJECT, "lent", "--gres=gpu:4", "--cpus-per-task=8", "--mem=32G")
        for node in platform.up.nodes
        if node.gpus
    ]
    platform.until_running(*lent)
    until(lambda: "Kan starten: rond " in known(mkb)["choices"]["gpu-1"]["line"], 20)
    assert "te lenen is" in known(mkb, lent="true")["choices"]["gpu-1"]["line"]


def test_who_waits_sees_why_and_where_and_can_stop(platform: Platform):
    """Slurm's reason in Dutch, each their own place, and Stop without JavaScript."""
    mkb, student = platform.session("mkb"), platform.session("student")
    jobs = fill_the_share(platform)
    for session in (mkb, student):
        assert session.start({"flavour": "gpu-1"}).status in (201, 202)
        page = f"hub/spawn-pending/{session.name}"
        until(
            lambda page=page, session=session: (
                "Alle GPU's van het deel van je stroom zijn in gebruik." in text(session.page(page).text)
            ),
            20,
        )
    until(lambda: "Je plaats in de wachtrij: 1 van 2." in text(waiting_page(mkb)), 10)
    until(lambda: "Je plaats in de wachtrij: 2 van 2." in text(waiting_page(student)), 10)
    press(mkb, waiting_page(mkb), "stop-waiting")
    until(lambda: set(platform.jobs("mkb")) == set(map(str, jobs)), 20)
    until(lambda: "Er staat niemand voor je in de wachtrij." in text(waiting_page(student)), 10)


def test_something_smaller_takes_the_place_of_what_waits(platform: Platform):
    """It is offered once Slurm says that it would start now; there is one job of the person's, never two."""
    mkb = platform.session("mkb")
    jobs = set(map(str, fill_the_share(platform)))
    assert mkb.start({"flavour": "gpu-2"}).status in (201, 202)
    until(lambda: 'name="flavour" id="smaller-button" value="first-steps"' in waiting_page(mkb), 30)
    (waited,) = set(platform.jobs("mkb")) - jobs
    press(mkb, waiting_page(mkb), "instead", flavour="first-steps")
    mkb.wait_ready()
    (number,) = set(platform.jobs("mkb")) - jobs
    assert number != waited
    assert platform.state(int(waited)) == "CANCELLED"
    assert (
        "gres/gpu" not in platform.run("scontrol", "show", "job", "-o", number).split("TRES=")[1].split()[0]
    )


def test_without_slurm_the_pages_still_come(platform: Platform):
    """With the age of their numbers, and what cannot be done now."""
    mkb = platform.session("mkb")
    known(mkb)
    platform.supervisor.stop("slurmctld")
    try:
        until(lambda: "er kan nu niets starten" in text(mkb.page("hub/spawn").text), 60)
        shown = text(mkb.page("hub/spawn").text)
        assert re.search(r"De getallen hieronder zijn van \d+:\d\d\.", shown)
    finally:
        platform.supervisor.start("slurmctld")
    until(lambda: known(mkb)["note"] == "", 60)
    # Its nodes register anew, and a start is not expected anywhere before they have.
    until(lambda: known(mkb)["choices"]["gpu-1"]["line"].startswith("Kan starten: nu."), 60)


def test_with_javascript_the_page_follows_what_is_filled_in(platform: Platform, browser: Browser):
    """A real browser: the cost changes with the hours; who waits sees it, and stops."""
    platform.session("mkb")
    page = browser.new_context(locale="nl").new_page()
    page.set_default_timeout(30_000)
    sign_in(page, platform.instance.url, PREFIX + "mkb", platform.passwords["demo"])
    page.wait_for_url("**/hub/spawn**")
    page.locator("summary", has_text="Meer opties").click()
    page.locator('input[name="flavour"][value="gpu-1"]').check()
    summary = page.locator("#this-request-text")
    expect(summary).to_contain_text("Kan starten: nu. GPU-uren over:")
    before = summary.inner_text()
    page.fill("#hours", "7")
    expect(summary).not_to_have_text(before)
    expect(page.locator("#script-text")).to_contain_text("#SBATCH --time=420")
    jobs = fill_the_share(platform)
    page.locator("#spawn_form button[type=submit]:not([form])").click()
    page.wait_for_url("**/hub/spawn-pending/**")
    expect(page.locator("#progress-message")).to_have_text(
        "Alle GPU's van het deel van je stroom zijn in gebruik."
    )
    expect(page.locator("#progress-place")).to_have_text("Er staat niemand voor je in de wachtrij.")
    expect(page.locator("#progress-slurm")).to_have_text(re.compile(r"In Slurm: taak \d+, QOSGrp\w+\."))
    expect(page.locator("#smaller")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_url("**/hub/home")
    page.context.close()
    until(lambda: set(platform.jobs("mkb")) == set(map(str, jobs)), 20)


def test_another_person_is_nobody_to_ask_about(platform: Platform):
    """What somebody has left is theirs to see."""
    mkb = platform.session("mkb")
    answer = mkb.page(f"hub/choices/{PREFIX}student")
    assert answer.status_code in (403, 404)
