"""What the Hub may believe of a job: gone only on evidence, and everything else is unknown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from werkplaats_spawners import publisher
from werkplaats_spawners.cluster import Cluster, Unreachable
from werkplaats_spawners.limits import Association, Qos, Use
from werkplaats_spawners.slurm import Phase
from werkplaats_spawners.testing import ACCOUNTING_AWAY, AWAY, FakeSlurm

JOB = 17


class Clock:
    """The time of publisher and cluster, which a test can move."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        """Return Unix time, seconds."""
        return time.time() + self.ahead

    def monotonic(self) -> float:
        """Return a time for distances, seconds."""
        return time.monotonic() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let a test move the time of both ends of the socket."""
    clock = Clock()
    monkeypatch.setattr("werkplaats_spawners.publisher.time", clock)
    monkeypatch.setattr("werkplaats_spawners.cluster.time", clock)
    return clock


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """A Slurm in which mkb's job 17 waits."""
    fake = FakeSlurm(associations={("bakery", "mkb"), ("roads", "mkb"), ("roads", "rijk")})
    fake.add("mkb", "bakery", "regional")

    async def run(argv: Sequence[str]) -> str:
        return await fake.run(argv)

    monkeypatch.setattr(publisher, "run", run)
    return fake


@pytest.fixture
async def cluster(fake: FakeSlurm, tmp_path: Path) -> AsyncIterator[Cluster]:
    """The Hub's end of a real socket, at whose other end a real publisher asks the fake Slurm."""
    path = tmp_path / "queue.socket"
    task = asyncio.create_task(publisher.publish(path))
    while not path.is_socket():
        await asyncio.sleep(0.01)
    yield Cluster(str(path))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# -- the view ----------------------------------------------------------------------------------------


async def test_all_spawners_share_one_question(fake: FakeSlurm, cluster: Cluster) -> None:
    """A hundred spawners that look at once send one message, and Slurm gets one command."""
    verdicts = await asyncio.gather(*[cluster.verdict(JOB, "mkb", 0.0) for _ in range(100)])
    assert {verdict.phase for verdict in verdicts} == {Phase.PENDING}
    assert fake.commands.count("squeue") == 1


async def test_a_view_is_used_as_long_as_it_is_young_enough(
    fake: FakeSlurm, cluster: Cluster, clock: Clock
) -> None:
    """Within the age that is asked for nothing is asked of anybody; after it, all is."""
    first = await cluster.view(5.0, 5.0)
    assert await cluster.view(5.0, 5.0) is first
    clock.ahead = 4.0
    assert await cluster.view(5.0, 5.0) is first
    clock.ahead = 6.0
    assert (await cluster.view(5.0, 5.0)).at > first.at
    assert fake.commands.count("squeue") == 2


async def test_limits_may_be_of_another_age_than_the_queue(
    fake: FakeSlurm, cluster: Cluster, clock: Clock
) -> None:
    """They cost more to ask for: a young queue comes without them, and young limits with a queue."""
    first = await cluster.view(0.0, 60.0)
    clock.ahead = 10.0
    second = await cluster.view(1.0, 60.0)
    assert (second.at > first.at, second.limits_at == first.limits_at) == (True, True)
    assert (await cluster.view(60.0, 1.0)).limits_at > first.limits_at
    assert (fake.commands.count("squeue"), fake.commands.count("scontrol")) == (3, 2)


async def test_who_may_charge_what(cluster: Cluster) -> None:
    """A person's accounts are Slurm's own; somebody without any has none, and that is no error."""
    for user, accounts in {"mkb": {"bakery", "roads"}, "rijk": {"roads"}, "vreemdeling": set()}.items():
        assert (await cluster.certain_view(3.0)).accounts(user) == accounts


async def test_nobody_loses_a_project_because_slurm_is_away(
    fake: FakeSlurm, cluster: Cluster, clock: Clock
) -> None:
    """Known accounts stay known on a page, with the error beside them; but nothing is started by them."""
    await cluster.certain_view(3.0)
    fake.away = AWAY
    clock.ahead = 60.0
    view = await cluster.glance()
    assert view.accounts("mkb") == {"bakery", "roads"}
    assert view.error == AWAY
    with pytest.raises(Unreachable, match="Unable to contact slurm controller"):
        await cluster.certain_view(3.0)


