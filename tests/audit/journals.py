"""Journals to try things on, and what is done to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from werkplaats_audit.events import Event
from werkplaats_audit.journal import Journal
from werkplaats_audit.verify import Report, verify
from werkplaats_datasets.signed import Checker, Signer, new_key

KEY = new_key()
SIGNER = Signer(KEY)
CHECKER = Checker(SIGNER.public())


@dataclass(frozen=True)
class Place:
    """The folders of one audit."""

    folder: Path
    anchor: Path

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.folder / "journal"

    @property
    def heads(self) -> Path:
        """The heads beside it."""
        return self.folder / "heads"

    def files(self) -> tuple[bytes, bytes, bytes]:
        """Everything that the audit wrote."""
        return self.journal.read_bytes(), self.heads.read_bytes(), self.anchor.read_bytes()

    @contextmanager
    def opened(self, signer: Signer = SIGNER) -> Iterator[Journal]:
        """Open the journal as the audit does."""
        with Journal(self.folder, self.anchor, signer) as journal:
            yield journal

    def report(self, *, anchored: bool = True) -> Report:
        """Verify it."""
        return verify(self.folder, CHECKER, self.anchor if anchored else None, settles=0)


def place(root: Path) -> Place:
    """Make the folders of an audit."""
    (root / "audit").mkdir()
    (root / "elsewhere").mkdir()
    return Place(root / "audit", root / "elsewhere/heads")


def mount(person: str = "mkb", dataset: str = "vehicles", **more: str) -> Event:
    """Return an act."""
    return Event(kind="mount", person=person, dataset=dataset, version="1.0.0", job=17, **more)  # type: ignore[arg-type]


def filled(root: Path, acts: int = 4) -> Place:
    """Return an audit with that many acts, each closed."""
    made = place(root)
    with made.opened() as journal:
        for number in range(acts):
            begun = journal.begin("mounts", mount(project=f"p{number}"))
            journal.end("mounts", begun.entry, "done", {"path": "/data/vehicles"})
    return made
