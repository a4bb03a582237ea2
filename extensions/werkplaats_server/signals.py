"""Slurm's signal that the end is near: held back while the server starts, then heard by its loop.

Imported first of all by ``__main__``, so it imports next to nothing.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Final, Protocol

#: When this process began, near enough (seconds since 1970).
STARTED: Final = time.time()
_OURS: Final = {signal.SIGUSR1}


class Loop(Protocol):
    """What is needed of an event loop."""

    def add_signal_handler(self, sig: int, callback: Callable[[], object]) -> None:
        """Call `callback` in the loop whenever the signal comes."""


def hold() -> None:
    """Let the kernel keep the signal until somebody listens; its default would end the process.

    A handler would not do: Jupyter Server puts its own in the place of any that it finds.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)


def held() -> bool:
    """Whether :func:`hold` was called: this process is a server that Slurm may speak to."""
    return signal.pthread_sigmask(signal.SIG_BLOCK, ()) >= _OURS


def listen(loop: Loop, heard: Callable[[float], None]) -> None:
    """Call `heard` with the moment at which the signal came, now if it came already.

    Of a signal that was held back nobody knows the moment; the earliest that it can be is told,
    so that nobody is promised more time than there is.
    """
    if signal.SIGUSR1 in signal.sigpending():
        signal.sigwait(_OURS)
        heard(STARTED)
    loop.add_signal_handler(signal.SIGUSR1, lambda: heard(time.time()))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
