"""The operators' list: what waits comes first, the newest before, and nothing is out of reach."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from tests.desk.conftest import Browser

from werkplaats_desk import applications
from werkplaats_desk.desk import Desk
from werkplaats_desk.models import DECLINED, SUBMITTED, Application

Make = Callable[..., Browser]


def filled(desk: Desk, waiting: int, decided: int) -> None:
    """Put requests into the database: decided ones first, each the later, and then those that wait."""
    ends = date.today() + timedelta(days=30)
    with desk.database.transaction() as session:
        for n in range(decided + waiting):
            over = n < decided
            one = Application(
                applicant=f"p{n}", title=f"Request {n:04}", stream="regional", purpose="Weeding the field",
                gpu_hours=1, ends=ends, same=str(n), state=DECLINED if over else SUBMITTED,
                created_at=1000 + n, decided_at=5000 + n if over else None,
                decided_by="beheer" if over else None,
            )  # fmt: skip
            session.add(one)


def numbers(page: str) -> list[int]:
    """Return the requests that a page shows, in its order."""
    return [int(n) for n in re.findall(r">Request (\d{4})<", page)]


def test_what_waits_comes_first_and_all_is_reached(browser: Make, desk: Desk) -> None:
    """Page by page, by links that need no JavaScript."""
    filled(desk, waiting=620, decided=30)
    beheer = browser("beheer")
    seen, at, pages = [], "requests", 0
    while at:
        page = beheer.get(at).text
        seen += numbers(page)
        pages += 1
        following = re.search(r'<a rel="next" href="/services/desk/([^"]+)"', page)
        assert bool(re.search(r'rel="prev"', page)) == (pages > 1)
        at = following[1] if following else ""
    assert seen == [*range(649, 29, -1), *range(29, -1, -1)]
    assert pages == 7


def test_one_page_has_no_links(browser: Make, desk: Desk) -> None:
    """Nor has a list of exactly one page; a page beyond the last says that there is nothing."""
    filled(desk, waiting=applications.PAGE, decided=0)
    beheer = browser("beheer")
    assert 'rel="next"' not in beheer.get("requests").text
    beyond = beheer.get("requests?page=2").text
    assert numbers(beyond) == []
    assert 'href="/services/desk/requests?page=1"' in beyond


@pytest.mark.parametrize("page", ["0", "-1", "x", "1" * 30, "1.5"])
def test_a_page_that_is_none(browser: Make, desk: Desk, page: str) -> None:
    """It is not found, and no error of the desk's."""
    assert browser("beheer").get(f"requests?page={page}").status_code == 404
