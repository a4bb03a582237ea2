"""What the tests of the mount daemon need: datasets in a vault, jobs, and who asks."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.datasets.records import record
from tests.mounts.fakes import Audit, Desk
from werkplaats_datasets.catalogue import Entry
from werkplaats_datasets.grants import Grant, Revocation, sign_grant
from werkplaats_datasets.signed import Signer

from .conftest import PREFIX, Platform, until

#: What a person's program does: it says lines, and prints what comes back and how long that took (s).
ASK = """
import json, socket, sys, time
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
lines = link.makefile("rwb")
for line in sys.stdin.buffer:
    began = time.monotonic()
    lines.write(line)
    lines.flush()
    answer = json.loads(lines.readline())
    print(json.dumps([answer, time.monotonic() - began]), flush=True)
"""


@dataclass
class Mounting:
    """The mount daemon of a platform, with a desk and an audit of the tests' own."""

    platform: Platform
    desk: Desk
    audit: Audit
    signer: Signer
    datasets: dict[str, Path] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """Where datasets are mounted."""
        return self.platform.instance.data

    @property
    def state(self) -> Path:
        """What the daemon keeps."""
        return self.platform.instance.state / "mounts"

    def folder(self, dataset: str, text: str, version: str = "1.0.0") -> Path:
        """Lay a dataset of one file down in the vault."""
        folder = self.platform.instance.vault / dataset / version
        folder.mkdir(parents=True)
        self.offer(dataset, version)
        (folder / "rows.csv").write_text(text)
        (folder / "program").write_text("#!/bin/sh\necho ran\n")
        (folder / "program").chmod(0o4755)
        (folder / "link").symlink_to("/etc/passwd")
        return folder

    def offer(self, dataset: str, version: str = "1.0.0", withdrawn_at: int | None = None) -> None:
        """Put a dataset into the catalogue."""
        folder = self.platform.instance.catalogue / dataset / version
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "croissant.json").write_text(json.dumps(record(identifier=dataset, version=version)))
        entry = Entry(
            size_bytes=1,
            files=1,
            checksum="sha256:" + "0" * 64,
            source="folder",
            added_at=1,
            withdrawn_at=withdrawn_at,
        )
        (folder / "entry.json").write_text(entry.model_dump_json())
        (folder.parent / "current").write_text(version)

    def forget(self, *datasets: str) -> None:
        """Take datasets out of catalogue and vault."""
        for above in (self.platform.instance.vault, self.platform.instance.catalogue):
            for dataset in datasets:
                shutil.rmtree(above / dataset, ignore_errors=True)

    def grant(self, role: str, job: int, dataset: str, **changes: Any) -> Grant:
        """Return a grant that is good, but for what is changed."""
        now = int(time.time())
        values: dict[str, Any] = {
            "id": secrets.token_hex(16),
            "entitlement": "open",
            "person": PREFIX + role,
            "job": job,
            "project": ACCOUNTS[role],
            "dataset": dataset,
            "version": "1.0.0",
            "tier": "open",
            "alone": False,
            "purpose": "",
            "issued_at": now,
            "expires_at": now + 60,
            "ends_at": 0,
        }
        return Grant(**{**values, **changes})

    def wish(self, grant: Grant) -> dict[str, Any]:
        """Return a grant as it is asked for."""
        return {"want": "mount", "grant": sign_grant(self.signer, grant), "language": "en"}

    def ask(self, role: str, *messages: dict[str, Any], job: int = 0) -> list[Any]:
        """Ask as a person, from within a job of theirs if one is named; return the answers."""
        return [answer for answer, _ in self.timed(role, *messages, job=job)]

    def timed(self, role: str, *messages: dict[str, Any], job: int = 0) -> list[tuple[Any, float]]:
        """Ask as a person; return the answers, and how long each took (s)."""
        space = self.spaces(job) if job else []
        entered = ["nsenter", f"--mount={space[0]}"] if space else []
        whose = ["setpriv", f"--reuid={PREFIX}{role}", f"--regid={PREFIX}{role}", "--clear-groups"]
        done = subprocess.run(
            [*entered, *whose, *self.asking()],
            input="".join(json.dumps(message) + "\n" for message in messages),
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            timeout=120,
        )
        return [tuple(json.loads(line)) for line in done.stdout.splitlines()]

    def asking(self) -> list[str]:
        """Return the program that asks."""
        return ["/usr/bin/python3", "-c", ASK, str(self.platform.instance.mounts_socket)]

    def mount(self, role: str, job: int, dataset: str, **changes: Any) -> Any:
        """Have a dataset mounted, or refused; return the answer."""
        return self.ask(role, self.wish(self.grant(role, job, dataset, **changes)), job=job)[0]

    def unmount(self, role: str, job: int, dataset: str) -> Any:
        """Have a dataset unmounted; return the answer."""
        return self.ask(role, {"want": "unmount", "dataset": dataset, "job": job})[0]

    def job(self, role: str, script: str = "exec sleep 3600", *, by_root: bool = False) -> int:
        """Return a job of a person's that runs; root can hand one in for them."""
        words = ["sbatch", "--parsable", f"--account={ACCOUNTS[role]}", f"--qos={STREAMS[role]}"]
        rest = ["--output=/dev/null", "--mem=400M", "--time=30", f"--wrap={script}"]
        whose = [f"--uid={PREFIX}{role}", f"--gid={PREFIX}{role}", "--chdir=/"] if by_root else []
        user = None if by_root else PREFIX + role
        number = int(self.platform.run(*words, *whose, *rest, user=user))
        self.platform.until_running(number)
        until(lambda: bool(self.spaces(number)), 10)
        return number

    def spaces(self, job: int) -> list[Path]:
        """Return the files that hold a job's mount namespace."""
        return list(self.platform.instance.job_containers.glob(f"*/{job}/.ns"))

    def within(self, role: str, job: int, script: str) -> str:
        """Run a line of shell in a job, as a step of it; return what it wrote, and how it ended."""
        words = ["srun", f"--jobid={job}", "--overlap", "--mem=0", "--quiet", "sh", "-c"]
        return self.platform.run(*words, f"{script} 2>&1; echo =$?", user=PREFIX + role)

    def mounts(self, job: int) -> list[str]:
        """Return what is mounted below the datasets' folder in a job."""
        text = self.platform.run("nsenter", f"--mount={self.spaces(job)[0]}", "cat", "/proc/self/mountinfo")
        points = [line.split()[4] for line in text.splitlines()]
        return [point for point in points if point.startswith(f"{self.data}/")]

    def record(self, job: int, dataset: str) -> Path:
        """Return the daemon's record of a mount."""
        return self.state / str(job) / f"{dataset}.json"

    def revoke(self, **named: str) -> None:
        """Have the desk take something back."""
        self.desk.entries.append(Revocation(at=int(time.time()), **named))

    def restart(self) -> None:
        """Restart the daemon, and wait until it answers."""
        self.platform.supervisor.restart("mounts")
        self.until_up()

    def until_up(self) -> None:
        """Wait until the daemon answers."""
        until(self._answers, 20)

    def _answers(self) -> bool:
        try:
            return self.ask("mkb", {"want": "can"}) == [{"own_mounts": True}]
        except subprocess.CalledProcessError:
            return False


