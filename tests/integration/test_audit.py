"""The audit on a real machine: nobody but desk and root reaches it, and the operator can check it."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from werkplaats_audit.client import Audit, AuditAway
from werkplaats_audit.events import Event

from .conftest import PREFIX, Platform, until

_ASK = """
import sys
from pathlib import Path
from werkplaats_audit.client import Audit, AuditAway
from werkplaats_audit.events import Event
try:
    print(Audit(Path(sys.argv[1])).note(Event(kind=sys.argv[2], person="x"), "done"))
except AuditAway as wrong:
    print(wrong.reason, wrong)
"""


def _as(platform: Platform, user: str, kind: str) -> str:
    instance = platform.instance
    command = ["sudo", "-n", "-u", user, str(instance.hub_python), "-I", "-c", _ASK]
    asked = [*command, str(instance.audit_socket), kind]
    return subprocess.run(asked, capture_output=True, text=True, check=True, cwd="/", timeout=60).stdout


def _answers(audit: Audit) -> bool:
    try:
        return audit.head().entry >= 0
    except AuditAway:
        return False


def test_who_may_write(platform: Platform) -> None:
    """The desk and root; a person and the Hub do not even reach the socket, nor its files."""
    instance = platform.instance
    people = [PREFIX + "mkb", instance.hub_user, instance.proxy_user, "slurm"]
    for user in people:
        assert "Permission denied" in _as(platform, user, "decision")
        for path in (instance.audit_journal / "journal", instance.secrets / "audit-signing-key"):
            asked = ["sudo", "-n", "-u", user, "cat", str(path)]
            assert "Permission denied" in subprocess.run(asked, capture_output=True, text=True).stderr
    assert _as(platform, instance.desk_user, "decision").strip().isdigit()
    assert _as(platform, instance.desk_user, "mount").startswith("not-yours")
    assert _as(platform, instance.audit_user, "decision").startswith("not-yours")
    audit = Audit(instance.audit_socket)
    assert audit.note(Event(kind="end", person="x"), "done") > 0
    with pytest.raises(AuditAway, match="mounts writes no decision"):
        audit.note(Event(kind="decision"), "done")


def test_a_restart_and_a_kill(platform: Platform) -> None:
    """It comes back by itself, with its numbers; the operator's command finds it good."""
    instance = platform.instance
    audit = Audit(instance.audit_socket)
    first = audit.begin(Event(kind="mount", person=PREFIX + "mkb", dataset="vehicles", version="1.0.0"))
    platform.supervisor.restart("audit")
    until(lambda: _answers(audit), within=30)
    assert audit.head().entry == first
    killed = platform.supervisor.pid("audit")
    os.kill(killed, signal.SIGKILL)
    until(lambda: platform.supervisor.pid("audit") not in (0, killed) and _answers(audit), within=30)
    assert audit.close(first, "done") == first + 1
    verified = platform.werkplaats("audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert f"good: {first + 1} entries" in verified.stdout
    shown = platform.werkplaats("audit", "show", "--person", PREFIX + "mkb", "--dataset", "vehicles")
    assert "mount       done" in shown.stdout.splitlines()[-1]


def test_a_change_is_found(platform: Platform) -> None:
    """By the operator, and said by the doctor's view of a stopped audit; put back, all is good."""
    instance = platform.instance
    audit = Audit(instance.audit_socket)
    number = audit.note(Event(kind="end", person="someone"), "done")
    journal = instance.audit_journal / "journal"
    platform.supervisor.stop("audit")
    good = journal.read_bytes()
    try:
        assert "audit does not run" in platform.werkplaats("doctor").stdout
        with journal.open("r+b") as file:
            file.write(good.replace(b'"person":"someone"', b'"person":"another"'))
        found = platform.werkplaats("audit", "verify")
        assert found.returncode == 1
        assert f"WRONG  entry {number} was changed" in found.stdout
        with journal.open("r+b") as file:
            file.write(good)
    finally:
        platform.supervisor.start("audit")
    until(lambda: _answers(audit), within=30)
    assert platform.werkplaats("audit", "verify").returncode == 0
    assert "good   the audit writes" in platform.werkplaats("doctor").stdout


def test_another_up_changes_nothing_of_it(platform: Platform) -> None:
    """The folders, their owners and modes are as they must be."""
    instance = platform.instance
    for path, mode, owner, group in (
        (instance.audit_journal, 0o700, instance.audit_user, instance.audit_user),
        (instance.state / "audit-anchor", 0o700, instance.audit_user, instance.audit_user),
        (instance.audit_socket.parent, 0o750, instance.audit_user, instance.desk_user),
    ):
        assert path.stat().st_mode & 0o7777 == mode
        assert (path.owner(), path.group()) == (owner, group)
    for name in ("journal", "heads"):
        assert (instance.audit_journal / name).stat().st_mode & 0o777 == 0o600
