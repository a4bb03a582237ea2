"""The spawner's promises, on JupyterHub's own objects and database, with a fake Slurm behind them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyterhub import apihandlers
from jupyterhub.spawner import SpawnException
from sqlalchemy.exc import OperationalError
from tests.houses import PERSON, Except, House

from werkplaats_spawners import front
from werkplaats_spawners import spawner as spawner_module
from werkplaats_spawners.cluster import Cluster
from werkplaats_spawners.language import speaking
from werkplaats_spawners.launch.client import Launch, LaunchFailed
from werkplaats_spawners.offer import Offer
from werkplaats_spawners.request import ServerRequest
from werkplaats_spawners.slurm import Trouble
from werkplaats_spawners.spawner import WerkplaatsSpawner
from werkplaats_spawners.testing import ACCOUNTING_AWAY, AWAY, REFUSALS, FakeSlurm


class Clock:
    """The spawner's clock: a pause passes at once, and is remembered."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        """Return seconds."""
        return self.now

    def time(self) -> float:
        """Return Unix time, seconds, with the pauses that passed at once."""
        return time.time() + self.now - 1000.0

    async def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.now += seconds
        self.pauses.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Read sentences as they stand in the source."""
    with speaking("en"):
        yield


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let the spawner's pauses pass at once."""
    clock = Clock()
    passing = Except(time, monotonic=clock.monotonic, time=clock.time)
    for module in ("spawner", "cluster", "testing"):
        monkeypatch.setattr(f"werkplaats_spawners.{module}.time", passing)
    for module in (spawner_module, front):
        monkeypatch.setattr(module, "asyncio", Except(asyncio, sleep=clock.sleep))
    return clock


@pytest.fixture
def fake() -> FakeSlurm:
    """A Slurm that lets the person charge one project of the shipped facility."""
    return FakeSlurm(associations={("mkb-verkenning", PERSON)})


@pytest.fixture
def house(tmp_path: Any, fake: FakeSlurm, offer: Offer) -> House:
    """A Hub's database on disk, so that what is committed can be told from what is not."""
    return House(f"sqlite:///{tmp_path}/hub.sqlite", fake, offer)


@pytest.fixture
async def spawner(house: House) -> WerkplaatsSpawner:
    """A spawner whose request was granted: ``gpu-1``."""
    spawner = house.spawner({"flavour": "gpu-1"})
    await spawner.run_pre_spawn_hook()
    return spawner


async def until(condition: Any) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


# -- a good start ------------------------------------------------------------------------------------


async def test_a_start(spawner: WerkplaatsSpawner, fake: FakeSlurm) -> None:
    """The job is submitted as the policy granted it; address and port come back once both are known."""
    start = asyncio.create_task(spawner.start())
    await until(lambda: fake.jobs)
    user, message = fake.submitted[0]
    assert user == PERSON
    assert {key: message[key] for key in ("action", "flavour", "account", "qos", "minutes")} == {
        "action": "submit",
        "flavour": "gpu-1",
        "account": "mkb-verkenning",
        "qos": "regional",
        "minutes": 120,
    }
    await asyncio.sleep(0.05)
    assert not start.done(), "a job that waits is not ready"
    fake.run_job(17)
    await asyncio.sleep(0.05)
    assert not start.done(), "a job that has told no port is not ready"
    assert spawner.register_port(40001)
    assert await start == ("10.0.0.1", 40001)
    assert len(fake.submitted) == 1


async def test_the_port_may_come_before_slurm_shows_the_job_running(
    spawner: WerkplaatsSpawner, fake: FakeSlurm
) -> None:
    """A server that is quicker than the queue is not lost: its port waits for its address."""
    start = asyncio.create_task(spawner.start())
    await until(lambda: fake.jobs)
    assert spawner.register_port(40001)
    await asyncio.sleep(0.05)
    assert not start.done()
    fake.run_job(17)
    assert await start == ("10.0.0.1", 40001)


