"""What is wrong with a dataset or its record: where, what, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """What is wrong in a record: where, what, and how to mend it."""

    field: str
    wrong: str
    mend: str

    def __str__(self) -> str:
        return f"{self.field}: {self.wrong}. {self.mend}."


class Broken(ValueError):
    """A record cannot be used.

    Attributes
    ----------
    faults
        Everything that is wrong with it.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))
