"""System users and groups, the sudo rules, and the programs that they name."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from single_machine import files
from single_machine.console import Console, StepFailed
from werkplaats_hub.enrol_settings import enrol_settings, place
from werkplaats_hub.facility import Facility
from werkplaats_hub.instance import MARK, Instance
from werkplaats_hub.launch_settings import launch_settings
from werkplaats_spawners.enrol import people
from werkplaats_spawners.enrol.why import NotMade

_NOLOGIN: Final = "/usr/sbin/nologin"
_SUDOERS: Final = Path("/etc/sudoers.d")

_LAUNCH: Final = '''#!{python} -I
"""Run by sudo as a person, for the Hub: submit, cancel, or read the log of a server's job."""

from pathlib import Path

from werkplaats_spawners.launch.program import main

raise SystemExit(main(Path("{settings}")))
'''


_ENROL: Final = '''#!{python} -I
"""Run by sudo as root, for the Hub: make a newcomer's system user and their first steps in Slurm."""

import sys
from pathlib import Path

from werkplaats_spawners.enrol.program import main

raise SystemExit(main(Path("{settings}"), sys.argv[1:]))
'''


def make_system_users(console: Console, instance: Instance) -> None:
    """Make the Hub's, the proxy's, the desk's and the audit's users, and the two groups."""
    for group in (instance.people, instance.readers):
        if not _group_exists(group):
            console.run(["groupadd", "--system", group])
    homes = {
        instance.hub_user: "hub",
        instance.proxy_user: "proxy",
        instance.desk_user: "desk",
        instance.audit_user: "audit",
    }
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
    if _user_exists(name):
        if pwd.getpwnam(name).pw_gecos != instance.mark:
            raise StepFailed(
                f"this machine already has a user '{name}', who is not ours",
                f"take '{name}' out of [demo] and [projects] in facility.toml, or remove that user",
            )
        if name not in grp.getgrnam(instance.people).gr_mem:
            console.run(["usermod", "--append", "--groups", instance.people, name])
    try:
        people.make(name, place(instance), console.run)
    except NotMade as wrong:
        mend = f"take '{name}' out of [demo] in facility.toml, or put away what has that name"
        raise StepFailed(str(wrong), mend) from wrong


def allow_programs(console: Console, instance: Instance, facility: Facility) -> None:
    """Lay down *launch* and *enrol*, their settings, and the Hub's sudo rule for each."""
    files.write(instance.etc / "launch.json", launch_settings(instance, facility).text())
    newcomers = enrol_settings(instance, facility)
    if newcomers is not None:
        files.write(instance.etc / "enrol.json", newcomers.text())
    else:
        (instance.etc / "enrol.json").unlink(missing_ok=True)
    files.folder(instance.launch.parent)
    for program, text in ((instance.launch, _LAUNCH), (instance.enrol, _ENROL)):
        settings = instance.etc / f"{program.name}.json"
        files.write(program, text.format(python=instance.hub_python, settings=settings), 0o755)
        require_root_owned(program)
    new = _SUDOERS / f".{instance.name}.new"  # a dot keeps sudo from reading it
    files.write(new, MARK + sudo_rules(instance), 0o440)
    console.run(["visudo", "--check", "--quiet", f"--file={new}"])
    new.rename(_SUDOERS / instance.name)


def sudo_rules(instance: Instance) -> str:
    """Return what sudo is told of the Hub: two programs, without arguments, in sudo's own environment."""
    return (
        f"Defaults!{instance.launch} env_reset, !setenv\n"
        f"Defaults!{instance.enrol} env_reset, !setenv, use_pty\n"
        f'{instance.hub_user} ALL=(%{instance.people}) NOPASSWD: {instance.launch} ""\n'
        f'{instance.hub_user} ALL=(root) NOPASSWD: {instance.enrol} ""\n'
    )


def require_root_owned(path: Path) -> None:
    """Refuse a place where somebody else could put another program under the name in the rule."""
    for step in (path, *path.parents):
        status = os.stat(step)
        if status.st_uid != 0 or status.st_mode & 0o022:
            raise StepFailed(
                f"{step} can be changed by others than root", f"chown root {step}; chmod go-w {step}"
            )


def remove(console: Console, instance: Instance, names: Iterable[str]) -> None:
    """Take away the users, groups and sudo rules of an instance, those whom it enrolled included."""
    (_SUDOERS / instance.name).unlink(missing_ok=True)
    enrolled = (entry.pw_name for entry in pwd.getpwall() if entry.pw_gecos == instance.mark)
    ours = {instance.hub_user, instance.proxy_user, instance.desk_user, instance.audit_user}
    for user in {*names, *enrolled, *ours}:
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
