"""The port that a job tells: taken once, as a number, and never anything else."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from .conftest import PREFIX, Platform


@pytest.fixture
def token(platform: Platform):
    """The token of a running server, read where root can: in its process."""
    mkb = platform.session("mkb")
    mkb.start()
    mkb.wait_ready()
    (number,) = platform.jobs("mkb")
    printed = platform.run(
        "srun", f"--jobid={number}", "--overlap", "sh", "-c",
        "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep ^JUPYTERHUB_API_TOKEN= | head -1",
        user=PREFIX + "mkb",
    )  # fmt: skip
    yield printed.strip().split("=", 1)[1]
    platform.stop_everything()


def post(platform: Platform, body: Any, token: str) -> int:
    """Post to the route as a server does."""
    url = f"{platform.instance.url}hub/api/werkplaats/port"
    return requests.post(url, json=body, headers={"Authorization": f"token {token}"}, timeout=30).status_code


def test_a_second_port_is_409_and_anything_else_400(platform: Platform, token: str):
    """Once a start: a server that is ready cannot be moved to another port, nor be given attributes."""
    for body in (
        {}, [], "40000", 40000, {"port": "40000"}, {"port": True}, {"port": 0}, {"port": 80},
        {"port": 70000}, {"port": 40000.0}, {"port": None}, {"port": 40000, "ip": "10.0.0.1"},
        {"exec_prefix": "true"}, {"port": 40000, "job_id": "1"},
    ):  # fmt: skip
        assert post(platform, body, token) == 400, body
    assert post(platform, {"port": 40000}, token) == 409
    assert platform.session("mkb").notebook("api").status == 200


def test_the_token_is_nowhere_that_another_person_can_look(platform: Platform, token: str):
    """Not in ps, squeue, scontrol, sacct or a log that a platform user may read."""
    other = PREFIX + "student"
    (number,) = platform.jobs("mkb")
    looks = [
        ("ps", "auxeww"),
        ("squeue", "-O", "JobID,Name,Comment,Command"),
        ("scontrol", "show", "job", number),
        ("scontrol", "write", "batch_script", number, "-"),
        ("sacct", "-a", "-P", "-o", "ALL"),
        ("sh", "-c", f"grep -rs {token} {platform.instance.logs} {platform.instance.state} /proc/*/environ"),
    ]
    for argv in looks:
        assert token not in platform.run(*argv, user=other, check=False), argv
    logs = platform.run("sh", "-c", f"cat {platform.instance.logs}/*.out {platform.instance.logs}/*.log")
    assert token not in logs, "not even root finds it in a log"
    shown = platform.run("ps", "auxww") + platform.run("scontrol", "show", "job", number)
    assert token not in shown


def test_people_do_not_see_one_anothers_jobs(platform: Platform, token: str):
    """PrivateData: another person's job is not in squeue, sacct or scontrol."""
    (number,) = platform.jobs("mkb")
    other = PREFIX + "student"
    assert number not in platform.run("squeue", "-h", "-o", "%i", user=other).split()
    assert number not in platform.run("sacct", "-a", "-n", "-X", "-P", "-o", "JobID", user=other).split()
    assert f"JobId={number}" not in platform.run("scontrol", "show", "job", number, user=other, check=False)
