"""Nobody drowns what others did: so much in ten seconds, and no more."""

from __future__ import annotations

import pytest

from werkplaats_desk.pace import MOST, SECONDS, Pace
from werkplaats_desk.refusal import Refusal


def test_one_person_has_a_pace_and_keeps_nobody_else_waiting() -> None:
    """What is over the pace is refused, until there is room again."""
    now = [0.0]
    pace = Pace(lambda: now[0])
    for _ in range(MOST):
        pace.require("anna")
    with pytest.raises(Refusal) as refused:
        pace.require("anna")
    assert refused.value.status == 429
    pace.require("bram")
    now[0] += SECONDS + 0.1
    pace.require("anna")
