"""GPU-hours on real Slurm: refused before sbatch, held after it, back when a period begins."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from werkplaats_hub.slurm_commands import Slurm
from werkplaats_hub.streams.status import status

from .conftest import PREFIX, Platform, until

pytestmark = pytest.mark.usefixtures("idle")

MKB = PREFIX + "mkb"


@contextmanager
def budget(platform: Platform, gpu_hours: int, **other: Any) -> Iterator[None]:
    """Give the project of `mkb` this much, beyond what it has used in other tests."""
    used = next(
        project.used_hours
        for project in status(
            platform.facility, Slurm(platform.instance), datetime.now().astimezone()
        ).projects
        if project.name == "mkb-verkenning"
    )

    def change(raw: dict[str, Any]) -> None:
        # Whole hours: what other tests used is rounded up, and so is a little of it free.
        raw["projects"]["mkb-verkenning"]["gpu_hours"] = gpu_hours + int(used + 0.999)
        raw["budgets"].update(other)

    with platform.other_facility(change):
        yield


def test_what_a_budget_cannot_cover_is_refused_before_it_is_submitted(platform: Platform):
    """The refusal names what is left and what would fit; nothing reaches Slurm."""
    mkb = platform.session("mkb")
    with budget(platform, 3):
        refused = mkb.start({"flavour": "gpu-2", "hours": 4})
        assert refused.status == 403
        message = refused.body["message"]
        assert message.startswith("Het project 'mkb-verkenning' heeft nog ")
        assert "Wat past: 2 GPU's voor 1 uur" in message
        assert " of 1 GPU voor " in message
        assert "begint een nieuw budget" in message
        assert platform.jobs("mkb") == []
        assert mkb.start({"flavour": "gpu-1", "hours": 2}).status in (201, 202)
        mkb.wait_ready()
        # What runs can still use its two hours, so that two more are not there.
        again = mkb.start({"flavour": "gpu-1", "hours": 2}, name="tweede")
        assert again.status == 403
        assert mkb.start({"flavour": "first-steps"}, name="derde").status in (201, 202)


def test_slurm_itself_holds_what_a_budget_cannot_cover(platform: Platform):
    """A plain job that is larger than the whole budget is turned away; one that is not covered now waits."""
    with budget(platform, 2):
        with pytest.raises(AssertionError, match="AssocGrpGRESMinutes"):
            platform.sbatch("mkb", "mkb-verkenning", "regional", "--time=300")
        first = platform.sbatch("mkb", "mkb-verkenning", "regional", "--time=90")
        platform.until_running(first)
        second = platform.sbatch("mkb", "mkb-verkenning", "regional", "--time=90")
        until(lambda: platform.reason(second) == "AssocGrpGRESMinutes", 10)
        assert platform.state(second) == "PENDING"


def test_borrowed_hours_cost_nothing_here(platform: Platform):
    """With `charged = false` a project without any budget may borrow, in the Hub and past it."""
    mkb = platform.session("mkb")
    with budget(platform, 0):
        assert mkb.start({"flavour": "gpu-1", "hours": 24}).status == 403
        assert mkb.start({"flavour": "gpu-1", "hours": 24, "lent": True}).status in (201, 202)
        mkb.wait_ready()
        plain = platform.sbatch("mkb", "mkb-verkenning", "lent", "--time=1440")
        platform.until_running(plain)


def test_borrowed_hours_are_charged_where_the_facility_says_so(platform: Platform):
    """With `charged = true` the same is refused, and Slurm holds the plain job."""

    def change(raw: dict[str, Any]) -> None:
        raw["lending"]["charged"] = True
        raw["projects"]["mkb-verkenning"]["gpu_hours"] = 0

    with platform.other_facility(change):
        answer = platform.session("mkb").start({"flavour": "gpu-1", "lent": True})
        assert answer.status == 403
        assert "Geleende capaciteit kost geen uren" not in answer.body["message"]
        plain = platform.sbatch("mkb", "mkb-verkenning", "lent", "--time=60")
        until(lambda: platform.reason(plain) == "AssocGrpGRESMinutes", 10)


@pytest.mark.parametrize(("setting", "started"), [("start", True), ("refuse", False)])
def test_without_accounting_the_facility_decides(platform: Platform, setting: str, started: bool):
    """While Slurm's database is away a request starts, by the controller's own numbers, or is refused."""
    mkb = platform.session("mkb")

    def said_to_be_away() -> bool:
        page = mkb.page("hub/spawn", headers={"Accept-Language": "nl"})
        return "de boekhouding van het cluster antwoordt nu niet" in page.text

    with budget(platform, 3, without_accounting=setting):
        until(lambda: not said_to_be_away(), 30)  # as it may still be after the one before this
        platform.supervisor.stop("slurmdbd")
        try:
            until(said_to_be_away, 30)
            answer = mkb.start({"flavour": "gpu-1", "hours": 1})
            if started:
                assert answer.status in (201, 202)
                mkb.wait_ready()
                # The limits still hold: the controller has them in memory.
                assert mkb.start({"flavour": "gpu-2", "hours": 4}, name="tweede").status == 403
            else:
                assert answer.status == 503
                assert answer.body["message"].startswith("De boekhouding van het cluster antwoordt niet")
                assert platform.jobs("mkb") == []
        finally:
            platform.supervisor.start("slurmdbd")
            until(lambda: platform.werkplaats("streams", "plan").returncode == 0, 30)


def test_a_new_period_begins_by_itself(platform: Platform):
    """Slurm forgets what was used when the period is over, also when it was not running at that moment."""
    job = platform.sbatch("mkb", "mkb-verkenning", "regional", "--time=60", script="sleep 3")
    until(lambda: platform.state(job) == "COMPLETED", 30)
    file = platform.instance.state / "slurm/ctld/priority_last_decay_ran"
    until(lambda: used_seconds(platform) > 0, 90)
    platform.supervisor.stop("slurmctld")
    # Slurm keeps when it last counted and when it last began anew: the latter is put a period back.
    until(file.exists, 5)
    a_period_ago = int(time.time()) - 40 * 86400
    set_last_reset(file, a_period_ago)
    platform.supervisor.start("slurmctld")
    until(lambda: used_seconds(platform) == 0, 90)
    platform.werkplaats("doctor")


def used_seconds(platform: Platform) -> float:
    """Return the raw usage of the project of `mkb`."""
    shown = platform.run("scontrol", "show", "assoc_mgr", "flags=assoc", "accounts=mkb-verkenning")
    line = next(line for line in shown.splitlines() if "UsageRaw/Norm/Efctv" in line)
    return float(line.split("=")[1].split("/")[0])


def set_last_reset(file: Any, moment: int) -> None:
    """Write when usage was last reset into Slurm's state file (`_write_last_decay_ran`)."""
    raw = bytearray(file.read_bytes())
    # A protocol version (2 bytes), then two times (8 bytes each, big-endian): the last run, the last reset.
    struct.pack_into(">q", raw, len(raw) - 8, moment)
    file.write_bytes(bytes(raw))
