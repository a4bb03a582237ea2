"""What an operator weighs a request by: what there is, what was promised, and what nobody could ever use."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.desk.conftest import Browser, FakeQueue, settings
from tests.desk.test_applications import asked, decide

from werkplaats_desk import capacity
from werkplaats_desk.published import Queue

Make = Callable[..., Browser]
#: A GPU all month (31 days): hours.
OF_ONE = 744


@pytest.fixture
def shares(fake_queue: FakeQueue) -> FakeQueue:
    """A Slurm in which the regional stream has one GPU, and a project with 600 hours, of which 60 used."""
    held = {"regional": {"limit": 1, "used": 0}, "normal": {"limit": None}}
    fake_queue.qos = [{"name": name, "gpus": gpus} for name, gpus in held.items()]
    fake_queue.let("mkb-verkenning", "mkb", limit=600 * 60, used=60 * 60)
    fake_queue.let("onderzoek", "onderzoeker", limit=9000 * 60)  # another stream's
    return fake_queue


def test_the_operator_reads_the_numbers(browser: Make, draft: dict[str, str], shares: FakeQueue) -> None:
    """GPUs, hours, promises and use, and what can still be given; whoever asked sees none of it."""
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, draft)
    shown = " ".join(beheer.get(page).text.split())
    for title, number in [
        ("Left to give at the desk", "1,000"), ("GPUs of the stream", "1"),
        ("GPU-hours those have in one period", "744"), ("Promised to its projects", "600"),
        ("Used of that so far", "60"),
    ]:  # fmt: skip
        assert f"<dt>{title}</dt><dd>{number}</dd>" in shown
    assert "wp-error" not in shown
    assert "they wait for one another" not in shown
    assert "Promised to its projects" not in mkb.get(page).text


def test_more_promised_than_there_is(browser: Make, draft: dict[str, str], shares: FakeQueue) -> None:
    """A warning with the sum; the operator may approve, for not everybody uses what they have."""
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, {**draft, "gpu_hours": "200"})
    shown = " ".join(beheer.get(page).text.split())
    assert "are promised 800 GPU-hours in one period, of 744 that there are" in shown
    assert decide(beheer, page, True) == 303


def test_more_than_a_stream_could_ever_do(browser: Make, draft: dict[str, str], shares: FakeQueue) -> None:
    """Said on the page, and refused when pressed all the same; the request stays open."""
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, {**draft, "gpu_hours": str(OF_ONE + 1)})
    assert "all GPUs of the stream together have 744: approving it will be refused" in beheer.get(page).text
    answer = beheer.post(f"{page}/decision", page, approve="true", word="", version=1)
    assert answer.status_code == 409
    assert "All GPUs of regional (en) together (1) have 744 GPU-hours in one period" in answer.text
    assert "Waits for a decision" in answer.text
    assert decide(beheer, page, False, "At most 700") == 303


def test_exactly_what_there_is(browser: Make, draft: dict[str, str], shares: FakeQueue) -> None:
    """Can be given."""
    mkb, beheer = browser("mkb"), browser("beheer")
    assert decide(beheer, asked(mkb, {**draft, "gpu_hours": str(OF_ONE)}), True) == 303


def test_more_than_the_desk_has_left(browser: Make, draft: dict[str, str], shares: FakeQueue) -> None:
    """Is said before anybody presses."""
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, {**draft, "gpu_hours": "1001"})
    shown = beheer.get(page).text
    assert "the desk has 1,000 left to give in this stream: approving it will be refused" in shown
    assert decide(beheer, page, True) == 409


def test_nothing_is_known_of_the_cluster(browser: Make, draft: dict[str, str], fake_queue: FakeQueue) -> None:
    """The operator reads that, and may decide."""
    fake_queue.away = True
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, draft)
    assert "nobody can say what the stream has" in beheer.get(page).text
    assert decide(beheer, page, True) == 303
    assert "The cluster does not answer at the moment. The project" in mkb.get(page).text


def test_a_stream_without_a_number_of_gpus(
    browser: Make, draft: dict[str, str], fake_queue: FakeQueue
) -> None:
    """Is no cluster that does not answer."""
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, draft)
    shown = beheer.get(page).text
    assert "The cluster has no number of GPUs for this stream" in shown
    assert "does not answer" not in shown
    assert "Het cluster heeft geen aantal GPU's voor deze stroom" in html.unescape(
        beheer.get(page, headers={"Accept-Language": "nl"}).text
    )


def test_old_numbers_say_so(browser: Make, draft: dict[str, str], shares: FakeQueue) -> None:
    """With their moment."""
    shares.at = 1_700_000_000.0
    mkb, beheer = browser("mkb"), browser("beheer")
    shown = beheer.get(asked(mkb, draft)).text
    assert "These numbers are of" in shown
    assert "2023-11-14 22:13 UTC" in shown


def test_accounting_is_away(browser: Make, draft: dict[str, str], shares: FakeQueue) -> None:
    """Who was granted a project reads what it waits for."""
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, draft)
    assert decide(beheer, page, True) == 303
    shares.accounting = "no answer"
    assert "accounting does not answer at the moment" in mkb.get(page).text


def test_a_quarter_is_longer(tmp_path: Path, shares: FakeQueue) -> None:
    """What fits is reckoned by the facility's own period."""
    known = settings(tmp_path, period="quarterly")
    found = capacity.of_stream(Queue(shares).view(), known, {}, known.stream("regional"))
    assert found is not None
    assert found.whole == 92 * 24
    assert capacity.of_stream(Queue(shares).view(), known, {}, known.stream("national")) is None
