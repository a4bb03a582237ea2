"""Which names a person can have: those that Unix, Slurm, a URL and a folder all read the same way.

Standard library only: the privileged programs judge by it as well.
"""

from __future__ import annotations

import re
from typing import Final

#: Words that Slurm, its accounting or sacctmgr's command line read as something else.
RESERVED: Final = frozenset(
    {"all", "any", "cluster", "default", "none", "normal", "null", "parent", "root", "where", "set"}
)
#: A Unix log-in name (useradd's NAME_REGEX, at most 31 characters).
PERSON: Final = r"[a-z_][a-z0-9_-]{0,30}"


#: Names to which other software gives rights on the day it is installed, or an operator's sudo rule does.
KEPT: Final = frozenset(
    {
        "adm", "admin", "administrator", "dask", "docker", "grafana", "hub", "jupyter", "jupyterhub", "kvm",
        "libvirt", "lxd", "mysql", "nginx", "operator", "podman", "postgres", "prometheus", "redis", "render",
        "service", "slurm", "slurmrestd", "ssh", "sudo", "support", "system", "telegraf", "wheel",
        "wireshark",
    }
)  # fmt: skip
#: What system users begin with (Debian's policy, 9.2.1; systemd).
_OF_SYSTEM_USERS: Final = ("_", "systemd-")


def has_the_form(name: str) -> bool:
    r"""Return whether a text has the form of a person's name.

    >>> [has_the_form(name) for name in ("anna", "Anna", "-anna", "anna\n", "\u0430nna")]
    [True, False, False, False, False]
    """
    return re.fullmatch(PERSON, name) is not None


def can_be_a_newcomer(name: str) -> bool:
    """Return whether somebody may choose that name for themselves.

    An operator may give a name of :data:`KEPT` to a person; nobody takes it unasked.
    """
    return has_the_form(name) and name not in RESERVED | KEPT and not name.startswith(_OF_SYSTEM_USERS)
