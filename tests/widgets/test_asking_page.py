"""The form in a real browser: what is shown, by keyboard, in both languages, light and dark."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browsers import chromium, screenshots, unreadable
from tests.widgets import pages
from tests.widgets.corpus import Maker
from tests.widgets.fakes import running
from tests.widgets.help_desk import HelpDesk

from werkplaats_widgets import ask_for_help
from werkplaats_widgets.asking import Help
from werkplaats_widgets.help_words import HELP
from werkplaats_widgets.trouble import of

PASSWORD = Maker(7).word()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the widget's files."""
    with pages.files() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HelpDesk]:
    """A desk, and a kernel in which something went wrong, with a password in it."""
    found = HelpDesk()
    try:
        raise ValueError(f"no answer from https://jan:{PASSWORD}@db.example.org/x")
    except ValueError as error:
        monkeypatch.setattr(sys, "last_value", error, raising=False)
    with running(tmp_path, found) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
        yield found


def opened(browser: Browser, address: str, shown: Help, *, dark: bool = False, width: int = 900) -> Page:
    """Open the widget in a window of its own."""
    page = browser.new_context(viewport={"width": width, "height": 1000}).new_page()
    page.set_default_timeout(10_000)
    pages.show(page, address, shown, dark=dark)
    return page


def seen(page: Page, name: str) -> None:
    """Keep a picture of a page, and see that everybody can read it."""
    page.screenshot(path=screenshots("help") / f"{name}.png", full_page=True)
    assert unreadable(page) == []


