"""Instances beside the machine's own, for tests and benchmarks: each with its own Slurm and people."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli_w

from single_machine.console import Console
from single_machine.removal import remove
from single_machine.services import Supervisor
from single_machine.up import Up
from werkplaats_hub.instance import FILE, Instance

CHECKOUT: Final = Path(__file__).parents[1]
#: Ports of one instance in a row.
PORTS: Final = 40


@dataclass(frozen=True)
class Running:
    """An instance that is up.

    Attributes
    ----------
    passwords
        By kind: ``demo`` and ``admin``.
    """

    instance: Instance
    up: Up
    supervisor: Supervisor
    passwords: dict[str, str]


@contextmanager
def running(
    root: Path, name: str, people: str, first_port: int, console: Console, **changes: Any
) -> Iterator[Running]:
    """Bring an instance up below `root`, and leave nothing of it but its logs.

    Parameters
    ----------
    root
        A folder of its own; what an earlier run left there is taken away first.
    name
        Of the instance; names its system users, cluster and nodes.
    people
        A prefix for the names of the demo people, so that nobody of another instance is touched.
    first_port
        Where to look for free ports.
    changes
        Other values of the instance.
    """
    _sweep(root, console)
    root.mkdir(mode=0o755, parents=True)
    up = prepared(root, name, people, free_ports(first_port), console, **changes)
    passwords = {"demo": secrets.token_urlsafe(9), "admin": secrets.token_urlsafe(30)}
    up.environment.update(
        WERKPLAATS_DEMO_PASSWORD=passwords["demo"], WERKPLAATS_ADMIN_PASSWORD=passwords["admin"]
    )
    try:
        up.run()
        yield Running(up.instance, up, Supervisor(console, up.instance), passwords)
    finally:
        _sweep(root, console)


def prepared(root: Path, name: str, people: str, ports: int, console: Console, **changes: Any) -> Up:
    """Return a run of ``make up`` for an instance below `root`, with passwords from the environment."""
    prefix = Path(os.environ["WERKPLAATS_PREFIX"])
    return Up(
        Instance.beside(root, name, ports, **{"prefix": prefix, **changes}),
        console,
        wheel=next((prefix / "wheel").glob("*.whl")),
        constraints=CHECKOUT / "constraints.txt",
        facility_file=_facility(root / "facility.toml", people),
        environment=dict(os.environ),
    )


def _sweep(root: Path, console: Console) -> None:
    """Stop and take away what stands below `root`, also after a run that was killed; keep its logs."""
    settings = root / "opt/etc" / FILE
    if settings.exists():
        instance = Instance.read(settings)
        people = tomllib.loads((root / "facility.toml").read_text())["demo"]["people"]
        remove(console, instance, people)
        kept = root.with_name(f"logs-of-{root.name}")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(instance.logs, kept)
        shutil.copytree(instance.job_logs, kept / "jobs")
    shutil.rmtree(root, ignore_errors=True)


def _facility(path: Path, people: str) -> Path:
    """Write the shipped facility with people of these names, and a short notice."""
    raw = tomllib.loads((CHECKOUT / "hub_config/facility.toml").read_text())
    for project in raw["projects"].values():
        project["members"] = [people + name for name in project["members"]]
        project["owners"] = [people + name for name in project.get("owners", [])]
    raw["desk"]["teachers"] = [people + name for name in raw["desk"]["teachers"]]
    raw["desk"]["stewards"] = [people + name for name in raw["desk"]["stewards"]]
    raw["help"]["experts"] = {people + name: one for name, one in raw["help"]["experts"].items()}
    raw["lending"]["notice_seconds"] = 5  # `make soak` takes the sixty of a facility
    raw["limits"]["named_servers"] = 45  # two hundred starts of five people
    for key in ("people", "admins"):
        raw["demo"][key] = [people + name for name in raw["demo"][key]]
    path.write_text(tomli_w.dumps(raw))
    return path


def free_ports(first: int) -> int:
    """Return the first of :data:`PORTS` ports in a row, from `first` up, on which nobody listens."""
    for start in range(first, first + 4000, PORTS):
        if all(_free(port) for port in range(start, start + PORTS)):
            return start
    raise RuntimeError(f"no {PORTS} free ports in a row from {first}")


def _free(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) != 0
