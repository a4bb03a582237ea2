"""What the desk has for datasets: the published catalogue, the audit, and the key that signs grants."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from werkplaats_audit.client import Audit
from werkplaats_audit.events import Entry, Event, Head, Outcome
from werkplaats_datasets.catalogue import Catalogue, Dataset
from werkplaats_datasets.signed import Signer
from werkplaats_desk.pace import Pace
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings
from werkplaats_desk.words import gettext as _

_log = logging.getLogger(__name__)


class Log(Protocol):
    """What is asked of the audit; all of it raises :class:`~werkplaats_audit.client.AuditAway`."""

    def begin(self, event: Event) -> int:
        """Write down that an act begins; return its entry."""

    def close(self, entry: int, outcome: Outcome, detail: Mapping[str, str] | None = None) -> int:
        """Write down how it ended."""

    def note(self, event: Event, outcome: Outcome) -> int:
        """Write down an act that is over at once."""

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
        """Return entries, and what closed them: the first after one, or the last before one."""

    def head(self) -> Head:
        """Return where the journal ends."""


class Shelf(Protocol):
    """What is asked of the catalogue."""

    def offered(self) -> tuple[Dataset, ...]:
        """Return what is offered."""

    def find(self, id: str, version: str | None = None) -> Dataset | None:  # noqa: A002
        """Return the version that is offered, or the one that is named."""

    def current(self, dataset: str) -> str | None:
        """Return the version that is current, withdrawn or not."""


@dataclass(frozen=True)
class Datasets:
    """Where datasets are read of, written of, and signed for; and how fast one person may ask."""

    catalogue: Shelf
    audit: Log
    signer: Signer
    pace: Pace = field(default_factory=Pace)

    def offered(self, name: str) -> Dataset:
        """Return the version of a dataset that is offered.

        Raises
        ------
        Refusal
        """
        found = self.catalogue.find(name)
        if found is None:
            sentence = _("There is no such dataset. The list of datasets shows what there is.")
            raise Refusal("no-dataset", sentence, 404)
        return found

    def known(self, name: str) -> Dataset:
        """Return a dataset as :meth:`offered` does, also when it is withdrawn: for its steward.

        Raises
        ------
        Refusal
        """
        current = self.catalogue.current(name)
        found = self.catalogue.find(name, current) if current else None
        return found or self.offered(name)


def open_datasets(settings: Settings) -> Datasets | None:
    """Return what there is for datasets; nothing where the facility has none, or its key cannot be read."""
    if settings.catalogue is None or settings.audit is None or settings.signing_key_file is None:
        return None
    try:
        signer = Signer(settings.signing_key_file.read_bytes())
    except (OSError, ValueError) as wrong:
        _log.error("No datasets: %s cannot be used: %s", settings.signing_key_file, wrong)
        return None
    return Datasets(Catalogue(settings.catalogue), Audit(settings.audit), signer)
