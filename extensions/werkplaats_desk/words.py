"""In which language a page is said; the catalogue is the Hub's own, read from where it lies.

The desk imports nothing of the Hub's, so what is said here twice is how a language is chosen: the
cookie that the Hub's pages set, then ``Accept-Language``, then what the facility speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Final, Literal, get_args

from babel.messages.pofile import read_po
from pydantic import BaseModel, ConfigDict

Language = Literal["nl", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
COOKIE: Final = "werkplaats-language"

_current: ContextVar[Language] = ContextVar("desk-language", default="nl")
_dutch: dict[str, str] = {}


class Words(BaseModel):
    """One text in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nl: str
    en: str

    def __str__(self) -> str:
        return self.nl if current() == "nl" else self.en


def load(locale: Path) -> None:
    """Read the Dutch catalogue below a folder; without one everything is said in English."""
    path = locale / "nl" / "LC_MESSAGES" / "werkplaats.po"
    if path.is_file():
        with path.open("rb") as file:
            messages = read_po(file, locale="nl")
        _dutch.update(_pairs((message.id, message.string) for message in messages if message.id))


def _pairs(messages: object) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for one, other in messages:  # type: ignore[attr-defined]  # Babel's messages are not typed
        ids, strings = (([x] if isinstance(x, str) else list(x)) for x in (one, other))
        found.update((i, s) for i, s in zip(ids, strings, strict=False) if s)
    return found


def gettext(message: str) -> str:
    """Return `message` in the reader's language."""
    return _dutch.get(message, message) if current() == "nl" else message


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the singular for one, the plural otherwise."""
    return gettext(singular if number == 1 else plural)


def current() -> Language:
    """Return the reader's language."""
    return _current.get()


def speak(language: Language) -> None:
    """Set the language for the rest of this context: one request."""
    _current.set(language)


def negotiate(cookie: str | None, accept: str, default: Language) -> Language:
    """Choose a language.

    >>> negotiate(None, "de, en;q=0.8, nl;q=0.3", "nl"), negotiate("nl", "en", "en")
    ('en', 'nl')
    """
    wanted = [cookie or "", *sorted_tags(accept)]
    for tag in wanted:
        for language in LANGUAGES:
            if tag.lower().split("-")[0] == language:
                return language
    return default


def sorted_tags(accept: str) -> list[str]:
    """Return the tags of ``Accept-Language`` (RFC 9110, 12.5.4), the most wanted first."""
    weighted: list[tuple[float, str]] = []
    for part in accept[:500].split(","):
        tag, _, quality = part.replace(" ", "").partition(";q=")
        try:
            weighted.append((float(quality or 1), tag))
        except ValueError:
            continue
    return [tag for weight, tag in sorted(weighted, key=lambda pair: -pair[0]) if weight > 0]
