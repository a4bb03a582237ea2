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


def has_the_form(name: str) -> bool:
    r"""Return whether a text has the form of a person's name.

    >>> [has_the_form(name) for name in ("anna", "Anna", "-anna", "anna\n", "\u0430nna")]
    [True, False, False, False, False]
    """
    return re.fullmatch(PERSON, name) is not None


def can_be_a_person(name: str) -> bool:
    """Return whether somebody may be called so."""
    return has_the_form(name) and name not in RESERVED
