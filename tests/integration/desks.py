"""What tests do at the desk: forms as a browser sends them, requests, decisions."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import requests

from .browserless import Session
from .conftest import Platform

DESK = "services/desk/"
#: A group of the Hub whose members decide, beside its admins, where a test says so in facility.toml.
DECIDERS = "wp-beslissers"
LATER = date.today() + timedelta(30)
LESSON = "voorbeelden/first_steps/eerste-stappen.ipynb"


def send(
    person: Session, page: str, path: str, *, headers: dict[str, str] | None = None, **fields: Any
) -> requests.Response:
    """Send a form of the desk's, as a browser would."""
    found = re.search(r'name="_xsrf" value="([0-9a-f]+)"', person.page(DESK + page).text)
    assert found, page
    data = {"_xsrf": found[1], **fields}
    address = person.url + DESK + path
    return person.http.post(address, data=data, headers=headers, allow_redirects=False, timeout=60)


def ask(platform: Platform, role: str, title: str, hours: int = 5, stream: str = "regional") -> str:
    """Hand a request in; return its page."""
    given = {"title": title, "stream": stream, "gpu_hours": hours, "ends": LATER}
    answer = send(platform.session(role), "apply", "apply", purpose="A test of the desk.", **given)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix(f"/{DESK}")


def decide(operator: Session, page: str, *, approve: bool = True, word: str = "") -> requests.Response:
    """Decide on a request, by the form on its page."""
    version = re.search(r'name="version" value="(\d+)"', operator.page(DESK + page).text)
    assert version, page
    fields = {"approve": str(approve).lower(), "word": word, "version": version[1]}
    return send(operator, page, f"{page}/decision", **fields)


def approve_at_once(operators: Sequence[Session], page: str) -> dict[str, requests.Response]:
    """Have operators press *Approve* in the same moment; return each one's answer.

    Their forms are open before anybody presses, as they are when two people look at one list.
    """
    tokens = {}
    for operator in operators:
        shown = operator.page(DESK + page).text
        found = re.search(r'name="_xsrf" value="([0-9a-f]+)"', shown)
        version = re.search(r'name="version" value="(\d+)"', shown)
        assert found, operator.name
        assert version, operator.name
        tokens[operator.name] = {"_xsrf": found[1], "version": version[1], "approve": "true", "word": ""}
    answers: dict[str, requests.Response] = {}
    gate = threading.Barrier(len(operators))

    def press(operator: Session) -> None:
        gate.wait()
        answers[operator.name] = operator.http.post(
            f"{operator.url}{DESK}{page}/decision",
            data=tokens[operator.name],
            headers={"Accept-Language": "en"},
            allow_redirects=False,
            timeout=60,
        )

    threads = [threading.Thread(target=press, args=(operator,)) for operator in operators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def settled_once(platform: Platform, answers: dict[str, requests.Response], name: str) -> None:
    """Assert that of several who approved one won, the others read who, and there is one file."""
    won = [who for who, answer in answers.items() if answer.status_code == 303]
    assert len(won) == 1, {who: answer.status_code for who, answer in answers.items()}
    for answer in answers.values():
        if answer.status_code != 303:
            assert answer.status_code == 409
            assert f"{won[0]} has approved this request already." in answer.text
    assert [path.stem for path in platform.instance.drop.folder.glob(f"{name}*")] == [name]


@contextmanager
def deciders(platform: Platform) -> Iterator[list[Session]]:
    """Two people who decide: an admin of the Hub, and a member of :data:`DECIDERS`."""
    admin, member = platform.session("beheer"), platform.session("expert")
    assert admin.api("POST", f"groups/{DECIDERS}").status == 201
    assert admin.api("POST", f"groups/{DECIDERS}/users", {"users": [member.name]}).status == 200
    try:
        yield [admin, member]
    finally:
        admin.api("DELETE", f"groups/{DECIDERS}")


def make_course(platform: Platform, title: str, capacity: int) -> tuple[str, str]:
    """Make a course without a GPU; return its page and its join code."""
    docent = platform.session("docent")
    given = {"title": title, "notebook": LESSON, "capacity": capacity, "ends": LATER, "gpu_hours": 0}
    answer = send(docent, "new-course", "new-course", **given)
    assert answer.status_code == 303, answer.text
    page = answer.headers["location"].removeprefix(f"/{DESK}")
    code = re.search(r'class="wp-code">(\w+)<', docent.page(DESK + page).text)
    assert code
    return page, code[1]
