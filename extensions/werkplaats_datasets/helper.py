"""Start one of our modules in people's environment, which has the libraries, without root's rights.

What it is given comes through its standard input, as an open file: it need not be able to walk to it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from werkplaats_datasets.faults import Refused

_NOBODY: Final = "nobody"
_NOGROUP: Final = "nogroup"
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
            When it does not end well within so many seconds.
        """
        argv = [*self.command, module, *map(str, words)]
        who: dict[str, Any] = {}
        if self.drop and os.geteuid() == 0:
            who = {"user": _NOBODY, "group": _NOGROUP, "extra_groups": []}
        if isinstance(given, bytes):
            who["input"] = given
        else:
            who["stdin"] = given or subprocess.DEVNULL
        try:
            done: subprocess.CompletedProcess[bytes] = subprocess.run(
                argv,
                capture_output=True,
                env=_ENVIRONMENT,
                cwd="/",
                timeout=within,
                check=False,
                umask=0o022,
                **who,
            )
        except subprocess.TimeoutExpired:
            raise Refused(f"{module} took longer than {within:.0f} s; give something smaller") from None
        except OSError as wrong:
            raise Refused(f"{argv[0]} cannot be run ({wrong.strerror}); run `make up`") from wrong
        if done.returncode != 0:
            raise Refused(f"{module} failed: {_last(done.stderr)}")
        return done.stdout


def _last(said: bytes) -> str:
    lines: Sequence[str] = said.decode(errors="replace").strip().splitlines()
    return lines[-1][:500] if lines else "it said nothing"
