"""The public account: per stream and month, without people, and with the age of its numbers."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable
from datetime import datetime

import pytest
from tests.desk.conftest import Browser, FakeQueue

from werkplaats_desk import allocation
from werkplaats_desk.allocation import figures, refresh
from werkplaats_desk.chores import Chores
from werkplaats_desk.desk import Desk
from werkplaats_desk.models import MonthOfStream
from werkplaats_desk.published import Away

Make = Callable[..., Browser]
MONTH = datetime.now().strftime("%Y-%m")
STREAMS = {"regional": "regional", "mkb-verkenning": "regional", "onderzoek": "eurohpc"}


def month(minutes: float, *used: tuple[str, str, float]) -> dict[str, object]:
    """Return what the publisher says of a month."""
    rows = [{"account": a, "qos": q, "gpu_minutes": m} for a, q, m in used]
    return {"at": time.time(), "gpu_minutes": minutes, "used": rows}


@pytest.fixture
def counted(desk: Desk, fake_queue: FakeQueue) -> Desk:
    """A desk that has asked: 1,600 GPU-hours, of which regional used a little and eurohpc borrowed."""
    fake_queue.months[MONTH] = month(
        96000,
        ("mkb-verkenning", "regional", 6000),
        ("onderzoek", "eurohpc", 48000),
        ("onderzoek", "lent", 2400),
    )
    refresh(desk, datetime.now())
    return desk


def test_the_sums(counted: Desk) -> None:
    """Guaranteed is the share of what there was; lent a part of all that was borrowed, by what was idle."""
    found = {
        f.stream: f
        for f in figures(
            counted.settings,
            month(96000, ("mkb-verkenning", "regional", 6000), ("onderzoek", "eurohpc", 48000),
                  ("onderzoek", "lent", 2400), ("x", "normal", 999)),
            STREAMS,
        )
    }  # fmt: skip
    regional, national, eurohpc = (found[name] for name in ("regional", "national", "eurohpc"))
    assert (regional.guaranteed, regional.used, regional.borrowed) == (400, 100, 0)
    assert (eurohpc.guaranteed, eurohpc.used, eurohpc.borrowed) == (800, 800, 40)
    assert regional.lent == pytest.approx(40 * 300 / 700)
    assert national.lent == pytest.approx(40 * 400 / 700)
    assert eurohpc.lent == 0
    assert sum(f.lent for f in found.values()) == pytest.approx(sum(f.borrowed for f in found.values()))


def test_nothing_borrowed_and_nothing_idle(desk: Desk) -> None:
    """A month without work, and one with all in use, divide by no zero."""
    assert [f.lent for f in figures(desk.settings, month(0), STREAMS)] == [0, 0, 0]
    full = month(60, ("a", "regional", 60), ("a", "national", 60), ("a", "eurohpc", 60))
    assert [f.lent for f in figures(desk.settings, full, STREAMS)] == [0, 0, 0]


def test_the_page_is_public(browser: Make, counted: Desk) -> None:
    """Nobody signs in for it; it has a chart, the same numbers as a table, and their age."""
    answer = browser().get("allocation")
    assert answer.status_code == 200
    assert answer.text.count('<svg class="wp-chart"') == 3
    assert re.search(r'<rect class="borrowed" [^>]*height="[1-9]', answer.text)
    assert "guarantee of 25% of the whole machine" in answer.text
    assert "not measured yet" in answer.text
    assert "style=" not in answer.text, "the policy for content allows no style of its own"
    assert "numbers are old" not in answer.text


def test_the_csv(browser: Make, counted: Desk) -> None:
    """A line a stream and month, with dots for decimals also for who reads Dutch; energy says what it is."""
    answer = browser(language="nl").get("allocation.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["stream"] for row in rows] == ["regional", "national", "eurohpc"]
    assert rows[0]["month"] == MONTH
    assert rows[0]["guaranteed_gpu_hours"] == "400.00"
    assert rows[0]["used_gpu_hours"] == "100.00"
    assert rows[2]["borrowed_gpu_hours"] == "40.00"
    assert {row["energy_kwh"] for row in rows} == {"not measured yet"}


def test_no_person_and_no_project_is_in_it(browser: Make, counted: Desk) -> None:
    """What the publisher says by account does not leave the desk."""
    visitor = browser()
    for path in ("allocation", "allocation.csv"):
        for name in ("mkb-verkenning", "onderzoek", "mkb"):
            assert name not in visitor.get(path).text


def test_slurm_away(browser: Make, counted: Desk, fake_queue: FakeQueue) -> None:
    """The page comes with what was, and says how old it is; the desk tries again by itself."""
    with counted.database.transaction() as session:
        for row in session.query(MonthOfStream):
            row.at -= 7200
    fake_queue.away = True
    with pytest.raises(Away):
        refresh(counted, datetime.now())
    Chores(counted).once()
    assert counted.problems == {"allocation": "nobody there"}
    answer = browser().get("allocation")
    assert "these numbers are old" in answer.text
    assert "100" in answer.text
    assert browser().get("health").json()["problems"] == ["allocation"]
    fake_queue.away = False
    Chores(counted).once()
    assert counted.problems == {}
    assert "these numbers are old" not in browser().get("allocation").text


def test_before_there_are_numbers(browser: Make) -> None:
    """The first minutes of a new desk."""
    assert "There are no numbers yet" in browser().get("allocation").text
    assert browser().get("allocation.csv").text.splitlines() == [",".join(allocation.COLUMNS)]


def test_a_month_that_is_over_is_asked_once_more_and_then_kept(desk: Desk, fake_queue: FakeQueue) -> None:
    """What was said after it settled is final, so that a project that is taken out changes no past."""
    now = datetime(2026, 12, 1, 5)
    fake_queue.months = {"2026-11": month(60), "2026-12": month(6)}
    fake_queue.months["2026-11"]["at"] = datetime(2026, 12, 1, 0, 30).timestamp()
    refresh(desk, now)
    with desk.database.transaction() as session:
        assert "2026-11" in allocation.wanted(session, now)
    fake_queue.months["2026-11"]["at"] = now.timestamp()
    refresh(desk, now)
    with desk.database.transaction() as session:
        assert "2026-11" not in allocation.wanted(session, now)


def test_months_before_the_cluster_are_left_out(browser: Make, desk: Desk, fake_queue: FakeQueue) -> None:
    """A year of zeros says nothing."""
    for name in allocation.last_months(datetime.now(), 12):
        fake_queue.months[name] = month(0)
    fake_queue.months[MONTH] = month(96000)
    refresh(desk, datetime.now())
    assert len(browser().get("allocation.csv").text.splitlines()) == 4
