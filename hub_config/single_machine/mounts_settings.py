"""What the mount daemon must know of an instance: it imports nothing of ours, and reads this file."""

from __future__ import annotations

import json

from single_machine.isolation import Isolation
from werkplaats_hub.instance import Instance


def mounts_settings(instance: Instance, found: Isolation) -> str:
    """Return the file that root lays down for the mount daemon; nothing in it is secret."""
    said = {
        "desk_url": instance.desk_url,
        "desk_key": str(instance.etc / "desk-signing-key.pub"),
        "vault": str(instance.vault),
        "catalogue": str(instance.catalogue),
        "data": str(instance.data),
        "job_containers": str(instance.job_containers),
        "state": str(instance.state / "mounts"),
        "socket": str(instance.mounts_socket),
        "audit_socket": str(instance.audit_socket),
        "slurm_conf": str(instance.slurm_conf),
        "own_mounts": found.own_mounts,
        "revocations": str(instance.revocations),
    }
    return json.dumps(said, indent=2) + "\n"
