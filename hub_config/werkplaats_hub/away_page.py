"""The page that the proxy shows by itself, when what should answer does not: the Hub, the desk, a server.

It is a file, for nobody may be there to make it. The proxy knows nothing of its reader, so it is in
both languages, and says of each part what goes on without it; a few lines of script leave one of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template

from werkplaats_hub.facility import House
from werkplaats_spawners import language
from werkplaats_spawners.language import COOKIE, LANGUAGES, Language

_HERE = Path(__file__).parent


def away_page(look: House) -> str:
    """Return the page, in the facility's name and colours."""
    language.load(_HERE / "locale")
    return _template().render(look=look, tongues=lambda: _tongues(look.language), cookie=COOKIE)


def _tongues(first: Language) -> Iterator[Language]:
    for tongue in sorted(LANGUAGES, key=lambda other: other != first):
        with language.speaking(tongue):
            yield tongue


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"), extensions=["jinja2.ext.i18n"], autoescape=True
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        language.gettext, language.ngettext, newstyle=True
    )
    return environment.get_template("away.html")
