"""What the page of a person's servers says of a cluster that does not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from werkplaats_hub.home_page import cluster_away
from werkplaats_spawners.cluster import Cluster, Unreachable, View
from werkplaats_spawners.language import speaking


class Known(Cluster):
    """A cluster of which one thing is known."""

    def __init__(self, view: View | None) -> None:
        super().__init__("/nowhere")
        self._known = view
        self._trouble = view.error if view else "nobody there"

    async def glance(self, max_age: float = 10.0) -> View:
        """Return it."""
        if self._known is None:
            raise Unreachable("nobody there")
        return self._known


class Slow(Cluster):
    """A cluster that answers, or fails, after longer than a page waits."""

    def __init__(self, answer: Mapping[str, Any] | None) -> None:
        super().__init__("/nowhere")
        self._answer = answer

    async def _ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0.2)
        if self._answer is None:
            raise Unreachable("nobody there")
        return dict(self._answer)


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


def _answer(error: str | None) -> dict[str, Any]:
    now = time.time()
    empty: dict[str, Any] = {"jobs": [], "associations": [], "qos": [], "nodes": []}
    return {"at": now, "limits_at": now, "error": error, "accounting": {"at": now, "error": None}, **empty}


@pytest.mark.parametrize(
    ("answer", "away"), [(_answer(None), False), (_answer("slurmctld does not answer"), True), (None, True)]
)
async def test_a_cluster_that_is_only_slow_is_not_away(
    monkeypatch: pytest.MonkeyPatch, answer: Mapping[str, Any] | None, away: bool
) -> None:
    """Right after a start of the Hub nothing is known yet, which is no alarm; a failure that came is one."""
    monkeypatch.setattr("werkplaats_spawners.cluster._PATIENCE", 0.05)
    cluster = Slow(answer)
    assert await cluster_away(cluster) == ""
    await asyncio.sleep(0.4)
    assert bool(await cluster_away(cluster)) == away
