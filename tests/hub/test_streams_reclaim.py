"""Borrowers that are told to go beside the one that Slurm tells: read, told, written down, ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from werkplaats_hub import facility as facilities
from werkplaats_hub.facility import Facility
from werkplaats_hub.slurm_commands import SlurmFailed
from werkplaats_hub.streams.queued import read_queue
from werkplaats_hub.streams.reclaim import Reclaimer
from werkplaats_spawners.slurm import TAKEN_BACK

NOW = datetime(2026, 11, 21, 12, 0, 0).astimezone()
LONG_AGO = "2026-11-21T11:00:00"
TRES = "cpu={cpus},mem={memory}G,node=1,billing={billing},gres/gpu={gpus}"

LIMITS = """Association Records

ClusterName=werkplaats Account=mkb-verkenning UserName= Partition= Priority=0 ID=7
    GrpTRESMins=cpu=N(0),mem=N(0),gres/gpu={budget}(60)
    GrpTRESRunMins=cpu=N(0),mem=N(0),gres/gpu=N(60)
ClusterName=werkplaats Account=mkb-verkenning UserName=mkb(1003) Partition= Priority=0 ID=8
    GrpTRESMins=cpu=N(0),mem=N(0),gres/gpu=N(60)
    GrpTRESRunMins=cpu=N(0),mem=N(0),gres/gpu=N(60)
QOS Records

QOS=regional(3)
    GrpTRES=cpu=N(0),mem=N(0),gres/gpu={share}(0),billing={billing}(0)
QOS=lent(2)
    GrpTRES=cpu=N(0),mem=N(0),gres/gpu=N(0),billing=N(0)
"""


def line(
    job: int,
    qos: str,
    state: str,
    *,
    reason: str = "None",
    user: str = "mkb",
    node: str = "",
    told: str = "N/A",
    gpus: int = 1,
    submitted: str = LONG_AGO,
    nodes: str = "1",
    feature: str = "",
    priority: int = 1,
) -> str:
    """Return a line as ``squeue`` prints it."""
    size = TRES.format(cpus=4 * gpus, memory=16 * gpus, billing=1000 * gpus, gpus=gpus)
    began = f"2026-11-21T11:{job:02}:00" if node else "N/A"
    first = f"{job}|{user}|mkb-verkenning|{qos}|{state}|{reason}|{priority}|{submitted}|{node}|{began}|"
    return f"{first}{told}|{size}|1:00:00|gres:gpu:{gpus}|{nodes}||{feature}|"


def node(name: str, used: int, state: str = "MIXED") -> str:
    """Return a line as ``scontrol show nodes`` prints it."""
    taken = f"cpu={4 * used},mem={16 * used}G,gres/gpu={used}" if used else ""
    has = "CfgTRES=cpu=16,mem=64G,billing=16,gres/gpu=4"
    return f"NodeName={name} Gres=gpu:virtual:4 State={state} Partitions=gpu {has} AllocTRES={taken} Reason=x"


@dataclass
class Fake:
    """A Slurm that shows what it is given, and remembers what it is told."""

    queue: list[str]
    nodes: list[str]
    shown: dict[str, str] = field(default_factory=dict)
    acts: list[str] = field(default_factory=list)
    share: int = 4
    budget: int = 6000

    def __call__(self, argv: Sequence[str]) -> str:
        """Answer one command."""
        command = " ".join(argv)
        match list(argv):
            case ["squeue", _, _, *rest] if any(word.startswith("--qos=") for word in rest):
                return "".join(row for row in self.queue if "|PENDING|" in row)
            case ["squeue", *_]:
                return "\n".join(self.queue)
            case ["scontrol", "--oneliner", "show", "nodes"]:
                return "\n".join(self.nodes)
            case ["scontrol", "show", "assoc_mgr", *_]:
                return LIMITS.format(share=self.share, billing=1000 * self.share, budget=self.budget)
            case ["scontrol", "show", "job", number]:
                return self.shown.get(number, f"JobId={number} JobName=wrap\n   UserId=x\n")
        self.acts.append(command)
        return ""


def lent_on(*nodes: str) -> list[str]:
    """Return borrowers of four to each node, numbered from 1."""
    return [line(i + 1, "lent", "RUNNING", node=nodes[i // 4]) for i in range(4 * len(nodes))]


def waits(job: int, **rest: str) -> str:
    """Return a request of the regional stream."""
    return line(job, "regional", "PENDING", **({"reason": "Resources"} | rest))  # type: ignore[arg-type]


def comment(job: int, seconds: int = 60) -> str:
    """Return the command that writes a deadline down."""
    end = (NOW + timedelta(seconds=seconds)).isoformat(timespec="seconds")
    return f"scontrol update JobId={job} AdminComment={TAKEN_BACK} at {end}"


@pytest.fixture
def house(facility_file: Path) -> Facility:
    """The facility as it comes."""
    return facilities.read(facility_file)


def test_two_more_are_told_when_three_wait_and_slurm_told_one(house: Facility) -> None:
    """The deadline is written down first; a server of the Hub's gets SIGUSR1, other work what Slurm gives."""
    queue = lent_on("n1", "n2")
    queue[0] = line(1, "lent", "RUNNING", node="n1", told="2026-11-21T11:59:58")
    slurm = Fake([*queue, *map(waits, (21, 22, 23))], [node("n1", 4), node("n2", 4)])
    slurm.shown["8"] = "JobId=8 JobName=werkplaats\n   UserId=x\n"
    Reclaimer(slurm).look(house, NOW)
    assert slurm.acts == [
        comment(8),
        "scancel --signal=USR1 --batch 8",
        comment(7),
        "scancel --signal=CONT 7",
        "scancel --signal=TERM 7",
    ]


