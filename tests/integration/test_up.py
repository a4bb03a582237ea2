"""What `make up` leaves behind, and what it does when something is in its way."""

from __future__ import annotations

import os
import pwd
import re
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from single_machine import looks
from single_machine.console import Console, StepFailed
from single_machine.doctor import examine
from single_machine.services import NAMES
from single_machine.up import Up

from .browserless import Session
from .conftest import PREFIX, Platform


def again(platform: Platform, **changes) -> Up:
    """Return another run of `up` on the tests' instance."""
    return replace(platform.up, **changes)


@pytest.fixture(autouse=True)
def idle(platform: Platform):
    """Leave an idle cluster behind."""
    yield
    platform.sessions.clear()  # a test may have changed the password
    for role in ("mkb", "student"):
        if platform.jobs(role):
            platform.session(role).stop_all()


def pids(platform: Platform) -> dict[str, int]:
    """Return the process of every service."""
    names = [n for n in NAMES if n != "slurmd"] + [f"slurmd-{node.name}" for node in platform.up.nodes]
    return {name: platform.supervisor.pid(name) for name in names}


def test_sudo_lets_the_hub_run_two_programs_and_nothing_else(platform: Platform):
    """`sudo -l -U <hub user>` shows *launch*, as members of the platform's group, and *enrol*, as root."""
    listed = platform.run("sudo", "-l", "-U", platform.instance.hub_user)
    rules = [line.strip() for line in listed.splitlines() if line.startswith("    (")]
    assert rules == [
        f'(%{platform.instance.people}) NOPASSWD: {platform.instance.launch} ""',
        f'(root) NOPASSWD: {platform.instance.enrol} ""',
    ]


@pytest.mark.parametrize("words", [["-u", "root"], ["-u", "slurm"], ["-u", PREFIX + "mkb"]])
def test_sudo_refuses_the_hub_everything_else(platform: Platform, words: list[str]):
    """Not root, not Slurm's user, not another program, not another argument."""
    hub = ["sudo", "-n", "-u", platform.instance.hub_user]
    programs = (platform.instance.launch, platform.instance.enrol)
    for program in (["/usr/bin/id"], *([str(path), "--help"] for path in programs)):
        done = subprocess.run([*hub, "sudo", "-n", *words, *program], capture_output=True, check=False)
        assert done.returncode != 0, (words, program)


