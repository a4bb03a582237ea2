"""The nodes of the instance: the machine's own GPUs, or four virtual nodes of four."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from werkplaats_hub.instance import Instance

_VIRTUAL_NODES: Final = 4
_VIRTUAL_GPUS: Final = 4
_VIRTUAL_CPUS: Final = 16
_VIRTUAL_MEMORY_MB: Final = 64 * 1024
#: The virtual node for work without a GPU: what thirty beginners need.
_ASIDE_CPUS: Final = 64
_ASIDE_MEMORY_MB: Final = 128 * 1024
#: Majors 240 to 254 are for local use (Linux's devices.txt); one that no driver has taken is used.
_LOCAL_MAJORS: Final = range(240, 255)
#: Devices to count by where none can be made; a container has no consoles, but always the others.
_STAND_INS: Final = (
    tuple(Path(f"/dev/tty{index}") for index in range(_VIRTUAL_GPUS)),
    tuple(Path("/dev") / name for name in ("zero", "full", "random", "urandom")),
)


@dataclass(frozen=True)
class Node:
    """One node of Slurm on this machine.

    Attributes
    ----------
    name, port
        Of its slurmd.
    cpus, memory_mb
        What it may hand out.
    gpu_type, gpus
        A word for the kind, and one device file for each; a node without is set aside for work
        that needs no GPU.
    """

    name: str
    port: int
    cpus: int
    memory_mb: int
    gpu_type: str
    gpus: tuple[Path, ...]


def nodes(instance: Instance, devices: bool) -> tuple[Node, ...]:
    """Return the nodes to configure.

    Parameters
    ----------
    instance
        Whose nodes; only the default one takes the machine's own GPUs.
    devices
        Whether device nodes for virtual GPUs can be made.
    """
    real = tuple(sorted(Path("/dev").glob("nvidia[0-9]*"), key=lambda p: int(p.name[6:])))
    if real and instance.default:
        return _real(instance, real)
    virtual = (_virtual(instance, number, devices) for number in range(1, _VIRTUAL_NODES + 1))
    return (*virtual, _aside(instance, _VIRTUAL_NODES + 1, _ASIDE_CPUS, _ASIDE_MEMORY_MB))


def _real(instance: Instance, gpus: tuple[Path, ...]) -> tuple[Node, ...]:
    """Return two nodes of the one machine: a quarter of it is set aside for work without a GPU."""
    cpus, memory = os.cpu_count() or 1, _memory_mb()
    quarter = max(1, cpus // 4)
    name = f"{instance.node_prefix}1"
    with_gpus = Node(
        name, instance.port_slurmd, max(1, cpus - quarter), memory - memory // 4, _gpu_type(), gpus
    )
    return with_gpus, _aside(instance, 2, quarter, memory // 4)


def _aside(instance: Instance, number: int, cpus: int, memory_mb: int) -> Node:
    name = "cpu1" if instance.default else f"{instance.node_prefix}cpu1"
    return Node(name, instance.port_slurmd + number - 1, cpus, memory_mb, "", ())


def _virtual(instance: Instance, number: int, devices: bool) -> Node:
    name = f"{instance.node_prefix}{number}"
    folder = instance.state / "gpus"
    gpus = tuple(folder / f"{name}-{index}" for index in range(_VIRTUAL_GPUS))
    if not devices:
        # Any character devices will do to be counted; nothing fences them on such a machine.
        gpus = next(each for each in _STAND_INS if all(path.exists() for path in each))
    port = instance.port_slurmd + number - 1
    return Node(name, port, _VIRTUAL_CPUS, _VIRTUAL_MEMORY_MB, "virtual", gpus)


def make_devices(all_nodes: tuple[Node, ...], folder: Path) -> None:
    """Make the device nodes of virtual GPUs, each with a number of its own that no driver serves.

    Opening one's own gives ENXIO (no such device), and another's EPERM (the fence): a shared number,
    such as that of /dev/null, would be open to all.
    """
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    major = _free_major()
    wanted = [gpu for node in all_nodes for gpu in node.gpus if gpu.parent == folder]
    for minor, path in enumerate(wanted):
        device = os.makedev(major, minor)
        if path.exists() and stat.S_ISCHR(path.stat().st_mode) and path.stat().st_rdev == device:
            continue
        path.unlink(missing_ok=True)
        os.mknod(path, stat.S_IFCHR | 0o666, device)
        path.chmod(0o666)


def _free_major() -> int:
    taken = {int(n) for n in re.findall(r"^\s*(\d+) ", Path("/proc/devices").read_text(), re.MULTILINE)}
    return next(major for major in _LOCAL_MAJORS if major not in taken)


def _memory_mb() -> int:
    """Return nine tenths of the machine's memory; the rest is for the system and the Hub."""
    found = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    return int(found[1]) * 9 // 10240 if found else 1024


def _gpu_type() -> str:
    """Return the kind of the first GPU as one word, such as ``h200``."""
    try:
        asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        name = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return "gpu"
    words = re.findall(r"[a-z0-9]+", (name.splitlines() or [""])[0].lower())
    return next((word for word in words if re.fullmatch(r"[a-z]+[0-9]+[a-z0-9]*", word)), "gpu")
