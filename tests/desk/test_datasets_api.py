"""``api/datasets`` and ``api/grants``: what a notebook asks, and what it is given."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta

import pytest
from tests.desk.conftest import PREFIX, TOMORROW, Call, FakeQueue
from tests.desk.fake_datasets import CHECKER, FakeAudit, lay
from tests.desk.fake_hub import FakeHub

from werkplaats_datasets.grants import Grant, read_grant, read_revocations
from werkplaats_desk import access_requests, revoking
from werkplaats_desk.applications import Decision
from werkplaats_desk.centre.models import Look, Ticket
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person

JOB = {"id": 7, "user": "rijk", "account": "onderzoek", "state": "RUNNING"}
ASKED = {
    "version": "1.0.0", "project": "onderzoek", "purpose": "We study sleep.", "until": TOMORROW.isoformat()
}  # fmt: skip
SERVER = "rijk@"


@pytest.fixture(autouse=True)
def running(fake_queue: FakeQueue, fake_hub: FakeHub) -> None:
    """Somebody has a server, of a project of theirs."""
    fake_hub.jobs["rijk/"] = 7
    fake_queue.let("onderzoek", "rijk")
    fake_queue.jobs.append(dict(JOB))


def decided(desk: Desk, number: int = 1, approve: bool = True) -> None:
    """Have the steward decide."""
    with desk.database.transaction() as session:
        one = access_requests.find(session, number, "cohort")
        decision = Decision(approve=approve, version=one.version)
        access_requests.decide(session, one, Person("steward"), decision, date.today())


def ask(call: Call, dataset: str, name: str = SERVER, job: int = 7) -> tuple[int, str]:
    """Ask for a grant; return the status, and why not."""
    answer = call("POST", "grants", name, json={"dataset": dataset, "job": job})
    return answer.status_code, answer.json().get("reason", "")


def given(call: Call, dataset: str, name: str = SERVER) -> Grant:
    """Ask for a grant that is given; return what it says."""
    answer = call("POST", "grants", name, json={"dataset": dataset, "job": 7})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["path"] == f"/data/{dataset}"
    grant = read_grant(CHECKER, said["grant"])
    assert (said["dataset"], said["version"], said["expires_at"]) == (
        grant.dataset, grant.version, grant.expires_at
    )  # fmt: skip
    return grant


def test_cards(call: Call) -> None:
    """What a card shows, in both languages; where the person stands."""
    found = {one["id"]: one for one in call("GET", "datasets", SERVER).json()}
    assert {name: one["standing"] for name, one in found.items()} == {
        "vehicles": "free", "assets": "terms", "cohort": "apply"
    }  # fmt: skip
    assert found["vehicles"]["title"] == {"nl": "Vehicles (nl)", "en": "Vehicles (en)"}
    assert found["vehicles"]["page"] == f"{PREFIX}datasets/vehicles"
    whole = call("GET", "datasets/assets", SERVER).json()
    assert whole["terms"]["nl"] == "Doe ermee wat u wilt."
    assert whole["preview"]["rows"][2] == [None, 3]
    assert call("GET", "datasets/cohort", SERVER).json()["preview"] is None
    for name in ("nothing", "..%2F..%2Fetc", "A", "x" * 50):
        assert call("GET", f"datasets/{name}", SERVER).status_code in (404, 422)
    assert call("GET", "projects", SERVER).json() == ["onderzoek"]


def test_an_open_one(call: Call, audit: FakeAudit) -> None:
    """One call; the audit has it before and after."""
    grant = given(call, "vehicles")
    assert (grant.person, grant.job, grant.project) == ("rijk", 7, "onderzoek")
    assert (grant.entitlement, grant.alone, grant.ends_at) == ("open", False, 0)
    assert grant.expires_at == grant.issued_at + 60
    assert audit.told() == [("grant", "rijk", "done")]


def test_a_registered_one(call: Call, audit: FakeAudit) -> None:
    """After its terms, which the server's own token can accept: it is the person who presses."""
    assert ask(call, "assets") == (403, "terms")
    assert call("POST", "datasets/assets/acceptance", SERVER, json={"version": "1"}).status_code == 409
    accepted = call("POST", "datasets/assets/acceptance", SERVER, json={"version": "1.0.0"})
    assert accepted.json() == {"standing": "granted"}
    assert given(call, "assets").entitlement == "acceptance-1"
    assert audit.told()[0] == ("grant", "rijk", "refused")


