"""``/proc/PID/mountinfo`` (proc(5)): what is mounted in one namespace.

A user names the paths in a namespace of their own, in whatever bytes; no name may break a look at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mount:
    """One mount.

    Attributes
    ----------
    device
        Of its file system, such as ``254:0``.
    root
        What of that file system is mounted.
    point
        Where.
    """

    id: int
    device: str
    root: str
    point: str
    options: frozenset[str]


def read(path: Path) -> str:
    """Return a file's text, whatever bytes are in it."""
    return path.read_bytes().decode(errors="surrogateescape")


def parse(text: str) -> tuple[Mount, ...]:
    r"""Return the mounts, in the order in which they were made.

    >>> parse(r"68 45 254:0 /a\040b /data/x ro,nosuid,relatime - ext4 /dev/vda rw")[0].root
    '/a b'
    """
    found = []
    for line in text.split("\n"):  # and at nothing else that Python takes for the end of a line
        words = line.split(" ")
        if len(words) >= 6 and words[0].isascii() and words[0].isdecimal():
            options = frozenset(words[5].split(","))
            found.append(Mount(int(words[0]), words[2], _plain(words[3]), _plain(words[4]), options))
    return tuple(found)


def at(mounts: Iterable[Mount], point: str) -> Mount | None:
    """Return what is seen at a path: the last that was mounted there."""
    return next((one for one in reversed(tuple(mounts)) if one.point == point), None)


def _plain(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), word)
