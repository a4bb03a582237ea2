"""Lent capacity on real Slurm: who borrows is told, and gone when the owner comes; nobody else is."""

from __future__ import annotations

import time

import pytest

from werkplaats_spawners.slurm import TAKEN_BACK

from .browserless import Session
from .conftest import PREFIX, Platform, until

pytestmark = pytest.mark.usefixtures("idle")

#: What Slurm and the borrower may need beyond the notice, seconds.
SLACK = 15


def fill(platform: Platform, script: str = "") -> tuple[list[int], list[int]]:
    """Take all sixteen GPUs by two streams: twelve within their shares, four borrowed."""
    own = [platform.sbatch("onderzoeker", "onderzoek", "eurohpc") for _ in range(8)]
    own += [platform.sbatch("rijk", "rijk-verkenning", "national") for _ in range(4)]
    platform.until_running(*own, within=30)
    warned = ("--signal=B:USR1@60",) if "USR1" in script else ()
    lent = [platform.sbatch("rijk", "rijk-verkenning", "lent", *warned, script=script) for _ in range(4)]
    platform.until_running(*lent, within=30)
    return own, lent


def preempted(platform: Platform, numbers: list[int]) -> list[int]:
    """Return which of these jobs no longer run."""
    return [number for number in numbers if platform.state(number) != "RUNNING"]


def borrow_everything(platform: Platform) -> list[int]:
    """Take all sixteen GPUs by borrowers, no two of whom began in the same second."""
    lent = []
    for _ in range(16):
        lent.append(platform.sbatch("mkb", "mkb-verkenning", "lent"))
        platform.until_running(lent[-1])
        time.sleep(1)
    return lent


OWNERS = [("onderzoeker", "onderzoek", "eurohpc")] * 8 + [("rijk", "rijk-verkenning", "national")] * 4


@pytest.mark.parametrize("owners", [4, 8, 12])
def test_owners_who_come_at_once_do_not_wait_for_one_another(platform: Platform, owners: int):
    """All of sixteen GPUs are borrowed: as many go at once as owners come, those who began last."""
    lent = borrow_everything(platform)
    mine = [platform.sbatch(*owner) for owner in OWNERS[-owners:]]
    platform.until_running(*mine, within=platform.facility.lending.notice_seconds + SLACK)
    assert preempted(platform, lent) == lent[-owners:]


def test_two_borrowers_who_go_at_once_are_told_the_same(platform: Platform):
    """One is ended by Slurm and one by the keeper: both people read the same of it."""
    for _ in range(14):
        platform.sbatch("mkb", "mkb-verkenning", "lent")
    borrowers = [platform.session("student"), platform.session("rijk")]
    for borrower in borrowers:
        assert borrower.start({"flavour": "gpu-1", "lent": True}).status in (201, 202)
        borrower.wait_ready()
        time.sleep(1)
    mine = [platform.sbatch(*owner) for owner in OWNERS[:2]]
    platform.until_running(*mine, within=platform.facility.lending.notice_seconds + SLACK)
    for borrower in borrowers:
        borrower.wait_gone(within=30)
        until(lambda one=borrower: "ging terug naar de eigenaar" in home(one), 30)
    shown = "--format=State%30,AdminComment%80", "--noheader", "--allocations", "--allusers", "--qos=lent"
    told = platform.run("sacct", "--starttime=now-3minutes", "--endtime=now", *shown)
    assert "PREEMPTED" in told
    assert TAKEN_BACK in told


def home(session: Session) -> str:
    """Return what a person's own page says, in Dutch."""
    return session.page("hub/home", headers={"Accept-Language": "nl"}).text


def test_who_would_get_above_their_share_takes_nothing_back(platform: Platform):
    """Eight requests of a stream of four GPUs cost four borrowers their place, not eight."""
    lent = borrow_everything(platform)
    mine = [platform.sbatch("rijk", "rijk-verkenning", "national") for _ in range(8)]
    until(
        lambda: platform.states(*mine).count("RUNNING") == 4, platform.facility.lending.notice_seconds + SLACK
    )
    time.sleep(platform.facility.lending.notice_seconds + SLACK)
    assert platform.states(*mine).count("RUNNING") == 4
    assert len(preempted(platform, lent)) == 4


IGNORES = "trap '' TERM USR1; while true; do sleep 0.2; done"


@pytest.mark.parametrize("script", ["exec sleep 3600", IGNORES], ids=["plain", "ignores its notice"])
def test_a_plain_job_within_its_share_takes_back_what_it_needs_and_no_more(platform: Platform, script: str):
    """One regional GPU costs one borrower its place, a little after the notice; the owners keep theirs."""
    own, lent = fill(platform, script)
    mine = platform.sbatch("mkb", "mkb-verkenning", "regional")
    until(lambda: platform.state(mine) == "RUNNING", platform.facility.lending.notice_seconds + SLACK)
    assert preempted(platform, own) == []
    (gone,) = preempted(platform, lent)
    until(lambda: platform.state(gone) == "PREEMPTED", 10)


