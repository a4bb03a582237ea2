"""From POST to ready: our spawner and stock batchspawner by turns, on the same Slurm."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.integration.browserless import Session

from benchmarks.figures import Figure, percentile_90, say

#: Between two looks whether a server is ready, if the POST did not wait for it; seconds.
_LOOK: Final = 0.02
#: After a server is gone, before the next is asked for; seconds.
_REST: Final = 1.0

Slurm = Callable[..., str]


@dataclass(frozen=True)
class Side:
    """One of the two that are compared.

    Attributes
    ----------
    session
        A signed-in person of that Hub.
    options
        What the POST asks for.
    """

    name: str
    session: Session
    options: Mapping[str, Any]


def figures(ours: Side, peer: Side, slurm: Slurm, repeats: int) -> list[Figure]:
    """Start and stop a server at each side by turns, and return the median and 90th percentile.

    Parameters
    ----------
    slurm
        Runs a command of Slurm and returns what it printed.
    repeats
        Starts that count, a side; one more goes before them, so that caches are as warm at both.

    Raises
    ------
    RuntimeError
        When a start fails, or when the two did not get the same from Slurm.
    """
    got = [_first(side, slurm) for side in (ours, peer)]
    if got[0] != got[1]:
        raise RuntimeError(f"Slurm gave ours {got[0]}, and the peer {got[1]}")
    say(f"  both get {got[0]}")
    seconds: dict[str, list[float]] = {ours.name: [], peer.name: []}
    for turn in range(1, repeats + 1):
        for side in (ours, peer):
            seconds[side.name].append(_start(side))
            say(f"  {turn}/{repeats} {side.name}: {seconds[side.name][-1]:.3f} s")
            _stop(side, slurm)
    a, b = seconds[ours.name], seconds[peer.name]
    return [
        Figure("post_to_ready", statistics.median(a), statistics.median(b), "s", repeats),
        Figure("post_to_ready_p90", percentile_90(a), percentile_90(b), "s", repeats),
    ]


def _first(side: Side, slurm: Slurm) -> str:
    """Start and stop one server that is not counted; return what Slurm gave it."""
    say(f"  {side.name}: a first start, not counted: {_start(side):.3f} s")
    (job,) = slurm("squeue", "--noheader", "--format=%i").split()
    given = re.search(r"\bTRES=(\S+)", slurm("scontrol", "show", "job", job))
    _stop(side, slurm)
    return given[1] if given else "nothing"


def _start(side: Side) -> float:
    """Return the seconds from the POST until the Hub calls the server ready.

    JupyterHub answers the POST when the server is ready (201), or after ten seconds that it is not
    yet (202); only then are there looks in between, and their load on the Hub.
    """
    begun = time.monotonic()
    answer = side.session.start(dict(side.options))
    if answer.status not in (201, 202):
        raise RuntimeError(f"{side.name} did not start: {answer.status} {answer.body}")
    while answer.status == 202 and not side.session.server().get("ready"):
        if time.monotonic() > begun + 60:
            raise RuntimeError(f"{side.name} is not ready after a minute: {side.session.server()}")
        time.sleep(_LOOK)
    taken = time.monotonic() - begun
    if not side.session.server().get("ready"):
        raise RuntimeError(f"{side.name} is not ready: {side.session.server()}")
    return taken


def _stop(side: Side, slurm: Slurm) -> None:
    """Stop the server, and wait until Slurm has its GPU back."""
    side.session.stop()
    end = time.monotonic() + 60
    while queue := slurm("squeue", "--noheader"):
        if time.monotonic() > end:
            raise RuntimeError(f"a job of {side.name} does not end: {queue}")
        time.sleep(0.2)
    time.sleep(_REST)
