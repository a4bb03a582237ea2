"""Requests for restricted datasets: handed in by a person, decided on once by a steward."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import date, timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from werkplaats_datasets.record import Record
from werkplaats_desk.access import require_version
from werkplaats_desk.applications import Decision
from werkplaats_desk.deciding import close, decided
from werkplaats_desk.models import APPROVED, DECLINED, SUBMITTED, WITHDRAWN, Access
from werkplaats_desk.names import some_lines
from werkplaats_desk.people import Person
from werkplaats_desk.published import View
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

#: The longest that access is given for (days); then it is asked for again.
MOST_DAYS: Final = 2 * 366


class Draft(BaseModel):
    """What somebody says who asks for a restricted dataset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(max_length=31, description="The version they read about.")
    project: str = Field(max_length=64, description="The project in which it is used.")
    purpose: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=10, max_length=2000),
        AfterValidator(some_lines),
    ] = Field(description="What it is for.")
    until: date = Field(description="The last day.")


def projects(view: View, person: str) -> list[str]:
    """Return the projects that Slurm lets somebody charge."""
    return sorted(
        account for account, user in view.associations if user == person and view.may_start(account, user)
    )


def require_sense(record: Record, view: View, person: Person, draft: Draft, today: date) -> None:
    """Refuse a request that no steward could approve.

    Raises
    ------
    Refusal
    """
    if record.tier != "restricted":
        raise Refusal("no-request", _("This dataset needs no request: its page says what it does need."), 409)
    require_version(record, draft.version)
    if not view.at:
        sentence = _(
            "The cluster does not answer, so nobody can say which projects you are in. Try again soon."
        )
        raise Refusal("slurm-away", sentence, 503)
    if not view.may_start(draft.project, person.name):
        raise Refusal("no-project", _("Choose one of your projects."), 403)
    if not today <= draft.until <= today + timedelta(days=MOST_DAYS):
        raise Refusal("bad-day", _("Give a last day that is not over yet, and at most two years away."))


def submit(session: Session, person: Person, record: Record, draft: Draft) -> Access:
    """Hand a request in that makes sense.

    Raises
    ------
    Refusal
        When one of theirs waits already.
    """
    made = Access(
        person=person.name,
        dataset=record.id,
        dataset_version=record.version,
        project=draft.project,
        purpose=draft.purpose,
        until=draft.until,
        state=SUBMITTED,
        created_at=int(time.time()),
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        sentence = _("You asked for this dataset already; its steward has not decided yet.")
        raise Refusal("twice", sentence, 409) from None
    return made


def find(session: Session, number: int, dataset: str) -> Access:
    """Return a request for a dataset.

    Raises
    ------
    Refusal
    """
    found = session.get(Access, number) if 0 < number < 2**31 else None
    if found is None or found.dataset != dataset:
        raise Refusal("no-application", _("There is no such request for this dataset."), 404)
    return found


def decide(session: Session, one: Access, steward: Person, decision: Decision, today: date) -> None:
    """Approve or decline, once; never one's own.

    Raises
    ------
    Refusal
    """
    session.refresh(one, with_for_update=True)  # until this is over nobody else decides
    if one.person == steward.name:
        raise Refusal("own", _("Nobody decides on a request of their own. Ask another steward."), 403)
    if one.state != SUBMITTED or one.version != decision.version:
        raise decided(one)
    if decision.approve and one.until < today:
        raise Refusal(
            "bad-day", _("Its last day is over meanwhile. Decline it, so that it can be asked anew.")
        )
    close(session, one, APPROVED if decision.approve else DECLINED, steward, decision.word)


def withdraw(session: Session, one: Access, person: Person) -> None:
    """Take one's own request back while nobody decided."""
    if one.person != person.name:
        raise Refusal("not-yours", _("Only who made a request can withdraw it."), 403)
    session.refresh(one, with_for_update=True)
    if one.state != SUBMITTED:
        raise decided(one)
    close(session, one, WITHDRAWN, person, "")


def of_dataset(session: Session, dataset: str) -> list[Access]:
    """Return requests for a dataset: those that wait first, the oldest before; then the latest others."""
    asked = select(Access).where(Access.dataset == dataset)
    waiting = asked.where(Access.state == SUBMITTED).order_by(Access.id)
    others = asked.where(Access.state.not_in((SUBMITTED, WITHDRAWN))).order_by(Access.id.desc())
    return [*session.scalars(waiting.limit(500)), *session.scalars(others.limit(200))]


def waiting(session: Session, datasets: Collection[str]) -> dict[str, int]:
    """Return how many requests wait, of each of some datasets that has any."""
    asked = select(Access.dataset, func.count()).where(
        Access.state == SUBMITTED, Access.dataset.in_(list(datasets))
    )
    return {str(name): int(number) for name, number in session.execute(asked.group_by(Access.dataset))}