@pytest.mark.parametrize("language", ["nl", "en"])
def test_from_an_error_to_a_number(
    desk: HelpDesk, browser: Browser, address: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filled in, all of it shown, changed, sent as it was left; the answer comes in the same place."""
    monkeypatch.setenv("WERKPLAATS_LANGUAGE", language)
    words = HELP[language]
    page = opened(browser, address, ask_for_help(), dark=language == "en")
    subject = page.get_by_label(words["subject"])
    expect(subject).to_have_value("ValueError: no answer from https://[removed: password]@db.example.org/x")
    page.get_by_label(words["question"]).fill("Wat doe ik fout?")
    page.get_by_label(words["topic"]).select_option("python")
    page.get_by_label(words["urgency"]).select_option("high")
    seen(page, f"form-{language}")
    page.get_by_role("button", name=words["see"]).click()
    expect(page.get_by_role("heading", name=words["preview"])).to_be_focused()
    assert desk.drafts == []
    areas = page.locator(".wp-help-piece textarea")
    expect(areas).to_have_count(4)
    texts = [area.input_value() for area in areas.all()]
    assert PASSWORD not in "".join(texts)
    assert texts[0] == "ValueError: no answer from https://[removed: password]@db.example.org/x"
    expect(page.locator('[data-kind="error"] .wp-help-taken')).to_contain_text("1")
    environment = page.locator('[data-kind="environment"] textarea')
    environment.fill(f"python 3\ntoken = '{Maker(1).some(20)}'")
    expect(page.locator('[data-kind="environment"] .wp-help-taken')).to_contain_text(words["changed"])
    seen(page, f"preview-{language}")
    page.get_by_role("button", name=words["send"], exact=True).click()
    expect(page.get_by_role("heading", name=words["sent"].format(number=41))).to_be_focused()
    (draft,) = desk.drafts
    sent = {one["kind"]: one["text"] for one in draft["attachments"]}
    assert sent == {"error": texts[2], "environment": "python 3\ntoken = '[removed: token]'"}
    assert [draft["subject"], draft["question"]] == texts[:2]
    link = page.get_by_role("link", name=words["follow"])
    expect(link).to_have_attribute("href", "/services/desk/help/41")
    seen(page, f"sent-{language}")
    desk.say(41, "Probeer dit:\n```python\nprint(1)\n```\n<b>Lukt dat?</b>")
    page.get_by_role("button", name=words["again"]).click()
    expect(page.locator(".wp-help-tickets")).to_contain_text(words["unread"])
    page.get_by_role("button", name=f"{words['open']}: 41").click()
    expect(page.locator(".wp-help-message pre")).to_have_text("print(1)")
    expect(page.locator(".wp-help-message").last).to_contain_text("<b>Lukt dat?</b>")
    page.get_by_label(words["reply"]).fill("Ja!")
    seen(page, f"conversation-{language}")
    page.get_by_role("button", name=words["reply_send"]).click()
    expect(page.locator(".wp-help-message")).to_have_count(3)
    expect(page.get_by_label(words["reply"])).to_have_value("")
    page.get_by_role("button", name=words["offering_yes"]).click()
    expect(page.get_by_text(words["offering_is_yes"])).to_be_visible()
    assert desk.wanted == "yes"
    page.context.close()


def test_with_the_keyboard_alone(desk: HelpDesk, browser: Browser, address: str) -> None:
    """From the first field to the number, with no pointer."""
    page = opened(browser, address, ask_for_help())
    page.get_by_label("Onderwerp").focus()
    press = page.keyboard.press
    for keys in ("Tab", "w", "a", "t", "?", "Tab", "p", "Tab", "Tab", "Tab", "Tab", "Space", "Tab"):
        press(keys)
    at = "document.activeElement.dataset.key"
    for _ in range(6):
        if page.evaluate(at) == "see":
            break
        press("Tab")
    press("Enter")
    expect(page.get_by_role("heading", name="Dit wordt verstuurd")).to_be_focused()
    for _ in range(20):
        press("Tab")
        if page.evaluate(at) == "send":
            break
    press("Enter")
    expect(page.get_by_role("heading", name="Het nummer is 41")).to_be_focused()
    assert desk.drafts[0]["question"] == "wat?"
    page.context.close()


def test_a_desk_that_is_away_takes_nothing(desk: HelpDesk, browser: Browser, address: str) -> None:
    """What was typed and changed stands there still, and goes with the next press, once."""
    page = opened(browser, address, ask_for_help(question="Wat nu?", topic="python"))
    page.get_by_role("button", name="Bekijk wat er").click()
    question = page.locator('[data-kind="question"] textarea')
    question.fill("Wat nu, precies?")
    desk.away = True
    page.get_by_role("button", name="Verstuur", exact=True).click()
    expect(page.get_by_text("geeft nu geen antwoord")).to_be_visible()
    expect(question).to_have_value("Wat nu, precies?")
    seen(page, "away-nl")
    desk.away = False
    page.get_by_role("button", name="Terug naar de vraag").click()
    expect(page.get_by_label("Je vraag")).to_have_value("Wat nu, precies?")
    page.get_by_role("button", name="Bekijk wat er").click()
    page.get_by_role("button", name="Verstuur", exact=True).click()
    expect(page.get_by_role("heading", name="Het nummer is 41")).to_be_visible()
    assert desk.drafts[0]["question"] == "Wat nu, precies?"
    page.context.close()


def test_a_restricted_dataset_is_warned_of(desk: HelpDesk, browser: Browser, address: str) -> None:
    """At the ticks, and once more where it is sent; without the tick nothing goes, or with nothing along."""
    desk.restricted = True
    page = opened(browser, address, ask_for_help(question="Wat nu?", topic="python"))
    expect(page.locator("fieldset")).to_contain_text("beperkte dataset")
    page.get_by_role("button", name="Bekijk wat er").click()
    page.get_by_role("button", name="Verstuur", exact=True).click()
    expect(page.get_by_text("Zet eerst het vinkje")).to_be_visible()
    assert desk.drafts == []
    seen(page, "restricted-nl")
    page.get_by_label("Ik heb het nagekeken").check()
    page.locator('[data-kind="error"]').get_by_role("button", name="Niet meesturen").click()
    page.get_by_role("button", name="Verstuur", exact=True).click()
    expect(page.get_by_role("heading", name="Het nummer is 41")).to_be_visible()
    assert [one["kind"] for one in desk.drafts[0]["attachments"]] == ["environment"]
    page.context.close()


def test_a_restricted_dataset_of_which_the_desk_alone_knows(
    desk: HelpDesk, browser: Browser, address: str
) -> None:
    """The warning and its tick come with the refusal; what was changed stays."""
    desk.restricted, desk.about = True, {"restricted": False}
    page = opened(browser, address, ask_for_help(question="Wat nu?", topic="python"))
    page.get_by_role("button", name="Bekijk wat er").click()
    tick = page.get_by_label("Ik heb het nagekeken")
    expect(tick).to_be_hidden()
    page.locator('[data-kind="question"] textarea').fill("En nu?")
    page.get_by_role("button", name="Verstuur", exact=True).click()
    tick.check()
    page.get_by_role("button", name="Verstuur", exact=True).click()
    expect(page.get_by_role("heading", name="Het nummer is 41")).to_be_visible()
    assert [draft["question"] for draft in desk.drafts] == ["En nu?", "En nu?"]
    page.context.close()


def test_nothing_that_somebody_wrote_is_run(desk: HelpDesk, browser: Browser, address: str) -> None:
    """Not a subject, a question, a topic, an answer or a name: all of it is text."""
    bad = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
    desk.about = {
        "topics": [{"name": "python", "title": {"nl": bad, "en": bad}, "kind": bad}],
        "projects": [bad, "b"],
    }
    page = opened(browser, address, ask_for_help(subject=bad, question=bad, topic="python"), width=390)
    page.get_by_role("button", name="Bekijk wat er").click()
    page.get_by_role("button", name="Verstuur", exact=True).click()
    desk.say(41, bad + "\n```\n" + bad + "\n```")
    desk.tickets[41].update(subject=bad, state=bad)
    page.get_by_role("button", name="Ververs").click()
    page.locator('[data-key="ticket-41"]').click()
    expect(page.locator(".wp-help-message")).to_have_count(2)
    assert page.evaluate("window.hit") is None
    assert page.locator(".wp-help img, .wp-help script").count() == 0
    seen(page, "text-nl")
    page.context.close()


def test_an_offer(desk: HelpDesk, browser: Browser, address: str) -> None:
    """Three answers: a form that is filled in, nothing now, and never again."""
    wrong = of(ValueError("oei"))
    page = opened(browser, address, Help(wrong, {}, offered=True))
    assert desk.asked == []
    seen(page, "offer-nl")
    page.get_by_role("button", name="Vraag een expert").click()
    expect(page.get_by_label("Onderwerp")).to_have_value("ValueError: oei")
    page.context.close()
    page = opened(browser, address, Help(wrong, {}, offered=True))
    page.get_by_role("button", name="Niet nu").click()
    expect(page.get_by_text("Met ask_for_help() kun je")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    page.context.close()
    page = opened(browser, address, Help(wrong, {}, offered=True))
    page.get_by_role("button", name="Niet meer aanbieden").click()
    expect(page.get_by_text("dat gebeurt niet meer")).to_be_visible()
    assert desk.wanted == "no"
    page.context.close()


def test_a_page_that_is_closed_listens_no_more(desk: HelpDesk, browser: Browser, address: str) -> None:
    """A cell that is run again leaves nothing behind."""
    page = opened(browser, address, ask_for_help())
    assert page.evaluate("window.listeners()") > 0
    page.evaluate("window.end()")
    assert page.evaluate("window.listeners()") == 0
    assert json.dumps(desk.drafts) == "[]"
    page.context.close()
