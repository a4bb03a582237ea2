"""The peer for the start page: a JupyterHub with jupyterhub_moss, whose page shows what is idle in Slurm."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from benchmarks.peer import Recipe, link, site_packages
from benchmarks.stock import STOCK
from single_machine.console import Console
from werkplaats_hub.instance import Instance

VERSION: Final = "10.1.0"


def _lay_down(instance: Instance, root: Path, console: Console) -> None:
    """Add jupyterhub_moss to its Hub's environment, which has all that it asks for."""
    link(_installed(instance, console), site_packages(root / "hub"))


def _installed(instance: Instance, console: Console) -> Path:
    """Return a folder with that version and nothing else; it stays for the next run."""
    folder = instance.prefix / f"moss-{VERSION}"
    if not folder.exists():
        half = folder.with_name(f"{folder.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        pip: list[str | Path] = [
            instance.hub_python,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
        ]
        # Its needs are in the Hub's environment already, in the versions of ours.
        console.run([*pip, "--no-deps", "--target", half, f"jupyterhub_moss=={VERSION}"])
        half.rename(folder)
    return folder


#: Its page asks `sinfo`, as the person.
MOSS: Final = Recipe("moss", 2, (*STOCK.commands, "/usr/bin/sinfo"), _lay_down)
