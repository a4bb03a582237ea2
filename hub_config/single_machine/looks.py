"""A look at the machine before anything is changed: whether it is ours to set up."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from single_machine.console import StepFailed
from werkplaats_hub.instance import MARK, Instance


def require_root() -> None:
    """Only root can make users and start Slurm.

    Raises
    ------
    StepFailed
        For anybody else.
    """
    if os.getuid() != 0:
        raise StepFailed("this must run as root", "become root (`sudo -i`) and run `make up` again")


def require_no_foreign_slurm(instance: Instance) -> None:
    """Never touch a Slurm that we did not make.

    Raises
    ------
    StepFailed
        When there is one: its configuration without our mark, or its daemons.
    """
    if not instance.default:
        return
    mend = (
        "Werkplaats sets up a Slurm of its own only on a machine that has none; connect it to yours as "
        "docs/how-to/facility.md says"
    )
    for path in (instance.slurm_conf, Path("/etc/slurm-llnl/slurm.conf"), _named_in_environment()):
        if path and path.is_file() and not path.read_text(errors="replace").startswith(MARK):
            raise StepFailed(f"there is a Slurm already that Werkplaats did not make ({path})", mend)
    for pid, conf in _slurm_daemons():
        if not (conf.is_file() and conf.read_text(errors="replace").startswith(MARK)):
            raise StepFailed(
                f"a Slurm daemon runs already that Werkplaats did not start (process {pid})", mend
            )


def _named_in_environment() -> Path | None:
    named = os.environ.get("SLURM_CONF")
    return Path(named) if named else None


def _slurm_daemons() -> list[tuple[int, Path]]:
    """Return the process and configuration of every Slurm daemon on this machine."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text().strip() in ("slurmctld", "slurmd"):
                variables = (entry / "environ").read_bytes().split(b"\0")
                conf = next((v[11:].decode() for v in variables if v.startswith(b"SLURM_CONF=")), "")
                found.append((int(entry.name), Path(conf or "/etc/slurm/slurm.conf")))
        except OSError:
            continue
    return found


def require_free_port(port: int, address: str, what: str, *, ours: bool) -> None:
    """Find out now, and not after ten minutes, that somebody else has a port that we need.

    Parameters
    ----------
    port, address, what
        Where which of our daemons is to listen.
    ours
        Whether our own daemon may hold it already.

    Raises
    ------
    StepFailed
        When it is taken by another program.
    """
    if ours:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
        except OSError as wrong:
            mend = f"stop that program (`ss -ltnp 'sport = :{port}'` names it)"
            if what == "the web":
                mend += ", or choose another port: WERKPLAATS_PORT=8080 make up"
            raise StepFailed(
                f"port {port}, which {what} needs, is taken by another program ({wrong.strerror})", mend
            ) from wrong
