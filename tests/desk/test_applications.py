"""Requests: handed in by a form or a program, decided on once, and then a file."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.desk.conftest import TOMORROW, Browser, FakeQueue, settings

from werkplaats_desk import applications, outbox
from werkplaats_desk.app import create_app
from werkplaats_desk.applications import Decision, Draft
from werkplaats_desk.desk import Desk
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal

Make = Callable[..., Browser]
NAME = "weeds-in-images-a1"


def asked(person: Browser, draft: dict[str, str]) -> str:
    """Hand a request in; return its page."""
    answer = person.post("apply", "apply", **draft)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).removeprefix("/services/desk/")


def decide(operator: Browser, page: str, approve: bool, word: str = "", version: int = 1) -> int:
    """Decide on a request, and return the status of the answer."""
    fields = {"approve": str(approve).lower(), "word": word, "version": version}
    return operator.post(f"{page}/decision", page, **fields).status_code


def test_from_a_form_to_a_file(
    browser: Make, draft: dict[str, str], desk: Desk, fake_queue: FakeQueue
) -> None:
    """Five fields, a decision with a word, and a project in the file that the operator's process reads."""
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, draft)
    assert "Waits for a decision" in mkb.get(page).text
    assert "Weeds in images" in beheer.get("requests").text
    assert decide(beheer, page, True, "Good luck") == 303
    shown = mkb.get(page).text
    assert "Approved" in shown
    assert "Good luck" in shown
    assert "Decided by beheer" in shown
    assert "is being put in place" in shown
    text = (desk.settings.projects_d / f"{NAME}.toml").read_text()
    assert tomllib.loads(text) == {
        "title": {"nl": "Weeds in images", "en": "Weeds in images"},
        "stream": "regional",
        "gpu_hours": 100,
        "members": ["mkb"],
        "owners": ["mkb"],
        "call": "Aanvraag 1",
        "ends": TOMORROW,
    }
    fake_queue.let(NAME, "mkb")
    assert f"The project {NAME} is ready" in mkb.get(page).text
    assert f"/hub/spawn?opt-project={NAME}" in mkb.get(page).text


def test_a_declined_request_leaves_no_file(browser: Make, draft: dict[str, str], desk: Desk) -> None:
    """The applicant reads the word; nothing else comes of it, and it can be asked again."""
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, draft)
    assert decide(beheer, page, False, "Ask again in spring") == 303
    assert "Ask again in spring" in mkb.get(page).text
    assert list(desk.settings.projects_d.iterdir()) == []
    assert asked(mkb, draft) == "applications/2"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("title", "", "3 to 80 characters"),
        ("title", "x" * 81, "3 to 80 characters"),
        ("title", "two\nlines", "3 to 80 characters"),
        ("title", "a\x00bc", "3 to 80 characters"),
        ("stream", "nergens", "Choose one of the streams"),
        ("purpose", "short", "10 to 4000"),
        ("purpose", "y" * 4001, "10 to 4000"),
        ("purpose", "long enough, with \x1b[31m", "10 to 4000"),
        ("gpu_hours", "0", "whole number"),
        ("gpu_hours", "-1", "whole number"),
        ("gpu_hours", "1.5", "whole number"),
        ("gpu_hours", "1e3", "whole number"),
        ("title", "      ", "3 to 80"),
        ("purpose", " " * 20, "10 to 4000"),
        ("gpu_hours", "veel", "whole number"),
        ("ends", "2020-01-01", "not over yet"),
        ("ends", "9999-12-31", "at most five years"),
        ("ends", "tomorrow", "Give a day"),
    ],
)
def test_a_field_that_makes_no_sense_is_said(
    browser: Make, draft: dict[str, str], desk: Desk, field: str, value: str, said: str
) -> None:
    """The form comes back with what was typed and a sentence for the field; nothing is kept."""
    mkb = browser("mkb")
    answer = mkb.post("apply", "apply", **{**draft, field: value})
    assert answer.status_code == 400
    assert said in answer.text
    assert draft["purpose"] in answer.text or field == "purpose"
    with desk.database.transaction() as session:
        assert applications.of(session, Person("mkb")) == []


SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}"


def test_a_script_is_text(browser: Make, draft: dict[str, str]) -> None:
    """What an applicant or an operator wrote is shown as they wrote it, and run by nobody."""
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, {**draft, "title": SCRIPT, "purpose": SCRIPT})
    assert decide(beheer, page, False, SCRIPT) == 303
    for shown in (beheer.get(page), beheer.get("requests"), mkb.get(page), mkb.get("applications")):
        assert "<script>alert" not in shown.text
        assert "<img src=x" not in shown.text
        assert "&lt;script&gt;" in shown.text
        assert "script-src 'self';" in shown.headers["content-security-policy"]
        assert "unsafe" not in shown.headers["content-security-policy"]


