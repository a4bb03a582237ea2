"""What the cluster has to divide, as Slurm's own description of its nodes says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from werkplaats_hub.facility import Partitions
from werkplaats_hub.streams.borrowers import Room, Size
from werkplaats_hub.streams.model import Run, tres
from werkplaats_hub.streams.queued import Queued, gpu_type_of

#: `billing` counts GPUs in thousandths, so that half a node's processors are not rounded away.
MILLI_GPU: Final = 1000
#: States of a node that takes no new work.
_BAD_STATES: Final = re.compile(r"DOWN|DRAIN|FAIL|MAINT|RESERVED|NOT_RESPONDING|UNKNOWN|POWER|REBOOT")


@dataclass(frozen=True)
class Capacity:
    """The whole of a cluster, nodes that are down or drained included: a share does not shrink by them.

    Attributes
    ----------
    gpus
        In the partition with GPUs.
    cpus_aside, memory_mb_aside
        Processors and memory (MB) in the partition for work without a GPU.
    """

    gpus: int
    cpus_aside: int = 0
    memory_mb_aside: int = 0


def read(run: Run, partitions: Partitions) -> Capacity:
    """Ask Slurm what its nodes are configured with."""
    nodes = list(_nodes(run(["scontrol", "--oneliner", "show", "nodes"])))
    with_gpus = [has for names, has in nodes if partitions.gpu in names]
    aside = [has for names, has in nodes if partitions.cpu in names and partitions.gpu not in names]
    return Capacity(
        gpus=sum(has.get("gres/gpu", 0) for has in with_gpus),
        cpus_aside=sum(has.get("cpu", 0) for has in aside),
        memory_mb_aside=sum(has.get("mem", 0) for has in aside),
    )


def _nodes(text: str) -> Iterator[tuple[set[str], dict[str, int]]]:
    """Yield each node's partitions and its configured resources."""
    for line in text.splitlines():
        partitions = re.search(r" Partitions=(\S+)", line)
        configured = re.search(r" CfgTRES=(\S+)", line)
        if partitions and configured:
            yield set(partitions[1].split(",")), tres(configured[1])


def rooms(run: Run, partition: str, going: Iterable[Queued]) -> Mapping[str, Room]:
    """Return what will be free of each node that takes work, when those have gone that are to go."""
    found = {}
    for line in run(["scontrol", "--oneliner", "show", "nodes"]).splitlines():
        has = dict(re.findall(r"(\S+?)=(\S*)", line))
        if partition in has.get("Partitions", "").split(",") and not _BAD_STATES.search(has["State"]):
            free = _size(has["CfgTRES"]).minus(_size(has["AllocTRES"]))
            found[has["NodeName"]] = Room(free, gpu_type_of(has.get("Gres", "")))
    for job in going:
        if job.nodes in found:
            room = found[job.nodes]
            found[job.nodes] = Room(room.free.plus(job.size), room.gpu_type)
    return found


def _size(text: str) -> Size:
    has = tres(text)
    return Size(has.get("gres/gpu", 0), has.get("cpu", 0), has.get("mem", 0))
