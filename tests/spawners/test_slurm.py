"""Slurm's command lines and texts: what is sent byte for byte, and what real output means."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from werkplaats_spawners import slurm, testing
from werkplaats_spawners.launch.program import job_spec
from werkplaats_spawners.launch.settings import Settings, Size
from werkplaats_spawners.nodes import parse_nodes
from werkplaats_spawners.offer import Offer
from werkplaats_spawners.slurm import Job, JobSpec, Phase, Trouble
from werkplaats_spawners.testing import WOULD_PREEMPT, WOULD_START

RECORDED = Path(__file__).parent / "recorded"
SPEC = JobSpec(
    account="bakery",
    qos="regional",
    partition="fast",
    cpus=4,
    memory_gb=16,
    gpus=1,
    minutes=120,
    notice_seconds=60,
    log="/var/lib/w/job-logs/mkb/server-%j.log",
    home="/home/mkb",
)

#: squeue(1) of Slurm 22.05, JOB STATE CODES, all of them.
STATES = {
    "BOOT_FAIL": Phase.GONE,
    "CANCELLED": Phase.GONE,
    "COMPLETED": Phase.GONE,
    "CONFIGURING": Phase.PENDING,
    "COMPLETING": Phase.ENDING,
    "DEADLINE": Phase.GONE,
    "FAILED": Phase.GONE,
    "NODE_FAIL": Phase.GONE,
    "OUT_OF_MEMORY": Phase.GONE,
    "PENDING": Phase.PENDING,
    "PREEMPTED": Phase.GONE,
    "RUNNING": Phase.RUNNING,
    "RESV_DEL_HOLD": Phase.PENDING,
    "REQUEUE_FED": Phase.PENDING,
    "REQUEUE_HOLD": Phase.PENDING,
    "REQUEUED": Phase.PENDING,
    "RESIZING": Phase.RUNNING,
    "REVOKED": Phase.GONE,
    "SIGNALING": Phase.RUNNING,
    "SPECIAL_EXIT": Phase.PENDING,
    "STAGE_OUT": Phase.RUNNING,
    "STOPPED": Phase.RUNNING,
    "SUSPENDED": Phase.RUNNING,
    "TIMEOUT": Phase.GONE,
}


def recorded(name: str) -> str:
    """Return what a real command printed."""
    return (RECORDED / f"{name}.txt").read_text()


@pytest.mark.parametrize(("state", "expected"), STATES.items())
def test_the_phase_of_every_state(state: str, expected: Phase) -> None:
    """Each state of squeue(1) has a phase, also as sacct writes it: cut short, or with who did it."""
    assert slurm.phase(state) is expected
    assert slurm.phase(f"{state}+") is expected
    assert slurm.phase(f"{state} by 1001") is expected


def test_the_table_of_phases_is_complete() -> None:
    """The table knows the states of the manual and no others."""
    assert dict(slurm.PHASES) == STATES


@pytest.mark.parametrize(
    "state",
    ["", " ", "\n", "+", "PEND", "pending", "CD", "GONE", "INVALID", "NOT_FOUND", "slurm_load_jobs error"],
)
def test_an_unknown_state_is_unknown_and_never_gone(state: str) -> None:
    """A text that the manual does not name is no evidence of anything."""
    assert slurm.phase(state) is Phase.UNKNOWN


@given(st.text())
def test_no_other_text_is_gone(state: str) -> None:
    """Only a state of the manual, as the first word, ends a server."""
    if slurm.phase(state) is Phase.GONE:
        assert STATES[state.split()[0].rstrip("+")] is Phase.GONE


HEADERS = {
    "first-steps": """\
#SBATCH --job-name=werkplaats
#SBATCH --account=mkb-verkenning
#SBATCH --qos=regional
#SBATCH --partition=cpu
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=240
#SBATCH --signal=B:USR1@60
#SBATCH --chdir=/home/mkb
#SBATCH --output=/var/lib/werkplaats/job-logs/mkb/server-%j.log
#SBATCH --open-mode=append
#SBATCH --no-requeue
""",
    "gpu-1": """\
