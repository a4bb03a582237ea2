"""The experts' pages: what waits, in which order, and what is done with one question."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.desk import questions
from tests.desk.conftest import PREFIX, Browser, settings
from tests.desk.fake_datasets import FakeAudit
from tests.desk.questions import ask, bundle

from werkplaats_desk.centre import queue, tickets
from werkplaats_desk.centre.canned import CANNED
from werkplaats_desk.centre.models import Message, Ticket
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal

Make = Callable[..., Browser]


@pytest.fixture
def file(tmp_path: Path, file: Path) -> Path:
    """The settings of a desk with experts."""
    file.write_text(settings(tmp_path, help=questions.centre()).model_dump_json())
    return file


def asked(desk: Desk, person: str = "mkb", **changes: Any) -> int:
    """Hand a question in, and return its number."""
    with desk.database.transaction() as session:
        return ask(session, desk.settings, person, **changes).id


def ticket(desk: Desk, number: int) -> Ticket:
    """Return a question as it is now."""
    with desk.database.transaction() as session:
        return session.get_one(Ticket, number)


def subjects(page: str) -> list[str]:
    """Return the subjects that a list shows, in its order."""
    return re.findall(r'<span class="wp-any" lang="[a-z]{2}">([^<]*)</span></a>', page)


def text_of(page: str) -> str:
    """Return what a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def key_of(page: str, form: str) -> str:
    """Return the key that a form on a page carries."""
    found = re.search(rf'action="[^"]*/{form}"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert found is not None
    key = re.search(r'name="key" value="([^"]*)"', found[1])
    assert key is not None
    return key[1]


def test_who_is_no_expert_reads_a_sentence(browser: Make, desk: Desk) -> None:
    """Each page and each form: nothing of a question is shown, and nothing happens."""
    number = asked(desk, subject="A secret of mine", attachments=bundle())
    mkb, rijk = browser("mkb"), browser("rijk")
    assert browser().get("inbox").status_code == 303, "sign in first"
    for person in (mkb, rijk, browser("beheer")):
        for path in ("inbox", f"inbox/{number}", "inbox/hours", f"inbox/{number}/attachments/1",
                     f"inbox/{number}/attachments/1/file"):  # fmt: skip
            answer = person.get(path)
            assert answer.status_code == 403, path
            assert "for the experts" in answer.text
            assert "secret of mine" not in answer.text
        for form in ("taking", "messages", "handing", "booking", "closing"):
            answer = person.post(
                f"inbox/{number}/{form}", kind="answer", text="x", key="k" * 20, minutes="15"
            )
            assert answer.status_code == 403, form
    assert ticket(desk, number).state == "new"
    assert ">Inbox<" not in mkb.get("").text
    assert ">Inbox<" in browser("expert").get("").text


def test_a_desk_without_experts(browser: Make, file: Path, tmp_path: Path, desk: Desk) -> None:
    """Nobody is one."""
    file.write_text(settings(tmp_path, help=None).model_dump_json())
    assert browser("expert").get("inbox").status_code == 403


def test_what_waits_comes_in_order(browser: Make, desk: Desk) -> None:
    """An expert's own that need something first; then the queue, by urgency and age."""
    for subject, urgency in (("old low", "low"), ("old", "normal"), ("new", "normal"), ("burning", "high")):
        asked(desk, subject=subject, urgency=urgency)
    own = asked(desk, subject="mine", urgency="low")
    answered = asked(desk, subject="mine and answered")
    others = asked(desk, subject="of another")
    expert = browser("expert")
    with desk.database.transaction() as session:
        for number, name in ((own, "expert"), (answered, "expert"), (others, "tweede")):
            tickets.take(session, session.get_one(Ticket, number), Person(name))
        one = session.get_one(Ticket, answered)
        tickets.write(session, desk.settings, one, "expert", "answer", "So.", "k" * 20)
    page = expert.get("inbox").text
    assert subjects(page) == ["mine", "burning", "old", "new", "old low"]
    assert subjects(expert.get("inbox?view=mine").text) == ["mine and answered", "mine"]
    assert subjects(expert.get("inbox?view=assigned").text) == ["of another", "mine"]
    assert subjects(expert.get("inbox?view=answered").text) == ["mine and answered"]
    assert subjects(expert.get("inbox?view=closed").text) == []
    assert page.count("Next in turn") == 1
    counts = dict(re.findall(r'inbox\?view=(\w+)"[^>]*>[^<]*<span class="wp-count">(\d+)<', page))
    assert counts == {
        "mine": "2",
        "new": "4",
        "assigned": "2",
        "waiting": "0",
        "answered": "1",
        "closed": "0",
    }


def test_links_narrow_the_list(browser: Make, desk: Desk) -> None:
    """By topic, stream and language, together, with how many each link shows; in every list."""
    for topic, stream, language in (
        ("data", "regional", "nl"), ("data", "national", "en"), ("vision", "regional", "nl"),
    ):  # fmt: skip
        asked(desk, subject=f"{topic} {stream} {language}", topic=topic, stream=stream, language=language)
    expert = browser("expert")
    assert subjects(expert.get("inbox?topic=data").text) == ["data regional nl", "data national en"]
    for view in ("", "view=new&"):
        page = expert.get(f"inbox?{view}topic=data&stream=regional").text
        assert subjects(page) == ["data regional nl"]
        links = re.findall(
            r'href="/services/desk/inbox\?([^"]*)"[^>]*>([^<]*)<span class="wp-count">(\d+)<', page
        )
        told = {(query.replace("&amp;", "&"), int(number)) for query, _name, number in links}
        for query, number in told:
            if "stream" in query or "topic" in query:
                assert len(subjects(expert.get(f"inbox?{query}").text)) == number, query
        assert any(query.endswith("topic=vision&stream=regional") for query, _number in told)
    assert expert.get("inbox?language=de").status_code == 404
    assert expert.get("inbox?page=0").status_code == 404
    assert expert.get("inbox?nonsense=1").status_code == 404


@pytest.mark.parametrize("view", ["", "view=new"])
def test_all_pages_are_reached(browser: Make, desk: Desk, view: str) -> None:
    """Fifty at a time, by links that need no JavaScript; each question once."""
    with desk.database.transaction() as session:
        questions.fill(session, 137, expert="somebody")
    expert = browser("expert")
    seen: list[str] = []
    at, pages = f"inbox?{view}", 0
    while at:
        page = expert.get(at).text
        seen += subjects(page)
        pages += 1
        found = re.search(r'<a rel="next" href="/services/desk/([^"]*)"', page)
        at = found[1].replace("&amp;", "&") if found else ""
    assert pages == 3
    assert len(seen) == len(set(seen)) == 123


def test_one_question_laid_out(browser: Make, desk: Desk) -> None:
    """Who, where, what, by when; what was written, with its code; and all that came along."""
    number = asked(
        desk, subject="Weeds", question="It fails:\n\n```python\nif a < b:\n    fit()\n```\nWhy?",
        topic="vision", project="onderzoek", server="mkb/gpu", job=17, restricted=True, urgency="high",
        attachments=bundle(),
    )  # fmt: skip
    page = browser("expert").get(f"inbox/{number}").text
    told = text_of(page)
    for fact in ("mkb", "High", "vision (en)", "regional (en)", "onderzoek", "mkb/gpu", "17", "English"):
        assert fact in told, fact
    assert "<code>if a &lt; b:\n    fit()</code></pre>" in page
    assert "```" not in page.partition('id="acts"')[0].partition('class="wp-panel"')[0]
    assert "do not pass it on" in told
    assert "ValueError: X has 3 features, but the model wants 4" in told
    assert '<th scope="row">torch</th><td>2.9.0+cu128</td>' in page
    assert "out of memory" in told
    assert "(HTML, not shown)" in told
    assert "[31m" not in page
    assert re.search(
        r'<img src="data:image/png;base64,[^"]*" width="1" height="1" alt="Output 1 of cell 3: ', page
    )
    assert "Cell 6, not run" in told


def test_taking_and_answering(browser: Make, desk: Desk) -> None:
    """Taken, asked back, answered, closed: each is in the history, and who asked can go on."""
    number = asked(desk)
    page, expert = f"inbox/{number}", browser("expert")
    assert "Take this question" in expert.get(page).text
    refused = expert.post(f"{page}/messages", page, key="k" * 20, kind="answer", text="Too soon")
    assert refused.status_code == 409
    taken = expert.post(f"{page}/taking", page)
    assert (taken.status_code, taken.headers["location"]) == (303, f"{PREFIX}{page}?done=taken")
    shown = expert.get(f"{page}?done=taken").text
    assert "This question is yours now." in shown
    assert "Take this question" not in shown
    back = expert.post(
        f"{page}/messages", page, key=key_of(shown, "messages"), kind="ask", text="Which file?"
    )
    assert back.status_code == 303
    assert ticket(desk, number).state == "waiting"
    with desk.database.transaction() as session:
        one = session.get_one(Ticket, number)
        tickets.write(session, desk.settings, one, "mkb", "reply", "This one.", "r" * 20)
    key = key_of(expert.get(page).text, "messages")
    for _ in range(2):  # sent twice, as a browser does after a desk that went away
        sent = expert.post(f"{page}/messages", page, key=key, kind="answer", text="Do\n```\nthis()\n```")
        assert sent.status_code == 303
    with desk.database.transaction() as session:
        kinds = [one.kind for one in session.scalars(select(Message).order_by(Message.id))]
    assert kinds == ["question", "ask", "reply", "answer"]
    assert ticket(desk, number).state == "answered"
    assert expert.post(f"{page}/closing", page).status_code == 303
    assert ticket(desk, number).state == "closed"
    told = text_of(expert.get(page).text)
    for act in ("mkb asked", "expert took it", "expert asked back", "mkb wrote", "expert answered",
                "expert closed it"):  # fmt: skip
        assert act in told, act
    assert "Close the question" not in told


@pytest.mark.parametrize(
    ("change", "status"),
    [({"text": ""}, 400), ({"text": "a" * 20_001}, 400), ({"kind": "question"}, 400),
     ({"key": "short"}, 400), ({"more": "1"}, 400), ({"text": "a\x00b"}, 303)],
)  # fmt: skip
def test_an_answer_that_makes_no_sense(
    browser: Make, desk: Desk, change: dict[str, str], status: int
) -> None:
    """What was typed is kept, with its key; a control character is no reason to refuse."""
    number = asked(desk)
    page, expert = f"inbox/{number}", browser("expert")
    assert expert.post(f"{page}/taking", page).status_code == 303
    given = {"key": "k" * 20, "kind": "answer", "text": "Look here", **change}
    answer = expert.post(f"{page}/messages", page, **given)
    assert answer.status_code == status
    if status == 400:
        assert 'role="alert"' in answer.text
        assert ("Look here" in answer.text) == ("text" not in change)
        kept = key_of(answer.text, "messages")
        assert (kept == "k" * 20) == ("key" not in change)
    else:
        assert "a\ufffdb" in expert.get(page).text


def test_what_was_typed_is_not_lost_with_the_question(browser: Make, desk: Desk) -> None:
    """Who writes while it is handed to another reads what they wrote, and who has it."""
    number = asked(desk)
    page, expert = f"inbox/{number}", browser("expert")
    assert expert.post(f"{page}/taking", page).status_code == 303
    with desk.database.transaction() as session:
        tickets.hand(session, session.get_one(Ticket, number), Person("expert"), "tweede")
    answer = expert.post(f"{page}/messages", page, key="k" * 20, kind="answer", text="A long story")
    assert answer.status_code == 409
    assert "tweede has this question" in text_of(answer.text)
    assert "A long story" in answer.text


def test_what_cannot_be_taken_now(browser: Make, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours kept for another stream: the sentence stands where the button was, and taking is refused."""

    def require_turn(*_args: Any) -> None:
        raise Refusal("turn", "Question 1 goes first.", 409)

    monkeypatch.setattr(queue, "require_turn", require_turn)
    number = asked(desk)
    page, expert = f"inbox/{number}", browser("expert")
    shown = expert.get(page).text
    assert "Question 1 goes first." in shown
    assert "Take this question" not in shown
    answer = expert.post(f"{page}/taking", page)
    assert answer.status_code == 409
    assert "Question 1 goes first." in answer.text
    assert ticket(desk, number).expert is None


def test_handing_over(browser: Make, desk: Desk) -> None:
    """To who knows topic and language first, to others marked so; back to the queue; to nobody else."""
    number = asked(desk, topic="data", language="en")
    page, expert = f"inbox/{number}", browser("expert")
    assert expert.post(f"{page}/taking", page).status_code == 303
    form = expert.get(page).text.partition('id="to"')[2].partition("</select>")[0]
    groups = re.findall(r'<optgroup label="([^"]*)">(.*?)</optgroup>', form, re.DOTALL)
    assert [(label, re.findall(r'value="(\w+)"', inside)) for label, inside in groups] == [
        ("Know this topic and language", ["derde"]),
        ("Others: not their topic or language", ["tweede"]),
    ]
    for nobody in ("mkb", "expert", "beheer", "x" * 500):
        assert expert.post(f"{page}/handing", page, to=nobody).status_code == 400
    assert expert.post(f"{page}/handing", page, to="tweede").status_code == 303
    assert ticket(desk, number).expert == "tweede"
    assert expert.post(f"{page}/handing", page, to="").status_code == 409
    tweede = browser("tweede")
    assert tweede.post(f"{page}/handing", page, to="").status_code == 303
    assert (ticket(desk, number).expert, ticket(desk, number).state) == (None, "new")
    told = text_of(expert.get(page).text)
    assert "expert handed it to tweede" in told
    assert "tweede put it back in the queue" in told


def test_nobody_answers_their_own(browser: Make, desk: Desk) -> None:
    """An expert's own question is for another, and cannot be handed to them."""
    number = asked(desk, "expert")
    page, expert, tweede = f"inbox/{number}", browser("expert"), browser("tweede")
    assert "Nobody answers a question of their own" in expert.get(page).text
    assert expert.post(f"{page}/taking", page).status_code == 403
    assert expert.post(f"{page}/booking", page, key="k" * 20, minutes="15").status_code == 403
    assert expert.post(f"{page}/closing", page).status_code == 409, "that is for their own page"
    assert tweede.post(f"{page}/taking", page).status_code == 303
    assert tweede.post(f"{page}/handing", page, to="expert").status_code == 400


@pytest.mark.parametrize("language", ["nl", "en"])
def test_answers_to_begin_with(browser: Make, desk: Desk, language: str) -> None:
    """Each in the question's language, whoever reads; to be changed before it is sent."""
    number = asked(desk, language=language)
    page, expert = f"inbox/{number}", browser("expert", language="en")
    assert expert.post(f"{page}/taking", page).status_code == 303
    assert len(CANNED) >= 5
    for one in CANNED:
        shown = expert.get(f"{page}?canned={one.name}").text
        field = shown.partition('<textarea id="text"')[2].partition("</textarea>")[0]
        text = one.text.nl if language == "nl" else one.text.en
        assert text.splitlines()[0] in field.replace("&#39;", "'")
        assert one.title.en in shown.replace("&#39;", "'")
        assert 1 <= len(text) <= 2000
    assert expert.get(f"{page}?canned=nonsense").status_code == 200
    assert len({one.name for one in CANNED}) == len(CANNED)


def test_a_long_conversation(browser: Make, desk: Desk) -> None:
    """The question and the last messages are shown, and those before them by a link."""
    number = asked(desk, question="How it began")
    with desk.database.transaction() as session:
        one = session.get_one(Ticket, number)
        for n in range(150):
            tickets.write(session, desk.settings, one, "mkb", "reply", f"reply-{n:03}.", f"key-{n:020}")
    expert = browser("expert")
    page = expert.get(f"inbox/{number}").text
    assert "How it began" in page
    assert re.findall(r"reply-(\d{3})\.", page) == [f"{n:03}" for n in range(51, 150)]
    assert "51 messages after the first one are not shown" in page
    before = re.search(rf"inbox/{number}(\?before=\d+)#", page)
    assert before is not None
    earlier = expert.get(f"inbox/{number}{before[1]}").text
    assert "How it began" in earlier
    assert re.findall(r"reply-(\d{3})\.", earlier) == [f"{n:03}" for n in range(51)]
    assert ("are not shown" in page, "?before=" in earlier) == (True, False)
    assert "Show the last messages" in earlier
    for odd in ("-1", str(2**31), str(2**70)):
        shown = expert.get(f"inbox/{number}?before={odd}").text
        assert re.findall(r"reply-(\d{3})\.", shown) == [f"{n:03}" for n in range(51, 150)]


def test_what_is_late_is_said(browser: Make, desk: Desk) -> None:
    """In words, in the list and on its page, until somebody answered."""
    number = asked(desk)
    with desk.database.transaction() as session:
        session.get_one(Ticket, number).expected_at = int(time.time()) - 60
    expert = browser("expert")
    assert ">late<" in expert.get("inbox").text
    assert ">late<" in expert.get(f"inbox/{number}").text
    with desk.database.transaction() as session:
        session.get_one(Ticket, number).first_answer_at = 1
    assert ">late<" not in expert.get("inbox").text


def test_numbers_that_are_none(browser: Make, desk: Desk) -> None:
    """They are not found; a form without its token does nothing."""
    number = asked(desk)
    expert = browser("expert")
    beside = f"inbox/{number}/attachments"
    for path in (
        *("inbox/0", "inbox/-1", "inbox/99", f"inbox/{2**40}", "inbox/x"),
        *(f"{beside}/1", f"{beside}/{2**40}", f"{beside}/1/file"),
    ):
        assert expert.get(path).status_code == 404, path
    assert expert.post("inbox/99/taking", "inbox").status_code == 404
    for form in (*(f"{number}/{act}" for act in ("taking", "messages", "handing", "booking", "closing")),
                 "hours/1/withdrawal"):  # fmt: skip
        bare = expert.client.post(f"{PREFIX}inbox/{form}", data={}, follow_redirects=False)
        assert bare.status_code == 403, form
        assert "open for too long" in bare.text
    assert ticket(desk, number).state == "new"


def test_an_answer_beside_a_restricted_dataset_is_not_mailed(
    browser: Make, desk: Desk, audit: FakeAudit
) -> None:
    """What an expert answers may hold some of it as well, where it was mounted after the question."""
    number = asked(desk)
    expert = browser("expert")
    expert.post(f"inbox/{number}/taking", f"inbox/{number}")
    audit.mount("mkb", "cohort")
    given = {"kind": "answer", "key": "k" * 24, "text": "Row 17 is odd."}
    assert expert.post(f"inbox/{number}/messages", f"inbox/{number}", **given).status_code == 303
    with desk.database.transaction() as session:
        assert session.get_one(Ticket, number).restricted
