"""``api/help`` and ``api/tickets``: a question from a notebook, once, bounded, and nobody else's to read."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from tests.desk.asked import attached, key, question
from tests.desk.conftest import PREFIX, Call, FakeQueue, settings
from tests.desk.fake_datasets import FakeAudit
from tests.desk.mail_desk import confirmed, help_settings, outgoing, take
from tests.mail_server import until

from werkplaats_desk import chores, pace
from werkplaats_desk.centre import attachments, tickets
from werkplaats_desk.centre.attachments import Named
from werkplaats_desk.centre.drafts import Draft, readable
from werkplaats_desk.centre.models import Attachment, Message, Ticket, TicketAct, Trouble
from werkplaats_desk.centre.states import Kind
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal

JOB = {"id": 7, "user": "rijk", "account": "onderzoek", "state": "RUNNING"}
SERVER = "rijk@"
EXPERT = Person("expert")


@pytest.fixture(autouse=True)
def running(fake_queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has a server, of a project of theirs; a test may ask faster than a person."""
    fake_queue.let("onderzoek", "rijk")
    fake_queue.jobs.append(dict(JOB))
    monkeypatch.setattr(pace, "SECONDS", 0.0)


def ask(call: Call, name: str = SERVER, **changes: Any) -> tuple[int, dict[str, Any]]:
    """Ask; return the status and the answer."""
    body = json.dumps(question(**changes))  # with \\u escapes, as halves of characters can be sent
    answer = call("POST", "tickets", name, content=body, headers={"Content-Type": "application/json"})
    return answer.status_code, answer.json()


def ticket(desk: Desk, number: int = 1) -> Ticket:
    """Return a question as the desk keeps it."""
    with desk.database.transaction() as session:
        return session.get_one(Ticket, number)


def answered(desk: Desk, number: int = 1, kind: Kind = "answer", text: str = "Try show().") -> None:
    """Have the expert take it and write."""
    with desk.database.transaction() as session:
        found = session.get_one(Ticket, number)
        if found.state == "new":
            tickets.take(session, found, EXPERT)
        tickets.write(session, desk.settings, found, "expert", kind, text, key())


def count(desk: Desk, table: type) -> int:
    """Return how many rows a table has."""
    with desk.database.transaction() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_what_a_form_needs(call: Call) -> None:
    """Topics in both languages, projects, limits, and when an answer comes: the urgent one first."""
    found = call("GET", "help", SERVER).json()
    assert found["topics"][0] == {
        "name": "data", "title": {"nl": "data (nl)", "en": "data (en)"}, "kind": "technique"
    }  # fmt: skip
    assert found["projects"] == ["onderzoek"]
    assert found["limits"] == {"text": 20_000, "each": 8 * 2**20, "all": 10 * 2**20, "attachments": 12}
    assert time.time() < found["expected"]["high"] < found["expected"]["normal"] < found["expected"]["low"]
    assert (found["restricted"], found["offering"]) == (False, "unasked")


def test_a_question_from_a_server(call: Call, desk: Desk) -> None:
    """It has a number and a page, and the stream of the project of the job that it came from."""
    status, made = ask(call, job=7, attachments=[attached(), attached("Traceback", "error", "error")])
    assert status == 201
    assert (made["number"], made["state"], made["page"]) == (1, "new", f"{PREFIX}help/1")
    assert made["expected_at"] > time.time()
    kept = ticket(desk)
    assert (kept.stream, kept.project, kept.server, kept.job) == ("eurohpc", "onderzoek", "rijk/", 7)
    whole = call("GET", "tickets/1", SERVER).json()
    assert [(one["kind"], one["body"]) for one in whole["messages"]] == [
        ("question", "I call plot(), and see nothing.")
    ]
    assert [one["name"] for one in whole["messages"][0]["attachments"]] == ["cell 3", "error"]


