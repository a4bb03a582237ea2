"""A server's life on real Slurm: from the request to a freed GPU."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import Any

import pytest

from .browserless import Session
from .conftest import PREFIX, Platform

pytestmark = pytest.mark.usefixtures("idle")


def job_of(platform: Platform, role: str) -> str:
    """Return the number of the one job of a person."""
    (number,) = platform.jobs(role)
    return number


def in_job(platform: Platform, role: str, *argv: str, check: bool = True) -> str:
    """Run a command inside a person's job, as that person."""
    number = job_of(platform, role)
    return platform.run("srun", f"--jobid={number}", "--overlap", *argv, user=PREFIX + role, check=check)


def field(platform: Platform, number: str, name: str) -> str:
    """Return one field of a job, as root sees it."""
    shown = platform.run("scontrol", "show", "job", "-o", number)
    return next(word.split("=", 1)[1] for word in shown.split() if word.startswith(name + "="))


def test_a_person_gets_a_server_on_a_gpu_that_slurm_allocated(platform: Platform):
    """`gpu-1` gives one GPU, the flavour's CPUs and memory, the project's account, the stream's QOS."""
    mkb = platform.session("mkb")
    assert mkb.start({"flavour": "gpu-1"}).status in (201, 202)
    mkb.wait_ready()
    number = job_of(platform, "mkb")
    assert field(platform, number, "Account") == "mkb-verkenning"
    assert field(platform, number, "QOS") == "regional"
    assert field(platform, number, "NumCPUs") == "4"
    assert "gres/gpu=1" in field(platform, number, "TRES")
    assert "mem=16G" in field(platform, number, "TRES")
    assert field(platform, number, "TimeLimit") == "02:00:00"
    assert in_job(platform, "mkb", "printenv", "CUDA_VISIBLE_DEVICES").strip() == "0"


def test_jupyterlab_answers_with_the_example_in_place(platform: Platform):
    """The person's Lab is there, with the first notebook, a read-only extension manager and no news."""
    mkb = platform.session("mkb")
    mkb.start()
    mkb.wait_ready()
    lab = mkb.page(f"user/{mkb.name}/lab")
    assert lab.status_code == 200
    assert '"can_install": false' in lab.text
    assert '"news": {"disabled": true}' in lab.text
    listed = mkb.notebook("api/contents/voorbeelden/first_steps").body
    assert [entry["name"] for entry in listed["content"]] == ["eerste-stappen.ipynb"]
    settings = mkb.notebook("lab/api/settings/@jupyterlab/apputils-extension:notification").body
    assert settings["schema"]["properties"]["fetchNews"]["default"] == "false"


def test_the_home_directory_is_kept_and_an_edited_example_is_not_overwritten(platform: Platform):
    """What a person wrote in one server is there in the next, the example's changes included."""
    mkb = platform.session("mkb")
    mkb.start()
    mkb.wait_ready()
    example = "~/voorbeelden/first_steps/eerste-stappen.ipynb"
    in_job(platform, "mkb", "sh", "-c", f"echo mine > {example}")
    mkb.stop()
    mkb.start()
    mkb.wait_ready()
    assert in_job(platform, "mkb", "sh", "-c", f"cat {example}") == "mine\n"
    in_job(platform, "mkb", "sh", "-c", f"rm {example}")


def test_stopping_ends_the_job_and_frees_the_gpu(platform: Platform):
    """After *stop* Slurm shows the job cancelled and every GPU free."""
    mkb = platform.session("mkb")
    mkb.start({"flavour": "gpu-2"})
    mkb.wait_ready()
    number = job_of(platform, "mkb")
    mkb.stop()
    end = time.monotonic() + 20
    while any("gres/gpu" in line for line in allocated(platform)) and time.monotonic() < end:
        time.sleep(0.2)
    assert not any("gres/gpu" in line for line in allocated(platform))
    while (state := field(platform, number, "JobState")) == "COMPLETING" and time.monotonic() < end:
        time.sleep(0.2)
    assert state == "CANCELLED"


def allocated(platform: Platform) -> list[str]:
    """Return what each node has handed out."""
    shown = platform.run("scontrol", "show", "nodes")
    return [line.strip() for line in shown.splitlines() if line.strip().startswith("AllocTRES=")]


def test_a_job_that_ends_is_noticed_and_its_server_forgotten(platform: Platform):
    """A job that Slurm ended is a server that the Hub no longer offers."""
    mkb = platform.session("mkb")
    mkb.start()
    mkb.wait_ready()
    platform.run("scancel", job_of(platform, "mkb"))
    mkb.wait_gone(within=90)


def test_several_servers_each_are_a_job(platform: Platform):
    """A person's named servers run beside the default one, each as its own job."""
    mkb = platform.session("mkb")
    for name in ("", "tweede", "derde"):
        assert mkb.start({"flavour": "first-steps"}, name=name).status in (201, 202)
    for name in ("", "tweede", "derde"):
        mkb.wait_ready(name)
    assert len(set(platform.jobs("mkb"))) == 3
    mkb.stop("tweede")
    assert len(platform.jobs("mkb")) == 2
    assert mkb.server("")["ready"]


