"""Signed heads: after every entry the audit signs where its journal ends, in a line of its own.

They stand beside the journal and at a second place. Who changes the journal must change them too, and
cannot without the key; who puts an older journal back with its heads is betrayed by the second place.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from werkplaats_datasets.signed import Checker, Forged, Signer

_KIND: Final = "werkplaats-audit-head-v1"
#: No line of heads is longer (bytes).
MOST_WRITTEN: Final = 1024


class Place(BaseModel):
    """Where the journal ended.

    Attributes
    ----------
    at
        When that was signed: Unix time, in milliseconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    entry: int = Field(ge=1)
    hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    at: int = Field(ge=0)


def sign(signer: Signer, place: Place) -> bytes:
    """Return the line that says where the journal ends."""
    return signer.sign(_KIND, place.model_dump_json().encode()).encode() + b"\n"


def read(checker: Checker, line: bytes) -> Place:
    """Read what :func:`sign` wrote.

    Raises
    ------
    Forged
        Also when it holds the same and is written otherwise.
    """
    if not line.endswith(b"\n") or not all(map(_is_exact, line[:-1].split(b"."))):
        raise Forged("not a line of heads")
    try:
        return Place.model_validate_json(checker.check(_KIND, line[:-1].decode()))
    except (ValidationError, UnicodeDecodeError) as wrong:
        raise Forged("signed, and not a head") from wrong


def _is_exact(part: bytes) -> bool:
    """Return whether these letters are the only ones that say what they say."""
    try:
        again = base64.urlsafe_b64encode(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return False
    return again.rstrip(b"=") == part
