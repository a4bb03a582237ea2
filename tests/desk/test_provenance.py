"""The provenance statement: from the audit's mounts, to read and for programs, for a project's members."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate
from tests.desk.conftest import Browser, Call, FakeQueue
from tests.desk.fake_datasets import FakeAudit

Make = Callable[..., Browser]
RESTS = {"project": "onderzoek", "purpose": "We study <sleep>.", "entitlement": "access-1"}


@pytest.fixture(autouse=True)
def used(fake_queue: FakeQueue, audit: FakeAudit) -> None:
    """Two people of a project mounted, one of them elsewhere too; one mount was begun and never closed."""
    fake_queue.let("onderzoek", "rijk", "mkb")
    audit.mount("rijk", "cohort", **RESTS)
    audit.end("rijk", "cohort", project="onderzoek")
    audit.mount("mkb", "vehicles", job=8, project="onderzoek", entitlement="open")
    audit.mount("mkb", "gone", job=9, project="elders", version="3")
    audit._add("mounts", event=audit.entries[0].event)  # as of a daemon that died
    audit.begin(audit.entries[0].event)  # type: ignore[arg-type]  # the desk's word is no mount


def test_of_a_project(call: Call) -> None:
    """Its members read what was mounted in it, whoever mounted; the terms, and where the audit ended."""
    answer = call("GET", "provenance?project=onderzoek&notebook=model.ipynb", "mkb@")
    assert answer.headers["content-type"].startswith("text/html")
    page = answer.text
    assert "Data used in the project onderzoek" in page
    assert "Cohort (en)" in page
    assert "Vehicles (en)" in page
    assert "We study &lt;sleep&gt;." in page
    assert "Do with it what you like." in page
    assert "f" * 64 in page
    assert "model.ipynb" in page
    assert "not in the audit yet" in page
    assert "gone" not in page
    assert page.count("<tbody>") == 2
    assert page.count("access-1") == 2
    assert page.count("not known how it ended") == 1
    for outside in ("<script", "<link", "<img", " src="):
        assert outside not in page


def test_of_oneself_and_of_a_job(call: Call) -> None:
    """Everything that one mounted, or in one job; also of a version that the catalogue has no more."""
    page = call("GET", "provenance", "mkb@").text
    assert "Data used by mkb" in page
    assert "the record of this version no more" in page
    assert "Cohort" not in page
    assert "gone" not in call("GET", "provenance?job=8", "mkb@").text
    assert "No dataset was mounted" in call("GET", "provenance?job=7", "mkb@").text


def test_who_may_read_it(call: Call, fake_queue: FakeQueue) -> None:
    """Members and who runs the place, not by a server's token; nobody by asking."""
    asked = "provenance?project=onderzoek"
    assert call("GET", asked, "docent").status_code == 403
    assert call("GET", asked, "beheer").status_code == 200
    assert call("GET", asked, "beheer@").status_code == 403
    assert call("GET", "provenance?project=nergens", "mkb").status_code == 403
    assert call("GET", "provenance?project=a%0Ab", "mkb").status_code == 400
    assert call("GET", "provenance?format=pdf", "mkb").status_code == 422


def test_what_everybody_is_in_tells_nobody_of_others(call: Call, fake_queue: FakeQueue) -> None:
    """Newcomers share an account, and are strangers to one another."""
    fake_queue.let("first-steps", "mkb", "student")
    assert call("GET", "provenance?project=first-steps", "mkb@").status_code == 403
    assert call("GET", "provenance?project=first-steps", "beheer").status_code == 200


def test_it_is_an_ro_crate(call: Call, tmp_path: Path) -> None:
    """As the library of that name reads it: version 1.1, its datasets, who mounted what, and the evidence."""
    answer = call("GET", "provenance?project=onderzoek&format=ro-crate", "rijk@")
    assert answer.headers["content-type"] == "application/ld+json"
    (tmp_path / "ro-crate-metadata.json").write_text(answer.text)
    crate = ROCrate(tmp_path)
    assert crate.metadata["conformsTo"] == "https://w3id.org/ro/crate/1.1"
    cohort = crate.dereference("#dataset-cohort-1.0.0")
    assert cohort["publisher"]["name"] == "De Kleurmeesters"
    assert cohort["license"]["name"] == "CC0 1.0"
    actions = [one for one in crate.get_entities() if one.type == "UseAction"]
    assert [one["agent"]["name"] for one in actions] == ["rijk", "rijk", "mkb"]
    assert "endTime" in actions[0].properties()
    assert "It is not known how this ended." in actions[1]["description"]
    assert "not known" not in actions[0]["description"]
    assert crate.dereference("#audit-head")["value"] == "f" * 64
    ids = [one["@id"] for one in json.loads(answer.text)["@graph"]]
    assert len(ids) == len(set(ids))
    named = json.loads(answer.text)["@graph"]
    refs = {ref["@id"] for one in named for ref in one.get("mentions", [])}
    assert refs <= set(ids)


def test_on_a_page(browser: Make) -> None:
    """Who is signed in asks by a form; the statement's own style is let in, and no other."""
    rijk = browser("rijk", language="nl")
    assert '<option value="onderzoek">' in rijk.get("provenance").text
    answer = rijk.get("provenance/statement?project=onderzoek&job=0&format=html")
    assert answer.status_code == 200
    assert '<html lang="nl">' in answer.text
    assert "sha256-" in answer.headers["content-security-policy"]
    assert rijk.get("provenance/statement?project=elders").status_code == 403
    crate = rijk.get("provenance/statement?format=ro-crate")
    assert "ro-crate-metadata.json" in crate.headers["content-disposition"]
