"""`make soak`: the guarantee, five times of five with a facility's own notice, and under random work."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from .conftest import Platform, until
from .test_streams_lending import IGNORES, SLACK, fill, preempted

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

MINUTES = float(os.environ.get("WERKPLAATS_SOAK_MINUTES", "10"))
STREAMS = {
    "regional": ("mkb", "mkb-verkenning"),
    "national": ("rijk", "rijk-verkenning"),
    "eurohpc": ("onderzoeker", "onderzoek"),
}
SHARES = {"regional": 4, "national": 4, "eurohpc": 8}


def test_five_times_of_five_with_a_minutes_notice(platform: Platform):
    """A borrower that ignores everything is gone within the notice and fifteen seconds, each time; alone."""

    def a_minute(raw: dict[str, Any]) -> None:
        raw["lending"]["notice_seconds"] = 60

    waits = []
    with platform.other_facility(a_minute):
        for _round in range(5):
            platform.stop_everything()
            platform.wait_until_idle()
            own, lent = fill(platform, IGNORES)
            time.sleep(random.uniform(0, 10))  # at any moment of Slurm's own rounds
            mine = platform.sbatch("mkb", "mkb-verkenning", "regional")
            waits.append(until(lambda job=mine: platform.state(job) == "RUNNING", 60 + SLACK))
            assert preempted(platform, own) == []
            assert len(preempted(platform, lent)) == 1
    print(f"waited {', '.join(f'{wait:.1f}' for wait in waits)} s for a notice of 60 s")
    assert max(waits) <= 60 + SLACK


@dataclass
class Work:
    """What was handed in, and since when it could have run."""

    own: dict[int, str] = field(default_factory=dict)
    due: dict[int, float] = field(default_factory=dict)
    longest: float = 0.0


def test_random_work_breaks_no_promise(platform: Platform):
    """No stream holds more than its share, nobody within it waits long, and nobody in it is preempted."""
    began, work = datetime.now(), Work()
    chance = random.Random(20261121)
    platform.stop_everything()
    platform.wait_until_idle()
    end = time.monotonic() + MINUTES * 60
    while time.monotonic() < end:
        hand_in(platform, chance, work)
        look(platform, work)
    print(f"{len(work.own)} jobs within a share; the longest wait of one was {work.longest:.1f} s")
    asked = ["sacct", "-X", "-n", "-P", "--allusers", f"--starttime={began:%Y-%m-%dT%H:%M:%S}"]
    rows = [row.split("|") for row in platform.run(*asked, "--format=jobid,qos,state").splitlines()]
    ended = {int(number): state for number, qos, state in rows if qos != "lent"}
    assert [number for number, state in ended.items() if state == "PREEMPTED"] == []
    assert any(state == "PREEMPTED" for _number, qos, state in rows if qos == "lent")


def hand_in(platform: Platform, chance: random.Random, work: Work) -> None:
    """Add a job of one GPU, borrowed or not, that runs for a while."""
    stream = chance.choice(list(STREAMS))
    role, account = STREAMS[stream]
    lent = chance.random() < 0.5
    script = chance.choice(
        [f"sleep {chance.randint(5, 60)}", f"trap '' TERM; sleep {chance.randint(30, 90)}"]
    )
    if len(platform.run("squeue", "-h", "-o", "%i").split()) > 60:
        time.sleep(2)
        return
    number = platform.sbatch(role, account, "lent" if lent else stream, script=script)
    if not lent:
        work.own[number] = stream
    time.sleep(chance.uniform(0, 1.5))


def look(platform: Platform, work: Work) -> None:
    """Hold every promise against the queue as it is now."""
    rows = [row.split() for row in platform.run("squeue", "-h", "-o", "%i %q %T").splitlines()]
    holding = {name: sum(q == name and s != "PENDING" for _i, q, s in rows) for name in SHARES}
    assert all(holding[name] <= SHARES[name] for name in SHARES), holding
    now = time.monotonic()
    for name, share in SHARES.items():
        waiting = sorted(int(i) for i, q, s in rows if q == name and s == "PENDING")
        # The oldest that fit into what is left of the share have been due since they were first seen so.
        due = set(waiting[: max(0, share - holding[name])])
        for number in set(work.due) & {n for n, stream in work.own.items() if stream == name}:
            if number not in due:
                work.longest = max(work.longest, now - work.due.pop(number))
        for number in due:
            work.due.setdefault(number, now)
            limit = platform.facility.lending.notice_seconds + SLACK
            assert now - work.due[number] <= limit, f"{number} of {name} waits though its share is free"
