"""``make bench``: every figure, each beside its peer, measured in one run; one JSON line a figure."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import (
    expert_hours,
    inbox_page,
    mount_seconds,
    ours,
    peer,
    post_to_ready,
    resident_memory,
    start_page,
)
from benchmarks.figures import Figure, say
from benchmarks.moss import MOSS
from benchmarks.ours import Ours
from benchmarks.stock import STOCK
from single_machine.console import Console

_FEWEST = 7


def main() -> None:
    """Measure, print figures on standard output and progress on standard error."""
    asked = _asked()
    # So that whatever was started is also taken away when somebody stops the benchmark.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    root = Path(os.environ["WERKPLAATS_TEST_ROOT"])
    # The tests' lock: they and the benchmark would slow one another down, and install into one place.
    with (root / "lock").open("w") as lock:
        say("  Waiting until no tests or benchmarks run on this machine ...")
        fcntl.flock(lock, fcntl.LOCK_EX)
        for figure in _measure(root / "bench", asked.repeats, asked.only or tuple(_MEASURES)):
            print(figure.line(), flush=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help=f"measurements a side (at least {_FEWEST})")
    parser.add_argument("--only", action="append", choices=_MEASURES, help="leave the others out")
    asked = parser.parse_args()
    if asked.repeats < _FEWEST:
        parser.error(f"fewer than {_FEWEST} repeats say nothing")
    return asked


def _measure(root: Path, repeats: int, wanted: Sequence[str]) -> Iterator[Figure]:
    """Bring our platform up, and yield the figures as they are known."""
    console = Console(root.with_name("logs") / "bench.log", quiet=True)
    for recipe in (STOCK, MOSS):  # of a run that was killed: what tells their processes is below `root`
        peer.remove(recipe, root / recipe.name, console)
    with ours.running(root, console) as platform:
        for name, measure in _MEASURES.items():
            if name in wanted:
                yield from measure(platform, root, console, repeats)


def _starts(platform: Ours, root: Path, console: Console, repeats: int) -> Iterator[Figure]:
    with peer.running(STOCK, platform, root / STOCK.name, console) as theirs:
        one = post_to_ready.Side("ours", platform.session(platform.instance.url, "student"), _GPU)
        other = post_to_ready.Side("stock", platform.session(theirs.url, "docent"), {})
        yield from post_to_ready.figures(one, other, platform.slurm, repeats)
        # Idle: every server is gone. Both Hubs have done the same work.
        yield from resident_memory.figures(platform, theirs)


def _start_page(platform: Ours, root: Path, console: Console, repeats: int) -> Iterator[Figure]:
    with peer.running(MOSS, platform, root / MOSS.name, console) as theirs:
        yield from start_page.figures(platform, theirs.url, repeats)


def _mounts(platform: Ours, root: Path, _console: Console, repeats: int) -> Iterator[Figure]:
    if json.loads(platform.instance.mounts_settings.read_text())["own_mounts"]:
        yield from mount_seconds.figures(platform, root, repeats)
    else:
        say("  No mount_seconds: this machine gives jobs no mounts of their own.")


def _experts(_platform: Ours, root: Path, _console: Console, _repeats: int) -> Iterator[Figure]:
    yield from expert_hours.figures(root.with_name("logs"), seeds=2)


def _inbox(platform: Ours, _root: Path, _console: Console, repeats: int) -> Iterator[Figure]:
    yield from inbox_page.figures(platform.instance.desk_settings, repeats)


_GPU = {"user_options": {"flavour": "gpu-1"}}
#: The start page comes last: a thousand jobs leave their marks in Slurm's memory.
_MEASURES = {
    "post_to_ready": _starts,
    "mount_seconds": _mounts,
    "expert_hours": _experts,
    "inbox": _inbox,
    "start_page": _start_page,
}


if __name__ == "__main__":
    main()
