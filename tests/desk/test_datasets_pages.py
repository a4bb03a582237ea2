"""Datasets at the desk, as people and stewards see them on pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from tests.desk.conftest import TOMORROW, Browser, FakeQueue
from tests.desk.fake_datasets import CHECKER, FakeAudit, lay

from werkplaats_audit.events import Event
from werkplaats_datasets.grants import Revocations, read_revocations
from werkplaats_desk.desk import Desk
from werkplaats_desk.models import Access

Make = Callable[..., Browser]
WANTED = {"version": "1.0.0", "project": "onderzoek", "purpose": "We study sleep and age.", "until": TOMORROW}
COHORT, ASSETS = "datasets/cohort", "datasets/assets"


@pytest.fixture(autouse=True)
def project(fake_queue: FakeQueue) -> None:
    """Somebody is in a project."""
    fake_queue.let("onderzoek", "rijk", "mkb", "steward")


def revoked(person: Browser) -> Revocations:
    """Return the list that the mount daemon would read."""
    return read_revocations(CHECKER, person.get("api/revocations").json()["list"])


def test_what_a_page_says(browser: Make) -> None:
    """Whose it is, its terms, its size, its rows: in both languages; for who is signed in."""
    assert browser().get("datasets").status_code == 303, "sign in first"
    for language, words in (("en", "Do with it what you like."), ("nl", "Doe ermee wat u wilt.")):
        mkb = browser("mkb", language=language)
        listed = mkb.get("datasets").text
        for name in ("Vehicles", "Assets", "Cohort"):
            assert f"{name} ({language})" in listed
        page = mkb.get("datasets/vehicles").text
        assert "1.2 MB" in page.replace(",", ".")
        assert "sha256:" in page
        assert "CC0 1.0" in page
        assert "De Kleurmeesters" in page
        assert "<td>blauw</td>" in page
        assert "/data/vehicles/table.csv" in page
        assert words in page
    assert "No rows are shown" in browser("mkb").get(COHORT).text
    assert "made it up" in browser("mkb").get(COHORT).text
    assert browser("mkb").get("datasets/nothing").status_code == 404
    assert browser("mkb").get("datasets/..%2Fx").status_code == 404


def test_terms_are_accepted_once(browser: Make, audit: FakeAudit) -> None:
    """Shown, accepted, written down once; a second press is the same; another version's are others."""
    mkb = browser("mkb")
    assert "I accept these terms" in mkb.get(ASSETS).text
    assert mkb.post(f"{ASSETS}/acceptance", ASSETS, version="0.9").status_code == 409
    assert mkb.post(f"{ASSETS}/acceptance", ASSETS, version="1.0.0").status_code == 303
    assert "You accepted the terms of version 1.0.0" in mkb.get(ASSETS).text
    assert mkb.post(f"{ASSETS}/acceptance", "datasets/cohort", version="1.0.0").status_code == 303
    assert audit.told() == [("acceptance", "mkb", "done")]
    assert "1.0.0" in browser("steward").get(f"{ASSETS}/steward").text
    assert mkb.post("datasets/vehicles/acceptance", COHORT, version="1.0.0").status_code == 409


def test_a_new_version_has_new_terms(browser: Make, desk: Desk, file: object) -> None:
    """Accepted once per version."""
    mkb = browser("mkb")
    assert mkb.post(f"{ASSETS}/acceptance", ASSETS, version="1.0.0").status_code == 303
    lay(desk.watched._path.parent / "catalogue", "assets", "registered", "2.0.0")
    assert "I accept these terms" in mkb.get(ASSETS).text


