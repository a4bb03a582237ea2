"""From shares to whole GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

from werkplaats_spawners.offer import Stream


def apportion(streams: Sequence[Stream], gpus: int) -> dict[str, int]:
    """Return how many GPUs each stream's share is; together exactly `gpus`.

    The guaranteed stream's share is rounded up. The others divide what is left, in proportion to
    their shares, by the largest remainder (Hamilton's method); of equal remainders the stream that
    stands first in the file goes first.

    Parameters
    ----------
    streams
        Whose shares sum to 1.
    gpus
        All GPUs of the facility, at least 0.

    Returns
    -------
    dict
        Name of the stream to its number of GPUs.
    """
    # A share as it is written: 0.07 of 100 is 7, and not the 8 that binary fractions round up to.
    share = {stream.name: Fraction(str(stream.share)) for stream in streams}
    given = {s.name: min(gpus, ceil(share[s.name] * gpus)) for s in streams if s.guaranteed}
    left = gpus - sum(given.values())
    others = [stream.name for stream in streams if not stream.guaranteed]
    whole = sum(share[name] for name in others)
    if not whole:  # nobody else has a share: what rounding left is the guaranteed stream's
        return dict.fromkeys(given, gpus) | dict.fromkeys(others, 0)
    exact = {name: left * share[name] / whole for name in others}
    given |= {name: floor(exact[name]) for name in others}
    by_remainder = sorted(others, key=lambda name: floor(exact[name]) - exact[name])
    for name in by_remainder[: gpus - sum(given.values())]:
        given[name] += 1
    return given
