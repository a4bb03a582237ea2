"""What a person who waits reads."""

from __future__ import annotations

import pytest

from werkplaats_spawners.cluster import Verdict
from werkplaats_spawners.language import speaking
from werkplaats_spawners.sentences import waiting_words
from werkplaats_spawners.slurm import Phase

SHARE = "All GPUs of your stream's share are in use."
BUDGET = "What the project has left does not cover this server while others run."
BUSY = "The machines are busy. Your server starts as soon as there is room."


@pytest.mark.parametrize(
    ("reason", "begins"),
    [
        ("QOSGrpGRES", SHARE),
        ("QOSGrpBilling", SHARE),
        ("AssocGrpGRESMinutes", BUDGET),
        ("Resources", BUSY),
        ("Priority", BUSY),
        ("None", "Your request is in the queue."),
        ("ReqNodeNotAvail", "Your request is in the queue. Slurm says: ReqNodeNotAvail."),
    ],
)
def test_why_a_request_waits(reason: str, begins: str) -> None:
    """The reasons of every day are sentences; another is shown as Slurm says it."""
    with speaking("en"):
        assert waiting_words(Verdict(Phase.PENDING, reason)).startswith(begins)
