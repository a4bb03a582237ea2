"""Grants: a server asks, everything is looked at afresh, and a short-lived message is signed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from werkplaats_audit.events import Event, tame
from werkplaats_datasets.grants import LASTS, Grant, sign_grant
from werkplaats_datasets.names import DatasetId
from werkplaats_datasets.record import Record
from werkplaats_desk.access import Grounds, grounds
from werkplaats_desk.audited import audited
from werkplaats_desk.centre.looks import begun_of, begun_since
from werkplaats_desk.database import alone
from werkplaats_desk.datasets import Datasets
from werkplaats_desk.desk import Desk
from werkplaats_desk.hub import HubAway
from werkplaats_desk.people import Person
from werkplaats_desk.published import Away, View
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

#: Slurm's states of a job that is over (squeue(1)); of one that is not here it is not known.
_OVER: Final = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED",
    "REVOKED", "TIMEOUT",
}  # fmt: skip


class Wanted(BaseModel):
    """What a server asks a grant for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: DatasetId
    job: int = Field(ge=1, lt=2**32, description="The number of the server's own Slurm job.")


@dataclass(frozen=True)
class _Case:
    """What was found to be so."""

    record: Record
    project: str
    grounds: Grounds
    job_began: float

    @property
    def alone(self) -> bool:
        return self.record.tier == "restricted"


def give(desk: Desk, datasets: Datasets, person: Person, wanted: Wanted) -> tuple[str, Grant]:
    """Return a grant as it travels, and as it reads.

    Raises
    ------
    Refusal
        When it is not given; the audit says why.
    AuditAway
        When it cannot be written down; then it is not given either.
    """
    datasets.pace.require(person.name)
    event = Event(kind="grant", person=person.name, dataset=wanted.dataset, job=wanted.job)
    try:
        case = _case(desk, datasets, person, wanted)
    except Refusal as refusal:
        reason = {"detail": {"reason": tame(refusal.reason)}}
        datasets.audit.note(event.model_copy(update=reason), "refused")
        raise
    named = {
        "version": case.grounds.version,
        "project": case.project,
        "purpose": case.grounds.purpose,
        "entitlement": case.grounds.entitlement,
    }
    with audited(datasets.audit, event.model_copy(update=named), strict=True) as detail:
        grant = _made(desk, datasets, person, wanted, case)
        detail["grant"] = grant.id
    return sign_grant(datasets.signer, grant), grant


def _case(desk: Desk, datasets: Datasets, person: Person, wanted: Wanted) -> _Case:
    if not person.server:
        sentence = _("A dataset is mounted into a running server: ask from a notebook there.")
        raise Refusal("not-a-server", sentence, 403)
    record = datasets.offered(wanted.dataset).record
    if not desk.settings.own_mounts and record.tier != "open":
        sentence = _("This machine cannot give a job mounts of its own, so only open datasets are here.")
        raise Refusal("no-own-mounts", sentence, 409)
    view = _slurm(desk)
    job = _job(view, person, wanted.job)
    project = str(job["account"])
    with desk.database.transaction() as session:
        found = grounds(session, person, record, project, datasets.catalogue)
    case = _Case(record, project, found, _began(job))
    if case.alone:
        _require_alone(view, person, wanted.job)
        _require_unshared(desk, person, wanted.job)
    return case


def _slurm(desk: Desk) -> View:
    try:
        return desk.queue.fresh()
    except Away:
        sentence = _("The cluster does not answer, so nobody can say whose job this is. Try again soon.")
        raise Refusal("slurm-away", sentence, 503) from None


def _job(view: View, person: Person, number: int) -> Mapping[str, Any]:
    """Return a job of the person's that runs; of another's it is not said that it is there."""
    found = next((job for job in view.jobs if job.get("id") == number), None)
    if found is None or found.get("user") != person.name:
        raise Refusal("no-job", _("You have no such job. Mount a dataset from the server it is for."), 403)
    if found.get("state") != "RUNNING":
        raise Refusal("not-running", _("This job does not run. Start your server, and try again."), 409)
    return found


def _began(job: Mapping[str, Any]) -> float:
    """Return when a job that runs began (Unix time, s); 0, before everything, where that is not said."""
    try:
        return datetime.fromisoformat(str(job.get("start"))).timestamp()  # local time, as Slurm prints it
    except ValueError:
        return 0.0


def _require_alone(view: View, person: Person, number: int) -> None:
    theirs = [job for job in view.jobs if job.get("user") == person.name and job.get("id") != number]
    others = [job for job in theirs if str(job.get("state")).partition(" ")[0] not in _OVER]
    if others:
        sentence = _(
            "A restricted dataset is mounted only while nothing else of yours runs or waits. "
            "Stop your other servers and jobs first: {jobs}."
        )
        numbers = ", ".join(str(job.get("id")) for job in others[:5])
        raise Refusal("other-jobs", sentence.format(jobs=numbers), 409)


def _require_unshared(desk: Desk, person: Person, number: int) -> None:
    """See that the token is of the server in that job, which nobody else can open, nor can for a while."""
    try:
        kept = desk.hub.keep_alone(person)
    except HubAway:
        sentence = _("The Hub does not say whether others can open this server. Try again in a minute.")
        raise Refusal("shares-unknown", sentence, 503) from None
    if kept.job != number:
        sentence = _(
            "This was not asked from the server of that job. A restricted dataset is mounted in the server "
            "that asks for it: open a notebook there, and press mount."
        )
        raise Refusal("another-server", sentence, 403)
    if kept.shared:
        raise _shared()


def _shared() -> Refusal:
    sentence = _(
        "Others can open this server, and a restricted dataset is for you alone. "
        "End the sharing of this server, and try again."
    )
    return Refusal("shared", sentence, 409)


def _looked_along() -> Refusal:
    sentence = _(
        "Since this server started, an expert looked along with you, and something they started may still "
        "run. Stop the server, start it again, and then mount."
    )
    return Refusal("looked-along", sentence, 409)


def _made(desk: Desk, datasets: Datasets, person: Person, wanted: Wanted, case: _Case) -> Grant:
    """Make the grant in the moment in which nothing can be taken back: what is taken back later names it."""
    with desk.database.transaction() as session:
        alone(session)
        still = grounds(session, person, case.record, case.project, datasets.catalogue)
        if still != case.grounds:
            raise Refusal("changed", _("This changed in the same moment. Try again."), 409)
        # A look that begins now finds the entry of this grant, and one that began before is found here.
        if case.alone and begun_of(session, person.name):
            raise _shared()
        # The look is over, but what was left running in the job is not, nor is the server's token.
        if case.alone and begun_since(session, person.name, case.job_began):
            raise _looked_along()
        now = int(time.time())
    return Grant(
        id=secrets.token_hex(16),
        entitlement=still.entitlement,
        person=person.name,
        job=wanted.job,
        project=case.project,
        dataset=case.record.id,
        version=still.version,
        tier=case.record.tier,
        alone=case.alone,
        purpose=still.purpose,
        issued_at=now,
        expires_at=now + LASTS,
        ends_at=still.ends_at,
    )