ACCOUNTS = {"mkb": "mkb-verkenning", "student": "cursus-ai", "onderzoeker": "onderzoek"}
STREAMS = {"mkb": "regional", "student": "regional", "onderzoeker": "eurohpc"}


def mounting_file(platform: Platform) -> Path:
    """Return where the daemon looks for the desk's list; there is none unless a test writes one."""
    return platform.instance.run / "mounts/list-of-the-tests"


@contextmanager
def steered(platform: Platform) -> Iterator[Mounting]:
    """Have the mount daemon speak to a desk and an audit of the tests'."""
    instance = platform.instance
    signer = Signer((instance.secrets / "desk-signing-key").read_bytes())
    socket = instance.run / "mounts/audit-of-the-tests.socket"
    desk, audit = Desk(signer), Audit(socket)
    usual = instance.mounts_settings.read_text()
    changed = {
        **json.loads(usual),
        "desk_url": desk.url,
        "audit_socket": str(socket),
        "revocations": str(mounting_file(platform)),
    }
    instance.mounts_settings.write_text(json.dumps(changed))
    mounting = Mounting(platform, desk, audit, signer)
    try:
        mounting.restart()
        yield mounting
    finally:
        instance.mounts_settings.write_text(usual)
        mounting_file(platform).unlink(missing_ok=True)
        platform.supervisor.restart("mounts")
        desk.close()
        audit.close()


def processes_of(name: str) -> set[int]:
    """Return a person's processes."""
    done = subprocess.run(["pgrep", "-u", name], capture_output=True, text=True, check=False)
    return {int(pid) for pid in done.stdout.split()}
