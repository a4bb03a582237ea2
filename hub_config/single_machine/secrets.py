"""Passwords and keys of an instance: made once, kept in files that only their reader may read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from single_machine import files
from single_machine.console import StepFailed
from werkplaats_datasets.signed import Signer, new_key
from werkplaats_hub.instance import Instance

_DEMO: Final = "WERKPLAATS_DEMO_PASSWORD"
_ADMIN: Final = "WERKPLAATS_ADMIN_PASSWORD"
#: JupyterHub's SharedPasswordAuthenticator asks for these lengths.
_LENGTHS: Final = {_DEMO: 8, _ADMIN: 32}


@dataclass(frozen=True)
class Passwords:
    """What people sign in with on a demo machine, and whether that changed just now."""

    demo: str
    admin: str
    changed: bool


def check(environment: Mapping[str, str]) -> None:
    """Look at the passwords that were given, before anything is changed.

    Raises
    ------
    StepFailed
        When JupyterHub would refuse one.
    """
    for variable, least in _LENGTHS.items():
        given = environment.get(variable, "")
        if given and (len(given) < least or not given.isprintable()):
            raise StepFailed(
                f"{variable} is too short or holds a character that cannot be typed",
                f"give at least {least} characters, or leave it out and one is made",
            )
    if environment.get(_DEMO) and environment.get(_DEMO) == environment.get(_ADMIN):
        raise StepFailed("the demo and the admin password are the same", f"give {_DEMO} and {_ADMIN} apart")


def keep(instance: Instance, environment: Mapping[str, str]) -> Passwords:
    """Make the secrets that are missing; what the environment gives replaces what was.

    Raises
    ------
    StepFailed
        When one of the two passwords that were kept is given for the other.
    """
    files.folder(instance.secrets, 0o711)
    files.folder(instance.etc)
    hub = instance.hub_user
    demo = environment.get(_DEMO) or _kept(instance, "demo-password", secrets.token_urlsafe(9))
    admin = environment.get(_ADMIN) or _kept(instance, "admin-password", secrets.token_urlsafe(30))
    if demo == admin:
        raise StepFailed("the demo and the admin password are the same", f"give {_DEMO} and {_ADMIN} apart")
    demo_changed = files.write(instance.secrets / "demo-password", demo + "\n", 0o400, hub)
    admin_changed = files.write(instance.secrets / "admin-password", admin + "\n", 0o400, hub)
    _made(instance, "proxy-token", secrets.token_hex(32), hub)
    _made(instance, "cookie-secret", secrets.token_hex(32), hub)
    # Of the Hub and the desk: the one knows the other by it.
    _made(instance, "desk-token", secrets.token_hex(32), hub, instance.desk_user)
    _made(instance, "database-password", secrets.token_hex(24), "root")
    if instance.desk_database_password.exists():  # the operator's own; nobody else is to read it
        _made(instance, instance.desk_database_password.name, "", "root", instance.desk_user)
    _made(instance, instance.mail_key.name, secrets.token_hex(32), instance.desk_user)
    if instance.mail_password.exists():  # the operator's own, for the desk alone
        _made(instance, instance.mail_password.name, "", instance.desk_user)
    _key(instance, "desk-signing-key", instance.desk_user)
    _key(instance, "audit-signing-key", instance.audit_user)
    key = instance.secrets / "munge.key"
    if not key.exists():
        files.write(key, secrets.token_hex(512), 0o400, "munge")
    return Passwords(demo, admin, demo_changed or admin_changed)


def _key(instance: Instance, name: str, owner: str) -> None:
    """Make a signing key once, for one process; the key to check with is for everybody to read."""
    path = instance.secrets / name
    if not path.exists():
        files.write(path, new_key().decode(), 0o400, owner)
    files.write(instance.etc / f"{name}.pub", Signer(path.read_bytes()).public().decode())


def read(instance: Instance, name: str) -> str:
    """Return one secret."""
    return (instance.secrets / name).read_text().removesuffix("\n")


def _kept(instance: Instance, name: str, fresh: str) -> str:
    return read(instance, name) if (instance.secrets / name).exists() else fresh


def _made(instance: Instance, name: str, fresh: str, owner: str, group: str | None = None) -> None:
    """Make a secret once, for one reader; with a group, for its members as well."""
    path = instance.secrets / name
    text = path.read_text() if path.exists() else fresh + "\n"
    files.write(path, text, 0o440 if group else 0o400, owner, group)
