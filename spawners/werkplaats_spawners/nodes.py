"""The cluster's nodes, and which of their GPUs are free: one ``sinfo`` for all.

Standard library only; runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: States of sinfo(1), NODE STATE CODES, in which a node takes new work. With a suffix it does not
#: answer, is switched off, is being restarted or kept for maintenance; but for ``-``: the scheduler
#: has plans for a part of it.
_TAKES_WORK: Final = frozenset({"idle", "mix", "alloc", "comp", "plnd"})


@dataclass(frozen=True)
class Node:
    """One node.

    Attributes
    ----------
    address
        Where it can be reached.
    state
        Slurm's short state, such as ``mix`` or ``drng*``.
    gpus, used
        GPUs by type, and how many of them jobs have; the type is empty where Slurm has none.
    """

    name: str
    address: str
    state: str = "idle"
    gpus: Mapping[str, int] = field(default_factory=dict)
    used: Mapping[str, int] = field(default_factory=dict)

    @property
    def takes_work(self) -> bool:
        """Whether a job may be placed on it now: it is not drained, down, or kept for something."""
        return self.state.removesuffix("-") in _TAKES_WORK

    @property
    def free(self) -> Mapping[str, int]:
        """GPUs by type that a job could have now."""
        if not self.takes_work:
            return {}
        return {kind: max(0, number - self.used.get(kind, 0)) for kind, number in self.gpus.items()}


_FIELDS: Final = ("NodeList:128", "NodeAddr:256", "StateCompact:32", "Gres:512", "GresUsed:1024")


def show_nodes() -> list[str]:
    """Ask for each node's address, state and GPUs."""
    return ["sinfo", "--noheader", "--Node", "--Format=" + ",".join(f"{name}|" for name in _FIELDS)]


def parse_nodes(text: str) -> tuple[Node, ...]:
    """Read what :func:`show_nodes` prints; a node of several partitions is there once."""
    found: dict[str, Node] = {}
    for line in text.splitlines():
        fields = [part.strip() for part in line.split("|")]
        if len(fields) == len(_FIELDS) + 1:
            name, address, state, gres, used, _ = fields
            found[name] = Node(name, address, state, _by_type(gres), _by_type(used))
    return tuple(found.values())


#: ``gpu:4``, ``gpu:h100:4(S:0-1)``, ``gpu:virtual:2(IDX:0,3)``.
_GPU: Final = re.compile(r"(?:^|,)gpu(?::([A-Za-z][\w.-]*))?:(\d+)(?=[(,]|$)")


def _by_type(gres: str) -> dict[str, int]:
    """Read GPUs by type out of Slurm's GRES; zeros are left out."""
    found: dict[str, int] = {}
    for kind, number in _GPU.findall(re.sub(r"\([^)]*\)", "", gres)):
        if int(number):
            found[kind] = found.get(kind, 0) + int(number)
    return found


def read_nodes(rows: Iterable[Mapping[str, Any]]) -> tuple[Node, ...]:
    """Read nodes that were published as JSON objects."""
    return tuple(Node(**row) for row in rows)


@dataclass(frozen=True)
class FreeGpus:
    """The GPUs that are free now.

    Attributes
    ----------
    by_type
        Free, and in all, by type. GPUs of a node that takes no work now are in neither.
    most
        The most that are free on one node: a server's GPUs are all of one.
    """

    by_type: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    most: int = 0

    @property
    def number(self) -> int:
        """How many are free in all."""
        return sum(free for free, _whole in self.by_type.values())


def free_gpus(nodes: Iterable[Node]) -> FreeGpus:
    """Count what is free."""
    by_type: dict[str, tuple[int, int]] = {}
    most = 0
    for node in nodes:
        free = node.free
        for kind, number in free.items():
            before = by_type.get(kind, (0, 0))
            by_type[kind] = (before[0] + number, before[1] + node.gpus[kind])
        most = max(most, sum(free.values()))
    return FreeGpus(dict(sorted(by_type.items())), most)
