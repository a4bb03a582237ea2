"""A grant: the desk's signed word that one person may mount one version of a dataset into one job.

It lives for a minute, is good for one mount, and says until when that mount may stay. What the desk
takes back it names in a signed list, by the grant's `entitlement` or its dataset.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from werkplaats_datasets.names import DatasetId, Tier, Version
from werkplaats_datasets.signed import Checker, Forged, Signer

_GRANT: Final = "werkplaats-grant-v1"
_REVOCATIONS: Final = "werkplaats-revocations-v1"
#: How long a grant may be carried out (s).
LASTS: Final = 60

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]{0,63}$")]
_Text = Annotated[str, StringConstraints(max_length=4000)]


class Grant(BaseModel):
    """What was granted. Moments are Unix time (s).

    Attributes
    ----------
    id
        Random, so that each is carried out once.
    entitlement
        What it rests on, and what a revocation names: ``open``, ``acceptance-7`` or ``access-12``.
    person
        A Unix name.
    job
        The number of the Slurm job of the server that asked.
    project
        The account that the job is charged to.
    alone
        Whether nothing else of the person's may run or wait while it is mounted.
    ends_at
        When the mount must go; 0 when it may stay as long as the job.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    entitlement: _Name
    person: _Name
    job: int = Field(ge=1, lt=2**32)
    project: _Name
    dataset: DatasetId
    version: Version
    tier: Tier
    alone: bool
    purpose: _Text
    issued_at: int = Field(ge=0)
    expires_at: int = Field(ge=0)
    ends_at: int = Field(ge=0)


class Revocation(BaseModel):
    """Something taken back: every grant of an entitlement, or of a dataset, that was issued until `at`.

    Attributes
    ----------
    entitlement, dataset
        One of the two is given, the other is empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    entitlement: str = ""
    dataset: str = ""
    at: int = Field(ge=0)

    def takes(self, grant: Grant) -> bool:
        """Return whether a grant is among what is taken back."""
        named = self.entitlement == grant.entitlement or self.dataset == grant.dataset
        return named and grant.issued_at <= self.at


class Revocations(BaseModel):
    """All that was taken back, as the desk says it at one moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issued_at: int = Field(ge=0)
    entries: tuple[Revocation, ...] = ()

    def takes(self, grant: Grant) -> bool:
        """Return whether a grant is taken back."""
        return any(one.takes(grant) for one in self.entries)


def sign_grant(signer: Signer, grant: Grant) -> str:
    """Return a grant as it travels."""
    return signer.sign(_GRANT, grant.model_dump_json().encode())


def read_grant(checker: Checker, message: str) -> Grant:
    """Read what :func:`sign_grant` wrote; whether it is still good is not looked at.

    Raises
    ------
    Forged
    """
    try:
        return Grant.model_validate_json(checker.check(_GRANT, message))
    except ValidationError as wrong:
        raise Forged("signed, and not a grant") from wrong


def sign_revocations(signer: Signer, revocations: Revocations) -> str:
    """Return the list as it travels."""
    return signer.sign(_REVOCATIONS, revocations.model_dump_json().encode())


def read_revocations(checker: Checker, message: str) -> Revocations:
    """Read what :func:`sign_revocations` wrote.

    Raises
    ------
    Forged
    """
    try:
        return Revocations.model_validate_json(checker.check(_REVOCATIONS, message))
    except ValidationError as wrong:
        raise Forged("signed, and not a list of revocations") from wrong
