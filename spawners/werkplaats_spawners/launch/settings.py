"""What root has laid down for *launch*: where things are, and the sizes of the flavours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from werkplaats_spawners import trusted


@dataclass(frozen=True)
class Size:
    """What one flavour asks of Slurm; `max_minutes` is its longest session."""

    cpus: int
    memory_gb: int
    gpus: int
    max_minutes: int


@dataclass(frozen=True)
class Settings:
    """The file ``launch.json``, written by the installer and owned by root.

    Attributes
    ----------
    slurm_conf
        Slurm's configuration, which says which Slurm.
    notebook
        The prefix of the environment that people's servers run in.
    logs
        A folder with one folder for each person, in which servers write their log.
    flavours
        Name to size.
    gpu_partition, cpu_partition
        Where servers with and without a GPU run.
    lent_qos
        The QOS of borrowed capacity.
    notice_seconds
        How long before its end a server is told.
    desk_url, mounts_socket
        Where a server asks for a dataset, and where it has it mounted.
    """

    slurm_conf: str
    notebook: str
    logs: str
    flavours: Mapping[str, Size]
    gpu_partition: str
    cpu_partition: str
    lent_qos: str
    notice_seconds: int
    desk_url: str = ""
    mounts_socket: str = ""

    def text(self) -> str:
        """Return the text of the file that :func:`read` reads."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


def read(path: Path) -> Settings:
    """Read the settings, trusting them only when root alone can have written them.

    Raises
    ------
    PermissionError
        When the file is not root's, or others may write it.
    """
    raw = trusted.read_json(path)
    flavours = {name: Size(**size) for name, size in raw.pop("flavours").items()}
    return Settings(flavours=flavours, **raw)
