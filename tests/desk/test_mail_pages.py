"""``help/mail``: where somebody wants mail; ``mail``: what the operator sees of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.desk.conftest import Browser, settings
from tests.desk.mail_desk import ask, help_settings, outgoing

from werkplaats_desk import pace
from werkplaats_desk.centre.models import MailAddress, OutgoingMail
from werkplaats_desk.desk import Desk

Browsers = Callable[..., Browser]
ADDRESS = "mkb@people.example"


@pytest.fixture
def file(file: Path) -> Path:
    """The desk's settings, with an expertise centre that sends mail."""
    file.write_text(settings(file.parent, help=help_settings(file.parent)).model_dump_json())
    return file


def code_of(desk: Desk, name: str = "mkb") -> str:
    """Return the code in the last mail to somebody."""
    found = re.search(r"^    ([a-z2-7]{16})$", outgoing(desk, name)[-1].body, re.MULTILINE)
    assert found is not None
    return found[1]


def kept(desk: Desk, name: str = "mkb") -> MailAddress | None:
    """Return what the desk keeps of somebody's address."""
    with desk.database.transaction() as session:
        return session.get(MailAddress, name)


def test_an_address_is_given_confirmed_and_taken_away(desk: Desk, browser: Browsers) -> None:
    """Each step says what it is; nothing goes there before, and nothing after."""
    mkb = browser("mkb")
    assert "Send me a code" in mkb.get("help/mail").text
    assert mkb.post("help/mail", "help/mail", address=f" {ADDRESS} ").status_code == 303
    page = mkb.get("help/mail").text
    assert f"A mail with a code goes to {ADDRESS}" in page
    ask(desk, "mkb")
    assert [one.subject for one in outgoing(desk, "mkb")] == ["Your code"]
    code = code_of(desk)
    found = kept(desk)
    assert found is not None
    assert code not in (found.code, found.address)
    wrong = mkb.post("help/mail/code", "help/mail", code="a" * 16)
    assert (wrong.status_code, "This is not the code" in wrong.text) == (400, True)
    assert mkb.post("help/mail/code", "help/mail", code=f" {code[:8].upper()} {code[8:]}").status_code == 303
    assert f"Mail goes to {ADDRESS}." in mkb.get("help/mail").text
    ask(desk, "mkb")
    assert len(outgoing(desk, "mkb")) == 2
    assert mkb.post("help/mail/away", "help/mail").status_code == 303
    assert kept(desk) is None
    assert outgoing(desk, "mkb") == [], "what waited is not sent"


def test_a_code_is_one_persons_and_holds_once_and_for_a_day(desk: Desk, browser: Browsers) -> None:
    """Nobody confirms with another's, with one of before, or with none."""
    mkb, rijk = browser("mkb"), browser("rijk")
    mkb.post("help/mail", "help/mail", address=ADDRESS)
    rijk.post("help/mail", "help/mail", address=ADDRESS)
    code = code_of(desk)
    assert rijk.post("help/mail/code", "help/mail", code=code).status_code == 400
    with desk.database.transaction() as session:
        found = session.get(MailAddress, "mkb")
        assert found is not None
        found.asked_at -= 86401
    assert mkb.post("help/mail/code", "help/mail", code=code).status_code == 400
    mkb.post("help/mail", "help/mail", address="new@people.example")
    assert mkb.post("help/mail/code", "help/mail", code=code).status_code == 400
    assert mkb.post("help/mail/code", "help/mail", code=code_of(desk)).status_code == 303
    assert mkb.post("help/mail/code", "help/mail", code="").status_code == 400


def test_three_codes_a_day(desk: Desk, browser: Browsers) -> None:
    """The address may be somebody else's: a fourth is refused, and the third still holds."""
    mkb = browser("mkb")
    for n in range(3):
        assert mkb.post("help/mail", "help/mail", address=f"a{n}@people.example").status_code == 303
    refused = mkb.post("help/mail", "help/mail", address="a3@people.example")
    assert refused.status_code == 429
    assert "3 codes in a day" in refused.text
    assert len(outgoing(desk, "mkb")) == 3
    assert mkb.post("help/mail/code", "help/mail", code=code_of(desk)).status_code == 303
    assert browser("rijk").post("help/mail", "help/mail", address=ADDRESS).status_code == 303


def test_a_code_that_may_have_gone_out_counts(desk: Desk, browser: Browsers) -> None:
    """An address that is taken away while its code is under way makes no room for a fourth."""
    mkb = browser("mkb")
    for _n in range(3):
        assert mkb.post("help/mail", "help/mail", address=ADDRESS).status_code == 303
        with desk.database.transaction() as session:  # the thread that sends has it in hand
            for one in session.query(OutgoingMail).filter_by(state="waiting"):
                one.tries += 1
        mkb.post("help/mail/away", "help/mail")
    assert mkb.post("help/mail", "help/mail", address=ADDRESS).status_code == 429
    assert [(one.state, one.body) for one in outgoing(desk, "mkb")] == [("withdrawn", "")] * 3


