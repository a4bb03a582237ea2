"""``api/applications``, with tokens of the Hub's; and the description of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.desk.conftest import PREFIX, Browser, Call
from tests.desk.fake_hub import FakeHub

from werkplaats_desk import hub as hubs
from werkplaats_desk.desk import Desk

Make = Callable[..., Browser]


def test_a_request_and_a_decision(call: Call, draft: dict[str, str], desk: Desk) -> None:
    """The same as by the form: five fields in, where it stands out."""
    made = call("POST", "applications", json={**draft, "gpu_hours": 100})
    assert made.status_code == 201
    assert made.json()["state"] == "submitted"
    assert call("POST", "applications", json={**draft, "gpu_hours": 100}).status_code == 409
    assert [one["id"] for one in call("GET", "applications").json()] == [1]
    assert call("GET", "applications", "ander").json() == []
    assert call("GET", "applications/1", "ander").status_code == 404
    assert call("GET", "applications?everybody=true").status_code == 403
    assert len(call("GET", "applications?everybody=true", "beheer").json()) == 1
    decision = {"approve": True, "word": "Yes", "version": 1}
    assert call("POST", "applications/1/decision", json=decision).status_code == 403
    decided = call("POST", "applications/1/decision", "beheer", json=decision).json()
    assert (decided["state"], decided["decided_by"]) == ("approved", "beheer")
    again = call("POST", "applications/1/decision", "chef", json=decision)
    assert again.status_code == 409
    assert again.json() == {"reason": "decided", "message": "beheer has approved this request already."}
    assert (desk.settings.projects_d / f"{decided['project']}.toml").exists()


@pytest.mark.parametrize(
    "body", [None, [], "x", {}, {"title": "x"}, {"title": ["a"]}, {"title": "abc", "extra": "<script>"}]
)
def test_what_makes_no_sense(call: Call, body: object) -> None:
    """Is refused with a sentence and the keys; what was sent is not sent back."""
    answer = call("POST", "applications", json=body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"reason", "message", "keys"}
    assert "<script>" not in answer.text


def test_who_may_call(call: Call, browser: Make, fake_hub: FakeHub) -> None:
    """A token that opens the desk; not a cookie, not a service, not somebody's other token."""
    assert browser("mkb").client.get(f"{PREFIX}api/applications").status_code == 401
    for scopes in (["read:users:name!user"], ["access:services!service=other"], ["access:servers"]):
        token = fake_hub.token("mkb", *scopes)
        headers = {"Authorization": f"token {token}"}
        assert browser().client.get(f"{PREFIX}api/applications", headers=headers).status_code == 403
    every = {"Authorization": f"Bearer {fake_hub.token('mkb', 'access:services')}"}
    assert browser().client.get(f"{PREFIX}api/applications", headers=every).status_code == 200
    for header in ("token", "token ", "Basic abc", "token caf\xe9".encode("latin-1"), "x" * 5000):
        headers = {"Authorization": header}
        assert browser().client.get(f"{PREFIX}api/applications", headers=headers).status_code == 401


def test_the_token_of_an_operators_server(browser: Make, fake_hub: FakeHub) -> None:
    """Opens the desk as that person, who decides nothing by it."""
    scopes = ["access:services!service=desk", "access:servers!server=beheer/"]
    headers = {"Authorization": f"token {fake_hub.token('beheer', *scopes)}"}
    client = browser().client
    assert client.get(f"{PREFIX}api/applications", headers=headers).status_code == 200
    assert client.get(f"{PREFIX}api/applications?everybody=true", headers=headers).status_code == 403


def test_a_token_is_checked_for_some_minutes(
    call: Call, fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at every call; a little longer while the Hub is away; then it is said that it cannot be checked."""
    clock = [1000.0]
    monkeypatch.setattr(hubs.time, "monotonic", lambda: clock[0])
    assert call("GET", "applications").status_code == 200
    before = fake_hub.asked
    assert call("GET", "applications").status_code == 200
    assert fake_hub.asked == before
    fake_hub.away = True
    clock[0] += 600
    assert call("GET", "applications").status_code == 200
    assert call("GET", "applications", "ander").status_code == 503
    clock[0] += 600
    assert call("GET", "applications").status_code == 503
    fake_hub.away = False
    fake_hub.tokens.clear()
    assert call("GET", "applications").status_code == 403


def test_the_description(browser: Make) -> None:
    """OpenAPI names what is for programs, and nothing of the pages."""
    found = browser().get("openapi.json").json()
    assert found["openapi"].startswith("3.")
    assert set(found["paths"]) == {
        f"{PREFIX}api/applications",
        f"{PREFIX}api/applications/{{number}}",
        f"{PREFIX}api/applications/{{number}}/decision",
        f"{PREFIX}allocation.csv",
        f"{PREFIX}expertise.csv",
        f"{PREFIX}api/datasets",
        f"{PREFIX}api/datasets/history",
        f"{PREFIX}api/datasets/{{name}}",
        f"{PREFIX}api/datasets/{{name}}/acceptance",
        f"{PREFIX}api/datasets/{{name}}/applications",
        f"{PREFIX}api/grants",
        f"{PREFIX}api/help",
        f"{PREFIX}api/help/offering",
        f"{PREFIX}api/help/trouble",
        f"{PREFIX}api/projects",
        f"{PREFIX}api/provenance",
        f"{PREFIX}api/revocations",
        f"{PREFIX}api/tickets",
        f"{PREFIX}api/tickets/{{number}}",
        f"{PREFIX}api/tickets/{{number}}/closed",
        f"{PREFIX}api/tickets/{{number}}/messages",
    }
