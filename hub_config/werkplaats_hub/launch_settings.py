"""What *launch* may do, from the facility: the sizes of servers, the partitions, the notice."""

from __future__ import annotations

from werkplaats_hub.facility import Facility
from werkplaats_hub.instance import Instance
from werkplaats_spawners.launch.settings import Settings, Size
from werkplaats_spawners.offer import LENT


def launch_settings(instance: Instance, facility: Facility) -> Settings:
    """Return the settings that root lays down for *launch*."""
    return Settings(
        slurm_conf=str(instance.slurm_conf),
        notebook=str(instance.notebook),
        logs=str(instance.job_logs),
        flavours={f.name: Size(f.cpus, f.memory_gb, f.gpus, f.max_hours * 60) for f in facility.flavours},
        gpu_partition=facility.partitions.gpu,
        cpu_partition=facility.partitions.cpu,
        lent_qos=LENT,
        notice_seconds=facility.lending.notice_seconds,
        desk_url=instance.desk_url,
        mounts_socket=str(instance.mounts_socket),
    )