def test_a_deadline_is_kept_and_then_the_job_is_ended_until_it_is_gone(house: Facility) -> None:
    """Not before, and once more while Slurm still shows it."""
    slurm = Fake([*lent_on("n1"), waits(21)], [node("n1", 4)])
    reclaimer = Reclaimer(slurm)
    for seconds in (0, 1, 59):
        reclaimer.look(house, NOW + timedelta(seconds=seconds))
    assert len(slurm.acts) == 3
    slurm.acts.clear()
    reclaimer.look(house, NOW + timedelta(seconds=60))
    reclaimer.look(house, NOW + timedelta(seconds=61))
    assert slurm.acts == ["scancel 4", "scancel 4"]
    slurm.acts.clear()
    slurm.queue = [row for row in slurm.queue if not row.startswith("4|")]
    slurm.nodes = [node("n1", 3)]
    reclaimer.look(house, NOW + timedelta(seconds=62))
    assert slurm.acts == []


def test_a_process_that_begins_anew_finds_the_deadlines_in_slurm(house: Facility) -> None:
    """Nobody is told twice, and who was told goes."""
    slurm = Fake(lent_on("n1"), [node("n1", 4)])
    slurm.shown["3"] = (
        f"JobId=3 JobName=wrap\n   AdminComment={TAKEN_BACK} at {(NOW - timedelta(seconds=1)).isoformat()}\n"
    )
    Reclaimer(slurm).look(house, NOW)
    assert slurm.acts == ["scancel 3"]


@pytest.mark.parametrize("text", ["xyz", "2030-01-01T00:00:00", "2099-01-01T00:00:00+00:00", ""])
def test_what_an_owner_writes_into_a_name_is_no_deadline(house: Facility, text: str) -> None:
    """Nobody makes the keeper stumble, or passes for a borrower that is going already."""
    slurm = Fake([*lent_on("n1"), waits(21)], [node("n1", 4)])
    slurm.shown["4"] = f"JobId=4 JobName=x\n   AdminComment={TAKEN_BACK} at {text}\n   UserId=x\n"
    Reclaimer(slurm).look(house, NOW)
    assert slurm.acts[0] == comment(4)


