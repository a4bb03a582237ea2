"""The daemons of an instance, under one supervisor that restarts what dies."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from single_machine import files
from single_machine.console import Console
from single_machine.hardware import Node
from werkplaats_hub.instance import MARK, Instance

_STOP_SECONDS: Final = 20


@dataclass(frozen=True)
class Service:
    """One program under the supervisor.

    Attributes
    ----------
    user
        As whom it runs.
    environment
        Beside the instance's own variables.
    """

    name: str
    command: str
    user: str
    folder: Path = Path("/")
    environment: Mapping[str, str] = field(default_factory=dict)


def services(instance: Instance, nodes: Iterable[Node], node_js: Path, proxy_token: str) -> list[Service]:
    """Return the daemons in the order in which they need one another."""
    python, logs, run, state = instance.hub_python, instance.logs, instance.run, instance.state
    munged = (
        f"/usr/sbin/munged --foreground --num-threads=4 --key-file={instance.secrets}/munge.key "
        f"--socket={instance.munge_socket} --pid-file={run}/munge/munged.pid "
        f"--log-file={logs}/munge/munged.log --seed-file={state}/munge/seed"
    )
    mariadbd = (
        f"/usr/sbin/mariadbd --no-defaults --datadir={state}/database --socket={run}/database/mariadb.socket "
        # No port: connections of anybody on the machine could use up those that Slurm needs.
        f"--pid-file={run}/database/mariadb.pid --skip-networking "
        "--innodb-buffer-pool-size=128M --innodb-lock-wait-timeout=900 --skip-log-bin"
    )
    proxy = (
        f"{node_js} --require {instance.prefix}/proxy/fence.js "
        f"{instance.prefix}/proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy "
        f"--port {instance.port} --api-ip 127.0.0.1 --api-port {instance.port_proxy_api} "
        f"--default-target http://127.0.0.1:{instance.port_hub} "
        # A file, and not a page of the Hub's: it may be the Hub that does not answer.
        f"--error-path {instance.away_page.parent}"
        + (f" --ip {instance.address}" if instance.address else "")
    )
    config = instance.prefix / "hub/share/werkplaats/jupyterhub_config.py"
    return [
        Service("munge", munged, "munge"),
        Service("database", mariadbd, "mysql"),
        Service(
            "slurmdbd",
            "/usr/sbin/slurmdbd -D",
            "slurm",
            # slurmdbd.conf has no key for the socket; MariaDB's client library takes it from here.
            environment={"MYSQL_UNIX_PORT": str(run / "database/mariadb.socket")},
        ),
        Service("slurmctld", "/usr/sbin/slurmctld -D", "slurm"),
        *(Service(f"slurmd-{node.name}", f"/usr/sbin/slurmd -D -N {node.name}", "root") for node in nodes),
        Service("queue", f"{python} -I -m werkplaats_spawners.publisher {instance.queue_socket}", "slurm"),
        Service(
            "streams",
            f"{python} -I -m werkplaats_hub.streams.keeper",
            "slurm",
            environment={"WERKPLAATS_INSTANCE": str(instance.etc / "instance.json")},
        ),
        Service("proxy", proxy, instance.proxy_user, environment={"CONFIGPROXY_AUTH_TOKEN": proxy_token}),
        Service(
            "hub",
            f"{instance.prefix}/hub/bin/jupyterhub --config {config}",
            instance.hub_user,
            state / "hub",
            {"WERKPLAATS_INSTANCE": str(instance.etc / "instance.json"), "HOME": str(state / "hub")},
        ),
        Service("audit", f"{python} -I -m werkplaats_audit {instance.audit_settings}", instance.audit_user),
        Service(
            "desk",
            f"{python} -I -m werkplaats_desk {instance.desk_settings}",
            instance.desk_user,
            state / "desk",
            {"HOME": str(state / "desk")},
        ),
        Service("mounts", f"{python} -I -m werkplaats_mounts {instance.mounts_settings}", "root"),
    ]


def configuration(instance: Instance, all_services: Iterable[Service]) -> str:
    """Return supervisor's configuration; it holds the proxy's token, so root alone reads it."""
    common = {**instance.environment}
    parts = [
        MARK,
        "[supervisord]",
        f"logfile={instance.logs}/supervisor.log",
        f"pidfile={instance.run}/supervisor.pid",
        "user=root",
        "umask=027",  # logs are root's to read; the programs have their own
        f"minfds={_descriptors()}",
        "",
        "[unix_http_server]",
        f"file={instance.supervisor_socket}",
        "chmod=0700",
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "",
        "[supervisorctl]",
        f"serverurl=unix://{instance.supervisor_socket}",
        "",
    ]
    for service in all_services:
        variables = {**common, **service.environment}
        parts += [
            f"[program:{service.name}]",
            f"command={_plain(service.command)}",
            f"user={service.user}",
            f"directory={service.folder}",
            "environment=" + ",".join(f'{k}="{_plain(v)}"' for k, v in variables.items()),
            f"stdout_logfile={instance.logs}/{service.name}.out",
            "redirect_stderr=true",
            "umask=022",
            "autostart=false",
            "autorestart=true",
            "startsecs=1",
            "startretries=1000000",
            f"stopwaitsecs={_STOP_SECONDS}",
            "",
        ]
    return "\n".join(parts)


def _plain(text: str) -> str:
    """Return a text that supervisor's own interpolation leaves as it is."""
    return text.replace("%", "%%")


