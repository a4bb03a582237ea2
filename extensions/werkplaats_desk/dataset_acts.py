"""What a person and a steward do with datasets, by a form or a program: each act in the audit."""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from werkplaats_audit.events import Event, Kind
from werkplaats_datasets.record import Record
from werkplaats_desk import access, access_requests, revoking
from werkplaats_desk.access_requests import Draft
from werkplaats_desk.announcing import announce
from werkplaats_desk.applications import Decision, Word
from werkplaats_desk.audited import audited
from werkplaats_desk.datasets import Datasets
from werkplaats_desk.desk import Desk
from werkplaats_desk.models import Acceptance, Access
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

What = Literal["access", "acceptance", "dataset", "lift-acceptance", "lift-dataset"]
_LIFTS: Final = ("lift-acceptance", "lift-dataset")


class Revoke(BaseModel):
    """What a steward takes back, or lets be again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: What
    number: int = Field(default=0, ge=0, lt=2**31)
    word: Word = ""


def accept(desk: Desk, datasets: Datasets, person: Person, name: str, version: str) -> Acceptance:
    """Accept the terms of a registered dataset."""
    record = datasets.offered(name).record
    access.require_version(record, version)
    with desk.database.transaction() as session:
        before = access.acceptance(session, person.name, record.id, record.version)
        if before is not None and before.revoked_at is None and record.tier == "registered":
            return before  # once is enough, in the audit too
    datasets.pace.require(person.name)
    with audited(datasets.audit, _event("acceptance", person.name, record)) as detail:
        with desk.database.transaction() as session:
            made = access.accept(session, person, record, version)
        detail["entitlement"] = f"acceptance-{made.id}"
    return made


def apply(desk: Desk, datasets: Datasets, person: Person, name: str, draft: Draft) -> Access:
    """Ask for a restricted dataset."""
    record = datasets.offered(name).record
    access_requests.require_sense(record, desk.queue.view(), person, draft, date.today())
    datasets.pace.require(person.name)
    event = _event("application", person.name, record).model_copy(
        update={
            "project": draft.project,
            "purpose": draft.purpose,
            "detail": {"until": draft.until.isoformat()},
        }
    )
    with audited(datasets.audit, event) as detail:
        with desk.database.transaction() as session:
            made = access_requests.submit(session, person, record, draft)
        detail["entitlement"] = f"access-{made.id}"
    return made


def withdraw(desk: Desk, datasets: Datasets, person: Person, name: str, number: int) -> None:
    """Take one's own request back."""
    with desk.database.transaction() as session:
        one = access_requests.find(session, number, name)
    datasets.pace.require(person.name)
    event = _about("application", one, detail={"what": "withdrawn"})
    with audited(datasets.audit, event), desk.database.transaction() as session:
        access_requests.withdraw(session, access_requests.find(session, number, name), person)


def decide(
    desk: Desk, datasets: Datasets, steward: Person, name: str, number: int, decision: Decision
) -> None:
    """Approve or decline a request."""
    with desk.database.transaction() as session:
        one = access_requests.find(session, number, name)
    said = {"what": "approved" if decision.approve else "declined", "word": decision.word}
    event = _about("decision", one, by=steward.name, detail=said)
    with audited(datasets.audit, event), desk.database.transaction() as session:
        found = access_requests.find(session, number, name)
        access_requests.decide(session, found, steward, decision, date.today())


def revoke(desk: Desk, datasets: Datasets, steward: Person, record: Record, given: Revoke) -> None:
    """Take one access, one acceptance or a whole dataset back, or let it be again."""
    kind: Kind = "decision" if given.what in _LIFTS else "revocation"
    event = _event(kind, "", record, by=steward.name)
    detail = {"what": given.what, **({"word": given.word} if given.word else {})}
    update: dict[str, object] = {"detail": detail}
    if given.what not in ("dataset", "lift-dataset"):
        update |= _concerned(desk, record, given)
    with audited(datasets.audit, event.model_copy(update=update)), desk.database.transaction() as session:
        match given.what:
            case "access":
                revoking.access(session, record.id, given.number, steward)
            case "acceptance":
                revoking.acceptance(session, record.id, given.number, steward)
            case "dataset":
                revoking.whole(session, record.id, steward, given.word)
            case "lift-acceptance":
                revoking.lift_acceptance(session, record.id, given.number)
            case "lift-dataset":
                revoking.lift_whole(session, record.id, steward)
    announce(desk)  # the mount daemon reads it within seconds, whoever keeps the desk from answering


def _concerned(desk: Desk, record: Record, given: Revoke) -> dict[str, object]:
    """Return what the audit is to say of whom a revocation concerns."""
    with desk.database.transaction() as session:
        if given.what == "access":
            one = access_requests.find(session, given.number, record.id)
            return _about("revocation", one).model_dump(
                include={"person", "version", "project", "purpose", "entitlement"}
            )
        found = session.get(Acceptance, given.number)
        if found is None or found.dataset != record.id:
            raise Refusal("no-acceptance", _("There is no such acceptance of this dataset."), 404)
        entitlement = f"acceptance-{found.id}"
        return {"person": found.person, "version": found.dataset_version, "entitlement": entitlement}


def _event(kind: Kind, person: str, record: Record, by: str = "") -> Event:
    return Event(kind=kind, person=person, dataset=record.id, version=record.version, by=by)


def _about(kind: Kind, one: Access, by: str = "", detail: dict[str, str] | None = None) -> Event:
    return Event(
        kind=kind,
        person=one.person,
        dataset=one.dataset,
        version=one.dataset_version,
        project=one.project,
        purpose=one.purpose,
        entitlement=f"access-{one.id}",
        by=by,
        detail=detail or {},
    )
