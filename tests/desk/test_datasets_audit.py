"""The desk with the audit that a facility has: what the desk begins and closes is in a chain that is good."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from tests.audit.test_service import DESK, Process, as_user, process, verified  # noqa: F401  # a fixture
from tests.desk.conftest import Call, FakeQueue

from werkplaats_audit.client import Audit
from werkplaats_audit.events import Event
from werkplaats_desk.desk import Desk

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can be several users")


class AsTheDesk(Audit):
    """The audit, asked as the desk's user."""

    def _exchange(self, line: bytes) -> bytes:
        with as_user(DESK):
            return super()._exchange(line)


def test_from_a_grant_to_a_statement(
    call: Call,
    desk: Desk,
    fake_queue: FakeQueue,
    process: Process,  # noqa: F811
) -> None:
    """A refusal, a grant, a mount by root; a history, a statement, a chain; then no audit, and no grant."""
    assert desk.datasets is not None
    desk.datasets = replace(desk.datasets, audit=AsTheDesk(process.socket))
    fake_queue.let("onderzoek", "rijk")
    fake_queue.jobs.append({"id": 7, "user": "rijk", "account": "onderzoek", "state": "RUNNING"})
    asked = {"dataset": "vehicles", "job": 7}
    assert call("POST", "grants", "rijk@", json={**asked, "dataset": "cohort"}).status_code == 403
    assert call("POST", "grants", "rijk@", json=asked).status_code == 200
    root = Audit(process.socket)
    act = {"person": "rijk", "dataset": "vehicles", "version": "1.0.0", "project": "onderzoek", "job": 7}
    root.close(root.begin(Event(kind="mount", entitlement="open", **act)), "done")
    root.note(Event(kind="end", **act), "done")
    told = [(one["kind"], one["outcome"]) for one in call("GET", "datasets/history", "rijk@").json()]
    assert told == [("end", "done"), ("mount", "done"), ("grant", "done"), ("grant", "refused")]
    page = call("GET", "provenance?project=onderzoek", "rijk@").text
    assert "Vehicles (en)" in page
    assert "not in the audit yet" not in page
    assert Audit(process.socket).head().hash in page
    assert verified(process) == 6
    process.end()
    assert call("POST", "grants", "rijk@", json=asked).json()["reason"] == "audit-away"
    process.start()
    assert call("POST", "grants", "rijk@", json=asked).status_code == 200
