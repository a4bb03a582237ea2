"""System users and groups, the sudo rule, and the program that it names."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from single_machine import files
from single_machine.console import Console, StepFailed
from werkplaats_hub.facility import Facility
from werkplaats_hub.instance import MARK, Instance
from werkplaats_hub.launch_settings import launch_settings

_NOLOGIN: Final = "/usr/sbin/nologin"
_SUDOERS: Final = Path("/etc/sudoers.d")

_LAUNCH: Final = '''#!{python} -I
"""Run by sudo as a person, for the Hub: submit, cancel, or read the log of a server's job."""

from pathlib import Path

from werkplaats_spawners.launch.program import main

raise SystemExit(main(Path("{settings}")))
'''


def make_system_users(console: Console, instance: Instance) -> None:
    """Make the Hub's, the proxy's and the desk's users, and the two groups."""
    for group in (instance.people, instance.readers):
        if not _group_exists(group):
            console.run(["groupadd", "--system", group])
    homes = {instance.hub_user: "hub", instance.proxy_user: "proxy", instance.desk_user: "desk"}
    for user, folder in homes.items():
        if not _user_exists(user):
            home = str(instance.state / folder)
            console.run(
                ["useradd", "--system", "--user-group", "--home-dir", home, "--shell", _NOLOGIN, user]
            )
    for user in (instance.hub_user, instance.desk_user):
        if user not in grp.getgrnam(instance.readers).gr_mem:
            console.run(["usermod", "--append", "--groups", instance.readers, user])


def make_person(console: Console, instance: Instance, name: str) -> None:
    """Make one person: a system user without a password, a home of their own, a folder for logs.

    Raises
    ------
    StepFailed
        When the name is already somebody's that this instance did not make.
    """
    mark = f"Werkplaats ({instance.name})"
    if not _user_exists(name):
        home = instance.homes / name
        console.run(
            [
                "useradd",
                "--create-home",
                "--home-dir",
                str(home),
                "--shell",
                "/bin/bash",
                "--comment",
                mark,
                "--groups",
                instance.people,
                name,
            ]
        )
        home.chmod(0o700)
    elif pwd.getpwnam(name).pw_gecos != mark:
        raise StepFailed(
            f"this machine already has a user '{name}', who is not ours",
            f"take '{name}' out of [demo] and [projects] in facility.toml, or remove that user",
        )
    if name not in grp.getgrnam(instance.people).gr_mem:
        console.run(["usermod", "--append", "--groups", instance.people, name])
    files.folder(instance.job_logs / name, 0o700, name)


def allow_launch(console: Console, instance: Instance, facility: Facility) -> None:
    """Lay down *launch*, its settings, and the one sudo rule of the Hub."""
    files.write(instance.etc / "launch.json", launch_settings(instance, facility).text())
    program = _LAUNCH.format(python=instance.hub_python, settings=instance.etc / "launch.json")
    files.folder(instance.launch.parent)
    files.write(instance.launch, program, 0o755)
    _require_root_owned(instance.launch)
    rule = (
        f"Defaults!{instance.launch} env_reset, !setenv\n"
        f'{instance.hub_user} ALL=(%{instance.people}) NOPASSWD: {instance.launch} ""\n'
    )
    new = _SUDOERS / f".{instance.name}.new"  # a dot keeps sudo from reading it
    files.write(new, MARK + rule, 0o440)
    console.run(["visudo", "--check", "--quiet", f"--file={new}"])
    new.rename(_SUDOERS / instance.name)


def _require_root_owned(path: Path) -> None:
    """Refuse a place where somebody else could put another program under the name in the rule."""
    for step in (path, *path.parents):
        status = os.stat(step)
        if status.st_uid != 0 or status.st_mode & 0o022:
            raise StepFailed(
                f"{step} can be changed by others than root", f"chown root {step}; chmod go-w {step}"
            )


def remove(console: Console, instance: Instance, people: Iterable[str]) -> None:
    """Take away the users, groups and sudo rule of an instance."""
    (_SUDOERS / instance.name).unlink(missing_ok=True)
    for user in (*people, instance.hub_user, instance.proxy_user, instance.desk_user):
        if _user_exists(user):
            console.run(["userdel", user])
    for group in (instance.people, instance.readers):
        if _group_exists(group):
            console.run(["groupdel", group])


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _group_exists(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
