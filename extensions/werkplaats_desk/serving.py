"""How the desk listens: who connects and asks nothing keeps nobody else waiting.

uvicorn closes a connection that is idle after an answer, and none that never asked: so many of those as
it takes at once (``limit_concurrency``), and everybody else reads 503. Anybody on the machine can
make them. Here a request must be whole within a while, and where there are many connections the one that
has said nothing for longest makes room. A large body that the desk wants may take longer, while it comes in.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from werkplaats_desk import bodies

#: How long a request may take to come in, its body included (s); and how long each piece of a large one.
WHOLE_WITHIN: Final = 15.0
#: Of more connections than this one that asks nothing must go, when what came with it was read (s).
CROWDED: Final = 400
_READ_WITHIN: Final = 0.1
#: So many at once, in spite of that, are answered with 503.
_MOST: Final = 2000
#: Who asks nothing: before a request, and in the midst of one.
_UNASKED: Final = (h11.IDLE, h11.SEND_BODY)


class Connection(H11Protocol):
    """One connection, which asks in time or goes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.since = self.loop.time()
        self._patience: asyncio.TimerHandle | None = None

    @property
    def waits(self) -> bool:
        """Whether it has asked nothing that is whole, and nothing is being answered."""
        return self.conn.their_state in _UNASKED

    @property
    def is_admitted(self) -> bool:
        """Whether a large body is coming in that is wanted: of few at once, and of who is known."""
        coming = self.scope is not None and self.conn.their_state is h11.SEND_BODY
        return coming and bodies.ADMITTED in self.scope

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to count, and have another go where there are too many."""
        super().connection_made(transport)
        self._count()
        if len(self.connections) > CROWDED:
            self.loop.call_later(_READ_WITHIN, self._make_room)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count no more."""
        super().connection_lost(exc)
        self._forget()

    def handle_events(self) -> None:
        """Take up what came in; a request that is whole has time for its answer."""
        super().handle_events()
        if not self.waits:
            self._forget()
        elif self.is_admitted:
            self._renew()
        else:
            self._count()

    def _count(self) -> None:
        if self._patience is None and not self.transport.is_closing():
            self.since = self.loop.time()
            self._patience = self.loop.call_later(WHOLE_WITHIN, self._end)

    def _renew(self) -> None:
        """Wait for the next piece, and not for ever; who is too slow has time left to read that."""
        self._forget()
        left = self.since + bodies.SECONDS + WHOLE_WITHIN - self.loop.time()
        self._patience = self.loop.call_later(min(WHOLE_WITHIN, left), self._end)

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _end(self) -> None:
        self._patience = None
        if self.waits:
            self.transport.abort()

    def _make_room(self) -> None:
        """Close the one that has asked nothing for longest."""
        here = [one for one in self.connections if not one.transport.is_closing()]
        waiting = [one for one in here if isinstance(one, Connection) and one.waits and not one.is_admitted]
        if waiting and len(here) > CROWDED:
            min(waiting, key=lambda one: one.since).transport.abort()


def server(app: Any, port: int) -> uvicorn.Server:
    """Return what serves the desk on loopback."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            http=Connection,
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            limit_concurrency=_MOST,
        )
    )
