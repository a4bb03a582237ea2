"""Whether a grant is carried out: from what is known, without looking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from werkplaats_datasets.grants import Grant, Revocation, Revocations
from werkplaats_mounts import decide
from werkplaats_mounts.sentences import REASONS, say
from werkplaats_mounts.slurm import Job

NOW = 1_800_000_000
GRANT = Grant(
    id="0" * 32,
    entitlement="access-12",
    person="onderzoeker",
    job=17,
    project="onderzoek",
    dataset="cohort",
    version="1.0.0",
    tier="restricted",
    alone=True,
    purpose="",
    issued_at=NOW,
    expires_at=NOW + 60,
    ends_at=0,
)
RUNS = Job(17, "onderzoeker", "onderzoek", "RUNNING")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"person": "mkb"}, "another-person"),
        ({"issued_at": NOW + 6}, "early"),
        ({"issued_at": NOW + 4}, None),
        ({"expires_at": NOW}, "expired"),
        ({"issued_at": NOW - 60, "expires_at": NOW + 9999}, "expired"),
        ({"ends_at": NOW}, "ended"),
        ({"ends_at": NOW + 1}, None),
    ],
)
def test_a_grant(change: dict[str, object], reason: str | None) -> None:
    """It is for who asks, and for a minute, whatever the desk wrote in it."""
    assert decide.grant(GRANT.model_copy(update=change), "onderzoeker", NOW) == reason


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (RUNS, None),
        (Job(17, "onderzoeker", "onderzoek", "RUNNING", "onderzoek"), None),
        (Job(17, "onderzoeker", "onderzoek", "RUNNING", "lent"), "lent"),
        (Job(18, "onderzoeker", "onderzoek", "RUNNING"), "another-job"),
        (Job(17, "mkb", "onderzoek", "RUNNING"), "another-job"),
        (Job(17, "onderzoeker", "rijk-verkenning", "RUNNING"), "another-project"),
        *((Job(17, "onderzoeker", "onderzoek", s), "not-running") for s in ("PENDING", "COMPLETING", "x")),
    ],
)
def test_a_job(job: Job, reason: str | None) -> None:
    """It runs, is the person's, and is charged to the project that the grant names."""
    assert decide.job(GRANT, [job]) == reason
    assert decide.job(GRANT, []) == "another-job"


def test_others() -> None:
    """Whatever runs, waits or still ends is something else of the person's; what is over is not."""
    for state, counts in (("PENDING", True), ("COMPLETING", True), ("NEW_STATE", True), ("FAILED", False)):
        other = Job(18, "onderzoeker", "onderzoek", state)
        assert decide.others("onderzoeker", 17, [RUNS, other]) is counts
    assert not decide.others("onderzoeker", 17, [RUNS, Job(19, "mkb", "a", "RUNNING")])


def test_what_must_go() -> None:
    """A job's end comes first; of a Slurm or a desk that said nothing, nothing is known."""
    taken = Revocations(issued_at=NOW, entries=(Revocation(entitlement="access-12", at=NOW),))
    other = Job(18, "onderzoeker", "onderzoek", "PENDING")
    assert decide.must_go(GRANT, None, None, NOW) is None
    assert decide.must_go(GRANT, None, (RUNS,), NOW) is None
    assert decide.must_go(GRANT, taken, (RUNS,), NOW) == "revoked"
    assert decide.must_go(GRANT, taken, None, NOW) == "revoked"
    assert decide.must_go(GRANT, None, (RUNS, other), NOW) == "others-run"
    assert decide.must_go(GRANT.model_copy(update={"alone": False}), None, (RUNS, other), NOW) is None
    assert decide.must_go(GRANT.model_copy(update={"ends_at": NOW}), None, (RUNS,), NOW) == "ended"
    assert decide.must_go(GRANT, taken, (), NOW) == "job-ended"
    assert decide.must_go(GRANT, None, (Job(17, "onderzoeker", "a", "COMPLETING"),), NOW) is None


def test_a_desk_that_is_not_heard() -> None:
    """What must be alone goes, and nothing else: what it took back meanwhile nobody knows."""
    registered = GRANT.model_copy(update={"alone": False, "tier": "registered"})
    assert decide.must_go(GRANT, None, (RUNS,), NOW, silent=True) == "desk-silent"
    assert decide.must_go(GRANT, None, None, NOW, silent=True) == "desk-silent"
    assert decide.must_go(registered, None, (RUNS,), NOW, silent=True) is None
    assert decide.must_go(GRANT, None, (), NOW, silent=True) == "job-ended"


@given(st.integers(0, 2 * NOW), st.integers(0, 2 * NOW), st.integers(0, 2 * NOW))
def test_no_grant_is_good_for_more_than_a_minute(issued: int, expires: int, now: int) -> None:
    """From its making on, give or take what two clocks differ."""
    grant = GRANT.model_copy(update={"issued_at": issued, "expires_at": expires})
    if decide.grant(grant, "onderzoeker", now) is None:
        assert issued - 5 <= now < issued + 60


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_is_said_in_both_languages(reason: str) -> None:
    """In whole sentences, the last of which says what to do."""
    dutch, english = say(reason, "nl"), say(reason, "en")
    assert dutch != english
    for text in (dutch, english):
        assert text.endswith(".")
        assert "  " not in text
        assert len(text.split(". ")) >= 2 or ";" in text or reason in ("not-mounted",), text
