"""Kernels that the data panel left behind: their page is gone, and nobody can come back to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from tornado.ioloop import PeriodicCallback

#: What the panel calls its sessions (`panel.ts` in the Lab extension).
TYPE: Final = "werkplaats"
#: How long one may be without its page (seconds): a laptop that was shut for a moment finds it again.
PATIENCE: Final = 600.0
#: How often it is looked (seconds).
EVERY: Final = 60.0


class Leftovers:
    """Ends the panel's kernels that no page is connected to any more.

    The panel ends its kernel with its page. A browser that crashed, or a lost network, does not; Jupyter
    Server's own culling would end everybody's kernels, also those with work in them.

    Parameters
    ----------
    serverapp
        Whose sessions these are.
    patience
        How long a kernel may be alone (seconds).
    clock
        Tells the time (seconds, from anywhere).
    """

    def __init__(
        self, serverapp: Any, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._serverapp = serverapp
        self._patience = patience
        self._clock = clock
        self._alone_since: dict[str, float] = {}

    async def look(self) -> None:
        """Look once. One that cannot be ended now is tried again at the next look."""
        sessions = await self._serverapp.session_manager.list_sessions()
        now = self._clock()
        self._alone_since = {found: self._alone_since.get(found, now) for found in alone(sessions)}
        for found, since in self._alone_since.items():
            if now - since >= self._patience:
                self._serverapp.log.info("The data panel's page is gone: its kernel ends (%s)", found)
                try:
                    await self._serverapp.session_manager.delete_session(found)
                except Exception:  # whatever it is, the other kernels and the server go on
                    self._serverapp.log.exception("The data panel's kernel did not end (%s)", found)


def alone(sessions: list[dict[str, Any]]) -> list[str]:
    """Return the panel's sessions whose kernel has no page, and is no notebook's kernel as well.

    Parameters
    ----------
    sessions
        As ``api/sessions`` gives them.
    """
    others = {found["kernel"]["id"] for found in sessions if found["type"] != TYPE}
    return [
        found["id"]
        for found in sessions
        if found["type"] == TYPE
        and not found["kernel"]["connections"]
        and found["kernel"]["id"] not in others
    ]


def watch(serverapp: Any) -> PeriodicCallback:
    """Look for leftovers as long as the server runs."""
    looking = PeriodicCallback(Leftovers(serverapp, PATIENCE).look, EVERY * 1000)
    looking.start()
    return looking
