"""Requests for a project: handed in, decided on once, and then a file in ``projects.d``."""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import case, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from werkplaats_desk import budget
from werkplaats_desk.deciding import close, decided
from werkplaats_desk.models import APPROVED, DECLINED, SUBMITTED, WITHDRAWN, Application
from werkplaats_desk.names import PATTERN, one_line, project_name, some_lines
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings
from werkplaats_desk.signin import digest
from werkplaats_desk.words import gettext as _

MOST_OPEN: Final = 10
MOST_DAYS: Final = 5 * 366
#: How many requests a page of the operator's list has.
PAGE: Final = 100

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=80), AfterValidator(one_line)
]
Word = Annotated[str, Field(max_length=1000), AfterValidator(some_lines)]


class Draft(BaseModel):
    """The five fields of a request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Title = Field(description="What the project is called.")
    stream: str = Field(max_length=40, description="Which stream pays for it.")
    purpose: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=10, max_length=4000),
        AfterValidator(some_lines),
    ] = Field(description="What it is for.")
    gpu_hours: int = Field(ge=1, le=1_000_000, description="GPU-hours in one period.")
    ends: date = Field(description="Its last day.")


class Decision(BaseModel):
    """What an operator decided, and on which version of the request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    approve: bool
    word: Word = ""
    version: int


def require_day(ends: date, today: date) -> None:
    """Refuse a last day that is over, or too far away to mean anything."""
    if not today <= ends <= today + timedelta(days=MOST_DAYS):
        raise Refusal("bad-day", _("Give a last day that is not over yet, and at most five years away."))


def submit(session: Session, settings: Settings, person: Person, draft: Draft, today: date) -> Application:
    """Hand a request in.

    Raises
    ------
    Refusal
        When it makes no sense, or is there already.
    """
    if settings.stream(draft.stream) is None:
        raise Refusal("no-stream", _("Choose one of the streams."))
    require_day(draft.ends, today)
    open_ones = select(func.count()).where(
        Application.applicant == person.name, Application.state == SUBMITTED
    )
    if int(session.scalar(open_ones) or 0) >= MOST_OPEN:
        raise Refusal("too-many", _("You have ten open requests. Wait for a decision, or withdraw one."), 409)
    made = Application(
        applicant=person.name,
        title=draft.title,
        stream=draft.stream,
        purpose=draft.purpose,
        gpu_hours=draft.gpu_hours,
        ends=draft.ends,
        same=digest(f"{draft.stream}\n{draft.title.casefold()}"),
        state=SUBMITTED,
        created_at=int(time.time()),
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        sentence = _("You asked for this already; that request is still open. You see it in the list.")
        raise Refusal("twice", sentence, 409) from None
    return made


def find(session: Session, number: int, person: Person, settings: Settings) -> Application:
    """Return a request that somebody may see: their own, or as an operator any."""
    found = session.get(Application, number) if 0 < number < 2**31 else None
    if found is None or not (found.applicant == person.name or person.decides(settings)):
        raise Refusal("no-application", _("There is no such request, or it is not yours."), 404)
    return found


def of(session: Session, person: Person) -> list[Application]:
    """Return somebody's own requests, the newest first."""
    asked = select(Application).where(Application.applicant == person.name)
    return list(session.scalars(asked.order_by(Application.id.desc()).limit(200)))


def everybodys(session: Session, page: int = 1) -> list[Application]:
    """Return a page of all requests, and one more where there is a next page.

    Those that wait come first, and the newest of either kind before the others.
    """
    asked = select(Application).order_by(
        case((Application.state == SUBMITTED, 0), else_=1),
        func.coalesce(Application.decided_at, Application.created_at).desc(),
        Application.id.desc(),
    )
    return list(session.scalars(asked.offset((page - 1) * PAGE).limit(PAGE + 1)))


def decide(
    session: Session, settings: Settings, one: Application, operator: Person, decision: Decision, today: date
) -> None:
    """Approve or decline, once.

    Raises
    ------
    Refusal
        When somebody decided before, or what was asked for cannot be given (any more).
    """
    session.refresh(one, with_for_update=True)  # until this is over nobody else decides
    if one.state != SUBMITTED or one.version != decision.version:
        raise decided(one)
    if decision.approve:
        require_day(one.ends, today)
        budget.require(session, settings, one.stream, one.gpu_hours, today)
        one.project = _name(settings, one)
    close(session, one, APPROVED if decision.approve else DECLINED, operator, decision.word)


def withdraw(session: Session, one: Application, person: Person) -> None:
    """Take one's own request back while nobody decided."""
    if one.applicant != person.name:
        raise Refusal("not-yours", _("Only who made a request can withdraw it."), 403)
    session.refresh(one, with_for_update=True)
    if one.state != SUBMITTED:
        raise decided(one)
    close(session, one, WITHDRAWN, person, "")


def _name(settings: Settings, one: Application) -> str:
    name = project_name(one.title, "a", one.id)
    if name in settings.projects or not PATTERN.fullmatch(name):
        sentence = _("A project '{name}' is there already in the facility's file; rename that one first.")
        raise Refusal("name-taken", sentence.format(name=name), 409)
    return name
