"""Whether a grant is carried out. Pure: what is known goes in; the reason of a refusal comes out, or none."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from werkplaats_datasets.grants import LASTS, Grant, Revocations
from werkplaats_mounts.mounted import Why
from werkplaats_mounts.slurm import LENT, Job

#: How far the clocks of two machines may be apart (s).
_CLOCKS: Final = 5


def grant(given: Grant, person: str, now: float) -> str | None:
    """Look at a grant that the desk did sign: whether it is for who asks, and this its moment."""
    if given.person != person:
        return "another-person"
    if given.issued_at > now + _CLOCKS:
        return "early"
    if now >= min(given.expires_at, given.issued_at + LASTS):
        return "expired"
    if given.ends_at and now >= given.ends_at:
        return "ended"
    return None


def job(given: Grant, jobs: Iterable[Job]) -> str | None:
    """Look at the job that it names, among those of the person."""
    named = next((one for one in jobs if one.id == given.job), None)
    if named is None or named.person != given.person:
        return "another-job"
    if not named.runs:
        return "not-running"
    if named.project != given.project:
        return "another-project"
    if given.alone and named.qos == LENT:
        return "lent"
    return None


def others(person: str, number: int, jobs: Iterable[Job]) -> bool:
    """Return whether anything else of a person's runs, waits or still has processes."""
    return any(one.person == person and one.id != number and not one.over for one in jobs)


def must_go(
    given: Grant,
    revocations: Revocations | None,
    jobs: Collection[Job] | None,
    now: float,
    *,
    silent: bool = False,
) -> Why | None:
    """Return why what is mounted must go, if it must; where Slurm said nothing, nothing is known.

    Parameters
    ----------
    silent
        Whether the desk was not heard for so long that it may have taken back what nobody here knows of.
    """
    if jobs is not None and all(one.over for one in jobs if one.id == given.job):
        return "job-ended"
    if given.ends_at and now >= given.ends_at:
        return "ended"
    if revocations is not None and revocations.takes(given):
        return "revoked"
    return _not_alone(given, jobs, silent) if given.alone else None


def _not_alone(given: Grant, jobs: Collection[Job] | None, silent: bool) -> Why | None:
    """Return why what must be alone must go."""
    if jobs is not None and others(given.person, given.job, jobs):
        return "others-run"
    return "desk-silent" if silent else None