async def test_a_port_is_taken_once(spawner: WerkplaatsSpawner, fake: FakeSlurm) -> None:
    """Not before the start, once during it, and not again: the second cannot move the server elsewhere."""
    assert not spawner.register_port(40000)
    start = asyncio.create_task(spawner.start())
    await until(lambda: fake.jobs)
    assert spawner.register_port(40001)
    assert not spawner.register_port(40002)
    fake.run_job(17)
    assert await start == ("10.0.0.1", 40001)
    assert not spawner.register_port(40003)
    assert spawner.port == 40001


async def test_the_next_start_takes_a_port_again(spawner: WerkplaatsSpawner, fake: FakeSlurm) -> None:
    """Once per start, and not once per Hub."""
    for number, port in ((17, 40001), (18, 40002)):
        start = asyncio.create_task(spawner.start())
        await until(lambda number=number: number in fake.jobs)
        fake.run_job(number)
        assert spawner.register_port(port)
        assert (await start)[1] == port
        await spawner.stop()
        spawner.clear_state()


async def test_the_number_is_committed_as_soon_as_it_is_known(
    house: House, spawner: WerkplaatsSpawner, fake: FakeSlurm
) -> None:
    """A Hub that is killed while the job waits finds it again: fault 3 of batchspawner's."""
    start = asyncio.create_task(spawner.start())
    await until(lambda: fake.jobs)
    await asyncio.sleep(0.01)
    assert house.kept()["job_id"] == "17"
    assert house.kept()["submitted"] == pytest.approx(time.time(), abs=60)
    start.cancel()


async def test_a_restarted_hub_takes_the_job_up(
    house: House, spawner: WerkplaatsSpawner, fake: FakeSlurm
) -> None:
    """State comes back as it was, and the job is looked for under its own number and submission."""
    start = asyncio.create_task(spawner.start())
    await until(lambda: fake.jobs)
    await asyncio.sleep(0.01)
    start.cancel()
    again: WerkplaatsSpawner = house.user(PERSON).spawners[""]
    again.load_state(house.kept())
    assert again.get_state() == spawner.get_state() == house.kept()
    assert await again.poll() is None
    fake.end_job(17)
    again.cluster._view = None
    assert await again.poll() == 1


# -- what the job is told ----------------------------------------------------------------------------


