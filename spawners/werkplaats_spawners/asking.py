"""The Hub's way of asking a privileged program: one JSON object in, one out, and never for ever."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

#: No answer is longer than this (bytes).
_LONGEST: Final = 256 * 1024


class NoAnswer(Exception):
    """The program gave no answer that can be read.

    Attributes
    ----------
    late
        Whether it may still be at it: what it did is unknown.
    ended
        How to wait for the end of a program that is not ours to end; ``None`` when it has ended.
    """

    def __init__(
        self, message: str, *, late: bool = False, ended: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        super().__init__(message)
        self.late = late
        self.ended = ended


async def ask(
    argv: Sequence[str], message: Mapping[str, Any], timeout: float, what: str, *, to_the_end: bool = False
) -> dict[str, Any]:
    """Run a program, hand it a message, and return its answer.

    Parameters
    ----------
    timeout
        Seconds, after which it is left to itself.
    what
        What to call it in an error.
    to_the_end
        Whether the answer is heard although the task is cancelled: for what must not happen unheard of.

    Raises
    ------
    NoAnswer
        When it cannot be run, says nothing in time, or nothing that makes sense.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd="/",
        )
    except OSError as wrong:
        raise NoAnswer(f"{what} cannot be run: {wrong}") from wrong
    _tell(process, message)
    out, err = bytearray(), bytearray()
    try:
        try:
            await asyncio.wait_for(_hear(process, out, err), timeout)
        except asyncio.CancelledError:
            if not to_the_end:
                raise
            await asyncio.wait_for(_hear(process, out, err), timeout)
    except TimeoutError:
        await _leave(process)
        raise NoAnswer(f"{what} gave no answer in time", late=True, ended=_end_of(process)) from None
    except NoAnswer as wrong:
        await _leave(process)
        wrong.ended = _end_of(process)
        raise
    return _read(out, err)


async def _leave(process: asyncio.subprocess.Process) -> None:
    """End a program that is not listened to any more, as far as that is ours to do.

    sudo is root's, and may not be ours to end. What it started may keep the pipes open, for which
    wait() would wait.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        process.kill()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), 1)
    # asyncio has no other way to let go of the pipes of a program that does not end.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        process._transport.close()  # type: ignore[attr-defined]


def _end_of(process: asyncio.subprocess.Process) -> Callable[[], Awaitable[object]] | None:
    return process.wait if process.returncode is None else None


def _tell(process: asyncio.subprocess.Process, message: Mapping[str, Any]) -> None:
    """Hand the message over, without waiting: nothing can come between that and the end of it."""
    if process.stdin:
        process.stdin.write(json.dumps(message).encode())
        process.stdin.close()


async def _hear(process: asyncio.subprocess.Process, out: bytearray, err: bytearray) -> None:
    """Listen until the program ends; unlike with `communicate`, a cancellation loses nothing of it."""
    await asyncio.gather(_listen(process.stdout, out), _listen(process.stderr, err))
    await process.wait()


async def _listen(stream: asyncio.StreamReader | None, into: bytearray) -> None:
    """Hear a stream to its end.

    *launch* is run as a person, who may do with it what they like: also have it talk for ever.
    """
    while stream and (block := await stream.read(65536)):
        into += block
        if len(into) > _LONGEST:
            raise NoAnswer("it says more than any answer of ours has")


def _read(out: bytearray, err: bytearray) -> dict[str, Any]:
    try:
        answer = json.loads(out)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise NoAnswer(err.decode(errors="replace").strip()[-500:] or "no answer")
    return answer