def test_a_killed_hub_still_knows_a_running_server(platform: Platform):
    """After `kill -9` the restarted Hub has the same server, at the same address, for the same cookie."""
    mkb = platform.session("mkb")
    mkb.start()
    mkb.wait_ready()
    number = job_of(platform, "mkb")
    assert mkb.page(f"user/{mkb.name}/lab").status_code == 200, "the tab is opened, with a log-in"
    before = platform.supervisor.pid("hub")
    subprocess.run(["kill", "-9", str(before)], check=True)
    assert tab_works(mkb), "the proxy serves it while there is no Hub"
    platform.wait_for_hub()
    assert platform.supervisor.pid("hub") != before
    assert mkb.server()["ready"]
    assert platform.jobs("mkb") == [number]
    assert tab_works(mkb)


def test_a_killed_hub_finds_a_waiting_start_again(platform: Platform):
    """A person who waits in the queue keeps the place when the Hub is killed, and gets that one server."""
    mkb = platform.session("mkb")
    nodes = ",".join(node.name for node in platform.up.nodes)
    platform.run("scontrol", "update", f"nodename={nodes}", "state=drain", "reason=test")
    try:
        assert mkb.start({"flavour": "gpu-1"}).status in (201, 202)
        number = job_of(platform, "mkb")
        subprocess.run(["kill", "-9", str(platform.supervisor.pid("hub"))], check=True)
        platform.wait_for_hub()
    finally:
        platform.run("scontrol", "update", f"nodename={nodes}", "state=resume")
    mkb.wait_ready()
    assert platform.jobs("mkb") == [number]
    assert mkb.notebook("api").status == 200


def tab_works(session: Session) -> bool:
    """Return whether Lab answers to the cookies of an open tab, without a new log-in."""
    return session.page(f"user/{session.name}/lab", allow_redirects=False).status_code == 200


def test_a_job_that_dies_at_once_says_its_last_words_within_ten_seconds(platform: Platform):
    """A server that cannot start shows the end of its log at once, and not after the timeout."""
    student = platform.session("student")
    home = platform.instance.homes / student.name
    broken = home / ".jupyter"
    subprocess.run(["rm", "-rf", str(broken)], check=True)
    broken.mkdir(mode=0o755)
    shutil.chown(broken, student.name, student.name)
    (broken / "jupyter_server_config.py").write_text(
        "import os\nos.write(2, b'kapot-voor-de-test\\n')\nos._exit(3)\n"
    )
    try:
        started = time.monotonic()
        student.start()
        student.wait_gone(within=10)
        assert time.monotonic() - started < 10
        page = student.page(f"hub/spawn-pending/{student.name}")
        assert "kapot-voor-de-test" in page.text
    finally:
        subprocess.run(["rm", "-rf", str(broken)], check=True)


def test_slurm_down_is_a_sentence_and_a_retry_works(platform: Platform):
    """With slurmctld stopped a start is refused with 503 and a sentence; afterwards it works."""
    mkb = platform.session("mkb")
    platform.supervisor.stop("slurmctld")
    try:
        answer = mkb.start()
        assert answer.status == 503
        assert "cluster" in answer.body["message"].lower()
        assert not mkb.server().get("pending")
    finally:
        platform.supervisor.start("slurmctld")
    end = time.monotonic() + 60
    while mkb.start().status not in (201, 202):
        assert time.monotonic() < end
        time.sleep(1)
    mkb.wait_ready()


def test_a_running_server_is_not_lost_while_slurm_is_down(platform: Platform):
    """An error of Slurm is unknown, and unknown is not gone: the server stays."""
    mkb = platform.session("mkb")
    mkb.start()
    mkb.wait_ready()
    platform.supervisor.stop("slurmctld")
    try:
        for _ in range(3):
            mkb.page("hub/home")  # polls the server
            time.sleep(1)
        assert mkb.server()["ready"]
        assert mkb.notebook("api/contents").status == 200
    finally:
        platform.supervisor.start("slurmctld")


def test_a_person_without_an_association_gets_a_sentence(platform: Platform):
    """Where newcomers get nothing, who signs in without a project is told so, with 403, in their language."""

    def without(raw: dict[str, Any]) -> None:
        del raw["first_steps"]

    with platform.other_facility(without):
        stranger = Session(platform.instance.url, "wp-vreemdeling", platform.passwords["demo"])
        answer = stranger.start()
    assert answer.status == 403
    assert "project" in answer.body["message"]


def test_a_full_home_does_not_keep_a_server_from_starting(platform: Platform):
    """With no room left in the home directory the server starts, so that the person can make room."""
    student = platform.session("student")
    home = platform.instance.homes / student.name
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(home)], check=True)
    try:
        subprocess.run(["chown", student.name, str(home)], check=True)
        (home / "vol").write_bytes(b"x" * 60_000)
        subprocess.run(["sh", "-c", f"dd if=/dev/zero of={home}/rest 2>/dev/null"], check=False)
        assert student.start().status in (201, 202)
        student.wait_ready()
        listed = student.notebook("api/contents").body
        assert "rest" in [entry["name"] for entry in listed["content"]]
    finally:
        student.stop_all()
        subprocess.run(["umount", "--lazy", str(home)], check=True)
