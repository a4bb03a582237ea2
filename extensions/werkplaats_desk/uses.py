"""The mounts that the audit tells of, gathered outside memory: a project may have had very many of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

from werkplaats_audit.events import Entry, Event

_TABLE: Final = """
PRAGMA journal_mode = OFF;
CREATE TABLE uses (
    entry INTEGER PRIMARY KEY, dataset TEXT, version TEXT, person TEXT, project TEXT, job INTEGER,
    purpose TEXT, entitlement TEXT, at REAL, done INTEGER, until REAL, leaving INTEGER
);
CREATE INDEX versions ON uses (dataset, version, entry);
CREATE INDEX standing ON uses (dataset, job) WHERE until IS NULL;
CREATE INDEX leaving ON uses (leaving) WHERE leaving IS NOT NULL;
"""
_BEGUN: Final = "INSERT INTO uses VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)"
_STANDING: Final = "SELECT max(entry) FROM uses WHERE dataset = ? AND job = ? AND until IS NULL"
_OF: Final = (
    "SELECT entry, at, person, project, job, purpose, entitlement, done, until, leaving FROM uses "
    "WHERE dataset = ? AND version = ? ORDER BY entry"
)


@dataclass(frozen=True)
class Use:
    """One mount. Moments are Unix time (s).

    Attributes
    ----------
    entry
        Its number in the audit.
    done
        Whether the audit knows that it was carried out; otherwise it was begun, and how it ended is not
        known.
    until
        When it went; ``None`` while that is not in the audit.
    leaving
        Whether its unmounting was begun, and nothing said how that ended.
    """

    entry: int
    at: float
    person: str
    project: str
    job: int
    purpose: str
    entitlement: str
    done: bool
    until: float | None
    leaving: bool


class Uses:
    """Every mount that was carried out, or of which it is not known, each with when it went.

    They stand in a database of SQLite's own making: what does not fit into its few MB of cache lies in a
    file without a name, which goes with it.

    Parameters
    ----------
    entries
        What the audit has, in its order.
    job
        Of one job alone; 0 for all.
    """

    def __init__(self, entries: Iterable[Entry], job: int = 0) -> None:
        # Whichever thread renders a part of the page reads on, one after another.
        self._table = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._table.executescript(_TABLE)
        self._table.execute("BEGIN")
        for entry in entries:
            if entry.closes is not None:
                self._close(entry, entry.closes)
            elif entry.event is not None and entry.source == "mounts" and job in (0, entry.event.job):
                self._begin(entry, entry.event)
        self._table.execute("COMMIT")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._table.close()

    def versions(self) -> list[tuple[str, str]]:
        """Return the versions of datasets that were mounted."""
        return self._table.execute(
            "SELECT DISTINCT dataset, version FROM uses ORDER BY dataset, version"
        ).fetchall()

    def of(self, dataset: str, version: str) -> Iterator[Use]:
        """Return the mounts of one version, in their order, one after another."""
        for row in self._table.execute(_OF, (dataset, version)):
            yield _use(row)

    def _begin(self, entry: Entry, event: Event) -> None:
        if entry.outcome in ("refused", "failed"):
            return
        done = entry.outcome == "done"
        if event.kind == "mount":
            whose = (event.dataset, event.version, event.person, event.project, event.job)
            row = (entry.number, *whose, event.purpose, event.entitlement, entry.at, done)
            self._table.execute(_BEGUN, row)
        elif event.kind in ("unmount", "end"):
            (mount,) = self._table.execute(_STANDING, (event.dataset, event.job)).fetchone()
            change = "until = ?, leaving = NULL" if done else "leaving = ?"
            what = entry.at if done else entry.number
            self._table.execute(f"UPDATE uses SET {change} WHERE entry = ?", (what, mount))  # noqa: S608  # ours

    def _close(self, entry: Entry, closes: int) -> None:
        """Take up how a mount or an unmount has ended; of other acts there is nothing here."""
        if entry.outcome == "done":
            self._table.execute("UPDATE uses SET done = 1 WHERE entry = ?", (closes,))
            change = "until = ?, leaving = NULL"
            self._table.execute(f"UPDATE uses SET {change} WHERE leaving = ?", (entry.at, closes))  # noqa: S608
        else:
            self._table.execute("DELETE FROM uses WHERE entry = ?", (closes,))
            self._table.execute("UPDATE uses SET leaving = NULL WHERE leaving = ?", (closes,))


def _use(row: tuple[Any, ...]) -> Use:
    entry, at, person, project, job, purpose, entitlement, done, until, leaving = row
    return Use(entry, at, person, project, job, purpose, entitlement, bool(done), until, leaving is not None)
