"""What the spawner knows of a person when it judges: Slurm's numbers, the Hub's groups, the file of today."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.spawner import SpawnException
from tests.houses import PERSON, Except, House
from tests.offers import changed

from werkplaats_spawners import front
from werkplaats_spawners.language import speaking
from werkplaats_spawners.offer import Budgets, Offer, PersonLimits, Stream
from werkplaats_spawners.slurm import Trouble
from werkplaats_spawners.spawner import WerkplaatsSpawner
from werkplaats_spawners.testing import ACCOUNTING_AWAY, REFUSALS, FakeSlurm

GPU = {"flavour": "gpu-1"}
PROJECT = "mkb-verkenning"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Read sentences as they stand in the source."""
    with speaking("en"):
        yield


@pytest.fixture
def fake() -> FakeSlurm:
    """A Slurm that lets the person charge one project of the shipped facility, of 1,000 GPU-hours."""
    return FakeSlurm(associations={(PROJECT, PERSON)}, budgets={PROJECT: (60_000, 0, 0)})


@pytest.fixture
def house(tmp_path: Any, fake: FakeSlurm, offer: Offer) -> House:
    """A Hub's database on disk."""
    return House(f"sqlite:///{tmp_path}/hub.sqlite", fake, offer)


async def refused(spawner: WerkplaatsSpawner) -> SpawnException:
    """Return what is said to who may not have this server, and why."""
    with pytest.raises(SpawnException) as refusal:
        await spawner.run_pre_spawn_hook()
    return refusal.value


def regional(offer: Offer, **values: Any) -> Offer:
    """Return the offer in which the regional stream is otherwise."""

    def one(stream: Stream) -> Stream:
        return stream.model_copy(update=values) if stream.name == "regional" else stream

    return changed(offer, streams=tuple(map(one, offer.streams)))


# -- budgets -----------------------------------------------------------------------------------------


async def test_over_the_budget_nothing_is_submitted(house: House, fake: FakeSlurm) -> None:
    """The person reads what is left and what fits; Slurm hears nothing of it."""
    fake.budgets[PROJECT] = (60_000, 59_900, 10)
    spawner = house.spawner(GPU)
    refusal = await refused(spawner)
    assert (refusal.status_code, refusal.reason) == (403, "over-budget")
    assert refusal.message.startswith(
        "The project 'mkb-verkenning' has 1.5 GPU-hours left, and this server can use 2. "
        "What fits: 1 GPU for 1 h 30 min."
    )
    assert spawner.user_options == {}
    with pytest.raises(RuntimeError, match="nobody judged"):
        await spawner.start()
    assert fake.submitted == []


async def test_what_fits_the_budget_is_submitted(house: House, fake: FakeSlurm) -> None:
    """At exactly what is left, Slurm is asked for it."""
    fake.budgets[PROJECT] = (60_000, 59_800, 80)
    spawner = house.spawner(GPU)
    await spawner.run_pre_spawn_hook()
    await spawner.submit_batch_script()
    assert [message["minutes"] for _, message in fake.submitted] == [120]


async def test_what_waits_in_the_queue_is_taken_off(house: House, fake: FakeSlurm) -> None:
    """Another's job of the same project, which has not begun, will use the budget first."""
    fake.budgets[PROJECT] = (240, 0, 0)
    job = fake.add("student", PROJECT, "regional")
    job.gres, job.limit = "gres:gpu:1", "2:01:00"
    assert (await refused(house.spawner(GPU))).reason == "over-budget"
    job.limit = "2:00:00"
    house.config.WerkplaatsSpawner.cluster._view = None
    await house.spawner(GPU).run_pre_spawn_hook()


async def test_lent_capacity_goes_under_its_own_qos(house: House, fake: FakeSlurm) -> None:
    """With an empty budget, since it is not charged; and Slurm is told so by the QOS."""
    fake.budgets[PROJECT] = (0, 0, 0)
    spawner = house.spawner({**GPU, "lent": True})
    await spawner.run_pre_spawn_hook()
    await spawner.submit_batch_script()
    (submitted,) = [message for _, message in fake.submitted]
    assert (submitted["account"], submitted["qos"]) == (PROJECT, "lent")