async def test_the_environment_holds_nothing_of_the_hubs(
    tmp_path: Any, fake: FakeSlurm, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the Hub's process holds, and an operator lets Spawner add, a job gets only its own."""
    for name in ("SECRET", "CONFIGPROXY_AUTH_TOKEN", "AWS_SECRET_ACCESS_KEY", "WERKPLAATS_ADMIN_PASSWORD"):
        monkeypatch.setenv(name, "a-secret-of-the-hubs")
    environment = {"LD_PRELOAD": "a-secret-of-the-hubs", "PYTHONPATH": lambda spawner: "a-secret-of-the-hubs"}
    keep = ["PATH", "SECRET", "CONFIGPROXY_AUTH_TOKEN", "AWS_SECRET_ACCESS_KEY", "WERKPLAATS_ADMIN_PASSWORD"]
    house = House(
        f"sqlite:///{tmp_path}/other.sqlite",
        fake,
        offer,
        Spawner={"environment": environment, "env_keep": keep},
    )
    spawner = house.spawner({"notebook": "lessons/one.ipynb"})
    assert "a-secret-of-the-hubs" in spawner.get_env().values(), "the danger is real"
    await spawner.run_pre_spawn_hook()
    await spawner.submit_batch_script()
    given = fake.submitted[0][1]["environment"]
    others = {name for name in given if not name.startswith("JUPYTERHUB_")}
    assert others == {"JPY_API_TOKEN", "WERKPLAATS_LANGUAGE", "WERKPLAATS_OPEN"}
    assert "a-secret-of-the-hubs" not in given.values()
    assert given["JUPYTERHUB_API_TOKEN"] == "a-servers-own-token"
    assert given["WERKPLAATS_OPEN"] == "lessons/one.ipynb"
    assert given["WERKPLAATS_LANGUAGE"] == "en"
    assert given["JUPYTERHUB_SERVICE_URL"] == f"http://127.0.0.1:0/user/{PERSON}/"


async def test_launch_takes_the_environment_that_the_hub_sends(
    spawner: WerkplaatsSpawner, fake: FakeSlurm
) -> None:
    """Both ends agree on what may be in it: a variable that JupyterHub adds one day is seen here first."""
    import pwd

    from werkplaats_spawners.launch.program import clean_environment
    from werkplaats_spawners.launch.settings import Settings

    await spawner.submit_batch_script()
    given = fake.submitted[0][1]["environment"]
    cleaned = clean_environment(
        given, Settings("/x", "/x", "/x", {}, "gpu", "cpu", "lent", 60), pwd.getpwnam(PERSON)
    )
    assert given.items() <= cleaned.items()


# -- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        ({"flavour": "gpu-9"}, 400, "unknown-flavour"),
        ({"gres": "gpu:8"}, 400, "unknown-option"),
        ({"hours": "2"}, 400, "bad-option"),
        ({"hours": 168}, 400, "too-long"),
        ({"lent": True}, 400, "nothing-to-lend"),
        ({"project": "onderzoek"}, 403, "not-theirs"),
    ],
)
async def test_refused_options_are_reset(
    house: House, fake: FakeSlurm, options: Any, status: int, reason: str
) -> None:
    """Raw options are refused before anything is submitted, and do not come back at the next start."""
    spawner = house.spawner(options)
    with pytest.raises(SpawnException) as refused:
        await spawner.run_pre_spawn_hook()
    assert (refused.value.status_code, refused.value.reason) == (status, reason)
    assert refused.value.message.endswith(".")
    assert spawner.user_options == {}
    assert spawner.orm_spawner.user_options == {}
    assert fake.submitted == []
    with pytest.raises(RuntimeError, match="nobody judged"):
        await spawner.start()
    assert fake.submitted == []


async def test_options_of_the_last_start_are_judged_again(house: House, fake: FakeSlurm) -> None:
    """What was granted yesterday is no right: the second start asks again."""
    spawner = house.spawner({"flavour": "gpu-1"})
    await spawner.run_pre_spawn_hook()
    fake.associations.clear()
    spawner.cluster._view = None
    with pytest.raises(SpawnException) as refused:
        await spawner.run_pre_spawn_hook()
    assert refused.value.status_code == 403


async def test_a_refused_start_does_not_run_on_an_older_grant(
    house: House, spawner: WerkplaatsSpawner, fake: FakeSlurm
) -> None:
    """Even if somebody starts a spawner whose new request was refused, the old grant is not used."""
    spawner.user_options = {"flavour": "gpu-9"}
    with pytest.raises(SpawnException):
        await spawner.run_pre_spawn_hook()
    with pytest.raises(RuntimeError, match="nobody judged"):
        await spawner.submit_batch_script()
    assert fake.submitted == []


@pytest.mark.parametrize("name", ["geen-mens", "root2"])
async def test_somebody_who_is_no_user_of_the_system(house: House, fake: FakeSlurm, name: str) -> None:
    """Who may sign in but has no account here is told so, also when Slurm knows the name."""
    fake.associations.add(("mkb-verkenning", name))
    with pytest.raises(SpawnException) as refused:
        await house.spawner({}, name).run_pre_spawn_hook()
    assert (refused.value.status_code, refused.value.reason) == (403, "no-association")


