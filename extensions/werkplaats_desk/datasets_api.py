"""``api/datasets``, ``api/grants``, ``api/revocations``: datasets for programs, first of all notebooks."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from werkplaats_datasets.catalogue import Dataset, Preview
from werkplaats_datasets.names import DatasetId
from werkplaats_datasets.record import Words
from werkplaats_desk import access, access_requests, granting, history
from werkplaats_desk.access import Standing, State
from werkplaats_desk.access_requests import Draft
from werkplaats_desk.announcing import signed
from werkplaats_desk.dataset_acts import accept, apply
from werkplaats_desk.desk import Caller, Desk, TheDatasets, TheDesk
from werkplaats_desk.granting import Wanted

_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    400: {"description": "what was sent cannot be read"},
    401: {"description": "no token came with it"},
    403: {"description": "the token does not open the desk, or the person may not do this"},
    404: {"description": "there is no such dataset"},
    503: {"description": "the Hub, the cluster or the audit is away; nothing was done"},
}
_NOT_NOW: Final[dict[int | str, dict[str, Any]]] = {
    409: {"description": "not as things are; the message says why"}
}
router: Final = APIRouter(prefix="/api", tags=["datasets"], responses=_REFUSED)
Id = Annotated[DatasetId, Path(description="What the dataset is called in paths and addresses.")]


class Both(BaseModel):
    """A text in both languages."""

    model_config = ConfigDict(from_attributes=True)

    nl: str
    en: str


class Card(BaseModel):
    """A dataset as a card shows it, and where the person stands.

    Moments are Unix time (s).
    """

    id: str
    version: str
    title: Both
    description: Both
    owner: str
    owner_url: str
    steward: str
    licence: str
    licence_title: str
    tier: Literal["open", "registered", "restricted"]
    sensitivity: str
    purposes: list[Both]
    synthetic: bool
    size_bytes: int
    files: int
    checksum: str
    read_with: str = Field(description="a line of Python; {path} stands for where it is mounted")
    path: str = Field(description="where a job finds it once it is mounted")
    page: str = Field(description="its page at the desk, below the public address")
    standing: State
    word: str = Field(description="what the steward wrote with their last decision")
    project: str = Field(description="the project that access was granted or asked for")
    until: date | None = Field(description="the last day of that")


class Whole(Card):
    """All that is known of a dataset."""

    terms: Both
    legal_basis: Both
    consent: Both
    preview: Preview | None


class Acceptance(BaseModel):
    """That the terms of a version are accepted."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str, Field(max_length=31)]


class Asked(BaseModel):
    """A request for a restricted dataset, and where it stands."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    dataset: str
    dataset_version: str
    project: str
    purpose: str
    until: date
    state: str
    created_at: int


class Given(BaseModel):
    """A grant: what the mount daemon takes, once, and what it says."""

    grant: str
    path: str
    dataset: str
    version: str
    expires_at: int


class Listed(BaseModel):
    """What was taken back, signed."""

    list: str


@router.get("/datasets", summary="Every dataset that is offered, and where you stand with it")
def offered(desk: TheDesk, datasets: TheDatasets, person: Caller) -> list[Card]:
    """Return cards."""
    found = datasets.catalogue.offered()
    with desk.database.transaction() as session:
        stands = [access.standing(session, person, one.record, datasets.catalogue) for one in found]
    return [Card(**_card(desk, one, stand)) for one, stand in zip(found, stands, strict=True)]


@router.get("/datasets/history", summary="What you did with datasets, as the audit has it; the latest first")
def mine(datasets: TheDatasets, person: Caller) -> list[history.Act]:
    """Return a person's own acts."""
    return history.of_person(datasets.audit, person.name)


@router.get("/datasets/{name}", summary="One dataset, with its terms and the first rows")
def one(desk: TheDesk, datasets: TheDatasets, person: Caller, name: Id) -> Whole:
    """Return all of a dataset's record that people read."""
    found = datasets.offered(name)
    with desk.database.transaction() as session:
        stand = access.standing(session, person, found.record, datasets.catalogue)
    record = found.record
    return Whole(
        **_card(desk, found, stand),
        terms=_both(record.terms),
        legal_basis=_both(record.legal_basis),
        consent=_both(record.consent),
        preview=found.preview,
    )


@router.post(
    "/datasets/{name}/acceptance", summary="Accept the terms of a registered dataset", responses=_NOT_NOW
)
def accepted(
    desk: TheDesk, datasets: TheDatasets, person: Caller, name: Id, given: Acceptance
) -> dict[Literal["standing"], State]:
    """Accept terms, once per version."""
    accept(desk, datasets, person, name, given.version)
    return {"standing": "granted"}


@router.post(
    "/datasets/{name}/applications",
    status_code=201,
    summary="Ask for a restricted dataset, for one of your projects",
    responses=_NOT_NOW,
)
def ask(desk: TheDesk, datasets: TheDatasets, person: Caller, name: Id, draft: Draft) -> Asked:
    """Hand a request in."""
    return Asked.model_validate(apply(desk, datasets, person, name, draft))


@router.get("/projects", summary="Your projects, as the cluster has them")
def projects(desk: TheDesk, person: Caller) -> list[str]:
    """Return the projects for which a dataset can be asked."""
    return access_requests.projects(desk.queue.view(), person.name)


@router.post(
    "/grants",
    summary="A grant for the server that asks: for one mount, within a minute",
    responses=_NOT_NOW,
)
def grant(desk: TheDesk, datasets: TheDatasets, person: Caller, wanted: Wanted) -> Given:
    """Sign a grant."""
    message, made = granting.give(desk, datasets, person, wanted)
    path = str(desk.settings.data / made.dataset)
    return Given(
        grant=message, path=path, dataset=made.dataset, version=made.version, expires_at=made.expires_at
    )


@router.get("/revocations", summary="What was taken back, signed; for everybody, it names no people")
def revocations(desk: TheDesk, datasets: TheDatasets) -> Listed:
    """Return the list that the mount daemon goes by."""
    return Listed(list=signed(desk, datasets))


def _card(desk: Desk, found: Dataset, stand: Standing) -> dict[str, Any]:
    record, entry = found.record, found.entry
    same = {"id", "version", "licence", "licence_title", "tier", "sensitivity", "synthetic", "read_with"}
    return {
        **record.model_dump(include=same),
        "title": _both(record.title),
        "description": _both(record.description),
        "owner": record.owner.name,
        "owner_url": record.owner.url,
        "steward": record.steward.name,
        "purposes": [_both(purpose.title) for purpose in record.purposes],
        "size_bytes": entry.size_bytes,
        "files": entry.files,
        "checksum": entry.checksum,
        "path": str(desk.settings.data / record.id),
        "page": f"{desk.settings.prefix}datasets/{record.id}",
        "standing": stand.state,
        "word": stand.word,
        "project": stand.request.project if stand.request else "",
        "until": stand.request.until if stand.request else None,
    }


def _both(words: Words) -> Both:
    return Both.model_validate(words)