async def test_more_than_the_share_is_refused(house: House, fake: FakeSlurm) -> None:
    """A job that could never start is not left waiting."""
    fake.shares["regional"] = (1, 0)
    assert (await refused(house.spawner({"flavour": "gpu-2"}))).reason == "over-share"


async def test_a_closed_project_is_refused(house: House, fake: FakeSlurm) -> None:
    """What an operator closed in Slurm is closed at the door."""
    fake.closed.add(PROJECT)
    assert (await refused(house.spawner({}))).reason == "closed"


async def test_ones_own_gpus_are_found_by_ones_number(
    house: House, fake: FakeSlurm, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm counts by Unix user number: the person's own count, and not another's."""
    house.offer = regional(offer, person=PersonLimits(gpus=2))
    fake.shares["regional"] = (8, 2)  # both of them those of number 1001
    await house.spawner(GPU).run_pre_spawn_hook()
    mine = SimpleNamespace(getpwnam=lambda name: SimpleNamespace(pw_uid=1001))
    monkeypatch.setattr(front, "pwd", mine)
    assert (await refused(house.spawner(GPU))).reason == "too-many-gpus"


# -- numbers of this moment --------------------------------------------------------------------------


def a_second_passes(spawner: WerkplaatsSpawner) -> None:
    """Make what the Hub has seen of Slurm a second older."""
    view = spawner.cluster._view
    assert view is not None
    spawner.cluster._view = replace(view, at=view.at - 1, limits_at=view.limits_at - 1)


async def test_a_start_is_judged_by_numbers_of_this_moment(house: House, fake: FakeSlurm) -> None:
    """What was used up a second ago is seen; the start page may show slightly older numbers."""
    spawner = house.spawner(GPU)
    spawner.handler = Except(None, preselected=None)
    await spawner.run_pre_spawn_hook()
    fake.budgets[PROJECT] = (60_000, 60_000, 0)
    a_second_passes(spawner)
    assert "1,000 of 1,000 left" in await spawner.get_options_form()
    assert (await refused(spawner)).reason == "over-budget"


async def test_what_changed_before_slurm_refused_is_said(house: House, fake: FakeSlurm) -> None:
    """Slurm's own words say only that some limit was met; the person reads which, by its newest numbers."""
    spawner = house.spawner(GPU)
    await spawner.run_pre_spawn_hook()
    fake.closed.add(PROJECT)
    fake.refusal = REFUSALS[Trouble.OVER_LIMIT]
    with pytest.raises(SpawnException) as refusal:
        await spawner.start()
    assert (refusal.value.status_code, refusal.value.reason) == (403, "closed")
    assert spawner.job_id == ""


# -- accounting that is away -------------------------------------------------------------------------


async def test_without_accounting_a_server_starts(house: House, fake: FakeSlurm, offer: Offer) -> None:
    """Fail open, as it is shipped: the controller keeps every limit by the numbers that it has."""
    assert offer.budgets.without_accounting == "start"
    fake.accounting_away = ACCOUNTING_AWAY
    spawner = house.spawner(GPU)
    await spawner.run_pre_spawn_hook()
    await spawner.submit_batch_script()
    assert len(fake.submitted) == 1


async def test_without_accounting_the_budget_still_counts(house: House, fake: FakeSlurm) -> None:
    """Fail open is no way past a budget that the controller itself shows to be used up."""
    fake.accounting_away = ACCOUNTING_AWAY
    fake.budgets[PROJECT] = (60_000, 60_000, 0)
    assert (await refused(house.spawner(GPU))).reason == "over-budget"


@pytest.mark.parametrize("options", [{}, GPU, {**GPU, "lent": True}])
async def test_a_careful_facility_starts_nothing_without_accounting(
    house: House, fake: FakeSlurm, offer: Offer, options: dict[str, Any]
) -> None:
    """Fail closed, where the facility asks for it: 503 and a sentence, until accounting is back."""
    house.offer = changed(offer, budgets=Budgets(without_accounting="refuse"))
    fake.accounting_away = ACCOUNTING_AWAY
    spawner = house.spawner(options)
    refusal = await refused(spawner)
    assert (refusal.status_code, refusal.reason) == (503, "accounting-away")
    assert refusal.message.endswith("Try again in a few minutes.")
    assert fake.submitted == []
    fake.accounting_away = None
    spawner.cluster._view = None
    spawner.user_options = options
    await spawner.run_pre_spawn_hook()


async def test_the_start_page_is_shown_without_accounting(house: House, fake: FakeSlurm) -> None:
    """With what is left, and that nobody can vouch for it now."""
    fake.accounting_away = ACCOUNTING_AWAY
    fake.budgets[PROJECT] = (60_000, 600, 0)
    spawner = house.spawner()
    spawner.handler = Except(None, preselected=None)
    html = await spawner.get_options_form()
    assert "990 of 1,000 left" in html
    assert "accounting does not answer now" in html.replace("&#39;", "'")


# -- the facility's file -----------------------------------------------------------------------------


async def test_the_file_of_today_counts(house: House, fake: FakeSlurm, offer: Offer) -> None:
    """What the facility offers may change between two starts, and one spawner sees both."""
    spawner = house.spawner(GPU)
    await spawner.run_pre_spawn_hook()
    house.offer = changed(offer, flavours=offer.flavours[:1])
    spawner.user_options = dict(GPU)
    refusal = await refused(spawner)
    assert refusal.reason == "unknown-flavour"
    house.offer = offer
    spawner.user_options = dict(GPU)
    await spawner.run_pre_spawn_hook()


async def test_the_start_page_shows_the_file_of_today(house: House, offer: Offer) -> None:
    """A flavour that was taken out is no longer there to choose."""
    spawner = house.spawner()
    spawner.handler = Except(None, preselected=None)
    assert 'value="gpu-2"' in await spawner.get_options_form()
    house.offer = changed(offer, flavours=offer.flavours[:2])
    assert 'value="gpu-2"' not in await spawner.get_options_form()


# -- what the Hub knows ------------------------------------------------------------------------------


@pytest.mark.parametrize(("most", "granted"), [(1, False), (2, False), (3, True), (None, True)])
async def test_servers_are_counted_without_the_one_that_starts(
    house: House, offer: Offer, most: int | None, granted: bool
) -> None:
    """Two run; the third is not counted against itself. One that is off does not count at all."""
    house.offer = regional(offer, person=PersonLimits(servers=most))
    user = house.user(PERSON)
    running = [house.server_of(user, name) for name in ("one", "two")]
    user.get_or_create_spawner("off", "")
    spawner = house.server_of(user, "", {})
    assert all(one.active for one in (*running, spawner))
    assert len(user.spawners) == 4
    if granted:
        await spawner.run_pre_spawn_hook()
    else:
        refusal = await refused(spawner)
        assert refusal.reason == "too-many-servers"
        assert refusal.message.startswith("You have 2 servers, ")


async def test_a_server_that_is_being_started_counts(house: House, offer: Offer) -> None:
    """Who presses twice does not get two where one is the most."""
    house.offer = regional(offer, person=PersonLimits(servers=1))
    user = house.user(PERSON)
    spawner = house.server_of(user, "", {})
    await spawner.run_pre_spawn_hook()
    user.get_or_create_spawner("other", "")._spawn_pending = True
    spawner.user_options = {}
    assert (await refused(spawner)).reason == "too-many-servers"


@pytest.mark.parametrize(("groups", "granted"), [(["noord"], True), (["noord", "x"], True), (["x"], False)])
async def test_the_hubs_groups_count(house: House, offer: Offer, groups: list[str], granted: bool) -> None:
    """Where a stream asks for a group, being in the account is not enough."""
    house.offer = regional(offer, groups=("noord", "drenthe"))
    spawner = house.spawner({})
    assert (await refused(spawner)).reason == "no-association"
    for name in groups:
        group = orm.Group(name=name)
        house.db.add(group)
        group.users.append(spawner.user.orm_user)
    house.db.commit()
    if granted:
        await spawner.run_pre_spawn_hook()
    else:
        assert (await refused(spawner)).reason == "no-association"