async def test_slurm_away_before_the_start(house: House, fake: FakeSlurm) -> None:
    """When nobody can say what is theirs, the answer is 503 and a sentence, and nothing is submitted."""
    fake.away = AWAY
    with pytest.raises(SpawnException) as refused:
        await house.spawner({}).run_pre_spawn_hook()
    assert (refused.value.status_code, refused.value.reason) == (503, "slurm-away")
    assert "Nothing was started. Try again in a few minutes." in refused.value.message


@pytest.mark.parametrize(
    ("meaning", "status", "words"),
    [
        (Trouble.UNREACHABLE, 503, "The cluster does not answer at the moment."),
        (Trouble.NO_ASSOCIATION, 403, "to the project 'mkb-verkenning'. Ask the owner"),
        (Trouble.NOT_AVAILABLE, 400, "No node of this cluster can hold a server of the kind 'gpu-1'."),
        (Trouble.OVER_LIMIT, 403, "over a limit of your stream"),
        (Trouble.ALONE, 409, "While the dataset 'cohort' is mounted, nothing else of yours starts."),
        (Trouble.OTHER, 500, "Unspecified error"),
    ],
)
async def test_what_slurm_refuses_is_a_sentence(
    spawner: WerkplaatsSpawner, fake: FakeSlurm, meaning: Trouble, status: int, words: str
) -> None:
    """Slurm is the final fence: each of its refusals reaches the person in words of their own."""
    fake.refusal = REFUSALS[meaning]
    with pytest.raises(SpawnException) as refused:
        await spawner.start()
    assert refused.value.status_code == status
    assert words in refused.value.message
    assert spawner.job_id == ""


def test_a_link_starts_nothing(house: House) -> None:
    """A GET with ``opt-`` parameters would start a server in JupyterHub; here it never does."""
    with pytest.raises(SpawnException, match="A link does not start a server") as refused:
        house.spawner().options_from_query({"flavour": ["gpu-1"]})
    assert refused.value.status_code == 400


def test_the_form_meets_the_same_parser(house: House) -> None:
    """The xsrf token is JupyterHub's own field; every other one is an option, or refused."""
    spawner = house.spawner()
    fields = {"_xsrf": ["x"], "flavour": ["gpu-1"], "hours": ["2"], "project": [""]}
    assert spawner.options_from_form(fields) == {"flavour": "gpu-1", "hours": 2}
    with pytest.raises(SpawnException):
        spawner.options_from_form({"_xsrf": ["x"], "batch_script": ["x"]})


async def test_the_start_page_is_shown_while_slurm_is_away(house: House, fake: FakeSlurm) -> None:
    """The page itself needs no Slurm; what a link preselected is on it."""
    fake.away = AWAY
    spawner = house.spawner()
    spawner.handler = Except(None, preselected=ServerRequest(flavour="gpu-2"))
    html = await spawner.get_options_form()
    assert 'value="gpu-2"' in html
    assert "nothing can be started now" in html


# -- jobs that die -----------------------------------------------------------------------------------


async def test_a_job_that_ends_early_says_its_last_words(spawner: WerkplaatsSpawner, fake: FakeSlurm) -> None:
    """A start does not wait for a job that is gone: the person sees how it ended, and its log."""
    fake.log = ["Traceback", "ModuleNotFoundError: No module named 'torch'"]
    start = asyncio.create_task(spawner.start())
    await until(lambda: fake.jobs)
    fake.run_job(17)
    await asyncio.sleep(0.02)
    fake.end_job(17, "OUT_OF_MEMORY")
    with pytest.raises(SpawnException) as died:
        await asyncio.wait_for(start, 5)
    assert died.value.message == (
        "Your server stopped before it was ready (OUT_OF_MEMORY). Its last words:\n"
        "Traceback\nModuleNotFoundError: No module named 'torch'"
    )
    assert (died.value.status_code, died.value.reason) == (500, "died")
    assert spawner.get_state() == {}


