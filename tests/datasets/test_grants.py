"""Grants and revocations: what was signed is read, and nothing else is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from werkplaats_datasets.grants import (
    Grant,
    Revocation,
    Revocations,
    read_grant,
    read_revocations,
    sign_grant,
    sign_revocations,
)
from werkplaats_datasets.signed import Checker, Forged, Signer, new_key

SIGNER = Signer(new_key())
CHECKER = Checker(SIGNER.public())
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
    purpose="How sleep and health go together",
    issued_at=1000,
    expires_at=1060,
    ends_at=0,
)


def test_a_grant_comes_through() -> None:
    """What the desk signed is what the daemon reads."""
    assert read_grant(CHECKER, sign_grant(SIGNER, GRANT)) == GRANT


@given(st.integers(0, 2000), st.sampled_from("ABCxyz019-_."))
def test_one_letter_changed_is_forged(where: int, letter: str) -> None:
    """Whichever it is, unless it stands for the same bytes."""
    message = sign_grant(SIGNER, GRANT)
    where %= len(message) - 1  # of the last letter some bits mean nothing
    if message[where] == letter:
        return
    with pytest.raises(Forged):
        read_grant(CHECKER, message[:where] + letter + message[where + 1 :])


def test_another_key_or_another_kind_is_forged() -> None:
    """A list of revocations cannot be passed off as a grant, nor a stranger's grant as the desk's."""
    with pytest.raises(Forged):
        read_grant(Checker(Signer(new_key()).public()), sign_grant(SIGNER, GRANT))
    body = GRANT.model_dump_json().encode()
    with pytest.raises(Forged):
        read_grant(CHECKER, SIGNER.sign("werkplaats-revocations-v1", body))


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "../etc"},
        {"dataset": "a/b"},
        {"version": "../1"},
        {"job": "17"},
        {"job": 0},
        {"person": "root;id"},
        {"more": 1},
        {"alone": "yes"},
    ],
)
def test_signed_nonsense_is_refused(change: dict[str, object]) -> None:
    """Even the desk's own signature lets no path through."""
    body = json.dumps({**json.loads(GRANT.model_dump_json()), **change}).encode()
    with pytest.raises(Forged):
        read_grant(CHECKER, SIGNER.sign("werkplaats-grant-v1", body))


def test_what_a_revocation_takes() -> None:
    """By entitlement or by dataset, and only what was granted until then."""
    revoked = Revocations(issued_at=2000, entries=(Revocation(entitlement="access-12", at=1000),))
    assert read_revocations(CHECKER, sign_revocations(SIGNER, revoked)) == revoked
    assert revoked.takes(GRANT)
    assert not revoked.takes(GRANT.model_copy(update={"issued_at": 1001}))
    assert not revoked.takes(GRANT.model_copy(update={"entitlement": "access-13"}))
    assert Revocation(dataset="cohort", at=5000).takes(GRANT)
    assert not Revocation(dataset="vehicles", at=5000).takes(GRANT)
