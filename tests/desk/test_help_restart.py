"""A desk that runs, and is killed while something is sent: it is there once, not twice, and not never."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from tests.desk.asked import attached, key, question
from tests.desk.conftest import PREFIX
from tests.desk.desks import RunningDesk, running
from tests.desk.fake_hub import FakeHub

from werkplaats_desk import signin
from werkplaats_desk.centre.models import Attachment, Message, Ticket, TicketAct
from werkplaats_desk.people import Person

MIB = 2**20


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """A desk of this module's own."""
    with running(tmp_path_factory.mktemp("desk"), FakeHub()) as found:
        yield found


@dataclass
class Client:
    """Somebody who sends something until there is an answer, always with the same key."""

    desk: RunningDesk
    token: str
    cookies: dict[str, str]
    cut_off: int = 0
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20, trust_env=False))

    def send(self, path: str, **what: Any) -> httpx.Response:
        """Send it again while the desk is away, as a person and a widget do."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                return self.http.post(self.desk.address + path, **what)
            except httpx.HTTPError:
                self.cut_off += 1
                time.sleep(0.1)
        raise AssertionError("the desk does not come back")

    def question(self, form: str) -> httpx.Response:
        """Ask from a notebook, with a notebook beside."""
        beside = [attached('{"cells": [], "x": "' + "y" * 2 * MIB + '"}', "notebook", "les.ipynb")]
        given = question(key=form, attachments=beside)
        return self.send("api/tickets", json=given, headers={"Authorization": f"token {self.token}"})

    def reply(self, form: str) -> httpx.Response:
        """Write in the first question, with a log beside."""
        given = {"key": form, "text": "Once more.", "attachments": [attached("z" * 2 * MIB, "log", "log")]}
        headers = {"Authorization": f"token {self.token}"}
        return self.send("api/tickets/1/messages", json=given, headers=headers)

    def form(self, form: str) -> httpx.Response:
        """Ask on a page."""
        xsrf = signin.xsrf(self.cookies[signin.COOKIE])
        given = {**question(key=form, question="a" * 19_000), "_xsrf": xsrf}
        del given["language"]
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return self.send(f"help/new?key={form}", data=given, headers={"Cookie": cookie})


@pytest.fixture(scope="module")
def client(desk: RunningDesk) -> Client:
    """Somebody with a notebook, who is signed in."""
    cookie = signin.keep(desk.database, Person("mkb", token=desk.hub.token("mkb")), "s")
    found = Client(desk, desk.hub.server("mkb"), {signin.COOKIE: cookie, signin.HUB_SESSION: "s"})
    assert found.question(key()).status_code == 201
    return found


def kept(desk: RunningDesk, form: str) -> tuple[int, int, int]:
    """Return how many questions, messages and attachments a form became."""
    with desk.database.transaction() as session:
        tickets = list(session.scalars(select(Ticket.id).where(Ticket.key == form)))
        messages = list(session.scalars(select(Message.id).where(Message.key == form)))
        beside = list(session.scalars(select(Attachment.id).where(Attachment.message_id.in_(messages))))
        acts = session.scalars(select(TicketAct).where(TicketAct.ticket_id.in_(tickets))).all()
        assert [one.act for one in acts] == ["asked"] * len(tickets)
    return len(tickets), len(messages), len(beside)


@pytest.mark.parametrize(
    ("what", "expected"), [("question", (1, 1, 1)), ("reply", (0, 1, 1)), ("form", (1, 1, 0))]
)
def test_it_is_killed_while_something_is_sent(
    desk: RunningDesk, client: Client, what: str, expected: tuple[int, int, int]
) -> None:
    """At several moments of a request: whoever sends it again gets what the first became, or makes it."""
    send: Callable[[str], httpx.Response] = getattr(client, what)
    send(key())  # the first of each kind is slower
    began = time.monotonic()
    assert send(key()).status_code in (201, 303)
    usual = time.monotonic() - began
    before = client.cut_off
    with ThreadPoolExecutor() as pool:
        for part in (0.2, 0.7, 1.0):
            form = key()
            sent = pool.submit(send, form)
            time.sleep(usual * part)  # the moment is the point here; nothing is waited for
            desk.kill()
            desk.start()
            answer = sent.result(90)
            assert answer.status_code in (200, 201, 303), answer.text
            assert kept(desk, form) == expected, part
            assert send(form).status_code in (200, 303)
            assert kept(desk, form) == expected
    assert client.cut_off > before, "it was never killed in the middle of anything"


def test_who_comes_back_to_the_form_finds_the_question(desk: RunningDesk, client: Client) -> None:
    """The proxy's page that says that the desk is away looks again by itself, at the form's address."""
    form = key()
    address = f"{desk.address}help/new?key={form}"
    assert httpx.get(address, cookies=client.cookies).status_code == 200
    taken = client.form(form).headers["location"]
    desk.kill()
    desk.start()
    again = httpx.get(address, cookies=client.cookies)
    assert (again.status_code, again.headers["location"]) == (303, taken)
    number = taken.rpartition("/")[2]
    looked = httpx.get(f"{desk.address}help/{number}/messages", cookies=client.cookies)
    assert (looked.status_code, looked.headers["location"]) == (303, taken)


def upload(desk: RunningDesk, token: str, size: int, *, chunked: bool) -> tuple[int, dict[str, str]]:
    """Send a question of so many bytes, a MiB at a time; return the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=60)
    begin = b'{"attachments": [{"kind": "notebook", "name": "big", "text": "'

    def pieces() -> Iterator[bytes]:
        yield begin
        for at in range(0, size, MIB):
            yield b"x" * min(MIB, size - at)

    headers = {"Authorization": f"token {token}", "Accept-Language": "en"}
    if not chunked:
        headers["Content-Length"] = str(len(begin) + size)
    connection.request("POST", f"{PREFIX}api/tickets", pieces(), headers, encode_chunked=chunked)
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


@pytest.mark.parametrize("chunked", [False, True])
def test_two_hundred_megabytes(desk: RunningDesk, client: Client, chunked: bool) -> None:
    """Are refused with a sentence that says how much is taken and what to do; they are never in memory."""
    before = desk.memory()
    status, said = upload(desk, client.token, 200 * 10**6, chunked=chunked)
    assert (status, said["reason"]) == (413, "too-large")
    assert "10 MB at most" in said["message"]
    assert "Leave one out, send a notebook without its outputs" in said["message"]
    assert desk.memory() - before < 48 * MIB
    assert desk.answers()


def test_many_large_ones_at_once(desk: RunningDesk) -> None:
    """Twelve people send ten megabytes each: four are held at once, who is told to wait sends it again."""
    tokens = [desk.hub.token(f"person{number}") for number in range(12)]
    text = "x" * (8 * MIB - 1000)
    gate, outcomes = threading.Barrier(len(tokens)), list[list[int]]()
    before = desk.memory()

    def send(token: str) -> None:
        given = question(attachments=[attached(text, "log", "log")])
        gate.wait()
        answers: list[int] = []
        while not answers or answers[-1] == 503:
            answer = httpx.post(
                f"{desk.address}api/tickets",
                json=given,
                headers={"Authorization": f"token {token}"},
                timeout=60,
            )
            answers.append(answer.status_code)
            time.sleep(0.05 if answer.status_code == 503 else 0)
        outcomes.append(answers)

    threads = [threading.Thread(target=send, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answers[-1] for answers in outcomes] == [201] * len(tokens), outcomes
    assert any(503 in answers for answers in outcomes), "they were not sent at once"
    grown = (desk.memory() - before) / MIB
    assert grown < 400, "four of them, each a few times over"
    assert desk.answers()
