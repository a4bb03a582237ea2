"""What the page of a person's servers says of a cluster that does not answer."""

from __future__ import annotations

from datetime import datetime

import pytest

from werkplaats_hub.home_page import cluster_away
from werkplaats_spawners.cluster import Cluster, Unreachable, View
from werkplaats_spawners.language import speaking


class Known(Cluster):
    """A cluster of which one thing is known."""

    def __init__(self, view: View | None) -> None:
        self._known = view

    async def glance(self, max_age: float = 10.0) -> View:
        """Return it."""
        if self._known is None:
            raise Unreachable("nobody there")
        return self._known


AT = datetime(2026, 11, 21, 14, 5).astimezone()


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (View(AT.timestamp(), None, {}), ""),
        (View(AT.timestamp(), "no answer", {}), "What stands below is how it was at 14:05."),
        (View(0.0, "no answer", {}), "Try again in a few minutes."),
        (None, "Try again in a few minutes."),
    ],
)
async def test_what_cannot_be_done(view: View | None, said: str) -> None:
    """Nothing starts or stops, with the time of what is known; while it answers nothing is said."""
    with speaking("en"):
        found = await cluster_away(Known(view))
    assert found.endswith(said)
    assert bool(found) == bool(said)
    assert not found or found.startswith("The cluster does not answer at the moment")
