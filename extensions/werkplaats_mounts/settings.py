"""What the daemon must know: a file of root's."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Everything in the file; it holds no secret.

    Attributes
    ----------
    desk_url
        Where the desk answers, with a slash at its end.
    desk_key
        The file of the public key with which the desk's signatures are checked.
    vault, catalogue
        Where the data lies, root's alone, and its records.
    data
        Where a job sees what is mounted; on the node itself its folders are empty.
    job_containers
        Slurm's folder (``BasePath`` of job_container.conf) in which each job's mount namespace is held.
    state
        What the daemon keeps over a restart; root's alone.
    socket, audit_socket
        Where it listens, and where the audit does.
    slurm_conf
        With which Slurm's commands speak to this cluster.
    own_mounts
        Whether jobs have mounts of their own here.
    revocations
        The file in which the desk says what was taken back; none where the desk is on another machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    desk_url: str
    desk_key: Path
    vault: Path
    catalogue: Path
    data: Path
    job_containers: Path
    state: Path
    socket: Path
    audit_socket: Path
    slurm_conf: Path
    own_mounts: bool
    revocations: Path | None = None
