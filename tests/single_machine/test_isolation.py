"""What a machine allows is found by trying, on trees as they are mounted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from single_machine import isolation
from single_machine.isolation import Cgroups

needs_v2_plugin = pytest.mark.skipif(
    not any(Path("/usr/lib").glob("*/slurm*/cgroup_v2.so")), reason="Slurm has no cgroup/v2 plugin here"
)


def v1(root: Path, *controllers: str) -> Path:
    """Make a tree as control groups of version 1 are mounted."""
    for name in controllers:
        (root / name).mkdir(parents=True)
        (root / name / "cgroup.procs").touch()
    return root


def v2(root: Path, controllers: str) -> Path:
    """Make a tree as the unified hierarchy is mounted."""
    root.mkdir(exist_ok=True)
    (root / "cgroup.controllers").write_text(controllers + "\n")
    (root / "cgroup.procs").touch()
    return root


def test_version_1_with_every_controller(tmp_path: Path) -> None:
    """With the four controllers that Slurm's plugin needs, version 1 is used, and the trial is cleaned up."""
    root = v1(tmp_path, "freezer", "memory", "devices", "cpuset", "cpu")
    assert isolation._cgroups(root, False) == (Cgroups.V1, "")
    assert not list(root.glob("*/werkplaats-trial-*"))


@pytest.mark.parametrize("lacking", ["freezer", "memory", "devices", "cpuset"])
def test_version_1_that_lacks_a_controller(tmp_path: Path, lacking: str) -> None:
    """Three of four fence nothing whole: there are none then, and the sentence says what is needed."""
    root = v1(tmp_path, *({"freezer", "memory", "devices", "cpuset"} - {lacking}))
    kind, why = isolation._cgroups(root, False)
    assert kind is Cgroups.NONE
    assert lacking in why


@needs_v2_plugin
def test_the_unified_hierarchy(tmp_path: Path) -> None:
    """With cpuset and memory handed to it, version 2 is used."""
    root = v2(tmp_path, "cpuset cpu io memory hugetlb pids")
    assert isolation._cgroups(root, False)[0] is Cgroups.V2
    assert not list(root.rglob("werkplaats-trial-*"))


@needs_v2_plugin
@pytest.mark.parametrize(
    ("have", "lacking"),
    [("cpu io pids", "cpuset, memory"), ("memory", "cpuset"), ("cpuset", "memory"), ("", "memory")],
)
def test_the_unified_hierarchy_that_lacks_a_controller(tmp_path: Path, have: str, lacking: str) -> None:
    """What a container was not handed is named."""
    kind, why = isolation._cgroups(v2(tmp_path, have), False)
    assert kind is Cgroups.NONE
    assert lacking in why


def test_nothing_mounted(tmp_path: Path) -> None:
    """A machine without control groups is told apart, and not taken for an error."""
    kind, why = isolation._cgroups(tmp_path / "absent", False)
    assert kind is Cgroups.NONE
    assert str(tmp_path) in why


def test_mounted_but_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen is not enough: in a container the tree may be there and refuse a group. It is tried."""

    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        raise OSError(30, "Read-only file system")

    root = v1(tmp_path, "freezer", "memory", "devices", "cpuset")
    monkeypatch.setattr(Path, "mkdir", refuse)
    kind, why = isolation._cgroups(root, False)
    assert kind is Cgroups.NONE
    assert why.endswith("cannot be written: Read-only file system")


def test_each_missing_fence_has_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever brings the machine up reads what does not hold there, and what that means."""
    monkeypatch.setattr(isolation, "_why_no_own_mounts", lambda: "because of a test")
    monkeypatch.setattr(isolation, "_can_make_devices", lambda: False)
    monkeypatch.setattr(isolation, "_address", lambda name: "10.0.0.7")
    found = isolation.find(tmp_path / "absent")
    assert (found.cgroups, found.own_mounts, found.devices, found.loopback) == (
        Cgroups.NONE,
        False,
        False,
        False,
    )
    assert len(found.missing) == 4
    assert all(sentence.endswith(".") and len(sentence) > 60 for sentence in found.missing)
    assert "because of a test" in found.missing[1]


def test_an_operator_says_that_jobs_have_no_mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried then, and the note names who said so."""
    monkeypatch.setattr(isolation, "_why_no_own_mounts", lambda: "")
    assert isolation.find(tmp_path / "absent").own_mounts
    found = isolation.find(tmp_path / "absent", job_mounts=False)
    assert not found.own_mounts
    assert any("WERKPLAATS_JOB_MOUNTS=no" in sentence for sentence in found.missing)


def test_nothing_missing_is_nothing_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that allows everything gets no notes."""
    monkeypatch.setattr(isolation, "_why_no_own_mounts", lambda: "")
    monkeypatch.setattr(isolation, "_can_make_devices", lambda: True)
    monkeypatch.setattr(isolation, "_address", lambda name: "127.0.0.1")
    assert isolation.find(v1(tmp_path, "freezer", "memory", "devices", "cpuset")).missing == ()


def test_trying_leaves_nothing_behind() -> None:
    """The trial device is taken away, whether it could be made or not."""
    isolation._can_make_devices()
    assert not list(Path("/var/lib").glob(f".werkplaats-trial-{os.getpid()}"))