#SBATCH --job-name=werkplaats
#SBATCH --account=mkb-verkenning
#SBATCH --qos=regional
#SBATCH --partition=gpu
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --gres=gpu:1
#SBATCH --time=120
#SBATCH --signal=B:USR1@60
#SBATCH --chdir=/home/mkb
#SBATCH --output=/var/lib/werkplaats/job-logs/mkb/server-%j.log
#SBATCH --open-mode=append
#SBATCH --no-requeue
""",
    "gpu-2": """\
#SBATCH --job-name=werkplaats
#SBATCH --account=mkb-verkenning
#SBATCH --qos=regional
#SBATCH --partition=gpu
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --gres=gpu:2
#SBATCH --time=120
#SBATCH --signal=B:USR1@60
#SBATCH --chdir=/home/mkb
#SBATCH --output=/var/lib/werkplaats/job-logs/mkb/server-%j.log
#SBATCH --open-mode=append
#SBATCH --no-requeue
""",
}


def test_the_header_of_each_shipped_flavour(offer: Offer) -> None:
    """What Slurm is asked for, byte for byte: a change here is a change of what people get."""
    settings = Settings(
        slurm_conf="/etc/slurm/slurm.conf",
        notebook="/opt/werkplaats/notebook",
        logs="/var/lib/werkplaats/job-logs",
        flavours={f.name: Size(f.cpus, f.memory_gb, f.gpus, f.max_hours * 60) for f in offer.flavours},
        gpu_partition="gpu",
        cpu_partition="cpu",
        lent_qos="lent",
        notice_seconds=60,
    )
    found = {}
    for flavour in offer.flavours:
        message = {
            "flavour": flavour.name,
            "account": "mkb-verkenning",
            "qos": "regional",
            "minutes": flavour.hours * 60,
        }
        found[flavour.name] = slurm.batch_header(job_spec(message, settings, "mkb", "/home/mkb"))
    assert found == HEADERS


@pytest.mark.parametrize("field", ["account", "qos", "partition", "log", "home"])
@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", "a\n#SBATCH --qos=x", "a\r", "a\t", "a;b", "a,b", "a=b", "$HOME", "`id`", "a'b", 'a"b',
     "a\\b", "a#b", "a\0b", "é", "a*", "~"],
)  # fmt: skip
def test_the_header_takes_plain_words_only(field: str, text: str) -> None:
    """Whatever could be read as more than one word is refused, however it came that far."""
    with pytest.raises(ValueError, match="not a plain word"):
        slurm.batch_header(replace(SPEC, **{field: text}))


@given(st.text(), st.sampled_from(["account", "qos", "partition", "log", "home"]))
def test_a_header_has_the_same_lines_whatever_the_words(text: str, field: str) -> None:
    """No text adds a line, an option or a comment."""
    try:
        header = slurm.batch_header(replace(SPEC, **{field: text}))
    except ValueError:
        return
    plain = slurm.batch_header(SPEC)
    assert header == plain.replace(getattr(SPEC, field), text)
    assert len(header.splitlines()) == len(plain.splitlines())


def test_the_commands() -> None:
    """Each command is a list: its words are fixed but for a number that Slurm itself gave."""
    assert slurm.sbatch() == ["sbatch", "--parsable", "--export=ALL"]
    assert slurm.scancel(17) == ["scancel", "17"]
    asked = "%i|%u|%a|%q|%T|%B|%S|%e|%b|%l|%P|%Q|%r"
    assert slurm.squeue() == ["squeue", "--noheader", "--states=all", f"--format={asked}"]
    assert slurm.sacct(17)[-2:] == [
        "--jobs=17",
        "--format=JobIDRaw,User,Account,QOS,State,NodeList,Start,End,ExitCode,AdminComment",
    ]
    assert slurm.accounting_ping()[:3] == ["sacctmgr", "--noheader", "--parsable2"]
    assert slurm.sbatch_when() == ["sbatch", "--test-only"]


def test_the_queue_is_asked_for_nothing_that_a_user_writes() -> None:
    """A name, comment, folder, feature or command is its owner's text, and could forge a line."""
    assert not set("jkoZfvwAn") & set(slurm.squeue()[-1].removeprefix("--format=").replace("%", ""))


