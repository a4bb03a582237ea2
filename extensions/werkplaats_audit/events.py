"""What the audit writes down: acts with datasets, looks along, as entries of its journal; its signed head.

Whoever acts begins an entry before the act and closes it after; an entry that nothing closes is an act
of which the end is not known. What is over at once has its outcome from the start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

#: The last is the audit's own: it put in order what a crash had left.
Kind = Literal[
    "application",
    "decision",
    "acceptance",
    "grant",
    "revocation",
    "mount",
    "refusal",
    "unmount",
    "end",
    "look",
    "mend",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Outcome = Literal["done", "refused", "failed"]
#: Who wrote an entry, as the kernel said it.
Source = Literal["desk", "mounts", "audit"]

#: The longest name and the longest text (characters), and how many details there may be.
MOST_NAME: Final = 200
MOST_TEXT: Final = 4000
MOST_DETAILS: Final = 20
#: The longest line that the audit reads from a client (bytes).
MOST_LINE: Final = 64 * 1024

#: What may not stand in a journal: control characters but a line's end and a tab, and halves of characters.
_NOT_SHOWN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _plain(text: str) -> str:
    if _NOT_SHOWN.search(text):
        raise ValueError("it has a control character")
    return text


def tame(text: str, most: int = MOST_NAME) -> str:
    r"""Return a text that an event takes, whatever somebody wrote: cut off, control characters replaced.

    >>> tame("../\x1b[2J" + "x" * 9, 12)
    '../\ufffd[2Jxxxx\u2026'
    """
    shown = _NOT_SHOWN.sub("\ufffd", text[:most])
    return shown if len(text) <= most else shown[: most - 1] + "\u2026"


_Name = Annotated[str, StringConstraints(max_length=MOST_NAME), AfterValidator(_plain)]
_Text = Annotated[str, StringConstraints(max_length=MOST_TEXT), AfterValidator(_plain)]
_Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Details = Annotated[Mapping[_Key, _Text], Field(max_length=MOST_DETAILS)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Event(_Frozen):
    """One act.

    Names are taken as they were said, since a refusal must be able to name what is none; use :func:`tame`.

    Attributes
    ----------
    person
        Whose act it is, or whom it concerns: a Unix name.
    job
        The Slurm job it is about; 0 for none.
    entitlement
        What it rests on, as in a grant.
    by
        Who decided, where that is somebody else than `person`.
    detail
        What else there is to know, in a few words each.
    """

    kind: Kind
    person: _Name = ""
    dataset: _Name = ""
    version: _Name = ""
    project: _Name = ""
    job: int = Field(default=0, ge=0, lt=2**32)
    purpose: _Text = ""
    entitlement: _Name = ""
    by: _Name = ""
    detail: Details = Field(default_factory=dict)


class Entry(_Frozen):
    """One line of the journal.

    Attributes
    ----------
    at
        Unix time (s).
    closes
        The number of the entry that this one closes; None where it begins an act.
    outcome
        How the act ended; None while that is not known.
    event
        The act; None in an entry that closes another.
    detail
        What there is to know of how it ended.
    previous, hash
        The hash of the entry before, and its own over that and everything above.
    """

    number: int = Field(ge=1, lt=2**53)
    at: float
    source: Source
    closes: int | None
    outcome: Outcome | None
    event: Event | None
    detail: Details
    previous: str
    hash: str


class Head(_Frozen):
    """Where the journal ended at one moment.

    Attributes
    ----------
    entry
        The number of its last entry; 0 when it had none.
    signed
        The same, and when, as a message that the audit signed; empty when it had no entry.
    """

    entry: int = Field(ge=0)
    hash: str
    signed: str
