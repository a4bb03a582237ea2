"""What is published of a month: hours by account and QOS, without people, and seldom asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from werkplaats_spawners import months, publisher
from werkplaats_spawners.publisher import CommandFailed, Publisher

NOW = datetime(2026, 11, 21, 14, 20, 30).astimezone()
SACCT = "mkb-verkenning|regional|3600|billing=1000,cpu=4,gres/gpu=1,mem=16G\nonderzoek|lent|60|gres/gpu=2\n"


class Commands:
    """Slurm's commands of accounting; they note what was asked, and can fail."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.fails = ""

    async def __call__(self, argv: Sequence[str], within: float = 0) -> str:
        """Answer one."""
        self.asked.append(list(argv))
        await asyncio.sleep(0.001)
        if argv[0] == self.fails:
            raise CommandFailed("slurmdbd: Connection refused")
        return {"sacct": SACCT, "sreport": "960000\n", "sinfo": "gpu1|gpu:h100:4\ngpu2|gpu:h100:4\n"}[argv[0]]

    def of(self, name: str) -> list[list[str]]:
        """Return how one was asked."""
        return [argv for argv in self.asked if argv[0] == name]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Slurm, in the place of the real one."""
    commands = Commands()
    monkeypatch.setattr(publisher, "run", commands)
    return commands


def this_month() -> str:
    """Return the month of this test."""
    return datetime.now().strftime("%Y-%m")


async def test_a_month_is_hours_by_account_and_qos(commands: Commands) -> None:
    """What the cluster had, and what was used of it; no person is asked for, and none answered."""
    answer = await Publisher().answer({"want": "months", "months": ["2026-01"]})
    assert answer["error"] is None
    month = answer["months"]["2026-01"]
    assert month["gpu_minutes"] == 960000
    assert month["used"] == [
        {"account": "mkb-verkenning", "qos": "regional", "gpu_minutes": 60},
        {"account": "onderzoek", "qos": "lent", "gpu_minutes": 2},
    ]
    (sacct,) = commands.of("sacct")
    assert "--starttime=2026-01-01T00:00:00" in sacct
    assert "--endtime=2026-02-01T00:00:00" in sacct
    assert sacct[-1] == "--format=Account,QOS,ElapsedRaw,AllocTRES"
    assert "user" not in json.dumps(answer).lower()
    assert commands.of("sinfo") == [], "of a month that is over, only accounting is asked"


async def test_thirty_who_ask_cost_one_question(commands: Commands) -> None:
    """An answer stands for minutes, for all."""
    one = Publisher()
    await asyncio.gather(*[one.answer({"want": "months", "months": ["2026-01"]}) for _ in range(30)])
    assert len(commands.of("sacct")) == 1


async def test_accounting_away(commands: Commands) -> None:
    """The error is said; the next who asks has the answer again."""
    one = Publisher()
    commands.fails = "sreport"
    assert await one.answer({"want": "months", "months": ["2026-01"]}) == {
        "error": "slurmdbd: Connection refused",
        "months": {},
    }
    commands.fails = ""
    assert (await one.answer({"want": "months", "months": ["2026-01"]}))["error"] is None


@pytest.mark.parametrize(
    "names",
    [
        ["2999-01"],
        ["2026-13"],
        ["2026-1"],
        ["x"],
        [1],
        [None],
        [["2026-01"]],
        ["2026-01; id"],
        ["2026-01\n"],
        [],
    ],
)
async def test_what_is_no_month_is_passed_over(commands: Commands, names: list[object]) -> None:
    """No text of who asks reaches a command line."""
    assert await Publisher().answer({"want": "months", "months": names}) == {"error": None, "months": {}}
    assert commands.asked == []


@pytest.mark.parametrize("message", [{"want": "months"}, {"want": "months", "months": "2026-01"}])
async def test_what_is_no_question_gets_an_error(commands: Commands, message: object) -> None:
    """As any unknown message."""
    assert await Publisher().answer(message) == {"error": "unknown message"}


async def test_the_month_that_runs(commands: Commands) -> None:
    """To the hour from accounting, and the minutes since from the nodes."""
    answer = await Publisher().answer({"want": "months", "months": [this_month()]})
    month = answer["months"][this_month()]
    rolled_up = 960000 if commands.of("sreport") else 0
    assert rolled_up <= month["gpu_minutes"] <= rolled_up + 8 * 60


def test_a_span_ends_now_or_with_its_month() -> None:
    """Accounting rolls up full hours; a month that is over has no other."""
    running = months.span("2026-11", NOW)
    assert running is not None
    assert running.full == NOW - timedelta(minutes=20, seconds=30)
    assert running.running_minutes == 20.5
    over = months.span("2026-10", NOW)
    assert over is not None
    assert over.running_minutes == 0
    assert over.end == datetime(2026, 11, 1).astimezone()
    first = months.span("2026-11", datetime(2026, 11, 1, 0, 10).astimezone())
    assert first is not None
    assert months.sreport_month(first) is None
    assert months.span("2026-12", NOW) is None
