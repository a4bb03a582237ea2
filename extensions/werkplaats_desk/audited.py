"""What is done with datasets is written down before it is done, and closed after it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from werkplaats_audit.client import AuditAway
from werkplaats_audit.events import Event, Outcome
from werkplaats_desk.datasets import Log
from werkplaats_desk.refusal import Refusal

_log = logging.getLogger(__name__)


@contextmanager
def audited(audit: Log, event: Event, *, strict: bool = False) -> Iterator[dict[str, str]]:
    """Do something that stands in the audit: begun before, and closed after with what is put into the dict.

    Parameters
    ----------
    strict
        Whether it is not done when its end cannot be written down either.

    Raises
    ------
    AuditAway
        When its beginning cannot be written down: then nothing was done.
    """
    entry, detail = audit.begin(event), dict[str, str]()
    try:
        yield detail
    except Refusal as refusal:
        _close(audit, entry, "refused", {"reason": refusal.reason})
        raise
    except Exception:
        _close(audit, entry, "failed", {})
        raise
    if strict:
        audit.close(entry, "done", detail)
    else:
        _close(audit, entry, "done", detail)


def _close(audit: Log, entry: int, outcome: Outcome, detail: dict[str, str]) -> None:
    """Close an entry; what is done is done, and an entry that stays open says that its end is not known."""
    try:
        audit.close(entry, outcome, detail)
    except AuditAway as away:
        _log.error("Entry %d of the audit stays open, and ended as %s: %s", entry, outcome, away)
