"""Who must be told to go: as few as serve those who wait, and the youngest of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from werkplaats_hub.streams.borrowers import Borrower, Request, Room, Size, to_tell

ONE = Size(1, 4, 16)


def gpus(count: int) -> Size:
    """Return GPUs with what goes with them."""
    return Size(count, 4 * count, 16 * count)


def lent(job: int, node: str, count: int = 1) -> Borrower:
    """Return a borrower; a higher number began later."""
    return Borrower(job, node, gpus(count), f"2026-11-21T05:{job:02}:00")


FULL = {name: Room(gpus(0), "h100") for name in ("n1", "n2")}


def jobs(told: tuple[Borrower, ...]) -> list[int]:
    """Return their numbers, in order."""
    return sorted(borrower.job for borrower in told)


def test_each_request_costs_one_borrower_and_the_youngest_go() -> None:
    """Two requests of a GPU, eight borrowers of one: the last two."""
    borrowers = [lent(n, "n1" if n <= 4 else "n2") for n in range(1, 9)]
    assert jobs(to_tell([Request(ONE)] * 2, borrowers, FULL)) == [7, 8]


def test_what_is_free_or_about_to_be_costs_nobody_anything() -> None:
    """Room is what is free when all have gone that were told."""
    rooms = {"n1": Room(gpus(1)), "n2": Room(gpus(0))}
    borrowers = [lent(1, "n1"), lent(2, "n2")]
    assert to_tell([Request(ONE)], borrowers, rooms) == ()
    assert jobs(to_tell([Request(ONE)] * 2, borrowers, rooms)) == [2]


def test_a_request_for_several_is_served_by_one_node() -> None:
    """The fewest GPUs go, though elsewhere there are younger ones."""
    rooms = {"n1": Room(gpus(2)), "n2": Room(gpus(0))}
    borrowers = [lent(1, "n1"), lent(2, "n1"), *(lent(n, "n2") for n in (3, 4, 5, 6))]
    assert jobs(to_tell([Request(gpus(4))], borrowers, rooms)) == [1, 2]


def test_a_large_borrower_spares_the_small() -> None:
    """Where one that is needed makes room enough, younger ones beside it stay."""
    borrowers = [lent(1, "n1", 3), lent(2, "n1")]
    assert jobs(to_tell([Request(gpus(3))], borrowers, {"n1": Room(gpus(0))})) == [1]


def test_processors_and_memory_count_too() -> None:
    """A free GPU whose memory is taken is none."""
    rooms = {"n1": Room(Size(2, 8, 0)), "n2": Room(Size(0, 0, 0))}
    borrowers = [lent(1, "n1"), lent(2, "n2")]
    assert jobs(to_tell([Request(ONE)], borrowers, rooms)) == [2]
    assert jobs(to_tell([Request(Size(2, 4, 16))], borrowers, rooms)) == [1]


def test_another_type_of_gpu_is_of_no_use() -> None:
    """Nobody goes for a request that the place could not serve."""
    rooms = {"n1": Room(gpus(0), "a100"), "n2": Room(gpus(0), "h100")}
    borrowers = [lent(1, "n2"), lent(2, "n1")]
    assert jobs(to_tell([Request(ONE, "h100")], borrowers, rooms)) == [1]
    assert to_tell([Request(ONE, "b200")], borrowers, rooms) == ()


def test_nobody_goes_for_what_cannot_be_served() -> None:
    """Five GPUs of a node of four; the next request is served all the same."""
    borrowers = [lent(n, "n1") for n in (1, 2, 3, 4)]
    assert jobs(to_tell([Request(gpus(5)), Request(ONE)], borrowers, FULL)) == [4]


NODES = ("n1", "n2", "n3")


@given(
    st.lists(st.integers(1, 4), max_size=8),
    st.lists(st.tuples(st.sampled_from(NODES), st.integers(1, 3)), max_size=12),
    st.lists(st.integers(0, 4), min_size=3, max_size=3),
)
def test_all_are_served_that_can_be_and_none_goes_in_vain(
    asked: list[int], running: list[tuple[str, int]], free: list[int]
) -> None:
    """Of what goes, at least one GPU is asked for by somebody; requests of one GPU are served to the last."""
    borrowers = [lent(job, node, count) for job, (node, count) in enumerate(running)]
    rooms = {node: Room(gpus(count)) for node, count in zip(NODES, free, strict=True)}
    told = to_tell([Request(gpus(count)) for count in asked], borrowers, rooms)
    assert len(set(told)) == len(told)
    assert len(told) <= sum(asked)

    singles = to_tell([Request(ONE)] * len(asked), borrowers, rooms)
    could = min(len(asked), sum(free) + sum(count for _node, count in running))
    assert sum(free) + sum(one.size.gpus for one in singles) >= could
    if all(count == 1 for _node, count in running):
        assert len(singles) == max(0, could - sum(free))
