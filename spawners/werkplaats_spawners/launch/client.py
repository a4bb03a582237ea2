"""The Hub's side of *launch*: ask sudo to run it as a person, and read its one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from werkplaats_spawners.asking import NoAnswer, ask
from werkplaats_spawners.launch.places import AllStuck, Places
from werkplaats_spawners.slurm import Trouble

#: How many run at once; thirty who press start in one second need no thirty processes.
_AT_ONCE: Final = 16
#: Longer than launch's own limit on a Slurm command, so that its answer arrives.
_TIMEOUT: Final = 30.0


class LaunchFailed(Exception):
    """*launch* could not do it.

    Attributes
    ----------
    trouble
        What it means for the person.
    """

    def __init__(self, trouble: Trouble, message: str) -> None:
        super().__init__(message)
        self.trouble = trouble


@dataclass(frozen=True)
class Start:
    """When a job would start, as Slurm sees it now.

    Attributes
    ----------
    at
        The earliest moment, with its time zone.
    preempts
        Whether borrowers must go first.
    header
        The ``#SBATCH`` lines that would be submitted.
    """

    at: datetime
    preempts: bool
    header: str


@dataclass(frozen=True)
class Launch:
    """How the Hub runs *launch*: ``sudo -n -u PERSON PROGRAM``.

    Attributes
    ----------
    program
        The path of the root-owned program, exactly as the sudo rule names it.
    prefix
        The command that changes identity; the person's name is added to it.
    """

    program: str
    prefix: Sequence[str] = ("sudo", "-n", "-u")
    _places: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(_AT_ONCE), repr=False, compare=False
    )
    _people: Places = field(default_factory=Places, repr=False, compare=False)

    def __deepcopy__(self, memo: object) -> Launch:
        """Return itself: traitlets copies a configuration for every spawner."""
        return self

    async def submit(
        self, user: str, *, flavour: str, account: str, qos: str, minutes: int, environment: Mapping[str, str]
    ) -> int:
        """Submit a server's job as `user` and return its number.

        Cancelling this cancels no job: its number is returned all the same.

        Raises
        ------
        LaunchFailed
            When nothing was submitted, or nothing is known.
        """
        answer = await self._ask(
            user,
            {
                "action": "submit",
                "flavour": flavour,
                "account": account,
                "qos": qos,
                "minutes": minutes,
                "environment": dict(environment),
            },
            to_the_end=True,
        )
        if type(answer.get("job_id")) is not int:
            raise LaunchFailed(Trouble.OTHER, "launch answered without a job's number")
        return int(answer["job_id"])

    async def when(self, user: str, *, flavour: str, account: str, qos: str, minutes: int) -> Start:
        """Return when Slurm would start such a job of `user`; nothing is submitted.

        Raises
        ------
        LaunchFailed
            When Slurm would not take it, or nothing is known.
        """
        message = {"flavour": flavour, "account": account, "qos": qos, "minutes": minutes}
        answer = await self._ask(user, {"action": "when", **message})
        try:
            at = datetime.fromisoformat(answer["start"]).astimezone()
            return Start(at, bool(answer["preempts"]), str(answer["header"]))
        except (KeyError, TypeError, ValueError) as wrong:
            raise LaunchFailed(Trouble.OTHER, "launch answered without a time") from wrong

    async def cancel(self, user: str, job_id: int) -> None:
        """Ask Slurm to end the job. That it was asked is no evidence that the job is gone."""
        await self._ask(user, {"action": "cancel", "job_id": job_id})

    async def log(self, user: str, job_id: int) -> list[str]:
        """Return the last lines that a server's job wrote."""
        answer = await self._ask(user, {"action": "log", "job_id": job_id})
        return [str(line) for line in answer.get("lines") or []]

    async def _ask(
        self, user: str, message: Mapping[str, Any], *, to_the_end: bool = False
    ) -> dict[str, Any]:
        try:
            await self._people.enter(user)
        except AllStuck as wrong:
            raise LaunchFailed(Trouble.BUSY, str(wrong)) from wrong
        # The place is the program's, which goes on when nobody listens to it any more.
        running = asyncio.ensure_future(self._in_turn(user, message, to_the_end))
        running.add_done_callback(lambda done: done.cancelled() or done.exception())
        running.add_done_callback(lambda _: self._people.leave(user))
        return await (running if to_the_end else asyncio.shield(running))

    async def _in_turn(self, user: str, message: Mapping[str, Any], to_the_end: bool) -> dict[str, Any]:
        async with self._places:
            return await self._run(user, message, to_the_end)

    async def _run(self, user: str, message: Mapping[str, Any], to_the_end: bool) -> dict[str, Any]:
        argv = [*self.prefix, user, self.program]
        try:
            answer = await ask(argv, message, _TIMEOUT, "launch", to_the_end=to_the_end)
        except NoAnswer as wrong:
            if wrong.ended is not None:
                self._people.stays(user, wrong.ended())
            raise LaunchFailed(Trouble.UNREACHABLE if wrong.late else Trouble.OTHER, str(wrong)) from wrong
        if "trouble" in answer:
            known = {trouble.value: trouble for trouble in Trouble}
            trouble = known.get(str(answer["trouble"]), Trouble.OTHER)
            raise LaunchFailed(trouble, str(answer.get("message", "")))
        return answer
