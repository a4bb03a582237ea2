"""What can go along with a question: read here, shown to the person, and sent only as they left it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from werkplaats_widgets.help_words import tell
from werkplaats_widgets.hub import NoAnswer
from werkplaats_widgets.trouble import Trouble

KINDS: Final = ("error", "cell", "environment", "notebook", "log")
#: What is offered with its tick set: it says what went wrong, and holds no work.
_ON: Final = frozenset({"error", "cell", "environment"})
#: A notebook that is larger is not read at all (bytes): it would take the kernel's memory.
_MOST_READ: Final = 256 * 1024 * 1024
#: How much of a log is read, from its end (bytes), and kept (lines).
_LOG_BYTES: Final = 64 * 1024
_LOG_LINES: Final = 200
_SMI: Final = (
    "nvidia-smi",
    "--query-gpu=name,memory.total,memory.used,driver_version",
    "--format=csv,noheader",
)
_SMI_SECONDS: Final = 5
#: What Slurm says of a job, and how a person would call it.
_JOB: Final = {
    "SLURM_JOB_ID": "job",
    "SLURM_JOB_ACCOUNT": "project",
    "SLURM_JOB_PARTITION": "partition",
    "SLURMD_NODENAME": "node",
    "SLURM_CPUS_ON_NODE": "processors",
    "SLURM_MEM_PER_NODE": "memory-MB",
    "SLURM_GPUS_ON_NODE": "gpus",
    "CUDA_VISIBLE_DEVICES": "gpu-numbers",
    "WERKPLAATS_LENT": "lent",
    "WERKPLAATS_MINUTES": "minutes",
}


@dataclass(frozen=True)
class Piece:
    """One thing that goes along.

    Attributes
    ----------
    kind
        As the desk calls it: ``error``, ``cell``, ``notebook``, ``environment``, ``log`` or ``file``.
    name
        As a file has it.
    """

    kind: str
    name: str
    text: str


class TooLarge(NoAnswer):
    """A thing is larger than what can be sent; the text says what to do."""


@dataclass(frozen=True)
class Gatherer:
    """Where things are found.

    Attributes
    ----------
    trouble
        The error that it is about.
    each
        The most that one of them may be (bytes).
    """

    trouble: Trouble
    each: int

    def offers(self) -> list[dict[str, Any]]:
        """Return what can be attached, in order: its ``kind``, and whether its tick is ``on``."""
        there = {
            "error": bool(self.trouble.text),
            "cell": bool(self.trouble.cell.strip()),
            "environment": True,
            "notebook": self.notebook() is not None,
            "log": _log_file() is not None,
        }
        return [{"kind": kind, "on": kind in _ON} for kind in KINDS if there[kind]]

    def notebook(self) -> Path | None:
        """Return the notebook that this is about, where there is one."""
        path = Path(self.trouble.notebook or os.environ.get("JPY_SESSION_NAME", ""))
        path = path if path.is_absolute() else Path.cwd() / path  # Lab's own kernel begins where its files do
        return path if path.is_file() and path.suffix == ".ipynb" else None

    def piece(self, kind: str, *, outputs: bool = False) -> Piece:
        """Return one thing, as it is now.

        Parameters
        ----------
        outputs
            Whether a notebook keeps what its cells printed and drew.

        Raises
        ------
        NoAnswer
            When it cannot be had: :class:`TooLarge` when there is too much of it.
        """
        if kind == "notebook":
            return self._notebook(outputs)
        texts = {"error": self._error, "cell": self._cell, "environment": environment, "log": log}
        names = {
            "error": "error.txt",
            "cell": "cell.py",
            "environment": "environment.txt",
            "log": "server.log",
        }
        return Piece(kind, names[kind], texts[kind]())

    def _error(self) -> str:
        return self.trouble.text

    def _cell(self) -> str:
        return self.trouble.cell

    def _notebook(self, outputs: bool) -> Piece:
        path = self.notebook()
        if path is None:
            raise NoAnswer(tell("no_notebook"))
        size = path.stat().st_size
        if size > (self.each if outputs else _MOST_READ):
            raise TooLarge(tell("too_large_stripped" if outputs else "too_large", **self._sizes(size)))
        try:
            text = path.read_text("utf-8", "replace")
        except OSError as wrong:
            raise NoAnswer(tell("unreadable", why=wrong.strerror or type(wrong).__name__)) from None
        kept = text if outputs else stripped(text)
        kind, name = ("notebook" if is_notebook(text) else "file"), path.name
        if len(kept.encode("utf-8", "replace")) > self.each:
            raise TooLarge(tell("too_large", **self._sizes(len(kept))))
        return Piece(kind, name[-100:], kept)

    def _sizes(self, size: int) -> dict[str, str]:
        return {"size": megabytes(size), "most": megabytes(self.each)}


def megabytes(size: int) -> str:
    """Return a size as people read it (MB, rounded)."""
    return f"{max(1, round(size / 1_000_000))} MB"


def is_notebook(text: str) -> bool:
    """Return whether a text is a notebook: JSON with cells."""
    return _cells(text) is not None


def stripped(text: str) -> str:
    """Return a notebook without what its cells printed and drew; what is no notebook stays as it is."""
    found = _cells(text)
    if found is None:
        return text
    for cell in found["cells"]:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            cell.update(outputs=[], execution_count=None)
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _cells(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("cells"), list) else None


def environment() -> str:
    """Return what this kernel runs on and with, a line for each: a name, a space, and its value."""
    about = [f"python {platform.python_version()}", f"system {platform.system()} {platform.release()}"]
    about += [f"kernel {sys.executable}"] if sys.executable else []
    about += [f"{name} {os.environ[key]}" for key, name in _JOB.items() if os.environ.get(key)]
    return "\n".join([*about, *(f"gpu {line}" for line in _gpus()), *_packages()]) + "\n"


def _packages() -> list[str]:
    found = {one.metadata["Name"]: one.version for one in metadata.distributions() if one.metadata["Name"]}
    return [f"{name} {version}" for name, version in sorted(found.items(), key=lambda one: one[0].lower())]


def _gpus() -> Iterator[str]:
    try:
        ran = subprocess.run(_SMI, capture_output=True, text=True, timeout=_SMI_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return
    yield from (line.strip() for line in ran.stdout.splitlines() if line.strip())


def _log_file() -> Path | None:
    path = os.environ.get("WERKPLAATS_LOG_FILE", "")
    return Path(path) if path and Path(path).is_file() else None


def log() -> str:
    """Return the last lines of what this server wrote.

    Raises
    ------
    NoAnswer
        When they cannot be read.
    """
    path = _log_file()
    try:
        if path is None:
            raise FileNotFoundError(2, "No such file")
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError as wrong:
        raise NoAnswer(tell("no_log", why=wrong.strerror or type(wrong).__name__)) from None
    return "\n".join(lines[-_LOG_LINES:]) + "\n"
