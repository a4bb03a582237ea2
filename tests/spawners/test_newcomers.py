"""Newcomers: enrolled once however often they come, told where it stands, and tried again when it failed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.spawner import SpawnException
from tests.houses import PERSON, Except, House

from werkplaats_spawners.cluster import Unreachable
from werkplaats_spawners.enrol import client, newcomers
from werkplaats_spawners.enrol.client import Enrol
from werkplaats_spawners.enrol.newcomers import Newcomers
from werkplaats_spawners.enrol.waiting import NotEnrolled
from werkplaats_spawners.enrol.why import NotMade, Why
from werkplaats_spawners.language import speaking
from werkplaats_spawners.offer import FIRST_STEPS, Offer
from werkplaats_spawners.sentences import not_enrolled
from werkplaats_spawners.testing import AWAY, FakeCluster, FakeSlurm


@dataclass
class Hub:
    """A register of newcomers, with what lies behind it.

    Attributes
    ----------
    users
        Who is a user of the machine, and of the platform.
    wrong
        Why *enrol* fails; ``None`` when it does not.
    unseen
        Whether Slurm's controller does not show what was made.
    seconds
        How long *enrol* takes.
    calls
        Whom it was asked for.
    """

    offer: Offer
    slurm: FakeSlurm = field(default_factory=FakeSlurm)
    users: set[str] = field(default_factory=set)
    wrong: Why | None = None
    unseen: bool = False
    seconds: float = 0.01
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cluster = FakeCluster(self.slurm)
        self.newcomers = Newcomers(self.enrol, self.cluster, lambda: self.offer, "wpx")  # type: ignore[arg-type]

    async def enrol(self, name: str) -> None:
        """Stand in for :class:`Enrol`."""
        self.calls.append(name)
        await asyncio.sleep(self.seconds)
        self.users.add(name)
        if self.wrong:
            raise NotMade(self.wrong, "why")
        if not self.unseen:
            self.slurm.associations.add((FIRST_STEPS, name))

    def find(self, name: str, group: str) -> object:
        """Stand in for :func:`people.find`."""
        assert group == "wpx"
        if name == "slurm":
            raise NotMade(Why.TAKEN, "a user of the machine's own")
        return object() if name in self.users else None


@pytest.fixture
def hub(offer: Offer, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A Hub that nobody knows yet."""
    hub = Hub(offer)
    monkeypatch.setattr(newcomers, "find", hub.find)
    monkeypatch.setattr(newcomers, "_PATIENCE", 0.5)
    monkeypatch.setattr(newcomers, "_LOOK", 0.01)
    return hub


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Read sentences as they stand in the source."""
    with speaking("en"):
        yield


class Clock:
    """A clock that a test puts forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        """Return seconds."""
        return time.monotonic() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The register's own clock."""
    clock = Clock()
    monkeypatch.setattr(newcomers, "time", Except(time, monotonic=clock))
    return clock


# -- who comes -----------------------------------------------------------------------------------------


async def test_a_newcomer_is_in_when_their_first_page_is_there(hub: Hub) -> None:
    """The log-in waits for nothing; the page after it waits until Slurm shows the account."""
    hub.newcomers.come("anna")
    assert hub.calls == []
    await hub.newcomers.settle("anna")
    assert hub.calls == ["anna"]
    view = await hub.cluster.view(60.0, 60.0)
    assert view.accounts("anna") == {FIRST_STEPS}, "the view that the page is made of is of afterwards"
    assert hub.newcomers.note("anna") == ""


async def test_who_has_an_account_is_left_as_they_are(hub: Hub) -> None:
    """A member of a project is no newcomer: nothing is run, and they get no second budget."""
    hub.users.add("mkb")
    hub.slurm.associations.add(("mkb-verkenning", "mkb"))
    hub.newcomers.come("mkb")
    await hub.newcomers.settle("mkb")
    assert hub.calls == []


