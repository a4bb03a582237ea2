"""In which language a sentence is said: Dutch or English, for the person who asked.

The language of a request lives in a context variable, so that a refusal deep inside the spawner
speaks to the person who caused it. Message ids are the English sentences (gettext's custom); a
catalogue that :func:`load` has read turns them into Dutch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final, Literal, get_args

Language = Literal["nl", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
COOKIE: Final = "werkplaats-language"

_current: ContextVar[Language] = ContextVar("language", default="nl")
_catalogues: dict[Language, Mapping[str, str]] = {}


def load(folder: Path) -> None:
    """Read the catalogues ``<folder>/<language>/LC_MESSAGES/werkplaats.po``.

    The ``.po`` text itself is read at start (a few hundred lines), so that no compiled file has
    to be built or shipped.
    """
    from babel.messages.pofile import read_po  # only the Hub needs Babel

    for language in LANGUAGES:
        path = folder / language / "LC_MESSAGES" / "werkplaats.po"
        if path.is_file():
            with path.open("rb") as file:
                messages = read_po(file, locale=language)
            _catalogues[language] = {
                one: other
                for message in messages
                if message.id and not message.fuzzy
                for one, other in zip(_forms(message.id), _forms(message.string or ""), strict=True)
                if other
            }


def _forms(text: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return singular and plural, or the one form of a message that has no plural."""
    return (text,) if isinstance(text, str) else tuple(text)


def gettext(message: str) -> str:
    """Return `message` in the current language; the message itself where there is none."""
    return _catalogues.get(_current.get(), {}).get(message, message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the singular for one, the plural otherwise (Dutch and English agree on that)."""
    return gettext(singular if number == 1 else plural)


def current() -> Language:
    """Return the language in which the person of this request reads."""
    return _current.get()


def speak(language: Language) -> None:
    """Set the language for the rest of this context (one request, one task)."""
    _current.set(language)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Speak `language` within a ``with`` block."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def negotiate(cookie: str | None, accept: str | None, default: Language) -> Language:
    """Choose a language: the person's own choice, then the browser's, then the facility's.

    Parameters
    ----------
    cookie
        The value of the cookie :data:`COOKIE`, if there is one.
    accept
        The header ``Accept-Language`` (RFC 9110, 12.5.4), if there is one.
    default
        What the facility speaks.
    """
    for choice in (cookie, *_preferences(accept or "")):
        for language in LANGUAGES:
            if choice is not None and choice.lower().split("-")[0] == language:
                return language
    return default


def _preferences(accept: str) -> list[str]:
    """Return the language tags of an ``Accept-Language`` header, most wanted first."""
    weighted = []
    for part in accept.split(","):
        tag, _, quality = part.replace(" ", "").partition(";q=")
        try:
            weighted.append((float(quality or 1), tag.strip()))
        except ValueError:
            continue
    return [tag for weight, tag in sorted(weighted, key=lambda w: -w[0]) if weight > 0]