def test_a_recorded_queue() -> None:
    """A real listing is read whole; the array task, which no server is, is passed over."""
    jobs = {job.id: job for job in slurm.parse_squeue(recorded("squeue"))}
    assert {number: job.phase for number, job in jobs.items()} == {
        7: Phase.GONE,
        9: Phase.GONE,
        8: Phase.GONE,
        12: Phase.ENDING,
        11: Phase.PENDING,
        10: Phase.PENDING,
        5: Phase.RUNNING,
        1: Phase.RUNNING,
        3: Phase.RUNNING,
        4: Phase.RUNNING,
        2: Phase.RUNNING,
        548: Phase.PENDING,
        549: Phase.PENDING,
    }
    assert jobs[1] == Job(
        1, "mkb", "mkb-verkenning", "regional", "RUNNING", "gpu1",
        "2026-11-21T03:27:58", "2026-11-21T05:27:58", "None", gpus=1, minutes=120, partition="gpu",
        priority=100000,
    )  # fmt: skip
    assert (jobs[10].node, jobs[10].start, jobs[10].reason) == ("", "N/A", "QOSGrpBilling")
    assert jobs[2].qos == "lent"
    assert (jobs[549].start, jobs[549].priority) == ("2026-11-21T06:47:13", 1)


def test_the_size_of_recorded_jobs() -> None:
    """GPUs as ``--gres`` asks for them, with a kind or without, and the time limit in minutes."""
    jobs = {job.id: (job.gpus, job.minutes) for job in slurm.parse_squeue(recorded("squeue"))}
    assert jobs == {
        1: (1, 120), 2: (2, 60), 3: (0, 26 * 60), 4: (1, 30), 5: (0, 240), 7: (0, 5), 8: (0, 5), 9: (0, 5),
        10: (4, 5), 11: (0, 5), 12: (0, 5), 548: (2, 60), 549: (1, 60),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "gpus"),
    [
        ("gres:gpu:2", 2), ("gres/gpu:2", 2), ("gres/gpu:h100:2", 2), ("gres:gpu", 1), ("gres:gpu:h200", 1),
        ("gres:gpu:h200:1,gres:gpu:a100:3", 4), ("gres:craynetwork:1", 0), ("N/A", 0), ("", 0), ("(null)", 0),
    ],
)  # fmt: skip
def test_how_gpus_are_asked_for(asked: str, gpus: int) -> None:
    """What Slurm 21.08 to 24.11 print for ``%b``; a name without a number is one."""
    (job,) = slurm.parse_squeue(LINE.replace("gres:gpu:1", asked))
    assert job.gpus == gpus


@pytest.mark.parametrize(
    ("limit", "minutes"),
    [
        ("2:00:00", 120), ("30:00", 30), ("0:30", 0), ("1-02:00:00", 1560), ("7-00:00:00", 10080),
        ("UNLIMITED", 0), ("INVALID", 0), ("NOT_SET", 0), ("", 0), ("1:2:3:4", 0), ("x-1:00:00", 0),
    ],
)  # fmt: skip
def test_a_time_limit(limit: str, minutes: int) -> None:
    """Days, hours, minutes and seconds come to minutes; no limit is 0."""
    assert slurm.minutes(limit) == minutes
    (job,) = slurm.parse_squeue(LINE.replace("2:00:00|gpu", f"{limit}|gpu"))
    assert job.minutes == minutes


def test_a_recorded_accounting() -> None:
    """Real records are read: who cancelled is told apart from the state, the exit code is kept."""
    jobs = {job.id: job for job in slurm.parse_sacct(recorded("sacct"))}
    assert {number: (job.phase, job.state) for number, job in jobs.items()} == {
        1: (Phase.RUNNING, "RUNNING"),
        3: (Phase.GONE, "CANCELLED by 0"),
        7: (Phase.GONE, "CANCELLED by 0"),
        8: (Phase.GONE, "FAILED"),
        9: (Phase.GONE, "COMPLETED"),
        10: (Phase.GONE, "CANCELLED by 0"),
        542: (Phase.GONE, "CANCELLED by 64030"),
    }
    assert jobs[10].note == ""
    assert str(jobs[542].note).startswith(slurm.TAKEN_BACK)
    assert (jobs[8].node, jobs[8].reason) == ("gpu1", "3:0")


