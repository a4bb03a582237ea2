"""A person's association with an account, as commands of ``sacctmgr``: one way to make it, for all.

Standard library only: the privileged program *enrol* uses it as well. Runs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence


def add_person(person: str, account: str, cluster: str, settings: Sequence[str]) -> list[str]:
    """Let a person charge an account.

    Parameters
    ----------
    settings
        What is set of the association itself, each as ``NAME=VALUE``.
    """
    where = [f"cluster={cluster}", f"account={account}"]
    return ["sacctmgr", "--immediate", "add", "user", person, *where, *settings]


def show_person(person: str, account: str, cluster: str) -> list[str]:
    """Ask for a person's association with an account."""
    shown = ["format=account,user,partition", f"user={person}", f"account={account}", f"cluster={cluster}"]
    return ["sacctmgr", "--noheader", "--parsable2", "show", "associations", *shown]


def shows(text: str, person: str, account: str) -> bool:
    """Return whether the answer to :func:`show_person` has it; one for a single partition is none."""
    return f"{account}|{person}|" in text.splitlines()
