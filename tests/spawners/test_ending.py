"""How a server ended, as its page tells it."""

from __future__ import annotations

import time

import pytest

from werkplaats_spawners.ending import Ending


@pytest.mark.parametrize(
    ("how", "ago", "again"), [("", 1, True), ("", 61, False), ("TIMEOUT", 1, False), ("PREEMPTED", 1, False)]
)
def test_a_page_looks_again_while_slurm_is_asked(how: str, ago: float, again: bool) -> None:
    """For a minute, until it is known: who comes to the page at once reads the right thing a little later."""
    assert Ending(how, lent=True, at=time.time() - ago).looked_for is again