def test_a_job_that_never_ran_had_no_node() -> None:
    """`Job.node` is empty for a job that never ran, whichever command told of it."""
    never_ran = [job for job in slurm.parse_sacct(recorded("sacct")) if job.id == 3]
    never_ran += [job for job in slurm.parse_squeue(recorded("squeue")) if job.id in (7, 11)]
    assert [job.node for job in never_ran] == ["", "", ""]


# -- when a job would start ----------------------------------------------------------------------------


def test_when_a_job_would_start() -> None:
    """The recorded answer: a moment with its time zone, a node, and nobody who must go."""
    expected = slurm.parse_when(WOULD_START)
    assert expected is not None
    assert expected.start == datetime(2026, 11, 21, 6, 17, 29).astimezone()
    assert (expected.node, expected.preempts) == ("cpu1", False)
    assert expected.start.tzinfo is not None


def test_a_job_that_would_take_back_what_was_borrowed() -> None:
    """Slurm names the jobs that would have to go."""
    expected = slurm.parse_when(WOULD_PREEMPT)
    assert expected is not None
    assert (expected.node, expected.preempts) == ("gpu2", True)


REFUSED = {
    "allocation failure: Invalid account or account/partition combination specified": Trouble.NO_ASSOCIATION,
    "sbatch: error: QOSGrpBilling\nallocation failure: Job violates accounting/QOS policy (job submit limit, "
    "user's size and/or time limits)": Trouble.OVER_LIMIT,
    "allocation failure: Requested time limit is invalid (missing or exceeds some limit)": Trouble.OTHER,
}


@pytest.mark.parametrize(
    "text", [*REFUSED, "", "Job 1 to start at never using 1 processors on nodes x in partition y"]
)
def test_what_is_no_time(text: str) -> None:
    """What Slurm says when it would refuse is no time; what it means is known as for a submission."""
    assert slurm.parse_when(text) is None
    assert slurm.trouble(text) is REFUSED.get(text, Trouble.OTHER)


LINE = (
    "17|mkb|bakery|regional|RUNNING|gpu1|2026-11-20T23:27:19|2026-11-21T01:27:19|gres:gpu:1|2:00:00"
    "|gpu|1|None"
)
RECORD = "17|mkb|bakery|regional|RUNNING|gpu1|2026-11-20T23:27:19|2026-11-21T01:27:19|0:0|"


@pytest.mark.parametrize(
    "line",
    ["", "|", "||||||||", "garbage", LINE[2:], LINE[:-30], LINE.replace("17", "17_3"),
     LINE.replace("17", "-1"),
     LINE.replace("17", ""), "slurm_load_jobs error: Unable to contact slurm controller", "JOBID" + LINE[2:],
     LINE.replace("17", "²")],
)  # fmt: skip
def test_lines_that_are_no_job_are_passed_over(line: str) -> None:
    """A truncated or foreign line is no job, and does not hide the ones around it."""
    text = f"{LINE}\n{line}\n{LINE.replace('17', '18')}\n"
    assert [job.id for job in slurm.parse_squeue(text)] == [17, 18]
    text = f"{RECORD}\n{line}\n{RECORD.replace('17', '18')}\n"
    assert [job.id for job in slurm.parse_sacct(text)] == [17, 18]


def test_a_bar_in_the_last_field_forges_nothing() -> None:
    """Fields are counted from the left: what a reason contains stays in the reason."""
    (job,) = slurm.parse_squeue(LINE + "|18|root|root|normal|RUNNING|gpu1|N/A|N/A|x")
    assert (job.id, job.user, job.state) == (17, "mkb", "RUNNING")
    assert job.reason.startswith("None|18|root")
    assert [(job.id, job.note) for job in slurm.parse_sacct(RECORD + "more|17|x")] == [(17, "more|17|x")]