async def test_a_member_who_is_no_user_of_the_machine_yet(hub: Hub) -> None:
    """Somebody whom the file names, but who never was a system user, is made one."""
    hub.slurm.associations.add(("mkb-verkenning", "anna"))
    await hub.newcomers.settle("anna")
    assert hub.calls == ["anna"]


async def test_the_same_name_twice_at_once(hub: Hub) -> None:
    """Two log-ins and their pages share one run."""
    for _ in range(2):
        hub.newcomers.come("anna")
    await asyncio.gather(*(hub.newcomers.settle("anna") for _ in range(5)))
    assert hub.calls == ["anna"]


async def test_without_first_steps_nobody_is_enrolled(hub: Hub) -> None:
    """The facility's file decides, as it is now."""
    hub.offer = hub.offer.model_copy(update={"projects": ()})
    hub.newcomers.come("anna")
    await hub.newcomers.settle("anna")
    assert hub.calls == []
    assert hub.newcomers.note("anna") == ""


@pytest.mark.parametrize(("name", "why"), [("slurm", Why.TAKEN), ("docker", Why.NAME), ("where", Why.NAME)])
async def test_a_name_that_is_not_to_be_had(hub: Hub, name: str, why: Why) -> None:
    """The log-in says so, and *enrol* is not asked."""
    with pytest.raises(NotMade) as refused:
        hub.newcomers.come(name)
    assert refused.value.why is why
    assert hub.calls == []


async def test_whoever_lost_their_last_account_is_a_newcomer_again(hub: Hub) -> None:
    """What counts is what Slurm has now, and not what was once made."""
    await hub.newcomers.settle("anna")
    await hub.newcomers.settle("anna")
    assert hub.calls == ["anna"]
    hub.slurm.associations.clear()
    hub.cluster._view = None
    await hub.newcomers.settle("anna")
    assert hub.calls == ["anna", "anna"]


async def test_what_is_remembered_does_not_grow(hub: Hub) -> None:
    """Those who are in are forgotten."""
    for number in range(20):
        await hub.newcomers.settle(f"new{number}")
    await hub.newcomers.settle("anna")
    assert set(hub.newcomers._runs) == {"anna"}
    assert hub.newcomers._begun == set()


# -- trouble -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "seconds"),
    [(Why.UNREACHABLE, 10), (Why.OTHER, 10), (Why.TAKEN, 0), (Why.NAME, 0), (Why.FULL, 0)],
)
async def test_a_page_that_is_open_looks_again_where_that_helps(hub: Hub, why: Why, seconds: int) -> None:
    """Where only another name or another day helps it does not; once all is well it ends."""
    assert hub.newcomers.looks_again("anna") == 0
    hub.wrong = why
    with pytest.raises(NotEnrolled):
        await hub.newcomers.settle("anna")
    assert hub.newcomers.looks_again("anna") == seconds


async def test_a_full_day_is_not_asked_about_with_every_page(hub: Hub, clock: Clock) -> None:
    """Once a minute is enough; the person is told what to do."""
    hub.wrong = Why.FULL
    for ahead in (0, 5, 30, 61):
        clock.ahead = ahead
        with pytest.raises(NotEnrolled):
            await hub.newcomers.settle("anna")
    assert hub.calls == ["anna"] * 2
    assert "Come back tomorrow" in hub.newcomers.note("anna")


@pytest.mark.parametrize("why", [Why.UNREACHABLE, Why.OTHER, Why.TAKEN])
async def test_it_fails_and_is_tried_again(hub: Hub, clock: Clock, why: Why) -> None:
    """The page says so; a page some seconds later tries again, and then all is well."""
    hub.wrong = why
    for _ in range(3):
        with pytest.raises(NotEnrolled) as failed:
            await hub.newcomers.settle("anna")
        assert failed.value.why is why
        assert hub.newcomers.note("anna") == not_enrolled(why).sentence
    assert hub.calls == ["anna"], "not at every press of a key"
    hub.wrong, clock.ahead = None, 4.0
    await hub.newcomers.settle("anna")
    assert hub.newcomers.note("anna") == ""