async def test_a_job_that_was_forgotten_has_ended(spawner: WerkplaatsSpawner, fake: FakeSlurm) -> None:
    """Also when only accounting still knows how it ended, a start comes to its end."""
    start = asyncio.create_task(spawner.start())
    await until(lambda: fake.jobs)
    fake.end_job(17, "CANCELLED by 1001")
    fake.forget_job(17)
    with pytest.raises(SpawnException, match=r"CANCELLED by 1001"):
        await asyncio.wait_for(start, 5)


async def test_an_unreadable_log_does_not_hide_the_end(
    spawner: WerkplaatsSpawner, fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When even the log cannot be read, the person still hears that, and how, the job ended."""
    answer = fake.answer_launch

    def no_log(user: str, message: Any) -> dict[str, Any]:
        if message["action"] == "log":
            raise LaunchFailed(Trouble.OTHER, "sudo: a password is required")
        return answer(user, message)

    monkeypatch.setattr(fake, "answer_launch", no_log)
    start = asyncio.create_task(spawner.start())
    await until(lambda: fake.jobs)
    fake.end_job(17, "NODE_FAIL")
    with pytest.raises(SpawnException) as died:
        await asyncio.wait_for(start, 5)
    assert "(NODE_FAIL)" in died.value.message
    assert "a password is required" in died.value.message


async def test_slurm_may_go_away_during_a_start(spawner: WerkplaatsSpawner, fake: FakeSlurm) -> None:
    """An outage between submission and the port is waited through: unknown is not gone."""
    start = asyncio.create_task(spawner.start())
    await until(lambda: fake.jobs)
    fake.away = fake.accounting_away = AWAY
    await asyncio.sleep(0.05)
    assert not start.done()
    fake.away = fake.accounting_away = None
    fake.run_job(17)
    spawner.register_port(40001)
    assert await asyncio.wait_for(start, 5) == ("10.0.0.1", 40001)


# -- poll --------------------------------------------------------------------------------------------


async def started(spawner: WerkplaatsSpawner, fake: FakeSlurm) -> None:
    """Bring a server up."""
    start = asyncio.create_task(spawner.start())
    await until(lambda: fake.jobs)
    fake.run_job(17)
    spawner.register_port(40001)
    await asyncio.wait_for(start, 5)


@pytest.mark.parametrize("state", ["RUNNING", "SUSPENDED", "REQUEUED", "NEW_IN_SLURM_30"])
async def test_poll_keeps_what_may_run(spawner: WerkplaatsSpawner, fake: FakeSlurm, state: str) -> None:
    """Only evidence ends a server: fault 4 of batchspawner's."""
    await started(spawner, fake)
    fake.end_job(17, state)
    spawner.cluster._view = None
    assert await spawner.poll() is None
    assert spawner.job_id == "17"


async def test_a_server_that_is_being_ended_is_not_routed_to(
    spawner: WerkplaatsSpawner, fake: FakeSlurm
) -> None:
    """``COMPLETING``: its port may be another's in a moment, who must not get this person's requests."""
    await started(spawner, fake)
    fake.end_job(17, "COMPLETING")
    spawner.cluster._view = None
    assert await spawner.poll() == 1


async def test_a_stop_while_the_job_is_being_submitted_cancels_that_job(
    house: House, fake: FakeSlurm, clock: Clock
) -> None:
    """A start that is cancelled between asking and the answer leaves no job behind."""
    spawner = house.spawner({"flavour": "gpu-1"})
    await spawner.run_pre_spawn_hook()
    ask, on_its_way, go_on = spawner.launch._ask, asyncio.Event(), asyncio.Event()

    async def slow(user: str, message: Any, **more: Any) -> Any:
        if message["action"] == "submit":
            on_its_way.set()
            await go_on.wait()
        return await ask(user, message, **more)

    object.__setattr__(spawner.launch, "_ask", slow)
    start = asyncio.create_task(spawner.start())
    await on_its_way.wait()
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    stopping = asyncio.create_task(spawner.poll())
    await asyncio.sleep(0)
    go_on.set()
    assert await stopping is None, "there is a job: JupyterHub must call stop"
    await spawner.stop()
    assert fake.cancelled == [17]


async def test_a_server_of_the_hub_before_has_its_route_at_once(
    spawner: WerkplaatsSpawner, fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as it is found to be up; a server of this Hub's own start gets its route as ever."""
    routes: list[tuple[Any, str]] = []

    class Proxy:
        async def add_user(self, user: Any, name: str) -> None:
            routes.append((user, name))

    monkeypatch.setitem(spawner.user.settings, "proxy", Proxy())
    await started(spawner, fake)
    spawner.start_polling()
    await asyncio.sleep(0)
    assert routes == []
    await spawner.get_url()
    spawner.start_polling()
    await asyncio.sleep(0.01)
    spawner.stop_polling()
    assert routes == [(spawner.user, "")]


async def test_a_database_that_fails_loses_no_job(
    spawner: WerkplaatsSpawner, fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number is in memory, and JupyterHub commits it when the server is ready; stop ends the job."""
    fails = [True]

    def commit(row: Any) -> None:
        if fails:
            fails.clear()
            raise OperationalError("COMMIT", {}, Exception("database is locked"))

    monkeypatch.setattr("werkplaats_spawners.spawner.commit", commit)
    await started(spawner, fake)
    assert await spawner.poll() is None
    assert spawner.get_state()["job_id"] == "17"
    await spawner.stop()
    assert fake.cancelled == [17]


@pytest.mark.parametrize("moment", ["asked", "heard", "answered"])
async def test_the_hub_ends_while_the_job_is_being_submitted(
    house: House, tmp_path: Path, moment: str
) -> None:
    """The job's number is in the database all the same: the Hub that comes next knows whose it is."""
    program = tmp_path / "launch"
    program.write_text(
        f"#!/bin/sh\ncd {tmp_path}\nhead -c1 >first\ntouch asked\ncat first - >heard.new\n"
        "mv heard.new heard\nsleep 0.3\necho '{\"job_id\": 4711}'\ntouch answered\nsleep 0.3\n"
    )
    program.chmod(0o755)
    spawner = house.spawner({"flavour": "gpu-1"})
    await spawner.run_pre_spawn_hook()
    spawner.launch = Launch("launch", (str(program),))
    start = asyncio.create_task(spawner.start())
    await until((tmp_path / moment).exists)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:  # as JupyterHub does when it is told to end
        task.cancel()
    await asyncio.wait(others, timeout=10)
    assert start.cancelled()
    assert house.kept()["job_id"] == "4711"
    assert '"submit"' in (tmp_path / "heard").read_text()


@pytest.mark.parametrize(
    ("away", "accounting"), [(AWAY, None), (AWAY, ACCOUNTING_AWAY), (None, ACCOUNTING_AWAY)]
)
async def test_poll_never_says_stopped_when_it_does_not_know(
    spawner: WerkplaatsSpawner, fake: FakeSlurm, away: str | None, accounting: str | None
) -> None:
    """Slurm away, accounting away or both: the server stays, though the queue no longer lists it."""
    await started(spawner, fake)
    fake.forget_job(17)
    fake.away, fake.accounting_away = away, accounting
    spawner.cluster._view = None
    for _ in range(3):
        assert await spawner.poll() is None
    assert spawner.get_state()["job_id"] == "17"


async def test_poll_notices_the_end(spawner: WerkplaatsSpawner, fake: FakeSlurm) -> None:
    """A job that Slurm ended is a stopped server, and forgotten, except for how it ended."""
    await started(spawner, fake)
    fake.end_job(17, "TIMEOUT")
    spawner.cluster._view = None
    assert await spawner.poll() == 1
    assert spawner.job_id == ""
    assert set(spawner.get_state()) == {"ending"}
    assert spawner.get_state()["ending"]["how"] == "TIMEOUT"
    assert await spawner.poll() == 1


@pytest.mark.parametrize("heard", [True, False])
async def test_a_server_of_which_nobody_hears_the_end_is_taken_away(
    spawner: WerkplaatsSpawner, fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch, heard: bool
) -> None:
    """A start that was cancelled as its server came up leaves no callback behind, and no server for ever."""
    stopped: list[str] = []

    async def stop(name: str) -> None:
        stopped.append(name)

    monkeypatch.setattr(spawner.user, "stop", stop)
    await started(spawner, fake)
    ended: list[bool] = []
    if heard:
        spawner.add_poll_callback(ended.append, True)
    fake.end_job(17, "CANCELLED")
    spawner.cluster._view = None
    spawner._spawn_pending = True
    assert await spawner.poll_and_notify() == 1
    assert (stopped, ended) == ([], []), "it is still being started: that is somebody's to see to"
    spawner._spawn_pending = False
    assert await spawner.poll_and_notify() == 1
    assert (stopped, ended) == (([], [True]) if heard else ([""], []))


# -- stop --------------------------------------------------------------------------------------------


async def test_stop_cancels(spawner: WerkplaatsSpawner, fake: FakeSlurm, clock: Clock) -> None:
    """One cancellation is enough where it works."""
    await started(spawner, fake)
    await spawner.stop()
    assert fake.cancelled == [17]
    assert fake.jobs[17].state == "CANCELLED"


async def test_stop_tries_until_the_cancellation_is_taken(
    spawner: WerkplaatsSpawner, fake: FakeSlurm, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A scancel that fails is logged and tried again, ever less often: fault 5 of batchspawner's."""
    spawner.log.propagate = True
    await started(spawner, fake)
    fake.cancels_that_fail = 3
    with caplog.at_level(logging.ERROR):
        await spawner.stop()
    assert fake.cancelled == [17] * 4
    assert fake.jobs[17].state == "CANCELLED"
    assert caplog.text.count("Cancelling job 17 failed") == 3
    between = [pause for pause in clock.pauses if pause >= 0.4]
    assert between == sorted(between)
    assert len(between) == 3


async def test_stop_does_not_believe_a_cancellation(
    spawner: WerkplaatsSpawner, fake: FakeSlurm, clock: Clock
) -> None:
    """That Slurm took the cancellation is no evidence: only a job that ended is."""
    await started(spawner, fake)
    fake.cancels_that_linger = 2
    await spawner.stop()
    assert fake.cancelled == [17] * 3
    assert fake.jobs[17].state == "CANCELLED"


async def test_stop_while_slurm_is_away_goes_on(
    spawner: WerkplaatsSpawner, fake: FakeSlurm, clock: Clock
) -> None:
    """During an outage the job is not forgotten; after it, it is cancelled."""
    await started(spawner, fake)
    fake.away = AWAY
    fake.cancels_that_fail = 10**6
    stop = asyncio.create_task(spawner.stop())
    await until(lambda: len(fake.cancelled) > 10)
    assert not stop.done()
    assert spawner.job_id == "17"
    assert max(clock.pauses) <= 30.0
    fake.away, fake.cancels_that_fail = None, 0
    await asyncio.wait_for(stop, 5)
    assert fake.jobs[17].state == "CANCELLED"


async def test_a_hub_that_ends_asks_once(spawner: WerkplaatsSpawner, fake: FakeSlurm, clock: Clock) -> None:
    """With ``now`` the cancellation is sent, and nothing is waited for."""
    await started(spawner, fake)
    fake.cancels_that_linger = 1
    await spawner.stop(now=True)
    assert fake.cancelled == [17]


async def test_stopping_what_was_never_submitted_is_nothing(
    spawner: WerkplaatsSpawner, fake: FakeSlurm, clock: Clock
) -> None:
    """A start that was refused leaves no job, and a stop after it cancels nobody's."""
    await spawner.stop()
    assert fake.cancelled == []


async def test_a_job_that_ends_by_itself_ends_the_stop(
    spawner: WerkplaatsSpawner, fake: FakeSlurm, clock: Clock
) -> None:
    """``COMPLETING`` is over: the processes that hold the node are Slurm's matter."""
    await started(spawner, fake)
    fake.cancels_that_fail = 1
    fake.end_job(17, "COMPLETING")
    await spawner.stop()
    assert fake.cancelled == [17]


# -- many servers --------------------------------------------------------------------------------------


async def test_all_servers_of_the_hub_share_one_view(house: House, fake: FakeSlurm, tmp_path: Any) -> None:
    """A configuration is copied for every spawner; the cluster in it must stay one."""
    house.config.WerkplaatsSpawner.cluster = Cluster(str(tmp_path / "queue.socket"))
    one, other = house.spawner(), house.spawner(name="daemon")
    assert one.cluster is other.cluster


async def test_a_hundred_polls_are_one_question(house: House, fake: FakeSlurm) -> None:
    """Fault 6 of batchspawner's, one squeue a server: here all servers together cost one."""
    spawners = []
    for number in range(100):
        spawner = house.spawner(name=f"person-{number}")
        fake.add(spawner.user.name, "mkb-verkenning", "regional", 100 + number)
        spawner.load_state({"job_id": str(100 + number), "submitted": 1.0})
        spawners.append(spawner)
    assert await asyncio.gather(*[spawner.poll() for spawner in spawners]) == [None] * 100
    assert fake.commands.count("squeue") == 1


# -- state, words, doors -----------------------------------------------------------------------------


def test_state_is_the_number_and_the_time(house: House) -> None:
    """What is kept is enough to know the job again, and no more."""
    spawner = house.spawner()
    assert spawner.get_state() == {}
    spawner.load_state({"job_id": "17", "submitted": 5.0})
    assert spawner.get_state() == {"job_id": "17", "submitted": 5.0, "port": 0, "api_token": ""}
    spawner.clear_state()
    assert spawner.get_state() == {}
    spawner.load_state({})
    assert spawner.job_id == ""


async def test_progress_says_each_thing_once(
    spawner: WerkplaatsSpawner, fake: FakeSlurm, clock: Clock
) -> None:
    """A person who waits reads where it stands, whenever that changes and not every second."""
    said: list[str] = []

    async def listen() -> None:
        async for event in spawner.progress():
            said.append(event["message"])

    listener = asyncio.create_task(listen())
    start = asyncio.create_task(spawner.start())
    busy = "The machines are busy. You are among the next."
    await until(lambda: busy in said)
    fake.run_job(17)
    await until(lambda: "A place was found for you. Your server is starting." in said)
    listener.cancel()
    start.cancel()
    assert len(said) == len(set(said))


def test_the_route_of_batchspawner_is_gone() -> None:
    """The Hub serves our route once, and not the one that sets any attribute: fault 1 of batchspawner's."""
    routes = [entry[0] for entry in apihandlers.default_handlers]
    assert r"/api/batchspawner" not in routes
    assert routes.count(r"/api/werkplaats/port") == 1


@pytest.mark.parametrize("option", ["batch_script", "exec_prefix", "req_options", "batch_submit_cmd"])
async def test_nothing_of_the_base_class_runs_a_command(
    tmp_path: Any, fake: FakeSlurm, offer: Offer, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Templates and commands that batchspawner reads have no effect, whatever they are set to."""

    async def forbidden(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("batchspawner ran a command")

    monkeypatch.setattr(WerkplaatsSpawner, "run_command", forbidden)
    house = House(f"sqlite:///{tmp_path}/b.sqlite", fake, offer, SlurmSpawner={option: "touch /tmp/x"})
    spawner = house.spawner({})
    await spawner.run_pre_spawn_hook()
    await started(spawner, fake)
    assert await spawner.poll() is None
    await spawner.stop()
    assert "/tmp/x" not in str(fake.submitted)
