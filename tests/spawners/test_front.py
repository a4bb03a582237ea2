"""What a spawner shows: its start page, the choices on it, and something smaller for who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from jupyterhub.spawner import SpawnException
from tests.houses import PERSON, Except, House

from werkplaats_spawners.choices import Choice
from werkplaats_spawners.language import speaking
from werkplaats_spawners.offer import Offer
from werkplaats_spawners.request import ServerRequest
from werkplaats_spawners.spawner import WerkplaatsSpawner
from werkplaats_spawners.testing import AWAY, WOULD_PREEMPT, FakeSlurm

PROJECT = "mkb-verkenning"
NOW = "sbatch: Job 1 to start at 2020-01-01T00:00:00 using 4 processors on nodes gpu1 in partition gpu\n"
LATER = "sbatch: Job 1 to start at 2036-01-01T00:00:00 using 4 processors on nodes gpu1 in partition gpu\n"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Read sentences as they stand in the source."""
    with speaking("en"):
        yield


@pytest.fixture
def fake() -> FakeSlurm:
    """A Slurm of one project, in which everything would start now."""
    return FakeSlurm(
        associations={(PROJECT, PERSON)}, budgets={PROJECT: (60_000, 600, 0)}, shares={"regional": (4, 0)},
        when=NOW,
    )  # fmt: skip


@pytest.fixture
def house(tmp_path: Any, fake: FakeSlurm, offer: Offer) -> House:
    """A Hub's database."""
    return House(f"sqlite:///{tmp_path}/hub.sqlite", fake, offer)


# -- the start page ----------------------------------------------------------------------------------


async def test_the_page_asks_and_does_not_wait(house: House, fake: FakeSlurm) -> None:
    """It shows what is known; a moment later more is."""
    spawner = house.spawner()
    spawner.handler = Except(None, preselected=None)
    html = await spawner.get_options_form()
    assert html.count("Can start: is being asked.") == 5, "the button, three flavours and what is chosen"
    assert fake.asked_when == [], "not while the page is made"
    async with asyncio.timeout(5):
        while len(fake.asked_when) < 3:
            await asyncio.sleep(0.01)
    assert [message["flavour"] for _, message in fake.asked_when] == ["first-steps", "gpu-1", "gpu-2"]
    html = await spawner.get_options_form()
    assert "is being asked" not in html
    assert "Can start: now. GPU-hours left: 990 now, 988 after this." in html
    assert len(fake.asked_when) == 3


async def test_the_choices_wait_for_slurm(house: House, fake: FakeSlurm) -> None:
    """What the page's script asks for, with the other fields as they are filled in."""
    standing, found, _quick = await house.spawner().choices(ServerRequest(hours=4, lent=True), within=5)
    lines: dict[str, Choice] = {choice.flavour.name: choice for choice in found}
    assert lines["gpu-2"].line == "Can start: now. Costs no GPU-hours."
    assert {message["qos"] for _, message in fake.asked_when} == {"regional", "lent"}
    assert {message["minutes"] for _, message in fake.asked_when} == {240}
    assert standing.free.by_type == {"virtual": (7, 8)}


async def test_the_big_button_is_a_choice_of_its_own(house: House, fake: FakeSlurm) -> None:
    """What is filled in below it, and refused there, is nothing that it sends."""
    _, found, quick = await house.spawner().choices(ServerRequest(hours=20), within=5)
    assert found[0].refused
    assert quick.line == "Can start: now. Costs no GPU-hours."
    assert next((message["flavour"], message["minutes"]) for _, message in fake.asked_when) == (
        "first-steps", 240,
    )  # fmt: skip


async def test_slurm_that_is_away_is_asked_nothing(house: House, fake: FakeSlurm) -> None:
    """The page comes, says so, and does not queue up questions."""
    fake.away = AWAY
    spawner = house.spawner()
    spawner.handler = Except(None, preselected=None)
    assert "nothing can be started now" in await spawner.get_options_form()
    standing, found, _quick = await spawner.choices(ServerRequest(), within=5)
    assert standing.cluster_away
    assert all(choice.refused for choice in found)
    assert fake.asked_when == []


async def test_who_is_no_user_of_the_machine_sees_a_page(house: House) -> None:
    """A name that the system does not know charges nothing, and is told so."""
    spawner = house.spawner(name="no-such-user-here")
    spawner.handler = Except(None, preselected=None)
    assert "do not take part in a project yet" in await spawner.get_options_form()


# -- something smaller -------------------------------------------------------------------------------