def test_a_restricted_one(call: Call, desk: Desk) -> None:
    """For the project, until the end of the last day, alone."""
    assert ask(call, "cohort") == (403, "apply")
    made = call("POST", "datasets/cohort/applications", SERVER, json=ASKED)
    assert made.status_code == 201
    assert made.json()["state"] == "submitted"
    assert ask(call, "cohort") == (403, "apply")
    decided(desk)
    assert call("GET", "datasets/cohort", SERVER).json()["standing"] == "granted"
    grant = given(call, "cohort")
    assert (grant.entitlement, grant.alone, grant.purpose) == ("access-1", True, "We study sleep.")
    assert datetime.fromtimestamp(grant.ends_at) == datetime.combine(
        TOMORROW + timedelta(1), datetime.min.time()
    )


def granted(call: Call, desk: Desk) -> None:
    """Give somebody access."""
    assert call("POST", "datasets/cohort/applications", SERVER, json=ASKED).status_code == 201
    decided(desk)


def test_access_in_two_projects(call: Call, desk: Desk, fake_queue: FakeQueue) -> None:
    """Each is asked for and decided on by itself; the job's project says which one it is."""
    granted(call, desk)
    fake_queue.let("mkb-verkenning", "rijk")
    other = {**ASKED, "project": "mkb-verkenning"}
    assert call("POST", "datasets/cohort/applications", SERVER, json=other).status_code == 201
    decided(desk, 2)
    assert given(call, "cohort").entitlement == "access-1"
    fake_queue.jobs[0]["account"] = "mkb-verkenning"
    assert given(call, "cohort").entitlement == "access-2"


def test_only_with_a_servers_token(call: Call, desk: Desk) -> None:
    """Of the person whose job it is."""
    granted(call, desk)
    assert ask(call, "vehicles", "rijk") == (403, "not-a-server")
    assert ask(call, "cohort", "mkb@") == (403, "no-job")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"user": "mkb"}, (403, "no-job")),
        ({"id": 8}, (403, "no-job")),
        ({"state": "PENDING"}, (409, "not-running")),
        ({"state": "COMPLETED"}, (409, "not-running")),
    ],
)
def test_only_in_a_job_that_runs(
    call: Call, fake_queue: FakeQueue, audit: FakeAudit, change: dict[str, object], why: tuple[int, str]
) -> None:
    """Asked of Slurm in that moment; every refusal is in the audit with its reason."""
    fake_queue.jobs[0] |= change
    assert ask(call, "vehicles") == why
    assert audit.told() == [("grant", "rijk", "refused")]
    event = audit.entries[0].event
    assert event is not None
    assert event.detail == {"reason": why[1]}


def test_only_in_its_project(call: Call, desk: Desk, fake_queue: FakeQueue) -> None:
    """Access is for one project."""
    granted(call, desk)
    fake_queue.jobs[0]["account"] = "mkb-verkenning"
    assert ask(call, "cohort") == (403, "other-project")


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", "COMPLETING", "SOMETHING_NEW"])
def test_nothing_else_of_theirs(call: Call, desk: Desk, fake_queue: FakeQueue, state: str) -> None:
    """Runs or waits, as far as it is known; what is over, and what others have, does not matter."""
    granted(call, desk)
    fake_queue.jobs.append({**JOB, "id": 9, "state": state})
    assert ask(call, "cohort") == (409, "other-jobs")
    assert ask(call, "vehicles") == (200, "")
    fake_queue.jobs[1]["state"] = "COMPLETED"
    fake_queue.jobs.append({**JOB, "id": 10, "user": "mkb"})
    assert ask(call, "cohort") == (200, "")


