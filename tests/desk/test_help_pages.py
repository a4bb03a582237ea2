"""The pages of who asks: without a notebook, once, theirs alone, and with nothing in them that runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from tests.desk.asked import attached, key, question
from tests.desk.conftest import PREFIX, Browser, FakeQueue
from tests.desk.test_text import EVIL

from werkplaats_desk.centre import asking, tickets
from werkplaats_desk.centre.drafts import Attached, Draft
from werkplaats_desk.centre.models import Ticket
from werkplaats_desk.centre.states import Kind
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person

Make = Callable[..., Browser]


def form(**changes: str) -> dict[str, str]:
    """Return the fields of a question as a page sends them."""
    given = question(**changes)
    del given["language"]
    return given


def asked(desk: Desk, name: str = "mkb", **changes: object) -> int:
    """Have somebody ask; return the number."""
    draft = Draft.model_validate(question(acknowledged=True, **changes))
    return asking.ask(desk, Person(name), draft)[0].id


def written(desk: Desk, number: int, text: str, kind: Kind = "answer") -> None:
    """Have the expert write."""
    with desk.database.transaction() as session:
        found = session.get_one(Ticket, number)
        if found.state == "new":
            tickets.take(session, found, Person("expert"))
        tickets.write(session, desk.settings, found, "expert", kind, text, key())


def test_a_question_without_a_notebook(browser: Make, desk: Desk) -> None:
    """From the desk's first page to a number and a time, in the reader's language."""
    mkb = browser("mkb", "nl")
    assert f'href="{PREFIX}help/new"' in mkb.get("").text
    address = mkb.get("help/new").headers["location"]
    page = mkb.get(address).text
    assert '<option value="data">data (nl)</option>' in page
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found is not None
    assert f"key={found[1]}" in unquote(address), "who comes back finds what became of it"
    sent = mkb.post("help/new", address, **form(key=found[1]))
    assert sent.headers["location"] == f"{PREFIX}help/1"
    followed = mkb.get("help/1").text
    assert "My plot stays empty" in followed
    assert "<time datetime=" in followed
    with desk.database.transaction() as session:
        kept = session.get_one(Ticket, 1)
    assert (kept.language, kept.urgency, kept.person, kept.server) == ("nl", "normal", "mkb", "")
    assert mkb.get(address).headers["location"] == f"{PREFIX}help/1"
    again = mkb.post("help/new", "help/1", **form(key=found[1]))
    assert again.headers["location"] == f"{PREFIX}help/1"
    assert mkb.get("help").text.count("help/1") == 1


def test_a_link_fills_in(browser: Make) -> None:
    """Who could not start a server says what happened, and nothing is sent before they do."""
    mkb = browser("mkb")
    page = mkb.get(mkb.get("help/new?about=start").headers["location"]).text
    assert 'value="My server does not start"' in page
    assert '<option value="first-steps" selected>' in page
    assert re.search(r'value="high" required checked', page)
    page = mkb.get(mkb.get("help/new?topic=health").headers["location"]).text
    assert '<option value="health" selected>' in page
    for odd in (
        "?topic=%00%22%3E",
        "?about=%3Cscript%3E",
        "?key=x",
        "?key=aaaaaaaaaaaaaaaaaaaa%00",
        "?key=%22%3E%3Cscript%3E",
    ):
        answer = mkb.get(f"help/new{odd}")
        answer = mkb.get(answer.headers["location"])
        assert answer.status_code == 200
        assert "<script>" not in answer.text
    assert mkb.get("help").text.count("<li>") == browser("rijk").get("help").text.count("<li>")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subject": ""}, "Say in 3 to 120 characters what it is about."),
        ({"question": " "}, "Write your question"),
        ({"topic": ""}, "one of the topics in the list"),
        ({"topic": "cooking"}, "one of the topics in the list"),
        ({"urgency": "now"}, "Choose how urgent it is."),
        ({"project": "onderzoek"}, "You are not in the project onderzoek."),
    ],
)
def test_what_makes_no_sense(
    browser: Make, fake_queue: FakeQueue, changes: dict[str, str], said: str
) -> None:
    """The form comes back with what was filled in, its key, and a sentence."""
    fake_queue.let("mkb-verkenning", "mkb")
    mkb, given = browser("mkb"), form(**changes)
    answer = mkb.post("help/new", "help", **given)
    assert answer.status_code in (400, 403, 422)
    assert said in answer.text
    assert f'name="key" value="{given["key"]}"' in answer.text
    assert "<title>Error: " in answer.text
    if "question" not in changes:
        assert "I call plot(), and see nothing." in answer.text


def test_the_list(browser: Make, desk: Desk) -> None:
    """The one that changed last first, its state in words, and what is new is said in words too."""
    first, second = asked(desk), asked(desk, subject="Another thing")
    written(desk, first, "Try show().")
    with desk.database.transaction() as session:
        session.get_one(Ticket, first).changed_at += 5
    mkb = browser("mkb")
    page = mkb.get("help").text
    assert page.index(f"help/{first}") < page.index(f"help/{second}")
    assert ("Answered" in page, "New answer" in page, "Waits for an expert" in page) == (True, True, True)
    assert "1 question has a new answer" in mkb.get("").text
    mkb.get(f"help/{first}")
    assert "New answer" not in mkb.get("help").text
    assert "has a new answer" not in mkb.get("").text
    assert "My plot" not in browser("rijk").get("help").text


def test_a_conversation(browser: Make, desk: Desk) -> None:
    """Asked back, answered with code, closed by the person, opened again by writing; each once."""
    number = asked(desk)
    written(desk, number, "Which version?", "ask")
    mkb = browser("mkb")
    page = mkb.get(f"help/{number}").text
    assert "The expert asks you something" in page
    assert "expert, expert" in page
    form_ = {"key": key(), "text": "Version 3."}
    for _ in range(2):
        sent = mkb.post(f"help/{number}/messages", f"help/{number}", **form_)
        assert sent.headers["location"] == f"{PREFIX}help/{number}"
    page = mkb.get(f"help/{number}").text
    assert page.count("Version 3.") == 1
    assert form_["key"] in page, "the browser need not keep it any more"
    written(desk, number, "Do this:\n```python\nplt.show()\n```")
    page = mkb.get(f"help/{number}").text
    assert '<pre tabindex="0"><code>plt.show()</code></pre>' in page
    assert "Does this help you?" in page
    assert mkb.post(f"help/{number}/closed", f"help/{number}").status_code == 303
    page = mkb.get(f"help/{number}").text
    assert "Writing opens the question again." in page
    assert "mkb closed it" in page
    empty = mkb.post(f"help/{number}/messages", f"help/{number}", key=key(), text=" ")
    assert (empty.status_code, "Write something" in empty.text) == (400, True)
    assert mkb.post(f"help/{number}/messages", f"help/{number}", key=key(), text="No.").status_code == 303
    assert "An expert is working on it" in mkb.get(f"help/{number}").text


@pytest.mark.parametrize("who", ["rijk", "expert", "beheer"])
def test_nobody_elses(browser: Make, desk: Desk, who: str) -> None:
    """An expert has pages of their own; here it is said of nobody's question that it is there."""
    number = asked(desk, attachments=[attached()])
    other = browser(who)
    for path in (f"help/{number}", f"help/{number}/attachments/1", "help/99", "help/99/attachments/1"):
        answer = other.get(path)
        assert answer.status_code == 404
        assert "There is no such question, or it is not yours." in answer.text
    for act in ("messages", "closed", "emptied"):
        answer = other.post(f"help/{number}/{act}", key=key(), text="Hello")
        assert answer.status_code == 404, act
    with desk.database.transaction() as session:
        assert session.get_one(Ticket, number).state == "new"


