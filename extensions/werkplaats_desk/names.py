"""Names that Slurm, a URL, a file system and a named server of the Hub all read the same way."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Of a project: an account in Slurm, a file in ``projects.d``, a named server (30 characters at most).
PATTERN: Final = re.compile(r"[a-z][a-z0-9-]{0,28}[a-z0-9]")
_KEPT: Final = 20
#: The account of newcomers, which everybody may have (``[first_steps]`` of ``facility.toml``).
FIRST_STEPS: Final = "first-steps"


def project_name(title: str, letter: str, number: int) -> str:
    """Return the name of a project: what is left of its title, a letter for its kind, its number.

    The number makes it unlike every other, and unlike every word that means something to Slurm.

    >>> project_name("Éénmalige proef: GPU's", "a", 7), project_name("2026!", "c", 12)
    ('eenmalige-proef-gpu-a7', 'p-2026-c12')
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "-")).strip("-")
    if not words[:1].isalpha():
        words = f"p-{words}".rstrip("-")
    return f"{words[:_KEPT].strip('-')}-{letter}{number}"


def one_line(text: str) -> str:
    """Return a text as one printable line.

    Raises
    ------
    ValueError
        When it holds a line break or another control character.
    """
    if not text.isprintable():
        raise ValueError("one line of printable text")
    return " ".join(text.split())


def some_lines(text: str) -> str:
    """Return a text of lines, without anything that is no character to read.

    Raises
    ------
    ValueError
        When it holds a control character other than a line break or a tab.
    """
    lines = text.replace("\r\n", "\n").replace("\t", " ")
    if not all(line.isprintable() for line in lines.split("\n")):
        raise ValueError("printable text")
    return lines.strip()
