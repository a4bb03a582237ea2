"""Enrol people with the real useradd and the real sudo, in a mount namespace with an /etc of its own.

Run by ``test_enrol_for_real.py`` as ``unshare --mount python enrol_for_real.py``: nothing of it is left
on the machine. Only ``sacctmgr`` is replaced. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

#: A folder that root alone can write to, and so all those above it.
ROOT = Path("/srv")
SACCTMGR = """#!/bin/sh
[ -e /srv/away ] && { echo 'sacctmgr: error: Sending PersistInit msg: Connection refused' >&2; exit 1; }
case "$*" in
*" show "*)
    for word; do case $word in user=*) user=${word#user=};; esac; done
    [ -e "/srv/made/$user" ] && echo "first-steps|$user|"
    exit 0;;
esac
[ -e "/srv/made/$4" ] && { echo ' Nothing new added.'; exit 1; }
echo "$*" >>/srv/commands
env >/srv/environment
touch "/srv/made/$4"
"""


def mount() -> None:
    """Put a copy of /etc in the place of /etc, an empty disk on /srv, and another sacctmgr into its place."""
    run("mount", "-t", "tmpfs", "-o", "mode=755", "none", str(ROOT))
    run("mount", "-t", "tmpfs", "-o", "mode=755", "none", "/var/log")
    run("cp", "-a", "/etc", "/srv/etc")
    for rule in Path("/srv/etc/sudoers.d").iterdir():
        rule.unlink()
    run("mount", "--bind", "/srv/etc", "/etc")
    fake = ROOT / "sacctmgr"
    fake.write_text(SACCTMGR)
    fake.chmod(0o755)
    run("mount", "--bind", str(fake), "/usr/bin/sacctmgr")
    (ROOT / "made").mkdir()


def run(*argv: str, **given: Any) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(argv, text=True, capture_output=True, check=given.pop("check", True), **given)


class Installed:
    """An instance of which only people and the privileged programs are there."""

    def __init__(self, facility_file: Path) -> None:
        from single_machine import accounts
        from single_machine.console import Console
        from werkplaats_hub import facility as facilities
        from werkplaats_hub.instance import Instance

        self.instance = Instance.beside(ROOT / "wp", "wpns", 28000)
        self.console = Console(ROOT / "log", quiet=True)
        self.accounts = accounts
        for folder in (self.instance.homes, self.instance.job_logs, self.instance.run, self.instance.etc):
            folder.mkdir(parents=True)
        self._make_environment()
        accounts.make_system_users(self.console, self.instance)
        self.instance.facility.write_text(facility_file.read_text())
        accounts.allow_programs(self.console, self.instance, facilities.read(facility_file))

    def examined(self) -> Iterator[tuple[bool, str, str]]:
        """Yield what the doctor says of people and the privileged programs."""
        from single_machine import doctor

        for look in (doctor._the_sudo_rule, doctor._the_programs, doctor._newcomers):
            for finding in look(self.instance):
                yield finding.wrong, finding.what, finding.mend

    def _make_environment(self) -> None:
        prefix = self.instance.prefix / "hub"
        run("/usr/bin/python3", "-m", "venv", "--without-pip", str(prefix))
        (site,) = prefix.glob("lib/python3*/site-packages")
        source = Path(sys.modules["single_machine"].__path__[0]).parents[1] / "spawners"
        # What root runs must be root's alone: a checkout need not be.
        run("cp", "-r", f"{source}/werkplaats_spawners", str(site))

    def ask(self, message: str, *words: str) -> str:
        """Run *enrol* as the Hub does; return its answer, or what sudo said."""
        hub = pwd.getpwnam(self.instance.hub_user)
        identity = [f"--reuid={hub.pw_uid}", f"--regid={hub.pw_gid}", "--clear-groups"]
        sudo = ["sudo", "-n", "-u", "root", str(self.instance.enrol), *words]
        done = run("setpriv", *identity, *sudo, input=message, check=False, cwd="/")
        return done.stdout.strip() or done.stderr.strip()

    def enrol(self, name: str) -> str:
        """Enrol somebody."""
        return self.ask(json.dumps({"name": name}))


def look(name: str) -> dict[str, Any]:
    """Return what there is of a person."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return {}
    home = os.stat(entry.pw_dir)
    return {
        "uid": entry.pw_uid,
        "home": entry.pw_dir,
        "mode": oct(home.st_mode & 0o7777),
        "owner": home.st_uid,
        "files": sorted(os.listdir(entry.pw_dir)),
        "groups": run("id", "-nG", name).stdout.split(),
        "password": run("getent", "shadow", name).stdout.split(":")[1],
    }


def scenes(installed: Installed) -> dict[str, Any]:
    """Play every scene; return what came of each."""
    seen: dict[str, Any] = {"first": installed.enrol("anna"), "anna": look("anna")}
    seen["environment"] = sorted(
        line.split("=")[0] for line in (ROOT / "environment").read_text().splitlines()
    )
    seen["again"] = installed.enrol("anna")
    seen["hostile"] = {
        name: installed.enrol(name)
        for name in (
            "root",
            "daemon",
            "sudo",
            "wpns-hub",
            "wpns-later",
            "nobody",
            "--uid=0",
            "a\nb",
            "docker",
        )
    }
    seen["arguments"] = installed.ask('{"name": "bob"}', "--help")
    seen["bob"] = look("bob")
    (ROOT / "away").touch()
    seen["away"] = installed.enrol("carla")
    (ROOT / "away").unlink()
    seen["back"] = installed.enrol("carla")
    began = time.monotonic()
    with ThreadPoolExecutor(30) as pool:
        seen["thirty"] = sorted(pool.map(installed.enrol, [f"new{n}" for n in range(30)]))
        seen["seconds"] = time.monotonic() - began
        seen["twins"] = sorted(pool.map(installed.enrol, ["twin"] * 8))
    seen["uids"] = len({pwd.getpwnam(f"new{n}").pw_uid for n in range(30)})
    seen["commands"] = (ROOT / "commands").read_text().splitlines()
    seen["doctor"] = [*installed.examined()]
    installed.instance.enrol.chmod(0o775)
    (installed.instance.etc / "enrol.json").write_text("{}")
    with Path("/etc/sudoers.d/other").open("w") as more:
        more.write(f"{installed.instance.hub_user} ALL=(root) NOPASSWD: /usr/bin/id\n")
    seen["ill"] = [*installed.examined()]
    installed.accounts.make_person(installed.console, installed.instance, "anna")
    installed.accounts.make_person(installed.console, installed.instance, "demo")
    seen["demo"] = look("demo")
    installed.accounts.remove(installed.console, installed.instance, ["demo"])
    seen["left"] = [entry.pw_name for entry in pwd.getpwall() if "wpns" in entry.pw_gecos + entry.pw_name]
    return seen


if __name__ == "__main__":
    mount()
    print(json.dumps(scenes(Installed(Path(sys.argv[1])))))
