"""Jobs of the demo people in the queue of the instance, submitted as anybody submits them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Final

from benchmarks.figures import say
from benchmarks.ours import Ours
from werkplaats_hub import facility

#: Submissions at once.
_HANDS: Final = 4
#: Until the queue is empty again, seconds.
_EMPTY: Final = 120.0


@contextmanager
def waiting(ours: Ours, jobs: int) -> Iterator[None]:
    """Keep so many jobs waiting, each submitted by itself; leave an empty queue.

    They ask for a GPU, are of everybody in turn, and are held, so that all that is measured is
    measured with the same queue.
    """
    try:
        say(f"  submitting {jobs} jobs ...")
        with ThreadPoolExecutor(_HANDS) as hands:
            turns = islice(cycle(members(ours)), jobs)
            for done in [hands.submit(submit, ours, who, "--hold") for who in turns]:
                done.result()
        there = len(ours.slurm("squeue", "--noheader", "--states=PENDING", "--format=%i").split())
        if there != jobs:
            raise RuntimeError(f"{there} jobs wait in the queue, and there should be {jobs}")
        yield
    finally:
        _clear(ours)


def submit(ours: Ours, who: tuple[str, str, str], *options: str) -> None:
    """Submit a job of one processor and one GPU.

    Parameters
    ----------
    who
        A person, and the account and QOS that they charge it to.
    options
        What else it asks of ``sbatch``.
    """
    person, account, qos = who
    subprocess.run(
        [
            "sbatch",
            f"--account={account}",
            f"--qos={qos}",
            "--gres=gpu:1",
            "--mem=1G",
            "--time=30",
            "--chdir=/",
            "--output=/dev/null",
            "--wrap=exec sleep 1800",
            *options,
        ],
        env=ours.instance.environment,
        user=person,
        group=person,
        extra_groups=[],
        capture_output=True,
        timeout=60,
        check=True,
    )


def members(ours: Ours) -> list[tuple[str, str, str]]:
    """Return who can submit, each with an account and a QOS."""
    projects = facility.read(ours.instance.facility).projects
    return [(person, project.name, project.stream) for project in projects for person in project.members]


def _clear(ours: Ours) -> None:
    """Cancel everything, and wait until it is gone."""
    for person, *_ in members(ours):
        ours.slurm("scancel", f"--user={person}")
    end = time.monotonic() + _EMPTY
    while ours.slurm("squeue", "--noheader", "--format=%i"):
        if time.monotonic() > end:
            raise RuntimeError("jobs of the benchmark do not end")
        time.sleep(0.5)
