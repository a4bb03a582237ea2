"""What is wrong with a dataset: in which file, where in it, what, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    field: str
    wrong: str
    mend: str
    file: str = "croissant.json"

    def __str__(self) -> str:
        return f"{self.file}: {self.field}: {self.wrong}. {self.mend}."


class Broken(ValueError):
    """A dataset or its record cannot be used.

    Attributes
    ----------
    faults
        Everything that is wrong with it.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class Refused(Exception):
    """What was asked is not done, though nothing is wrong with the record; the text says what to do."""


class Taken(Refused):
    """That version is there already, with other content."""


class Changed(Refused):
    """Another steward, owner or tier than the dataset has."""
