"""Run Slurm's commands for the operator: as whoever runs this, against one instance's Slurm."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from werkplaats_hub.instance import Instance

_TIMEOUT = 120


class SlurmFailed(Exception):
    """A command of Slurm failed; the text is what it said."""


class Slurm:
    """Slurm's commands against one instance."""

    def __init__(self, instance: Instance) -> None:
        self._environment = instance.environment

    def __call__(self, argv: Sequence[str]) -> str:
        """Run one command and return its standard output.

        Raises
        ------
        SlurmFailed
            On any exit status but 0, also of a command that says so only on standard error.
        """
        try:
            done = subprocess.run(
                argv,
                env=self._environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=_TIMEOUT,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as wrong:
            raise SlurmFailed(f"{argv[0]}: {wrong}") from wrong
        if done.returncode != 0 and not _nothing_to_do(done.stdout):
            raise SlurmFailed(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()[-500:]}")
        return done.stdout


def _nothing_to_do(out: str) -> bool:
    """Return whether sacctmgr only says that it found things as they should be."""
    return any(f"Nothing {done}" in out for done in ("new added", "modified", "deleted", "removed"))
