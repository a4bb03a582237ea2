"""The Hub's way of asking a privileged program: one JSON object in, one out, and never for ever."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


class NoAnswer(Exception):
    """The program gave no answer that can be read.

    Attributes
    ----------
    late
        Whether it may still be at it: what it did is unknown.
    """

    def __init__(self, message: str, *, late: bool = False) -> None:
        super().__init__(message)
        self.late = late


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
    try:
        try:
            out, err = await asyncio.wait_for(process.communicate(json.dumps(message).encode()), timeout)
        except asyncio.CancelledError:
            if not to_the_end:
                raise
            out, err = await asyncio.wait_for(_rest(process), timeout)
    except TimeoutError:
        # sudo is root's, and may not be ours to end. What it started may keep the pipes open, for
        # which wait() would wait.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            process.kill()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 1)
        raise NoAnswer(f"{what} gave no answer in time", late=True) from None
    return _read(out, err)


async def _rest(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    """Return what a program says that was listened to until a moment ago."""
    if process.stdin:
        process.stdin.close()
    out, err = process.stdout, process.stderr
    return await out.read() if out else b"", await err.read() if err else b""


def _read(out: bytes, err: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(out)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise NoAnswer(err.decode(errors="replace").strip()[-500:] or "no answer")
    return answer
