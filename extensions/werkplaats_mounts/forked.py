"""A child for what the daemon must not do itself: it makes system calls in another namespace, and leaves.

A process of several threads cannot change its mount namespace, and one that did could not be trusted
to be where it was. A child that hangs (a file system that does not answer) is killed after a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from typing import Any, Final, NoReturn

_SECONDS: Final = 4.0


class Failed(Exception):
    """The child did not do it; its text says why.

    Attributes
    ----------
    kind
        The class of what went wrong, such as ``OSError``, or ``late``.
    number
        The ``errno`` where there is one.
    """

    def __init__(self, kind: str, number: int, message: str) -> None:
        super().__init__(message)
        self.kind, self.number = kind, number


async def in_child(work: Callable[[], Any], within: float = _SECONDS) -> Any:
    """Have a child do some work, and return what it returned, as JSON carries it.

    Raises
    ------
    Failed
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _work(work, write)
    os.close(write)
    try:
        said = await asyncio.wait_for(_all(read), within)
    except TimeoutError:
        raise Failed("late", 0, "the kernel did not answer in time") from None
    finally:
        os.close(read)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)  # one that answered has nothing left to do
        await _reap(child)
    answer = json.loads(said or b'{"kind": "late", "number": 0, "message": "the child was killed"}')
    if "done" not in answer:
        raise Failed(answer["kind"], answer["number"], answer["message"])
    return answer["done"]


def _work(work: Callable[[], Any], write: int) -> NoReturn:
    """Do it, say how it went, and leave, whatever happens."""
    try:
        try:
            said: dict[str, Any] = {"done": work()}
        except Exception as wrong:
            number = getattr(wrong, "errno", 0) or 0
            said = {"kind": type(wrong).__name__, "number": number, "message": str(wrong)}
        os.write(write, json.dumps(said).encode())
    finally:
        os._exit(0)


async def _all(read: int) -> bytes:
    """Read until the other end is closed."""
    loop, parts = asyncio.get_running_loop(), bytearray()
    os.set_blocking(read, False)
    while True:
        ready = asyncio.Event()
        loop.add_reader(read, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(read)
        part = os.read(read, 65536)
        if not part:
            return bytes(parts)
        parts += part


async def _reap(child: int) -> None:
    """Take the child's end; one that hangs in the kernel is left behind."""
    for _ in range(20):
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        await asyncio.sleep(0.005)
