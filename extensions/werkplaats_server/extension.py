"""The server extension: tells the Hub on which port this server listens, and Lab when it will end."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlparse

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from werkplaats_server import guests, leftover, lesson, notice, signals

_TRIES: Final = 20


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Put up the notice board, what is said of a missing lesson, and a watch; the port is told later."""
    notice.put_up(serverapp, os.environ)
    lesson.put_up(serverapp, os.environ)
    guests.put_up(serverapp, os.environ)


async def _start_jupyter_server_extension(serverapp: Any) -> None:
    """Listen to Slurm, and tell the port; a server that nobody can reach must not stay."""
    leftover.watch(serverapp)
    if signals.held():
        board = serverapp.web_app.settings["werkplaats_board"]
        signals.listen(asyncio.get_running_loop(), board.heard)
    if "JUPYTERHUB_API_URL" not in os.environ:  # somebody's own Jupyter in this environment
        return
    try:
        await tell_port(serverapp.port, os.environ)
    except (HTTPClientError, OSError) as wrong:
        serverapp.log.critical("The Hub did not take this server's port: %s", wrong)
        serverapp.stop(from_signal=True)


def port_request(port: int, environment: Mapping[str, str]) -> HTTPRequest:
    """Return the request that registers `port`: that number and nothing else."""
    return HTTPRequest(
        environment["JUPYTERHUB_API_URL"] + "/werkplaats/port",
        method="POST",
        headers={
            "Authorization": "token " + environment["JUPYTERHUB_API_TOKEN"],
            "Content-Type": "application/json",
        },
        body=json.dumps({"port": port}),
        connect_timeout=5,
        request_timeout=10,
    )


async def tell_port(port: int, environment: Mapping[str, str]) -> None:
    """Register the port, trying again while the Hub is away (it may be restarting).

    Raises
    ------
    HTTPClientError
        When the Hub refuses: this start is no longer wanted.
    OSError
        When the Hub cannot be reached for a minute.
    """
    client = AsyncHTTPClient()
    for attempt in range(_TRIES):
        try:
            await client.fetch(port_request(port, environment))
            return
        except HTTPClientError as answer:
            if answer.code == 409 and attempt > 0:
                return  # an earlier try arrived, and its answer was lost
            if answer.code < 500:
                raise
            last: Exception = answer
        except OSError as away:
            last = away
        await asyncio.sleep(min(0.2 * 2**attempt, 5))
    host = urlparse(environment["JUPYTERHUB_API_URL"]).netloc
    raise OSError(f"no answer from {host}: {last}")
