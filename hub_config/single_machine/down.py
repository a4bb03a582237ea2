"""``make down``: stop what ``make up`` started; work and accounts stay."""

from __future__ import annotations

import subprocess

from single_machine.console import Console
from single_machine.services import Supervisor
from werkplaats_hub.instance import Instance


def down(instance: Instance, console: Console) -> None:
    """End the jobs of this instance's Slurm, then every service, then the supervisor."""
    supervisor = Supervisor(console, instance)
    with console.step("Ending people's servers"):
        if supervisor.alive() and supervisor.running("slurmctld"):
            _end_jobs(console, instance)
    with console.step("Stopping the services"):
        supervisor.shutdown()


def _end_jobs(console: Console, instance: Instance) -> None:
    for person in _owners(instance):
        subprocess.run(["scancel", f"--user={person}"], env=instance.environment, check=False)
    console.until(
        lambda: not _owners(instance),
        within=60,
        wrong="jobs of Slurm do not end",
        mend="look with `squeue` which; then run `make down` again",
    )


def _owners(instance: Instance) -> list[str]:
    asked = ["squeue", "--noheader", "--format=%u"]
    listed = subprocess.run(asked, env=instance.environment, capture_output=True, text=True, check=False)
    return sorted(set(listed.stdout.split()))
