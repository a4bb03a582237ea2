"""Debian's packages that a single machine needs, and the services they would start by themselves."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from single_machine.console import Console, StepFailed

NEEDED: Final = (
    "slurmctld",
    "slurmd",
    "slurmdbd",
    "slurm-client",
    "munge",
    "mariadb-server",
    "sudo",
    "procps",
    "squashfs-tools",
)
#: They run under our supervisor, with our configuration; as services of systemd they would clash.
_UNITS: Final = ("slurmctld", "slurmd", "slurmdbd")
_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_NONE_STARTS: Final = "#!/bin/sh\n# Made by Werkplaats while it installs packages.\nexit 101\n"


def install(console: Console) -> None:
    """Install what is missing; nothing at all when nothing is."""
    missing = [name for name in NEEDED if not _installed(name)]
    if not missing:
        return
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    mend = "see that Debian's package archive can be reached (`apt-get update`), then run `make up` again"
    console.run(["apt-get", "update"], environment=quiet, mend=mend)
    with _services_do_not_start():
        console.run(["dpkg", "--configure", "-a"], environment=quiet)  # after an interrupted run
        console.run(
            ["apt-get", "install", "-y", "--no-install-recommends", *missing], environment=quiet, mend=mend
        )


def keep_services_off(console: Console) -> None:
    """Keep systemd, where it runs, from starting Slurm's daemons a second time, now and at boot."""
    if not Path("/run/systemd/system").exists():
        return
    asked = subprocess.run(["systemctl", "is-enabled", *_UNITS], capture_output=True, text=True, check=False)
    if asked.stdout.split() != ["masked"] * len(_UNITS):
        console.run(["systemctl", "mask", "--now", *_UNITS])


def _installed(name: str) -> bool:
    asked = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", name]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout == "installed"


@contextmanager
def _services_do_not_start() -> Iterator[None]:
    """Keep packages from starting their daemons: ours run under our supervisor (policy-rc.d, 101)."""
    if _POLICY.exists() and _POLICY.read_text() != _NONE_STARTS:
        yield  # the machine's own, which we leave alone
        return
    _POLICY.write_text(_NONE_STARTS)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def require_apt() -> None:
    """Say what is needed on a machine that is not Debian's.

    Raises
    ------
    StepFailed
        When there is no ``apt-get``.
    """
    if not shutil.which("apt-get"):
        raise StepFailed(
            "this is not Debian or Ubuntu (no apt-get)", "use Debian 12 or 13, or Ubuntu 22.04 or 24.04"
        )