def test_a_form_that_comes_twice_is_one_question(call: Call, desk: Desk, fake_queue: FakeQueue) -> None:
    """Also when it could not be asked any more: what was taken was taken."""
    given = question(project="onderzoek")
    first = call("POST", "tickets", SERVER, json=given)
    fake_queue.associations.clear()
    second = call("POST", "tickets", SERVER, json=given)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert (count(desk, Ticket), count(desk, Message)) == (1, 1)
    assert call("POST", "tickets", "mkb", json=given).status_code == 403, "another's form is another"


@pytest.mark.parametrize(
    ("changes", "associations", "expected"),
    [
        ({"project": "mkb-verkenning"}, ["onderzoek", "mkb-verkenning"], ("regional", "mkb-verkenning", 0)),
        ({"job": 7}, ["onderzoek", "mkb-verkenning"], ("eurohpc", "onderzoek", 7)),
        ({"job": 8}, ["onderzoek", "mkb-verkenning"], ("regional", "", 0)),
        ({"job": 9}, ["onderzoek"], ("eurohpc", "onderzoek", 0)),
        ({}, ["mkb-verkenning"], ("regional", "mkb-verkenning", 0)),
        ({}, [], ("regional", "", 0)),
        ({}, ["first-steps"], ("regional", "", 0)),
    ],
)
def test_whose_hours(
    call: Call, desk: Desk, fake_queue: FakeQueue, changes: dict[str, Any], associations: list[str],
    expected: tuple[str, str, int],
) -> None:  # fmt: skip
    """Of the project that is named, the job's, the only one, or first steps; another's job is nobody's."""
    fake_queue.associations.clear()
    for account in associations:
        fake_queue.let(account, "rijk")
    fake_queue.jobs.append({**JOB, "id": 8, "user": "mkb", "account": "mkb-verkenning"})
    assert ask(call, **changes)[0] == 201
    kept = ticket(desk)
    assert (kept.stream, kept.project, kept.job) == expected


def test_a_project_that_is_not_theirs(call: Call, fake_queue: FakeQueue) -> None:
    """Is refused, and it is said what to do; while Slurm says nothing, a question is taken without it."""
    status, refused = ask(call, project="mkb-verkenning")
    assert (status, refused["reason"]) == (403, "no-project")
    fake_queue.away, fake_queue.at = True, 1.0
    assert ask(call, project="mkb-verkenning")[1]["reason"] == "no-project", "what it said is still so"


def test_while_slurm_says_nothing(call: Call, desk: Desk, fake_queue: FakeQueue) -> None:
    """A question is taken all the same, on the hours of first steps."""
    fake_queue.away = True
    assert ask(call, project="mkb-verkenning", job=7)[0] == 201
    kept = ticket(desk)
    assert (kept.stream, kept.project, kept.job) == ("regional", "", 0)


