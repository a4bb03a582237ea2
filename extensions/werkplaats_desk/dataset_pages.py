"""The pages of datasets: what there is, and of each whose it is, its terms, and what to do to use it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from werkplaats_desk import access, access_requests, dataset_acts, fields
from werkplaats_desk.access_requests import Draft
from werkplaats_desk.datasets import Datasets
from werkplaats_desk.desk import Desk, Fields, Reader, TheDatasets, TheDesk
from werkplaats_desk.login_pages import see
from werkplaats_desk.pages import render
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal

router: Final = APIRouter(include_in_schema=False)


@router.get("/datasets")
def offered(request: Request, desk: TheDesk, datasets: TheDatasets, person: Reader) -> Response:
    """Show every dataset."""
    found = datasets.catalogue.offered()
    with desk.database.transaction() as session:
        stands = [access.standing(session, person, one.record, datasets.catalogue) for one in found]
    decides = any(access.is_steward(person, one.record, desk.settings) for one in found)
    return render(
        request, "datasets.html", person, found=list(zip(found, stands, strict=True)), steward=decides
    )


@router.get("/datasets/{name}")
def one(request: Request, desk: TheDesk, datasets: TheDatasets, person: Reader, name: str) -> Response:
    """Show one dataset."""
    return _one(request, desk, datasets, person, name)


def _one(
    request: Request,
    desk: Desk,
    datasets: Datasets,
    person: Person,
    name: str,
    given: Mapping[str, str] | None = None,
    wrong: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    found, today, view = datasets.offered(name), date.today(), desk.queue.view()
    with desk.database.transaction() as session:
        stand = access.standing(session, person, found.record, datasets.catalogue)
    return render(
        request, "dataset.html", person, status=status, one=found, record=found.record, stand=stand,
        given=given or {}, wrong=wrong or {}, today=today, slurm_away=not view.at,
        projects=access_requests.projects(view, person.name), path=desk.settings.data / name,
        steward=access.is_steward(person, found.record, desk.settings),
    )  # fmt: skip


@router.post("/datasets/{name}/acceptance")
def accept(
    request: Request, desk: TheDesk, datasets: TheDatasets, person: Reader, given: Fields, name: str
) -> Response:
    """Accept the terms that stood on the page."""
    try:
        dataset_acts.accept(desk, datasets, person, name, given.get("version", ""))
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        wrong = {"": refusal.sentence}
        return _one(request, desk, datasets, person, name, wrong=wrong, status=refusal.status)
    return see(f"{desk.settings.prefix}datasets/{name}")


@router.post("/datasets/{name}/applications")
def apply(
    request: Request, desk: TheDesk, datasets: TheDatasets, person: Reader, given: Fields, name: str
) -> Response:
    """Ask for a restricted dataset."""
    draft, wrong = fields.read(Draft, given)
    if draft is None:
        return _one(request, desk, datasets, person, name, given, wrong, 400)
    try:
        dataset_acts.apply(desk, datasets, person, name, draft)
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        return _one(request, desk, datasets, person, name, given, {"": refusal.sentence}, refusal.status)
    return see(f"{desk.settings.prefix}datasets/{name}")


@router.post("/datasets/{name}/applications/{number}/withdrawal")
def withdraw(
    desk: TheDesk, datasets: TheDatasets, person: Reader, given: Fields, name: str, number: int
) -> Response:
    """Take one's own request back."""
    dataset_acts.withdraw(desk, datasets, person, name, number)
    return see(f"{desk.settings.prefix}datasets/{name}")