def test_from_a_request_to_access_and_back(browser: Make, audit: FakeAudit) -> None:
    """Asked, approved with a word, taken back: each stands in the audit, and the list names it at once."""
    rijk, steward = browser("rijk"), browser("steward")
    assert rijk.post(f"{COHORT}/applications", COHORT, **WANTED).status_code == 303
    assert "Sjoukje Steward reads it and decides" in rijk.get(COHORT).text
    assert "1 request waits" in steward.get("").text
    assert "1 request waits" in steward.get("stewardship").text
    page = f"{COHORT}/steward"
    assert "We study sleep and age." in steward.get(page).text
    said = {"approve": "true", "word": "Succes", "version": 1}
    assert steward.post(f"{page}/1/decision", page, **said).status_code == 303
    assert steward.post(f"{page}/1/decision", page, **said).status_code == 409
    shown = rijk.get(COHORT).text
    assert "You have access in the project onderzoek" in shown
    assert "Succes" in shown
    assert revoked(rijk).entries == ()
    assert steward.post(f"{page}/revocation", page, what="access", number=1).status_code == 303
    (entry,) = revoked(rijk).entries
    assert entry.entitlement == "access-1"
    assert "took your access back" in rijk.get(COHORT).text
    assert steward.post(f"{page}/revocation", page, what="access", number=1).status_code == 409
    assert audit.told() == [
        ("application", "rijk", "done"),
        ("decision", "rijk", "done"),
        ("decision", "rijk", "refused"),
        ("revocation", "rijk", "done"),
        ("revocation", "rijk", "refused"),
    ]
    told = browser("rijk").get("history").text
    assert "Taken back by the steward" in told
    assert "refused (decided)" in told


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"project": "mkb-verkenning"}, 403),
        ({"project": ""}, 403),
        ({"purpose": "short"}, 400),
        ({"purpose": "a\x00" * 20}, 400),
        ({"until": "soon"}, 400),
        ({"until": date.today() - timedelta(1)}, 400),
        ({"until": date.today() + timedelta(1000)}, 400),
        ({"version": "3"}, 409),
    ],
)
def test_requests_that_make_no_sense(
    browser: Make, audit: FakeAudit, change: dict[str, object], status: int
) -> None:
    """Are said on the form, keep what was typed, and reach no steward."""
    rijk = browser("rijk")
    answer = rijk.post(f"{COHORT}/applications", COHORT, **{**WANTED, **change})
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert audit.told() == []


def test_one_open_request(browser: Make) -> None:
    """One per person and dataset; withdrawn, it can be asked anew."""
    rijk = browser("rijk")
    assert rijk.post(f"{COHORT}/applications", COHORT, **WANTED).status_code == 303
    assert rijk.post(f"{COHORT}/applications", COHORT, **WANTED).status_code == 409
    mkb = browser("mkb")
    assert mkb.post(f"{COHORT}/applications/1/withdrawal", COHORT).status_code == 403
    assert rijk.post(f"{COHORT}/applications/1/withdrawal", COHORT).status_code == 303
    assert rijk.post(f"{COHORT}/applications", COHORT, **WANTED).status_code == 303


def test_who_decides(browser: Make, fake_hub: object) -> None:
    """The record's steward and the facility's; no operator by that, and nobody on their own request."""
    steward, page = browser("steward"), f"{COHORT}/steward"
    assert steward.post(f"{COHORT}/applications", COHORT, **WANTED).status_code == 303
    own = steward.post(f"{page}/1/decision", page, approve="true", word="", version=1)
    assert own.status_code == 403
    assert "of their own" in own.text
    for name in ("beheer", "mkb", "docent"):
        other = browser(name)
        assert other.get(page).status_code == 403
        assert other.get("stewardship").status_code == 403
        answer = other.post(f"{page}/1/decision", COHORT, approve="true", word="", version=1)
        assert answer.status_code == 403
        assert other.post(f"{page}/revocation", COHORT, what="dataset").status_code == 403
    house = browser("huismeester")
    assert house.post(f"{page}/1/decision", page, approve="false", word="Nee", version=1).status_code == 303
    assert "Nee" in steward.get(COHORT).text


def test_an_acceptance_taken_back(browser: Make) -> None:
    """It cannot be given anew until the steward lets it; the list names it all along."""
    mkb, steward, page = browser("mkb"), browser("steward"), f"{ASSETS}/steward"
    mkb.post(f"{ASSETS}/acceptance", ASSETS, version="1.0.0")
    assert steward.post(f"{page}/revocation", page, what="acceptance", number=1).status_code == 303
    assert "took your access back" in mkb.get(ASSETS).text
    assert mkb.post(f"{ASSETS}/acceptance", COHORT, version="1.0.0").status_code == 403
    assert steward.post(f"{page}/revocation", page, what="lift-acceptance", number=1).status_code == 303
    assert mkb.post(f"{ASSETS}/acceptance", ASSETS, version="1.0.0").status_code == 303
    assert [one.entitlement for one in revoked(mkb).entries] == ["acceptance-1"]
    assert steward.post(f"{page}/revocation", page, what="acceptance", number=99).status_code == 404


