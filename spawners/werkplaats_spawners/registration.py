"""The narrow route by which a job tells the Hub its port: a number, once per start.

It takes the place of batchspawner's route, which is removed: that one accepts more than a port.
"""

from __future__ import annotations

import hmac
from typing import Any, Final, Protocol

from jupyterhub import apihandlers
from jupyterhub.apihandlers import APIHandler
from tornado import web

ROUTE: Final = r"/api/werkplaats/port"
_FOREIGN: Final = r"/api/batchspawner"
#: Below are the system's ports, which no person's process can hold.
_LOWEST, _HIGHEST = 1024, 65535


class Starting(Protocol):
    """A server that may be waiting for its port; the Spawner is one."""

    api_token: str

    def register_port(self, port: int) -> bool:
        """Take the port, if none is known yet."""


class PortHandler(APIHandler):  # type: ignore[misc]  # JupyterHub has no annotations
    """``POST {"port": n}`` with the server's own token."""

    @web.authenticated
    def post(self) -> None:
        """Register the port: 204; a second time 409; anything but a port 400; another's token 403."""
        spawner: Starting | None = server_of_token(self)
        if spawner is None:
            raise web.HTTPError(403, "This token is not that of a server that is starting")
        port = read_port(self.get_json_body())
        if port is None:
            raise web.HTTPError(400, f'The body must be {{"port": {_LOWEST} to {_HIGHEST}}} and nothing else')
        if not spawner.register_port(port):
            raise web.HTTPError(409, "The port of this start is already known")
        self.set_status(204)


def server_of_token(handler: APIHandler) -> Any:
    """Return the caller's server (JupyterHub's Spawner) to which their token was given, and no other."""
    token = (handler.get_auth_token() or "").encode()
    for spawner in getattr(handler.current_user, "spawners", {}).values():
        if spawner.api_token and hmac.compare_digest(spawner.api_token.encode(), token):
            return spawner
    return None


def read_port(body: Any) -> int | None:
    """Return the port that a request's body names, or ``None`` for any other body.

    >>> read_port({"port": 40000})
    40000
    >>> read_port({"port": 40000, "exec_prefix": "x"}) is None
    True
    """
    if not isinstance(body, dict) or set(body) != {"port"}:
        return None
    port = body["port"]
    return port if type(port) is int and _LOWEST <= port <= _HIGHEST else None


def claim_route() -> None:
    """Put our route in, and batchspawner's out; once, however often it is called."""
    handlers = apihandlers.default_handlers
    handlers[:] = [entry for entry in handlers if entry[0] not in (_FOREIGN, ROUTE)]
    handlers.append((ROUTE, PortHandler))
