"""``api/applications``: the same requests for programs, with a token of the Hub's."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from werkplaats_desk import applications
from werkplaats_desk.application_pages import settle
from werkplaats_desk.applications import Decision, Draft
from werkplaats_desk.desk import Caller, TheDesk, require_operator

_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    401: {"description": "no token came with it"},
    403: {"description": "the token does not open the desk, or the person may not do this"},
    503: {"description": "the Hub is away, and the token is not one that was checked lately"},
}
router: Final = APIRouter(prefix="/api/applications", tags=["applications"], responses=_REFUSED)


class ApplicationOut(BaseModel):
    """A request and where it stands; moments are Unix time (s)."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    applicant: str
    title: str
    stream: str
    purpose: str
    gpu_hours: int
    ends: date
    state: str = Field(description="submitted, approved, declined or withdrawn")
    created_at: int
    decided_at: int | None
    decided_by: str | None
    word: str
    project: str | None = Field(description="the project's name, once approved")
    version: int


@router.get("", summary="Your requests; for operators with everybody=true those of all")
def listed(
    desk: TheDesk,
    person: Caller,
    everybody: Annotated[bool, Query()] = False,
    page: Annotated[int, Query(ge=1, le=10**6, description="Of those of all; 100 a page.")] = 1,
) -> list[ApplicationOut]:
    """Return requests."""
    if everybody:
        require_operator(desk, person)
    with desk.database.transaction() as session:
        found = applications.of(session, person)
        if everybody:
            found = applications.everybodys(session, page)[: applications.PAGE]
        return [ApplicationOut.model_validate(one) for one in found]


@router.post("", status_code=201, summary="Ask for a project")
def submit(desk: TheDesk, person: Caller, draft: Draft) -> ApplicationOut:
    """Hand a request in."""
    with desk.database.transaction() as session:
        made = applications.submit(session, desk.settings, person, draft, date.today())
        return ApplicationOut.model_validate(made)


@router.get("/{number}", summary="One request, yours or as an operator any")
def one(desk: TheDesk, person: Caller, number: int) -> ApplicationOut:
    """Return a request."""
    with desk.database.transaction() as session:
        found = applications.find(session, number, person, desk.settings)
        return ApplicationOut.model_validate(found)


@router.post("/{number}/decision", summary="Approve or decline; for operators")
def decide(desk: TheDesk, person: Caller, number: int, decision: Decision) -> ApplicationOut:
    """Decide on a request."""
    require_operator(desk, person)
    return ApplicationOut.model_validate(settle(desk, person, number, decision))
