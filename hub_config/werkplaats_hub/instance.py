"""An instance: where one installation keeps everything, under which names, on which ports."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from werkplaats_hub.granted import Drop

FILE: Final = "instance.json"
#: The first line of every file that an instance puts outside its own folders.
MARK: Final = "# Made by Werkplaats; changes are overwritten by the next `make up`.\n"


class Instance(BaseModel):
    """The folders, names and ports of one installation.

    Attributes
    ----------
    name
        Prefix of the system users and groups that it makes; ``werkplaats`` for the default one.
    prefix
        Holds the environments ``hub``, ``notebook`` and ``proxy``.
    base
        Holds ``etc`` and ``libexec``: what root lays down for others to trust.
    state, logs, run, slurm
        What is kept, what is written, what lives as long as it runs, Slurm's configuration.
    address
        The address of the proxy's public port; everything else listens on loopback.
    data
        Where datasets are mounted in a job; on the machine itself its folders are empty.
    job_mounts
        Whether jobs have mounts of their own where the machine allows it.
    default
        Whether this is the machine's own: its Slurm is the machine's, and takes its real GPUs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "werkplaats"
    prefix: Path = Path("/opt/werkplaats")
    base: Path = Path("/opt/werkplaats")
    state: Path = Path("/var/lib/werkplaats")
    logs: Path = Path("/var/log/werkplaats")
    run: Path = Path("/run/werkplaats")
    slurm: Path = Path("/etc/slurm")
    homes: Path = Path("/home")
    data: Path = Path("/data")
    address: str = ""
    port: int = 8000
    port_hub: int = 8081
    port_proxy_api: int = 8001
    port_desk: int = 8082
    port_slurmctld: int = 6817
    port_slurmdbd: int = 6819
    port_slurmd: int = 17001
    cluster: str = "werkplaats"
    node_prefix: str = "gpu"
    job_mounts: bool = True
    default: bool = True

    @classmethod
    def beside(cls, root: Path, name: str, ports: int, **changes: Any) -> Instance:
        """Return an instance of its own below `root`, for tests and benchmarks.

        Parameters
        ----------
        root
            A folder outside /tmp (Slurm hides /tmp from jobs) on a path that everybody may walk.
        name
            At most 12 letters; names its users, its cluster and its nodes.
        ports
            The first of 40 free ports.
        changes
            Other values, such as a shared `prefix`.
        """
        values: dict[str, Any] = {
            "name": name,
            "prefix": root / "opt",
            "base": root / "opt",
            "state": root / "state",
            "logs": root / "logs",
            "run": root / "run",
            "slurm": root / "slurm",
            "homes": root / "home",
            "data": root / "data",
            "address": "127.0.0.1",
            "port": ports,
            "port_hub": ports + 1,
            "port_proxy_api": ports + 2,
            "port_desk": ports + 3,
            "port_slurmctld": ports + 4,
            "port_slurmdbd": ports + 5,
            "port_slurmd": ports + 10,
            "cluster": name,
            "node_prefix": f"{name}-n",
            "default": False,
        }
        return cls(**{**values, **changes})

    # -- where things are ------------------------------------------------------------------------

    @property
    def hub_python(self) -> Path:
        """The Hub's interpreter."""
        return self.prefix / "hub/bin/python3"

    @property
    def notebook(self) -> Path:
        """The environment that people's servers run in."""
        return self.prefix / "notebook"

    @property
    def etc(self) -> Path:
        """What root lays down: settings that programs trust."""
        return self.base / "etc"

    @property
    def facility(self) -> Path:
        """The installed copy of ``facility.toml``."""
        return self.etc / "facility.toml"

    @property
    def launch(self) -> Path:
        """The program that sudo lets the Hub run as a person."""
        return self.base / "libexec/launch"

    @property
    def enrol(self) -> Path:
        """The program that sudo lets the Hub run as root: a newcomer's name in, an account out."""
        return self.base / "libexec/enrol"

    @property
    def slurm_conf(self) -> Path:
        """Slurm's configuration."""
        return self.slurm / "slurm.conf"

    @property
    def munge_socket(self) -> Path:
        """The socket of this instance's own munged."""
        return self.run / "munge/munge.socket"

    @property
    def queue_socket(self) -> Path:
        """The socket on which the queue is published to the Hub."""
        return self.run / "queue/queue.socket"

    @property
    def supervisor_socket(self) -> Path:
        """The socket of this instance's supervisor, root's alone."""
        return self.run / "supervisor.socket"

    @property
    def secrets(self) -> Path:
        """Passwords and keys, each in a file that only its reader may read."""
        return self.state / "secrets"

    @property
    def drop(self) -> Drop:
        """Where the desk leaves a file for each project that it granted."""
        return Drop(self.state / "projects.d", self.desk_user)

    @property
    def desk_settings(self) -> Path:
        """What the desk must know, as root lays it down."""
        return self.etc / "desk.json"

    @property
    def revocations(self) -> Path:
        """Where the desk writes, signed, what was taken back, for the mount daemon to read."""
        return self.run / "desk/revocations"

    @property
    def mounts_settings(self) -> Path:
        """What the mount daemon must know, as root lays it down."""
        return self.etc / "mounts.json"

    @property
    def away_page(self) -> Path:
        """What the proxy shows of itself when what it asks does not answer; it looks for that file name."""
        return self.etc / "away/error.html"

    @property
    def desk_database_password(self) -> Path:
        """Where an operator keeps the password of the desk's PostgreSQL, if it asks for one."""
        return self.secrets / "desk-database-password"

    @property
    def mail_password(self) -> Path:
        """Where an operator keeps the password with which the desk signs in at the mail server."""
        return self.secrets / "mail-password"

    @property
    def mail_key(self) -> Path:
        """The key with which the desk makes the addresses that mail comes back to."""
        return self.secrets / "mail-key"

    @property
    def catalogue(self) -> Path:
        """The records of the datasets, for everybody to read: ``ID/VERSION/croissant.json``."""
        return self.state / "catalogue"

    @property
    def vault(self) -> Path:
        """The data itself, root's alone: ``ID/VERSION``, a folder or a squashfs image."""
        return self.state / "vault"

    @property
    def mounts_socket(self) -> Path:
        """Where the mount daemon listens; who asks it is seen by the kernel."""
        return self.run / "mounts/mounts.socket"

    @property
    def mail_socket(self) -> Path:
        """Where the desk takes mail that came in, from this machine's mail server (LMTP)."""
        return self.run / "mail/mail.socket"

    @property
    def audit_socket(self) -> Path:
        """Where the audit listens, to the desk and to the mount daemon."""
        return self.run / "audit/audit.socket"

    @property
    def audit_journal(self) -> Path:
        """The folder of the audit's journal and its signed heads, of its own user."""
        return self.state / "audit"

    @property
    def audit_settings(self) -> Path:
        """What the audit must know, as root lays it down."""
        return self.etc / "audit.json"

    @property
    def desk_url(self) -> str:
        """Where programs on this machine find the desk."""
        return f"http://127.0.0.1:{self.port_desk}/services/desk/"

    @property
    def job_containers(self) -> Path:
        """Where Slurm holds each job's mount namespace and /tmp."""
        return self.state / "job-container"

    @property
    def job_logs(self) -> Path:
        """One folder a person, in which their servers write their log."""
        return self.state / "job-logs"

    @property
    def ports(self) -> dict[str, int]:
        """Every port that it listens on, by what listens there."""
        return {
            "the web": self.port,
            "the Hub": self.port_hub,
            "the proxy's API": self.port_proxy_api,
            "the desk": self.port_desk,
            "slurmctld": self.port_slurmctld,
            "slurmdbd": self.port_slurmdbd,
            "slurmd": self.port_slurmd,
        }

    # -- who is who ------------------------------------------------------------------------------

    @property
    def hub_user(self) -> str:
        """The system user that the Hub runs as."""
        return f"{self.name}-hub"

    @property
    def proxy_user(self) -> str:
        """The system user that the proxy runs as."""
        return f"{self.name}-proxy"

    @property
    def desk_user(self) -> str:
        """The system user that the desk runs as."""
        return f"{self.name}-desk"

    @property
    def audit_user(self) -> str:
        """The system user that the audit runs as, and nothing else."""
        return f"{self.name}-audit"

    @property
    def people(self) -> str:
        """The group of everybody as whom the Hub may start a server."""
        return self.name

    @property
    def mark(self) -> str:
        """The comment of the system users of people whom it made."""
        return f"Werkplaats ({self.name})"

    @property
    def readers(self) -> str:
        """The group that may read the published queue."""
        return f"{self.name}-queue"

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the Hub."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which Slurm's commands speak to this instance."""
        return {
            "PATH": os.defpath + ":/usr/sbin:/sbin",
            "SLURM_CONF": str(self.slurm_conf),
            "LC_ALL": "C.UTF-8",
        }

    def text(self) -> str:
        """Return the file from which the other programs of the instance learn all this."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> Instance:
        """Read a file of :meth:`text`; what only an older version knew is passed over."""
        kept = json.loads(path.read_text())
        return cls.model_validate({key: kept[key] for key in cls.model_fields if key in kept})


def this_instance() -> Instance:
    """Return the instance that the environment names; the machine's own by default.

    Raises
    ------
    SystemExit
        When it names one that is not there, with that sentence.
    """
    named = os.environ.get("WERKPLAATS_INSTANCE")
    path = Path(named) if named else Instance().etc / FILE
    if named and not path.exists():
        raise SystemExit(
            f"WERKPLAATS_INSTANCE names {path}, and there is no such file. Name another, or none."
        )
    return Instance.read(path) if path.exists() else Instance()


def short_hostname() -> str:
    """Return this machine's name as Slurm's daemons compare it."""
    return socket.gethostname().split(".")[0]
