"""A peer: another JupyterHub on the same Slurm as ours, to compare with.

It runs as a system user of its own, from the same packages and with the same proxy program as ours.
What differs from one peer to the next is its recipe (``stock.py``, ``moss.py``); how each is
configured, and why so, stands in its ``..._jupyterhub_config.py``.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
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

_HERE: Final = Path(__file__).parent
#: What all peers have in common; theirs load it.
_SHARED: Final = "peer_jupyterhub_config.py"
#: Packages that are not the peer's.
_OURS: Final = ("werkplaats", "single_machine")
#: Ports of one peer in a row: the web, its Hub, its proxy's API.
_PORTS: Final = 3


@dataclass(frozen=True)
class Recipe:
    """What makes a peer this one.

    Attributes
    ----------
    name
        Of its user, files and configuration.
    number
        Which of the peers it is, from 1: each has ports of its own at the end of the instance's.
    commands
        What sudo lets its Hub run as a person.
    lay_down
        Puts in place, below a folder of its own, what only this peer has.
    """

    name: str
    number: int
    commands: tuple[str, ...]
    lay_down: Callable[[Instance, Path, Console], None]

    @property
    def user(self) -> str:
        """The system user that it runs as."""
        return f"{NAME}-{self.name}"

    @property
    def rule(self) -> Path:
        """The file of its sudo rule."""
        return Path("/etc/sudoers.d") / self.user

    @property
    def config(self) -> str:
        """The name of its configuration file."""
        return f"{self.name}_jupyterhub_config.py"

    def port(self, instance: Instance) -> int:
        """Return the first of its ports."""
        return instance.port + PORTS - _PORTS * self.number


@dataclass(frozen=True)
class Peer:
    """A running peer."""

    url: str
    hub_pid: int

    @property
    def proxy_pids(self) -> set[int]:
        """The proxy, which is the Hub's child here."""
        return family(self.hub_pid) - {self.hub_pid}


@contextmanager
def running(recipe: Recipe, ours: Ours, root: Path, console: Console) -> Iterator[Peer]:
    """Bring a peer up beside ours, and leave nothing of it outside `root`."""
    remove(recipe, root, console)
    try:
        _lay_down(recipe, ours.instance, root, console)
        yield _start(recipe, ours.instance, root)
    finally:
        remove(recipe, root, console)


def remove(recipe: Recipe, root: Path, console: Console) -> None:
    """Stop the Hub and its proxy, also those of a run that was killed; take user and rule away."""
    pid_file = root / "hub.pid"
    if pid_file.exists():
        _end(int(pid_file.read_text()), str(root))
    recipe.rule.unlink(missing_ok=True)
    with suppress(KeyError):
        pwd.getpwnam(recipe.user)
        console.run(["userdel", recipe.user])
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


def _lay_down(recipe: Recipe, instance: Instance, root: Path, console: Console) -> None:
    """Make the user, its sudo rule, the Hub's environment and its configuration."""
    shell = "/usr/sbin/nologin"
    console.run(["useradd", "--system", "--user-group", "--home-dir", root, "--shell", shell, recipe.user])
    files.folder(root)
    files.folder(root / "state", 0o700, recipe.user)
    # As batchspawner's documentation has it, for the people of the platform and no others.
    commands = ", ".join(recipe.commands)
    rule = root / "sudoers"
    files.write(rule, f"{recipe.user} ALL=(%{instance.people}) NOPASSWD:SETENV: {commands}\n", 0o440)
    console.run(["visudo", "--check", "--quiet", f"--file={rule}"])
    shutil.copy(rule, recipe.rule)
    _lay_down_hub(instance, root, console)
    recipe.lay_down(instance, root, console)
    for config in (_SHARED, recipe.config):
        shutil.copy(_HERE / config, root / config)
    settings = json.dumps(_settings(instance, root, recipe.port(instance)))
    files.write(root / "settings.json", settings, 0o400, recipe.user)


def _lay_down_hub(instance: Instance, root: Path, console: Console) -> None:
    """Make the Hub's environment: ours, package by package, but for our own packages.

    JupyterHub loads every spawner that its environment offers. Ours takes batchspawner's route away,
    and would count as the peer's memory.
    """
    console.run([instance.hub_python.resolve(), "-m", "venv", "--without-pip", root / "hub"])
    theirs = site_packages(root / "hub")
    link(instance.prefix / "hub" / theirs.relative_to(root / "hub"), theirs)
    files.folder(root / "hub/share")
    (root / "hub/share/jupyterhub").symlink_to(instance.prefix / "hub/share/jupyterhub")


def site_packages(environment: Path) -> Path:
    """Return the folder of an environment's packages."""
    (found,) = environment.glob("lib/python3*/site-packages")
    return found


def link(packages: Path, theirs: Path) -> None:
    """Give a peer packages that lie elsewhere, but none of ours."""
    for package in packages.iterdir():
        if not package.name.startswith(_OURS) and not (theirs / package.name).exists():
            (theirs / package.name).symlink_to(package)


def _settings(instance: Instance, root: Path, first: int) -> dict[str, Any]:
    """Return what the configuration files read."""
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


def _start(recipe: Recipe, instance: Instance, root: Path) -> Peer:
    """Start the Hub; return when it answers."""
    out = instance.logs / f"{recipe.name}-hub.out"
    with out.open("wb") as log:
        hub = subprocess.Popen(
            [root / "hub/bin/python3", "-m", "jupyterhub", "--config", root / recipe.config],
            cwd=root / "state",
            env={**instance.environment, "HOME": str(root / "state")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            user=recipe.user,
            group=recipe.user,
            extra_groups=[],
            start_new_session=True,
        )
    (root / "hub.pid").write_text(str(hub.pid))
    url = f"http://127.0.0.1:{recipe.port(instance)}/"
    end = time.monotonic() + 60
    while not _answers(url):
        if hub.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the {recipe.name} Hub does not start:\n{out.read_text()[-2000:]}")
        time.sleep(0.2)
    return Peer(url, hub.pid)


def _answers(url: str) -> bool:
    try:
        return requests.get(url + "hub/health", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False
