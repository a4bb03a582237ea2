"""What was done with datasets, as the audit has it: by a person, or with a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from pydantic import BaseModel

from werkplaats_audit.events import Entry, Kind, Outcome
from werkplaats_desk.datasets import Log

#: Entries are read in helpings of so many.
_HELPING: Final = 500
#: Above the number of every entry.
_LAST: Final = 2**53 - 1
#: How many are held at once, where a person's are looked through.
_MOST: Final = 20_000
#: How many acts a page shows.
SHOWN: Final = 500


class Act(BaseModel):
    """One act. Moments are Unix time (s).

    Attributes
    ----------
    entry
        Its number in the audit.
    outcome
        ``open`` while its end is not known.
    """

    entry: int
    at: float
    source: str
    kind: Kind
    outcome: Outcome | Literal["open"]
    person: str
    dataset: str
    version: str
    project: str
    job: int
    purpose: str
    entitlement: str
    by: str
    what: str
    word: str
    reason: str


def read(audit: Log, last: int, *, person: str = "", project: str = "") -> Iterator[Entry]:
    """Return the entries of a person or a project in their order, a helping at a time.

    Parameters
    ----------
    last
        The number of the entry that they go up to.
    """
    after = 0
    while after < last:
        more = audit.read(person=person, project=project, after=after, most=_HELPING)
        yield from (entry for entry in more if entry.number <= last)
        after = more[-1].number if more else last


def newest(audit: Log, *, person: str = "", dataset: str = "") -> list[Entry]:
    """Return the last entries of a person or a dataset, in their order: enough for what a page shows."""
    found: list[Entry] = []
    while len(found) < 2 * SHOWN:  # an act is two entries: its beginning and its end
        before = found[0].number if found else _LAST
        more = audit.read(person=person, dataset=dataset, before=before, most=_HELPING)
        if not more:
            break
        found = more + found
    return found


def since(audit: Log, person: str, moment: float) -> list[Entry]:
    """Return what there is of a person from a moment on (Unix time, s), in its order; and some before it."""
    found: list[Entry] = []
    while len(found) < _MOST and (not found or found[0].at >= moment):
        before = found[0].number if found else _LAST
        more = audit.read(person=person, before=before, most=_HELPING)
        if not more:
            break
        found = more + found
    return found


def acts(entries: Iterable[Entry]) -> list[Act]:
    """Return what entries tell, each act with how it ended, in their order."""
    all_ = list(entries)
    ends = {entry.closes: entry for entry in all_ if entry.closes is not None}
    return [_act(entry, ends.get(entry.number)) for entry in all_ if entry.event is not None]


def _act(entry: Entry, end: Entry | None) -> Act:
    event = entry.event
    assert event is not None  # noqa: S101  # those that begin nothing were left out
    detail = {**event.detail, **entry.detail, **(end.detail if end else {})}
    return Act(
        entry=entry.number,
        at=entry.at,
        source=entry.source,
        outcome=entry.outcome or (end.outcome if end else None) or "open",
        what=detail.get("what", ""),
        word=detail.get("word", ""),
        reason=detail.get("reason", "") or detail.get("why", ""),
        **event.model_dump(exclude={"detail"}),
    )


def of_person(audit: Log, person: str) -> list[Act]:
    """Return what a person did, or what was decided of them; the latest first."""
    return acts(newest(audit, person=person))[: -SHOWN - 1 : -1]


def of_dataset(audit: Log, dataset: str) -> list[Act]:
    """Return what was done with a dataset; the latest first."""
    return acts(newest(audit, dataset=dataset))[: -SHOWN - 1 : -1]
