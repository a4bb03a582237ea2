"""The peer: a JupyterHub with stock batchspawner, on the same Slurm as ours.

It runs as a system user of its own, from the same packages and with the same proxy program as ours.
How it is configured, and why so, stands in ``stock_jupyterhub_config.py``.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests
from tests.instances import PORTS

from benchmarks.ours import NAME, Ours
from benchmarks.processes import command_line, family
from single_machine import environments, files, secrets
from single_machine.console import Console
from werkplaats_hub.instance import Instance

USER: Final = f"{NAME}-stock"
_RULE: Final = Path("/etc/sudoers.d") / USER
_CONFIG: Final = Path(__file__).with_name("stock_jupyterhub_config.py")

#: Packages that are not the peer's.
_OURS: Final = ("werkplaats", "single_machine")
#: What pip makes of batchspawner's console script, with its library beside the environment and not
#: in it: people's environment is ours, and has no batchspawner.
_SINGLEUSER: Final = """#!{python}
import sys

sys.path.append("{library}")
from batchspawner.singleuser import main

sys.exit(main())
"""


@dataclass(frozen=True)
class Stock:
    """The running peer."""

    url: str
    hub_pid: int

    @property
    def proxy_pids(self) -> set[int]:
        """The proxy, which is the Hub's child here."""
        return family(self.hub_pid) - {self.hub_pid}


@contextmanager
def running(ours: Ours, root: Path, console: Console) -> Iterator[Stock]:
    """Bring the peer up beside ours, and leave nothing of it outside `root`."""
    remove(root, console)
    try:
        _lay_down(ours.instance, root, console)
        yield _start(ours, root)
    finally:
        remove(root, console)


def remove(root: Path, console: Console) -> None:
    """Stop the Hub and its proxy, also those of a run that was killed; take user and rule away."""
    pid_file = root / "hub.pid"
    if pid_file.exists():
        _end(int(pid_file.read_text()), str(root))
    _RULE.unlink(missing_ok=True)
    with suppress(KeyError):
        pwd.getpwnam(USER)
        console.run(["userdel", USER])
    shutil.rmtree(root, ignore_errors=True)


def _end(pid: int, mark: str) -> None:
    """End a Hub that we started, and the proxy below it, if the process is still that one."""
    if mark not in command_line(pid):
        return
    whole = family(pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for each in whole:
            with suppress(ProcessLookupError):
                os.kill(each, number)
        end = time.monotonic() + 15
        while any(map(_alive, whole)) and time.monotonic() < end:
            time.sleep(0.1)


def _alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped (by us) does not."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return bool(command_line(pid))


def _lay_down(instance: Instance, root: Path, console: Console) -> None:
    """Make the user, its sudo rule, the job's program and the Hub's configuration."""
    console.run(
        ["useradd", "--system", "--user-group", "--home-dir", root, "--shell", "/usr/sbin/nologin", USER]
    )
    files.folder(root)
    files.folder(root / "state", 0o700, USER)
    # As batchspawner's documentation has it, for the people of the platform and no others.
    commands = "/usr/bin/sbatch, /usr/bin/squeue, /usr/bin/scancel"
    rule = root / "sudoers"
    files.write(rule, f"{USER} ALL=(%{instance.people}) NOPASSWD:SETENV: {commands}\n", 0o440)
    console.run(["visudo", "--check", "--quiet", f"--file={rule}"])
    shutil.copy(rule, _RULE)
    _lay_down_hub(instance, root, console)
    _lay_down_singleuser(instance, root)
    # Ours tells our Hub its port; at the peer nobody listens to that.
    without_ours = {"ServerApp": {"jpserver_extensions": {"werkplaats_server": False}}}
    files.folder(root / "jupyter/jupyter_server_config.d")
    files.write(root / "jupyter/jupyter_server_config.d/stock.json", json.dumps(without_ours))
    shutil.copy(_CONFIG, root / _CONFIG.name)
    files.write(root / "settings.json", json.dumps(_settings(instance, root)), 0o400, USER)


def _lay_down_hub(instance: Instance, root: Path, console: Console) -> None:
    """Make the Hub's environment: ours, package by package, but for our own packages.

    JupyterHub loads every spawner that its environment offers. Ours takes batchspawner's route away,
    and would count as the peer's memory.
    """
    console.run([instance.hub_python.resolve(), "-m", "venv", "--without-pip", root / "hub"])
    (theirs,) = (root / "hub").glob("lib/python3*/site-packages")
    for package in (instance.prefix / "hub" / theirs.relative_to(root / "hub")).iterdir():
        if not package.name.startswith(_OURS) and not (theirs / package.name).exists():
            (theirs / package.name).symlink_to(package)
    files.folder(root / "hub/share")
    (root / "hub/share/jupyterhub").symlink_to(instance.prefix / "hub/share/jupyterhub")


def _lay_down_singleuser(instance: Instance, root: Path) -> None:
    """Put batchspawner where a job finds it: the very files of the Hub's environment."""
    hub = instance.prefix / "hub"
    (package,) = hub.glob("lib/python3*/site-packages/batchspawner")
    shutil.copytree(package, root / "lib/batchspawner")
    text = _SINGLEUSER.format(python=instance.notebook / "bin/python3", library=root / "lib")
    files.folder(root / "bin")
    files.write(root / "bin/batchspawner-singleuser", text, 0o755)


def _settings(instance: Instance, root: Path) -> dict[str, Any]:
    """Return what the configuration file reads."""
    first = instance.port + PORTS - 3
    node = environments.node_js(instance)
    proxy = instance.prefix / "proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy"
    return {
        "root": str(root),
        "port": first,
        "port_hub": first + 1,
        "port_proxy_api": first + 2,
        "proxy": [str(node), str(proxy)],
        "notebook": str(instance.notebook),
        "slurm_conf": str(instance.slurm_conf),
        "nodes": [f"{instance.node_prefix}{number}" for number in range(1, 10)],
        "demo_password": secrets.read(instance, "demo-password"),
        "admin_password": secrets.read(instance, "admin-password"),
    }


def _start(ours: Ours, root: Path) -> Stock:
    """Start the Hub; return when it answers."""
    instance = ours.instance
    with (ours.instance.logs / "stock-hub.out").open("wb") as log:
        hub = subprocess.Popen(
            [root / "hub/bin/python3", "-m", "jupyterhub", "--config", root / _CONFIG.name],
            cwd=root / "state",
            env={**instance.environment, "HOME": str(root / "state")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            user=USER,
            group=USER,
            extra_groups=[],
            start_new_session=True,
        )
    (root / "hub.pid").write_text(str(hub.pid))
    url = f"http://127.0.0.1:{instance.port + PORTS - 3}/"
    end = time.monotonic() + 60
    while not _answers(url):
        if hub.poll() is not None or time.monotonic() > end:
            said = (instance.logs / "stock-hub.out").read_text()[-2000:]
            raise RuntimeError(f"the stock Hub does not start:\n{said}")
        time.sleep(0.2)
    return Stock(url, hub.pid)


def _answers(url: str) -> bool:
    try:
        return requests.get(url + "hub/health", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False
