"""What this machine allows, found by trying: which fences around a job are on, and why not.

Control groups fence a job's processes, memory and GPUs; mount namespaces give a job a /tmp and mounts
of its own. A machine that is itself a container may have neither. Nothing is assumed: each is tried.
docs/reference/isolation.md says where which was seen.
"""

from __future__ import annotations

import os
import platform
import re
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

#: The controllers that Slurm's cgroup/v1 plugin needs for what we constrain.
_CONTROLLERS: Final = ("freezer", "memory", "devices", "cpuset")
#: And its cgroup/v2 plugin; it fences devices by a program in the kernel, not by a controller.
_UNIFIED: Final = ("cpuset", "cpu", "memory")
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
    slurm
        The version of Slurm that is installed, such as ``(22, 5)``: its files differ by version.
    systemd
        Whether systemd keeps the control groups, so that Slurm must ask it for its own.
    loopback
        Whether this machine's name means 127.0.0.1, so that Slurm's daemons can listen there alone.
    """

    cgroups: Cgroups
    own_mounts: bool
    devices: bool
    missing: tuple[str, ...]
    slurm: tuple[int, int] = (22, 5)
    systemd: bool = False
    loopback: bool = True


def find(root: Path = _CGROUPS, *, job_mounts: bool = True) -> Isolation:
    """Try what this machine allows.

    Parameters
    ----------
    job_mounts
        Whether jobs are to have mounts of their own where they can; an operator may say no.
    """
    slurm, systemd = _slurm_version(), Path("/run/systemd/system").is_dir()
    missing = []
    cgroups, why = _cgroups(root, systemd)
    if cgroups is Cgroups.V2 and len(Path("/proc/self/cgroup").read_text().splitlines()) > 1:
        cgroups, why = Cgroups.NONE, "v1 hierarchies are in use beside the unified one: Slurm refuses both"
    if cgroups is Cgroups.NONE:
        missing.append(
            f"Jobs are not fenced by control groups ({why}): memory limits are not kept, a job can open "
            "every GPU, and a process that detaches itself may outlive its job."
        )
    why = _why_no_own_mounts() if job_mounts else "WERKPLAATS_JOB_MOUNTS=no was given to `make up`"
    own_mounts = not why
    if why:
        missing.append(
            f"Jobs have no mounts of their own ({why}): they share /tmp, and only open datasets can be "
            "offered."
        )
    devices = _can_make_devices()
    if not devices:
        missing.append(
            "No device nodes can be made here: virtual GPUs are counted by Slurm, but are no devices "
            "that only their job can open."
        )
    name = socket.gethostname()
    loopback = _address(name) == "127.0.0.1"
    if not loopback:
        missing.append(
            "Slurm listens on every address of this machine, and not on 127.0.0.1 alone: its daemons can be "
            f"bound only to what the machine's name means, and '{name}' means {_address(name) or 'nothing'} "
            f"(with '127.0.0.1 {name}' in /etc/hosts instead, `make up` binds them)."
        )
    return Isolation(cgroups, own_mounts, devices, tuple(missing), slurm, systemd, loopback)


def _slurm_version() -> tuple[int, int]:
    """Return the version of Slurm's daemons, zeros before they are installed."""
    try:
        said = subprocess.run(["slurmctld", "-V"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0, 0
    found = re.search(r"(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _cgroups(root: Path, systemd: bool) -> tuple[Cgroups, str]:
    """Return the kind of control groups that can be used, or why none can."""
    if all((root / name / "cgroup.procs").exists() for name in _CONTROLLERS):
        return _try_v1(root)
    controllers = root / "cgroup.controllers"
    if not controllers.exists():
        return Cgroups.NONE, f"none with {', '.join(_CONTROLLERS)} are mounted at {root}"
    if not any(Path("/usr/lib").glob("*/slurm*/cgroup_v2.so")):
        return Cgroups.NONE, f"this Slurm has no plugin for the unified hierarchy that is mounted at {root}"
    have = controllers.read_text().split()
    lacking = [name for name in _UNIFIED if name not in have]
    if lacking:
        return Cgroups.NONE, f"the unified hierarchy at {root} lacks {', '.join(lacking)}"
    return _try_v2(root, systemd)


def _try_v1(root: Path) -> tuple[Cgroups, str]:
    for name in _CONTROLLERS:
        trial = root / name / f"werkplaats-trial-{os.getpid()}"
        try:
            trial.mkdir()
            trial.rmdir()
        except OSError as wrong:
            return Cgroups.NONE, f"{root / name} cannot be written: {wrong.strerror}"
    return Cgroups.V1, ""


def _try_v2(root: Path, systemd: bool) -> tuple[Cgroups, str]:
    """Try to limit a group below ``system.slice``, where Slurm's plugin puts those of its jobs.

    Without systemd nobody has made that folder or handed it controllers: what is tried here stays, for
    Slurm's own code expects it.
    """
    if systemd:
        return Cgroups.V2, ""
    above = root / "system.slice"
    trial = above / f"werkplaats-trial-{os.getpid()}"
    # pids is for nobody: Slurm 22.05 cannot read the last word of a list, which else would be memory.
    wanted = " ".join(f"+{name}" for name in (*_UNIFIED, "pids"))
    try:
        (root / "cgroup.subtree_control").write_text(wanted)
        above.mkdir(exist_ok=True)
        (above / "cgroup.subtree_control").write_text(wanted)
        trial.mkdir()
        trial.rmdir()
    except OSError as wrong:
        return Cgroups.NONE, f"{root} cannot be divided: {wrong.strerror}"
    return Cgroups.V2, ""


def _why_no_own_mounts() -> str:
    """Try to make a mount namespace and to hold it, as Slurm does for a job; return why that fails.

    It is held by a mount of the file that stands for it. Linux 6.18 refuses that by chance when the one
    who holds it lives in a namespace that was made on another processor; so each processor is tried.
    """
    if not _does("unshare", "--mount", "sh", "-c", "mount --bind /mnt /mnt"):
        return "this machine does not allow mount namespaces"
    with tempfile.TemporaryDirectory(prefix=".werkplaats-trial-", dir="/run") as folder:
        held = Path(folder) / "held"
        held.touch()
        _does("mount", "--bind", "--make-private", folder, folder)
        try:
            for processor in sorted(os.sched_getaffinity(0)):
                holds = _does("taskset", "-c", str(processor), "unshare", f"--mount={held}", "true")
                _does("umount", str(held))
                if not holds:
                    return (
                        f"a mount namespace made on processor {processor} cannot be held; Linux 6.18 is "
                        f"known for it inside a container, and this is {platform.release()}"
                    )
        finally:
            _does("umount", "--lazy", folder)
    return ""


def _does(*argv: str) -> bool:
    """Run a command quietly; return whether it succeeds."""
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _address(name: str) -> str:
    """Return the address that a name means to Slurm, empty when it means none."""
    try:
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except OSError:
        return ""
    return str(found[0][4][0])


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
