"""With which data something was made: what the audit shows was mounted, and the terms it was under.

Nothing of it is what somebody says: a mount stands in it because the mount daemon wrote it down.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from werkplaats_audit.events import Head
from werkplaats_datasets.catalogue import Dataset
from werkplaats_desk import history
from werkplaats_desk.datasets import Datasets, Shelf
from werkplaats_desk.history import Act
from werkplaats_desk.names import FIRST_STEPS
from werkplaats_desk.people import Person
from werkplaats_desk.published import View
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings
from werkplaats_desk.words import gettext as _


@dataclass(frozen=True)
class Use:
    """One mount.

    Attributes
    ----------
    until
        When it went; ``None`` while that is not in the audit.
    """

    act: Act
    until: float | None = None


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
    uses: tuple[Use, ...]


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
    """What is stated, when, and where the audit ended at that moment."""

    about: About
    used: tuple[Used, ...]
    head: Head
    at: int


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
    """Return what the audit shows of a project, or of the person who asks."""
    if about.project:
        entries = history.read(datasets.audit, project=about.project)
    else:
        entries = history.read(datasets.audit, person=about.person)
    if len(entries) >= history.MOST:
        sentence = _("More was done than one statement can hold. Ask those who run this place for it.")
        raise Refusal("too-much", sentence, 409)
    uses = [use for use in _uses(history.acts(entries)) if about.job in (0, use.act.job)]
    head = datasets.audit.head()
    return Statement(about, tuple(_by_version(uses, datasets.catalogue)), head, int(time.time()))


def _uses(acts: Iterable[Act]) -> list[Use]:
    """Return every mount that was carried out, each with when it went."""
    uses: list[Use] = []
    stands: dict[tuple[str, int], int] = {}
    for act in acts:
        if act.source != "mounts" or act.outcome != "done":
            continue
        where = (act.dataset, act.job)
        if act.kind == "mount":
            stands[where] = len(uses)
            uses.append(Use(act))
        elif act.kind in ("unmount", "end") and where in stands:
            index = stands.pop(where)
            uses[index] = replace(uses[index], until=act.at)
    return uses


def _by_version(uses: Iterable[Use], shelf: Shelf) -> list[Used]:
    together: dict[tuple[str, str], list[Use]] = {}
    for use in uses:
        together.setdefault((use.act.dataset, use.act.version), []).append(use)
    return [
        Used(dataset, version, shelf.find(dataset, version), tuple(theirs))
        for (dataset, version), theirs in sorted(together.items())
    ]
