"""*launch*'s question when a job would start: as strict as a submission, and nothing is submitted."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.houses import Except

from werkplaats_spawners import slurm
from werkplaats_spawners.launch import program
from werkplaats_spawners.launch.client import Launch, LaunchFailed, Start
from werkplaats_spawners.launch.program import Unacceptable, answer_to
from werkplaats_spawners.launch.settings import Settings, Size
from werkplaats_spawners.slurm import Trouble
from werkplaats_spawners.testing import REFUSALS, WOULD_PREEMPT, WOULD_START

SETTINGS = Settings(
    slurm_conf="/etc/slurm/slurm.conf",
    notebook="/opt/w/notebook",
    logs="/var/lib/w/job-logs",
    flavours={"small": Size(2, 4, 0, 720), "gpu-1": Size(4, 16, 1, 1440)},
    gpu_partition="gpu",
    cpu_partition="cpu",
    lent_qos="lent",
    notice_seconds=60,
)
WHEN: dict[str, Any] = {
    "action": "when", "flavour": "gpu-1", "account": "bakery", "qos": "regional", "minutes": 120,
}  # fmt: skip
SUBMIT = {**WHEN, "action": "submit", "environment": {}}
ME = pwd.struct_passwd(("mkb", "x", 1001, 1001, "", "/home/mkb", "/bin/bash"))


class Runs:
    """What *launch* would have run."""

    def __init__(self) -> None:
        self.done: list[tuple[list[str], dict[str, str], str]] = []
        self.answer = subprocess.CompletedProcess([], 0, "", WOULD_START)

    def __call__(self, argv: list[str], **given: Any) -> subprocess.CompletedProcess[str]:
        """Stand in for :func:`subprocess.run`."""
        self.done.append((argv, given["env"], given["input"]))
        return self.answer


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Keep commands from running, and this process from being root."""
    runs = Runs()
    monkeypatch.setattr(program, "subprocess", Except(subprocess, run=runs))
    monkeypatch.setattr(program, "os", Except(os, getuid=lambda: 1001))
    monkeypatch.setattr(program, "pwd", Except(pwd, getpwuid=lambda uid: ME))
    return runs


def test_the_question(runs: Runs) -> None:
    """Slurm is asked about the very script that would be submitted, and only asked."""
    answer = answer_to(dict(WHEN), SETTINGS)
    ((argv, environment, script),) = runs.done
    assert argv == ["sbatch", "--test-only"]
    assert environment == {"PATH": "/usr/local/bin:/usr/bin:/bin", "SLURM_CONF": "/etc/slurm/slurm.conf"}
    runs.answer = said(0, "17\n")
    assert answer_to(dict(SUBMIT), SETTINGS) == {"job_id": 17}
    assert script == runs.done[1][2]
    assert answer["start"] == datetime(2026, 11, 21, 6, 17, 29).astimezone().isoformat()
    assert (answer["node"], answer["preempts"]) == ("cpu1", False)
    assert script.startswith("#!/bin/bash\n" + answer["header"])
    assert answer["header"].splitlines()[1:3] == ["#SBATCH --account=bakery", "#SBATCH --qos=regional"]


def said(code: int, out: str = "", err: str = "") -> subprocess.CompletedProcess[str]:
    """Return what a command of Slurm left."""
    return subprocess.CompletedProcess([], code, out, err)


def test_borrowers_who_would_have_to_go(runs: Runs) -> None:
    """That somebody is in the way is part of the answer."""
    runs.answer = said(0, "", WOULD_PREEMPT)
    assert answer_to(dict(WHEN), SETTINGS)["preempts"] is True


@pytest.mark.parametrize(("meaning", "text"), REFUSALS.items())
def test_what_slurm_refuses_is_told(runs: Runs, meaning: Trouble, text: str) -> None:
    """With its meaning, as of a submission; no time, and no script."""
    runs.answer = said(1, "", text)
    answer = answer_to(dict(WHEN), SETTINGS)
    assert (answer["trouble"], set(answer)) == (meaning.value, {"trouble", "message"})


@pytest.mark.parametrize(
    "answer", [said(0), said(0, WOULD_START), said(0, "", "x"), said(1, "", WOULD_START)]
)
def test_an_answer_without_a_time_is_trouble(runs: Runs, answer: subprocess.CompletedProcess[str]) -> None:
    """Nothing is made up where Slurm says nothing, or failed."""
    runs.answer = answer
    assert answer_to(dict(WHEN), SETTINGS)["trouble"] == "other"


MALFORMED = [
    {**WHEN, "environment": {}},
    {**WHEN, "gres": "gpu:8"},
    {key: value for key, value in WHEN.items() if key != "qos"},
    {**WHEN, "flavour": "gpu-9"},
    {**WHEN, "flavour": ["gpu-1"]},
    {**WHEN, "account": "bakery\n#SBATCH --qos=x"},
    {**WHEN, "account": "--qos"},
    {**WHEN, "qos": "a,b"},
    {**WHEN, "qos": None},
    {**WHEN, "minutes": 0},
    {**WHEN, "minutes": 1441},
    {**WHEN, "minutes": True},
    {**WHEN, "minutes": "60"},
]


@pytest.mark.parametrize("message", MALFORMED)
def test_a_malformed_question_runs_nothing(runs: Runs, message: dict[str, Any]) -> None:
    """The same parser as of a submission: numbers, checked names, and what root has allowed."""
    with pytest.raises((Unacceptable, TypeError)):
        answer_to(dict(message), SETTINGS)
    assert runs.done == []


# -- the Hub's side ----------------------------------------------------------------------------------


def ask(code: str) -> Start:
    """Ask a *launch* that runs shell code."""
    launch = Launch("/the/program", prefix=("sh", "-c", code))
    return asyncio.run(launch.when("mkb", flavour="gpu-1", account="bakery", qos="regional", minutes=120))


def test_what_the_hub_sends_is_what_the_program_takes(tmp_path: Path, runs: Runs) -> None:
    """The message is the program's, and its answer is read back."""
    answer = json.dumps(answer_to(dict(WHEN), SETTINGS))
    (tmp_path / "answer").write_text(answer)
    start = ask(f"cat >{tmp_path}/message; cat {tmp_path}/answer")
    assert json.loads((tmp_path / "message").read_text()) == WHEN
    assert start.at == datetime(2026, 11, 21, 6, 17, 29).astimezone()
    assert not start.preempts
    assert start.header == slurm.batch_header(program.job_spec(WHEN, SETTINGS, "mkb", "/home/mkb"))


@pytest.mark.parametrize(
    "answer",
    ["{}", '{"job_id": 17}', '{"start": null, "preempts": false, "header": ""}', '{"start": "soon"}', "[]",
     '{"start": "2026-11-21T06:17:29"}', '{"start": 17, "preempts": false, "header": ""}'],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_a_failure(answer: str) -> None:
    """Never a time that nobody said, and never a crash."""
    with pytest.raises(LaunchFailed) as failed:
        ask(f"echo '{answer}'")
    assert failed.value.trouble is Trouble.OTHER


def test_an_older_program_is_a_failure() -> None:
    """One that was installed before it knew the question refuses it; the page then says nothing of when."""
    with pytest.raises(LaunchFailed, match="unknown action"):
        ask('echo \'{"trouble": "other", "message": "launch refused the message: unknown action"}\'')
