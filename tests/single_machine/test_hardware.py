"""The nodes of an instance, and the devices that stand for GPUs where there are none."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from single_machine import hardware
from single_machine.hardware import make_devices, nodes
from single_machine.isolation import _can_make_devices
from werkplaats_hub.instance import Instance

needs_mknod = pytest.mark.skipif(
    not _can_make_devices(), reason="no device nodes can be made on this machine"
)


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """An instance beside the machine's own."""
    return Instance.beside(tmp_path, "wphard", 28000)


def test_virtual_nodes(instance: Instance) -> None:
    """Four nodes of 16 CPUs, 64 GB and four GPUs, and one without GPUs, each with a port of its own."""
    found = nodes(instance, devices=True)
    sizes = [(node.cpus, node.memory_mb, len(node.gpus)) for node in found]
    assert sizes == [*[(16, 65536, 4)] * 4, (64, 131072, 0)]
    assert len({node.port for node in found}) == len({node.name for node in found}) == 5
    assert all(28000 <= node.port < 28040 for node in found)
    gpus = [gpu for node in found for gpu in node.gpus]
    assert len(set(gpus)) == 16
    assert {gpu.parent for gpu in gpus} == {instance.state / "gpus"}


def test_where_no_devices_can_be_made_existing_ones_are_counted(instance: Instance) -> None:
    """Slurm needs files that exist and are devices; nothing is fenced by them."""
    *with_gpus, aside = nodes(instance, devices=False)
    assert aside.gpus == ()
    for node in with_gpus:
        assert len(node.gpus) == len(set(node.gpus)) == 4
        assert all(path.is_char_device() for path in node.gpus)


def test_another_instance_never_takes_the_machines_gpus(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real GPUs are the default instance's alone; a test beside it has virtual ones."""
    real = [Path(f"/dev/nvidia{n}") for n in (10, 2, 0)]
    monkeypatch.setattr(hardware.Path, "glob", lambda self, pattern: iter(real))
    assert {node.gpu_type for node in nodes(instance, devices=True) if node.gpus} == {"virtual"}
    monkeypatch.setattr(hardware, "_gpu_type", lambda: "h200")
    node, aside = nodes(Instance(), devices=True)
    assert node.gpus == tuple(reversed(real)), "in the order of their numbers"
    assert node.gpu_type == "h200"
    assert aside.gpus == ()


@pytest.mark.parametrize(
    ("cpus", "memory_mb", "sizes"),
    [
        (16, 128 * 1024, [(12, 98304), (4, 32768)]),
        (224, 2_000_000, [(168, 1_500_000), (56, 500_000)]),
        (7, 1001, [(6, 751), (1, 250)]),
        (1, 1000, [(1, 750), (1, 250)]),
    ],
)
def test_a_machine_with_gpus_sets_a_quarter_aside(
    cpus: int, memory_mb: int, sizes: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes that share no core and no memory; a machine of one processor still has both."""
    monkeypatch.setattr(hardware.Path, "glob", lambda self, pattern: iter([Path("/dev/nvidia0")]))
    monkeypatch.setattr(hardware, "_gpu_type", lambda: "h200")
    monkeypatch.setattr(hardware, "_memory_mb", lambda: memory_mb)
    monkeypatch.setattr(hardware.os, "cpu_count", lambda: cpus)
    found = nodes(Instance(), devices=True)
    assert [(node.cpus, node.memory_mb) for node in found] == sizes
    assert sum(node.memory_mb for node in found) == memory_mb
    assert [node.name for node in found] == ["gpu1", "cpu1"]
    assert len({node.port for node in found}) == 2


@needs_mknod
def test_each_virtual_gpu_is_a_device_of_its_own(instance: Instance) -> None:
    """A number shared with another device, or with each other, would be open to every job."""
    found = nodes(instance, devices=True)
    make_devices(found, instance.state / "gpus")
    status = [gpu.stat() for node in found for gpu in node.gpus]
    assert all(stat.S_ISCHR(each.st_mode) for each in status)
    numbers = {each.st_rdev for each in status}
    assert len(numbers) == 16
    (major,) = {os.major(number) for number in numbers}
    assert 240 <= major <= 254
    served = Path("/proc/devices").read_text().split("Block devices")[0]
    assert str(major) not in [line.split()[0] for line in served.splitlines() if line and line[0].isspace()]
    with pytest.raises(OSError, match="No such device"):
        found[0].gpus[0].open("rb")


@needs_mknod
def test_making_devices_again_changes_nothing_that_is_right(instance: Instance) -> None:
    """What is right stays, as jobs may hold it; a file or another device in its place is replaced."""
    found, folder = nodes(instance, devices=True), instance.state / "gpus"
    make_devices(found, folder)
    before = {gpu: gpu.stat().st_ino for node in found for gpu in node.gpus}
    first, second = found[0].gpus[:2]
    number = first.stat().st_rdev
    first.unlink()
    first.write_text("not a device")
    second.unlink()
    os.mknod(second, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    make_devices(found, folder)
    assert first.stat().st_rdev == number
    assert second.stat().st_rdev == os.makedev(os.major(number), os.minor(number) + 1)
    after = {gpu: gpu.stat().st_ino for node in found for gpu in node.gpus}
    assert {gpu for gpu in before if before[gpu] != after[gpu]} <= {first, second}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("NVIDIA H200", "h200"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA A100-SXM4-40GB", "a100"),
        ("Tesla T4", "t4"),
        ("NVIDIA GeForce RTX 4090", "gpu"),
        ("Quadro", "gpu"),
    ],
)
def test_the_kind_of_a_gpu_is_one_word(
    said: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nvidia-smi prints becomes a word that a GRES takes; without one it is ``gpu``."""
    smi = tmp_path / "nvidia-smi"
    smi.write_text(f"#!/bin/sh\necho '{said}'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert hardware._gpu_type() == expected


@pytest.mark.parametrize("code", ["exit 9", ":"])
def test_a_driver_that_does_not_answer(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that fails, or says nothing, is no reason to fail: the kind is then ``gpu``."""
    smi = tmp_path / "nvidia-smi"
    smi.write_text(f"#!/bin/sh\n{code}\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert hardware._gpu_type() == "gpu"
