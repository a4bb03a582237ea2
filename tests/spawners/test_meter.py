"""The numbers and sentences of the meter in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from jupyterhub import apihandlers
from tests.houses import PERSON, House
from tests.offers import NOW, changed, flavour, person, project, stream

from werkplaats_spawners.language import speaking
from werkplaats_spawners.meter import ROUTE, MeterHandler, claim_route, meter, meter_of
from werkplaats_spawners.offer import LENT, Lending, Offer
from werkplaats_spawners.slurm import Job
from werkplaats_spawners.standing import Budget
from werkplaats_spawners.testing import FakeCluster, FakeSlurm

OFFER = Offer(
    flavours=(flavour("gpu-2", 2, 2, 24),),
    streams=(stream("regional"),),
    projects=(project("bakery", "regional"),),
)
TIMES = ("2026-11-21T10:00:00", "2026-11-21T12:00:00")
JOB = Job(17, "ann", "bakery", "regional", "RUNNING", "gpu1", *TIMES, "None", 2)
BUDGETS = {"bakery": Budget(limit=6000, settled=690, running=240, waiting=60)}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Read sentences as they stand in the source."""
    with speaking("en"):
        yield


def test_the_numbers_are_slurms() -> None:
    """Settled, set aside for what runs and waits, and left."""
    found = meter(JOB, OFFER, person("bakery", budgets=BUDGETS))
    assert (found.limit_hours, found.used_hours, found.set_aside_hours, found.left_hours) == (
        100,
        11.5,
        5,
        83.5,
    )
    assert (found.project, found.stream, found.gpus, found.lent) == ("bakery", "regional", 2, False)
    assert found.ends == datetime(2026, 11, 21, 12).astimezone()


@pytest.mark.parametrize(
    ("job", "charged", "said"),
    [
        (JOB, False, "takes 2 GPU-hours an hour"),
        (replace(JOB, gpus=0), False, "has no GPU"),
        (replace(JOB, qos=LENT), False, "costs nothing of it and can be taken back"),
        (replace(JOB, qos=LENT), True, "takes 2 GPU-hours an hour"),
    ],
)
def test_what_a_server_costs(job: Job, charged: bool, said: str) -> None:
    """By its GPUs, and by whether lent hours count."""
    offer = changed(OFFER, lending=Lending(charged=charged))
    sentences = meter(job, offer, person("bakery")).as_json(offer, NOW)["sentences"]
    assert said in sentences["rate"]


def test_what_is_left_is_a_sentence_in_the_readers_language() -> None:
    """With the day on which a new budget begins."""
    found = meter(JOB, OFFER, person("bakery", budgets=BUDGETS))
    assert "83.5 of 100 GPU-hours left" in found.as_json(OFFER, NOW)["sentences"]["left"]
    unlimited = meter(JOB, OFFER, person("bakery")).as_json(OFFER, NOW)
    assert unlimited["left_hours"] is None
    assert "no limit" in unlimited["sentences"]["left"]


def test_a_job_without_an_end_or_a_known_project() -> None:
    """An account that the file no longer names is called by its name."""
    found = meter(replace(JOB, account="gone", end="N/A"), OFFER, person("bakery")).as_json(OFFER, NOW)
    assert (found["project_title"], found["stream"], found["ends"]) == ("gone", "", None)
    assert found["sentences"]["end"] == ""


@pytest.fixture
def fake() -> FakeSlurm:
    """A Slurm that lets the person charge one project."""
    return FakeSlurm(associations={("bakery", PERSON)})


@pytest.fixture
def house(fake: FakeSlurm) -> House:
    """A Hub's database."""
    return House("sqlite://", fake, OFFER)


async def test_a_servers_own_job_is_looked_up(house: House, fake: FakeSlurm) -> None:
    """By the number that the Hub keeps; another person's job of that number is nobody's."""
    spawner = house.spawner()
    job = fake.add(PERSON, "bakery", "regional")
    spawner.job_id = str(job.id)
    found = await meter_of(spawner, 10.0)
    assert found is not None
    assert (found.project, found.lent) == ("bakery", False)
    spawner.job_id = str(fake.add("somebody", "bakery", "regional").id)
    spawner.cluster = FakeCluster(fake)
    assert await meter_of(spawner, 10.0) is None
    spawner.job_id = ""
    assert await meter_of(spawner, 10.0) is None


def test_the_route_is_there_once() -> None:
    """However often the module is configured."""
    claim_route()
    claim_route()
    assert [entry[1] for entry in apihandlers.default_handlers if entry[0] == ROUTE] == [MeterHandler]