def test_from_a_plain_token_no_job_is_believed(call: Call, desk: Desk) -> None:
    """Only a server is in a job."""
    assert ask(call, "rijk", job=7)[0] == 201
    kept = ticket(desk)
    assert (kept.server, kept.job) == ("", 0)


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"topic": "cooking"}, 422, "no-topic"),
        ({"topic": "x\x00"}, 422, "no-topic"),
        ({"key": "short"}, 422, "bad-value"),
        ({"key": "x" * 20 + "\n"}, 422, "bad-value"),
        ({"subject": " \n "}, 422, "bad-value"),
        ({"subject": "x" * 121}, 422, "bad-value"),
        ({"question": ""}, 422, "bad-value"),
        ({"question": " \n\t "}, 422, "bad-value"),
        ({"attachments": [attached(name=" ")]}, 422, "bad-value"),
        ({"question": "x" * 20_001}, 422, "bad-value"),
        ({"urgency": "now"}, 422, "bad-value"),
        ({"language": "de"}, 422, "bad-value"),
        ({"job": -1}, 422, "bad-value"),
        ({"job": 2**31}, 422, "bad-value"),
        ({"person": "mkb"}, 422, "bad-value"),
        ({"attachments": [attached()] * 13}, 422, "bad-value"),
        ({"attachments": [attached(kind="program")]}, 422, "bad-value"),
        ({"attachments": [attached("x" * (8 * 2**20 + 1))]}, 413, "too-large"),
        ({"attachments": [attached("x" * (6 * 2**20))] * 2}, 413, "too-large"),
    ],
)
def test_what_makes_no_sense(
    call: Call, desk: Desk, changes: dict[str, Any], status: int, reason: str
) -> None:
    """Is refused with a sentence, and nothing is kept."""
    found, answer = ask(call, **changes)
    assert (found, answer["reason"]) == (status, reason)
    assert len(answer["message"]) > 20
    assert count(desk, Ticket) == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\x00b", "a\ufffdb"),
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        ("photo\u202egpj.exe", "photo\ufffdgpj.exe"),
        ("\u2066x\u2069", "\ufffdx\ufffd"),
        ("caf\u00e9\u00a0\U0001f469\u200d\U0001f4bb \u0645\u0631\u062d\u0628\u0627",) * 2,
        ("tab\there",) * 2,
    ],
)
def test_what_cannot_be_shown_is_replaced(call: Call, given: str, kept: str) -> None:
    """Rather than refused: a question is not lost for a character. PostgreSQL takes none of some of them."""
    files = [attached(given, "log", "log")]
    assert ask(call, question=given, subject=f"About {given}", attachments=files)[0] == 201
    whole = call("GET", "tickets/1", SERVER).json()
    assert whole["messages"][0]["body"] == kept
    assert whole["subject"] == "About " + " ".join(kept.split())
    assert readable(kept) == kept


def test_a_name_that_turns_around(call: Call) -> None:
    """An attachment shows as what it is called."""
    assert ask(call, attachments=[attached(name="data\u202excod.py\n/etc")])[0] == 201
    whole = call("GET", "tickets/1", SERVER).json()
    assert whole["messages"][0]["attachments"][0]["name"] == "data\ufffdxcod.py /etc"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"cells": [], "nbformat": 4}', "notebook"),
        ("this is no notebook", "file"),
        ('{"cells": 3}', "file"),
        ("[" * 100_000, "file"),
        ('{"cells": [', "file"),
        ("", "file"),
    ],
)
def test_a_notebook_that_is_none(call: Call, text: str, kind: str) -> None:
    """Is kept as text, and that is said."""
    answer = ask(call, attachments=[attached(text, "notebook", "les.ipynb")])
    assert answer[0] == 201
    found = call("GET", "tickets/1", SERVER).json()["messages"][0]["attachments"][0]
    assert (found["kind"], found["size"]) == (kind, len(text))
    assert ("is no notebook that can be read" in found["note"]) == (kind == "file")


def test_at_most_twenty_open(call: Call, desk: Desk) -> None:
    """Then one is closed first; the twenty-first is told so."""
    for _ in range(20):
        assert ask(call)[0] == 201
    status, refused = ask(call)
    assert (status, refused["reason"]) == (409, "too-many")
    assert call("POST", "tickets/3/closed", SERVER, json={}).status_code == 200
    assert ask(call)[0] == 201
    assert ask(call, "mkb")[0] == 201, "another's are another's"