def test_the_hub_is_not_root_and_no_administrator_of_slurm(platform: Platform):
    """The Hub's process runs as its own user, to whom Slurm's accounting gives no level."""
    status = Path(f"/proc/{platform.supervisor.pid('hub')}").stat()
    assert pwd.getpwuid(status.st_uid).pw_name == platform.instance.hub_user
    listed = platform.run("sacctmgr", "-nP", "show", "user", "format=user,adminlevel")
    assert platform.instance.hub_user not in listed
    refused = subprocess.run(
        ["sudo", "-n", "-u", platform.instance.hub_user, f"SLURM_CONF={platform.instance.slurm_conf}",
         "sacctmgr", "-i", "add", "account", "kaper"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode != 0


def test_everything_but_the_proxy_listens_on_loopback(platform: Platform):
    """No daemon of the instance listens on an address that others can reach."""
    ports = range(platform.instance.port, platform.instance.port + 40)
    listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=True).stdout
    own = [
        line.split()[3] for line in listening.splitlines() if int(line.split()[3].rpartition(":")[2]) in ports
    ]
    assert len(own) >= 9
    assert all(address.startswith(("127.0.0.1:", "[::1]:")) for address in own), own


def test_running_it_again_changes_nothing_that_is_right(platform: Platform):
    """A second `up` leaves every daemon running, and every person's server."""
    mkb = platform.session("mkb")
    mkb.start()
    mkb.wait_ready()
    before, jobs = pids(platform), platform.jobs("mkb")
    again(platform).run()
    assert pids(platform) == before
    assert platform.jobs("mkb") == jobs
    assert mkb.notebook("api").status == 200


def test_it_mends_what_is_broken(platform: Platform):
    """A second `up` starts what was stopped, and brings back a node that Slurm took down."""
    platform.supervisor.stop("queue", "proxy")
    node = platform.up.nodes[0].name
    platform.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test", user="slurm")
    platform.instance.launch.unlink()
    again(platform).run()
    assert all(pids(platform).values())
    assert platform.run("sinfo", "-h", "-n", node, "-o", "%T").strip() == "idle"
    assert platform.instance.launch.exists()
    assert not [finding.line for finding in examine(platform.instance) if finding.wrong]


def test_it_leaves_a_node_that_the_operator_drained(platform: Platform):
    """Maintenance is not broken: a node that root drained stays drained."""
    node = platform.up.nodes[1].name
    platform.run("scontrol", "update", f"nodename={node}", "state=drain", "reason=onderhoud")
    try:
        again(platform).run()
        assert platform.run("sinfo", "-h", "-n", node, "-o", "%T").strip() == "drained"
    finally:
        platform.run("scontrol", "update", f"nodename={node}", "state=resume")


def test_a_supervisor_that_was_killed_is_replaced(platform: Platform):
    """After `kill -9` of the supervisor, `up` takes its orphaned daemons' place."""
    pid = int((platform.instance.run / "supervisor.pid").read_text())
    subprocess.run(["kill", "-9", str(pid)], check=True)
    again(platform).run()
    assert all(pids(platform).values())
    assert platform.session("mkb").start().status in (201, 202)
    platform.session("mkb").wait_ready()


@pytest.mark.parametrize("name", ["proxy", "hub", "queue", "slurmctld", "slurmdbd", "munge"])
def test_what_dies_is_started_again(platform: Platform, name: str):
    """The supervisor restarts a daemon that was killed, and a log-in works again."""
    before = platform.supervisor.pid(name)
    subprocess.run(["kill", "-9", str(before)], check=True)
    end = time.monotonic() + 60
    while platform.supervisor.pid(name) in (0, before) or not platform.supervisor.running(name):
        assert time.monotonic() < end
        time.sleep(0.2)
    platform.wait_for_hub()
    Session(platform.instance.url, PREFIX + "mkb", platform.passwords["demo"])


def test_another_demo_password_replaces_the_old_one(platform: Platform):
    """`up` with another password lets people in with that one only; without one it keeps the last."""
    environment = {"WERKPLAATS_DEMO_PASSWORD": "een-ander-wachtwoord"}
    assert again(platform, environment=environment).run().demo == "een-ander-wachtwoord"
    with pytest.raises(PermissionError):
        Session(platform.instance.url, PREFIX + "mkb", platform.passwords["demo"])
    Session(platform.instance.url, PREFIX + "mkb", "een-ander-wachtwoord")
    assert again(platform, environment={}).run().demo == "een-ander-wachtwoord"
    again(platform, environment={"WERKPLAATS_DEMO_PASSWORD": platform.passwords["demo"]}).run()
    Session(platform.instance.url, PREFIX + "mkb", platform.passwords["demo"])


def test_a_password_that_jupyterhub_refuses_is_refused_first(platform: Platform, capsys):
    """A short password ends `up` with the step, what to do and the log; nothing else changes."""
    before = pids(platform)
    with pytest.raises(SystemExit) as ended:
        again(platform, environment={"WERKPLAATS_ADMIN_PASSWORD": "kort"}).run()
    assert "WERKPLAATS_ADMIN_PASSWORD" in str(ended.value)
    assert "32" in str(ended.value)
    assert str(platform.up.console.log) in str(ended.value)
    assert pids(platform) == before


def test_a_facility_file_that_cannot_be_used_stops_it_at_once(platform: Platform, tmp_path: Path):
    """A misspelt key is refused with file, key and mend, before anything is touched."""
    bad = tmp_path / "facility.toml"
    bad.write_text(platform.up.facility_file.read_text().replace("gpu_hours", "gpu_huors"))
    with pytest.raises(SystemExit) as ended:
        again(platform, facility_file=bad).run()
    assert re.search(r"facility\.toml: the key 'projects\.\S+\.gpu_huors' is not known", str(ended.value))


def test_a_taken_port_is_named(platform: Platform):
    """Another program on the public port: its number, and how to choose another."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(StepFailed) as failed:
            looks.require_free_port(other.getsockname()[1], "", "the web", ours=False)
    assert "WERKPLAATS_PORT" in failed.value.mend


def test_a_foreign_slurm_is_never_touched(platform: Platform, tmp_path: Path):
    """A slurm.conf without our mark, or a daemon that reads one, stops `up`."""
    foreign = tmp_path / "slurm.conf"
    foreign.write_text("ClusterName=theirs\n")
    default = platform.instance.model_copy(update={"default": True, "slurm": tmp_path})
    with pytest.raises(StepFailed, match="did not make"):
        looks.require_no_foreign_slurm(default)
    assert foreign.read_text() == "ClusterName=theirs\n"


def test_a_broken_step_says_which_where_and_what_to_do(tmp_path: Path):
    """A failing command ends with one message: the step, the cause, the mend, the log."""
    console = Console(tmp_path / "up.log", quiet=True)
    with pytest.raises(SystemExit) as ended, console.step("Doing something"):
        console.run(["sh", "-c", "echo it-is-broken >&2; exit 3"], mend="turn it around")
    said = str(ended.value)
    assert "Doing something" in said
    assert "it-is-broken" in said
    assert "turn it around" in said
    assert str(tmp_path / "up.log") in said


def test_the_doctor_finds_what_is_wrong(platform: Platform):
    """A stopped service is a finding with something to do."""
    platform.supervisor.stop("queue")
    try:
        wrong = [finding for finding in examine(platform.instance) if finding.wrong]
        assert [finding.what for finding in wrong] == ["queue does not run"]
        assert all(finding.mend for finding in wrong)
    finally:
        platform.supervisor.start("queue")


def test_only_root_may(monkeypatch: pytest.MonkeyPatch):
    """Anybody else is told to become root."""
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    with pytest.raises(StepFailed, match="root"):
        looks.require_root()
