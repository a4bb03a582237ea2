"""From shares to whole GPUs: nobody loses one, and the guarantee never does."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from werkplaats_hub.streams.shares import apportion
from werkplaats_spawners.offer import Stream, Words

_WORDS = Words(nl="x", en="x")


def streams(*shares: float, guaranteed: int | None = 0) -> list[Stream]:
    """Return streams with these shares; the one of that number is guaranteed."""
    return [
        Stream(name=f"s{n}", title=_WORDS, description=_WORDS, share=share, guaranteed=n == guaranteed)
        for n, share in enumerate(shares)
    ]


@st.composite
def shares(draw: st.DrawFn) -> list[float]:
    """Draw shares as an operator writes them: a few decimals, or equal parts rounded; zeros too."""
    if draw(st.booleans()):
        parts = draw(st.sampled_from([1, 2, 3, 6, 7, 9, 11]))
        zeros = draw(st.integers(0, 2))
        return draw(st.permutations([round(1 / parts, 4)] * parts + [0.0] * zeros))
    whole = 10 ** draw(st.integers(1, 4))
    cuts = sorted(draw(st.lists(st.integers(0, whole), min_size=0, max_size=6)))
    return [(high - low) / whole for low, high in zip([0, *cuts], [*cuts, whole], strict=True)]


@given(shares(), st.integers(1, 4096), st.data())
@example([0.9995, 0.0], 4096, None)
def test_every_gpu_is_somebodys(written: list[float], gpus: int, data: st.DataObject | None) -> None:
    """The parts sum to the whole, the guarantee holds exactly, and others are within one of theirs."""
    guaranteed = data.draw(st.none() | st.integers(0, len(written) - 1)) if data else 0
    all_streams = streams(*written, guaranteed=guaranteed)
    found = apportion(all_streams, gpus)
    assert list(found) == [*(f"s{n}" for n in [guaranteed] if n is not None), *(
        stream.name for stream in all_streams if not stream.guaranteed
    )]  # fmt: skip
    assert sum(found.values()) == gpus
    assert min(found.values()) >= 0
    exact = {stream.name: Fraction(str(stream.share)) for stream in all_streams}
    left, rest = gpus, sum(exact.values(), Fraction(0))
    if guaranteed is not None:
        assert found[f"s{guaranteed}"] >= exact[f"s{guaranteed}"] * gpus
        left -= found[f"s{guaranteed}"]
        rest -= exact[f"s{guaranteed}"]
    for stream in all_streams:
        if not stream.guaranteed:
            assert abs(found[stream.name] - (left * exact[stream.name] / rest if rest else Fraction(0))) < 1
        if stream.share == 0:
            assert found[stream.name] == 0, "who has no share gets no GPU by rounding"


@given(shares(), st.integers(1, 4096), st.data())
def test_the_guarantee_is_rounded_up_and_no_further(
    written: list[float], gpus: int, data: st.DataObject
) -> None:
    """It takes less than one GPU more than its share, as long as others have one."""
    guaranteed = data.draw(st.integers(0, len(written) - 1))
    share = Fraction(str(written[guaranteed]))
    if any(part for n, part in enumerate(written) if n != guaranteed):
        assert apportion(streams(*written, guaranteed=guaranteed), gpus)[f"s{guaranteed}"] < share * gpus + 1


@pytest.mark.parametrize(
    ("written", "gpus", "expected"),
    [
        ([0.25, 0.25, 0.5], 16, [4, 4, 8]),
        ([0.25, 0.25, 0.5], 1, [1, 0, 0]),
        ([0.25, 0.25, 0.5], 2, [1, 0, 1]),
        ([0.25, 0.25, 0.5], 3, [1, 1, 1]),
        ([0.25, 0.25, 0.5], 5, [2, 1, 2]),
        ([0.25, 0.25, 0.5], 0, [0, 0, 0]),
        ([0.07, 0.93], 100, [7, 93]),
        ([0.29, 0.71], 100, [29, 71]),
        ([0.3333, 0.3333, 0.3333], 3, [1, 1, 1]),
        ([0.3333, 0.3333, 0.3333], 4096, [1366, 1365, 1365]),
        ([1.0], 7, [7]),
        ([0.0, 1.0], 7, [0, 7]),
        ([1.0, 0.0], 7, [7, 0]),
    ],
)
def test_shares_by_hand(written: list[float], gpus: int, expected: list[int]) -> None:
    """The first is guaranteed; a share is the decimal that is written, and not its binary neighbour."""
    assert list(apportion(streams(*written), gpus).values()) == expected


def test_without_a_guarantee_the_file_decides_between_equals() -> None:
    """Of equal remainders the stream that stands first goes first."""
    assert apportion(streams(0.25, 0.25, 0.5, guaranteed=None), 2) == {"s0": 1, "s1": 0, "s2": 1}
    assert apportion(streams(0.5, 0.25, 0.25, guaranteed=None), 3) == {"s0": 1, "s1": 1, "s2": 1}
    assert apportion(streams(0.5, 0.5, guaranteed=None), 1) == {"s0": 1, "s1": 0}


def test_the_guarantee_need_not_stand_first() -> None:
    """Whoever is guaranteed is served before the others, wherever it stands in the file."""
    assert apportion(streams(0.5, 0.25, 0.25, guaranteed=2), 1) == {"s2": 1, "s0": 0, "s1": 0}
