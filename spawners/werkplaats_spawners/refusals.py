"""A refusal, as the exception with which JupyterHub takes it."""

from __future__ import annotations

from typing import TypeVar

from jupyterhub.spawner import SpawnException

from werkplaats_spawners.policy import Granted
from werkplaats_spawners.request import Refused, ServerRequest

Judged = TypeVar("Judged", ServerRequest, Granted)


def accept(judged: Judged | Refused) -> Judged:
    """Return what was not refused.

    Raises
    ------
    SpawnException
        With the sentence of the refusal.
    """
    if isinstance(judged, Refused):
        raise exception(judged)
    return judged


def exception(refused: Refused) -> SpawnException:
    """Return the exception that says it."""
    return SpawnException(refused.sentence, reason=refused.reason, status_code=refused.status)
