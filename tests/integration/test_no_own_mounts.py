"""A machine whose jobs have no mounts of their own: open datasets are there, and nothing else."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from single_machine.console import Console
from tests.instances import running
from werkplaats_datasets.catalogue import Catalogue
from werkplaats_datasets.grants import Grant, sign_grant
from werkplaats_datasets.signed import Signer

from .conftest import NAME, PREFIX, ROOT, Platform
from .desks import DESK
from .mounting import ASK
from .test_datasets_desk import ask, start

PEOPLE = f"{PREFIX}p"


@pytest.fixture(scope="module")
def plain() -> Iterator[Platform]:
    """An instance of its own, to which the operator said so: Slurm gives its jobs no namespaces."""
    console = Console(ROOT / "logs/plain.log", quiet=True)
    with running(ROOT / "plain", f"{NAME}p", PEOPLE, 33000, console, job_mounts=False) as up:
        yield Platform(up.instance, up.up, up.supervisor, up.passwords, people=PEOPLE)


@pytest.fixture(scope="module")
def server(plain: Platform) -> Iterator[tuple[str, str]]:
    """A running server of mkb's: its job and its token."""
    yield start(plain, "mkb", "mkb-verkenning")
    plain.stop_everything()


def within(plain: Platform, job: str, script: str) -> str:
    """Run a line of shell in a job; return what it wrote, and how it ended."""
    words = ["srun", f"--jobid={job}", "--overlap", "--mem=0", "--quiet", "sh", "-c"]
    return plain.run(*words, f"{script} 2>&1; echo =$?", user=f"{PEOPLE}mkb")


def said(plain: Platform, *messages: dict[str, Any]) -> list[Any]:
    """Ask the mount daemon as mkb."""
    done = subprocess.run(
        ["/usr/bin/python3", "-c", ASK, str(plain.instance.mounts_socket)],
        input="".join(json.dumps(one) + "\n" for one in messages),
        capture_output=True, text=True, check=True, cwd="/",
        user=f"{PEOPLE}mkb", group=f"{PEOPLE}mkb", extra_groups=[],
    )  # fmt: skip
    return [json.loads(line)[0] for line in done.stdout.splitlines()]


def test_slurm_gives_its_jobs_none(plain: Platform, server: tuple[str, str]) -> None:
    """It is the real thing: a job is where the node is, and the daemon and the doctor say so."""
    assert "JobContainerType" not in plain.instance.slurm_conf.read_text()
    job, _ = server
    here = Path("/proc/self/ns/mnt").stat().st_ino
    assert within(plain, job, "readlink /proc/self/ns/mnt") == f"mnt:[{here}]\n=0\n"
    assert said(plain, {"want": "can"}) == [{"own_mounts": False}]
    doctor = plain.werkplaats("doctor")
    assert "Jobs have no mounts of their own (WERKPLAATS_JOB_MOUNTS=no was given" in doctor.stdout


def test_an_open_dataset_is_there(plain: Platform, server: tuple[str, str]) -> None:
    """Under the same path, to read and not to write; "mount" has its use written down."""
    job, token = server
    path = plain.instance.data / "vehicles"
    answer = ask(plain, token, "POST", "grants", {"dataset": "vehicles", "job": int(job)})
    assert answer.status_code == 200, answer.text
    [mounted] = said(plain, {"want": "mount", "grant": answer.json()["grant"]})
    assert mounted["path"] == answer.json()["path"] == str(path)
    listed = within(plain, job, f"cd {path} && find . -type f -name '*.parquet'")
    assert listed.endswith("=0\n")
    first = listed.split()[0]
    assert within(plain, job, f"head -c4 {path}/{first}") == "PAR1=0\n"
    for line in (
        f"touch {path}/new",
        f"rm {path}/{first}",
        f"sh -c 'echo x >> {path}/{first}'",
        f"rm {path}",
    ):
        assert not within(plain, job, line).endswith("=0\n"), line
    vault = plain.instance.vault
    assert not within(plain, job, f"ls {vault}").endswith("=0\n")
    history = ask(plain, token, "GET", "datasets/history").json()
    assert ("mount", "done", "vehicles") in {(one["kind"], one["outcome"], one["dataset"]) for one in history}


@pytest.mark.parametrize("dataset", ["municipal-assets", "cohort"])
def test_the_other_tiers_are_refused(plain: Platform, server: tuple[str, str], dataset: str) -> None:
    """With the sentence, in both languages; also where the desk had granted it; and the page says why."""
    job, token = server
    answer = ask(plain, token, "POST", "grants", {"dataset": dataset, "job": int(job)})
    assert (answer.status_code, answer.json()["reason"]) == (409, "no-own-mounts")
    assert "This machine cannot give a job mounts of its own" in answer.json()["message"]
    signer = Signer((plain.instance.secrets / "desk-signing-key").read_bytes())
    for language, sentence in (("en", "no mounts of their own"), ("nl", "geen eigen koppelingen")):
        grant = grant_for(plain, dataset, int(job))
        wish = {"want": "mount", "grant": sign_grant(signer, grant), "language": language}
        [refused] = said(plain, wish)
        assert refused["trouble"] == "no-own-mounts"
        assert sentence in refused["message"]
    assert within(plain, job, f"ls -A {plain.instance.data}/{dataset}") == "=0\n"
    page = plain.session("mkb").page(f"{DESK}datasets/{dataset}", headers={"Accept-Language": "en"}).text
    assert "This machine cannot give a" in " ".join(page.split())


def grant_for(plain: Platform, dataset: str, job: int) -> Grant:
    """Return a grant that is good, but for the machine."""
    now, found = int(time.time()), Catalogue(plain.instance.catalogue).find(dataset)
    assert found is not None
    return Grant(
        id=secrets.token_hex(16),
        entitlement="access-1",
        person=f"{PEOPLE}mkb",
        job=job,
        project="mkb-verkenning",
        dataset=dataset,
        version=found.record.version,
        tier=found.record.tier,
        alone=found.record.tier == "restricted",
        purpose="",
        issued_at=now,
        expires_at=now + 60,
        ends_at=0,
    )
