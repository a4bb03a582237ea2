"""The process that publishes the queue: one snapshot for all who ask, and an error beside the old one."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from werkplaats_spawners import publisher
from werkplaats_spawners.publisher import CommandFailed, Publisher
from werkplaats_spawners.testing import ACCOUNTING_AWAY, AWAY, FakeSlurm


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """A Slurm with one person and one running job, number 17, asked in the place of the real one."""
    fake = FakeSlurm(associations={("bakery", "mkb")})
    fake.add("mkb", "bakery", "regional")
    fake.run_job(17)

    async def run(argv: Sequence[str]) -> str:
        await asyncio.sleep(0.01)  # a command takes its time, in which others ask as well
        return await fake.run(argv)

    monkeypatch.setattr(publisher, "run", run)
    return fake


# -- snapshots ---------------------------------------------------------------------------------------


async def test_a_snapshot_holds_what_the_hub_needs(fake: FakeSlurm) -> None:
    """Jobs, who may charge what, limits, and where nodes are, with the time at which Slurm was asked."""
    fake.budgets["bakery"] = (600, 100, 20)
    fake.shares["regional"] = (8, 3)
    fake.jobs[17].gres, fake.jobs[17].limit = "gres:gpu:2", "1:30:00"
    snapshot = await Publisher().view(0.0, 3.0)
    assert snapshot.error is None
    assert [(job["id"], job["user"], job["state"]) for job in snapshot.jobs] == [(17, "mkb", "RUNNING")]
    assert [(job["gpus"], job["minutes"]) for job in snapshot.jobs] == [(2, 90)]
    assert [(a["account"], a["user"]) for a in snapshot.associations] == [("bakery", ""), ("bakery", "mkb")]
    assert snapshot.associations[0]["gpu_minutes"] == {"limit": 600, "used": 100}
    assert snapshot.associations[0]["committed"] == 20
    assert [(qos["name"], qos["gpus"]) for qos in snapshot.qos] == [("regional", {"limit": 8, "used": 3})]
    assert snapshot.nodes[0] == {
        "name": "gpu1", "address": "10.0.0.1", "state": "mix", "gpus": {"virtual": 4}, "used": {"virtual": 1},
    }  # fmt: skip


async def test_limits_change_when_slurm_is_asked_again(fake: FakeSlurm) -> None:
    """What an operator changed is seen by who asks for younger limits, and what is gone is gone."""
    publisher_ = Publisher()
    fake.shares["regional"] = (8, 3)
    assert not (await publisher_.view(0.0, 3.0)).associations[0]["closed"]
    fake.closed.add("bakery")
    fake.shares.clear()
    assert not (await publisher_.view(0.0, 3.0)).associations[0]["closed"]
    snapshot = await publisher_.view(0.0, 0.0)
    assert [a["closed"] for a in snapshot.associations] == [True, True]
    assert snapshot.qos == []


async def test_younger_limits_are_asked_for_whatever_the_queues_age(fake: FakeSlurm) -> None:
    """Somebody to whom an old queue will do still gets limits of the age that they need."""
    publisher_ = Publisher()
    first = (await publisher_.view(0.0, 60.0)).limits_at
    assert (await publisher_.view(60.0, 60.0)).limits_at == first
    assert (await publisher_.view(60.0, 0.0)).limits_at > first
    assert fake.commands.count("scontrol") == 2


async def test_all_who_ask_at_once_share_one_command(fake: FakeSlurm) -> None:
    """Fifty servers that look at the same moment cost Slurm one question."""
    publisher_ = Publisher()
    views = await asyncio.gather(*[publisher_.view(1.0, 3.0) for _ in range(50)])
    assert fake.commands.count("squeue") == 1
    assert {view.at for view in views} == {views[0].at}


async def test_a_young_snapshot_is_used_again_and_an_old_one_is_not(fake: FakeSlurm) -> None:
    """The age that somebody accepts decides, and associations are asked for less often than the queue."""
    publisher_ = Publisher()
    first = (await publisher_.view(0.0, 3.0)).at
    assert (await publisher_.view(60.0, 3.0)).at == first
    assert fake.commands.count("squeue") == 1
    assert (await publisher_.view(0.0, 3.0)).at > first
    assert fake.commands.count("squeue") == 2
    assert fake.commands.count("scontrol") == 1


async def test_a_snapshot_is_as_old_as_its_question(fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened while squeue ran may be missing from its answer, so its time is that of the start."""
    started = time.time()
    publisher_ = Publisher()
    snapshot = await publisher_.view(0.0, 3.0)
    assert started <= snapshot.at <= time.time() - 0.02  # a command of 10 ms, and then two at once


async def test_an_error_keeps_the_old_snapshot(fake: FakeSlurm) -> None:
    """While Slurm is away its last answer is still there, with its own time and the reason."""
    publisher_ = Publisher()
    first = (await publisher_.view(0.0, 3.0)).at
    fake.away = AWAY
    snapshot = await publisher_.view(0.0, 3.0)
    assert (snapshot.at, snapshot.error) == (first, AWAY)
    assert [job["id"] for job in snapshot.jobs] == [17]
    fake.away = None
    snapshot = await publisher_.view(0.0, 3.0)
    assert snapshot.error is None
    assert snapshot.at > first


