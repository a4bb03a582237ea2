"""The cluster's nodes: which GPUs are free, and which are not to be had although nobody has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from werkplaats_spawners.nodes import FreeGpus, Node, free_gpus, parse_nodes, read_nodes, show_nodes

RECORDED = (Path(__file__).parent / "recorded" / "sinfo.txt").read_text()


def line(
    name: str = "gpu1", state: str = "mix", gres: str = "gpu:h100:4", used: str = "gpu:h100:1(IDX:0)"
) -> str:
    """Return a line of sinfo, padded as Slurm pads it."""
    return f"{name:128}|{'10.0.0.1':256}|{state:32}|{gres:512}|{used:1024}|\n"


def test_the_command() -> None:
    """One question for addresses, states and GPUs; no field that a user may write."""
    assert show_nodes() == [
        "sinfo", "--noheader", "--Node",
        "--Format=NodeList:128|,NodeAddr:256|,StateCompact:32|,Gres:512|,GresUsed:1024|",
    ]  # fmt: skip


def test_a_recorded_cluster() -> None:
    """A real listing: each node's address, and what it has."""
    nodes = {node.name: node for node in parse_nodes(RECORDED)}
    assert set(nodes) == {"gpu1", "gpu2", "gpu3", "gpu4", "cpu1"}
    assert {node.address for node in nodes.values()} == {"127.0.0.1"}
    assert nodes["gpu1"] == Node("gpu1", "127.0.0.1", "idle", {"virtual": 4})
    assert nodes["cpu1"].gpus == {}
    assert free_gpus(nodes.values()) == FreeGpus({"virtual": (16, 16)}, most=4)


@pytest.mark.parametrize(
    ("gres", "used", "free"),
    [
        ("gpu:h100:4", "gpu:h100:1(IDX:0)", {"h100": 3}),
        ("gpu:h100:4(S:0-1)", "gpu:h100:4(IDX:0-3)", {"h100": 0}),
        ("gpu:h100:2(S:0),gpu:a100:6(S:1)", "gpu:h100:1(IDX:1),gpu:a100:2(IDX:3,5)", {"h100": 1, "a100": 4}),
        ("gpu:4", "gpu:1(IDX:0)", {"": 3}),
        ("gpu:virtual:4", "gpu:virtual:0(IDX:N/A)", {"virtual": 4}),
        ("craynetwork:4,gpu:2", "craynetwork:0,gpu:0", {"": 2}),
        ("(null)", "gpu:0", {}),
        ("mps:100", "mps:0", {}),
    ],
)
def test_gpus_by_type(gres: str, used: str, free: dict[str, int]) -> None:
    """As Slurm writes them: with sockets and index numbers, with a type and without, beside others."""
    (node,) = parse_nodes(line(gres=gres, used=used))
    assert node.free == free


#: Of sinfo(1), NODE STATE CODES, and the suffixes that go with them.
TAKES = ["idle", "mix", "alloc", "comp", "plnd", "idle-", "mix-"]
TAKES_NOT = [
    "drain", "drng", "drain*", "down", "down*", "idle*", "mix*", "fail", "failg", "maint", "resv", "boot",
    "idle~", "idle#", "idle%", "idle!", "idle$", "idle@", "idle^", "alloc*", "pow_dn", "pow_up", "futr",
    "unk", "unk*", "inval", "npc", "blocked", "",
]  # fmt: skip


@pytest.mark.parametrize("state", TAKES)
def test_a_node_that_takes_work(state: str) -> None:
    """What is idle or partly in use has GPUs for the next."""
    assert parse_nodes(line(state=state))[0].free == {"h100": 3}


@pytest.mark.parametrize("state", TAKES_NOT)
def test_a_node_that_does_not(state: str) -> None:
    """Drained, down, silent, switched off or kept: its GPUs are not free, nor counted in the whole."""
    node = parse_nodes(line(state=state))[0]
    assert not node.takes_work
    assert free_gpus([node]) == FreeGpus({}, 0)


def test_what_is_free_in_all() -> None:
    """By type over all nodes, and the most on one: a server's GPUs are of one machine."""
    text = (
        line("gpu1", used="gpu:h100:3(IDX:0-2)")
        + line("gpu2", "drain", used="gpu:h100:0(IDX:N/A)")
        + line("gpu3", used="gpu:h100:2(IDX:0-1)")
        + line("gpu4", "idle", "gpu:a100:8", "gpu:a100:7(IDX:0-6)")
    )
    free = free_gpus(parse_nodes(text))
    assert free.by_type == {"a100": (1, 8), "h100": (3, 8)}
    assert (free.number, free.most) == (4, 2)


def test_a_node_of_two_partitions_is_one() -> None:
    """There is a line for each partition; GPUs are counted once."""
    assert free_gpus(parse_nodes(line() + line())).number == 3


def test_more_in_use_than_there_is() -> None:
    """A node that lost a GPU while it was in use has none to give, and no fewer than none."""
    assert parse_nodes(line(gres="gpu:h100:2", used="gpu:h100:3(IDX:0-2)"))[0].free == {"h100": 0}


@pytest.mark.parametrize("text", ["", "|", "gpu1", "a|b|c|d", "a|b|c|d|e|f|g", "sinfo: error: x"])
def test_lines_that_are_no_node_are_passed_over(text: str) -> None:
    """A truncated or foreign line is no node."""
    assert [node.name for node in parse_nodes(f"{text}\n{line()}")] == ["gpu1"]


def test_nodes_come_through_the_socket() -> None:
    """What the publisher writes as JSON is what is read back."""
    rows = [{"name": "a", "address": "b", "state": "idle", "gpus": {"x": 1}, "used": {}}]
    assert read_nodes(rows) == (Node("a", "b", "idle", {"x": 1}),)
