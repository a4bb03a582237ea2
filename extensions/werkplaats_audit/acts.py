"""The acts in a journal, each with its end, for the operator to read: the audit need not run for it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkplaats_audit import chain
from werkplaats_audit.events import Entry, Outcome
from werkplaats_audit.files import lines
from werkplaats_audit.journal import JOURNAL


@dataclass(frozen=True)
class Act:
    """What was begun, and how it ended; None while nothing closed it."""

    begun: Entry
    outcome: Outcome | None


def last_acts(folder: Path, *, person: str = "", dataset: str = "", most: int = 100) -> list[Act]:
    """Return the last acts about somebody or something; whether they can be believed, *verify* says.

    Raises
    ------
    Garbled
    OSError
    """
    path = folder / JOURNAL
    found: OrderedDict[int, Act] = OrderedDict()
    for line in lines(path, path.stat().st_size if path.exists() else 0, chain.MOST_WRITTEN):
        if not line.endswith(b"\n"):
            break  # it is being written
        held = chain.read(line)
        if held["closes"] in found:
            found[held["closes"]] = Act(found[held["closes"]].begun, held["outcome"])
        elif _is_about(held["event"], person, dataset):
            found[held["number"]] = Act(chain.entry(held), held["outcome"])
            if len(found) > most:
                found.popitem(last=False)
    return list(found.values())


def _is_about(event: dict[str, Any] | None, person: str, dataset: str) -> bool:
    if event is None:
        return False
    return person in ("", event["person"]) and dataset in ("", event["dataset"])
