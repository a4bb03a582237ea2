"""What the desk says of a dataset, and how a card reads in one language."""

from __future__ import annotations

import datetime
import json
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from werkplaats_widgets.hub import NoAnswer
from werkplaats_widgets.words import language, say

_MONTHS: Final = {
    "nl": "jan. feb. maart april mei juni juli aug. sept. okt. nov. dec.",
    "en": "Jan. Feb. March April May June July Aug. Sept. Oct. Nov. Dec.",
}
#: Of a preview no more is shown.
_ROWS, _COLUMNS, _CHARACTERS = 10, 40, 120
#: The desk's words for where somebody stands; what it says beside these is unknown here.
_STANDINGS: Final = ("free", "terms", "apply", "waiting", "granted", "declined")


def _spoken(given: Any) -> Any:
    """Return words in this server's language, or in the other where that is all there is."""
    if isinstance(given, dict):
        ours, other = ("nl", "en") if language() == "nl" else ("en", "nl")
        return given.get(ours) or given.get(other) or ""
    return given


Spoken = Annotated[str, BeforeValidator(_spoken)]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Preview(_Read):
    """The first rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class Dataset(_Read):
    """A dataset, as the desk says it to this person; the last ones only where it is asked for by itself."""

    id: str
    version: str
    title: Spoken
    description: Spoken = ""
    owner: str
    steward: str = ""
    licence: str = ""
    licence_title: str = ""
    tier: Literal["open", "registered", "restricted"]
    synthetic: bool = False
    size_bytes: int = 0
    files: int = 0
    purposes: tuple[Spoken, ...] = ()
    read_with: str = ""
    standing: str
    word: str = ""
    project: str = ""
    until: str | None = None
    terms: Spoken = ""
    legal_basis: Spoken = ""
    consent: Spoken = ""
    preview: Preview | None = None


_MANY: Final = TypeAdapter(tuple[Dataset, ...])


def many(answer: Any) -> tuple[Dataset, ...]:
    """Read what the desk offers.

    Raises
    ------
    NoAnswer
    """
    try:
        return _MANY.validate_python(answer)
    except ValidationError:
        raise NoAnswer(say("desk_away")) from None


def one(answer: Any) -> Dataset:
    """Read what the desk says of one dataset.

    Raises
    ------
    NoAnswer
    """
    try:
        return Dataset.model_validate(answer)
    except ValidationError:
        raise NoAnswer(say("desk_away")) from None


def card(dataset: Dataset) -> dict[str, Any]:
    """Return what a card shows at a glance: texts, ready to be read."""
    return {
        "id": dataset.id,
        "title": dataset.title or dataset.id,
        "description": dataset.description,
        "owner": dataset.owner,
        "licence": dataset.licence_title or dataset.licence,
        "version": dataset.version,
        "size": size(dataset.size_bytes),
        "files": say("one_file") if dataset.files == 1 else say("files", n=_number(dataset.files)),
        "tier": dataset.tier,
        "synthetic": dataset.synthetic,
        "standing": dataset.standing if dataset.standing in _STANDINGS else "unknown",
        "stands": standing(dataset),
        "word": say("word", word=dataset.word) if dataset.word else "",
    }


def details(dataset: Dataset) -> dict[str, Any]:
    """Return what a card shows when it is opened: texts, ready to be read."""
    return {
        "terms": dataset.terms,
        "about": [
            [say("purposes"), "; ".join(dataset.purposes)],
            [say("basis"), dataset.legal_basis],
            [say("consent"), dataset.consent],
            [say("steward"), dataset.steward],
            [say("licence"), dataset.licence],
        ],
        "preview": _preview(dataset.preview),
    }


def standing(dataset: Dataset) -> str:
    """Return where this person stands, as a sentence or two."""
    if dataset.standing not in _STANDINGS:
        return say("unknown")
    if dataset.standing != "granted":
        return say(f"stand_{dataset.standing}")
    project = dataset.project
    first = say("stand_granted_project", project=project) if project else say("stand_granted")
    return f"{first} {say('until', day=day(dataset.until))}" if dataset.until else first


def size(count: int) -> str:
    """Return a size as people read it.

    >>> size(999), size(1_234_567)
    ('999 B', '1,2 MB')
    """
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    text = f"{amount:.0f}" if unit == "B" or amount >= 100 else f"{amount:.1f}"
    return f"{text.replace('.', ',') if language() == 'nl' else text} {unit}"


def day(text: str) -> str:
    """Return a day (ISO 8601) as people write it; what is no day as it came.

    >>> day("2027-01-31"), day("soon")
    ('31 jan. 2027', 'soon')
    """
    try:
        return _written(datetime.date.fromisoformat(text))
    except ValueError:
        return text


def moment(seconds: int) -> str:
    """Return a moment (Unix time) as people write it, by this machine's clock."""
    found = datetime.datetime.fromtimestamp(seconds).astimezone()
    return f"{_written(found.date())}, {found:%H:%M}"


def _written(found: datetime.date) -> str:
    return f"{found.day} {_MONTHS[language()].split()[found.month - 1]} {found.year}"


def _number(count: int) -> str:
    return f"{count:,}".replace(",", "." if language() == "nl" else ",")


def _preview(preview: Preview | None) -> dict[str, Any] | None:
    if preview is None:
        return None
    rows = [[_cell(value) for value in row[:_COLUMNS]] for row in preview.rows[:_ROWS]]
    return {"columns": [_cell(name) for name in preview.columns[:_COLUMNS]], "rows": rows}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"