def _descriptors() -> int:
    """Return how many open files the daemons may have: thousands of connections, if allowed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(60_000, max(1024, most - 64))


class Supervisor:
    """The supervisor of one instance."""

    def __init__(self, console: Console, instance: Instance) -> None:
        self._console = console
        self._instance = instance
        self._conf = instance.etc / "supervisord.conf"

    def configure(self, text: str) -> None:
        """Write the configuration, and have a running supervisor take it up."""
        changed = files.write(self._conf, text, 0o600)
        if not self.alive():
            stop_strays(self._console, self._instance)
            self._start()
        elif changed:
            self._ctl("update")

    def _start(self) -> None:
        program = self._instance.prefix / "hub/bin/supervisord"
        self._console.run([program, "-c", self._conf])
        self._console.until(
            self.alive, within=20, wrong="the supervisor does not answer", mend="read the log of supervisor"
        )

    def alive(self) -> bool:
        """Return whether the supervisor answers."""
        return self._conf.exists() and self._ask("pid").returncode == 0

    def start(self, *names: str) -> None:
        """Start what does not run yet."""
        for name in names:
            if not self.running(name):
                self._ctl("start", name)

    def restart(self, *names: str) -> None:
        """Stop and start."""
        for name in names:
            self._ctl("restart", name)

    def stop(self, *names: str) -> None:
        """Stop."""
        for name in names:
            self._ctl("stop", name)

    def running(self, name: str) -> bool:
        """Return whether a service runs."""
        return " RUNNING " in self._ask("status", name).stdout

    def stands(self) -> bool:
        """Return whether it runs, or has left daemons behind."""
        return self.alive() or any(_children_of_a_dead(self._instance))

    def holds(self, name: str) -> bool:
        """Return whether a service has a process, under the supervisor or left behind by one that died."""
        return self.pid(name) > 0 or any(_children_of_a_dead(self._instance))

    def pid(self, name: str) -> int:
        """Return the process of a service, 0 when it has none."""
        answer = self._ask("pid", name).stdout.strip()
        return int(answer) if answer.isdigit() else 0

    def shutdown(self) -> None:
        """Stop every service, the last first, and the supervisor itself."""
        if self.alive():
            self._ctl("shutdown")
            self._console.until(
                lambda: not self._instance.supervisor_socket.exists(),
                within=len(NAMES) * _STOP_SECONDS,
                wrong="the supervisor does not end",
                mend="look with `ps` which of its services hangs",
            )
        stop_strays(self._console, self._instance)

    def _ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        program = self._instance.prefix / "hub/bin/supervisorctl"
        return subprocess.run(
            [program, "-c", self._conf, *words], capture_output=True, text=True, check=False, timeout=300
        )

    def _ctl(self, *words: str) -> None:
        done = self._ask(*words)
        self._console.note(f"supervisorctl {' '.join(words)}: {(done.stdout + done.stderr).strip()}")


NAMES: Final = (
    "munge",
    "database",
    "slurmdbd",
    "slurmctld",
    "slurmd",
    "queue",
    "streams",
    "proxy",
    "hub",
    "audit",
    "desk",
    "mounts",
)


def stop_strays(console: Console, instance: Instance) -> None:
    """End daemons whose supervisor died before them: they hold the ports that new ones need.

    Supervisor tells its children its address in their environment; that is how ours are known. A
    job's own processes (slurmstepd and below) are left alone.
    """
    strays = list(_children_of_a_dead(instance))
    for pid in strays:
        console.note(f"ending process {pid}, left behind by a supervisor that died")
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + _STOP_SECONDS
    while any(map(_lives, strays)) and time.monotonic() < end:
        time.sleep(0.1)


def _lives(pid: int) -> bool:
    """Return whether a process still runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _children_of_a_dead(instance: Instance) -> Iterable[int]:
    mark = f"SUPERVISOR_SERVER_URL=unix://{instance.supervisor_socket}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "comm").read_text().strip()
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if mark in variables and parent == 1 and command != "slurmstepd":
            yield int(entry.name)