def test_at_most_so_much_is_kept_for_one(call: Call, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all their attachments together; those of a closed question they can take away."""
    monkeypatch.setattr(attachments, "MOST_KEPT", 1000)
    assert ask(call, attachments=[attached("x" * 900)])[0] == 201
    status, refused = ask(call, attachments=[attached("x" * 101)])
    assert (status, refused["reason"]) == (409, "too-many")
    more = {"key": key(), "text": "And this.", "attachments": [attached("x" * 101)]}
    assert call("POST", "tickets/1/messages", SERVER, json=more).json()["reason"] == "too-many"
    assert ask(call)[0] == 201, "without attachments"
    assert ask(call, "mkb", attachments=[attached("x" * 900)])[0] == 201, "another's are another's"
    with desk.database.transaction() as session:
        one = session.get_one(Ticket, 1)
        tickets.close(session, one, "rijk")
        tickets.empty(session, one, "rijk")
    assert ask(call, attachments=[attached("x" * 101)])[0] == 201


def test_at_most_so_often_a_day(call: Call, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """More is not read by anybody: questions and replies together; an expert's answers are not counted."""
    monkeypatch.setattr(tickets, "MOST_A_DAY", 3)
    assert [ask(call)[0] for _ in range(3)] == [201, 201, 201]
    assert ask(call)[1]["reason"] == "too-many"
    more = call("POST", "tickets/1/messages", SERVER, json={"key": key(), "text": "And this."})
    assert (more.status_code, more.json()["reason"]) == (409, "too-many")
    for _ in range(5):
        answered(desk)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86401)
    assert ask(call)[0] == 201


