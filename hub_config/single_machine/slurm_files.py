"""Slurm's configuration files, written for what the machine allows. Pure: facts in, text out."""

from __future__ import annotations

from collections.abc import Iterable

from single_machine.hardware import Node
from single_machine.isolation import Cgroups, Isolation
from werkplaats_hub.instance import MARK, Instance


def slurm_conf(instance: Instance, nodes: Iterable[Node], isolation: Isolation, host: str) -> str:
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
        "PriorityDecayHalfLife=0",
        "PriorityUsageResetPeriod=MONTHLY",
        "SchedulerType=sched/backfill",
        "SchedulerParameters=batch_sched_delay=0,bf_interval=10,sched_min_interval=10000",
        "GresTypes=gpu",
        "MpiDefault=none",
        "ReturnToService=2",
        "KillWait=10",
        "MessageTimeout=10",
        "SlurmctldTimeout=60",
        "SlurmdTimeout=60",
        "MailProg=/bin/true",
    ]
    if isolation.own_mounts:
        lines += ["JobContainerType=job_container/tmpfs", "PrologFlags=contain"]
    all_nodes = list(nodes)
    for node in all_nodes:
        lines.append(
            f"NodeName={node.name} NodeHostname={host} NodeAddr=127.0.0.1 Port={node.port} "
            f"CPUs={node.cpus} RealMemory={node.memory_mb} Gres=gpu:{node.gpu_type}:{len(node.gpus)} "
            "State=UNKNOWN"
        )
    names = ",".join(node.name for node in all_nodes)
    lines.append(f"PartitionName=main Nodes={names} Default=YES MaxTime=7-00:00:00 State=UP")
    return _text(lines)


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
    return _text(["AutoBasePath=true", f"BasePath={instance.state}/job-container"])


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
