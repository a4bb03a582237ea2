"""While root's mark is on a job of a person, nothing else of theirs starts and nothing is shared."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from .browserless import Answer
from .conftest import PREFIX, Platform, until

pytestmark = pytest.mark.usefixtures("idle")

PROJECT = "mkb-verkenning"
SENTENCE = "While the dataset 'cohort' is mounted"
ENGLISH = {"Accept-Language": "en"}


@contextmanager
def marked(platform: Platform, job: str, note: str = "werkplaats-alone:cohort") -> Iterator[None]:
    """Have root's mark on a job for a while, as the mount daemon puts it there."""
    platform.run("scontrol", "update", f"jobid={job}", f"admincomment={note}")
    try:
        yield
    finally:
        platform.run("scontrol", "update", f"jobid={job}", "admincomment=", check=False)


@pytest.fixture
def job(platform: Platform) -> str:
    """Start a server of mkb's, and return its job's number."""
    mkb = platform.session("mkb")
    assert mkb.start({"flavour": "first-steps"}).status in (201, 202)
    mkb.wait_ready()
    (number,) = platform.jobs("mkb")
    return number


def sbatch(platform: Platform, role: str, account: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Hand a small job in as a person, past the Hub."""
    words = ["sbatch", "--parsable", f"--account={account}", "--output=/dev/null", "--time=1", "--mem=100M"]
    return as_person(platform, role, *words, *more, "--wrap=sleep 1")


def as_person(platform: Platform, role: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Slurm's as a person, whatever comes of it."""
    slurm_conf = f"SLURM_CONF={platform.instance.slurm_conf}"
    return subprocess.run(
        ["sudo", "-n", "-u", PREFIX + role, slurm_conf, *words],
        capture_output=True, text=True, check=False, cwd="/", timeout=60,
    )  # fmt: skip


def test_slurm_takes_nothing_else(platform: Platform, job: str) -> None:
    """Past the Hub too, also a question; others go on, and so does root; afterwards all is as it was."""
    with marked(platform, job):
        for more in ([], ["--test-only"], ["--hold"], ["--array=1-3"]):
            refused = sbatch(platform, "mkb", PROJECT, *more)
            assert refused.returncode != 0
            assert SENTENCE in refused.stderr
            assert "Zolang 'cohort' gekoppeld is, start er niets anders van jou." in refused.stderr
        for command in ("srun", "salloc"):
            refused = as_person(platform, "mkb", command, f"--account={PROJECT}", "--time=1", "true")
            assert refused.returncode != 0
            assert SENTENCE in refused.stderr
        assert sbatch(platform, "onderzoeker", "onderzoek").returncode == 0
        assert platform.jobs("mkb") == [job]
        by_root = platform.run(
            "sbatch", "--parsable", f"--uid={PREFIX}mkb", f"--account={PROJECT}", "--output=/dev/null",
            "--time=1", "--mem=100M", "--wrap=sleep 1",
        )  # fmt: skip
        assert int(by_root)
    assert sbatch(platform, "mkb", PROJECT).returncode == 0


def test_what_is_over_does_not_come_back(platform: Platform) -> None:
    """A person cannot have Slurm put an ended job back, which no door of a submission would see."""
    over = int(sbatch(platform, "mkb", PROJECT, "--requeue").stdout)
    until(lambda: platform.state(over) == "COMPLETED", within=30)
    for words in (
        ["requeue", str(over)],
        ["requeuehold", str(over)],
        ["update", f"jobid={over}", "requeue=1"],
    ):
        platform.run("scontrol", *words, user=PREFIX + "mkb", check=False)
        assert platform.state(over) == "COMPLETED"


def test_a_step_of_the_marked_job_runs(platform: Platform, job: str) -> None:
    """What a server does within its own job is no other start."""
    with marked(platform, job):
        step = ["srun", f"--jobid={job}", "--overlap", "--mem=0", "echo", "here"]
        done = platform.run(*step, user=PREFIX + "mkb")
    assert done.strip() == "here"


def test_another_note_hinders_nobody(platform: Platform, job: str) -> None:
    """An operator may write what they like of a job; and of what is over nothing binds."""
    with marked(platform, job, "werkplaats: a note"):
        assert sbatch(platform, "mkb", PROJECT).returncode == 0
    platform.run("scontrol", "update", f"jobid={job}", "admincomment=werkplaats-alone:cohort")
    platform.stop_everything()
    platform.wait_until_idle()
    assert sbatch(platform, "mkb", PROJECT).returncode == 0


def test_nobody_can_take_the_mark_away(platform: Platform, job: str) -> None:
    """It is root's to write: a person's own hand at it changes nothing."""
    with marked(platform, job):
        for note in ("", "x"):
            change = ["scontrol", "update", f"jobid={job}", f"admincomment={note}"]
            platform.run(*change, user=PREFIX + "mkb", check=False)
        assert SENTENCE in sbatch(platform, "mkb", PROJECT).stderr


def test_the_hub_starts_nothing_else(platform: Platform, job: str) -> None:
    """Over REST and by the form, with a sentence in the reader's language; no server is left waiting."""
    mkb = platform.session("mkb")
    with marked(platform, job):
        answer = mkb.start({"flavour": "first-steps"}, name="second")
        assert answer.status == 409, answer.body
        assert "cohort" in answer.body["message"]
        spawn = f"hub/spawn/{mkb.name}/third"
        page = mkb.post_form(spawn, {"flavour": "first-steps"}, headers=ENGLISH)
        assert page.status_code == 409
        assert "While the dataset &#39;cohort&#39; is mounted, nothing else of yours starts." in page.text
        assert platform.jobs("mkb") == [job]
        assert mkb.server()["ready"]
    assert mkb.start({"flavour": "first-steps"}, name="second").status in (201, 202)


def test_no_server_is_shared(platform: Platform, job: str) -> None:
    """Neither with a person, nor by a code, nor by a code of before."""
    beheer, owner = platform.session("beheer"), PREFIX + "mkb"

    def ask(path: str, body: Any) -> Answer:
        return beheer.api("POST", f"{path}/{owner}/", body)

    share: dict[str, Any] = {"user": beheer.name}
    code = ask("share-codes", {}).body["code"]
    with marked(platform, job):
        for path, body in (("shares", share), ("share-codes", {})):
            refused = ask(path, body)
            assert refused.status == 409, refused.body
            assert "cohort" in refused.body["message"]
        taken = beheer.post_form("hub/accept-share", {"code": code})
        assert taken.status_code == 409
        assert beheer.api("GET", f"shares/{owner}/").body["items"] == []
    assert ask("shares", share).status == 200
    assert beheer.api("PATCH", f"shares/{owner}/", share).status == 200
    assert beheer.api("DELETE", f"share-codes/{owner}/").status == 204


def test_a_server_sees_with_whom_it_is_shared(platform: Platform, job: str) -> None:
    """Its own token reads that of itself, for the desk to ask, and of nothing else."""
    beheer, owner = platform.session("beheer"), PREFIX + "mkb"
    (pid,) = platform.run("pgrep", "-u", owner, "-f", "jupyterhub-singleuser|werkplaats_server").split()[-1:]
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    token = next(v.partition("=")[2] for v in variables if v.startswith("JUPYTERHUB_API_TOKEN="))

    def read(path: str) -> requests.Response:
        headers = {"Authorization": f"token {token}"}
        return requests.get(f"{platform.instance.url}hub/api/{path}", headers=headers, timeout=30)

    assert read(f"shares/{owner}/").json()["items"] == []
    assert read(f"share-codes/{owner}/").json()["items"] == []
    assert beheer.api("POST", f"shares/{owner}/", {"user": beheer.name}).status == 200
    assert len(read(f"shares/{owner}/").json()["items"]) == 1
    assert beheer.api("PATCH", f"shares/{owner}/", {"user": beheer.name}).status == 200
    assert read(f"shares/{PREFIX}onderzoeker/").status_code in (403, 404)
