"""`werkplaats streams` on real Slurm: plan, apply, status, drift, guards, and people who leave."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import date, timedelta
from typing import Any

import pytest

from .conftest import PREFIX, Platform, until

MKB, STUDENT, RIJK = PREFIX + "mkb", PREFIX + "student", PREFIX + "rijk"


@pytest.fixture(autouse=True)
def as_it_was(platform: Platform):
    """Leave Slurm as the facility says, and nothing running."""
    yield
    platform.stop_everything()
    platform.wait_until_idle()
    applied = platform.werkplaats("streams", "apply", "--yes", "--force")
    assert applied.returncode == 0, applied.stdout + applied.stderr


def plan(platform: Platform) -> list[dict[str, Any]]:
    """Return the changes of a plan."""
    done = platform.werkplaats("streams", "plan", "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["slurm_conf"] == []
    changes: list[dict[str, Any]] = shown["changes"]
    return changes


def test_after_make_up_there_is_nothing_to_do(platform: Platform):
    """What `make up` did is the whole plan; applying it again does nothing, and says so."""
    assert plan(platform) == []
    shown = platform.werkplaats("streams", "plan")
    assert "Nothing to change" in shown.stdout
    again = platform.werkplaats("streams", "apply")
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "Nothing to do.")


DRIFT = {
    "share": (["modify", "qos", "regional", "set", "GrpTRES=gres/gpu=1"], "QOS regional", "GrpTRES"),
    "notice": (["modify", "qos", "lent", "set", "GraceTime=900"], "QOS lent", "GraceTime"),
    "no preemption": (["modify", "qos", "national", "set", "Preempt="], "QOS national", "Preempt"),
    "priority": (["modify", "qos", "lent", "set", "Priority=500"], "QOS lent", "Priority"),
    "a queue for oneself": (
        ["modify", "qos", "regional", "set", "MaxSubmitJobsPerUser=-1"],
        "QOS regional", "MaxSubmitJobsPerUser",
    ),
    "a limit of one's own": (
        ["modify", "user", "where", f"name={MKB}", "account=mkb-verkenning", "set", "MaxJobs=1"],
        f"person {MKB} in mkb-verkenning", "MaxJobs",
    ),
    "a QOS of one's own": (
        ["modify", "user", "where", f"name={MKB}", "account=mkb-verkenning", "set", "qos+=eurohpc"],
        f"person {MKB} in mkb-verkenning", "QosLevel",
    ),
    "a bigger budget": (
        ["modify", "account", "mkb-verkenning", "set", "GrpTRESMins=gres/gpu=9999999"],
        "account mkb-verkenning", "GrpTRESMins",
    ),
    "another parent": (
        ["modify", "account", "mkb-verkenning", "set", "parent=national"],
        "account mkb-verkenning", "Parent",
    ),
}  # fmt: skip


def test_nobody_fills_the_queue_by_themselves(platform: Platform):
    """Slurm takes two hundred jobs of one person in a stream, the tasks of an array too, and no more."""
    try:
        platform.sbatch("mkb", "mkb-verkenning", "regional", "--hold", "--array=1-198")
        for _ in range(2):
            platform.sbatch("mkb", "mkb-verkenning", "regional", "--hold")
        with pytest.raises(AssertionError, match="job submit limit"):
            platform.sbatch("mkb", "mkb-verkenning", "regional", "--hold")
        platform.sbatch("onderzoeker", "onderzoek", "eurohpc", "--hold")
    finally:
        platform.stop_everything()
        platform.wait_until_idle()


@pytest.mark.parametrize("what", DRIFT)
def test_what_was_changed_by_hand_is_found_and_mended(platform: Platform, what: str):
    """A plan shows the one thing that somebody changed past it, and an apply puts it back."""
    command, thing, setting = DRIFT[what]
    platform.run("sacctmgr", "-i", *command)
    (change,) = plan(platform)
    assert setting in change["after"]
    assert thing in platform.werkplaats("streams", "plan").stdout
    applied = platform.werkplaats("streams", "apply", "--yes")
    assert applied.returncode == 0
    assert applied.stdout.splitlines()[-1] == "Slurm holds what the facility says."
    assert plan(platform) == []


def test_somebody_who_was_added_by_hand_is_taken_out(platform: Platform):
    """An association that the file does not name is drift: nobody gets in beside it."""
    platform.run("sacctmgr", "-i", "add", "user", RIJK, "account=mkb-verkenning")
    (change,) = plan(platform)
    assert (change["sign"], change["person"], change["name"]) == ("-", RIJK, "mkb-verkenning")
    assert platform.werkplaats("streams", "apply", "--yes").returncode == 0
    rows = platform.run("sacctmgr", "-nP", "show", "associations", f"user={RIJK}", "format=account").split()
    assert rows == ["rijk-verkenning"]


CREPT_IN = [
    ["add", "account", "crept", "parent=mkb-verkenning"],
    ["add", "account", "deeper", "parent=crept"],
    ["add", "user", MKB, "account=deeper"],
    ["add", "user", RIJK, "account=root", "qos=regional"],
    ["add", "user", MKB, "account=mkb-verkenning", "partition=gpu"],
    ["modify", "user", MKB, "set", "adminlevel=Operator"],
    ["add", "coordinator", "account=mkb-verkenning", f"names={RIJK}"],
    ["modify", "account", "root", "set", "maxwall=10"],
    ["modify", "qos", "regional", "set", "GrpWall=100", "LimitFactor=2"],
    ["modify", "user", MKB, "where", "account=mkb-verkenning", "set", "MaxTRESMinsPerJob=gres/gpu=5"],
    ["add", "qos", "visitors"],
    ["modify", "qos", "visitors", "set", "preempt=lent"],
]


def test_every_way_past_the_file_is_found_and_closed(platform: Platform):
    """Accounts below ours, rights over them, limits in unusual places; a QOS of others is only named."""
    for words in CREPT_IN:
        platform.run("sacctmgr", "-i", *words)
    try:
        shown = platform.werkplaats("streams", "plan").stdout
        assert "! QOS visitors may preempt work under lent" in shown
        found = {(change["sign"], change["name"]) for change in plan(platform)}
        assert found >= {("-", "crept"), ("-", "deeper"), ("-", "root"), ("~", "root"), ("~", "regional")}
        assert platform.werkplaats("streams", "apply", "--yes").returncode == 0
        assert plan(platform) == []
        people = platform.run("sacctmgr", "-nP", "show", "user", "format=user,adminlevel").split()
        assert f"{MKB}|None" in people
    finally:
        platform.run("sacctmgr", "-i", "delete", "qos", "visitors")
    assert platform.werkplaats("streams", "plan").stdout.startswith("Nothing to change")


def test_an_apply_asks_and_takes_no_for_an_answer(platform: Platform):
    """Without --yes nothing is done before somebody said so."""
    platform.run("sacctmgr", "-i", "modify", "qos", "regional", "set", "Priority=7")
    refused = platform.werkplaats("streams", "apply", given="n\n")
    assert refused.returncode == 1
    assert "Nothing was changed." in refused.stdout
    assert len(plan(platform)) == 1
    agreed = platform.werkplaats("streams", "apply", given="y\n")
    assert agreed.returncode == 0, agreed.stdout
    assert plan(platform) == []


def test_an_edit_between_the_plan_and_the_yes_is_shown_first(platform: Platform):
    """What was agreed to is what is done: a change in between asks again."""
    platform.run("sacctmgr", "-i", "modify", "qos", "regional", "set", "Priority=7")
    command = subprocess.Popen(
        [platform.instance.prefix / "hub/bin/werkplaats", "streams", "apply"],
        env={"WERKPLAATS_INSTANCE": str(platform.instance.etc / "instance.json"), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=0,
    )  # fmt: skip
    assert command.stdin is not None
    assert command.stdout is not None
    seen = ""
    while "Make these changes?" not in seen:
        seen += command.stdout.read(1)
    platform.run("sacctmgr", "-i", "modify", "qos", "national", "set", "Priority=8")
    command.stdin.write("y\n")
    rest = ""
    while "Make these changes?" not in rest:
        rest += command.stdout.read(1)
    assert "Slurm has changed since" in rest
    assert "QOS national" in rest
    command.stdin.write("n\n")
    command.stdin.close()
    assert command.wait(30) == 1
    assert len(plan(platform)) == 2


def test_it_stops_at_the_first_failure_and_says_what_is_left(platform: Platform):
    """With accounting gone half-way nothing is lost: done stays done, the rest is named, and can be done."""
    platform.run("sacctmgr", "-i", "modify", "qos", "regional", "set", "Priority=7")
    platform.supervisor.stop("slurmdbd")
    try:
        failed = platform.werkplaats("streams", "apply", "--yes")
        assert failed.returncode == 1
        assert "Slurm cannot be asked" in failed.stderr
        assert "What to do:" in failed.stderr
    finally:
        platform.supervisor.start("slurmdbd")
    until(lambda: platform.werkplaats("streams", "plan").returncode == 0, 30)
    assert len(plan(platform)) == 1


def test_a_person_who_leaves_ends_what_runs_and_starts_nothing_new(platform: Platform):
    """Their right ends at once, their running job in its own time; their files are never touched."""
    running = platform.sbatch("student", "cursus-ai", "regional")
    platform.until_running(running)
    note = platform.instance.homes / STUDENT / "mijn-werk.txt"
    note.write_text("van mij\n")

    def leaves(raw: dict[str, Any]) -> None:
        raw["projects"]["cursus-ai"]["members"].remove(STUDENT)
        del raw["first_steps"]  # or who is in no project would be a newcomer

    with platform.other_facility(leaves):
        assert platform.state(running) == "RUNNING"
        refused = platform.run("sbatch", "--account=cursus-ai", "--wrap=true", user=STUDENT, check=False)
        assert refused == ""
        answer = platform.session("student").start({"flavour": "first-steps"})
        assert answer.status == 403
        assert answer.body["message"].startswith("In het project 'cursus-ai' kun je niets nieuws starten.")
        (waiting,) = plan(platform)
        assert waiting["sign"] == "…"
        platform.run("scancel", str(running))
        platform.wait_until_idle()
        assert platform.werkplaats("streams", "apply", "--yes").returncode == 0
        assert plan(platform) == []
        assert platform.run("sacctmgr", "-nP", "show", "associations", f"user={STUDENT}") == ""
        gone = platform.session("student").start({"flavour": "first-steps"})
        assert gone.status == 403
        assert note.read_text() == "van mij\n"


def test_a_stream_with_running_jobs_is_not_dropped_without_force(platform: Platform):
    """The guard keeps the stream, its projects and its people; --force ends the jobs and drops it."""
    running = platform.sbatch("rijk", "rijk-verkenning", "national")
    platform.until_running(running)

    def without(raw: dict[str, Any]) -> None:
        del raw["streams"]["national"], raw["projects"]["rijk-verkenning"]
        raw["streams"]["eurohpc"]["share"] = 0.75

    other = str(platform.changed_facility(without))
    kept = platform.werkplaats("streams", "apply", "--yes", "--facility", other)
    assert kept.returncode == 2, kept.stdout + kept.stderr
    assert "account rijk-verkenning: it has 1 job" in kept.stdout
    assert platform.state(running) == "RUNNING"
    assert "national" in platform.run("sacctmgr", "-nP", "show", "qos", "format=name").split()
    forced = platform.werkplaats("streams", "apply", "--yes", "--force", "--facility", other)
    assert forced.returncode == 0, forced.stdout + forced.stderr
    assert platform.state(running) in ("CANCELLED", "")
    assert "national" not in platform.run("sacctmgr", "-nP", "show", "qos", "format=name").split()
    own = ["--yes", "--force", "--facility", str(platform.up.facility_file)]
    assert platform.werkplaats("streams", "apply", *own).returncode == 0


def test_a_project_that_ended_yesterday_is_closed_by_itself(platform: Platform):
    """The Hub says so with the day and whom to ask; the keeper closes it in Slurm, for sbatch too."""
    yesterday = date.today() - timedelta(days=1)

    def ends(raw: dict[str, Any]) -> None:
        raw["projects"]["cursus-ai"]["ends"] = date.today() + timedelta(days=1)

    with platform.other_facility(ends) as file:
        number = platform.sbatch("student", "cursus-ai", "regional", "--time=1", script="true")
        until(lambda: platform.state(number) == "COMPLETED", 20)
        # A day passes, and only the file's text knows: nobody runs an apply.
        text = file.read_text().replace(str(date.today() + timedelta(days=1)), str(yesterday))
        platform.instance.facility.write_text(text)
        answer = platform.session("student").start({"flavour": "first-steps"})
        assert answer.status == 403
        assert answer.body["message"].startswith("Het project 'cursus-ai' eindigde op")
        assert f"Vraag het aan {PREFIX}docent" in answer.body["message"]
        closed = [
            "sacctmgr",
            "-nP",
            "show",
            "associations",
            "account=cursus-ai",
            "user=",
            "format=grpsubmitjobs",
        ]
        until(lambda: platform.run(*closed).strip() == "0", 60)
        refused = platform.run("sbatch", "--account=cursus-ai", "--wrap=true", user=STUDENT, check=False)
        assert refused == ""


def test_the_status_shows_use_against_entitlement(platform: Platform):
    """Shares, what is in use of them, and what projects have left: as a table, and as JSON."""
    running = platform.sbatch("mkb", "mkb-verkenning", "regional", "--time=600")
    platform.until_running(running)
    time.sleep(1)
    shown = json.loads(platform.werkplaats("streams", "status", "--json").stdout)
    streams = {stream["name"]: stream for stream in shown["streams"]}
    assert shown["gpus"] == 16
    assert [(s["gpus"], s["in_use"]) for s in shown["streams"]] == [(4, 1), (4, 0), (8, 0)]
    assert streams["regional"]["entitled_hours"] > 0
    project = next(p for p in shown["projects"] if p["name"] == "mkb-verkenning")
    assert project["budget_hours"] == 1000
    assert 9.5 < project["running_hours"] <= 10
    assert project["left_hours"] <= 990
    table = platform.werkplaats("streams", "status").stdout
    assert "regional (guaranteed)" in table
    past = platform.werkplaats("streams", "status", "--from", "2026-01-01")
    assert past.returncode == 0
    assert "GPU-hours" in past.stdout
