"""``make bench``: every figure, each beside its peer, measured in one run; one JSON line a figure."""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import ours, post_to_ready, resident_memory, stock
from benchmarks.figures import Figure, say
from single_machine.console import Console

_FEWEST = 7


def main() -> None:
    """Measure, print figures on standard output and progress on standard error."""
    repeats = _repeats()
    # So that whatever was started is also taken away when somebody stops the benchmark.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    root = Path(os.environ["WERKPLAATS_TEST_ROOT"])
    # The tests' lock: they and the benchmark would slow one another down, and install into one place.
    with (root / "lock").open("w") as lock:
        say("  Waiting until no tests or benchmarks run on this machine ...")
        fcntl.flock(lock, fcntl.LOCK_EX)
        for figure in _measure(root / "bench", repeats):
            print(figure.line(), flush=True)


def _repeats() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help=f"starts a side (at least {_FEWEST})")
    repeats: int = parser.parse_args().repeats
    if repeats < _FEWEST:
        parser.error(f"fewer than {_FEWEST} repeats say nothing")
    return repeats


def _measure(root: Path, repeats: int) -> Iterator[Figure]:
    """Bring both platforms up, and yield the figures as they are known."""
    console = Console(root.with_name("logs") / "bench.log", quiet=True)
    with (
        ours.running(root, console) as platform,
        stock.running(platform, root / "stock", console) as peer,
    ):
        one = post_to_ready.Side("ours", platform.session(platform.instance.url, "student"), _GPU)
        other = post_to_ready.Side("stock", platform.session(peer.url, "docent"), {})
        yield from post_to_ready.figures(one, other, platform.slurm, repeats)
        # Idle: every server is gone. Both Hubs have done the same work.
        yield from resident_memory.figures(platform, peer)


_GPU = {"user_options": {"flavour": "gpu-1"}}


if __name__ == "__main__":
    main()
