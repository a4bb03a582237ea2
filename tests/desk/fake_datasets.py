"""A catalogue of three datasets, one of each tier, and an audit that is kept in memory; it can be away."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.datasets.records import TABLE, both, record

from werkplaats_audit.client import AuditAway
from werkplaats_audit.events import Entry, Event, Head, Outcome
from werkplaats_datasets.catalogue import Catalogue
from werkplaats_datasets.signed import Checker, Signer, new_key
from werkplaats_desk.datasets import Datasets

_KEY = new_key()
CHECKER = Checker(Signer(_KEY).public())


@dataclass
class FakeAudit:
    """A journal in memory.

    Attributes
    ----------
    away
        Whether it writes nothing; `full` when it does not close either.
    """

    entries: list[Entry] = field(default_factory=list)
    away: bool = False
    full: bool = False

    def begin(self, event: Event) -> int:
        """Write that something begins."""
        return self._add("desk", event=event)

    def close(self, entry: int, outcome: Outcome, detail: Mapping[str, str] | None = None) -> int:
        """Write how it ended."""
        if self.full:
            raise AuditAway("disk", "full")
        return self._add("desk", closes=entry, outcome=outcome, detail=detail)

    def note(self, event: Event, outcome: Outcome) -> int:
        """Write what is over at once."""
        return self._add("desk", event=event, outcome=outcome)

    def read(
        self,
        *,
        person: str = "",
        dataset: str = "",
        project: str = "",
        after: int = 0,
        before: int = 0,
        most: int = 500,
    ) -> list[Entry]:
        """Return entries, and what closed them."""
        self._require()
        wanted = {"person": person, "dataset": dataset, "project": project}

        def fits(event: Event | None) -> bool:
            return event is not None and all(
                getattr(event, key) == value or not value for key, value in wanted.items()
            )

        numbers = {one.number for one in self.entries if fits(one.event)}
        found = [one for one in self.entries if {one.number, one.closes} & numbers and one.number > after]
        return [one for one in found if one.number < before][-most:] if before else found[:most]

    def head(self) -> Head:
        """Return where it ends."""
        self._require()
        return Head(entry=len(self.entries), hash="f" * 64, signed="a.b")

    def mount(self, person: str, dataset: str, job: int = 7, version: str = "1.0.0", **more: Any) -> int:
        """Write a mount as the mount daemon does, begun and done."""
        event = Event(kind="mount", person=person, dataset=dataset, version=version, job=job, **more)
        number = self._add("mounts", event=event)
        self._add("mounts", closes=number, outcome="done")
        return number

    def end(self, person: str, dataset: str, job: int = 7, **more: Any) -> None:
        """Write that a mount went with its job."""
        event = Event(kind="end", person=person, dataset=dataset, job=job, **more)
        self._add("mounts", event=event, outcome="done")

    def told(self) -> list[tuple[str, str, str]]:
        """Return each act's kind, person and outcome; an empty one while it is open."""
        ends = {one.closes: one.outcome for one in self.entries}
        return [
            (one.event.kind, one.event.person, one.outcome or ends.get(one.number) or "")
            for one in self.entries
            if one.event is not None
        ]

    def _require(self) -> None:
        if self.away:
            raise AuditAway("away", "nobody there")

    def _add(self, source: Any, detail: Mapping[str, str] | None = None, **what: Any) -> int:
        self._require()
        number = len(self.entries) + 1
        given = {"closes": None, "outcome": None, "event": None, "detail": detail or {}, **what}
        chain = {"previous": "", "hash": ""}
        self.entries.append(Entry(number=number, at=time.time(), source=source, **chain, **given))
        return number


def lay(folder: Path, name: str, tier: str, version: str = "1.0.0", **changes: Any) -> None:
    """Put a version of a dataset into a catalogue, and offer it."""
    title = both(f"{name.capitalize()} (nl)", f"{name.capitalize()} (en)")
    made = record(**{"identifier": name, "version": version, "wp:tier": tier, "name": title, **changes})
    place = folder / name / version
    place.mkdir(parents=True)
    (place / "croissant.json").write_text(json.dumps(made))
    entry = {
        "size_bytes": 1_234_567, "files": 1, "checksum": f"sha256:{sha256(TABLE).hexdigest()}",
        "source": "folder", "added_at": 1763000000, "withdrawn_at": None,
    }  # fmt: skip
    (place / "entry.json").write_text(json.dumps(entry))
    if tier != "restricted":
        preview = {"columns": ["kleur", "aantal"], "rows": [["rood", 1], ["blauw", 2], [None, 3]]}
        (place / "preview.json").write_text(json.dumps(preview))
    (folder / name / "current").write_text(version)


def datasets(folder: Path) -> Datasets:
    """Return a catalogue of three, an audit that is empty, and a key."""
    lay(folder, "vehicles", "open")
    lay(folder, "assets", "registered", **{"wp:sensitivity": "internal"})
    lay(folder, "cohort", "restricted", **{"wp:sensitivity": "special"})
    found = Catalogue(folder)
    assert len(found.offered()) == 3
    return Datasets(found, FakeAudit(), Signer(_KEY))
