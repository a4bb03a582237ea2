"""What became of a mount, as the audit's entries tell it, whatever was left open."""

from __future__ import annotations

import pytest
from tests.desk.fake_datasets import FakeAudit

from werkplaats_audit.events import Event, Outcome
from werkplaats_desk.uses import Use, Uses


def told(audit: FakeAudit, job: int = 0) -> list[Use]:
    """Return the mounts."""
    uses = Uses(audit.entries, job)
    return [use for version in uses.versions() for use in uses.of(*version)]


def unmount(job: int = 7) -> Event:
    """Return an act."""
    return Event(kind="unmount", person="mkb", dataset="vehicles", version="1.0.0", job=job)


@pytest.mark.parametrize("outcome", ["refused", "failed"])
def test_what_was_not_mounted(outcome: Outcome) -> None:
    """It is in no statement, once that is known."""
    audit = FakeAudit()
    begun = audit._add("mounts", event=unmount().model_copy(update={"kind": "mount"}))
    assert [(use.done, use.until) for use in told(audit)] == [(False, None)]
    audit._add("mounts", closes=begun, outcome=outcome)
    assert told(audit) == []


def test_an_unmount_that_was_begun() -> None:
    """It says so until its end is told; one that was refused leaves the mount as it was."""
    audit = FakeAudit()
    audit.mount("mkb", "vehicles")
    for outcome in ("refused", "done"):
        begun = audit._add("mounts", event=unmount())
        assert [(use.until, use.leaving) for use in told(audit)] == [(None, True)]
        audit._add("mounts", closes=begun, outcome=outcome)
        assert [use.leaving for use in told(audit)] == [False]
        assert [use.until is not None for use in told(audit)] == [outcome == "done"]


def test_each_goes_by_itself() -> None:
    """Of two jobs, and of two mounts after one another, each has its own end; one job can be asked for."""
    audit = FakeAudit()
    audit.mount("mkb", "vehicles", job=7)
    audit.mount("mkb", "vehicles", job=8)
    audit.end("mkb", "vehicles", job=7)
    audit.mount("mkb", "vehicles", job=7)
    assert [(use.job, use.until is None) for use in told(audit)] == [(7, False), (8, True), (7, True)]
    assert [use.job for use in told(audit, 8)] == [8]
