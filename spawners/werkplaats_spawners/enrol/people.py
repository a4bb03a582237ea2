"""People of this machine: system users in the platform's group, each with a home and a folder for logs.

A name that somebody else has is never adopted. Every step is looked at first and done whole, so that
one that was cut short is finished by the next run. Standard library only.
"""

from __future__ import annotations

import fcntl
import grp
import os
import pwd
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from werkplaats_spawners.enrol.why import NotMade, Why

#: Users below this number are the system's own (login.defs, UID_MIN).
LEAST_UID: Final = 1000
_SKELETON: Final = Path("/etc/skel")
_SHADOW: Final = Path("/etc/shadow")
_DAY_SECONDS: Final = 86_400

#: Runs a command; raises when it fails.
Run = Callable[[Sequence[str]], object]


@dataclass(frozen=True)
class Place:
    """Where a platform keeps its people.

    Attributes
    ----------
    group
        The group of everybody as whom the Hub may start a server.
    mark
        What stands in the comment of those whom the platform made.
    homes, logs
        Folders with a folder for each person.
    lock
        A file that holds back whoever comes at the same time.
    """

    group: str
    mark: str
    homes: str
    logs: str
    lock: str


def find(name: str, group: str) -> pwd.struct_passwd | None:
    """Return the person of that name; nothing when the name is free.

    Raises
    ------
    NotMade
        When it is the name of a user who is not of the platform, or of a group.
    """
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        if _group(name) is not None or name.startswith(f"{group}-"):
            # A new user gets a group of the same name; the platform's own users begin like its group.
            raise NotMade(Why.TAKEN, f"this machine has a group '{name}', or keeps that name") from None
        return None
    if entry.pw_name != name or entry.pw_uid < LEAST_UID or not _is_in(entry, group):
        raise NotMade(Why.TAKEN, f"this machine has a user '{name}', who is not of the group {group}")
    return entry


def _group(name: str) -> grp.struct_group | None:
    try:
        return grp.getgrnam(name)
    except KeyError:
        return None


def _is_in(entry: pwd.struct_passwd, group: str) -> bool:
    found = _group(group)
    return found is not None and (entry.pw_gid == found.gr_gid or entry.pw_name in found.gr_mem)


def make(name: str, place: Place, run: Run, *, most_today: int | None = None) -> None:
    """Make one person, or what is missing of them: without a password, and with a home of their own.

    Parameters
    ----------
    most_today
        How many users the platform may make in one day; ``None`` for the operator, who may always.

    Raises
    ------
    NotMade
        When the name, or the home, is somebody else's, or as many came today as may.
    OSError
        When a folder cannot be made.
    """
    home = Path(place.homes) / name
    with _alone(Path(place.lock)):  # useradd itself gives up when another one runs
        entry = find(name, place.group)
        if entry is None:
            if os.path.lexists(home):
                raise NotMade(Why.TAKEN, f"{home} is there already, and is nobody's whom we know")
            if most_today is not None and made_today(place.mark) >= most_today:
                raise NotMade(Why.FULL, f"{most_today} users were made today, which is the most in one day")
            run(
                [
                    "useradd",
                    "--no-create-home",
                    f"--home-dir={home}",
                    "--shell=/bin/bash",
                    f"--comment={place.mark}",
                    "--user-group",
                    f"--groups={place.group}",
                    "--",
                    name,
                ]
            )
            entry = find(name, place.group)
        if entry is None:
            raise NotMade(Why.OTHER, f"useradd made no user '{name}'")
        if entry.pw_dir == str(home):  # another home is the operator's to make
            _make_home(home, entry)
        _make_folder(Path(place.logs) / name, entry)


def made_today(mark: str) -> int:
    """Return how many users with a mark were made today (UTC).

    No list of ours is asked, which a run that was killed would not have written: useradd notes the day
    with the password that it does not set. Who has a password since is not counted, for with one a
    person can set that day to today themselves, as often as they like.
    """
    today = str(int(time.time() // _DAY_SECONDS))
    lines = (line.split(":") for line in _SHADOW.read_text().splitlines())
    of_today = {
        fields[0] for fields in lines if fields[2:3] == [today] and fields[1].startswith("!")
    }  # locked, as useradd leaves it
    return sum(1 for entry in pwd.getpwall() if entry.pw_gecos == mark and entry.pw_name in of_today)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_home(home: Path, entry: pwd.struct_passwd) -> None:
    """Make a home out of /etc/skel, beside its place, so that it is there whole or not at all."""
    if _is_theirs(home, entry):
        return
    half = home.with_name(f".{home.name}.new")  # no person's name has a dot
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    if _SKELETON.is_dir():
        shutil.copytree(_SKELETON, half, symlinks=True, dirs_exist_ok=True)
    half.chmod(0o700)
    for folder, folders, files in os.walk(half):
        for each in (*folders, *files):
            os.chown(Path(folder) / each, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
    os.chown(half, entry.pw_uid, entry.pw_gid)
    half.rename(home)


def _make_folder(path: Path, entry: pwd.struct_passwd) -> None:
    """Make a folder of a person's below a folder of root's."""
    if _is_theirs(path, entry):
        path.chmod(0o700)
        return
    half = path.with_name(f".{path.name}.new")
    half.mkdir(mode=0o700, exist_ok=True)
    os.chown(half, entry.pw_uid, entry.pw_gid)
    half.rename(path)


def _is_theirs(path: Path, entry: pwd.struct_passwd) -> bool:
    """Return whether a person has this folder already; false when there is nothing.

    Raises
    ------
    NotMade
        When something else is there, or a folder of another's.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != entry.pw_uid:
        raise NotMade(Why.TAKEN, f"{path} is there already, and is not {entry.pw_name}'s folder")
    return True