@given(st.text("17|²\n\r\0 aNone/_-+;é\x85\u2028", max_size=80) | st.text())
@example("²|a|b|c|RUNNING|n|s|e|gpu:²|²:00|p|²|r")
@example("१|a|b|c|RUNNING|n|s|e|gpu:१|१:११|p|१|r")
@example("1|a|b|c|RUNNING|n|s|e|gres:gpu:²|1-²:00|p|1|r")
@example("²|a|b|c|RUNNING|n|s|e|r|x")
def test_parsers_read_any_text(text: str) -> None:
    """Whatever a command prints, no parser of the queue breaks on it: an error would end the view of all."""
    for job in (*slurm.parse_squeue(text), *slurm.parse_sacct(text)):
        assert job.id >= 0
    slurm.parse_when(text)
    for node in parse_nodes(text):
        assert min(node.free.values(), default=0) >= 0
    assert slurm.trouble(text) in Trouble


@pytest.mark.parametrize(
    ("text", "expected"),
    [("17\n", 17), ("17;werkplaats\n", 17), ("sbatch: a site's notice\n17\n", 17), ("notice\n17;c\n", 17)],
)
def test_the_job_number(text: str, expected: int) -> None:
    """``sbatch --parsable`` prints a number, on clusters with names also that, after what a site says."""
    assert slurm.parse_job_id(text) == expected


@pytest.mark.parametrize("text", ["", "\n \n", "no number", ";17", "17 18"])
def test_no_job_number(text: str) -> None:
    """Anything else is an error, and never some job's number."""
    with pytest.raises(ValueError):
        slurm.parse_job_id(text)


@pytest.mark.parametrize(("meaning", "text"), testing.REFUSALS.items())
def test_what_recorded_refusals_mean(meaning: Trouble, text: str) -> None:
    """What a real sbatch says has one meaning for the person who waits."""
    assert slurm.trouble(text) is meaning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (testing.AWAY, Trouble.UNREACHABLE),
        (testing.ACCOUNTING_AWAY, Trouble.UNREACHABLE),
        ("slurm_load_jobs error: Socket timed out on send/recv operation", Trouble.UNREACHABLE),
        ("slurm_receive_msg: Zero Bytes were transmitted or received", Trouble.UNREACHABLE),
        ("Socket timed out: no answer from sbatch", Trouble.UNREACHABLE),  # launch's own
        ("sbatch: error: slurm_unpack_received_msg: Protocol authentication error", Trouble.UNREACHABLE),
        ("sbatch: error: Batch job submission failed: Invalid qos specification", Trouble.NO_ASSOCIATION),
        ("sbatch: error: Invalid generic resource (gres) specification", Trouble.NOT_AVAILABLE),
        ("scancel: error: Kill job error on job id 17: Invalid job id specified", Trouble.JOB_UNKNOWN),
        ("scancel: error: Kill job error on job id 17: Job/step already completing or completed",
         Trouble.JOB_UNKNOWN),
        ("scancel: error: Kill job error on job id 1: Access/permission denied", Trouble.OTHER),
        ("", Trouble.OTHER),
        ("something new in Slurm 30", Trouble.OTHER),
    ],
)  # fmt: skip
def test_what_an_error_means(text: str, expected: Trouble) -> None:
    """An error that is known has a meaning; one that is not is *other*, and promises nothing."""
    assert slurm.trouble(text) is expected


def test_the_last_record_of_a_number_counts() -> None:
    """Accounting may hold several records of one number; the last is the present one."""
    jobs = slurm.parse_sacct(f"{RECORD}\n{RECORD.replace('RUNNING', 'FAILED')}\n")
    found = slurm.latest(jobs)
    assert found is not None
    assert found.state == "FAILED"
    assert slurm.latest([]) is None


def test_no_state_of_the_manual_was_left_out() -> None:
    """The manual lists 24 states; the table above must not lose one."""
    assert Counter(STATES.values()) == {
        Phase.PENDING: 7,
        Phase.RUNNING: 6,
        Phase.ENDING: 1,
        Phase.GONE: 10,
    }
