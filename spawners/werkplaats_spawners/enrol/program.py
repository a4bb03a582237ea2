"""*enrol*: root-owned, run through sudo as root, with one name in and a person with first steps out.

It makes the system user and the one association in Slurm that root's settings describe, or finds them
as they should be. It knows nothing else, takes no arguments, and starts no shell. Standard library
only.

The message in is ``{"name": "anna"}``, in ASCII, and out comes ``{"ok": true}`` or
``{"trouble": "<Why>", "message": "..."}``.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from werkplaats_spawners import associations, names, slurm
from werkplaats_spawners.enrol import people
from werkplaats_spawners.enrol.settings import Settings, read
from werkplaats_spawners.enrol.why import NotMade, Why

#: A command of Slurm's waits 10 s for its daemon; past this something hangs.
_COMMAND_SECONDS: Final = 20
_SECONDS: Final = 60
#: Of several who write to it at once Slurm's database gives some up: with four at once on 22.05.8 it met
#: deadlocks (MariaDB's error 1213), and sacctmgr said that it adds somebody, and nobody was there. The
#: cure that the database names is to try again; one at a time, thirty newcomers took three times as long.
_ATTEMPTS: Final = 4
_PAUSE_SECONDS: Final = (0.1, 0.6)
_LARGEST_INPUT: Final = 256
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"

Answer = dict[str, Any]


def main(settings_file: Path, arguments: Sequence[str]) -> int:
    """Read one name, enrol that person, print one answer."""
    if os.getuid() != 0:
        print(json.dumps(_trouble(NotMade(Why.OTHER, "enrol runs as root alone"))))
        return 1
    os.umask(0o022)
    signal.alarm(_SECONDS)  # whatever hangs, this process does not stay
    print(json.dumps(_answer(settings_file, arguments)))
    return 0


def _answer(settings_file: Path, arguments: Sequence[str]) -> Answer:
    try:
        if arguments:
            raise NotMade(Why.OTHER, "enrol takes no arguments")
        name = name_in(sys.stdin.buffer.read(_LARGEST_INPUT + 1))
        enrol(name, read(settings_file))
    except NotMade as wrong:
        return _trouble(wrong)
    except FileNotFoundError as wrong:
        return _trouble(NotMade(Why.OTHER, f"{wrong.filename} is not there"))
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        return _trouble(NotMade(Why.OTHER, f"{type(wrong).__name__}: {wrong}"))
    return {"ok": True}


def name_in(message: bytes) -> str:
    """Return the name that a message holds.

    Raises
    ------
    NotMade
        When it is not one that the Hub sends, or nobody can be called so. The message's own text is
        not in the error.
    """
    if len(message) > _LARGEST_INPUT:
        raise NotMade(Why.OTHER, "the message is too long")
    try:
        pairs = json.loads(message.decode("ascii"), object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        raise NotMade(Why.OTHER, "the message is no JSON in ASCII") from None
    # As pairs: an object with the key twice is two answers to one question.
    if not isinstance(pairs, tuple) or [key for key, _ in pairs] != ["name"]:
        raise NotMade(Why.OTHER, "the message must be an object with the one key 'name'")
    name = pairs[0][1]
    if not isinstance(name, str) or not names.can_be_a_newcomer(name):
        raise NotMade(Why.NAME, "nobody can have that name")
    return name


def enrol(name: str, settings: Settings) -> None:
    """Make a person, and let them charge their first steps.

    Raises
    ------
    NotMade, OSError
        When that could not be done whole; another run goes on where this one stopped.
    """
    # Slurm looks up the number of a user when it reads the association: the user comes first.
    people.make(
        name, settings.place, lambda argv: _require(argv, settings), most_today=settings.newcomers_per_day
    )
    if _is_associated(name, settings):
        return
    limits = [f"{key}={value}" for key, value in sorted(settings.limits.items())]
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311  # so that two do not meet again
        added = _run(associations.add_person(name, settings.account, settings.cluster, limits), settings)
        # Its word alone proves nothing: it says "Nothing new added" also when there is no such account.
        if _is_associated(name, settings):
            return
    raise _failed(added)


def _is_associated(name: str, settings: Settings) -> bool:
    shown = _require(associations.show_person(name, settings.account, settings.cluster), settings)
    return associations.shows(shown, name, settings.account)


def _require(argv: Sequence[str], settings: Settings) -> str:
    """Run a command that must succeed; return its output."""
    done = _run(argv, settings)
    if done.returncode != 0:
        raise _failed(done)
    return done.stdout


def _run(argv: Sequence[str], settings: Settings) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": _PATH, "LC_ALL": "C.UTF-8", "SLURM_CONF": settings.slurm_conf}
    try:
        return subprocess.run(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_COMMAND_SECONDS,
            cwd="/",
            check=False,
        )
    except OSError as wrong:
        return subprocess.CompletedProcess(argv, 1, "", f"{argv[0]} cannot be run: {wrong}")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 1, "", f"Socket timed out: no answer from {argv[0]}")


def _failed(done: subprocess.CompletedProcess[str]) -> NotMade:
    said = f"{done.stderr}\n{done.stdout}".strip() or f"{done.args[0]} ended with {done.returncode}"
    away = slurm.trouble(said) is slurm.Trouble.UNREACHABLE
    return NotMade(Why.UNREACHABLE if away else Why.OTHER, said)


def _trouble(wrong: NotMade) -> Answer:
    return {"trouble": wrong.why.value, "message": str(wrong).strip()[-500:]}
