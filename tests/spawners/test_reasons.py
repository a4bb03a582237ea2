"""Every reason for which Slurm 22.05 lets a job wait is a sentence and an advice, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from werkplaats_spawners import language
from werkplaats_spawners.language import LANGUAGES, Language, speaking
from werkplaats_spawners.reasons import explain

#: What ``job_reason_string()`` of Slurm 22.05.8 can return: the text that squeue prints.
REASONS = (Path(__file__).parent / "recorded" / "reasons.txt").read_text().split()


@pytest.fixture(autouse=True)
def catalogue(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Speak with the catalogue that is shipped."""
    monkeypatch.setattr(language, "_catalogues", {})
    language.load(checkout / "hub_config" / "werkplaats_hub" / "locale")
    with speaking("en"):
        yield


def test_the_list_is_whole() -> None:
    """All 197 texts of 22.05, each once."""
    assert len(REASONS) == len(set(REASONS)) == 197


@pytest.mark.parametrize("reader", LANGUAGES)
@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_explained(reason: str, reader: Language) -> None:
    """A whole sentence and an advice, without Slurm's own word, and nothing left to fill in."""
    with speaking(reader):
        said = explain(reason)
    for text in (said.sentence, said.advice):
        assert re.fullmatch(r"[A-Z].*[.]", text)
        assert not re.search(r"[{}]|Slurm", text)
    if reader == "nl":
        with speaking("en"):
            english = explain(reason)
        assert said.sentence != english.sentence, "it is said in Dutch"
        assert said.advice != english.advice


SHARE = "All GPUs of your stream's share are in use."


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("QOSGrpGRES", SHARE),
        ("QOSGrpBilling", SHARE),
        ("QOSGrpMemLimit", "The share of your stream is full (memory)."),
        ("QOSGrpMemoryMinutes", "What your stream has left in hours does not cover this server (memory)."),
        ("AssocGrpGRESMinutes", "What the project has left does not cover this server while others run."),
        ("AssocGrpCpuLimit", "Your project has in use what it may have at once (processors)."),
        ("QOSMaxGRESPerUser", "You have as much as one person may have at once (GPUs)."),
        (
            "QOSMaxJobsPerUserLimit",
            "You have as much as one person may have at once (number of servers and jobs).",
        ),
        (
            "AssocMaxJobsLimit",
            "You have as much as one person may have at once (number of servers and jobs).",
        ),
        ("AssocMaxSubmitJobLimit", "You have as much as one person may have at once (number of requests)."),
        ("MaxGRESPerAccount", "Your project has as much as one project may have at once (GPUs)."),
        ("QOSMaxNodePerJobLimit", "This is more than one server may have (machines)."),
        ("AssocMaxWallDurationPerJobLimit", "This is more than one server may have (hours)."),
        ("QOSMinGRES", "This is less than a server of your stream must ask for (GPUs)."),
        ("Resources", "The machines are busy. You are among the next."),
        ("Priority", "The machines are busy, and others are before you."),
        ("None", "Your request is in the queue."),
        ("", "Your request is in the queue."),
        ("(null)", "Your request is in the queue."),
    ],
)
def test_what_a_reason_means(reason: str, sentence: str) -> None:
    """The reasons of every day, and one of each family."""
    assert explain(reason).sentence == sentence


@pytest.mark.parametrize(
    ("text", "as_if"),
    [
        ("ReqNodeNotAvail, UnavailableNodes:gpu[1-4]", "ReqNodeNotAvail"),
        ("ReqNodeNotAvail,_UnavailableNodes:gpu1", "ReqNodeNotAvail"),
        ("Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
         "ReqNodeNotAvail"),
        ("Nodes_required_for_job_are_DOWN,_DRAINED_or_reserved_for_jobs_in_higher_priority_partitions",
         "ReqNodeNotAvail"),
        ("Job is at or exceeds QOS regional's group max TRES(gres/gpu) minutes of 60 with 120",
         "QOSGrpGRESMinutes"),
        ("Job is at or exceeds association (acc=a/user=b) group max TRES(gres/gpu) minutes of 6 with 9",
         "AssocGrpGRESMinutes"),
        ("BeginTime", "BeginTime"),
        ("Reservation", "Reservation"),
        ("Reservation x, which this job was running under, has ended", "ReservationDeleted"),
    ],
)  # fmt: skip
def test_what_slurm_writes_in_a_reasons_place(text: str, as_if: str) -> None:
    """Slurm puts longer texts there; what follows the reason itself is of no use to who waits."""
    assert explain(text) == explain(as_if)


@pytest.mark.parametrize("reason", ["QOSGrpGRES", "QOSGrpBilling", "QOSGrpCpuLimit"])
def test_borrowed_capacity_has_no_share(reason: str) -> None:
    """Who borrows waits for others to give back, and is not told to borrow."""
    said = explain(reason, "lent")
    assert said.sentence == "Everything that can be lent is in use."
    assert "borrow" not in said.advice


@pytest.mark.parametrize("reason", ["SomethingNew", "QOSGrpQuantum", "Assoc", "GrpPer", "<b>x</b>", "é|17"])
def test_a_reason_that_is_not_known_is_shown(reason: str) -> None:
    """As Slurm says it, with whom to ask; a later Slurm may have more of them."""
    said = explain(reason)
    assert said.sentence == f"Your request is in the queue. Slurm says: {reason}."
    assert "desk" in said.advice