def test_an_application_twice(browser: Make, draft: dict[str, str], desk: Desk) -> None:
    """A second press makes no second request, and says so; another title does."""
    mkb = browser("mkb")
    asked(mkb, draft)
    again = mkb.post("apply", "apply", **{**draft, "title": "WEEDS in images", "gpu_hours": "7"})
    assert again.status_code == 409
    assert "You asked for this already" in again.text
    asked(mkb, {**draft, "title": "Another"})
    with desk.database.transaction() as session:
        assert len(applications.of(session, Person("mkb"))) == 2


def test_ten_open_requests_are_enough(browser: Make, draft: dict[str, str]) -> None:
    """Nobody fills the operator's list."""
    mkb = browser("mkb")
    for number in range(10):
        asked(mkb, {**draft, "title": f"Number {number}"})
    answer = mkb.post("apply", "apply", **draft)
    assert answer.status_code == 409
    assert "ten open requests" in answer.text


def test_withdrawn_by_who_asked(browser: Make, draft: dict[str, str]) -> None:
    """Until somebody decided; an operator then reads that it was withdrawn."""
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, draft)
    assert beheer.post(f"{page}/withdrawal", page).status_code == 403
    assert mkb.post(f"{page}/withdrawal", page).status_code == 303
    answer = beheer.post(f"{page}/decision", page, approve="true", word="", version=1)
    assert answer.status_code == 409
    assert "mkb has withdrawn this request" in answer.text


def test_two_operators(browser: Make, draft: dict[str, str], desk: Desk) -> None:
    """The one who comes second reads who decided; the first decision stands."""
    mkb, beheer, chef = browser("mkb"), browser("beheer"), browser("chef")
    page = asked(mkb, draft)
    assert decide(chef, page, False, "No") == 303
    answer = beheer.post(f"{page}/decision", page, approve="true", word="Yes", version=1)
    assert answer.status_code == 409
    assert "chef has declined this request already" in answer.text
    assert list(desk.settings.projects_d.iterdir()) == []


def test_the_answer_to_a_refused_form_does_not_look_again(browser: Make, draft: dict[str, str]) -> None:
    """It would send the form again; the page itself, of a project that is put in place, does look."""
    mkb, beheer, chef = browser("mkb"), browser("beheer"), browser("chef")
    page = asked(mkb, draft)
    assert decide(chef, page, True) == 303
    answer = beheer.post(f"{page}/decision", page, approve="false", word="No", version=1)
    assert answer.status_code == 409
    assert "data-again" not in answer.text
    assert "refresh" not in answer.text
    assert 'data-again="10"' in beheer.get(page).text


def test_two_operators_in_the_same_moment(desk: Desk, draft: dict[str, str]) -> None:
    """Of many at once exactly one wins, and all others read that they did not."""
    with desk.database.transaction() as session:
        applications.submit(session, desk.settings, Person("mkb"), Draft.model_validate(draft), date.today())
    outcomes: list[str] = []

    def one(number: int) -> None:
        try:
            with desk.database.transaction() as session:
                found = applications.find(session, 1, Person("x", admin=True), desk.settings)
                decision = Decision(approve=number % 2 == 0, version=1)
                person = Person(f"op{number}", admin=True)
                applications.decide(session, desk.settings, found, person, decision, date.today())
            outcomes.append("won")
        except Refusal as refusal:
            outcomes.append(refusal.reason)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["decided"] * 7 + ["won"]


def test_who_is_no_operator_decides_nothing(browser: Make, draft: dict[str, str]) -> None:
    """Neither the applicant nor a teacher; and others do not even see a request."""
    mkb, docent = browser("mkb"), browser("docent")
    page = asked(mkb, draft)
    for person in (mkb, docent):
        assert person.get("requests").status_code == 403
        token_page = "applications"
        answer = person.post(f"{page}/decision", token_page, approve="true", version=1)
        assert answer.status_code == 403
    assert docent.get(page).status_code == 404
    assert mkb.get("applications/99").status_code == 404
    assert mkb.get("applications/99999999999999999999").status_code == 404


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"streams": ()}, "does not exist any more"),
        ({"most_gpu_hours": 399}, "99 GPU-hours a month left to give here, and this asks for 100"),
        ({"projects": {NAME: "regional"}}, "is there already"),
    ],
)
def test_what_cannot_be_given_any_more(
    browser: Make, draft: dict[str, str], desk: Desk, file: Path, change: dict[str, object], said: str
) -> None:
    """Approving it is refused with the reason; the request stays open."""
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, draft)
    file.write_text(settings(file.parent).model_copy(update=change).model_dump_json())
    answer = beheer.post(f"{page}/decision", page, approve="true", word="", version=1)
    assert answer.status_code == 409
    assert said in answer.text
    assert "Waits for a decision" in answer.text
    assert decide(beheer, page, False) == 303, "it can still be declined"


