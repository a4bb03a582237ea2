"""Slurm's own MariaDB: a data folder, one database, one user that may use it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from single_machine import files, secrets
from single_machine.console import Console
from single_machine.services import Supervisor
from werkplaats_hub.instance import Instance


def lay_down(console: Console, instance: Instance) -> None:
    """Make the data folder, once. A folder that was left half-made is made again."""
    folder = instance.state / "database"
    files.folder(folder, 0o700, "mysql")
    done = folder / "werkplaats-made"
    if done.exists():
        return
    for leftover in folder.iterdir():
        console.run(["rm", "-rf", str(leftover)])
    console.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={folder}",
            "--user=mysql",
            "--auth-root-authentication-method=socket",
            "--skip-test-db",
        ]
    )
    done.touch()


def start(console: Console, instance: Instance, supervisor: Supervisor) -> None:
    """Start it, and let Slurm's user in with the password that we keep."""
    supervisor.start("database")
    console.until(
        lambda: _sql(instance, "SELECT 1").returncode == 0,
        within=60,
        wrong="the database does not answer",
        mend=f"read {instance.logs}/database.out; is the disk full?",
    )
    password = secrets.read(instance, "database-password")
    made = _sql(
        instance,
        "CREATE DATABASE IF NOT EXISTS slurm_acct_db;"
        "CREATE USER IF NOT EXISTS 'slurm'@'localhost';"
        f"ALTER USER 'slurm'@'localhost' IDENTIFIED BY '{password}';"
        "GRANT ALL ON slurm_acct_db.* TO 'slurm'@'localhost';",
    )
    made.check_returncode()


def _sql(instance: Instance, statements: str) -> subprocess.CompletedProcess[str]:
    """Run statements as root, over the socket; they come on standard input, never on a command line."""
    socket: Path = instance.run / "database/mariadb.socket"
    return subprocess.run(
        ["mariadb", "--no-defaults", f"--socket={socket}", "--user=root"],
        input=statements,
        capture_output=True,
        text=True,
        check=False,
    )