def test_a_server_that_others_can_open(call: Call, desk: Desk, fake_hub: FakeHub) -> None:
    """Neither shared nor with a code out; and not while the Hub does not say."""
    granted(call, desk)
    fake_hub.shares["rijk/"] = ["mkb"]
    assert ask(call, "cohort") == (409, "shared")
    fake_hub.shares.clear()
    fake_hub.codes_out["rijk/"] = ["a-code"]
    assert ask(call, "cohort") == (409, "shared")
    fake_hub.codes_out.clear()
    assert ask(call, "cohort") == (200, "")
    fake_hub.away = True
    assert ask(call, "cohort") == (503, "shares-unknown")
    assert ask(call, "vehicles") == (200, "")


def test_a_token_that_names_another_server(call: Call, desk: Desk, fake_hub: FakeHub) -> None:
    """Anybody can make a token of theirs that names any server: what counts is whose job it is."""
    granted(call, desk)
    fake_hub.jobs["rijk/other"] = 8
    fake_hub.shares["rijk/"] = ["mkb"]
    assert ask(call, "cohort", "rijk@other") == (403, "another-server")
    fake_hub.jobs["rijk/other"] = 0
    assert ask(call, "cohort", "rijk@other") == (403, "another-server")
    assert ask(call, "vehicles", "rijk@other") == (200, "")


def test_while_an_expert_looks_along(call: Call, desk: Desk) -> None:
    """Not from the moment the person said yes, though the Hub shares it only a moment later."""
    granted(call, desk)
    now = int(time.time())
    with desk.database.transaction() as session:
        ticket = Ticket(
            person="rijk", key="a-form", stream="regional", subject="x", topic="data", urgency="low",
            language="nl", state="assigned", created_at=now, changed_at=now, expected_at=now,
        )  # fmt: skip
        session.add(ticket)
        session.flush()
        look = Look(
            ticket_id=ticket.id, person="rijk", expert="expert", server="rijk/", minutes=30, asked_at=now
        )
        session.add(look)
    assert ask(call, "cohort") == (200, "")
    with desk.database.transaction() as session:
        session.merge(look).began_at = now
    assert ask(call, "cohort") == (409, "shared")
    assert ask(call, "vehicles") == (200, "")


@pytest.mark.parametrize(
    ("began", "why"),
    [(-60, (409, "looked-along")), (60, (200, "")), (None, (409, "looked-along"))],
)
def test_after_an_expert_looked_along(
    call: Call, desk: Desk, fake_queue: FakeQueue, began: int | None, why: tuple[int, str]
) -> None:
    """Not in a server that ran then, for something may run there still: in the next one."""
    granted(call, desk)
    looked = int(time.time()) - 3600
    with desk.database.transaction() as session:
        ticket = Ticket(
            person="rijk", key="a-form", stream="regional", subject="x", topic="data", urgency="low",
            language="nl", state="assigned", created_at=looked, changed_at=looked, expected_at=looked,
        )  # fmt: skip
        session.add(ticket)
        session.flush()
        times = {"asked_at": looked, "began_at": looked, "ended_at": looked + 60}
        session.add(
            Look(ticket_id=ticket.id, person="rijk", expert="expert", server="rijk/", minutes=30, **times)
        )
    start = "Unknown" if began is None else datetime.fromtimestamp(looked + began).isoformat()
    fake_queue.jobs[0]["start"] = start
    assert ask(call, "cohort") == why
    assert ask(call, "vehicles") == (200, "")


def test_a_token_that_may_not_look_at_shares(call: Call, desk: Desk, fake_hub: FakeHub) -> None:
    """What is not known is refused."""
    granted(call, desk)
    scopes = ["access:services!service=desk", "access:servers!server=rijk/"]
    headers = {"Authorization": f"token {fake_hub.token('rijk', *scopes)}"}
    answer = call("POST", "grants", json={"dataset": "cohort", "job": 7}, headers=headers)
    assert answer.json()["reason"] == "shares-unknown"


