"""A person who stops their own *launch* keeps themselves waiting, and nobody else."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from werkplaats_spawners.language import speaking
from werkplaats_spawners.launch import client
from werkplaats_spawners.launch.client import Launch, LaunchFailed
from werkplaats_spawners.sentences import submission_refused
from werkplaats_spawners.slurm import Trouble


class Programs:
    """Programs in the place of *launch*, each of which notes its number; those of ``bad`` stop themselves."""

    def __init__(self, folder: Path, slow: str = "0") -> None:
        self.folder = folder
        bad = f'if [ "$0" = bad ] && [ ! -e {folder}/good ]; then kill -STOP $$; fi'
        note = f"echo $$ >>{folder}/$0"
        self.launch = Launch("p", prefix=("sh", "-c", f"{note}; {bad}; sleep {slow}; echo '{{}}'"))

    def of(self, user: str) -> list[int]:
        """Return the numbers of a person's."""
        file = self.folder / user
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    async def ask(self, user: str) -> None:
        """Ask for anything."""
        await self.launch.cancel(user, 17)


@pytest.fixture(autouse=True)
def not_ours_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a program stay that is not listened to any more: sudo is root's, the Hub is not."""

    def kill(process: object) -> None:
        raise PermissionError

    monkeypatch.setattr(asyncio.subprocess.Process, "kill", kill)
    monkeypatch.setattr(subprocess.Popen, "kill", kill)
    monkeypatch.setattr(client, "_TIMEOUT", 0.5)


async def until(true: object) -> None:
    """Wait until something holds, for some seconds."""
    for _ in range(200):
        if true():  # type: ignore[operator]
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to hold")


async def failed(programs: Programs, user: str) -> Trouble:
    """Ask, and return what went wrong."""
    with pytest.raises(LaunchFailed) as wrong:
        await programs.ask(user)
    return wrong.value.trouble


async def test_who_stops_two_is_refused_a_third_at_once(tmp_path: Path) -> None:
    """Also those that waited for their turn; each ends the wait of its own place by ending."""
    programs = Programs(tmp_path)
    asked = await asyncio.gather(*[failed(programs, "bad") for _ in range(6)])
    assert sorted(trouble.value for trouble in asked) == ["busy"] * 4 + ["unreachable"] * 2
    began = time.monotonic()
    assert await failed(programs, "bad") is Trouble.BUSY
    assert time.monotonic() - began < 0.1
    first, second = programs.of("bad")
    (tmp_path / "good").touch()
    os.kill(first, signal.SIGCONT)
    await until(lambda: programs.launch._people._people["bad"].stuck == 1)
    await programs.ask("bad")
    os.kill(second, signal.SIGKILL)
    await until(lambda: not programs.launch._people._people)
    await asyncio.gather(*[programs.ask("bad") for _ in range(4)])


async def test_others_are_not_kept_waiting(tmp_path: Path) -> None:
    """However many one person asks for, the others have the places that there are for all."""
    programs = Programs(tmp_path)
    bad = [asyncio.ensure_future(failed(programs, "bad")) for _ in range(40)]
    await until(lambda: len(programs.of("bad")) == 2)
    began = time.monotonic()
    await asyncio.gather(*[programs.ask(f"person{n}") for n in range(20)])
    assert time.monotonic() - began < 0.45, "none of them waited for the time of a stopped one"
    assert len(programs.of("bad")) == 2
    await asyncio.gather(*bad)
    for number in programs.of("bad"):
        os.kill(number, signal.SIGKILL)
    await until(lambda: not programs.launch._people._people)


async def test_many_of_one_person_come_in_turn(tmp_path: Path) -> None:
    """Who starts forty servers gets forty, two at a time."""
    programs = Programs(tmp_path, slow="0.02")
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            person = programs.launch._people._people.get("good")
            most = max(most, person.running if person else 0)
            await asyncio.sleep(0.001)

    watching = asyncio.ensure_future(watch())
    await asyncio.gather(*[programs.ask("good") for _ in range(40)])
    watching.cancel()
    assert most == 2
    assert len(programs.of("good")) == 40
    assert not programs.launch._people._people


async def test_who_hangs_up_frees_no_place(tmp_path: Path) -> None:
    """A question that nobody waits for any more runs on, and its program has its place."""
    programs = Programs(tmp_path, slow="0.3")
    asked = [asyncio.ensure_future(programs.ask("good")) for _ in range(2)]
    await until(lambda: len(programs.of("good")) == 2)
    for one in asked:
        one.cancel()
    began = time.monotonic()
    await programs.ask("good")
    assert time.monotonic() - began > 0.3
    waiting = asyncio.ensure_future(programs.ask("good"))
    await asyncio.sleep(0)
    waiting.cancel()
    await until(lambda: not programs.launch._people._people)


def test_it_is_said(granted: object) -> None:
    """In a sentence, with what to do."""
    with speaking("en"):
        refused = submission_refused(LaunchFailed(Trouble.BUSY, "2 earlier ones"), granted)  # type: ignore[arg-type]
    assert (refused.reason, refused.status) == ("busy", 503)
    assert "Try again in a minute" in refused.sentence


@pytest.fixture
def granted() -> None:
    """Nothing of what was granted is in the sentence."""
