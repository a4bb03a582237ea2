"""Datasets at the desk on a real machine: real servers ask, a real audit writes, a steward decides."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.desk.fake_datasets import lay
from werkplaats_datasets.grants import Grant, read_grant, read_revocations
from werkplaats_datasets.signed import Checker

from .conftest import PREFIX, Platform, until
from .desks import DESK, LATER, send

pytestmark = pytest.mark.usefixtures("idle", "desk_without_a_past", "catalogue")
ID, OPEN = "slaap", "kleuren"
PAGE = f"datasets/{ID}"


@pytest.fixture(scope="module")
def catalogue(platform: Platform) -> Iterator[None]:
    """An open dataset and a restricted one, beside those that are there."""
    folder = platform.instance.catalogue
    folder.mkdir(exist_ok=True, mode=0o755)
    steward = {"@type": "Person", "name": "De steward", "identifier": f"{PREFIX}steward"}
    lay(folder, OPEN, "open", maintainer=steward)
    lay(folder, ID, "restricted", maintainer=steward)
    yield
    for name in (OPEN, ID):
        shutil.rmtree(folder / name)


def checker(platform: Platform) -> Checker:
    """Return what checks the desk's signature, as the mount daemon has it."""
    return Checker((platform.instance.etc / "desk-signing-key.pub").read_bytes())


def token_of(job: str) -> str:
    """Return the token of the server in a job, as the server itself has it."""
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            values = dict(pair.partition(b"=")[::2] for pair in entry.read_bytes().split(b"\0"))
        except OSError:
            continue
        token = values.get(b"JUPYTERHUB_API_TOKEN")
        if token and values.get(b"SLURM_JOB_ID") == job.encode():
            return token.decode()
    raise AssertionError("no process of the job has a token")


def start(platform: Platform, role: str, project: str, name: str = "") -> tuple[str, str]:
    """Start a server; return its job and its token."""
    person, before = platform.session(role), set(platform.jobs(role))
    assert person.start({"project": project}, name).status in (201, 202)
    person.wait_ready(name)
    (job,) = set(platform.jobs(role)) - before
    return job, token_of(job)


def ask(platform: Platform, token: str, method: str, path: str, body: Any = None) -> requests.Response:
    """Call the desk's API as a server does."""
    headers = {"Authorization": f"token {token}", "Accept-Language": "en"}
    address = f"{platform.instance.desk_url}api/{path}"
    return requests.request(method, address, json=body, headers=headers, timeout=30)


def grant(platform: Platform, token: str, dataset: str, job: str) -> tuple[int, Grant | str]:
    """Ask for a grant; return what it says, or why there is none."""
    answer = ask(platform, token, "POST", "grants", {"dataset": dataset, "job": int(job)})
    said = answer.json()
    if answer.status_code != 200:
        return answer.status_code, str(said["reason"])
    return 200, read_grant(checker(platform), said["grant"])


def approved(platform: Platform) -> None:
    """Ask for the restricted dataset by the form, and have its steward approve it."""
    person, steward = platform.session("onderzoeker"), platform.session("steward")
    given = {"project": "onderzoek", "purpose": "We study how people sleep.", "until": LATER}
    answer = send(person, PAGE, f"{PAGE}/applications", version="1.0.0", **given)
    assert answer.status_code == 303, answer.text
    page = f"{PAGE}/steward"
    found = re.findall(r"steward/(\d+)/decision", steward.page(DESK + page).text)
    number = found[0]
    decided = send(steward, page, f"{page}/{number}/decision", approve="true", word="", version=1)
    assert decided.status_code == 303, decided.text


def told(platform: Platform, token: str) -> list[tuple[str, str]]:
    """Return what the person's own history says."""
    answer = ask(platform, token, "GET", "datasets/history")
    assert answer.status_code == 200, answer.text
    return [(one["kind"], one["outcome"]) for one in answer.json()]