async def waits(house: House, fake: FakeSlurm, options: dict[str, Any] | None = None) -> WerkplaatsSpawner:
    """Return a spawner whose job waits for two GPUs of a share that has one left."""
    fake.shares["regional"] = (4, 3)
    spawner = house.spawner(options or {"flavour": "gpu-2"})
    await spawner.run_pre_spawn_hook()
    await spawner.submit_batch_script()
    fake.jobs[17].gres, fake.jobs[17].waits = "gres:gpu:2", "QOSGrpGRES"
    await spawner.query_job_status(max_age=0)
    return spawner


async def offered(spawner: WerkplaatsSpawner) -> str:
    """Return what is offered once Slurm was asked."""
    spawner.waiting()
    await asyncio.sleep(0.05)
    return spawner.waiting().event()["smaller"]


async def test_the_largest_that_starts_now_is_offered(house: House, fake: FakeSlurm) -> None:
    """One GPU is free of the share: one is offered, and not the server without any."""
    spawner = await waits(house, fake)
    assert spawner.waiting().smaller is None, "not before Slurm said so"
    assert await offered(spawner) == "gpu-1"
    said = spawner.waiting()
    assert said.message == "All GPUs of your stream's share are in use."
    assert said.place == "Nobody is before you in the queue."


async def test_without_a_gpu_left_the_one_without_is_offered(house: House, fake: FakeSlurm) -> None:
    """It has machines of its own. Of the GPU that nobody has Slurm is not asked."""
    spawner = await waits(house, fake)
    fake.shares["regional"] = (4, 4)
    await spawner.cluster.view(0, 0)
    assert await offered(spawner) == "first-steps"
    assert [message["flavour"] for _, message in fake.asked_when] == ["first-steps"]


async def test_what_is_spread_over_machines_does_not_count(house: House, fake: FakeSlurm) -> None:
    """No node has a GPU free: none is offered."""
    fake.nodes = {"gpu1": ("10.0.0.1", "mix", 4, 4), "gpu2": ("10.0.0.2", "drain", 4, 0)}
    assert await offered(await waits(house, fake)) == "first-steps"


@pytest.mark.parametrize("when", [LATER, WOULD_PREEMPT, "allocation failure: x"])
async def test_what_would_not_start_now_is_not_offered(house: House, fake: FakeSlurm, when: str) -> None:
    """It would be a place given up for another wait; nor is a borrower sent away for it."""
    fake.when = when
    assert await offered(await waits(house, fake)) == ""


async def test_who_waits_costs_slurm_a_question_a_minute(house: House, fake: FakeSlurm) -> None:
    """However often the page looks."""
    spawner = await waits(house, fake)
    for _ in range(5):
        await offered(spawner)
    assert len(fake.asked_when) == 2, "for one GPU, and for none"


async def test_its_own_request_is_not_in_its_way(house: House, fake: FakeSlurm) -> None:
    """What waits has asked for all that the budget has; a smaller one in its place still fits."""
    fake.budgets[PROJECT] = (240, 0, 0)
    assert await offered(await waits(house, fake)) == "gpu-1"


async def test_who_waits_without_a_gpu_is_offered_nothing(house: House, fake: FakeSlurm) -> None:
    """There is nothing smaller."""
    spawner = house.spawner({"flavour": "first-steps"})
    await spawner.run_pre_spawn_hook()
    await spawner.submit_batch_script()
    await spawner.query_job_status(max_age=0)
    assert await offered(spawner) == ""


async def test_the_project_and_the_notebook_stay(house: House, fake: FakeSlurm) -> None:
    """Hours and borrowing do not: they may not fit the other."""
    options = {"flavour": "gpu-2", "hours": 3, "project": PROJECT, "notebook": "a/b.ipynb"}
    spawner = await waits(house, fake, options)
    assert await spawner.judge_instead("gpu-1") == {
        "flavour": "gpu-1", "project": PROJECT, "notebook": "a/b.ipynb",
    }  # fmt: skip


@pytest.mark.parametrize("flavour", ["gpu-9", "", "gpu-1\n", "../x"])
async def test_an_instead_is_judged_first(house: House, fake: FakeSlurm, flavour: str) -> None:
    """By the one parser and the one policy; what waits is left alone."""
    spawner = await waits(house, fake)
    with pytest.raises(SpawnException):
        await spawner.judge_instead(flavour)
    assert fake.cancelled == []
    assert spawner.job_id == "17"


async def test_an_instead_needs_slurm(house: House, fake: FakeSlurm) -> None:
    """While it is away nothing is given up for what could not be started."""
    spawner = await waits(house, fake)
    fake.away = AWAY
    spawner.cluster._view = None
    with pytest.raises(SpawnException) as refused:
        await spawner.judge_instead("gpu-1")
    assert refused.value.status_code == 503
    assert fake.cancelled == []
