"""Slurm's files for what a machine allows: facts in, text out."""

from __future__ import annotations

from pathlib import Path

import pytest

from single_machine.hardware import nodes
from single_machine.isolation import Cgroups, Isolation
from single_machine.slurm_files import cgroup_conf, gres_conf, job_container_conf, slurm_conf, slurmdbd_conf
from werkplaats_hub.instance import MARK, Instance

INSTANCE = Instance.beside(Path("/srv/w"), "wpfiles", 28000)


def keys(text: str) -> dict[str, str]:
    """Return the keys of a file; of a line for a node or partition, its name."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {line.partition("=")[0]: line.partition("=")[2] for line in lines}


def isolation(kind: Cgroups, own_mounts: bool = True, devices: bool = True) -> Isolation:
    """Return what a machine allows."""
    return Isolation(kind, own_mounts, devices, ())


def conf(found: Isolation) -> dict[str, str]:
    """Return the keys of slurm.conf."""
    return keys(slurm_conf(INSTANCE, nodes(INSTANCE, found.devices), found, "host"))


@pytest.mark.parametrize("kind", [Cgroups.V1, Cgroups.V2])
def test_a_machine_with_control_groups_is_fenced(kind: Cgroups) -> None:
    """Processes, memory and GPUs of a job are its own."""
    text = conf(isolation(kind))
    assert text["ProctrackType"] == "proctrack/cgroup"
    assert text["TaskPlugin"] == "task/cgroup"
    assert text["JobAcctGatherType"] == "jobacct_gather/cgroup"
    fences = keys(cgroup_conf(isolation(kind)))
    assert fences["CgroupPlugin"] == kind.value
    assert (fences["ConstrainDevices"], fences["ConstrainRAMSpace"]) == ("yes", "yes")
    assert ("CgroupMountpoint" in fences) == (kind is Cgroups.V1)


def test_a_machine_without_control_groups_still_runs_jobs() -> None:
    """The plugins that work everywhere, and no fence that slurmd would fail to build."""
    text = conf(isolation(Cgroups.NONE))
    assert text["ProctrackType"] == "proctrack/linuxproc"
    assert text["TaskPlugin"] == "task/none"
    assert text["JobAcctGatherType"] == "jobacct_gather/linux"
    assert not any(key.startswith("Constrain") for key in keys(cgroup_conf(isolation(Cgroups.NONE))))


@pytest.mark.parametrize("own_mounts", [True, False])
def test_own_mounts_only_where_they_can_be(own_mounts: bool) -> None:
    """A /tmp of its own for each job, where the machine has mount namespaces."""
    text = conf(isolation(Cgroups.V1, own_mounts=own_mounts))
    assert ("JobContainerType" in text) == ("PrologFlags" in text) == own_mounts


def test_every_daemon_listens_on_loopback() -> None:
    """Nothing of this Slurm can be reached from another machine."""
    text = conf(isolation(Cgroups.V1))
    assert text["CommunicationParameters"] == "NoInAddrAny,NoCtldInAddrAny"
    assert text["SlurmctldHost"] == "host(127.0.0.1)"
    assert text["AccountingStorageHost"] == "127.0.0.1"
    database = keys(slurmdbd_conf(INSTANCE, "x"))
    assert database["DbdAddr"] == "127.0.0.1"
    assert database["StorageHost"] == "localhost", "for MariaDB's library: a socket"
    assert "StoragePort" not in database
    assert database["CommunicationParameters"] == "NoInAddrAny"


def test_slurm_itself_keeps_the_limits_and_the_secrets() -> None:
    """Limits hold for a plain sbatch too, budgets are not refilled, and jobs are hidden from others."""
    text = conf(isolation(Cgroups.V1))
    assert set(text["AccountingStorageEnforce"].split(",")) == {"associations", "limits", "qos", "safe"}
    assert text["AccountingStorageTRES"] == "gres/gpu"
    assert text["PriorityDecayHalfLife"] == "0"
    assert {"jobs", "usage", "users"} <= set(text["PrivateData"].split(","))
    assert text["DefMemPerCPU"] == "1024", "a job that names no memory must not take the whole node's"


def test_four_nodes_of_four_gpus() -> None:
    """Each virtual node has its own name and port, and the sizes that the documentation promises."""
    found = nodes(INSTANCE, devices=True)
    lines = [
        line
        for line in slurm_conf(INSTANCE, found, isolation(Cgroups.V1), "host").splitlines()
        if line.startswith("NodeName=")
    ]
    assert len(lines) == 4
    assert all("CPUs=16 RealMemory=65536 Gres=gpu:virtual:4" in line for line in lines)
    assert len({line.split("Port=")[1].split()[0] for line in lines}) == 4
    assert [line.split()[0] for line in lines] == [f"NodeName=wpfiles-n{n}" for n in (1, 2, 3, 4)]
    assert len([line for line in gres_conf(found).splitlines() if line.startswith("NodeName=")]) == 16


def test_every_path_and_port_is_the_instances_own() -> None:
    """Nothing of the machine's own Slurm is named in another instance's files."""
    found = isolation(Cgroups.V1)
    texts = [
        slurm_conf(INSTANCE, nodes(INSTANCE, True), found, "host"),
        gres_conf(nodes(INSTANCE, True)),
        job_container_conf(INSTANCE),
        slurmdbd_conf(INSTANCE, "x"),
    ]
    default = Instance()
    for text in texts:
        for foreign in (default.state, default.run, default.logs, default.slurm):
            assert str(foreign) not in text
        for port in (
            default.port_slurmctld,
            default.port_slurmdbd,
            default.port_slurmd,
        ):
            assert str(port) not in text
    assert conf(found)["ClusterName"] == "wpfiles"


def test_the_same_facts_give_the_same_text() -> None:
    """A second `make up` finds nothing new, and restarts nothing."""
    found = isolation(Cgroups.V2)
    once, twice = (slurm_conf(INSTANCE, nodes(INSTANCE, True), found, "host") for _ in range(2))
    assert once == twice
    assert once.startswith(MARK)


def test_slurm_reads_no_key_twice() -> None:
    """A key that stands twice would quietly win over the first."""
    lines = slurm_conf(INSTANCE, nodes(INSTANCE, True), isolation(Cgroups.V1), "host").splitlines()
    names = [line.partition("=")[0] for line in lines if not line.startswith(("#", "NodeName="))]
    assert len(names) == len(set(names))
