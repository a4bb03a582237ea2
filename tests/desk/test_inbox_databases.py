"""What differs by database, in SQLite and in PostgreSQL: how long 500 questions take, and who is first."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from tests import postgresql as servers
from tests.desk import questions
from tests.desk.conftest import PREFIX, Browser, settings
from tests.desk.test_inbox import asked, subjects, text_of, ticket

from werkplaats_desk.centre import tickets
from werkplaats_desk.centre.inbox import PAGE
from werkplaats_desk.centre.models import Ticket
from werkplaats_desk.desk import Desk

Make = Callable[..., Browser]
_MILLISECONDS = 300


@pytest.fixture(params=["sqlite", "postgresql"])
def file(request: pytest.FixtureRequest, tmp_path: Path, file: Path) -> Iterator[Path]:
    """The settings of a desk with experts, on either database."""
    if request.param == "sqlite":
        file.write_text(settings(tmp_path, help=questions.centre()).model_dump_json())
        yield file
        return
    with servers.running() as server:
        changed = settings(tmp_path, help=questions.centre(), database=server.url)
        file.write_text(changed.model_dump_json())
        yield file


@pytest.fixture
def desk(desk: Desk) -> Iterator[Desk]:
    """The desk, whose connections end before its database does."""
    yield desk
    desk.database.engine.dispose()


def test_five_hundred(browser: Make, desk: Desk) -> None:
    """With their messages, and what came along; the best of some, for this machine does other things too."""
    with desk.database.transaction() as session:
        questions.fill(session, 500)
    expert = browser("expert")
    for path in ("inbox", "inbox?page=5", "inbox?view=new&topic=data", "inbox/250", "inbox/hours"):
        taken = []
        for _ in range(7):
            begun = time.perf_counter()
            answer = expert.get(path)
            taken.append((time.perf_counter() - begun) * 1000)
            assert answer.status_code == 200
        print(f"{desk.database.engine.dialect.name} {path}: {min(taken):.0f} ms")
        assert min(taken) < _MILLISECONDS, path
    page = expert.get("inbox").text
    assert len(subjects(page)) == PAGE
    assert len(re.findall(r"</span>\s*Yours</td>", page)) == PAGE, "a tenth of them, which comes first"


def at_once(people: list[Browser], page: str, form: str, **fields: str) -> Mapping[Browser, httpx.Response]:
    """Have several browsers, who all have a page before them, send a form of it in the same moment."""
    answers: dict[Browser, httpx.Response] = {}
    gate = threading.Barrier(len(people))
    tokens = {one: re.search(r'name="_xsrf" value="([0-9a-f]*)"', one.get(page).text) for one in people}

    def send(one: Browser) -> None:
        token = tokens[one]
        assert token is not None
        data = {"_xsrf": token[1], **fields}
        gate.wait()
        answers[one] = one.client.post(f"{PREFIX}{page}/{form}", data=data, follow_redirects=False)

    threads = [threading.Thread(target=send, args=(one,)) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_two_take_one_question(browser: Make, desk: Desk) -> None:
    """At the same moment, on the pages: one has it, and the others read who was first."""
    people = [browser(name) for name in ("expert", "tweede", "derde")]
    for _ in range(5):
        number = asked(desk)
        answers = at_once(people, f"inbox/{number}", "taking")
        assert sorted(answer.status_code for answer in answers.values()) == [303, 409, 409]
        first = ticket(desk, number).expert
        for answer in answers.values():
            if answer.status_code == 409:
                assert f"{first} has this question" in text_of(answer.text)
        with desk.database.transaction() as session:
            found = session.get_one(Ticket, number)
            assert [act.act for act in tickets.history(session, found)] == ["asked", "taken"]
            tickets.close(session, found, "mkb")


def test_one_form_sent_many_times_at_once(browser: Make, desk: Desk) -> None:
    """An answer is one message and a press is one booking, whichever of them the browser hears of."""
    people = [browser("expert") for _ in range(4)]
    number = asked(desk)
    page = f"inbox/{number}"
    assert people[0].post(f"{page}/taking", page).status_code == 303
    said = at_once(people, page, "messages", key="a" * 20, kind="answer", text="So.")
    booked = at_once(people, page, "booking", key="b" * 20, minutes="30")
    assert {answer.status_code for answer in (*said.values(), *booked.values())} == {303}
    with desk.database.transaction() as session:
        acts = [act.act for act in tickets.history(session, session.get_one(Ticket, number))]
    assert acts == ["asked", "taken", "wrote", "booked"]
