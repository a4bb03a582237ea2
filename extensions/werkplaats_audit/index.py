"""Where each entry stands in the journal, and which are about whom: 8 to 20 bytes an entry, in memory.

One thread adds while others look. Nothing that was taken up changes: an entry counts when its end is
known, lists of numbers grow at their end alone, and what is looked through is a copy of such a list.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Field = Literal["person", "dataset", "project"]
_FIELDS: Final[tuple[Field, ...]] = ("person", "dataset", "project")
#: What an entry is about: the field and its value.
About = tuple[tuple[Field, str], ...]


@dataclass(frozen=True)
class Open:
    """An act that was begun and not closed yet."""

    source: str
    about: About


@dataclass
class Index:
    """What is known of the entries of one journal.

    Attributes
    ----------
    open
        The acts that nothing closed yet, by their number.
    """

    open: dict[int, Open] = field(default_factory=dict)
    _ends: array[int] = field(default_factory=lambda: array("Q"))
    _about: dict[tuple[Field, str], array[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, end: int, held: Mapping[str, Any]) -> None:
        """Take up the entry that follows, which ends before `end`."""
        self._ends.append(end)
        for key in self._belongs(held):
            self._about.setdefault(key, array("Q")).append(len(self._ends))

    def _belongs(self, held: Mapping[str, Any]) -> About:
        """Return what an entry is about; one that closes an act is about the same, and closes it."""
        if held["closes"] is not None:
            begun = self.open.pop(held["closes"], None)
            return begun.about if begun else ()
        about = tuple((name, held["event"][name]) for name in _FIELDS if held["event"][name])
        if held["outcome"] is None:
            self.open[held["number"]] = Open(held["source"], about)
        return about

    def place(self, number: int) -> tuple[int, int]:
        """Return where an entry begins, and where the one after it does."""
        return (self._ends[number - 2] if number > 1 else 0), self._ends[number - 1]

    def find(self, wanted: Mapping[Field, str], after: int) -> Iterator[int]:
        """Return the numbers above `after` of the entries that are about all that is wanted."""
        least, others = self._lists(wanted)
        for number in least[bisect_right(least, after) :]:
            if all(_has(other, number) for other in others):
                yield number

    def find_last(self, wanted: Mapping[Field, str], before: int) -> Iterator[int]:
        """Return the numbers below `before` of the entries about all that is wanted, the latest first."""
        least, others = self._lists(wanted)
        for number in reversed(least[: bisect_left(least, before)]):
            if all(_has(other, number) for other in others):
                yield number

    def _lists(self, wanted: Mapping[Field, str]) -> tuple[Sequence[int], list[array[int]]]:
        """Return the shortest list of what is wanted, of which every number must stand in the others."""
        lists = sorted((self._about.get(key, array("Q")) for key in wanted.items()), key=len)
        return (lists[0], lists[1:]) if lists else (range(1, len(self) + 1), [])


def _has(numbers: array[int], number: int) -> bool:
    place = bisect_right(numbers, number)
    return place > 0 and numbers[place - 1] == number
