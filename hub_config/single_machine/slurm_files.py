"""Slurm's configuration files, written for what the machine allows. Pure: facts in, text out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files as resources
from typing import Final

from single_machine.hardware import Node
from single_machine.isolation import Cgroups, Isolation
from werkplaats_hub.facility import Facility
from werkplaats_hub.instance import MARK, Instance
from werkplaats_hub.streams.settings import billing_weights, written
from werkplaats_spawners.offer import WITH_GPU, WITHOUT_GPU


def slurm_conf(
    instance: Instance, nodes: Iterable[Node], isolation: Isolation, host: str, facility: Facility
) -> str:
    """Return ``slurm.conf``.

    Accounting is enforced (*safe*: a job that its budget cannot cover does not start), jobs are
    hidden from others, and every daemon listens on loopback only, where the machine's name allows it.
    Every key is known to Slurm 21.08, 22.05, 23.11 and 24.11: one that is not would keep it from starting.
    """
    fenced = isolation.cgroups is not Cgroups.NONE
    plugin = "cgroup" if fenced else "linuxproc"
    state, run, logs = instance.state / "slurm", instance.run / "slurm", instance.logs
    lines = [
        f"ClusterName={instance.cluster}",
        f"SlurmctldHost={host}(127.0.0.1)",
        # They bind to what the machine's name means. Another loopback address would not do: slurmdbd
        # reports changes to where slurmctld's connections come from, and that is 127.0.0.1.
        *(["CommunicationParameters=NoInAddrAny,NoCtldInAddrAny"] if isolation.loopback else []),
        "SlurmUser=slurm",
        f"SlurmctldPort={instance.port_slurmctld}",
        f"SlurmctldPidFile={run}/slurmctld.pid",
        f"SlurmctldLogFile={logs}/slurmctld.log",
        f"StateSaveLocation={state}/ctld",
        f"SlurmdSpoolDir={state}/spool-%n",
        f"SlurmdPidFile={run}/slurmd-%n.pid",
        f"SlurmdLogFile={logs}/slurmd-%n.log",
        "SlurmdParameters=config_overrides",
        "AuthType=auth/munge",
        f"AuthInfo=socket={instance.munge_socket}",
        "PrivateData=jobs,usage,users",
        "AccountingStorageType=accounting_storage/slurmdbd",
        "AccountingStorageHost=127.0.0.1",
        f"AccountingStoragePort={instance.port_slurmdbd}",
        # For auth/munge this "password" is the socket of munged, as AuthInfo is elsewhere.
        f"AccountingStoragePass={instance.munge_socket}",
        "AccountingStorageEnforce=associations,limits,qos,safe",
        "AccountingStorageTRES=gres/gpu",
        "AccountingStoreFlags=job_comment",
        # What no node or partition can ever give is refused, instead of waiting for ever.
        "EnforcePartLimits=ALL",
        f"JobAcctGatherType=jobacct_gather/{plugin if fenced else 'linux'}",
        f"ProctrackType=proctrack/{plugin}",
        f"TaskPlugin=task/{'cgroup' if fenced else 'none'}",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_Core_Memory",
        "DefMemPerCPU=1024",
        "PriorityType=priority/multifactor",
        # A budget is spent, and does not come back until the period ends.
        "PriorityDecayHalfLife=0",
        f"PriorityUsageResetPeriod={facility.budgets.period.upper()}",
        "PriorityCalcPeriod=1",
        "PriorityWeightQOS=100000",
        "PriorityWeightAge=1000",
        # A job is billed for the largest part that it takes of what goes with a GPU.
        "PriorityFlags=MAX_TRES",
        "PreemptType=preempt/qos",
        "PreemptMode=CANCEL",
        "SlurmctldParameters=preempt_send_user_signal",
        "SchedulerType=sched/backfill",
        f"SchedulerParameters={','.join(_SCHEDULER)}",
        "JobSubmitPlugins=lua",
        "GresTypes=gpu",
        "MpiDefault=none",
        "ReturnToService=2",
        # Together they decide how long a borrower that ignores its notice can stay (docs/decisions/0014).
        "KillWait=3",
        "MessageTimeout=6",
        "SlurmctldTimeout=60",
        "SlurmdTimeout=60",
        "MailProg=/bin/true",
    ]
    if isolation.own_mounts:
        lines += ["JobContainerType=job_container/tmpfs", "PrologFlags=contain"]
    all_nodes = list(nodes)
    for node in all_nodes:
        gpus = f"Gres=gpu:{node.gpu_type}:{len(node.gpus)} " if node.gpus else ""
        lines.append(
            f"NodeName={node.name} NodeHostname={host} NodeAddr=127.0.0.1 Port={node.port} "
            f"CPUs={node.cpus} RealMemory={node.memory_mb} {gpus}State=UNKNOWN"
        )
    return _text([*lines, *_partitions(all_nodes, facility)])


#: `batch_sched_delay`, `sched_min_interval`, `sched_interval`: a job that can start does so at once, and a
#: borrower whose notice is over is looked at every second. `preempt_youngest_first`: who borrowed
#: last has lost least. `bf_busy_nodes`: nodes are filled up, so that some stay whole for those
#: who need several GPUs of one.
_SCHEDULER: Final = (
    "batch_sched_delay=0",
    "sched_min_interval=10000",
    "sched_interval=1",
    "bf_interval=10",
    "bf_busy_nodes",
    "preempt_youngest_first",
    "preempt_strict_order",
)


def _partitions(nodes: Iterable[Node], facility: Facility) -> Iterator[str]:
    """Yield the two partitions: with GPUs, and for the rest; they have no core in common."""
    all_nodes, names = list(nodes), facility.partitions
    usual = "MaxTime=7-00:00:00 State=UP"
    weights = written(billing_weights(facility))
    with_gpus = ",".join(node.name for node in all_nodes if node.gpus)
    without = ",".join(node.name for node in all_nodes if not node.gpus)
    yield (
        f"PartitionName={names.gpu} Nodes={with_gpus} Default=YES {usual} QOS={WITH_GPU} "
        f'TRESBillingWeights="{weights}"'
    )
    yield (f'PartitionName={names.cpu} Nodes={without} {usual} QOS={WITHOUT_GPU} TRESBillingWeights="CPU=0"')


def job_submit_lua(facility: Facility) -> str:
    """Return the script that sends a job which names no partition to the one that suits it."""
    script = resources("single_machine").joinpath("job_submit.lua").read_text()
    return script.replace('"cpu"', f'"{facility.partitions.cpu}"')


def gres_conf(nodes: Iterable[Node]) -> str:
    """Return ``gres.conf``: which device file is which GPU."""
    return _text(
        f"NodeName={node.name} Name=gpu Type={node.gpu_type} File={gpu}"
        for node in nodes
        for gpu in node.gpus
    )


def cgroup_conf(isolation: Isolation) -> str:
    """Return ``cgroup.conf``: a job has its own memory and GPUs, and no others."""
    if isolation.cgroups is Cgroups.NONE:
        # slurmd looks for control groups unless told of a kind, and does not start without. Before
        # 24.05 "disabled" is unknown; the v1 plugin then touches nothing that nobody asks it for.
        return _text([f"CgroupPlugin={'disabled' if isolation.slurm >= (24, 5) else 'cgroup/v1'}"])
    lines = [
        f"CgroupPlugin={isolation.cgroups.value}",
        # Without device nodes of our own the virtual GPUs are stand-ins that every job needs.
        f"ConstrainDevices={'yes' if isolation.devices else 'no'}",
        "ConstrainRAMSpace=yes",
        # Virtual nodes claim more cores than there are: there is nothing to bind to.
        "ConstrainCores=no",
    ]
    if isolation.cgroups is Cgroups.V1:
        lines.append("CgroupMountpoint=/sys/fs/cgroup")
    elif not isolation.systemd:
        # Nobody hands out controllers: Slurm does so itself. The key was renamed in 23.02.
        enable = "EnableControllers" if isolation.slurm >= (23, 2) else "CgroupAutomount"
        lines += ["IgnoreSystemd=yes", f"{enable}=yes"]
    return _text(lines)


def job_container_conf(instance: Instance) -> str:
    """Return ``job_container.conf``: where each job's own /tmp comes from."""
    return _text(["AutoBasePath=true", f"BasePath={instance.job_containers}"])


def slurmdbd_conf(instance: Instance, password: str, loopback: bool = True) -> str:
    """Return ``slurmdbd.conf``; it holds the database's password, so only Slurm's user reads it.

    Parameters
    ----------
    instance, password
        Whose, and of its database.
    loopback
        Whether it can listen on 127.0.0.1 alone (:class:`~single_machine.isolation.Isolation`).
    """
    return _text(
        [
            "AuthType=auth/munge",
            f"AuthInfo=socket={instance.munge_socket}",
            "DbdHost=localhost",
            "DbdAddr=127.0.0.1",
            f"DbdPort={instance.port_slurmdbd}",
            *(["CommunicationParameters=NoInAddrAny"] if loopback else []),
            "SlurmUser=slurm",
            "PrivateData=jobs,usage,users",
            f"LogFile={instance.logs}/slurmdbd.log",
            f"PidFile={instance.run}/slurm/slurmdbd.pid",
            "StorageType=accounting_storage/mysql",
            "StorageHost=localhost",
            "StorageUser=slurm",
            f"StoragePass={password}",
            "StorageLoc=slurm_acct_db",
        ]
    )


def _text(lines: Iterable[str]) -> str:
    return MARK + "".join(f"{line}\n" for line in lines)