async def test_a_page_waits_some_seconds_and_no_longer(hub: Hub) -> None:
    """An *enrol* that takes its time goes on by itself, and the page says that it is on its way."""
    hub.seconds = 1.0
    hub.newcomers.come("anna")
    began = time.monotonic()
    with pytest.raises(NotEnrolled) as failed:
        await hub.newcomers.settle("anna")
    assert time.monotonic() - began < 0.9
    assert failed.value.why is Why.WAITING
    assert "is being made" in hub.newcomers.note("anna")
    await asyncio.sleep(0.7)
    await hub.newcomers.settle("anna")
    assert hub.calls == ["anna"]


async def test_the_controller_does_not_show_it_yet(hub: Hub, clock: Clock) -> None:
    """Accounting has it, the controller does not say so: on its way; the next look finds it."""
    hub.unseen = True
    with pytest.raises(NotEnrolled) as failed:
        await hub.newcomers.settle("anna")
    assert failed.value.why is Why.WAITING
    await asyncio.sleep(0.2)  # the run ends a little later than the page's patience
    hub.slurm.associations.add((FIRST_STEPS, "anna"))
    clock.ahead = 4.0
    await hub.newcomers.settle("anna")
    assert hub.newcomers.note("anna") == ""


async def test_nobody_is_a_newcomer_because_the_queue_is_silent(hub: Hub) -> None:
    """While nothing is known of Slurm, a person of this machine is not given first steps on suspicion."""
    hub.users.add("mkb")
    hub.slurm.away = AWAY
    await hub.newcomers.settle("mkb")
    assert hub.calls == []
    assert hub.newcomers.note("mkb") == ""


async def test_all_of_slurm_is_away_at_the_first_log_in(hub: Hub, clock: Clock) -> None:
    """The person is in; page after page says that it will be made; and when Slurm is back it is."""
    hub.slurm.away, hub.wrong = AWAY, Why.UNREACHABLE
    for _ in range(3):
        with pytest.raises(NotEnrolled) as failed:
            await hub.newcomers.settle("anna")
        assert failed.value.why is Why.UNREACHABLE
        clock.ahead += 4.0
    hub.slurm.away = hub.wrong = None
    await hub.newcomers.settle("anna")
    assert hub.slurm.associations == {(FIRST_STEPS, "anna")}


