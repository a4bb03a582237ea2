"""Pages: templates in the reader's language, in the same style as the Hub's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from babel.dates import format_date
from babel.numbers import format_decimal
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from werkplaats_datasets.record import Words
from werkplaats_desk import signin, words
from werkplaats_desk.centre.text import as_html
from werkplaats_desk.desk import desk_of
from werkplaats_desk.people import Person

_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
HERE: Final = Path(__file__).parent / "static"


def number(value: float) -> str:
    """Return a number as the reader writes it, with a decimal at most."""
    return format_decimal(round(value, 1), format="#,##0.#", locale=words.current())


def day(value: date) -> str:
    """Return a day in the reader's words."""
    return format_date(value, "d MMMM y", locale=words.current())


def month(value: str) -> str:
    """Return ``2026-11`` in the reader's words."""
    return format_date(date.fromisoformat(value + "-01"), "MMMM y", locale=words.current())


def moment(seconds: float) -> str:
    """Return a Unix time as ISO 8601, for ``<time datetime>``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def clock(seconds: float) -> str:
    """Return a Unix time as people read it without JavaScript, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def size(value: int) -> str:
    """Return a number of bytes as the reader writes it."""
    scaled, unit = float(value), 0
    while scaled >= 1000 and unit < len(_UNITS) - 1:
        scaled, unit = scaled / 1000, unit + 1
    return f"{number(scaled)} {_UNITS[unit]}"


def said(both: Words) -> str:
    """Return what a record says, in the reader's language."""
    return both.nl if words.current() == "nl" else both.en


@cache
def version(path: Path) -> str:
    """Return what tells one version of a static file from another."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("werkplaats_desk"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        words.gettext, words.ngettext, newstyle=True
    )
    environment.filters.update(
        number=number,
        day=day,
        month=month,
        moment=moment,
        clock=clock,
        quoted=quote,
        size=size,
        said=said,
        as_html=as_html,
    )
    return environment


_TEMPLATES: Final = _environment()


def render(
    request: Request, name: str, person: Person | None, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(_TEMPLATES.get_template(name).render(**_known(request, person), **values), status)


def parts(request: Request, name: str, person: Person | None, **values: Any) -> Iterator[str]:
    """Return a page that may be long, part after part."""
    return _TEMPLATES.get_template(name).generate(**_known(request, person), **values)


def _known(request: Request, person: Person | None) -> dict[str, Any]:
    """Return what every page is told."""
    settings = desk_of(request).settings
    query = f"?{request.url.query}" if request.url.query and request.method == "GET" else ""
    return {
        "settings": settings,
        "look": settings.look,
        "prefix": settings.prefix,
        "person": person,
        "decides": person is not None and person.decides(settings),
        "teaches": person is not None and person.teaches(settings),
        "answers": person is not None and person.answers(settings),
        "xsrf": signin.xsrf(request.cookies.get(signin.COOKIE, "")),
        "language": words.current(),
        "here": request.url.path + query,
        "asset": lambda file: asset(settings.prefix, settings.static, file),
    }


def asset(prefix: str, shared: Path, file: str) -> str:
    """Return the address of a static file: the desk's own, or one that the Hub's pages use too."""
    own = HERE / file
    return f"{prefix}static/{file}?v={version(own if own.exists() else shared / file)}"


def stylesheet(primary: str, accent: str, primary_on_dark: str, accent_on_dark: str) -> str:
    """Return the facility's colours, as the Hub's pages have them in their head."""
    return (
        f":root {{ --wp-primary: {primary}; --wp-accent: {accent}; "
        f"--wp-primary-on-dark: {primary_on_dark}; --wp-accent-on-dark: {accent_on_dark}; }}\n"
    )
