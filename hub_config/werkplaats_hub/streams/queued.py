"""What waits, runs or lets go, with what it takes of its node, as Slurm shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from werkplaats_hub.streams.borrowers import Size
from werkplaats_hub.streams.model import Run, tres
from werkplaats_spawners import slurm


@dataclass(frozen=True)
class Queued:
    """A job that waits, runs or lets go of its node.

    Attributes
    ----------
    nodes
        As Slurm writes them; empty before it runs.
    start, told
        When it began, and when Slurm told it to go: local, ISO 8601, ``N/A`` for not.
    size
        What it takes, or asks for, in all.
    minutes
        Its time limit.
    particular
        Whether it asks for nodes by name or by feature.
    """

    id: int
    user: str
    account: str
    qos: str
    state: str
    reason: str
    priority: int
    submitted: str
    nodes: str
    start: str
    told: str
    size: Size
    billing: int
    minutes: int
    gpu_type: str
    node_count: int
    particular: bool

    @property
    def holds(self) -> bool:
        """Whether it has its nodes, and goes on."""
        return slurm.phase(self.state) is slurm.Phase.RUNNING

    @property
    def leaves(self) -> bool:
        """Whether it lets go of its nodes, or Slurm has told it to."""
        return slurm.phase(self.state) is slurm.Phase.ENDING or (self.holds and self.told != "N/A")

    @property
    def on_one_node(self) -> bool:
        """Whether it is or will be on one node."""
        return self.node_count == 1


_FIELDS: Final = (
    "JobID",
    "UserName",
    "Account",
    "QOS",
    "State",
    "Reason",
    "PriorityLong",
    "SubmitTime",
    "NodeList",
    "StartTime",
    "PreemptTime",
    "tres-alloc",
    "TimeLimit",
    "tres-per-node",
    "NumNodes",
    "ReqNodes",
    "Feature",
)


def pending(qos: Sequence[str]) -> list[str]:
    """Ask for what waits under one of some QOS: the cheap question, asked every second."""
    return ["squeue", "--noheader", "--states=PENDING", f"--qos={','.join(qos)}", "--format=%i"]


def read_queue(run: Run) -> tuple[Queued, ...]:
    """Ask for all that waits, runs or ends; arrays are shown as their tasks.

    The one field that a person words freely is the last, so that no job can forge another's line.
    """
    fields = ",".join(f"{name}:|" for name in _FIELDS)
    shown = run(["squeue", "--noheader", "--array", "--states=PD,R,S,CG,CF,SO", f"--Format={fields}"])
    return tuple(_queued(shown))


def _queued(shown: str) -> Iterator[Queued]:
    for line in shown.splitlines():
        found = line.split("|", len(_FIELDS) - 1)
        if len(found) != len(_FIELDS) or not found[0].isdigit():
            continue
        has = dict(zip(_FIELDS, found, strict=True))
        resources = tres(has["tres-alloc"])
        yield Queued(
            id=int(has["JobID"]),
            user=has["UserName"],
            account=has["Account"],
            qos=has["QOS"],
            state=has["State"],
            reason=has["Reason"],
            priority=int(has["PriorityLong"]),
            submitted=has["SubmitTime"],
            nodes=has["NodeList"],
            start=has["StartTime"],
            told=has["PreemptTime"],
            size=Size(resources.get("gres/gpu", 0), resources.get("cpu", 0), resources.get("mem", 0)),
            billing=resources.get("billing", 0),
            minutes=slurm.minutes(has["TimeLimit"]),
            gpu_type=gpu_type_of(has["tres-per-node"]),
            node_count=int(has["NumNodes"]) if has["NumNodes"].isdigit() else 0,
            particular=has["ReqNodes"] != "" or has["Feature"].rstrip("|") not in ("", "(null)"),
        )


def gpu_type_of(gres: str) -> str:
    """Return the type in ``gres:gpu:h100:2`` or ``gres/gpu:h100``; empty where none is asked for."""
    found = re.search(r"\bgpu:([a-z][a-z0-9_]*)", gres)
    return found[1] if found else ""
