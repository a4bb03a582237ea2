"""The rules of the three tiers: where a person stands with a dataset, and what a grant of it rests on.

Open ones are for everybody; of registered ones the terms are accepted, once per version; of restricted
ones access was approved, for a person, a project, a purpose and a version, until a day.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from werkplaats_datasets.record import Record
from werkplaats_desk.datasets import Shelf
from werkplaats_desk.models import APPROVED, REVOKED, SUBMITTED, WITHDRAWN, Acceptance, Access, Hold
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings
from werkplaats_desk.words import gettext as _

State = Literal["free", "terms", "apply", "waiting", "granted", "declined"]
OPEN: Final = "open"


@dataclass(frozen=True)
class Standing:
    """Where a person stands with a dataset.

    Attributes
    ----------
    state
        What they can do: take it, accept terms, apply, wait; or what was said.
    word
        What a steward wrote with their last decision.
    held
        Whether the steward took the whole dataset back.
    request
        What they asked for last, of a restricted one.
    """

    state: State
    word: str = ""
    held: bool = False
    request: Access | None = None


@dataclass(frozen=True)
class Grounds:
    """What a grant rests on.

    Attributes
    ----------
    ends_at
        When it is over (Unix time, s); 0 when it lasts as long as the job.
    """

    entitlement: str
    version: str
    purpose: str = ""
    ends_at: int = 0


def is_steward(person: Person, record: Record, settings: Settings) -> bool:
    """Return whether somebody decides on a dataset: its own steward, or one of the facility's.

    Who runs the place does not by that. A server's token never does: code that a steward opens is not
    the steward.
    """
    return person.server is None and (person.name == record.steward.person or is_everybodys(person, settings))


def is_everybodys(person: Person, settings: Settings) -> bool:
    """Return whether somebody is a steward of whatever dataset there is."""
    return person.name in settings.stewards or bool(person.groups & set(settings.steward_groups))


def over_at(until: date) -> int:
    """Return when a last day is over, here (Unix time, s)."""
    return int(datetime.combine(until + timedelta(1), clock()).timestamp())


def held(session: Session, dataset: str) -> Hold | None:
    """Return what a steward said who took the whole dataset back, while that stands."""
    return session.scalar(select(Hold).where(Hold.dataset == dataset, Hold.lifted_at.is_(None)))


def standing(session: Session, person: Person, record: Record, shelf: Shelf) -> Standing:
    """Return where somebody stands with a dataset, of which `record` is the version that is offered."""
    hold = held(session, record.id)
    if record.tier == "restricted":
        found = _of_restricted(session, person, record, shelf)
    elif record.tier == "registered":
        found = _of_registered(acceptance(session, person.name, record.id, record.version))
    else:
        found = Standing("free")
    return found if hold is None else Standing("declined", hold.word, True, found.request)


def _of_registered(accepted: Acceptance | None) -> Standing:
    if accepted is None:
        return Standing("terms")
    return Standing("granted" if accepted.revoked_at is None else "declined")


def _of_restricted(session: Session, person: Person, record: Record, shelf: Shelf) -> Standing:
    all_ = _asked(session, person, record)
    good = _good(all_, record, shelf)
    last = next((one for one in all_ if one.state == SUBMITTED), all_[0] if all_ else None)
    if good:
        return Standing("granted", good[0].word, request=good[0])
    if last is None or last.state == APPROVED:  # its last day is over, or its version is withdrawn
        return Standing("apply", request=last)
    return Standing("waiting" if last.state == SUBMITTED else "declined", last.word, request=last)


def _asked(session: Session, person: Person, record: Record) -> list[Access]:
    """Return what somebody asked for of a dataset, the latest first."""
    asked = select(Access).where(
        Access.person == person.name, Access.dataset == record.id, Access.state != WITHDRAWN
    )
    return list(session.scalars(asked.order_by(Access.id.desc()).limit(100)))


def _good(all_: list[Access], record: Record, shelf: Shelf) -> list[Access]:
    """Return the accesses that hold: of the version that is offered first, else of one not withdrawn."""
    today, good = date.today(), []
    for one in all_:
        there = shelf.find(record.id, one.dataset_version)
        lasts = one.state == APPROVED and one.until >= today
        if lasts and there is not None and there.entry.withdrawn_at is None:
            good.append(one)
    return sorted(good, key=lambda one: one.dataset_version != record.version)


def acceptance(session: Session, person: str, dataset: str, version: str) -> Acceptance | None:
    """Return somebody's acceptance of a version's terms, also one that a steward took back."""
    asked = select(Acceptance).where(
        Acceptance.person == person,
        Acceptance.dataset == dataset,
        Acceptance.dataset_version == version,
        Acceptance.lifted_at.is_(None),
    )
    return session.scalar(asked)


def accept(session: Session, person: Person, record: Record, version: str) -> Acceptance:
    """Write down that somebody accepts the terms they read; once is enough.

    Raises
    ------
    Refusal
        When there is nothing to accept, they read another version's, or the steward took it back.
    """
    if record.tier != "registered":
        raise Refusal(
            "no-terms", _("This dataset needs no acceptance: its page says what it does need."), 409
        )
    require_version(record, version)
    made = acceptance(session, person.name, record.id, record.version)
    if made is None:
        made = _accepted(session, person, record)
    if made.revoked_at is not None:
        raise _taken_back(record)
    return made


def _accepted(session: Session, person: Person, record: Record) -> Acceptance:
    made = Acceptance(
        person=person.name, dataset=record.id, dataset_version=record.version, accepted_at=int(time.time())
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # pressed twice in one moment
        return acceptance(session, person.name, record.id, record.version) or made
    return made


def require_version(record: Record, version: str) -> None:
    """Refuse who read of another version than the one that is offered."""
    if version != record.version:
        sentence = _("There is a new version of this dataset, {version}. Load its page again and read that.")
        raise Refusal("changed", sentence.format(version=record.version), 409)


def _taken_back(record: Record) -> Refusal:
    sentence = _("The steward took your access to this dataset back. Ask {name} why.")
    return Refusal("revoked", sentence.format(name=record.steward.name), 403)


def grounds(session: Session, person: Person, record: Record, project: str, shelf: Shelf) -> Grounds:
    """Return what a grant of a dataset in a project's job rests on.

    Raises
    ------
    Refusal
        When there is nothing that it could rest on.
    """
    hold = held(session, record.id)
    if hold is not None:
        sentence = _("The steward of this dataset has closed it for everybody. Ask {name} why.")
        raise Refusal("held", sentence.format(name=record.steward.name), 403)
    if record.tier == "open":
        return Grounds(OPEN, record.version)
    if record.tier == "registered":
        return _terms_accepted(session, person, record)
    return _access_granted(session, person, record, project, shelf)


def _terms_accepted(session: Session, person: Person, record: Record) -> Grounds:
    found = acceptance(session, person.name, record.id, record.version)
    if found is None:
        sentence = _("Read and accept the terms of this dataset first; its page shows them.")
        raise Refusal("terms", sentence, 403)
    if found.revoked_at is not None:
        raise _taken_back(record)
    return Grounds(f"acceptance-{found.id}", record.version)


def _access_granted(session: Session, person: Person, record: Record, project: str, shelf: Shelf) -> Grounds:
    all_ = _asked(session, person, record)
    good = _good(all_, record, shelf)
    for one in good:
        if one.project == project:
            return Grounds(f"access-{one.id}", one.dataset_version, one.purpose, over_at(one.until))
    raise _no_access(record, project, good, all_)


def _no_access(record: Record, project: str, good: list[Access], all_: list[Access]) -> Refusal:
    if good:
        sentence = _(
            "Your access to this dataset is for the project {granted}, and this server is of {project}. "
            "Start a server of {granted}."
        )
        return Refusal("other-project", sentence.format(granted=good[0].project, project=project), 403)
    if all_ and all_[0].state == REVOKED:
        return _taken_back(record)
    if all_ and all_[0].state == APPROVED:
        sentence = _(
            "Your access to this dataset has ended: its last day is over, or its version was withdrawn. "
            "Ask for it again on its page."
        )
        return Refusal("ended", sentence, 403)
    return Refusal("apply", _("You have no access to this dataset yet. Ask for it on its page."), 403)
