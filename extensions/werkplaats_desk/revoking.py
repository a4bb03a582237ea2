"""What a steward takes back, and the list of it that the mount daemon goes by."""

from __future__ import annotations

import time
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from werkplaats_datasets.grants import Revocation, Revocations
from werkplaats_desk.access import held, over_at
from werkplaats_desk.access_requests import find
from werkplaats_desk.database import alone
from werkplaats_desk.models import APPROVED, REVOKED, Acceptance, Access, Hold
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

#: How long what was taken back stays in the list (s): no job lasts longer, and it must not grow for ever.
KEPT: Final = 30 * 86400


def access(session: Session, dataset: str, number: int, steward: Person) -> Access:
    """Take one access back; nothing is granted by it from here on.

    Raises
    ------
    Refusal
    """
    alone(session)  # a grant that is being made is made before this, and in the list, or not at all
    one = find(session, number, dataset)
    session.refresh(one, with_for_update=True)
    if one.state != APPROVED:
        raise Refusal("not-granted", _("This access does not stand any more. Load the page again."), 409)
    one.state, one.revoked_at, one.revoked_by = REVOKED, int(time.time()), steward.name
    session.flush()
    return one


def acceptance(session: Session, dataset: str, number: int, steward: Person) -> Acceptance:
    """Take one person's acceptance back; they cannot accept anew before that is lifted."""
    alone(session)
    one = _acceptance(session, dataset, number)
    if one.revoked_at is not None:
        raise Refusal("not-granted", _("This access does not stand any more. Load the page again."), 409)
    one.revoked_at, one.revoked_by = int(time.time()), steward.name
    session.flush()
    return one


def lift_acceptance(session: Session, dataset: str, number: int) -> Acceptance:
    """Let somebody accept anew whose acceptance was taken back."""
    alone(session)
    one = _acceptance(session, dataset, number)
    if one.revoked_at is None or one.lifted_at is not None:
        raise Refusal("not-revoked", _("This was not taken back, or not any more. Load the page again."), 409)
    one.lifted_at = int(time.time())
    session.flush()
    return one


def _acceptance(session: Session, dataset: str, number: int) -> Acceptance:
    found = session.get(Acceptance, number, with_for_update=True) if 0 < number < 2**31 else None
    if found is None or found.dataset != dataset:
        raise Refusal("no-acceptance", _("There is no such acceptance of this dataset."), 404)
    return found


def whole(session: Session, dataset: str, steward: Person, word: str) -> Hold:
    """Take a whole dataset back from everybody, until that is lifted."""
    alone(session)
    made = Hold(dataset=dataset, word=word, at=int(time.time()), by=steward.name)
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        raise Refusal("held", _("This dataset is closed already. Load the page again."), 409) from None
    return made


def lift_whole(session: Session, dataset: str, steward: Person) -> Hold:
    """Open a dataset again: what was accepted and approved before holds again."""
    alone(session)
    found = held(session, dataset)
    if found is None:
        raise Refusal("not-held", _("This dataset is not closed. Load the page again."), 409)
    found.lifted_at, found.lifted_by = int(time.time()), steward.name
    session.flush()
    return found


def revocations(session: Session, now: int) -> Revocations:
    """Return everything that was taken back, as long as a mount could still rest on it."""
    accesses = select(Access).where(Access.state == REVOKED, Access.revoked_at > now - KEPT)
    accepted = select(Acceptance).where(Acceptance.revoked_at > now - KEPT)
    holds = select(Hold).where(Hold.at > now - KEPT).order_by(Hold.at)
    whole_ones = {one.dataset: one.at for one in session.scalars(holds)}  # the latest of each
    entries = [
        *(Revocation(dataset=dataset, at=at) for dataset, at in whole_ones.items()),
        *(
            Revocation(entitlement=f"access-{one.id}", at=one.revoked_at or 0)
            for one in session.scalars(accesses.order_by(Access.id))
            if over_at(one.until) > now
        ),
        *(
            Revocation(entitlement=f"acceptance-{one.id}", at=one.revoked_at or 0)
            for one in session.scalars(accepted.order_by(Acceptance.id))
        ),
    ]
    return Revocations(issued_at=now, entries=tuple(entries))


def accepted_by(session: Session, dataset: str) -> list[Acceptance]:
    """Return who accepted the terms of a dataset, the latest first."""
    asked = select(Acceptance).where(Acceptance.dataset == dataset)
    return list(session.scalars(asked.order_by(Acceptance.id.desc()).limit(500)))
