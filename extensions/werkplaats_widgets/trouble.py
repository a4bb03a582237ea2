"""The last error in this kernel, or the one that Lab's page saw: what a question begins with."""

from __future__ import annotations

import base64
import binascii
import json
import linecache
import re
import sys
import traceback
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

#: The most of an error's text that is kept (characters): of a longer one both ends.
_MOST: Final = 100_000
_SUBJECT: Final = 120
#: How many of a frame's own lines tell where an error is: all of a cell.
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
#: What ends code on purpose is no error.
_WANTED: Final = (KeyboardInterrupt, SystemExit, GeneratorExit)


@dataclass(frozen=True)
class Trouble:
    """An error, as text.

    Attributes
    ----------
    subject
        Its last line: what somebody would call it.
    text
        With its traceback.
    cell
        The code that was run; empty where that is unknown.
    notebook
        In which it stood, as a path; empty for the kernel's own.
    """

    subject: str = ""
    text: str = ""
    cell: str = ""
    notebook: str = ""


def last() -> Trouble:
    """Return the last error of this kernel; an empty one where nothing went wrong."""
    wrong: BaseException | None = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if wrong is None or isinstance(wrong, _WANTED):
        return Trouble(cell=_code_before())
    return of(wrong)


def of(wrong: BaseException) -> Trouble:
    """Return an error as text."""
    lines = traceback.format_exception(wrong)
    said = "".join(traceback.format_exception_only(wrong)).strip()
    return Trouble(_line(said), _both_ends("".join(lines)), _cell(wrong) or _code_before())


def seen(told: str) -> Trouble:
    """Return an error that Lab's page saw: base64 of JSON, as the page put it.

    What is not so is nothing: a panel must open whatever it was told.
    """
    try:
        found = json.loads(base64.b64decode(told, validate=True))
    except (binascii.Error, ValueError):
        found = None
    kept = found if isinstance(found, dict) else {}
    parts = {name: kept.get(name) for name in ("subject", "text", "cell", "notebook")}
    texts = {name: _COLOUR.sub("", part) for name, part in parts.items() if isinstance(part, str)}
    shown = Trouble(**texts)
    return Trouble(
        _line(shown.subject or shown.text), _both_ends(shown.text), _both_ends(shown.cell), shown.notebook
    )


def own_frame(found: TracebackType | None) -> TracebackType | None:
    """Return the last frame that is in a cell: where an error is the person's, and not a library's."""
    own = None
    while found is not None:
        name = found.tb_frame.f_code.co_filename
        if "ipykernel_" in name or name.startswith(("<ipython-input", "<stdin")):
            own = found
        found = found.tb_next
    return own


def _cell(wrong: BaseException) -> str:
    own = own_frame(wrong.__traceback__)
    if own is not None:
        return "".join(linecache.getlines(own.tb_frame.f_code.co_filename))
    name = getattr(wrong, "filename", None) if isinstance(wrong, SyntaxError) else None
    return "".join(linecache.getlines(name)) if name else ""


def _code_before() -> str:
    """Return what was run before this: a cell that asks for help is not what it asks about."""
    ran = _history()
    return next((code for code in reversed(ran) if code.strip() and "ask_for_help" not in code), "")


def _history() -> list[str]:
    main = sys.modules.get("__main__")
    ran: Any = getattr(main, "In", None)
    return [code for code in ran[-20:] if isinstance(code, str)] if isinstance(ran, list) else []


def _line(text: str) -> str:
    """Return the last line of an error that says what it is, as a subject can have it."""
    lines = [line.strip() for line in _COLOUR.sub("", text).splitlines() if line.strip()]
    named = [
        line for line in lines if re.match(r"[A-Za-z_][\w.]*(?:Error|Exception|Warning|Exit)?\b:? ?", line)
    ]
    line = " ".join((named or lines or [""])[0].split())
    return line if len(line) <= _SUBJECT else line[: _SUBJECT - 1] + "…"


def _both_ends(text: str) -> str:
    half = _MOST // 2
    return text if len(text) <= _MOST else f"{text[:half]}\n[...]\n{text[-half:]}"