def test_a_dataset_closed_for_everybody(browser: Make) -> None:
    """With a word that people read; opened again, the list still takes what was mounted before."""
    mkb, steward, page = browser("mkb"), browser("steward"), "datasets/vehicles/steward"
    closing = {"what": "dataset", "word": "A fault was found"}
    assert steward.post(f"{page}/revocation", page, **closing).status_code == 303
    assert "A fault was found" in mkb.get("datasets/vehicles").text
    assert "Closed by its steward" in mkb.get("datasets").text
    assert steward.post(f"{page}/revocation", page, what="dataset").status_code == 409
    assert steward.post(f"{page}/revocation", page, what="lift-dataset").status_code == 303
    assert "it is open to everybody" in mkb.get("datasets/vehicles").text
    assert [one.dataset for one in revoked(mkb).entries] == ["vehicles"]
    assert steward.post(f"{page}/revocation", page, what="everything").status_code == 400


def test_a_withdrawn_dataset_has_a_steward_still(browser: Make, desk: Desk) -> None:
    """It is not offered any more, and what was mounted of it can be taken back."""
    steward, page = browser("steward"), "datasets/vehicles/steward"
    entry = desk.watched._path.parent / "catalogue/vehicles/1.0.0/entry.json"
    entry.write_text(entry.read_text().replace('"withdrawn_at": null', '"withdrawn_at": 5'))
    assert steward.get("datasets/vehicles").status_code == 404
    assert steward.post(f"{page}/revocation", page, what="dataset", word="").status_code == 303
    assert [one.dataset for one in revoked(steward).entries] == ["vehicles"]


def test_what_is_over_leaves_the_list(browser: Make, desk: Desk) -> None:
    """An access that was taken back is listed until its last day is over."""
    rijk = browser("rijk")
    with desk.database.transaction() as session:
        for until in (date.today(), date.today() - timedelta(1)):
            session.add(
                Access(
                    person="rijk", dataset="cohort", dataset_version="1.0.0", project="onderzoek",
                    purpose="x", until=until, state="revoked", created_at=1, revoked_at=int(time.time()),
                )
            )  # fmt: skip
    assert [one.entitlement for one in revoked(rijk).entries] == ["access-1"]


def test_the_audit_is_away(browser: Make, audit: FakeAudit) -> None:
    """Nothing is done that cannot be written down, and the page says so; what needs no writing comes."""
    rijk, steward = browser("rijk"), browser("steward")
    audit.away = True
    for path, fields in (
        (f"{ASSETS}/acceptance", {"version": "1.0.0"}),
        (f"{COHORT}/applications", WANTED),
    ):
        answer = rijk.post(path, path.rpartition("/")[0], **fields)
        assert answer.status_code == 503
        assert "written down first" in answer.text
    assert "I accept these terms" in rijk.get(ASSETS).text
    assert "Ask for access under these terms" in rijk.get(COHORT).text
    assert rijk.get("history").status_code == 503
    shown = steward.get(f"{COHORT}/steward")
    assert shown.status_code == 200
    assert "The audit does not answer" in shown.text


def test_without_datasets(browser: Make, desk: Desk) -> None:
    """A facility that has none says so, and the desk's home does not lead there."""
    desk.datasets = None
    mkb = browser("mkb")
    assert mkb.get("datasets").status_code == 404
    assert "datasets" not in mkb.get("").text


def test_no_mounts_of_its_own(browser: Make, desk: Desk, file: object) -> None:
    """A machine that cannot mount into jobs says at each dataset what that means."""
    path = desk.watched._path
    path.write_text(desk.settings.model_copy(update={"own_mounts": False}).model_dump_json())
    mkb = browser("mkb")
    assert "only open datasets can be used here" in mkb.get(COHORT).text
    assert "it is open to everybody" in mkb.get("datasets/vehicles").text


def test_the_hub_is_away(browser: Make, fake_hub: object, fake_queue: FakeQueue) -> None:
    """Who is signed in reads, accepts and asks."""
    rijk = browser("rijk")
    rijk.hub.away = True
    assert rijk.post(f"{ASSETS}/acceptance", ASSETS, version="1.0.0").status_code == 303
    assert rijk.post(f"{COHORT}/applications", COHORT, **WANTED).status_code == 303


def test_why_a_mount_went(browser: Make, audit: FakeAudit) -> None:
    """A person reads in their history what they did not do themselves."""
    for why in ("asked", "desk-silent", "others-run"):
        event = Event(kind="unmount", person="rijk", dataset="cohort", version="1.0.0", job=7)
        audit.note(event.model_copy(update={"detail": {"why": why}}), "done")
    told = browser("rijk").get("history").text
    assert told.count("the desk was not heard for two minutes") == 1
    assert told.count("something else of theirs ran beside it") == 1
