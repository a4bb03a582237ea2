"""Whether somebody wants help to be offered, and when it is: for the same error, the fifth time, once."""

from __future__ import annotations

import time
from typing import Final, Literal

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from werkplaats_desk.centre.models import Offering, Trouble
from werkplaats_desk.signin import digest

Wanted = Literal["yes", "no"]
#: The fifth time help is offered.
TIMES: Final = 5
#: Who was offered help is left in peace for a while, whatever else goes wrong (s).
_PEACE: Final = 86400
#: How many errors of one person are counted; the one that came least lately goes.
_MOST: Final = 50


def of(session: Session, person: str) -> Literal["yes", "no", "unasked"]:
    """Return whether somebody wants help to be offered."""
    found = session.get(Offering, person)
    return "unasked" if found is None else "yes" if found.wanted == "yes" else "no"


def choose(session: Session, person: str, wanted: Wanted) -> None:
    """Keep what somebody wants; who does not want it is not counted, and what was counted goes."""
    now = int(time.time())
    try:
        with session.begin_nested():
            session.merge(Offering(person=person, wanted=wanted, at=now))
    except IntegrityError:  # twice at the same moment
        session.merge(Offering(person=person, wanted=wanted, at=now))
    if wanted == "no":
        session.execute(delete(Trouble).where(Trouble.person == person))


def trouble(session: Session, person: str, fingerprint: str, now: int) -> bool:
    """Count an error of somebody's; return whether help is to be offered for it now.

    Parameters
    ----------
    fingerprint
        What the widget calls it; kept as its SHA-256.
    """
    if of(session, person) != "yes":
        return False
    one = _counted(session, person, digest(fingerprint), now)
    if one.times < TIMES or one.offered_at is not None or _lately(session, person, now):
        return False
    one.offered_at = now
    session.flush()
    return True


def _counted(session: Session, person: str, fingerprint: str, now: int) -> Trouble:
    try:
        with session.begin_nested():
            session.add(Trouble(person=person, fingerprint=fingerprint, times=0, last_at=now))
            _forget(session, person)
    except IntegrityError:  # it came before
        pass
    one = session.get_one(Trouble, (person, fingerprint), with_for_update=True)
    one.times, one.last_at = one.times + 1, now
    session.flush()
    return one


def _forget(session: Session, person: str) -> None:
    asked = select(Trouble).where(Trouble.person == person).order_by(Trouble.last_at.desc())
    for old in session.scalars(asked.offset(_MOST)):
        session.delete(old)


def _lately(session: Session, person: str, now: int) -> bool:
    asked = select(Trouble.person).where(Trouble.person == person, Trouble.offered_at > now - _PEACE)
    return session.scalar(asked.limit(1)) is not None
