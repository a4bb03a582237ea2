"""Which borrowers must be told to go, when several owners come at once.

Slurm weighs each request by itself, and a borrower that it has told already is for it as good a one
to take back from as any other: of twelve requests in one second all twelve choose the same borrower,
and when that is gone, eleven the next (docs/decisions/0018). So this counts what all of them need.
Nothing here asks Slurm or tells it anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple


class Size(NamedTuple):
    """What a job takes of one node, or what a node has.

    Attributes
    ----------
    memory_mb
        In MB, as Slurm counts.
    """

    gpus: int
    cpus: int
    memory_mb: int

    def plus(self, other: Size) -> Size:
        """Return both together."""
        return Size(*(mine + its for mine, its in zip(self, other, strict=True)))

    def minus(self, other: Size) -> Size:
        """Return what is left of this without the other."""
        return Size(*(mine - its for mine, its in zip(self, other, strict=True)))

    def fits(self, room: Size) -> bool:
        """Return whether there is room for it."""
        return all(mine <= its for mine, its in zip(self, room, strict=True))


@dataclass(frozen=True)
class Request:
    """A job that waits, within its share, for one node.

    Attributes
    ----------
    gpu_type
        The type of GPU that it must have; empty for any.
    """

    size: Size
    gpu_type: str = ""


@dataclass(frozen=True)
class Borrower:
    """A job that runs on lent capacity.

    Attributes
    ----------
    since
        When it began, as any text that sorts.
    """

    job: int
    node: str
    size: Size
    since: str


@dataclass(frozen=True)
class Room:
    """What will be free of a node when all have gone that were told to."""

    free: Size
    gpu_type: str = ""

    def takes(self, request: Request) -> bool:
        """Return whether the request may run here, if there were space."""
        return request.gpu_type in ("", self.gpu_type)


def to_tell(
    requests: Iterable[Request], borrowers: Iterable[Borrower], rooms: Mapping[str, Room]
) -> tuple[Borrower, ...]:
    """Return who must go beside those who have been told, so that every request finds its place.

    Parameters
    ----------
    requests
        Those that come first, first.
    borrowers
        Who has not been told yet.
    rooms
        By name of the node.

    Returns
    -------
    The fewest GPUs that serve each request; of borrowers that are alike, those who began last, because
    they have lost least. A request that all of them together could not serve costs nobody anything.
    """
    free = {name: room.free for name, room in rooms.items()}
    left = sorted(borrowers, key=lambda one: (one.since, one.job), reverse=True)
    told: list[Borrower] = []
    for request in requests:
        suitable = [name for name, room in rooms.items() if room.takes(request)]
        choices = [(name, _whom(request.size, free[name], name, left)) for name in suitable]
        possible = [(name, whom) for name, whom in choices if whom is not None]
        if not possible:
            continue
        name, whom = min(possible, key=lambda choice: _cost(choice[1], left, free[choice[0]]))
        for borrower in whom:
            free[name] = free[name].plus(borrower.size)
        free[name] = free[name].minus(request.size)
        left = [borrower for borrower in left if borrower not in whom]
        told += whom
    return tuple(told)


def _cost(whom: Sequence[Borrower], left: Sequence[Borrower], free: Size) -> tuple[int, int, Size]:
    """Return what a choice costs: GPUs, the longest time at work of any of them, and the gap it leaves."""
    return sum(one.size.gpus for one in whom), max(map(left.index, whom), default=-1), free


def _whom(size: Size, free: Size, node: str, left: Iterable[Borrower]) -> tuple[Borrower, ...] | None:
    """Return who must leave a node for a request to fit, nobody if it fits; ``None`` where it never does."""
    here = [borrower for borrower in left if borrower.node == node]
    rooms = accumulate((borrower.size for borrower in here), Size.plus, initial=free)
    enough = next((count for count, room in enumerate(rooms) if size.fits(room)), None)
    return None if enough is None else tuple(_needed(size, free, here[:enough]))


def _needed(size: Size, free: Size, here: Sequence[Borrower]) -> Iterator[Borrower]:
    """Yield those of them without whom it would not do: a large one may make smaller ones needless."""
    staying = list(here)
    for borrower in here:
        staying.remove(borrower)
        without = free
        for other in staying:
            without = without.plus(other.size)
        if not size.fits(without):
            staying.append(borrower)
    yield from staying
