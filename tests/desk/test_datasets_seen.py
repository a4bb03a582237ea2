"""Pages of datasets in a real browser: axe-core finds nothing wrong, in both languages and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from tests.browsers import DESKTOP, TELEPHONE, chromium, screenshots, unreadable
from tests.desk.conftest import TOMORROW, FakeQueue
from tests.desk.desks import listening
from tests.desk.fake_datasets import FakeAudit
from tests.desk.fake_hub import FakeHub

from werkplaats_desk import signin
from werkplaats_desk.desk import Desk
from werkplaats_desk.models import Acceptance, Access
from werkplaats_desk.people import Person

PAGES = [
    ("steward", ""), ("mkb", "datasets"), ("mkb", "datasets/vehicles"), ("rijk", "datasets/assets"),
    ("rijk", "datasets/cohort"), ("mkb", "datasets/cohort"), ("student", "datasets/cohort"),
    ("steward", "stewardship"), ("steward", "datasets/cohort/steward"),
    ("steward", "datasets/assets/steward"),
    ("mkb", "history"), ("mkb", "provenance"), ("mkb", "provenance/statement?project=onderzoek"),
]  # fmt: skip


@pytest.fixture(scope="module")
def chromium_() -> Iterator[Chromium]:
    """Debian's Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture
def address(desk: Desk, fake_queue: FakeQueue, audit: FakeAudit) -> Iterator[str]:
    """A desk that listens on loopback, and in which something happened."""
    fake_queue.let("onderzoek", "rijk", "mkb", "student")
    asked: dict[str, Any] = {
        "dataset": "cohort", "dataset_version": "1.0.0", "project": "onderzoek", "purpose": "Sleep and age.",
        "until": TOMORROW, "created_at": 1763000000,
    }  # fmt: skip
    with desk.database.transaction() as session:
        session.add(Access(person="rijk", state="submitted", **asked))
        session.add(Access(person="mkb", state="approved", decided_by="steward", word="Good.", **asked))
        accepted = {"dataset": "assets", "dataset_version": "1.0.0", "accepted_at": 1763000000}
        session.add(Acceptance(person="mkb", **accepted))
    audit.mount("mkb", "cohort", project="onderzoek", purpose="Sleep and age.", entitlement="access-2")
    with listening(desk) as address:
        yield address


@pytest.mark.parametrize(("size", "language"), [(DESKTOP, "nl"), (TELEPHONE, "en")], ids=["nl", "en"])
def test_the_pages_can_be_read(
    chromium_: Chromium, address: str, desk: Desk, fake_hub: FakeHub, size: Any, language: str
) -> None:
    """Each as who it is for sees it, light and dark in turn."""
    for number, (name, path) in enumerate(PAGES):
        scheme: Any = ("light", "dark")[number % 2]
        context = chromium_.new_context(viewport=size, locale=language, color_scheme=scheme)
        kept = signin.keep(desk.database, Person(name, token=fake_hub.token(name)), "s")
        for cookie, value in ((signin.COOKIE, kept), (signin.HUB_SESSION, "s")):
            context.add_cookies([{"name": cookie, "value": value, "url": address}])
        page = context.new_page()
        answer = page.goto(address + path)
        assert answer is not None
        assert answer.status == 200, path
        assert page.locator("html").get_attribute("lang") == language
        picture = f"desk-{number:02}-{language}.png"
        page.screenshot(path=screenshots("datasets") / picture, full_page=True, animations="disabled")
        assert unreadable(page) == [], path
        context.close()
