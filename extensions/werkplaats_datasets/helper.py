"""Start one of our modules in people's environment, which has the libraries, without root's rights.

What it is given comes through its standard input, as an open file: it need not be able to walk to it.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from werkplaats_datasets.faults import Refused

_NOBODY: Final = "nobody"
_NOGROUP: Final = "nogroup"
#: The longest answer that is taken; what reads a stranger's files may print anything (bytes).
MOST_BYTES: Final = 1024 * 1024
_BLOCK: Final = 64 * 1024
#: One thread: on a large machine the libraries would reserve more memory for theirs than they may have.
_ENVIRONMENT: Final = {
    "PATH": os.defpath,
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Helper:
    """How a module is started.

    Attributes
    ----------
    command
        What stands before the module's name.
    drop
        Whether root's rights are given up.
    """

    command: tuple[str, ...]
    drop: bool = True

    @classmethod
    def of(cls, environment: Path) -> Helper:
        """Return the one of an environment; it takes nothing from where it is started."""
        return cls((str(environment / "bin/python3"), "-I", "-m"))

    def run(
        self, module: str, *words: str | Path, given: IO[bytes] | bytes | None = None, within: float
    ) -> bytes:
        """Run a module and return what it prints.

        Raises
        ------
        Refused
            When it does not end well within so many seconds, or prints more than `MOST_BYTES`.
        """
        argv = [*self.command, module, *map(str, words)]
        who: dict[str, Any] = {}
        if self.drop and os.geteuid() == 0:
            who = {"user": _NOBODY, "group": _NOGROUP, "extra_groups": []}
        with ExitStack() as stack:
            taken = _file(given, stack) if isinstance(given, bytes) else given
            try:
                started = subprocess.Popen(
                    argv,
                    stdin=taken or subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=_ENVIRONMENT,
                    cwd="/",
                    umask=0o022,
                    **who,
                )
            except OSError as wrong:
                raise Refused(f"{argv[0]} cannot be run ({wrong.strerror}); run `make up`") from wrong
            stack.enter_context(started)  # closes its pipes and waits
            stack.callback(started.kill)  # before that; nothing is done to one that has ended
            return _answer(started, module, within)


def _file(content: bytes, stack: ExitStack) -> IO[bytes]:
    """Return a file to read from the beginning."""
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  # the stack closes it
    file.write(content)
    file.seek(0)
    return file


def _answer(started: subprocess.Popen[bytes], module: str, within: float) -> bytes:
    """Return what a process prints until it ends well."""
    until = time.monotonic() + within
    try:
        said, complained = _read(started, until)
        if len(said) > MOST_BYTES:
            most = MOST_BYTES // 1024**2
            raise Refused(f"{module} answered more than {most} MiB; give something smaller")
        status = started.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise Refused(f"{module} took longer than {within:.0f} s; give something smaller") from None
    if status != 0:
        raise Refused(f"{module} failed: {_last(complained)}")
    return said


def _read(started: subprocess.Popen[bytes], until: float) -> tuple[bytes, bytes]:
    """Return what a process prints, a little over `MOST_BYTES` at most, and the end of its complaints."""
    assert started.stdout is not None  # noqa: S101  # they are pipes
    assert started.stderr is not None  # noqa: S101
    out, err = bytearray(), bytearray()
    with selectors.DefaultSelector() as waiting:
        waiting.register(started.stdout, selectors.EVENT_READ, out)
        waiting.register(started.stderr, selectors.EVENT_READ, err)
        while waiting.get_map() and len(out) <= MOST_BYTES:
            for key, _ in _ready(waiting, started, until):
                block = os.read(key.fd, _BLOCK)
                key.data.extend(block)
                if not block:
                    waiting.unregister(key.fileobj)
            del err[:-_BLOCK]
    return bytes(out), bytes(err)


def _ready(
    waiting: selectors.BaseSelector, started: subprocess.Popen[bytes], until: float
) -> list[tuple[selectors.SelectorKey, int]]:
    left = until - time.monotonic()
    ready = waiting.select(left) if left > 0 else []
    if not ready:
        raise subprocess.TimeoutExpired(started.args, 0)
    return ready


def _last(said: bytes) -> str:
    lines: Sequence[str] = said.decode(errors="replace").strip().splitlines()
    return lines[-1][:500] if lines else "it said nothing"
