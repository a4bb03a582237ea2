"""``ask_for_help()``: what it begins with, shows, sends and says; ``send_question()`` beside it."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.widgets.corpus import Maker
from tests.widgets.fakes import JOB, SECRET, running
from tests.widgets.help_desk import EXPECTED, HelpDesk

from werkplaats_widgets import NoAnswer, ask_for_help, questions, send_question
from werkplaats_widgets.asking import Help
from werkplaats_widgets.gathering import stripped

PASSWORD = Maker(7).word()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HelpDesk]:
    """A desk, and this process as if it were a kernel of the platform's in which nothing went wrong."""
    found = HelpDesk()
    for name in ("last_exc", "last_value"):
        monkeypatch.delattr(sys, name, raising=False)
    with running(tmp_path, found) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
        monkeypatch.delenv("WERKPLAATS_LOG_FILE", raising=False)
        yield found


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something have gone wrong in a cell, with a password in it."""
    cell = f"password = '{PASSWORD}'\nprint(undefined_name)\n"
    import linecache

    name = "/tmp/ipykernel_17/1234.py"
    monkeypatch.setitem(linecache.cache, name, (len(cell), None, cell.splitlines(True), name))
    try:
        exec(compile(cell, name, "exec"), {})
    except NameError as error:
        monkeypatch.setattr(sys, "last_value", error, raising=False)


def press(shown: Help, does: str, **more: Any) -> None:
    """Send what the page sends."""
    shown._handle_custom_msg({"do": does, **more}, [])


FORM = {
    "subject": "Het werkt niet",
    "question": "Wat nu?",
    "topic": "python",
    "urgency": "high",
    "project": "bakery",
}


def preview(shown: Help, *kinds: str, **form: str) -> dict[str, dict[str, Any]]:
    """Press the button that shows what will be sent, and return that by kind."""
    press(shown, "preview", form={**FORM, **form}, attach=list(kinds))
    return {piece["kind"]: piece for piece in shown.pieces}


def send(shown: Help, **changed: Any) -> None:
    """Press the button that sends, with what was changed."""
    edits = [changed.pop(piece["kind"], None) for piece in shown.pieces]
    press(shown, "send", form=FORM, changed=edits, **changed)


def test_it_begins_with_the_last_error(desk: HelpDesk, wrong: None) -> None:
    """The subject is what it says; the error, the cell and the environment have their tick set."""
    shown = ask_for_help()
    assert shown.start["subject"] == "NameError: name 'undefined_name' is not defined"
    assert [(offer["kind"], offer["on"]) for offer in shown.offers] == [
        ("error", True),
        ("cell", True),
        ("environment", True),
    ]
    assert shown.trouble == ""
    assert [topic["title"] for topic in shown.about["topics"]] == ["Python en notebooks", "Mobiliteit"]
    assert SECRET not in json.dumps(shown.get_state(), default=str)


def test_without_an_error_it_is_empty(desk: HelpDesk) -> None:
    """Nothing is made up."""
    shown = ask_for_help()
    assert shown.start["subject"] == ""
    assert [offer["kind"] for offer in shown.offers if offer["kind"] in ("error", "notebook", "log")] == []


def test_everything_that_is_sent_was_shown(desk: HelpDesk, wrong: None) -> None:
    """Text for text; and the password is in none of them."""
    shown = ask_for_help()
    pieces = preview(shown, "error", "cell", "environment")
    assert shown.step == "preview"
    assert list(pieces) == ["subject", "question", "error", "cell", "environment"]
    assert pieces["cell"]["text"] == "password = '[removed: password]'\nprint(undefined_name)\n"
    assert "1 wachtwoord" in pieces["cell"]["taken"]
    assert "python 3." in pieces["environment"]["text"]
    assert f"job {JOB}" in pieces["environment"]["text"]
    assert desk.drafts == []
    send(shown)
    (draft,) = desk.drafts
    assert {one["kind"]: one["text"] for one in draft["attachments"]} == {
        kind: pieces[kind]["text"] for kind in ("error", "cell", "environment")
    }
    assert (draft["subject"], draft["question"], draft["job"], draft["language"]) == (
        "Het werkt niet",
        "Wat nu?",
        JOB,
        "nl",
    )
    assert (draft["topic"], draft["urgency"], draft["project"]) == ("python", "high", "bakery")
    assert PASSWORD not in json.dumps(draft)
    assert (shown.step, shown.sent["number"], shown.sent["expected_at"]) == ("sent", 41, EXPECTED)
    assert shown.sent["page"] == "/services/desk/help/41"


def test_what_somebody_changed_is_what_is_sent(desk: HelpDesk, wrong: None) -> None:
    """Without the secrets that they put back; what they left out does not go."""
    shown = ask_for_help()
    preview(shown, "error", "cell")
    send(shown, error=False, cell=f"api_key = '{Maker(3).some(30)}'  # mine", question="Anders.")
    (draft,) = desk.drafts
    assert [(one["kind"], one["text"]) for one in draft["attachments"]] == [
        ("cell", "api_key = '[removed: key]'  # mine")
    ]
    assert draft["question"] == "Anders."


def test_nothing_is_sent_that_was_not_shown(desk: HelpDesk) -> None:
    """A page that sends before it showed, or something else than was shown, is not heard."""
    shown = ask_for_help()
    press(shown, "send", form=FORM, changed=[])
    preview(shown)
    press(shown, "send", form=FORM, changed=[None])
    press(shown, "send", form="no", changed="no")
    press(shown, "nothing")
    assert shown.said.get("refusal") is not True
    shown._handle_custom_msg("send", [])
    assert desk.drafts == []


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"subject": " "}, "Onderwerp"),
        ({"question": ""}, "Je vraag"),
        ({"topic": ""}, "Waar gaat het over"),
        ({"question": "x" * 20_001}, "te lang"),
    ],
)
def test_what_is_missing_is_said(desk: HelpDesk, form: dict[str, str], words: str) -> None:
    """Before anything is shown or sent."""
    shown = ask_for_help()
    preview(shown, **form)
    assert (shown.step, shown.said["refusal"]) == ("form", True)
    assert words in shown.said["text"]


def test_a_desk_that_is_away(desk: HelpDesk) -> None:
    """A sentence; what is shown stays, and sent again it is the same question."""
    shown = ask_for_help()
    preview(shown, "environment")
    desk.away = True
    send(shown)
    assert shown.step == "preview"
    assert "geeft nu geen antwoord" in shown.said["text"]
    desk.away, desk.lost = False, True
    send(shown)
    assert shown.step == "preview"
    send(shown)
    assert shown.step == "sent"
    assert len({draft["key"] for draft in desk.drafts}) == 1
    assert (len(desk.drafts), len(desk.tickets)) == (2, 1)
    press(shown, "back")
    preview(shown)
    send(shown)
    assert len(desk.tickets) == 2


def test_no_help_here(desk: HelpDesk) -> None:
    """The desk's own sentence, and no form."""
    desk.no_help = True
    shown = ask_for_help()
    assert "expertisecentrum" in shown.trouble
    assert (shown.about, repr(shown)) == ({}, shown.trouble)