@pytest.mark.parametrize(
    "row",
    [
        waits(21, reason="QOSGrpGRES"),
        waits(21, reason="AssocGrpGRESMinutes"),
        waits(21, reason="JobHeldUser"),
        waits(21, submitted="2026-11-21T11:59:59"),
        waits(21, feature="big|bad"),
        waits(21, nodes="2"),
        line(21, "lent", "PENDING", reason="Resources"),
        line(21, "regional", "PENDING", reason="Resources", gpus=5),
        line(21, "normal", "PENDING", reason="Resources"),
    ],
)
def test_nobody_is_told_for(house: Facility, row: str) -> None:
    """What waits for another reason, has only just come, is particular, or is not within a share."""
    slurm = Fake([*lent_on("n1"), row], [node("n1", 4)])
    Reclaimer(slurm).look(house, NOW)
    assert slurm.acts == []


def test_a_stream_gets_no_more_than_its_share_back(house: Facility) -> None:
    """Six wait, and the share is four, though Slurm has said of none yet that it is beyond it."""
    requests = [waits(20 + n, reason="Priority") for n in range(6)]
    slurm = Fake([*lent_on("n1", "n2"), *requests], [node("n1", 4), node("n2", 4)])
    Reclaimer(slurm).look(house, NOW)
    assert [act for act in slurm.acts if "AdminComment" in act] == [comment(n) for n in (8, 7, 6, 5)]


def test_a_budget_that_does_not_cover_it_takes_nothing_back(house: Facility) -> None:
    """Of 240 minutes 60 are used and 60 in use: two of three requests of an hour each are covered."""
    requests = [waits(20 + n, reason="Priority") for n in range(3)]
    slurm = Fake([*lent_on("n1"), *requests], [node("n1", 4)], budget=240)
    Reclaimer(slurm).look(house, NOW)
    assert [act for act in slurm.acts if "AdminComment" in act] == [comment(4), comment(3)]


def test_a_node_that_takes_no_work_is_not_cleared(house: Facility) -> None:
    """To drain one and to have its borrowers go as well would help nobody."""
    slurm = Fake([*lent_on("n1"), waits(21)], [node("n1", 4, "MIXED+DRAIN")])
    Reclaimer(slurm).look(house, NOW)
    assert slurm.acts == []


def test_while_nobody_waits_one_cheap_question_is_all(house: Facility) -> None:
    """It is asked every second."""
    asked: list[Sequence[str]] = []
    slurm = Fake(lent_on("n1"), [node("n1", 4)])

    def run(argv: Sequence[str]) -> str:
        asked.append(argv)
        return slurm(argv)

    reclaimer = Reclaimer(run)
    reclaimer.look(house, NOW)
    asked.clear()
    reclaimer.look(house, NOW)
    assert len(asked) == 1


def test_a_job_that_ends_meanwhile_is_no_trouble(house: Facility) -> None:
    """Slurm refuses, and the next look goes on."""
    slurm = Fake([*lent_on("n1"), waits(21)], [node("n1", 4)])

    def run(argv: Sequence[str]) -> str:
        if argv[0] == "scancel" or "update" in argv or argv[:3] == ["scontrol", "show", "job"]:
            raise SlurmFailed("Job has already finished")
        return slurm(argv)

    Reclaimer(run).look(house, NOW)


def test_the_queue_is_read_and_no_job_can_forge_a_line() -> None:
    """What a person words freely is last; a line of another shape is passed over."""
    text = [line(7, "lent", "COMPLETING", node="n1"), line(8, "regional", "PENDING", feature="a|99|x"), "9|x"]
    first, second = read_queue(lambda _argv: "\n".join(text))
    assert (first.leaves, first.holds, first.size) == (True, False, (1, 4, 16384))
    assert (second.id, second.particular, second.minutes, second.on_one_node) == (8, True, 60, True)