def test_hours_that_were_given_are_gone(browser: Make, draft: dict[str, str]) -> None:
    """A quarter of what the desk may give is the regional stream's; the last hour is given once."""
    mkb, beheer = browser("mkb"), browser("beheer")
    first = asked(mkb, {**draft, "gpu_hours": "1000"})
    second = asked(mkb, {**draft, "title": "One more", "gpu_hours": "1"})
    assert decide(beheer, first, True) == 303
    assert decide(beheer, second, True) == 409
    third = asked(mkb, {**draft, "title": "Elsewhere", "stream": "eurohpc", "gpu_hours": "2000"})
    assert decide(beheer, third, True) == 303


def test_a_day_that_passed_meanwhile(desk: Desk, draft: dict[str, str]) -> None:
    """A request that waited beyond its own last day is not approved."""
    with desk.database.transaction() as session:
        applications.submit(session, desk.settings, Person("mkb"), Draft.model_validate(draft), date.today())
    with desk.database.transaction() as session:
        found = applications.find(session, 1, Person("mkb"), desk.settings)
        later, yes = date.today() + timedelta(3), Decision(approve=True, version=1)
        with pytest.raises(Refusal) as refusal:
            applications.decide(session, desk.settings, found, Person("o"), yes, later)
    assert refusal.value.reason == "bad-day"


def test_a_desk_that_was_killed_before_it_wrote(browser: Make, draft: dict[str, str], desk: Desk) -> None:
    """The database is the truth: what is missing or was changed by hand is written at the next look."""
    mkb, beheer = browser("mkb"), browser("beheer")
    assert decide(beheer, asked(mkb, draft), True) == 303
    path = desk.settings.projects_d / f"{NAME}.toml"
    text = path.read_text()
    path.unlink()
    assert outbox.publish(desk.database, desk.settings.projects_d) == [NAME]
    path.write_text(text.replace("100", "100000"))
    assert outbox.publish(desk.database, desk.settings.projects_d) == [NAME]
    assert path.read_text() == text
    assert outbox.publish(desk.database, desk.settings.projects_d) == []
    assert [p.name for p in desk.settings.projects_d.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_written(browser: Make, draft: dict[str, str], desk: Desk) -> None:
    """The decision stands; the applicant sees that it is not in place, and the desk says it has trouble."""
    desk.settings.projects_d.rmdir()
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, draft)
    assert decide(beheer, page, True) == 303
    assert "is being put in place" in mkb.get(page).text
    assert browser().get("health").json() == {"status": "ok", "problems": ["outbox"]}


def test_slurm_away(browser: Make, draft: dict[str, str], fake_queue: FakeQueue) -> None:
    """Where it stands is said as far as it is known; no page fails."""
    fake_queue.away = True
    mkb, beheer = browser("mkb"), browser("beheer")
    page = asked(mkb, draft)
    assert decide(beheer, page, True) == 303
    assert "is put in place as soon as it does" in mkb.get(page).text


def test_the_desk_restarts(browser: Make, draft: dict[str, str], desk: Desk) -> None:
    """Who was signed in still is, and a request is where it was."""
    mkb = browser("mkb")
    page = asked(mkb, draft)
    mkb.client.app = create_app(desk, chores=False)
    assert "Weeds in images" in mkb.get(page).text


def test_the_desk_speaks_dutch(browser: Make, draft: dict[str, str]) -> None:
    """By the browser's language, and by the cookie that the Hub's pages set."""
    mkb = browser("mkb", language="nl")
    assert '<html lang="nl">' in mkb.get("apply").text
    assert "Waar is het voor?" in mkb.get("apply").text
    assert "regional (nl)" in mkb.get("apply").text
    mkb.client.cookies.set("werkplaats-language", "en")
    assert '<html lang="en">' in mkb.get("apply").text