async def test_a_fault_of_ours_is_no_fault_of_theirs(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever breaks, the page is shown, with a sentence."""

    def broken(name: str, group: str) -> None:
        raise RuntimeError("the inside of the machine")

    monkeypatch.setattr(newcomers, "find", broken)
    with pytest.raises(NotEnrolled) as failed:
        await hub.newcomers.settle("anna")
    assert failed.value.why is Why.OTHER


async def test_every_reason_is_a_sentence_with_what_to_do() -> None:
    """No reason reaches a person as a word of ours."""
    for why in Why:
        refused = not_enrolled(why)
        assert refused.sentence.endswith(".")
        assert why.value not in refused.sentence.split() or why is Why.NAME
        assert refused.status in (403, 503)


# -- a server ------------------------------------------------------------------------------------------


async def test_who_starts_before_their_account_is_there_is_told_so(
    hub: Hub, tmp_path: Path, offer: Offer
) -> None:
    """Over REST too: not that they take part in nothing, but that their account is on its way."""
    hub.wrong = Why.UNREACHABLE
    house = House(f"sqlite:///{tmp_path}/hub.sqlite", hub.slurm, offer)
    house.config.WerkplaatsSpawner.newcomers = hub.newcomers
    with pytest.raises(SpawnException) as refused:
        await house.spawner({}).run_pre_spawn_hook()
    assert "will be made as soon as the cluster answers" in refused.value.message
    assert refused.value.status_code == 503
    assert hub.calls == [PERSON]


async def test_a_newcomers_first_server(hub: Hub, tmp_path: Path, offer: Offer) -> None:
    """It is charged to their first steps, in the very request that waited for the account."""
    house = House(f"sqlite:///{tmp_path}/hub.sqlite", hub.slurm, offer)
    house.config.WerkplaatsSpawner.newcomers = hub.newcomers
    spawner = house.spawner({})
    await spawner.run_pre_spawn_hook()
    assert spawner._granted is not None
    assert spawner._granted.account == FIRST_STEPS


async def test_the_start_page_is_shown_all_the_same(hub: Hub, tmp_path: Path, offer: Offer) -> None:
    """Somebody without an account yet sees the form, and the note above it."""
    hub.wrong = Why.OTHER
    house = House(f"sqlite:///{tmp_path}/hub.sqlite", hub.slurm, offer)
    house.config.WerkplaatsSpawner.newcomers = hub.newcomers
    spawner = house.spawner({})
    assert "<button" in await spawner._start_page()
    assert "could not be made yet" in spawner.newcomers.note(PERSON)


def test_not_enrolled_is_a_kind_of_not_knowing() -> None:
    """Whoever can live without Slurm's word can live without this one."""
    assert issubclass(NotEnrolled, Unreachable)


# -- the Hub's side of the program ---------------------------------------------------------------------


def says(code: str) -> Enrol:
    """Return an *enrol* that runs shell code; ``$0`` is the program."""
    return Enrol("/the/program", prefix=("sh", "-c", code))


def test_the_default_is_sudo_as_root_without_a_password() -> None:
    """The Hub asks sudo by the very words of the rule, and never waits at a prompt."""
    assert Enrol("/the/program").prefix == ("sudo", "-n", "-u", "root")


async def test_what_the_hub_sends(tmp_path: Path) -> None:
    """One key, on standard input; the program's path is the last word, and nothing follows it."""
    file = tmp_path / "message"
    await says(f'cat >{file}; echo "$0 $#" >{file}.argv; echo \'{{"ok": true}}\'')("anna")
    assert json.loads(file.read_text()) == {"name": "anna"}
    assert (tmp_path / "message.argv").read_text() == "/the/program 0\n"


@pytest.mark.parametrize("why", Why)
async def test_trouble_is_raised_with_its_meaning(why: Why) -> None:
    """What the program answers is what the person is told."""
    answer = json.dumps({"trouble": why.value, "message": "why"})
    with pytest.raises(NotMade, match=r"^why$") as failed:
        await says(f"echo '{answer}'")("anna")
    assert failed.value.why is why


@pytest.mark.parametrize(
    "code", ["true", "echo garbage", "echo '[]'", "echo '{}'", "echo '{\"ok\": 1, \"x\": 2}'",
             "echo '{\"ok\": false}'", "echo '{\"trouble\": \"new\"}'", "printf '\\377'"],
)  # fmt: skip
async def test_an_answer_that_makes_no_sense_is_a_failure(code: str) -> None:
    """Anything but the program's own yes is no."""
    with pytest.raises(NotMade) as failed:
        await says(code)("anna")
    assert failed.value.why is Why.OTHER


async def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that does not answer in time is left to itself: what it did is unknown, and asked again."""
    monkeypatch.setattr(client, "_TIMEOUT", 0.2)
    with pytest.raises(NotMade, match="no answer in time") as failed:
        await says("exec sleep 60")("anna")
    assert failed.value.why is Why.UNREACHABLE


async def test_thirty_at_once_are_a_few_at_a_time(tmp_path: Path) -> None:
    """Thirty newcomers need no thirty processes, and all come in."""
    code = f"touch {tmp_path}/$$; ls {tmp_path} | wc -l >>{tmp_path}.most; sleep 0.02; rm {tmp_path}/$$; " \
           "echo '{\"ok\": true}'"  # fmt: skip
    enrol: Any = says(code)
    await asyncio.gather(*(enrol(f"new{number}") for number in range(30)))
    counts = [int(line) for line in Path(f"{tmp_path}.most").read_text().split()]
    assert len(counts) == 30
    assert max(counts) <= 4