def test_attachments(browser: Make, desk: Desk) -> None:
    """A small one is shown as text; each is a file of plain text that no browser runs."""
    page = "<html><script>alert(1)</script>"
    beside = [
        attached(page, "log", 'slurm-"7"\u00e9.log'),
        attached("x" * 30_000, "file", "big.html"),
        attached("no notebook", "notebook", "les.ipynb"),
    ]
    number, mkb = asked(desk, attachments=beside), browser("mkb")
    shown = mkb.get(f"help/{number}").text
    assert "&lt;html&gt;&lt;script&gt;alert(1)" in shown
    assert "<script>alert" not in shown
    assert "x" * 1000 not in shown
    assert "les.ipynb is no notebook that can be read." in shown
    answer = mkb.get(f"help/{number}/attachments/1")
    assert answer.text == page
    headers = answer.headers
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["content-disposition"] == (
        "attachment; filename=\"attachment-1.txt\"; filename*=UTF-8''slurm-%227%22%C3%A9.log"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert len(mkb.get(f"help/{number}/attachments/2").text) == 30_000
    for wrong in (4, 0, 2**40):
        assert mkb.get(f"help/{number}/attachments/{wrong}").status_code == 404
    other = asked(desk, attachments=[attached()])
    assert mkb.get(f"help/{other}/attachments/1").status_code == 404


def test_a_page_has_an_end(browser: Make, desk: Desk) -> None:
    """However much somebody wrote and attached: the question, the last messages, and a link to the others."""
    number, mkb = (
        asked(desk, question="How it began", attachments=[attached("the first cell")]),
        browser("mkb"),
    )
    beside = [Attached.model_validate(attached(f"{n:02}" * 9_000, "log", f"log {n}")) for n in range(12)]
    with desk.database.transaction() as session:
        one = session.get_one(Ticket, number)
        for n in range(120):
            sent = beside if n > 100 else []
            tickets.write(session, desk.settings, one, "mkb", "reply", f"reply-{n:03}.", key(), sent)
    page = mkb.get(f"help/{number}").text
    assert "How it began" in page
    assert "the first cell" in page
    assert re.findall(r"reply-(\d{3})\.", page) == [f"{n:03}" for n in range(21, 120)]
    assert page.count("<details>") == 1 + 2**20 // 18_000, "what is shown beside them, in all"
    assert page.count("/attachments/") == 1 + 12 * 19, "the others are there to be downloaded"
    before = re.search(rf"help/{number}(\?before=\d+)#", page)
    assert before is not None
    earlier = mkb.get(f"help/{number}{before[1]}").text
    assert re.findall(r"reply-(\d{3})\.", earlier) == [f"{n:03}" for n in range(21)]
    assert "?before=" not in earlier
    mkb.post(f"help/{number}/closed", f"help/{number}")
    assert "Take the attachments away" in mkb.get(f"help/{number}{before[1]}").text


def test_attachments_are_taken_away(browser: Make, desk: Desk) -> None:
    """By who sent them, once the question is closed."""
    number, mkb = asked(desk, attachments=[attached("secret of ours")]), browser("mkb")
    assert mkb.post(f"help/{number}/emptied", f"help/{number}").status_code == 409
    mkb.post(f"help/{number}/closed", f"help/{number}")
    assert "Take the attachments away" in mkb.get(f"help/{number}").text
    assert mkb.post(f"help/{number}/emptied", f"help/{number}").status_code == 303
    page = mkb.get(f"help/{number}").text
    assert "secret of ours" not in page
    assert "mkb took the attachments away" in page


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_executes(browser: Make, desk: Desk, evil: str) -> None:
    """Whatever stands in a subject, a question, an answer, a name or an attachment."""
    beside = [attached(evil, "error", f"name {evil}"[:100])]
    number = asked(desk, subject=f"On {evil}"[:120], question=evil, attachments=beside)
    written(desk, number, evil)
    mkb = browser("mkb")
    for path in ("help", f"help/{number}"):
        page = mkb.get(path).text
        assert page.count("<script") == page.count("<script src=") == 2, path
        for element in ("img", "iframe", "object", "embed", "style", "base", "video", "math", "template"):
            assert f"<{element}" not in page.replace("<style></style>", ""), path
        assert not re.search(r"<[a-z]+[^<>]*\son[a-z]+\s*=", page), path
        assert not re.search(r'(href|src|action)="(?!/|https?://)[^"]', page.replace('href="#', "")), path


def test_the_offer(browser: Make) -> None:
    """Is made by who wants it, and switched off for good."""
    mkb = browser("mkb")
    assert "Yes, offer me help" in mkb.get("help").text
    mkb.post("help/offering", "help", wanted="yes")
    assert "Do not offer this any more" in mkb.get("help").text
    mkb.post("help/offering", "help", wanted="no")
    assert "No, never" not in mkb.get("help").text


def test_without_experts(browser: Make, desk: Desk) -> None:
    """Nothing offers what is not there; its pages say so."""
    path = desk.watched._path
    path.write_text(desk.settings.model_copy(update={"help": None}).model_dump_json())
    mkb = browser("mkb")
    assert "help/new" not in mkb.get("").text
    for page in ("help", "help/new", "help/1"):
        answer = mkb.get(page)
        assert (answer.status_code, "Nobody answers questions here yet." in answer.text) == (404, True)


def test_who_is_not_signed_in(browser: Make) -> None:
    """Comes back to what they wanted after it."""
    visitor = browser()
    assert visitor.get("help/new?about=start").headers["location"].startswith(f"{PREFIX}login?next=")
    assert visitor.get("help/17").status_code == 303
    assert visitor.get("help/mailbox").status_code == 404
