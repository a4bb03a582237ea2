"""The steward's pages: who asks for a dataset, who has access, who used it; and what is taken back."""

from __future__ import annotations

from datetime import date
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from werkplaats_audit.client import AuditAway
from werkplaats_datasets.catalogue import Dataset
from werkplaats_desk import access, access_requests, dataset_acts, fields, history, revoking
from werkplaats_desk.applications import Decision
from werkplaats_desk.dataset_acts import Revoke
from werkplaats_desk.datasets import Datasets
from werkplaats_desk.desk import Desk, Fields, Keeper, TheDatasets, TheDesk
from werkplaats_desk.history import Act
from werkplaats_desk.login_pages import see
from werkplaats_desk.pages import render
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

router: Final = APIRouter(include_in_schema=False)


def theirs(desk: Desk, person: Person) -> list[Dataset]:
    """Return the datasets that somebody is a steward of."""
    if desk.datasets is None:
        return []
    found = desk.datasets.catalogue.offered()
    return [one for one in found if access.is_steward(person, one.record, desk.settings)]


def waiting(desk: Desk, person: Person) -> int | None:
    """Return how many requests wait for a steward; ``None`` for who is none."""
    found = theirs(desk, person)
    if not found:
        return None
    with desk.database.transaction() as session:
        return sum(access_requests.waiting(session, [one.record.id for one in found]).values())


@router.get("/stewardship")
def mine(request: Request, desk: TheDesk, datasets: TheDatasets, person: Keeper) -> Response:
    """Show a steward their datasets, and what waits."""
    found = theirs(desk, person)
    if not found:
        raise _not_a_steward()
    with desk.database.transaction() as session:
        wait = access_requests.waiting(session, [one.record.id for one in found])
        closed = {one.record.id for one in found if access.held(session, one.record.id)}
    return render(request, "stewardship.html", person, found=found, wait=wait, closed=closed)


@router.get("/datasets/{name}/steward")
def one(request: Request, desk: TheDesk, datasets: TheDatasets, person: Keeper, name: str) -> Response:
    """Show what a steward decides on for one dataset, and who used it."""
    return _one(request, desk, datasets, person, _steward(desk, datasets, person, name))


def _one(
    request: Request,
    desk: Desk,
    datasets: Datasets,
    person: Person,
    found: Dataset,
    wrong: str = "",
    status: int = 200,
) -> Response:
    name = found.record.id
    with desk.database.transaction() as session:
        asked = access_requests.of_dataset(session, name)
        accepted = revoking.accepted_by(session, name)
        hold = access.held(session, name)
    return render(
        request, "steward.html", person, status=status, one=found, record=found.record, asked=asked,
        accepted=accepted, hold=hold, acts=_acts(datasets, name), today=date.today(),
        wrong=wrong,
    )  # fmt: skip


def _acts(datasets: Datasets, name: str) -> list[Act] | None:
    """Return what was done with a dataset; ``None`` while the audit does not answer."""
    try:
        return history.of_dataset(datasets.audit, name)
    except AuditAway:
        return None


@router.post("/datasets/{name}/steward/{number}/decision")
def decide(
    request: Request,
    desk: TheDesk,
    datasets: TheDatasets,
    person: Keeper,
    given: Fields,
    name: str,
    number: int,
) -> Response:
    """Approve or decline, with a word."""
    found = _steward(desk, datasets, person, name)
    decision, _wrong = fields.read(Decision, given)
    if decision is None:
        raise _unreadable()
    try:
        dataset_acts.decide(desk, datasets, person, name, number, decision)
    except Refusal as refusal:
        return _one(request, desk, datasets, person, found, refusal.sentence, refusal.status)
    return see(f"{desk.settings.prefix}datasets/{name}/steward")


@router.post("/datasets/{name}/steward/revocation")
def revoke(
    request: Request, desk: TheDesk, datasets: TheDatasets, person: Keeper, given: Fields, name: str
) -> Response:
    """Take something back, or let it be again."""
    found = _steward(desk, datasets, person, name)
    what, _wrong = fields.read(Revoke, {"number": "0", **given})
    if what is None:
        raise _unreadable()
    try:
        dataset_acts.revoke(desk, datasets, person, found.record, what)
    except Refusal as refusal:
        return _one(request, desk, datasets, person, found, refusal.sentence, refusal.status)
    return see(f"{desk.settings.prefix}datasets/{name}/steward")


def _steward(desk: Desk, datasets: Datasets, person: Person, name: str) -> Dataset:
    found = datasets.known(name)
    if not access.is_steward(person, found.record, desk.settings):
        raise _not_a_steward()
    return found


def _not_a_steward() -> Refusal:
    return Refusal("not-a-steward", _("This page is for who decides on the dataset: its steward."), 403)


def _unreadable() -> Refusal:
    return Refusal("bad-form", _("This form could not be read. Load the page again."))
