"""What this machine allows, found by trying: which fences around a job are on, and why not.

Control groups fence a job's processes, memory and GPUs; mount namespaces give a job a /tmp and mounts
of its own. A machine that is itself a container may have neither. Nothing is assumed: each is tried.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

#: The controllers that Slurm's cgroup/v1 plugin needs for what we constrain.
_CONTROLLERS: Final = ("freezer", "memory", "devices", "cpuset")
_CGROUPS: Final = Path("/sys/fs/cgroup")


class Cgroups(Enum):
    """Which control groups a job can be put into."""

    V1 = "cgroup/v1"
    V2 = "cgroup/v2"
    NONE = "none"


@dataclass(frozen=True)
class Isolation:
    """Which fences stand on this machine, with a sentence for each that does not.

    Attributes
    ----------
    cgroups
        Fence processes, memory and GPUs.
    own_mounts
        Each job can have a /tmp and mounts of its own.
    devices
        Device nodes can be made, so that virtual GPUs exist.
    missing
        What is off, and why, a sentence each.
    """

    cgroups: Cgroups
    own_mounts: bool
    devices: bool
    missing: tuple[str, ...]


def find(root: Path = _CGROUPS) -> Isolation:
    """Try what this machine allows."""
    cgroups, why = _cgroups(root)
    missing = []
    if cgroups is Cgroups.NONE:
        missing.append(
            f"Jobs are not fenced by control groups ({why}): memory limits are not kept, a job can open "
            "every GPU, and a process that detaches itself may outlive its job."
        )
    own_mounts = _can_unshare()
    if not own_mounts:
        missing.append(
            "Jobs have no mounts of their own (this machine does not allow mount namespaces): they share "
            "/tmp, and only open datasets can be offered."
        )
    devices = _can_make_devices()
    if not devices:
        missing.append(
            "No device nodes can be made here: virtual GPUs are counted by Slurm, but are no devices "
            "that only their job can open."
        )
    return Isolation(cgroups, own_mounts, devices, tuple(missing))


def _cgroups(root: Path) -> tuple[Cgroups, str]:
    """Return the kind of control groups that can be used, or why none can."""
    absent = [name for name in _CONTROLLERS if not (root / name / "cgroup.procs").exists()]
    if not absent:
        return _try_group(root / "freezer", Cgroups.V1)
    controllers = root / "cgroup.controllers"
    if not controllers.exists():
        return Cgroups.NONE, f"no control groups are mounted at {root}"
    have = controllers.read_text().split()
    lacking = [name for name in ("cpuset", "memory") if name not in have]
    if lacking:
        return Cgroups.NONE, f"the unified hierarchy at {root} lacks {', '.join(lacking)}"
    return _try_group(root, Cgroups.V2)


def _try_group(root: Path, kind: Cgroups) -> tuple[Cgroups, str]:
    trial = root / f"werkplaats-trial-{os.getpid()}"
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as wrong:
        return Cgroups.NONE, f"{root} cannot be written: {wrong.strerror}"
    return kind, ""


def _can_unshare() -> bool:
    """Try to make a mount namespace and a bind mount in it, in a process of its own."""
    trial = ["unshare", "--mount", "sh", "-c", "mount --bind /mnt /mnt"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def _can_make_devices() -> bool:
    """Try to make a device node where the instance would keep them."""
    trial = Path(f"/var/lib/.werkplaats-trial-{os.getpid()}")
    try:
        os.mknod(trial, 0o600 | 0o020000, os.makedev(240, 255))
    except OSError:
        return False
    finally:
        trial.unlink(missing_ok=True)
    return True
