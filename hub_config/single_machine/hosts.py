"""The line of ``/etc/hosts`` that says what this machine's name means.

Slurm's daemons can listen on loopback alone only where the name means 127.0.0.1. Debian's installer
writes 127.0.1.1, which is loopback as well and which nobody else can reach: that one is changed. A
name that means a real address is left as it is; :mod:`~single_machine.isolation` says what follows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

FILE: Final = Path("/etc/hosts")
_INSTALLER: Final = "127.0.1.1"
_LOOPBACK: Final = "127.0.0.1"


def mend(name: str, path: Path = FILE) -> bool:
    """Let the machine's name mean 127.0.0.1, if it meant 127.0.1.1; return whether that was so.

    Written in place and not renamed over: in a container the file is a mount of its own.
    """
    try:
        text = path.read_text()
    except OSError:
        return False
    new = mended(text, name)
    if new == text:
        return False
    path.write_text(new)
    return True


def mended(text: str, name: str) -> str:
    r"""Return the text of the file with that one line changed.

    >>> mended("127.0.0.1\tlocalhost\n127.0.1.1\tvm.example vm\n", "vm")
    '127.0.0.1\tlocalhost\n127.0.0.1\tvm.example vm\n'
    """
    lines = text.splitlines(keepends=True)
    return "".join(_mended_line(line, name) for line in lines)


def _mended_line(line: str, name: str) -> str:
    words = line.partition("#")[0].split()
    if words and words[0] == _INSTALLER and name in words[1:]:
        return line.replace(_INSTALLER, _LOOPBACK, 1)
    return line
