"""In which language a person is spoken to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from werkplaats_spawners import language
from werkplaats_spawners.language import current, gettext, negotiate, ngettext, speak, speaking

CATALOGUE = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgid "Good morning"
msgstr "Goedemorgen"

#, fuzzy
msgid "Good evening"
msgstr "Goedenavond?"

msgid "Not yet translated"
msgstr ""
"""


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a small catalogue, and a Dutch reader."""
    monkeypatch.setattr(language, "_catalogues", {})
    folder = tmp_path / "nl" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "werkplaats.po").write_text(CATALOGUE, encoding="utf-8")
    language.load(tmp_path)
    with speaking("nl"):
        yield


@pytest.mark.parametrize(
    ("cookie", "accept", "expected"),
    [
        (None, None, "nl"),
        (None, "", "nl"),
        ("en", None, "en"),
        ("en", "nl", "en"),
        ("fr", "en", "en"),
        ("", "en", "en"),
        ("nl\r\nx", "en", "en"),
        (None, "en-GB,en;q=0.9,nl;q=0.8", "en"),
        (None, "nl-BE", "nl"),
        (None, "NL", "nl"),
        (None, "en;q=0.5,nl;q=0.9", "nl"),
        (None, "de,fr;q=0.9,en;q=0.1", "en"),
        (None, "de", "nl"),
        (None, "en;q=0", "nl"),
        (None, "en;q=much,nl;q=0.1", "nl"),
        (None, "*", "nl"),
        (None, "english", "nl"),
        (None, ";;q=,,;q=1", "nl"),
    ],
)
def test_negotiation(cookie: str | None, accept: str | None, expected: str) -> None:
    """The person's own choice goes first, then the browser's by weight, then the facility's."""
    assert negotiate(cookie, accept, "nl") == expected


def test_the_facility_decides_last() -> None:
    """Someone who asks for neither language gets the facility's."""
    assert negotiate(None, "de", "en") == "en"


@pytest.mark.usefixtures("catalogue")
def test_sentences_are_said_in_the_readers_language() -> None:
    """A message is its own English; the catalogue has the Dutch."""
    assert gettext("Good morning") == "Goedemorgen"
    with speaking("en"):
        assert gettext("Good morning") == "Good morning"


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("message", ["Good evening", "Not yet translated", "Never heard of"])
def test_what_is_not_surely_translated_stays_english(message: str) -> None:
    """A doubtful or missing translation is never shown."""
    assert gettext(message) == message


@pytest.mark.parametrize(("number", "expected"), [(0, "jobs"), (1, "job"), (2, "jobs")])
def test_plurals(number: int, expected: str) -> None:
    """One is singular; nought and many are plural."""
    assert ngettext("job", "jobs", number) == expected


def test_a_language_lasts_as_long_as_its_block() -> None:
    """After the block, also one that failed, the reader's language is what it was."""
    before = current()
    with speaking("en"):
        assert current() == "en"
    assert current() == before
    with pytest.raises(ZeroDivisionError), speaking("en"):
        raise ZeroDivisionError
    assert current() == before


def test_tasks_do_not_hear_each_other() -> None:
    """What one request speaks, no other request hears, however their work is interleaved."""

    async def request(chosen: language.Language) -> str:
        speak(chosen)
        await asyncio.sleep(0.01)
        return current()

    async def many(chosen: list[language.Language]) -> list[str]:
        return await asyncio.gather(*[asyncio.create_task(request(each)) for each in chosen])

    everyone: list[language.Language] = ["nl", "en"] * 20
    assert asyncio.run(many(everyone)) == everyone


def test_a_folder_without_catalogues_is_no_error(tmp_path: Path) -> None:
    """English needs no catalogue, and a missing one is only a missing translation."""
    language.load(tmp_path)