def test_outside_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence, in place of a form."""
    monkeypatch.delenv("WERKPLAATS_DESK_URL", raising=False)
    monkeypatch.setenv("WERKPLAATS_LANGUAGE", "en")
    assert "only in a server of the platform" in repr(ask_for_help())
    with pytest.raises(NoAnswer, match="only in a server"):
        questions()


@pytest.mark.parametrize("known_by", ["desk", "mounts"])
def test_a_restricted_dataset(desk: HelpDesk, wrong: None, known_by: str) -> None:
    """It is said; with something attached a tick is needed, which goes to the desk."""
    if known_by == "desk":
        desk.restricted = True
    else:
        desk.mounted["cohort"] = {"dataset": "cohort", "version": "1", "path": "/data/cohort", "alone": True}
    shown = ask_for_help()
    assert shown.about["restricted"] is True
    preview(shown, "error")
    send(shown)
    assert desk.drafts == []
    assert "vinkje" in shown.said["text"]
    send(shown, acknowledged=True)
    assert desk.drafts[0]["acknowledged"] is True


def test_a_restricted_dataset_of_which_the_desk_alone_knows(desk: HelpDesk, wrong: None) -> None:
    """Its refusal is said, and brings the tick."""
    desk.restricted, desk.about = True, {"restricted": False}
    shown = ask_for_help()
    preview(shown, "error")
    send(shown)
    assert "beperkte dataset" in shown.said["text"]
    assert (shown.step, shown.about["restricted"]) == ("preview", True)
    send(shown, acknowledged=True)
    assert shown.step == "sent"


def test_without_attachments_no_tick_is_needed(desk: HelpDesk) -> None:
    """A question alone is somebody's own words."""
    desk.restricted = True
    shown = ask_for_help()
    preview(shown)
    send(shown)
    assert shown.step == "sent"