def test_one_form_at_a_time(desk: Desk, browser: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who presses without end is told to wait."""
    monkeypatch.setattr(pace, "SECONDS", 60.0)
    mkb = browser("mkb")
    for _n in range(pace.MOST):
        desk.help_pace.require("mkb")
    for path in ("help/mail", "help/mail/code", "help/mail/away"):
        assert mkb.post(path, "help/mail", address=ADDRESS, code="a" * 16).status_code == 429, path
    assert outgoing(desk, "mkb") == []


@pytest.mark.parametrize(
    "address",
    ["", "mkb", "@people.example", "mkb@", "a@b@c.example", "mkb@people", "-x@people.example", "a@-b.example",
     "a@people.example\nBcc: b@c.example", "a@people.example, b@c.example", "<a@people.example>",
     "é@people.example", "a" * 65 + "@people.example", "a@" + "b" * 300 + ".example"],
)  # fmt: skip
def test_what_is_no_address_is_refused(desk: Desk, browser: Browsers, address: str) -> None:
    """With a sentence beside the field, and what was typed still in it."""
    page = browser("mkb").post("help/mail", "help/mail", address=address)
    assert page.status_code == 400
    assert "This is no mail address" in page.text
    assert outgoing(desk, "mkb") == []
    assert kept(desk) is None


def test_an_address_that_came_back_is_said(desk: Desk, browser: Browsers) -> None:
    """And can be given again."""
    with desk.database.transaction() as session:
        session.add(
            MailAddress(person="mkb", address=ADDRESS, code="", asked_at=1, confirmed_at=1, bounced_at=2)
        )
    mkb = browser("mkb")
    assert f"Mail to {ADDRESS} came back" in mkb.get("help/mail").text
    assert mkb.post("help/mail", "help/mail", address=ADDRESS).status_code == 303
    mkb.post("help/mail/code", "help/mail", code=code_of(desk))
    assert f"Mail goes to {ADDRESS}." in mkb.get("help/mail").text


def test_an_address_is_told_to_nobody_else(desk: Desk, browser: Browsers) -> None:
    """Not to an expert, not to an operator, and not to a page of somebody else's."""
    browser("mkb").post("help/mail", "help/mail", address=ADDRESS)
    with desk.database.transaction() as session:
        for one in session.query(OutgoingMail):
            one.state, one.error = "given-up", "550 said the server"
    for name, path in (("anna", "help/mail"), ("beheer", "mail"), ("rijk", "help/mail")):
        assert ADDRESS not in browser(name).get(path).text


def test_every_form_needs_its_token(desk: Desk, browser: Browsers) -> None:
    """A page elsewhere can send none of them in somebody's name."""
    mkb = browser("beheer")
    for path in ("help/mail", "help/mail/code", "help/mail/away", "mail/again"):
        sent = mkb.client.post(f"/services/desk/{path}", data={"address": ADDRESS}, follow_redirects=False)
        assert sent.status_code == 403, path
    assert outgoing(desk) == []


def test_who_is_not_signed_in_signs_in_first(browser: Browsers) -> None:
    """Both pages are for people who are known."""
    for path in ("help/mail", "mail"):
        assert "login" in browser().get(path).headers["location"]


def test_a_place_without_mail_says_so(file: Path, browser: Browsers) -> None:
    """Nobody fills a form in for nothing."""
    told = help_settings(file.parent)
    told["mail"] = None
    file.write_text(settings(file.parent, help=told).model_dump_json())
    page = browser("mkb").get("help/mail")
    assert page.status_code == 404
    assert "sends no mail" in page.text


def test_the_operator_sees_what_waits_and_sends_it_again(desk: Desk, browser: Browsers) -> None:
    """By whom, since when, and what the server said; nobody else sees it."""
    browser("mkb").post("help/mail", "help/mail", address=ADDRESS)
    with desk.database.transaction() as session:
        for one in session.query(OutgoingMail):
            one.state, one.tries, one.error, one.next_at = "given-up", 9, "554 5.7.1 <b>spam</b>", 0
    desk.problems["mail"] = "1 given up in the last four days"
    assert browser("mkb").get("mail").status_code == 403
    operator = browser("beheer")
    page = operator.get("mail").text
    assert "554 5.7.1 &lt;b&gt;spam" in page
    assert "1 given up in the last four days" in page
    assert operator.post("mail/again", "mail").status_code == 303
    (mail,) = outgoing(desk, "mkb")
    assert (mail.state, mail.tries) == ("waiting", 0)
    assert browser("mkb").post("mail/again", "help/mail").status_code == 403
