"""Where a question comes from: found by the desk, and never what a form says beyond what Slurm lets it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from werkplaats_audit.client import AuditAway
from werkplaats_desk import access_requests, history
from werkplaats_desk.allocation import granted
from werkplaats_desk.centre import queue
from werkplaats_desk.centre.drafts import Draft
from werkplaats_desk.centre.models import Ticket
from werkplaats_desk.centre.states import URGENCIES, Urgency
from werkplaats_desk.centre.tickets import Origin
from werkplaats_desk.datasets import Datasets
from werkplaats_desk.desk import Desk
from werkplaats_desk.names import FIRST_STEPS
from werkplaats_desk.people import Person
from werkplaats_desk.published import View
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings
from werkplaats_desk.words import gettext as _

_log = logging.getLogger(__name__)


#: How long after a restricted dataset was mounted what somebody attaches may still hold some of it (s): a
#: notebook that is saved with its outputs does, in whichever job it is opened later.
LINGERS: Final = 30 * 86400


@dataclass(frozen=True)
class Place:
    """Where somebody is when they ask.

    Attributes
    ----------
    project
        That of which the hours are; empty for none.
    job
        Of the server that asks; 0 for none that is known to be theirs.
    """

    project: str
    job: int


def place(desk: Desk, person: Person, project: str = "", job: int = 0) -> Place:
    """Return where somebody is.

    Parameters
    ----------
    project, job
        What the form says of it.

    Raises
    ------
    Refusal
        For a project that Slurm does not let them charge.
    """
    view = desk.queue.view()
    theirs = _job(view, person, job)
    account = str(theirs["account"]) if theirs is not None else ""
    return Place(_project(view, person, project, account), job if theirs is not None else 0)


def _job(view: View, person: Person, number: int) -> Mapping[str, Any] | None:
    """Return the job of that number if it is theirs, and a server of theirs asks."""
    if not person.server or not number:
        return None
    return next(
        (job for job in view.jobs if job.get("id") == number and job.get("user") == person.name), None
    )


def _project(view: View, person: Person, wanted: str, account: str) -> str:
    """Return the project that a question belongs to; what cannot be known is nobody's."""
    if wanted and view.may_start(wanted, person.name):
        return wanted
    if wanted and not view.old:
        sentence = _("You are not in the project {name}. Choose one of yours, or none.")
        raise Refusal("no-project", sentence.format(name=wanted), 403)
    if account:
        return account
    projects = [name for name in access_requests.projects(view, person.name) if name != FIRST_STEPS]
    return projects[0] if len(projects) == 1 else ""


def stream_of(session: Session, settings: Settings, project: str) -> str:
    """Return whose hours a project's questions are answered on: without one, those of first steps."""
    known = {**settings.projects, **granted(session)}
    usual = known.get(FIRST_STEPS) or settings.course_stream
    found = known.get(project) or usual
    return found if settings.stream(found) is not None else settings.streams[0].name


def restricted(desk: Desk, person: Person) -> bool:
    """Return whether what somebody writes or attaches may hold something of a restricted dataset.

    So it is when one was mounted in a job of theirs lately, and when the audit does not say.
    """
    datasets = desk.datasets
    if datasets is None:
        return False
    began = time.time() - LINGERS
    try:
        acts = history.acts(history.since(datasets.audit, person.name, began))
    except AuditAway as away:
        _log.warning("Whether %s had a restricted dataset is not known: %s", person.name, away)
        return True
    mounts = (act for act in acts if act.kind == "mount" and act.outcome in ("done", "open"))
    return any(_is_restricted(datasets, act) for act in mounts if act.at >= began)


def restricted_in(desk: Desk, number: int) -> bool:
    """Return the same of who asked a question: what an expert writes in it may hold some of it too."""
    with desk.database.transaction() as session:
        ticket = session.get(Ticket, number)
    return ticket is not None and restricted(desk, Person(ticket.person))


def _is_restricted(datasets: Datasets, act: history.Act) -> bool:
    """Return whether what was mounted was restricted; what the catalogue has no more is taken to be."""
    found = datasets.catalogue.find(act.dataset, act.version)
    return found is None or found.record.tier == "restricted"


def require_acknowledged(may_hold: bool, acknowledged: bool) -> None:
    """Refuse to take what may come from a restricted dataset before the person says that they mean it.

    Raises
    ------
    Refusal
    """
    if may_hold and not acknowledged:
        sentence = _(
            "You had a restricted dataset lately, or nobody can say whether you had. Look once more at what "
            "you attach: send it if nothing of that data is in it, or send it without attachments."
        )
        raise Refusal("restricted", sentence, 409)


def origin(
    session: Session, settings: Settings, person: Person, draft: Draft, found: Place, may_hold: bool, now: int
) -> Origin:
    """Return where a question comes from, and when its answer is expected."""
    stream = stream_of(session, settings, found.project)
    expected = queue.expected(session, settings, stream, draft.topic, draft.language, draft.urgency, now)
    return Origin(
        stream=stream,
        project=found.project,
        server=person.server or "",
        job=found.job,
        restricted=may_hold,
        expected_at=expected,
    )


def expectations(
    session: Session, settings: Settings, project: str, topic: str, language: str, now: int
) -> dict[Urgency, int]:
    """Return when an answer would come, by urgency (Unix time, s)."""
    stream = stream_of(session, settings, project)
    return {
        urgency: queue.expected(session, settings, stream, topic, language, urgency, now)
        for urgency in URGENCIES
    }
