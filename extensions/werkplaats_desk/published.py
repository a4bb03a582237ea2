"""What Slurm's publisher says of the cluster: one JSON object a line, over a Unix socket.

The messages are those of ``werkplaats_spawners.publisher``: ``view`` (limits, their use, and the
queue) and ``months`` (hours by month, account and QOS; no people). While it does not answer, the last
answer stands, with its age.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_TIMEOUT: Final = 4.0
_FRESH: Final = 2.0
_VIEW: Final = {"want": "view", "max_age": 2.0, "limits_age": 3.0}
_MOST_BYTES: Final = 64 * 1024 * 1024


class Away(Exception):
    """The publisher, or Slurm behind it, does not answer."""


@dataclass(frozen=True)
class View:
    """Slurm at one moment.

    Attributes
    ----------
    at
        Unix time of the answer; 0 when there never was one.
    gpus
        Each stream's share, by the name of its QOS.
    accounting_away
        Whether Slurm's database does not answer; new projects wait for it.
    """

    at: float = 0.0
    jobs: tuple[Mapping[str, Any], ...] = ()
    associations: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    gpus: Mapping[str, int] = field(default_factory=dict)
    accounting_away: bool = False

    @property
    def age(self) -> int:
        """Seconds since Slurm said this."""
        return max(0, int(time.time() - self.at))

    @property
    def old(self) -> bool:
        """Whether it is so old that a page must say so."""
        return self.age > 30

    def may_start(self, account: str, person: str) -> bool:
        """Return whether Slurm lets somebody charge an account."""
        theirs = self.associations.get((account, person))
        whole = self.associations.get((account, ""), {})
        return theirs is not None and not theirs.get("closed") and not whole.get("closed")


Ask = Callable[[Mapping[str, Any], float], dict[str, Any]]


class Queue:
    """The publisher, asked at most every two seconds for all pages together."""

    def __init__(self, ask: Ask) -> None:
        self._ask, self._last, self._tried = ask, View(), 0.0
        self._lock = threading.Lock()

    def view(self) -> View:
        """Return the cluster as it is now, or as it last was."""
        with self._lock:
            if time.monotonic() - self._tried > _FRESH:
                with contextlib.suppress(Away):
                    self._last = _read(self._ask(_VIEW, _TIMEOUT))
                self._tried = time.monotonic()
            return self._last

    def fresh(self) -> View:
        """Return the cluster as it is at this moment.

        Raises
        ------
        Away
        """
        return _read(self._ask({**_VIEW, "max_age": 0.0}, _TIMEOUT))

    def months(self, months: list[str]) -> dict[str, Any]:
        """Return accounting's answer about months.

        Raises
        ------
        Away
        """
        answer = self._ask({"want": "months", "months": months}, 120.0)
        if answer.get("error"):
            raise Away(str(answer["error"]))
        return answer


def _read(answer: Mapping[str, Any]) -> View:
    if answer.get("error"):
        raise Away(str(answer["error"]))
    associations = {(str(a["account"]), str(a["user"])): a for a in answer.get("associations", [])}
    shares = {str(qos["name"]): qos["gpus"]["limit"] for qos in answer.get("qos", [])}
    return View(
        float(answer.get("at", 0)),
        tuple(answer.get("jobs", [])),
        associations,
        {name: int(gpus) for name, gpus in shares.items() if gpus is not None},
        bool(answer.get("accounting", {}).get("error")),
    )


def over_socket(path: Path) -> Ask:
    """Return how to ask the publisher that listens at a path."""

    def ask(message: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(timeout)
                connection.connect(str(path))
                connection.sendall(json.dumps(message).encode() + b"\n")
                with connection.makefile("rb") as lines:
                    answer = json.loads(lines.readline(_MOST_BYTES))
        except (OSError, ValueError) as wrong:
            raise Away(str(wrong)) from wrong
        if not isinstance(answer, dict):
            raise Away("no object")
        return answer

    return ask
