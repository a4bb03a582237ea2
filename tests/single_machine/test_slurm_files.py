"""Slurm's files for what a machine allows: facts in, text out."""

from __future__ import annotations

from pathlib import Path

import pytest

from single_machine.hardware import nodes
from single_machine.isolation import Cgroups, Isolation
from single_machine.slurm_files import (
    cgroup_conf,
    gres_conf,
    job_container_conf,
    job_submit_lua,
    slurm_conf,
    slurmdbd_conf,
)
from werkplaats_hub import facility as facilities
from werkplaats_hub.facility import Budgets, Facility, Partitions
from werkplaats_hub.instance import MARK, Instance
from werkplaats_hub.streams import settings

INSTANCE = Instance.beside(Path("/srv/w"), "wpfiles", 28000)
FACILITY = facilities.read(Path(__file__).parents[2] / "hub_config/facility.toml")


def keys(text: str) -> dict[str, str]:
    """Return the keys of a file; of a line for a node or partition, its name."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {line.partition("=")[0]: line.partition("=")[2] for line in lines}


def isolation(kind: Cgroups, own_mounts: bool = True, devices: bool = True) -> Isolation:
    """Return what a machine allows."""
    return Isolation(kind, own_mounts, devices, ())


def text_of(found: Isolation, facility: Facility = FACILITY) -> str:
    """Return slurm.conf."""
    return slurm_conf(INSTANCE, nodes(INSTANCE, found.devices), found, "host", facility)


def conf(found: Isolation) -> dict[str, str]:
    """Return the keys of slurm.conf."""
    return keys(text_of(found))


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


def lines_of(text: str, key: str) -> list[str]:
    """Return the lines of one key."""
    return [line for line in text.splitlines() if line.startswith(f"{key}=")]


def test_four_nodes_of_four_gpus_and_one_of_none() -> None:
    """Each virtual node has its own name and port, and the sizes that the documentation promises."""
    found = nodes(INSTANCE, devices=True)
    lines = lines_of(text_of(isolation(Cgroups.V1)), "NodeName")
    assert len(lines) == 5
    assert all("CPUs=16 RealMemory=65536 Gres=gpu:virtual:4" in line for line in lines[:4])
    assert "CPUs=64 RealMemory=131072 State=UNKNOWN" in lines[4]
    assert "Gres=" not in lines[4]
    assert len({line.split("Port=")[1].split()[0] for line in lines}) == 5
    names = [line.split()[0].removeprefix("NodeName=") for line in lines]
    assert names == [*(f"wpfiles-n{n}" for n in (1, 2, 3, 4)), "wpfiles-ncpu1"]
    devices = lines_of(gres_conf(found), "NodeName")
    assert len(devices) == 16
    assert not any("cpu1" in line for line in devices)


def test_two_partitions_without_a_node_in_common() -> None:
    """Work without a GPU never keeps one waiting; the partition with GPUs takes nothing else."""
    gpu, cpu = lines_of(text_of(isolation(Cgroups.V1)), "PartitionName")
    assert gpu == (
        "PartitionName=gpu Nodes=wpfiles-n1,wpfiles-n2,wpfiles-n3,wpfiles-n4 Default=YES "
        'MaxTime=7-00:00:00 State=UP QOS=with-gpu TRESBillingWeights="CPU=250,Mem=62.5G,GRES/gpu=1000"'
    )
    assert cpu == (
        "PartitionName=cpu Nodes=wpfiles-ncpu1 MaxTime=7-00:00:00 State=UP QOS=without-gpu "
        'TRESBillingWeights="CPU=0"'
    )


def test_the_partitions_are_the_facilitys() -> None:
    """Their names, and what goes with a GPU, are the operator's to say."""
    own = Partitions(gpu="fast", cpu="rest", cpus_per_gpu=8, memory_gb_per_gpu=100)
    text = text_of(isolation(Cgroups.V1), FACILITY.model_copy(update={"partitions": own}))
    fast, rest = lines_of(text, "PartitionName")
    assert fast.startswith("PartitionName=fast ")
    assert rest.startswith("PartitionName=rest ")
    assert 'TRESBillingWeights="CPU=125,Mem=10G,GRES/gpu=1000"' in fast


def test_the_period_is_the_facilitys() -> None:
    """Slurm forgets what was used when the facility's budgets begin anew, and at no other time."""
    yearly = FACILITY.model_copy(update={"budgets": Budgets(period="yearly")})
    assert keys(text_of(isolation(Cgroups.V1), yearly))["PriorityUsageResetPeriod"] == "YEARLY"
    assert conf(isolation(Cgroups.V1))["PriorityUsageResetPeriod"] == "MONTHLY"


def test_borrowers_are_warned_and_then_ended() -> None:
    """Preemption by QOS, with a signal to the batch script first, and an end soon after the notice."""
    text = conf(isolation(Cgroups.V1))
    assert (text["PreemptType"], text["PreemptMode"]) == ("preempt/qos", "CANCEL")
    assert "preempt_send_user_signal" in text["SlurmctldParameters"].split(",")
    late = 2 * int(text["KillWait"]) + int(text["MessageTimeout"]) + 2
    assert late <= settings.SECONDS_AFTER_NOTICE
    assert {"sched_interval=1", "preempt_youngest_first"} <= set(text["SchedulerParameters"].split(","))
    assert text["JobSubmitPlugins"] == "lua"


def test_what_is_written_is_what_is_looked_for() -> None:
    """No fault is found in a controller that runs by this file: writer and checker agree."""
    own = Partitions(gpu="fast", cpu="rest", cpus_per_gpu=3, memory_gb_per_gpu=7)
    facility = FACILITY.model_copy(update={"partitions": own, "budgets": Budgets(period="quarterly")})
    text = text_of(isolation(Cgroups.V1), facility)
    shown = text.replace("PriorityDecayHalfLife=0\n", "PriorityDecayHalfLife=00:00:00\n")
    partitions = "\n".join(lines_of(text, "PartitionName")).replace('"', "").replace("QOS=", "QoS=")
    assert settings.faults(facility, lambda argv: partitions if "partitions" in argv else shown) == []


def test_every_path_and_port_is_the_instances_own() -> None:
    """Nothing of the machine's own Slurm is named in another instance's files."""
    found = isolation(Cgroups.V1)
    texts = [
        text_of(found),
        job_submit_lua(FACILITY),
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
    once, twice = (text_of(found) for _ in range(2))
    assert once == twice
    assert once.startswith(MARK)


def test_slurm_reads_no_key_twice() -> None:
    """A key that stands twice would quietly win over the first."""
    lines = text_of(isolation(Cgroups.V1)).splitlines()
    several = ("#", "NodeName=", "PartitionName=")
    names = [line.partition("=")[0] for line in lines if not line.startswith(several)]
    assert len(names) == len(set(names))