async def test_a_failing_slurm_is_not_asked_more_often(fake: FakeSlurm) -> None:
    """Those who wait together share an error as they share an answer."""
    fake.away = AWAY
    publisher_ = Publisher()
    views = await asyncio.gather(*[publisher_.view(1.0, 3.0) for _ in range(50)])
    assert [command for command in fake.commands if command != "sacctmgr"] == ["squeue"]
    assert {view.error for view in views} == {AWAY}
    assert views[0].at == 0.0


async def test_a_slurm_whose_limits_fail_is_not_asked_more_often(
    fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where only the limits cannot be had; and until they can, the error stays."""
    publisher_ = Publisher()
    await publisher_.view(0.0, 3.0)
    limits_answer = False

    async def run(argv: Sequence[str]) -> str:
        await asyncio.sleep(0.01)
        answer = await fake.run(argv)
        if argv[0] == "scontrol" and not limits_answer:
            raise CommandFailed(AWAY)
        return answer

    monkeypatch.setattr(publisher, "run", run)
    for times in (2, 3):
        views = await asyncio.gather(*[publisher_.view(60.0, 0.0) for _ in range(50)])
        assert {view.error for view in views} == {AWAY}
        assert fake.commands.count("scontrol") == times
    assert (await publisher_.view(0.0, 0.0)).error == AWAY, "a queue without its limits is no answer"
    limits_answer = True
    assert (await publisher_.view(60.0, 0.0)).error is None


async def test_a_command_that_cannot_be_started_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """No squeue, or no file descriptor left, is an error like any other, and not an empty queue."""

    async def run(argv: Sequence[str]) -> str:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(publisher, "run", run)
    snapshot = await Publisher().view(0.0, 3.0)
    assert (snapshot.at, snapshot.jobs) == (0.0, [])
    assert "Too many open files" in (snapshot.error or "")
    assert "Too many open files" in (await Publisher().verdict(17))["error"]


async def test_half_an_answer_is_no_snapshot(monkeypatch: pytest.MonkeyPatch, fake: FakeSlurm) -> None:
    """When the queue answers and the associations do not, the old snapshot stays whole."""
    publisher_ = Publisher()
    before = await publisher_.view(0.0, 3.0)

    async def run(argv: Sequence[str]) -> str:
        if argv[0] == "scontrol":
            raise CommandFailed(AWAY)
        return ""

    monkeypatch.setattr(publisher, "run", run)
    after = await publisher_.view(0.0, 0.0)
    assert after.error == AWAY
    assert (after.at, [job["id"] for job in after.jobs]) == (before.at, [17])


# -- verdicts ----------------------------------------------------------------------------------------


async def test_the_verdict_of_accounting(fake: FakeSlurm) -> None:
    """A job that ended has a record; one that never was has none; accounting that is away is an error."""
    fake.end_job(17, "CANCELLED by 1001")
    answer = await Publisher().verdict(17)
    assert answer["error"] is None
    assert (answer["job"]["user"], answer["job"]["state"]) == ("mkb", "CANCELLED by 1001")
    assert await Publisher().verdict(18) == {"error": None, "job": None}
    fake.accounting_away = ACCOUNTING_AWAY
    answer = await Publisher().verdict(17)
    assert (answer["error"], answer["job"]) == (ACCOUNTING_AWAY, None)


async def test_what_is_mounted_alone(fake: FakeSlurm) -> None:
    """By root's mark on a job of that person, asked of Slurm each time; a Slurm that is away is an error."""
    ask = Publisher().answer
    assert await ask({"want": "alone", "user": "mkb"}) == {"error": None, "alone": ""}
    fake.jobs[17].note = "werkplaats-alone:cohort"
    assert await ask({"want": "alone", "user": "mkb"}) == {"error": None, "alone": "cohort"}
    assert await ask({"want": "alone", "user": "rijk"}) == {"error": None, "alone": ""}
    fake.jobs[17].note = "x werkplaats-alone:cohort"
    assert await ask({"want": "alone", "user": "mkb"}) == {"error": None, "alone": ""}
    fake.away = AWAY
    assert await ask({"want": "alone", "user": "mkb"}) == {"error": AWAY, "alone": ""}


# -- real commands -----------------------------------------------------------------------------------


async def test_a_commands_output_is_returned() -> None:
    """Output comes back as text, whatever its bytes."""
    assert await publisher.run(["printf", "a|b\\n\\377"]) == "a|b\n\N{REPLACEMENT CHARACTER}"


async def test_a_command_that_fails_says_why() -> None:
    """Any exit status but 0 is a failure, also with something on standard output."""
    with pytest.raises(CommandFailed, match=r"^no controller$"):
        await publisher.run(["sh", "-c", "echo 17; echo no controller >&2; exit 1"])


async def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limit the command is ended, and the text is one that means *unreachable*."""
    monkeypatch.setattr(publisher, "_TIMEOUT", 0.1)
    with pytest.raises(CommandFailed, match="Socket timed out"):
        await publisher.run(["sleep", "60"])


# -- the socket --------------------------------------------------------------------------------------


@pytest.fixture
async def socket(fake: FakeSlurm, tmp_path: Path) -> AsyncIterator[Path]:
    """A publisher that listens."""
    path = tmp_path / "queue.socket"
    path.touch()  # left behind by one that was killed
    task = asyncio.create_task(publisher.publish(path))
    while not path.is_socket():
        await asyncio.sleep(0.01)
    yield path
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def exchange(socket: Path, *lines: bytes) -> list[Any]:
    """Send lines on one connection and return what is answered until it closes or all is answered."""
    reader, writer = await asyncio.open_unix_connection(socket, limit=2**24)
    writer.write(b"".join(line + b"\n" for line in lines))
    answers = []
    for _ in lines:
        answer = await asyncio.wait_for(reader.readline(), 5)
        if not answer:
            break
        answers.append(json.loads(answer))
    writer.close()
    return answers


async def test_the_hubs_group_may_use_the_socket_and_nobody_else(socket: Path) -> None:
    """Who is not of the folder's group sees nothing of the queue."""
    await asyncio.sleep(0.05)
    assert stat.S_IMODE(os.stat(socket).st_mode) == 0o660


async def test_several_questions_on_one_connection(socket: Path) -> None:
    """Each line gets its line, in order."""
    view, verdict = await exchange(
        socket, b'{"want": "view", "max_age": 1, "limits_age": 3}', b'{"want": "verdict", "job_id": 17}'
    )
    assert set(view) == {
        "at", "limits_at", "error", "jobs", "associations", "qos", "nodes", "accounting",
    }  # fmt: skip
    assert set(view["accounting"]) == {"at", "error"}
    assert verdict["job"]["id"] == 17


@pytest.mark.parametrize(
    "message",
    [
        None, [], 7, "view", {}, {"want": "jobs"}, {"want": "cancel", "job_id": 17},
        {"want": "view"}, {"want": "view", "max_age": 1}, {"want": "view", "limits_age": 1},
        {"want": "view", "max_age": "1", "limits_age": 1}, {"want": "view", "max_age": 1, "limits_age": "1"},
        {"want": "view", "max_age": None, "limits_age": 1}, {"want": "view", "max_age": 1, "limits_age": []},
        {"want": "verdict"}, {"want": "verdict", "job_id": 0}, {"want": "verdict", "job_id": -1},
        {"want": "verdict", "job_id": "17"}, {"want": "verdict", "job_id": "--user=student"},
        {"want": "verdict", "job_id": [17]}, {"want": "alone"}, {"want": "alone", "user": 7},
        {"want": "alone", "user": ""}, {"want": "alone", "user": "--me"}, {"want": "alone", "user": "a,b"},
    ],
)  # fmt: skip
async def test_an_unknown_message_gets_an_error(fake: FakeSlurm, socket: Path, message: Any) -> None:
    """It is answered, the connection stays usable, and Slurm is not asked."""
    answers = await exchange(socket, json.dumps(message).encode(), b'{"want": "nothing"}')
    assert answers == [{"error": "unknown message"}] * 2
    assert fake.commands == []


@pytest.mark.parametrize("line", [b"garbage", b"{", b"\xff\xfe", b"[" * 20_000, b"x" * 200_000])
async def test_what_is_no_message_ends_its_own_connection_only(socket: Path, line: bytes) -> None:
    """Who sends nonsense is cut off; others are served as before."""
    assert await exchange(socket, line) == []
    assert len(await exchange(socket, b'{"want": "view", "max_age": 1, "limits_age": 3}')) == 1


async def test_who_hangs_up_disturbs_nobody(socket: Path) -> None:
    """A client that goes away before its answer is no trouble for the next."""
    for _ in range(5):
        _, writer = await asyncio.open_unix_connection(socket)
        writer.write(b'{"want": "view", "max_age": 0, "limits_age": 3}\n')
        writer.close()
    assert len(await exchange(socket, b'{"want": "view", "max_age": 0, "limits_age": 3}')) == 1


async def test_it_runs_as_a_program(tmp_path: Path) -> None:
    """``python -m werkplaats_spawners.publisher SOCKET`` listens there, also where there is no Slurm."""
    path = tmp_path / "q.socket"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", "werkplaats_spawners.publisher", str(path), env={"PATH": str(tmp_path)}
    )
    try:
        for _ in range(500):
            if path.is_socket() or process.returncode is not None:
                break
            await asyncio.sleep(0.01)
        (answer,) = await exchange(path, b'{"want": "view", "max_age": 0, "limits_age": 3}')
        assert answer["at"] == 0.0
        assert "squeue" in answer["error"]
    finally:
        process.terminate()
        await process.wait()
