"""An IPython extension that notices when the same error comes again and again, and lets help be offered.

It is loaded in every kernel of this environment, so it imports next to nothing, does nothing at all
outside the platform, and lets nothing of its own go wrong there: a kernel is somebody's work.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import linecache
import os
import re
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlsplit

#: How often the same goes wrong before the desk is told.
_TIMES: Final = 5
#: How many errors are told apart, and how often the desk is told, in one kernel.
_MOST: Final = 200
_MOST_TOLD: Final = 10
#: How long a cell waits for the desk's word (s); what comes later is shown after the next cell.
_PATIENCE: Final = 1.0
#: How long the desk may take (s), and how long an answer is read (bytes).
_TIMEOUT: Final = 10.0
_LONGEST: Final = 10_000
#: What somebody does on purpose.
_WANTED: Final = (KeyboardInterrupt, SystemExit, GeneratorExit)


class Watch:
    """What went wrong in one kernel, and how often."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}
        self._told = 0
        self._wanted: BaseException | None = None

    def after(self, result: Any) -> None:
        """Look at how a cell ended."""
        wrong = result.error_in_exec or result.error_before_exec
        if wrong is not None and not isinstance(wrong, _WANTED):
            self._count(wrong)
        if self._wanted is not None:
            wrong, self._wanted = self._wanted, None
            from werkplaats_widgets import offering

            offering.show(wrong)

    def _count(self, wrong: BaseException) -> None:
        same = fingerprint(wrong)
        if same not in self._times and len(self._times) >= _MOST:
            return
        self._times[same] = self._times.get(same, 0) + 1
        if self._times[same] == _TIMES and self._told < _MOST_TOLD:
            self._told += 1
            asking = threading.Thread(target=self._ask, args=(same, wrong), daemon=True)
            asking.start()
            asking.join(_PATIENCE)

    def _ask(self, same: str, wrong: BaseException) -> None:
        try:
            if is_wanted(same, os.environ):
                self._wanted = wrong
        except Exception:
            return  # the desk is away, or there is no help here: nobody is bothered with that


def is_wanted(same: str, environment: Mapping[str, str]) -> bool:
    """Tell the desk that the same went wrong five times, and return whether help is to be offered now.

    Without the package of widgets, whose import takes longer than the answer; and so that nobody but
    the desk is shown the token, through no proxy and after no redirection.

    Parameters
    ----------
    same
        A fingerprint: nothing of the code can be read from it.

    Raises
    ------
    OSError, ValueError, http.client.HTTPException
        When there is no answer.
    """
    desk = urlsplit(environment["WERKPLAATS_DESK_URL"].rstrip("/") + "/api/help/trouble")
    kind = http.client.HTTPSConnection if desk.scheme == "https" else http.client.HTTPConnection
    connection = kind(desk.netloc, timeout=_TIMEOUT)
    headers = {
        "Authorization": f"token {environment.get('JUPYTERHUB_API_TOKEN', '')}",
        "Content-Type": "application/json",
        "Accept-Language": environment.get("WERKPLAATS_LANGUAGE", "nl"),
    }
    try:
        connection.request("POST", desk.path, json.dumps({"kind": "error", "fingerprint": same}), headers)
        answer = connection.getresponse()
        said = json.loads(answer.read(_LONGEST)) if answer.status == 200 else None
    finally:
        connection.close()
    return isinstance(said, dict) and said.get("offer") is True


def fingerprint(wrong: BaseException) -> str:
    """Return what is the same when the same goes wrong again: SHA-256 of its kind and of the line it is in.

    Numbers and spaces do not count: a cell that is tried with another number is the same attempt.
    """
    line = _own_line(wrong.__traceback__) or str(getattr(wrong, "text", None) or "")
    normal = " ".join(re.sub(r"\d+", "0", line[:1000]).split())
    return hashlib.sha256(f"{type(wrong).__qualname__}\n{normal}".encode("utf-8", "replace")).hexdigest()


def _own_line(found: TracebackType | None) -> str:
    """Return the last line of a cell that the error went through; without one, the last of all."""
    own, any_line = "", ""
    while found is not None:
        name = found.tb_frame.f_code.co_filename
        any_line = linecache.getline(name, found.tb_lineno)
        if "ipykernel_" in name or name.startswith("<ipython-input"):
            own = any_line
        found = found.tb_next
    return own or any_line


def load_ipython_extension(shell: Any) -> None:
    """Watch a kernel, when it is one of the platform's."""
    if not os.environ.get("WERKPLAATS_DESK_URL"):
        return
    watch = Watch()

    def after(result: Any) -> None:
        try:
            watch.after(result)
        except Exception:
            shell.events.unregister("post_run_cell", after)  # whatever it is, it would come again

    shell.events.register("post_run_cell", after)
