"""Become the person's notebook server on this node."""

from __future__ import annotations

from werkplaats_server import signals

if __name__ == "__main__":
    signals.hold()  # before anything else: until then the signal would end the process

import json
import os
import socket
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlparse

from werkplaats_server import examples, lesson

#: Lab's defaults for everybody, as the package lays them down in an environment.
OVERRIDES: Final = Path("share/jupyter/lab/settings/overrides.json")
#: The Hub's languages, by the names of Lab's language packs.
LOCALES: Final = {"nl": "nl_NL"}


def main() -> None:
    """Lay out the example notebooks, choose a port, and become ``jupyterhub-singleuser``."""
    examples.lay_out(Path(sys.prefix), Path.home())
    choose_port(os.environ)
    name_log(os.environ)
    settings = write_settings(Path(sys.prefix), os.environ)
    sys.argv = ["jupyterhub-singleuser", *arguments(os.environ, settings)]
    travel_light(sys.modules)

    from jupyterhub.singleuser import main as serve

    serve()


def travel_light(modules: MutableMapping[str, Any]) -> None:
    """Keep out a module that takes a second to import and that no server needs.

    ``rfc3987_syntax`` compiles its grammars when it is imported (jupyter_server#1559). jsonschema
    wants it for the format checks of internationalised addresses only, and does without where it
    is not installed.
    """
    modules["rfc3987_syntax"] = None


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


def name_log(environment: MutableMapping[str, str]) -> None:
    """Put this server's log into ``WERKPLAATS_LOG_FILE``: its end can go along with a question."""
    try:
        log = os.readlink("/proc/self/fd/2")
    except OSError:
        return
    if Path(log).is_file():
        environment["WERKPLAATS_LOG_FILE"] = log


def write_settings(prefix: Path, environment: Mapping[str, str]) -> Path:
    """Write Lab's defaults for this server: the environment's own, in the person's language.

    What a person chose in Lab's settings goes before these.

    Returns
    -------
    pathlib.Path
        The folder, below the server's runtime folder, for Lab to read them from.
    """
    defaults = json.loads((prefix / OVERRIDES).read_text())
    locale = LOCALES.get(environment.get("WERKPLAATS_LANGUAGE", ""), "default")
    defaults["@jupyterlab/translation-extension:plugin"] = {"locale": locale}
    folder = Path(environment["JUPYTER_RUNTIME_DIR"]) / "settings"
    folder.mkdir(exist_ok=True)
    (folder / "overrides.json").write_text(json.dumps(defaults))
    return folder


def arguments(environment: Mapping[str, str], settings: Path) -> list[str]:
    """Return the command line: what to open, and what is fixed for everybody."""
    return [
        f"--ServerApp.default_url={lesson.address(environment, Path.home())}",
        f"--LabApp.app_settings_dir={settings}",
        "--LabApp.extension_manager=readonly",
        # A kernel's ports are open to everybody on the node; with CurveZMQ only its server can read them.
        "--KernelManager.transport_encryption=auto",
    ]


if __name__ == "__main__":
    main()
