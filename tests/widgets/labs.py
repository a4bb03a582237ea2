"""A real JupyterLab on loopback, with the extension as it was built here and a fake desk behind it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.instances import CHECKOUT

BUILT = CHECKOUT / "extensions/werkplaats_lab/build/labextension"
LOCALES = {"nl": "nl_NL", "en": "default"}


@contextlib.contextmanager
def lab(folder: Path, environment: dict[str, str], language: str, *, dark: bool = False) -> Iterator[str]:
    """Run Lab for one person, whose home is `folder`, and give its address."""
    for name in ("runtime", "data/labextensions", "work"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if BUILT.exists():  # or else the one that the environment has
        (folder / "data/labextensions/werkplaats-lab").symlink_to(BUILT)
    _settings(folder / "settings", language, dark)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    given = {
        **os.environ,
        **environment,
        "HOME": str(folder),
        "WERKPLAATS_LANGUAGE": language,
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_PATH": str(folder / "data"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        # So that Lab asks nobody for news: the tests' machine reaches nothing outside.
        "JUPYTERLAB_CHECK_FOR_UPDATES": "false",
    }
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
        f"--port={port}", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder / 'work'}",
    ]  # fmt: skip
    with (folder / "lab.log").open("w") as log:
        process = subprocess.Popen(command, env=given, stdout=log, stderr=log, cwd=folder)
    try:
        url = f"http://127.0.0.1:{port}/"
        _wait(url + "api/status", process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def running(url: str) -> list[dict[str, Any]]:
    """Return the sessions that Lab has."""
    found: list[dict[str, Any]] = _get(url + "api/sessions")
    return found


def errors(messages: list[str]) -> list[str]:
    """Return what went wrong in a page by our doing."""
    return [text for text in messages if re.search(r"werkplaats|wp-|anywidget|data panel", text)]


def _settings(folder: Path, language: str, dark: bool) -> None:
    chosen = {
        "translation-extension/plugin": {"locale": LOCALES[language]},
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "apputils-extension/themes": {"theme": f"JupyterLab {'Dark' if dark else 'Light'}"},
    }
    for name, values in chosen.items():
        path = folder / f"@jupyterlab/{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    late = time.monotonic() + 60
    while time.monotonic() < late and process.poll() is None:
        with contextlib.suppress(OSError):
            _get(url)
            return
        time.sleep(0.1)
    raise AssertionError("Lab did not come up")


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)