def test_as_fast_as_a_person(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that asks all the time is told to wait; what it sends again is still answered."""
    monkeypatch.setattr(pace, "SECONDS", 60.0)
    monkeypatch.setattr(tickets, "MOST_OPEN", 100)
    given = question()
    assert call("POST", "tickets", SERVER, json=given).status_code == 201
    found = [ask(call)[0] for _ in range(pace.MOST)]
    assert found == [201] * (pace.MOST - 1) + [429]
    assert call("POST", "tickets", SERVER, json=given).status_code == 200


def test_restricted(call: Call, desk: Desk, audit: FakeAudit) -> None:
    """What may come from a restricted dataset is sent by who says so; text alone needs no word."""
    audit.mount("rijk", "vehicles")
    audit.mount("mkb", "cohort")
    assert call("GET", "help", SERVER).json()["restricted"] is False
    audit.mount("rijk", "cohort", job=5)
    assert call("GET", "help", SERVER).json()["restricted"] is True
    status, refused = ask(call, attachments=[attached()])
    assert (status, refused["reason"]) == (409, "restricted")
    assert count(desk, Ticket) == 0
    assert ask(call)[0] == 201
    assert ticket(desk, 1).restricted
    assert ask(call, attachments=[attached()], acknowledged=True)[0] == 201
    assert ticket(desk, 2).restricted
    more = {"key": key(), "text": "And this.", "attachments": [attached()]}
    assert call("POST", "tickets/1/messages", SERVER, json=more).json()["reason"] == "restricted"
    sent = call("POST", "tickets/1/messages", SERVER, json={**more, "acknowledged": True})
    assert sent.status_code == 201


def test_what_is_written_beside_a_restricted_dataset_is_not_mailed(
    file: Path, call: Call, desk: Desk, audit: FakeAudit
) -> None:
    """Not what is asked, replied or answered, from the first message after it was mounted on."""
    file.write_text(settings(file.parent, help=help_settings(file.parent)).model_dump_json())
    number = ask(call, topic="vision", question="Nothing of it yet.")[1]["number"]
    assert not ticket(desk, number).restricted
    take(desk, number, "anna")
    audit.mount("rijk", "cohort", job=5)
    sent = call("POST", f"tickets/{number}/messages", SERVER, json={"key": key(), "text": "Row 17 is odd."})
    assert sent.status_code == 201
    told = outgoing(desk, "anna")[-1].body
    assert "Row 17" not in told
    assert "not sent by mail" in told
    confirmed(desk, "rijk")
    assert ask(call, topic="vision", question="Row 18 is odd.")[0] == 201
    assert "Row 18" not in "".join(one.body for one in outgoing(desk))


def test_restricted_long_ago(call: Call, audit: FakeAudit) -> None:
    """A month later it is over; what the catalogue has no more is taken to have been restricted."""
    number = audit.mount("rijk", "cohort")
    long_ago = audit.entries[number - 1].model_copy(update={"at": time.time() - 31 * 86400})
    audit.entries[number - 1] = long_ago
    assert call("GET", "help", SERVER).json()["restricted"] is False
    audit.mount("rijk", "long-gone")
    assert call("GET", "help", SERVER).json()["restricted"] is True


def test_while_the_audit_is_away(call: Call, desk: Desk, audit: FakeAudit) -> None:
    """What is not known is taken to be so: attachments are acknowledged; a question alone is taken."""
    audit.away = True
    assert call("GET", "help", SERVER).json()["restricted"] is True
    assert ask(call, attachments=[attached()])[1]["reason"] == "restricted"
    assert ask(call)[0] == 201
    assert ask(call, attachments=[attached()], acknowledged=True)[0] == 201


def test_a_conversation(call: Call, desk: Desk) -> None:
    """Asked back, answered, read, written once more, closed, and opened again by writing."""
    ask(call)
    answered(desk, kind="ask", text="Which version?")
    listed = call("GET", "tickets", SERVER).json()
    assert [(one["number"], one["state"], one["expert"], one["unread"]) for one in listed] == [
        (1, "waiting", "expert", True)
    ]
    whole = call("GET", "tickets/1", SERVER).json()
    assert whole["unread"] is True
    assert [(one["role"], one["kind"]) for one in whole["messages"]] == [
        ("person", "question"), ("expert", "ask")
    ]  # fmt: skip
    assert call("GET", "tickets", SERVER).json()[0]["unread"] is False
    given = {"key": key(), "text": "Version 3."}
    first = call("POST", "tickets/1/messages", SERVER, json=given)
    second = call("POST", "tickets/1/messages", SERVER, json=given)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert ticket(desk).state == "assigned"
    answered(desk)
    assert call("GET", "tickets/1", SERVER).json()["state"] == "answered"
    for _ in range(2):
        assert call("POST", "tickets/1/closed", SERVER, json={}).json() == {"state": "closed"}
    assert call("POST", "tickets/1/messages", SERVER, json={**given, "key": key()}).status_code == 201
    assert ticket(desk).state == "assigned"
    with desk.database.transaction() as session:
        acts = [one.act for one in tickets.history(session, ticket(desk))]
    assert acts == ["asked", "taken", "wrote", "wrote", "wrote", "closed", "reopened", "wrote"]


@pytest.mark.parametrize("who", ["mkb@", "mkb", "expert@", "expert", "beheer"])
def test_nobody_elses(call: Call, who: str) -> None:
    """Not even an expert's server: any notebook holds its token. The number of what is there says nothing."""
    ask(call)
    for number in (1, 99, 0, -1, 2**40):
        answers = [
            call("GET", f"tickets/{number}", who),
            call("POST", f"tickets/{number}/messages", who, json={"key": key(), "text": "x"}),
            call("POST", f"tickets/{number}/closed", who, json={}),
        ]
        assert {(one.status_code, one.json()["reason"]) for one in answers} == {(404, "no-ticket")}
    assert call("GET", "tickets", who).json() == []


def test_without_experts(call: Call, desk: Desk) -> None:
    """The API says so, and that those who run the place can change it."""
    path = desk.watched._path
    path.write_text(desk.settings.model_copy(update={"help": None}).model_dump_json())
    for method, at in (("GET", "help"), ("GET", "tickets"), ("GET", "tickets/1"), ("POST", "tickets")):
        answer = call(method, at, SERVER, json=question())
        assert (answer.status_code, answer.json()["reason"]) == (404, "no-help")


def trouble(call: Call, fingerprint: str = "NameError: x", name: str = SERVER) -> bool:
    """Say that an error came; return whether help is offered."""
    answer = call("POST", "help/trouble", name, json={"kind": "error", "fingerprint": fingerprint})
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["offer"])


