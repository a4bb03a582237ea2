"""As whom somebody's programs run: their own number, and those that ``newuidmap`` lets them take.

The subordinate ones (subuid(5)) are for namespaces of a person's own making; but a program that was made
set-user-id within one runs as that number outside it too.
"""

from __future__ import annotations

import contextlib
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SUBORDINATE: Final = Path("/etc/subuid")


@dataclass(frozen=True)
class Ids:
    """The numbers of one person.

    Attributes
    ----------
    subordinate
        Ranges of numbers; one in them that is somebody's own is not theirs, whatever the file says.
    """

    uid: int
    subordinate: tuple[range, ...] = ()

    def __contains__(self, number: int) -> bool:
        """Return whether what runs as a number is this person's."""
        if number == self.uid:
            return True
        return any(number in one for one in self.subordinate) and not _is_somebody(number)


def ids_of(name: str, subordinate: Path = _SUBORDINATE) -> Ids:
    """Return the numbers of a person of this machine.

    Raises
    ------
    KeyError
        Where there is no such person.
    """
    uid = pwd.getpwnam(name).pw_uid
    try:
        text = subordinate.read_bytes().decode(errors="replace")
    except OSError:
        text = ""
    return Ids(uid, tuple(parse(text, name, uid)))


def parse(text: str, name: str, uid: int) -> Iterator[range]:
    r"""Read ``/etc/subuid``: ``NAME:FIRST:COUNT`` a line; what is none is passed over.

    >>> list(parse("anna:100000:65536\nbram:165536:65536\n1001:300000:2", "anna", 1001))
    [range(100000, 165536), range(300000, 300002)]
    """
    for line in text.splitlines():
        whose, *numbers = line.strip().split(":")
        if whose in (name, str(uid)) and len(numbers) == 2 and all(map(str.isdecimal, numbers)):
            first, count = map(int, numbers)
            yield range(first, first + count)


def _is_somebody(number: int) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwuid(number))
    return False
