"""``mount()`` and ``unmount()``: a dataset in this server, and out of it again.

The desk decides and signs; the mount daemon of this node checks what was signed, and mounts.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from werkplaats_widgets.desk import Desk, Refused
from werkplaats_widgets.hub import NoAnswer
from werkplaats_widgets.words import language, say

#: How long the daemon may take (s): it may end what holds a dataset open.
_TIMEOUT: Final = 20.0
#: An answer that is longer is not read (bytes).
_MOST: Final = 1024 * 1024
_DATASET: Final = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")


class Mounted(BaseModel):
    """A dataset that is mounted in this server.

    Attributes
    ----------
    since, ends_at
        Unix time (s); `ends_at` is 0 where it may stay as long as the server.
    alone
        Whether nothing else of the person's may run meanwhile.
    """

    model_config = ConfigDict(frozen=True)

    dataset: str
    version: str
    path: str
    since: int = 0
    ends_at: int = 0
    alone: bool = False


_LIST: Final = TypeAdapter(list[Mounted])


def mount(dataset_id: str) -> Path:
    """Mount a dataset in this server, read-only, and return where it is.

    What is mounted already is left as it is.

    Raises
    ------
    NoAnswer
        When it was not done: with a sentence in the person's language.
    """
    name, job = known(dataset_id), this_job()
    given = Desk.of().post("api/grants", dataset=name, job=job)
    answer = ask({"want": "mount", "grant": given.get("grant"), "language": language()})
    if not isinstance(answer.get("path"), str):
        raise _silence()
    return Path(answer["path"])


def unmount(dataset_id: str) -> None:
    """Unmount a dataset; what is open in it must be closed first.

    Raises
    ------
    NoAnswer
        When it was not done: with a sentence in the person's language.
    """
    ask({"want": "unmount", "dataset": known(dataset_id), "job": this_job(), "language": language()})


def mounted() -> tuple[Mounted, ...]:
    """Return what is mounted in this server.

    Raises
    ------
    NoAnswer
        When the mount daemon does not say so.
    """
    answer = ask({"want": "mounted", "job": this_job(), "language": language()})
    try:
        return tuple(_LIST.validate_python(answer.get("mounted")))
    except ValidationError:
        raise _silence() from None


def own_mounts() -> bool:
    """Return whether this machine gives a server mounts of its own; only open datasets need none."""
    return ask({"want": "can"}).get("own_mounts") is True


def this_job() -> int:
    """Return the number of this server's job.

    Raises
    ------
    NoAnswer
        Outside the platform.
    """
    number = os.environ.get("SLURM_JOB_ID", "")
    if not re.fullmatch(r"[1-9][0-9]{0,9}", number):
        raise NoAnswer(say("outside"))
    return int(number)


def known(dataset_id: str) -> str:
    """Return a name as it is, when a dataset can have it: it becomes part of an address.

    Raises
    ------
    Refused
    """
    if not isinstance(dataset_id, str) or not _DATASET.fullmatch(dataset_id):
        raise Refused(say("no_dataset", id=repr(dataset_id)[:60]), "bad-name")
    return dataset_id


def ask(wish: dict[str, Any]) -> dict[str, Any]:
    """Return the mount daemon's answer to one line of JSON.

    Raises
    ------
    NoAnswer
        When there is none; :class:`Refused` with the daemon's own sentence.
    """
    path = os.environ.get("WERKPLAATS_MOUNTS", "")
    if not path:
        raise NoAnswer(say("outside"))
    try:
        answer = json.loads(_exchange(path, json.dumps(wish).encode() + b"\n"))
    except (OSError, ValueError):
        raise _silence() from None
    if not isinstance(answer, dict):
        raise _silence()
    if "trouble" in answer:
        raise Refused(str(answer.get("message") or say("mounts_away")), str(answer["trouble"]))
    return answer


def _exchange(path: str, line: bytes) -> bytes:
    late = time.monotonic() + _TIMEOUT
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.settimeout(_TIMEOUT)
        daemon.connect(path)
        daemon.sendall(line)
        came = b""
        while not came.endswith(b"\n"):
            daemon.settimeout(max(0.001, late - time.monotonic()))
            piece = daemon.recv(65536)
            if not piece or len(came) > _MOST:
                break
            came += piece
    return came


def _silence() -> NoAnswer:
    return NoAnswer(say("mounts_away"))