def choose(call: Call, wanted: str) -> None:
    """Say whether help may be offered."""
    assert call("POST", "help/offering", SERVER, json={"wanted": wanted}).json() == {"offering": wanted}
    assert call("GET", "help", SERVER).json()["offering"] == wanted


def test_help_is_offered_once(call: Call, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fifth time, to who wants that; never again for the same, and nothing else for a day."""
    assert not any(trouble(call) for _ in range(10))
    assert count(desk, Trouble) == 0, "who was not asked is not counted"
    choose(call, "yes")
    assert [trouble(call) for _ in range(12)] == [False] * 4 + [True] + [False] * 7
    assert not any(trouble(call, "KeyError") for _ in range(6)), "another, on the same day"
    later = time.time() + 2 * 86400
    monkeypatch.setattr(time, "time", lambda: later)
    assert not trouble(call)
    assert trouble(call, "KeyError")
    with desk.database.transaction() as session:
        kept = [one.fingerprint for one in session.scalars(select(Trouble))]
    assert all(len(one) == 64 and "Error" not in one for one in kept), "nothing of the error"


def test_the_offer_is_switched_off_for_good(call: Call, desk: Desk) -> None:
    """What was counted is forgotten; and only so many errors are counted at all."""
    choose(call, "yes")
    for number in range(60):
        trouble(call, f"error {number}")
    assert count(desk, Trouble) <= 51
    choose(call, "no")
    assert count(desk, Trouble) == 0
    assert not any(trouble(call) for _ in range(10))
    assert count(desk, Trouble) == 0


def test_silence_closes_what_was_answered(call: Call, desk: Desk) -> None:
    """After two weeks, with a line in its history; what waits for somebody stays open."""
    for _ in range(3):
        ask(call)
    answered(desk, 1)
    answered(desk, 2, kind="ask")
    now = int(time.time())
    with desk.database.transaction() as session:
        assert tickets.close_silent(session, now + tickets.SILENCE - 60) == 0
        assert tickets.close_silent(session, now + tickets.SILENCE + 60) == 1
        assert tickets.close_silent(session, now + tickets.SILENCE + 60) == 0
    assert [ticket(desk, number).state for number in (1, 2, 3)] == ["closed", "waiting", "new"]
    with desk.database.transaction() as session:
        last = session.scalars(select(TicketAct).order_by(TicketAct.id.desc())).first()
    assert last is not None
    assert (last.by, last.act, last.detail) == ("", "closed", {"days": 14})


def test_who_is_no_expert_any_more_keeps_no_question(call: Call, desk: Desk) -> None:
    """It goes back to the queue; what waits for the person waits on, and their reply brings it back."""
    for _ in range(2):
        ask(call)
    with desk.database.transaction() as session:
        for number in (1, 2):
            tickets.take(session, session.get_one(Ticket, number), Person("expert"))
        two = session.get_one(Ticket, 2)
        tickets.write(session, desk.settings, two, "expert", "ask", "Welke?", "k" * 16)
        assert tickets.release_left(session, ["expert", "tweede"]) == 0
        assert tickets.release_left(session, ["tweede"]) == 2
        assert tickets.release_left(session, ["tweede"]) == 0
    assert [(ticket(desk, n).state, ticket(desk, n).expert) for n in (1, 2)] == [
        ("new", None),
        ("waiting", None),
    ]
    reply = {"key": "r" * 16, "text": "Deze."}
    assert call("POST", "tickets/2/messages", SERVER, json=reply).status_code == 201
    assert ticket(desk, 2).state == "new"


def test_attachments_go_when_a_question_is_long_over(call: Call, desk: Desk) -> None:
    """Three months after it was closed; what was said stays."""
    ask(call, attachments=[attached()])
    assert call("POST", "tickets/1/closed", SERVER, json={}).status_code == 200
    now = int(time.time())
    with desk.database.transaction() as session:
        assert tickets.empty_old(session, now + attachments.KEPT_AFTER - 60) == 0
        assert tickets.empty_old(session, now + attachments.KEPT_AFTER + 60) == 1
    assert (count(desk, Attachment), count(desk, Message)) == (0, 1)


def test_a_long_conversation(call: Call, desk: Desk) -> None:
    """The question and the last messages, and how many there are between."""
    ask(call)
    assert call("GET", "tickets/1", SERVER).json()["left"] == 0
    with desk.database.transaction() as session:
        one = session.get_one(Ticket, 1)
        for n in range(120):
            tickets.write(session, desk.settings, one, one.person, "reply", f"reply {n}", key())
    whole = call("GET", "tickets/1", SERVER).json()
    assert [one["body"] for one in whole["messages"][1:]] == [f"reply {n}" for n in range(21, 120)]
    assert (whole["messages"][0]["kind"], whole["left"]) == ("question", 21)


def test_the_desk_does_so_by_itself(call: Call, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every minute it looks."""
    ask(call, attachments=[attached()])
    answered(desk)
    later = time.time() + tickets.SILENCE + 60
    monkeypatch.setattr(time, "time", lambda: later)
    chores.Chores(desk).once()
    assert ticket(desk).state == "closed"
    later += attachments.KEPT_AFTER + 60
    chores.Chores(desk).once()
    assert count(desk, Attachment) == 0
    assert "questions" not in desk.problems


def test_what_is_opened_again_meanwhile_stays(
    call: Call, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between that it was found and that it is emptied; and the others are emptied."""
    for _ in range(2):
        ask(call, attachments=[attached()])
        call("POST", f"tickets/{count(desk, Ticket)}/closed", SERVER, json={})
    outlived = attachments.outlived

    def and_then_opened(session: Session, now: int, most: int) -> list[Ticket]:
        found = outlived(session, now, most)
        session.execute(update(Ticket).where(Ticket.id == found[0].id).values(state="new"))
        return found

    monkeypatch.setattr(attachments, "outlived", and_then_opened)
    with desk.database.transaction() as session:
        assert tickets.empty_old(session, int(time.time()) + attachments.KEPT_AFTER + 60) == 1
    assert count(desk, Attachment) == 1


def test_a_chore_that_fails_is_not_the_last(call: Call, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was: the others are done, somebody can see it, and it is tried again."""
    tried = []

    def fails() -> None:
        tried.append(1)
        raise Refusal("open", "Nobody foresaw this.", 409)

    ask(call)
    answered(desk)
    later = time.time() + tickets.SILENCE + 60
    monkeypatch.setattr(desk, "publish", fails)
    monkeypatch.setattr(chores, "_SECONDS", 0.02)
    monkeypatch.setattr(time, "time", lambda: later)
    made = chores.Chores(desk)
    made.start()
    try:
        until(lambda: len(tried) > 2)
    finally:
        made.stop()
        made._thread.join()
    assert ticket(desk).state == "closed"
    assert "questions" not in desk.problems
    assert "Nobody foresaw this." in desk.problems["outbox"]


def test_a_note_is_for_what_was_to_be_a_notebook() -> None:
    """And for nothing else."""
    assert Named(1, "file", "les.IPYNB", 3).note
    assert not Named(1, "notebook", "les.ipynb", 3).note
    assert not Named(1, "file", "les.py", 3).note


def test_reading_what_comes_in_takes_no_second() -> None:
    """The longest that is taken, of the kind that takes longest: others wait for that."""
    for text in ("x" * 8_000_000, "\u00e9" * 4_000_000, "\x00" * 2_500_000, "\U0001f600" * 2_000_000):
        given = question(attachments=[attached(text)])
        began = time.monotonic()
        Draft.model_validate(given)
        assert time.monotonic() - began < 2