def test_access_that_ended(call: Call, desk: Desk) -> None:
    """By its day, or taken back: nothing is granted from then on."""
    granted(call, desk)
    with desk.database.transaction() as session:
        access_requests.find(session, 1, "cohort").until = date.today() - timedelta(1)
    assert ask(call, "cohort") == (403, "ended")
    assert call("GET", "datasets/cohort", SERVER).json()["standing"] == "apply"
    with desk.database.transaction() as session:
        access_requests.find(session, 1, "cohort").until = date.today()
    assert ask(call, "cohort") == (200, "")
    with desk.database.transaction() as session:
        revoking.access(session, "cohort", 1, Person("steward"))
    assert ask(call, "cohort") == (403, "revoked")
    assert call("GET", "datasets/cohort", SERVER).json()["standing"] == "declined"


def test_closed_for_everybody(call: Call, desk: Desk) -> None:
    """Whatever the tier."""
    with desk.database.transaction() as session:
        revoking.whole(session, "vehicles", Person("steward"), "")
    assert ask(call, "vehicles") == (403, "held")
    with desk.database.transaction() as session:
        revoking.lift_whole(session, "vehicles", Person("steward"))
    assert ask(call, "vehicles") == (200, "")


def test_the_version_that_was_approved(call: Call, desk: Desk) -> None:
    """A new version is not what was approved: who has access keeps what they had, until it is withdrawn."""
    granted(call, desk)
    folder = desk.watched._path.parent / "catalogue"
    lay(folder, "cohort", "restricted", "2.0.0")
    assert given(call, "cohort").version == "1.0.0"
    entry = folder / "cohort/1.0.0/entry.json"
    entry.write_text(entry.read_text().replace('"withdrawn_at": null', '"withdrawn_at": 5'))
    assert ask(call, "cohort") == (403, "ended")
    assert call("GET", "datasets/cohort", SERVER).json()["standing"] == "apply"


@pytest.mark.parametrize("what", ["away", "full"])
def test_no_audit_no_grant(call: Call, audit: FakeAudit, what: str) -> None:
    """Neither when it cannot be begun nor when it cannot be closed."""
    setattr(audit, what, True)
    assert ask(call, "vehicles") == (503, "audit-away")
    assert ask(call, "cohort")[1] in ("audit-away", "apply")


def test_slurm_is_away(call: Call, fake_queue: FakeQueue) -> None:
    """What it said before is not enough; nobody asks for access without knowing their projects."""
    assert ask(call, "vehicles") == (200, "")
    fake_queue.away = True
    assert ask(call, "vehicles") == (503, "slurm-away")


def test_no_mounts_of_its_own(call: Call, desk: Desk) -> None:
    """There only open ones are granted."""
    granted(call, desk)
    path = desk.watched._path
    path.write_text(desk.settings.model_copy(update={"own_mounts": False}).model_dump_json())
    assert ask(call, "cohort") == (409, "no-own-mounts")
    assert ask(call, "vehicles") == (200, "")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"dataset": "../x", "job": 7},
        {"dataset": "vehicles", "job": 0},
        {"dataset": "vehicles", "job": "7\x00"},
        [],
    ],
)
def test_what_makes_no_sense(call: Call, body: object) -> None:
    """Is refused before anything is looked at."""
    assert call("POST", "grants", SERVER, json=body).status_code == 422


def test_ones_own_history(call: Call, audit: FakeAudit) -> None:
    """As the audit has it, the latest first; nobody else's."""
    assert ask(call, "cohort")[0] == 403
    given(call, "vehicles")
    audit.mount("rijk", "vehicles", project="onderzoek")
    audit.mount("mkb", "vehicles", project="onderzoek")
    audit.begin(audit.entries[0].event.model_copy(update={"detail": {}}))  # type: ignore[union-attr]
    told = [(one["kind"], one["outcome"]) for one in call("GET", "datasets/history", SERVER).json()]
    assert told == [("grant", "open"), ("mount", "done"), ("grant", "done"), ("grant", "refused")]
    audit.away = True
    assert call("GET", "datasets/history", SERVER).status_code == 503


def test_revocations_need_no_token(call: Call) -> None:
    """Whoever carries grants out reads them."""
    answer = call("GET", "revocations", headers={"Authorization": ""})
    assert answer.status_code == 200
    found = read_revocations(CHECKER, answer.json()["list"])
    assert found.entries == ()
    assert abs(found.issued_at - time.time()) < 60
