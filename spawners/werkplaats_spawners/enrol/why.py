"""Why somebody is not enrolled: what *enrol* answers, and what the Hub makes a sentence of."""

from __future__ import annotations

from enum import Enum


class Why(Enum):
    """What stands between a person and their account."""

    NAME = "name"  # nobody can be called so
    TAKEN = "taken"  # the machine has a user or group of that name, who is not ours
    UNREACHABLE = "unreachable"  # Slurm's accounting does not answer
    WAITING = "waiting"  # it is on its way
    FULL = "full"  # as many came today as may in one day
    OTHER = "other"


class NotMade(Exception):
    """An account was not made, or not whole.

    Attributes
    ----------
    why
        What it means for the person.
    """

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why = why
