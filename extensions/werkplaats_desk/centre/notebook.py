"""A notebook that somebody sent, laid out for reading: text, errors and pictures; nothing of it runs.

Whatever the file says is taken as text. What only a browser could make something of (HTML, scripts,
drawings, widgets) is named, and not shown. A field that is not what nbformat 4 says is empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from werkplaats_desk.centre.drafts import readable
from werkplaats_desk.centre.pictures import Picture, picture

#: What is shown at most of one source, one output (characters), one cell (outputs), one notebook (cells).
_MOST_SOURCE: Final = 20_000
_MOST_OUTPUT: Final = 10_000
_MOST_OUTPUTS: Final = 40
_MOST_CELLS: Final = 400
#: A file with more brackets than this is no notebook of a person's, and takes a machine's memory to read.
_MOST_BRACKETS: Final = 300_000
#: How many kinds of an output that are not shown are named.
_NAMED: Final = 6

_ESCAPES: Final = re.compile(
    "[\x1b\ufffd]\\[[0-?]*[ -/]*[@-~]"  # colours and the like; their first character may be replaced
    "|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?"  # links and titles
    "|\x1b[@-Z\\\\-_]"
)

_NAMES: Final = {
    "text/html": "HTML",
    "text/latex": "LaTeX",
    "image/svg+xml": "SVG",
    "application/javascript": "JavaScript",
    "text/javascript": "JavaScript",
    "application/vnd.jupyter.widget-view+json": "widget",
}


@dataclass
class Room:
    """How much a page still has room for.

    Attributes
    ----------
    characters, pictures
        Of text, and of encoded pictures.
    pixels
        Of pictures; a browser takes four bytes for each, however few the encoded picture has.
    """

    characters: int = 300_000
    pictures: int = 5_000_000
    pixels: int = 40_000_000


@dataclass(frozen=True)
class Part:
    """A text, as much of it as is shown; ``left`` is how many characters are not."""

    text: str
    left: int = 0


NOTHING: Final = Part("")


@dataclass(frozen=True)
class Output:
    """What a cell gave.

    Attributes
    ----------
    kind
        ``text``, ``error``, ``picture``, or ``hidden`` for what has nothing to show.
    hidden
        Names of what else there is, which is not shown.
    """

    kind: Literal["text", "error", "picture", "hidden"]
    part: Part = NOTHING
    picture: Picture | None = None
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A cell; ``outputs_left`` is how many of its outputs are not shown."""

    number: int
    kind: Literal["code", "text"]
    count: int | None
    source: Part
    outputs: tuple[Output, ...] = ()
    outputs_left: int = 0


@dataclass(frozen=True)
class Notebook:
    """Its cells in order; ``left`` is how many are not shown."""

    cells: tuple[Cell, ...]
    left: int = 0

    @property
    def has_pictures(self) -> bool:
        """Whether a page of it shows a picture."""
        return any(output.picture for cell in self.cells for output in cell.outputs)


def parsed(content: bytes) -> list[Any] | None:
    """Return the cells of nbformat 4's JSON; nothing where it is something else."""
    if content.count(b"[") + content.count(b"{") > _MOST_BRACKETS:
        return None
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    cells = found.get("cells") if isinstance(found, dict) else None
    return cells if isinstance(cells, list) else None


def lay(cells: list[Any], room: Room) -> Notebook:
    """Return what of a notebook is shown, as far as there is room."""
    laid: list[Cell] = []
    for number, raw in enumerate(cells[:_MOST_CELLS], start=1):
        if room.characters <= 0:
            break
        laid.append(_cell(number, raw if isinstance(raw, dict) else {}, room))
    return Notebook(tuple(laid), len(cells) - len(laid))


def plain(text: str) -> str:
    r"""Return a text as a terminal would leave it: no colours, and of a line written over its last state.

    >>> plain("\x1b[31mred\x1b[0m\n 10%\r 20%\r100%\r\nend")
    'red\n100%\nend'
    """
    lines = _ESCAPES.sub("", text).split("\n")
    return readable("\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines))


def cut(text: str, most: int, room: Room, *, from_end: bool = False) -> Part:
    """Return the beginning of a text, or its end, as much as there is room for."""
    most = min(most, len(text), max(0, room.characters))
    room.characters -= most
    kept = text[len(text) - most :] if from_end else text[:most]
    return Part(plain(kept), len(text) - most)


def _cell(number: int, raw: dict[str, Any], room: Room) -> Cell:
    source = cut(_joined(raw.get("source")), _MOST_SOURCE, room)
    if raw.get("cell_type") != "code":
        return Cell(number, "text", None, source)
    count = raw.get("execution_count")
    found = raw.get("outputs")
    outputs = found if isinstance(found, list) else []
    laid = tuple(_outputs(outputs[:_MOST_OUTPUTS], room))
    return Cell(
        number, "code", count if type(count) is int and 0 <= count < 10**6 else None, source, laid,
        len(outputs) - len(laid),
    )  # fmt: skip


def _outputs(outputs: list[Any], room: Room) -> Iterator[Output]:
    for raw in outputs:
        if room.characters <= 0:
            return
        yield _output(raw if isinstance(raw, dict) else {}, room)


def _output(raw: dict[str, Any], room: Room) -> Output:
    kind = raw.get("output_type")
    if kind == "stream":
        return Output("text", cut(_joined(raw.get("text")), _MOST_OUTPUT, room))
    if kind == "error":
        return Output("error", cut(_error(raw), _MOST_OUTPUT, room))
    data = raw.get("data")
    return _displayed(data if isinstance(data, dict) else {}, room)


def _error(raw: dict[str, Any]) -> str:
    traceback = raw.get("traceback")
    lines = [line for line in traceback if isinstance(line, str)] if isinstance(traceback, list) else []
    return "\n".join(lines) or f"{_joined(raw.get('ename'))}: {_joined(raw.get('evalue'))}"


def _displayed(data: dict[str, Any], room: Room) -> Output:
    """Return a picture where there is one that can be shown, else text; the rest is named."""
    text, shown = _joined(data.get("text/plain")), _picture(data, room)
    seen = {"text/plain", *(("image/png", "image/jpeg") if shown else ())}
    hidden = tuple(_name(mime) for mime in data if mime not in seen)[:_NAMED]
    if shown:
        return Output("picture", cut(text, 200, room), shown, hidden)
    return Output("text" if text else "hidden", cut(text, _MOST_OUTPUT, room), None, hidden)


def _picture(data: dict[str, Any], room: Room) -> Picture | None:
    for mime in ("image/png", "image/jpeg"):
        encoded = _joined(data.get(mime))
        if 0 < len(encoded) <= room.pictures:
            found = picture(encoded)
            if found is not None and found.width * found.height <= room.pixels:
                room.pictures -= len(encoded)
                room.pixels -= found.width * found.height
                return found
    return None


def _name(mime: str) -> str:
    return _NAMES.get(mime, readable(mime[:60]))


def _joined(value: Any) -> str:
    """Return a multi-line string of nbformat's: one string, or a list of them; else nothing.

    >>> _joined(["a ", "b"]), _joined("c"), _joined({"d": 1}), _joined([1, "e"])
    ('a b', 'c', '', 'e')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return ""
