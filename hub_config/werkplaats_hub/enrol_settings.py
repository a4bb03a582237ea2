"""What *enrol* may do, from the facility: where people are kept, and what a newcomer gets in Slurm."""

from __future__ import annotations

from werkplaats_hub.facility import Facility
from werkplaats_hub.instance import Instance
from werkplaats_hub.streams.desired import first_steps
from werkplaats_spawners.enrol.people import Place
from werkplaats_spawners.enrol.settings import Settings
from werkplaats_spawners.offer import FIRST_STEPS


def enrol_settings(instance: Instance, facility: Facility) -> Settings | None:
    """Return the settings that root lays down for *enrol*; none where newcomers get nothing."""
    if facility.first_steps is None:
        return None
    return Settings(
        slurm_conf=str(instance.slurm_conf),
        cluster=instance.cluster,
        account=FIRST_STEPS,
        limits=dict(first_steps(facility.first_steps)),
        place=place(instance),
        newcomers_per_day=facility.first_steps.newcomers_per_day,
    )


def place(instance: Instance) -> Place:
    """Return where an instance keeps its people."""
    return Place(
        group=instance.people,
        mark=instance.mark,
        homes=str(instance.homes),
        logs=str(instance.job_logs),
        lock=str(instance.run / "enrol.lock"),
    )
