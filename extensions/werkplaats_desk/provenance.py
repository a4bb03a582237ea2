"""With which data something was made: what the audit shows was mounted, and the terms it was under.

Nothing of it is what somebody says: a mount stands in it because the mount daemon wrote it down.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from werkplaats_audit.events import Head
from werkplaats_datasets.catalogue import Dataset
from werkplaats_desk import history
from werkplaats_desk.datasets import Datasets
from werkplaats_desk.names import FIRST_STEPS
from werkplaats_desk.people import Person
from werkplaats_desk.published import View
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings
from werkplaats_desk.uses import Use, Uses
from werkplaats_desk.words import gettext as _


@dataclass(frozen=True)
class Used:
    """One version of a dataset that was mounted.

    Attributes
    ----------
    found
        Its record; ``None`` when the catalogue has it no more.
    """

    dataset: str
    version: str
    found: Dataset | None
    _all: Uses

    @property
    def uses(self) -> Iterator[Use]:
        """Its mounts, one after another: there may be more than are good to hold at once."""
        return self._all.of(self.dataset, self.version)


@dataclass(frozen=True)
class About:
    """What a statement is asked about: a project or one's own work, and of that one job or all.

    Attributes
    ----------
    notebook
        What who asks calls the work; it is repeated, and nothing is concluded from it.
    """

    person: str
    project: str = ""
    job: int = 0
    notebook: str = ""


@dataclass(frozen=True)
class Statement:
    """What is stated, when, and where the audit ended at that moment.

    Attributes
    ----------
    uses
        What was mounted; who has shown the statement closes it.
    """

    about: About
    used: tuple[Used, ...]
    head: Head
    at: int
    uses: Uses


def require_member(view: View, settings: Settings, person: Person, project: str) -> None:
    """Refuse who is not of a project: its members and who runs the place read what it used.

    What everybody is in is nobody's to read: it would say of strangers what they use.
    """
    if person.decides(settings):
        return
    if project == FIRST_STEPS:
        raise Refusal("everybodys", _("Everybody is in this project. Ask for your own statement."), 403)
    if view.may_start(project, person.name):
        return
    if not view.at:
        sentence = _("The cluster does not answer, so nobody can say who is in this project. Try again soon.")
        raise Refusal("slurm-away", sentence, 503)
    raise Refusal("not-a-member", _("You are not in this project. Ask one of its members for it."), 403)


def statement(datasets: Datasets, about: About) -> Statement:
    """Return what the audit shows of a project, or of the person who asks.

    All of it is read before anything is shown: an audit that goes away makes no half statement.
    """
    head = datasets.audit.head()
    whose = {"project": about.project} if about.project else {"person": about.person}
    uses = Uses(history.read(datasets.audit, head.entry, **whose), about.job)
    used = tuple(
        Used(dataset, version, datasets.catalogue.find(dataset, version), uses)
        for dataset, version in uses.versions()
    )
    return Statement(about, used, head, int(time.time()), uses)
