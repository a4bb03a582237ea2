"""The fences around a job, tried from inside it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from single_machine import isolation

from .conftest import PREFIX, Platform

pytestmark = pytest.mark.usefixtures("idle")


@pytest.fixture(scope="module")
def found() -> isolation.Isolation:
    """What this machine allows."""
    return isolation.find()


def sbatch(platform: Platform, role: str, script: str, *options: str) -> str:
    """Submit a plain job as a person, who never met the Hub; return its number."""
    account = {"mkb": "mkb-verkenning", "student": "cursus-ai"}[role]
    conf = f"SLURM_CONF={platform.instance.slurm_conf}"
    asked = ["sbatch", "--parsable", f"--account={account}", "--qos=regional", "--output=/dev/null", *options]
    done = subprocess.run(
        ["sudo", "-n", "-u", PREFIX + role, conf, *asked],
        input="#!/bin/sh\n" + script,
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    return done.stdout.strip()


def finished(platform: Platform, number: str, within: float = 60) -> str:
    """Wait for a job's end and return its final state."""
    end = time.monotonic() + within
    while True:
        state = platform.run("squeue", "-h", "-t", "all", "-j", number, "-o", "%T").strip()
        if state not in ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING"):
            return state
        assert time.monotonic() < end, state
        time.sleep(0.2)


def test_a_job_opens_its_own_gpu_and_no_other(platform: Platform, found: isolation.Isolation, shared):
    """Virtual GPUs are devices: one's own gives ENXIO (no driver), another's EPERM (the fence)."""
    if found.cgroups is isolation.Cgroups.NONE or not found.devices:
        pytest.skip("this machine gives no device control groups; doctor says so")
    out = shared / "gpus"
    number = sbatch(
        platform,
        "mkb",
        f"""
echo "own $SLURM_JOB_GPUS on $SLURMD_NODENAME" >{out}
for gpu in {platform.instance.state}/gpus/$SLURMD_NODENAME-*; do
    /usr/bin/python3 -c 'import os, sys
try: os.open(sys.argv[1], os.O_RDWR)
except OSError as wrong: print(sys.argv[1][-1], wrong.errno)' $gpu >>{out}
done
""",
        "--gres=gpu:1",
        "--mem=1G",
    )
    assert finished(platform, number) == "COMPLETED"
    first, *rest = out.read_text().splitlines()
    own = first.split()[1]
    assert {line.split()[0]: line.split()[1] for line in rest} == {
        index: "6" if index == own else "1" for index in "0123"
    }


def test_memory_over_the_limit_is_killed(platform: Platform, found: isolation.Isolation):
    """A job that takes more memory than it asked for is ended, and nothing else is."""
    if found.cgroups is isolation.Cgroups.NONE:
        pytest.skip("this machine gives no control groups; doctor says so")
    number = sbatch(platform, "mkb", "exec /usr/bin/python3 -c 'x = bytearray(400 * 2**20)'", "--mem=100M")
    assert finished(platform, number) == "OUT_OF_MEMORY"


def test_a_process_that_detached_itself_dies_with_its_job(platform: Platform, found: isolation.Isolation):
    """`setsid` is no way out."""
    if found.cgroups is isolation.Cgroups.NONE:
        pytest.skip("this machine gives no control groups; doctor says so")
    number = sbatch(platform, "mkb", "setsid sleep 98765 & sleep 600", "--mem=100M")
    end = time.monotonic() + 30
    while not processes("sleep 98765"):
        assert time.monotonic() < end
        time.sleep(0.2)
    platform.run("scancel", number)
    finished(platform, number)
    assert not processes("sleep 98765")


def processes(command: str) -> str:
    """Return the processes with that command line."""
    return subprocess.run(["pgrep", "-xf", command], capture_output=True, text=True, check=False).stdout


def test_a_job_has_a_tmp_of_its_own(platform: Platform, found: isolation.Isolation):
    """What a job writes to /tmp is not on the host, nor seen by another job."""
    if not found.own_mounts:
        pytest.skip("this machine allows no mount namespaces; doctor says so")
    number = sbatch(
        platform, "mkb", "echo x >/tmp/werkplaats-own-tmp; test -s /tmp/werkplaats-own-tmp", "--mem=100M"
    )
    assert finished(platform, number) == "COMPLETED"
    other = sbatch(platform, "student", "test ! -e /tmp/werkplaats-own-tmp", "--mem=100M")
    assert finished(platform, other) == "COMPLETED"
    assert not Path("/tmp/werkplaats-own-tmp").exists()


def test_a_person_cannot_charge_another_project(platform: Platform):
    """A plain sbatch meets Slurm's own fence: another's account or QOS is refused."""
    for options in (["--account=onderzoek"], ["--qos=eurohpc"], ["--account=onderzoek", "--qos=eurohpc"]):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            sbatch(platform, "mkb", "true", *options)
        assert "Invalid" in refused.value.stderr


def test_homes_and_logs_are_closed_to_others(platform: Platform):
    """A person reads neither another's home nor another's server log."""
    for path in (platform.instance.homes / f"{PREFIX}mkb", platform.instance.job_logs / f"{PREFIX}mkb"):
        assert platform.run("ls", str(path), user=PREFIX + "student", check=False) == ""
        assert platform.run("ls", "-d", str(path), user=PREFIX + "student").strip() == str(path)