def test_an_open_dataset_by_a_servers_own_token(platform: Platform) -> None:
    """A grant for that job; none for another's, none without a server; all of it is in the audit."""
    job, token = start(platform, "mkb", "mkb-verkenning")
    status, given = grant(platform, token, OPEN, job)
    assert status == 200, given
    assert isinstance(given, Grant)
    assert (given.person, given.job, given.project) == (PREFIX + "mkb", int(job), "mkb-verkenning")
    assert grant(platform, platform.session("mkb").token, OPEN, job) == (403, "not-a-server")
    assert grant(platform, token, OPEN, "999999") == (403, "no-job")
    assert grant(platform, token, ID, job) == (403, "apply")
    assert told(platform, token)[:4] == [
        ("grant", "refused"), ("grant", "refused"), ("grant", "refused"), ("grant", "done")
    ]  # fmt: skip


def test_a_restricted_dataset_from_request_to_revocation(platform: Platform) -> None:
    """Asked, approved, granted alone and in its project only; taken back, and at once no more."""
    approved(platform)
    job, token = start(platform, "onderzoeker", "onderzoek")
    status, given = grant(platform, token, ID, job)
    assert status == 200, given
    assert isinstance(given, Grant)
    assert given.alone
    assert given.purpose == "We study how people sleep."
    other = platform.sbatch("onderzoeker", "onderzoek", "eurohpc", "--begin=now+1hour")
    assert grant(platform, token, ID, job) == (409, "other-jobs")
    platform.run("scancel", str(other))
    until(lambda: grant(platform, token, ID, job)[0] == 200, within=10)
    steward, page = platform.session("steward"), f"{PAGE}/steward"
    number = given.entitlement.rpartition("-")[2]
    back = send(steward, page, f"{page}/revocation", what="access", number=number)
    assert back.status_code == 303, back.text
    assert grant(platform, token, ID, job) == (403, "revoked")
    listed = requests.get(f"{platform.instance.desk_url}api/revocations", timeout=10).json()["list"]
    assert read_revocations(checker(platform), listed).takes(given)
    assert ("revocation", "done") in told(platform, token)


def test_a_shared_server_gets_no_restricted_dataset(platform: Platform) -> None:
    """The Hub says who else can open the server, to the server's own token."""
    approved(platform)
    person = platform.session("onderzoeker")
    job, token = start(platform, "onderzoeker", "onderzoek")
    body = {"user": platform.session("mkb").name}
    path = f"shares/{person.name}/"
    shared = platform.session("beheer").api("POST", path, body)
    if shared.status == 200:
        assert grant(platform, token, ID, job) == (409, "shared")
        assert platform.session("beheer").api("DELETE", path).status in (200, 204)
    assert grant(platform, token, ID, job)[0] == 200


def test_without_the_audit_nothing_is_given(platform: Platform) -> None:
    """Said with a sentence; afterwards all is as before."""
    job, token = start(platform, "mkb", "mkb-verkenning")
    platform.supervisor.stop("audit")
    try:
        assert grant(platform, token, OPEN, job) == (503, "audit-away")
        assert ask(platform, token, "GET", "datasets").status_code == 200
    finally:
        platform.supervisor.start("audit")
    until(lambda: grant(platform, token, OPEN, job)[0] == 200, within=20)


def test_the_hub_is_away(platform: Platform) -> None:
    """A server that was known goes on, with what needs nothing new of the Hub."""
    job, token = start(platform, "mkb", "mkb-verkenning")
    assert grant(platform, token, OPEN, job)[0] == 200
    assert platform.session("mkb").page(f"{DESK}datasets").status_code == 200, "signed in at the desk"
    platform.supervisor.stop("hub")
    try:
        assert grant(platform, token, OPEN, job)[0] == 200
        assert platform.session("mkb").page(f"{DESK}datasets").status_code == 200
    finally:
        platform.supervisor.start("hub")
        platform.wait_for_hub()


def test_the_statement_of_a_project(platform: Platform) -> None:
    """For its members, to read and for programs; while nothing was mounted it says so."""
    mkb = platform.session("mkb")
    answer = mkb.page(f"{DESK}provenance/statement?project=mkb-verkenning")
    assert answer.status_code == 200
    assert mkb.page(f"{DESK}provenance/statement?project=onderzoek").status_code == 403
    crate = json.loads(mkb.page(f"{DESK}provenance/statement?format=ro-crate").text)
    head = next(one for one in crate["@graph"] if one["@id"] == "#audit-head")
    assert re.fullmatch(r"[0-9a-f]{64}", head["value"])
