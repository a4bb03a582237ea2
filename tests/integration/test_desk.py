"""The desk on a real machine: a request becomes a project in Slurm, and hours an account."""

from __future__ import annotations

import csv
import io
import subprocess
from pathlib import Path

import pytest
import requests

from .conftest import PREFIX, Platform, until
from .desks import DESK, ask, decide

pytestmark = pytest.mark.usefixtures("idle", "desk_without_a_past")


def plan(platform: Platform) -> str:
    """Return what the operator's plan shows."""
    return platform.werkplaats("streams", "plan").stdout


def test_a_request_becomes_a_project_in_slurm(platform: Platform) -> None:
    """Asked by a form, approved by the operator; within a minute it can be charged, and it is no drift."""
    page = ask(platform, "mkb", "Desk proef")
    assert decide(platform.session("beheer"), page, word="Succes").status_code == 303
    number = page.rpartition("/")[2]
    name = f"desk-proef-a{number}"
    until(lambda: "/hub/spawn?opt-project=" in platform.session("mkb").page(DESK + page).text, within=60)
    assert name in platform.run("sacctmgr", "-nP", "show", "account", "format=account")
    assert plan(platform).startswith("Nothing to change")
    started = platform.session("mkb").start({"project": name})
    assert started.status in (201, 202), started.body
    platform.session("mkb").wait_ready()
    assert platform.run("squeue", "-h", "-o", "%a").split() == [name]


def test_a_broken_file_takes_nothing_down(platform: Platform) -> None:
    """A file that cannot be used is said and left out; servers start as before."""
    path = platform.instance.drop.folder / "zz-broken.toml"
    path.write_text("title = [")
    try:
        assert platform.werkplaats("streams", "plan").returncode == 0
        found = platform.werkplaats("doctor")
        assert "zz-broken.toml: is not TOML" in found.stdout
        platform.session("mkb").start({})
        platform.session("mkb").wait_ready()
    finally:
        path.unlink()


def test_the_public_account(platform: Platform) -> None:
    """Without a log-in: what ran is in it within minutes, and no person is."""
    job = platform.sbatch("onderzoeker", "onderzoek", "eurohpc", script="sleep 20")
    platform.until_running(job)

    def used() -> float:
        text = requests.get(platform.instance.url + DESK + "allocation.csv", timeout=30).text
        rows = csv.DictReader(io.StringIO(text))
        return sum(float(row["used_gpu_hours"]) for row in rows if row["stream"] == "eurohpc")

    before = used()
    until(lambda: used() > before, within=240)
    page = requests.get(platform.instance.url + DESK + "allocation", timeout=30)
    assert page.status_code == 200
    people = platform.facility.demo.people if platform.facility.demo else ()
    assert [name for name in people if name in page.text] == []


def test_the_hub_is_down(platform: Platform) -> None:
    """Who is signed in at the desk goes on, and public pages come; then the Hub is back."""
    mkb = platform.session("mkb")
    assert mkb.page(DESK + "applications").status_code == 200
    platform.supervisor.stop("hub")
    try:
        assert mkb.page(DESK + "applications").status_code == 200
        assert requests.get(platform.instance.url + DESK + "allocation", timeout=30).status_code == 200
    finally:
        platform.supervisor.start("hub")
        platform.wait_for_hub()


def test_slurm_is_down(platform: Platform) -> None:
    """Pages come while neither the queue nor accounting answers."""
    platform.supervisor.stop("queue")
    try:
        assert platform.session("docent").page(DESK + "courses").status_code == 200
        assert requests.get(platform.instance.url + DESK + "allocation", timeout=30).status_code == 200
    finally:
        platform.supervisor.start("queue")


def test_its_secrets_and_database_are_its_own(platform: Platform) -> None:
    """Nobody else reads them; the token is on no command line; it listens on loopback alone."""
    for path in (platform.instance.state / "desk/desk.sqlite", platform.instance.secrets / "desk-token"):
        tried = ["sudo", "-n", "-u", PREFIX + "mkb", "cat", str(path)]
        denied = subprocess.run(tried, capture_output=True, check=False)
        assert denied.returncode != 0
    token = (platform.instance.secrets / "desk-token").read_text().strip().encode()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert token not in entry.read_bytes()
        except OSError:
            continue
    listening = platform.run("ss", "-Hltn", f"sport = :{platform.instance.port_desk}")
    assert listening.split()[3].startswith("127.0.0.1:")