async def test_a_page_gets_numbers_of_ten_seconds_at_most(
    fake: FakeSlurm, cluster: Cluster, clock: Clock
) -> None:
    """The first waits for them; the next gets those, and has younger ones asked for when it is out."""
    first = await cluster.glance()
    assert (await cluster.glance()).at == first.at
    assert fake.commands.count("squeue") == 1
    clock.ahead = 5.0
    assert (await cluster.glance()).at == first.at
    assert fake.commands.count("squeue") == 1, "not while the page is made"
    await _until(lambda: fake.commands.count("squeue") == 2)
    clock.ahead = 20.0
    assert (await cluster.glance()).at >= first.at + 19


async def test_numbers_are_kept_young_while_somebody_looks(
    fake: FakeSlurm, cluster: Cluster, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the next page waits for nothing; and no longer than some minutes after the last."""
    monkeypatch.setattr("werkplaats_spawners.cluster._GLANCE_EVERY", 0.02)
    monkeypatch.setattr("werkplaats_spawners.cluster._GLANCE_RENEWS", 0.01)
    await cluster.glance()
    await _until(lambda: fake.commands.count("squeue") >= 4)
    clock.ahead = 601.0
    await asyncio.sleep(0.2)
    asked = fake.commands.count("squeue")
    await asyncio.sleep(0.2)
    assert fake.commands.count("squeue") == asked


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_page_does_not_wait_for_a_slurm_that_hangs(
    fake: FakeSlurm, cluster: Cluster, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a moment it takes the old numbers, marked as such; without any it says so."""
    monkeypatch.setattr("werkplaats_spawners.cluster._PATIENCE", 0.05)
    hangs = asyncio.Event()

    async def run(argv: Sequence[str]) -> str:
        if hangs.is_set():
            await asyncio.sleep(60)
        return await fake.run(argv)

    monkeypatch.setattr(publisher, "run", run)
    first = await cluster.glance()
    hangs.set()
    clock.ahead = 60.0
    view = await cluster.glance()
    assert (view.at, view.error) == (first.at, "Slurm gives no answer in time")
    with pytest.raises(Unreachable, match="no answer in time"):
        await Cluster(cluster._socket).glance()


async def test_limits_and_their_use_come_with_the_view(fake: FakeSlurm, cluster: Cluster) -> None:
    """Budgets, shares, and who is closed out, as the controller holds them: all in the same answer."""
    fake.budgets["bakery"] = (600, 100, 20)
    fake.closed.add("roads")
    fake.shares["regional"] = (8, 3)
    view = await cluster.certain_view(3.0)
    assert view.associations["bakery", ""] == Association("bakery", "", Use(600, 100), committed=20)
    assert view.associations["bakery", "mkb"] == Association("bakery", "mkb")
    assert view.associations["roads", "rijk"].closed
    assert not view.associations["bakery", ""].closed
    assert set(view.associations) == {
        ("bakery", ""), ("roads", ""), ("bakery", "mkb"), ("roads", "mkb"), ("roads", "rijk"),
    }  # fmt: skip
    assert view.qos == {"regional": Qos("regional", Use(8, 3), users={"1001": 3})}


async def test_what_a_job_asks_for_comes_with_the_view(fake: FakeSlurm, cluster: Cluster) -> None:
    """GPUs and a time limit: what the queue will take of a budget can be told from them."""
    fake.jobs[JOB].gres, fake.jobs[JOB].limit = "gres:gpu:2", "1-00:30:00"
    job = (await cluster.view(0.0)).jobs[JOB]
    assert (job.gpus, job.minutes) == (2, 1470)


async def test_accounting_that_is_away_costs_nobody_the_view(
    fake: FakeSlurm, cluster: Cluster, clock: Clock
) -> None:
    """The queue is as young as ever; why accounting does not answer, and since when, comes with it."""
    await cluster.view(0.0)
    await asyncio.sleep(0.05)  # accounting is asked beside the queue
    good = await cluster.view(0.0)
    assert good.accounting_error is None
    assert good.accounting_at > 0.0
    fake.accounting_away = ACCOUNTING_AWAY
    clock.ahead = 60.0
    await cluster.view(0.0)
    await asyncio.sleep(0.05)
    clock.ahead = 64.0
    view = await cluster.certain_view(3.0)
    assert (view.error, view.accounting_error) == (None, ACCOUNTING_AWAY)
    assert view.accounting_at == good.accounting_at
    assert view.at > good.at
    assert view.accounts("mkb") == {"bakery", "roads"}


async def test_without_any_view_there_is_no_answer(fake: FakeSlurm, cluster: Cluster) -> None:
    """When Slurm never answered, nobody has any accounts, and nobody is told so."""
    fake.away = AWAY
    with pytest.raises(Unreachable, match="Unable to contact slurm controller"):
        await cluster.view(5.0)
    with pytest.raises(Unreachable):
        await cluster.certain_view(3.0)
    fake.away = None
    assert (await cluster.view(0.0)).error is None, "an error is not kept longer than it lasts"


async def test_what_is_mounted_alone(fake: FakeSlurm, cluster: Cluster) -> None:
    """It is as Slurm has it now; where Slurm is away, or the publisher knows nothing of it, nobody knows."""
    assert await cluster.alone("mkb") == ""
    fake.run_job(JOB)
    fake.jobs[JOB].note = "werkplaats-alone:cohort"
    assert await cluster.alone("mkb") == "cohort"
    fake.away = AWAY
    with pytest.raises(Unreachable, match="Unable to contact"):
        await cluster.alone("mkb")
    fake.away = None
    with pytest.raises(Unreachable):
        await cluster.alone("no person")


# -- verdicts ----------------------------------------------------------------------------------------

Happens = Callable[[FakeSlurm], None]


def ended(state: str) -> Happens:
    """Return what happens when a job ends in that state."""
    return lambda fake: fake.end_job(JOB, state)


def forgotten(state: str, accounted: bool = True) -> Happens:
    """Return what happens when the controller has forgotten a job in that state."""

    def happens(fake: FakeSlurm) -> None:
        fake.end_job(JOB, state)
        fake.forget_job(JOB, accounted)

    return happens


def forgotten_without_accounting(fake: FakeSlurm) -> None:
    """Let the controller forget a job, and accounting be away."""
    forgotten("COMPLETED")(fake)
    fake.accounting_away = ACCOUNTING_AWAY


def anothers(fake: FakeSlurm) -> None:
    """Give the number to another person's running job, as after a reset of Slurm's numbers."""
    fake.jobs[JOB].user = "student"
    fake.run_job(JOB)


def anothers_ended(fake: FakeSlurm) -> None:
    """Give the number to another person's job, which ended."""
    anothers(fake)
    forgotten("COMPLETED")(fake)


@pytest.mark.parametrize(
    ("happens", "age", "expected", "reason"),
    [
        (lambda fake: None, 1, Phase.PENDING, "Resources"),
        (lambda fake: fake.run_job(JOB), 1, Phase.RUNNING, "None"),
        (ended("COMPLETING"), 1, Phase.ENDING, "None"),
        (ended("COMPLETED"), 1, Phase.GONE, "None"),
        (ended("CANCELLED"), 1, Phase.GONE, "None"),
        (ended("NODE_FAIL"), 1, Phase.GONE, "None"),
        (ended("NEW_IN_SLURM_30"), 1, Phase.UNKNOWN, "None"),
        # Slurm forgot the job: accounting has the last word.
        (forgotten("COMPLETED"), 1, Phase.GONE, "COMPLETED"),
        (forgotten("CANCELLED by 1001"), 1, Phase.GONE, "CANCELLED by 1001"),
        (forgotten("RUNNING"), 1, Phase.UNKNOWN, "accounting says RUNNING, the queue lacks it"),
        (forgotten("RUNNING"), 10_000, Phase.UNKNOWN, "accounting says RUNNING, the queue lacks it"),
        (forgotten_without_accounting, 1, Phase.UNKNOWN, ACCOUNTING_AWAY),
        (forgotten_without_accounting, 10_000, Phase.UNKNOWN, ACCOUNTING_AWAY),
        # Nobody knows it: only a job that was submitted long ago never was.
        (forgotten("COMPLETED", accounted=False), 1, Phase.UNKNOWN, "Slurm has no record of this job"),
        (forgotten("COMPLETED", accounted=False), 890, Phase.UNKNOWN, "Slurm has no record of this job"),
        (forgotten("COMPLETED", accounted=False), 910, Phase.GONE, "Slurm has no record of this job"),
        # A number is not a job: it must also be this person's.
        (anothers, 1, Phase.UNKNOWN, "Slurm has no record of this job"),
        (anothers, 910, Phase.GONE, "Slurm has no record of this job"),
        (anothers_ended, 1, Phase.UNKNOWN, "Slurm has no record of this job"),
    ],
)
async def test_the_verdict(
    fake: FakeSlurm, cluster: Cluster, happens: Happens, age: float, expected: Phase, reason: str
) -> None:
    """What is known of a job that was submitted `age` seconds ago."""
    happens(fake)
    verdict = await cluster.verdict(JOB, "mkb", time.time() - age)
    assert (verdict.phase, verdict.reason) == (expected, reason)


async def test_where_a_running_job_can_be_reached(fake: FakeSlurm, cluster: Cluster) -> None:
    """A job that waits is nowhere; one that runs is at its node's address."""
    assert (await cluster.verdict(JOB, "mkb", 0.0, max_age=0.0)).address == ""
    fake.run_job(JOB)
    assert (await cluster.verdict(JOB, "mkb", 0.0, max_age=0.0)).address == "10.0.0.1"


async def test_the_first_error_of_slurm_loses_no_server(
    fake: FakeSlurm, cluster: Cluster, clock: Clock
) -> None:
    """While Slurm is away a job that was last seen running is not gone, for however long."""
    fake.run_job(JOB)
    submitted = time.time() - 1
    assert (await cluster.verdict(JOB, "mkb", submitted)).phase is Phase.RUNNING
    fake.away, fake.accounting_away = AWAY, ACCOUNTING_AWAY
    for later in (10, 1_000, 100_000):
        clock.ahead = later
        assert (await cluster.verdict(JOB, "mkb", submitted)).phase in (Phase.RUNNING, Phase.UNKNOWN)


async def test_an_error_is_not_an_absence(fake: FakeSlurm, cluster: Cluster, clock: Clock) -> None:
    """A job that the last good snapshot lacks is unknown during an error, whatever accounting says."""
    await cluster.view(5.0)
    fake.end_job(fake.add("mkb", "bakery", "regional", 18).id)
    fake.away = AWAY
    clock.ahead = 60.0
    verdict = await cluster.verdict(18, "mkb", time.time() - 10_000)
    assert (verdict.phase, verdict.reason) == (Phase.UNKNOWN, AWAY)


async def test_a_snapshot_from_before_the_submission_says_nothing(fake: FakeSlurm, cluster: Cluster) -> None:
    """A job that was just submitted is not looked for in an older queue, nor mistaken for an older job."""
    fake.end_job(JOB)
    await cluster.view(5.0)
    for number in (JOB, 99):
        verdict = await cluster.verdict(number, "mkb", time.time() + 1)
        assert verdict.phase is Phase.UNKNOWN
    assert "sacct" not in fake.commands


async def test_an_older_job_of_the_same_number_is_another_job(fake: FakeSlurm, cluster: Cluster) -> None:
    """A record that ended before the submission is not this job's: numbers begin anew with Slurm's state."""
    forgotten("COMPLETED")(fake)
    fake.jobs[JOB].ended = time.time() - 86_400
    verdict = await cluster.verdict(JOB, "mkb", time.time() - 1)
    assert verdict.phase is Phase.UNKNOWN
