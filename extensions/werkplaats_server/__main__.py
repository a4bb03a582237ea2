"""Become the person's notebook server on this node."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from urllib.parse import quote, urlparse

from werkplaats_server import examples


def main() -> None:
    """Lay out the example notebooks, choose a port, and turn into ``jupyterhub-singleuser``."""
    examples.lay_out(Path(sys.prefix), Path.home())
    choose_port(os.environ)
    argv = [sys.executable, "-m", "jupyterhub.singleuser", *arguments(os.environ)]
    # A list and no shell: the process that Slurm signals is the server itself.
    os.execv(sys.executable, argv)  # noqa: S606


def choose_port(environment: MutableMapping[str, str]) -> None:
    """Put a free port into ``JUPYTERHUB_SERVICE_URL``, on the address that it names.

    Another process may take the port before the server does. Then the server fails to listen and
    the job ends with that sentence: the port is told to the Hub only once it is ours.
    """
    url = urlparse(environment["JUPYTERHUB_SERVICE_URL"])
    host = url.hostname or ""
    with socket.socket() as listener:
        listener.bind((host, 0))
        port = listener.getsockname()[1]
    environment["JUPYTERHUB_SERVICE_URL"] = url._replace(netloc=f"{host}:{port}").geturl()


def arguments(environment: Mapping[str, str]) -> list[str]:
    """Return the command line: what to open, and what is fixed for everybody."""
    opened = environment.get("WERKPLAATS_OPEN", "")
    return [
        f"--ServerApp.default_url=/lab{'/tree/' + quote(opened) if opened else ''}",
        "--LabApp.extension_manager=readonly",
        # Sockets in the runtime folder, which is the person's own; TCP ports would be open to the node.
        "--KernelManager.transport=ipc",
    ]


if __name__ == "__main__":
    main()
