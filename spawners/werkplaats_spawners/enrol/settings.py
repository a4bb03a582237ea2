"""What root has laid down for *enrol*: where people are kept, and what a newcomer gets in Slurm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from werkplaats_spawners import trusted
from werkplaats_spawners.enrol.people import Place


@dataclass(frozen=True)
class Settings:
    """The file ``enrol.json``, written by the installer and owned by root.

    Attributes
    ----------
    slurm_conf
        Slurm's configuration, which says which Slurm.
    cluster
        Its name in Slurm's accounting.
    account
        What a newcomer may charge.
    limits
        What is set of their association, as ``sacctmgr ... set`` takes it.
    place
        Where the platform keeps its people.
    newcomers_per_day
        How many users it makes in one day (UTC).
    """

    slurm_conf: str
    cluster: str
    account: str
    limits: Mapping[str, str]
    place: Place
    newcomers_per_day: int

    def text(self) -> str:
        """Return the text of the file that :func:`read` reads."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


def read(path: Path) -> Settings:
    """Read the settings, trusting them only when root alone can have written them.

    Raises
    ------
    PermissionError
        When the file is not root's, or others may write it.
    FileNotFoundError
        When the facility gives newcomers nothing.
    """
    raw = trusted.read_json(path)
    return Settings(place=Place(**raw.pop("place")), **raw)