def notebook(path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None = None) -> None:
    """Put a notebook where this kernel has it."""
    cells = [
        {
            "cell_type": "code",
            "source": ["1"],
            "metadata": {},
            "execution_count": 3,
            "outputs": [{"text": f"password={PASSWORD}"}],
        }
    ]
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}) if text is None else text)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))


def test_the_notebook(desk: HelpDesk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not ticked by itself; without what its cells printed, or with it and without its secrets."""
    notebook(tmp_path / "work.ipynb", monkeypatch)
    shown = ask_for_help()
    assert {"kind": "notebook", "on": False} in shown.offers
    found = preview(shown, "notebook")["notebook"]
    assert found["name"] == "work.ipynb"
    assert json.loads(found["text"])["cells"][0]["outputs"] == []
    press(shown, "back")
    press(shown, "preview", form=FORM, attach=["notebook"], outputs=True)
    assert json.loads(shown.pieces[-1]["text"])["cells"][0]["outputs"] == [
        {"text": "password=[removed: password]"}
    ]


def test_a_notebook_that_is_no_json(desk: HelpDesk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is said, and goes along as a file."""
    notebook(tmp_path / "broken.ipynb", monkeypatch, '{"cells": [')
    shown = ask_for_help()
    found = preview(shown, "notebook")["file"]
    assert "geen leesbaar notebook" in found["taken"]
    send(shown)
    assert desk.drafts[0]["attachments"] == [{"kind": "file", "name": "broken.ipynb", "text": '{"cells": ['}]


def test_a_notebook_of_200_megabytes(desk: HelpDesk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is refused before it is read, with what to do; without its outputs it can go."""
    cell = {"cell_type": "code", "source": ["1"], "metadata": {}, "execution_count": 3}
    big = json.dumps({"cells": [{**cell, "outputs": [{"text": "x" * 200_000_000}]}], "nbformat": 4})
    notebook(tmp_path / "big.ipynb", monkeypatch, big)
    shown = ask_for_help()
    press(shown, "preview", form=FORM, attach=["notebook"], outputs=True)
    assert (shown.step, shown.pieces) == ("form", [])
    assert shown.said["text"] == "Het notebook is 200 MB; hooguit 8 MB kan mee. Stuur het mee zonder uitvoer."
    press(shown, "preview", form=FORM, attach=["notebook"], outputs=False)
    assert shown.step == "preview"
    assert len(shown.pieces[-1]["text"]) < 1000
    source = {**cell, "source": ["x" * 9_000_000], "outputs": []}
    notebook(tmp_path / "code.ipynb", monkeypatch, json.dumps({"cells": [source]}))
    press(shown, "back")
    press(shown, "preview", form=FORM, attach=["notebook"], outputs=False)
    assert "Stuur alleen de cel mee" in shown.said["text"]


@pytest.mark.parametrize(
    "text", ["", "no", "[]", "3", '{"cells": 3}', '{"cells": [3]}', "[" * 100_000, "\ud800"]
)
def test_whatever_is_called_a_notebook(text: str) -> None:
    """Taking the outputs out never fails."""
    assert isinstance(stripped(text), str)


def test_the_log(desk: HelpDesk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its last lines, where this server has one; a log that is gone meanwhile is said."""
    log = tmp_path / "server-17.log"
    log.write_text("".join(f"line {n} token={Maker(n).hexes(40)}\n" for n in range(5000)))
    monkeypatch.setenv("WERKPLAATS_LOG_FILE", str(log))
    shown = ask_for_help()
    found = preview(shown, "log")["log"]["text"].splitlines()
    assert (len(found), found[-1]) == (200, "line 4999 token=[removed: token]")
    log.unlink()
    press(shown, "back")
    assert "log" not in preview(shown, "log")
    assert "niet te lezen" in shown.said["text"]


def test_an_error_that_labs_page_saw(desk: HelpDesk, tmp_path: Path) -> None:
    """It comes as base64 of JSON, colours and all; what is not so is nothing."""
    told = {
        "subject": "",
        "text": "\x1b[31mValueError\x1b[0m: oei\nat x",
        "cell": "f()",
        "notebook": str(tmp_path / "x.ipynb"),
    }
    (tmp_path / "x.ipynb").write_text('{"cells": []}')
    shown = ask_for_help(seen_error=base64.b64encode(json.dumps(told).encode()).decode())
    assert shown.start["subject"] == "ValueError: oei"
    assert preview(shown, "error")["error"]["text"] == "ValueError: oei\nat x"
    assert "notebook" in [offer["kind"] for offer in shown.offers]
    for bad in ("no", "e30", base64.b64encode(b"[1]").decode(), base64.b64encode(b'{"text": 3}').decode()):
        assert "error" not in [offer["kind"] for offer in ask_for_help(seen_error=bad).offers]


def test_control_characters(desk: HelpDesk) -> None:
    """They are shown as unknown, and refuse nothing."""
    shown = ask_for_help()
    preview(shown, question="a\x00b\x1b[31mc\ud800")
    send(shown)
    assert desk.drafts[0]["question"] == "a\ufffdb\ufffd[31mc\ufffd"


def test_following(desk: HelpDesk) -> None:
    """The person's questions, one of them read, answered and closed; what is none of theirs is not asked."""
    shown = ask_for_help()
    preview(shown)
    send(shown)
    desk.say(41, "Probeer dit:\n```\nimport x\n```")
    press(shown, "list")
    assert [(row["number"], row["state"], row["unread"]) for row in shown.tickets] == [(41, "answered", True)]
    press(shown, "open", number=41)
    assert [message["role"] for message in shown.opened["messages"]] == ["person", "expert"]
    assert shown.tickets[0]["unread"] is False
    press(shown, "reply", number=41, text=" ")
    assert "Je antwoord" in shown.noted["text"]
    press(shown, "reply", number=41, text=f"Het wachtwoord is {PASSWORD}")
    assert shown.opened["messages"][-1]["body"] == "Het wachtwoord is [removed: password]"
    press(shown, "close", number=41)
    assert (shown.tickets[0]["state"], shown.opened) == ("closed", {})
    asked = len(desk.asked)
    for number in (99, "41", None, True, "../x"):
        press(shown, "open", number=number)
    assert len(desk.asked) == asked
    assert "41: Het werkt niet (gesloten)" in repr(shown)
    assert [one.number for one in questions()] == [41]


def test_a_reply_that_got_lost(desk: HelpDesk) -> None:
    """Sent again it is the same one."""
    shown = ask_for_help()
    preview(shown)
    send(shown)
    press(shown, "open", number=41)
    desk.away = True
    press(shown, "reply", number=41, text="Dank")
    assert "geen antwoord" in shown.noted["text"]
    desk.away = False
    press(shown, "reply", number=41, text="Dank")
    keys = [body["key"] for method, path, body in desk.asked if path.endswith("/messages")]
    assert (len(keys), len(set(keys))) == (2, 1)


def test_whether_help_is_offered(desk: HelpDesk) -> None:
    """Asked once, kept at the desk, and changed here."""
    shown = ask_for_help()
    assert shown.offering == "unasked"
    press(shown, "offering", wanted="perhaps")
    press(shown, "offering", wanted="yes")
    assert (desk.wanted, shown.offering, ask_for_help().offering) == ("yes", "yes", "yes")
    desk.away = True
    press(shown, "offering", wanted="no")
    assert (desk.wanted, shown.offering) == ("yes", "yes")
    assert shown.noted["refusal"] is True


def test_a_program_asks(desk: HelpDesk, wrong: None) -> None:
    """Without a page: what it names is attached, without its secrets."""
    sent = send_question("Het werkt niet", f"password={PASSWORD}", "python", attach=("cell",))
    assert (sent.number, sent.page) == (41, "/services/desk/help/41")
    assert PASSWORD not in json.dumps(desk.drafts)
    assert [one["kind"] for one in desk.drafts[0]["attachments"]] == ["cell"]
    desk.restricted = True
    with pytest.raises(NoAnswer, match="beperkte dataset"):
        send_question("Nog eens", "x", "python", attach=("cell",))


@pytest.mark.parametrize("answer", [[], {}, {"topics": "no"}, {"topics": [{"name": 3}]}, "no"])
def test_a_desk_that_answers_nonsense(desk: HelpDesk, answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence."""
    monkeypatch.setattr(desk, "answer", lambda *_: (200, answer))
    assert "geeft nu geen antwoord" in ask_for_help().trouble