def test_a_server_within_its_share_takes_back_a_gpu_and_its_borrower_is_told_why(platform: Platform):
    """The Hub's own servers on both sides: the owner's starts, the borrower's person reads what happened."""
    own = [platform.sbatch("onderzoeker", "onderzoek", "eurohpc") for _ in range(8)]
    own += [platform.sbatch("onderzoeker", "onderzoek", "lent") for _ in range(3)]
    own += [platform.sbatch("mkb", "mkb-verkenning", "regional") for _ in range(4)]
    platform.until_running(*own, within=30)
    borrower, owner = platform.session("student"), platform.session("rijk")
    assert borrower.start({"flavour": "gpu-1", "lent": True}).status in (201, 202)
    borrower.wait_ready()
    (number,) = platform.jobs("student")

    asked = time.monotonic()
    assert owner.start({"flavour": "gpu-1"}).status in (201, 202)
    owner.wait_ready(within=platform.facility.lending.notice_seconds + SLACK + 10)
    assert time.monotonic() - asked < platform.facility.lending.notice_seconds + SLACK + 10
    # Who borrowed last has lost least: Slurm takes the youngest.
    until(lambda: platform.state(int(number)) == "PREEMPTED", 20)
    borrower.wait_gone(within=30)
    assert preempted(platform, own) == []
    page = borrower.page(f"hub/user/{borrower.name}/", headers={"Accept-Language": "nl"})
    assert "ging terug naar de eigenaar" in page.text
    home = borrower.page("hub/home", headers={"Accept-Language": "en"})
    assert "went back to its owner" in home.text


def test_without_lent_nobody_gets_above_their_share(platform: Platform):
    """A fifth GPU of a stream of four waits, however many GPUs are idle."""
    numbers = [platform.sbatch("rijk", "rijk-verkenning", "national") for _ in range(5)]
    until(lambda: [platform.state(n) for n in numbers].count("RUNNING") == 4, 20)
    time.sleep(3)
    assert [platform.state(n) for n in numbers].count("PENDING") == 1
    reason = platform.run("squeue", "-h", "-t", "PD", "-o", "%r", "-j", ",".join(map(str, numbers))).strip()
    assert reason in ("QOSGrpGRES", "QOSGrpBilling")


def test_work_without_a_gpu_keeps_nobody_from_one(platform: Platform):
    """All the processors that a stream can take, within and without: its GPUs still start at once."""
    flood = ["sbatch", "--parsable", "--account=cursus-ai", "--output=/dev/null", "--time=60"]
    sizes = [("--cpus-per-task=16", "--mem=32G"), ("--cpus-per-task=4", "--mem=8G"), ("-n8", "--mem=1G")]
    for size in sizes * 6:
        platform.run(*flood, *size, "--wrap=exec sleep 3600", user=PREFIX + "docent")
    platform.run(*flood, "-p", "gpu", "-c", "16", "--wrap=sleep 60", user=PREFIX + "docent", check=False)
    time.sleep(3)
    numbers = [platform.sbatch("mkb", "mkb-verkenning", "regional") for _ in range(4)]
    platform.until_running(*numbers, within=15)


def test_who_takes_more_beside_a_gpu_is_counted_for_it(platform: Platform):
    """A job of one GPU and a whole node's processors takes four GPUs of its stream's share, not one."""
    hog = platform.sbatch("rijk", "rijk-verkenning", "national", "--cpus-per-task=16")
    until(lambda: platform.state(hog) == "RUNNING", 20)
    another = platform.sbatch("rijk", "rijk-verkenning", "national")
    time.sleep(3)
    assert platform.state(another) == "PENDING"
    others = [platform.sbatch("onderzoeker", "onderzoek", "eurohpc") for _ in range(8)]
    others += [platform.sbatch("mkb", "mkb-verkenning", "regional") for _ in range(4)]
    platform.until_running(*others, within=20)


def test_borrowed_work_is_never_before_others(platform: Platform):
    """A borrower that waits lets everybody pass who is within their share."""
    own, _lent = fill(platform)
    waiting = platform.sbatch("onderzoeker", "onderzoek", "lent")
    platform.run("scancel", str(own[-1]))
    mine = platform.sbatch("rijk", "rijk-verkenning", "national")
    until(lambda: platform.state(mine) == "RUNNING", 30)
    assert platform.state(waiting) == "PENDING"
