"""Take an instance away whole, for tests and benchmarks; the machine's own keeps its work and people."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from single_machine import accounts
from single_machine.console import Console
from single_machine.down import down
from werkplaats_hub.instance import Instance


def remove(console: Console, instance: Instance, people: Iterable[str]) -> None:
    """Stop an instance and remove what it made outside its folders.

    Raises
    ------
    ValueError
        For the machine's own instance.
    """
    if instance.default:
        raise ValueError("the machine's own instance is not taken away")
    down(instance, console)
    accounts.remove(console, instance, people)
    shutil.rmtree(instance.homes, ignore_errors=True)
    _remove_control_groups(instance)


def _remove_control_groups(instance: Instance) -> None:
    """Take away the empty control groups that Slurm leaves behind for each node."""
    for group in Path("/sys/fs/cgroup").glob(f"**/slurm_{instance.node_prefix}[0-9]*"):
        for folder, _, _ in os.walk(group, topdown=False):
            with suppress(OSError):  # another walk took it, or a process is still leaving it
                os.rmdir(folder)
