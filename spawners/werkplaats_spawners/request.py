"""The one door: untrusted options become a frozen :class:`ServerRequest`, or a refusal.

The form, a link (``opt-`` parameters) and the REST API (``user_options``) all pass here, and raw
options go no further. The set of keys is closed: what is not named below is refused, never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic import ValidationError as Invalid

from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import Name


def _inside_home(path: str) -> str:
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise ValueError("not a path inside the home directory")
    return path


NotebookPath = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_.-]+)*\.ipynb$", max_length=200),
    AfterValidator(_inside_home),
]


@dataclass(frozen=True)
class Refused:
    """Why nothing was submitted, in a sentence for the person, and an HTTP status.

    Attributes
    ----------
    reason
        A short label for metrics and logs, such as ``unknown-flavour``.
    sentence
        What to tell the person, in their language, with what to do next.
    status
        HTTP status: 400 for a request that makes no sense, 403 for one that is not theirs to
        make, 503 for a platform that cannot serve it now.
    """

    reason: str
    sentence: str
    status: int = 400


class ServerRequest(BaseModel):
    """What a person asks for. Every field is optional; ``None`` leaves the choice to the policy."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    flavour: Name | None = None
    stream: Name | None = None
    project: Name | None = None
    hours: Annotated[int, Field(ge=1, le=168)] | None = None
    lent: bool = False
    notebook: NotebookPath | None = None


KEYS: Final = tuple(ServerRequest.model_fields)
_TRUE_OR_FALSE: Final = {"true": True, "on": True, "false": False}


def from_options(options: object) -> ServerRequest | Refused:
    r"""Read the ``user_options`` of the REST API (any JSON value, so any type at all).

    >>> from_options({"flavour": "gpu-1", "hours": 2}).hours
    2
    >>> from_options({"flavour": "gpu-1\n#SBATCH --gres=gpu:8"}).reason
    'bad-option'
    """
    if not isinstance(options, dict):
        return Refused("bad-options", _("The options of a server must be a JSON object."))
    for key, value in options.items():
        if key not in KEYS:
            return _unknown(str(key))
        if value is None:
            return _refuse(str(key))
    try:
        return ServerRequest.model_validate(options)
    except Invalid as invalid:
        return _refuse(str(invalid.errors()[0]["loc"][0]))


def from_fields(fields: Mapping[str, list[str]]) -> ServerRequest | Refused:
    """Read a posted form or a link, where every value is a list of strings.

    An empty field is one that the person left open. A field given twice is refused.

    Parameters
    ----------
    fields
        Names without the ``opt-`` prefix of links.
    """
    options: dict[str, object] = {}
    for key, values in fields.items():
        if key not in KEYS:
            return _unknown(key)
        if len(values) != 1:
            return _refuse(key)
        if values[0] != "":
            options[key] = _typed(key, values[0])
    return from_options(options)


def _typed(key: str, text: str) -> object:
    """Return the value that `text` stands for; text that stands for none stays text."""
    if key == "hours" and re.fullmatch(r"[0-9]{1,3}", text):
        return int(text)
    if key == "lent":
        return _TRUE_OR_FALSE.get(text, text)
    return text


def _unknown(key: str) -> Refused:
    known = ", ".join(KEYS)
    sentence = _("'{key}' is not an option of a server. What can be asked for: {known}.")
    return Refused("unknown-option", sentence.format(key=_shown(key), known=known))


def _refuse(key: str) -> Refused:
    return Refused("bad-option", _sentences()[key])


def _sentences() -> dict[str, str]:
    """Return, for each option, what a good value looks like."""
    name = _("'{key}' must be the name of one that is listed on the start page.")
    return {
        "flavour": name.format(key="flavour"),
        "stream": name.format(key="stream"),
        "project": name.format(key="project"),
        "hours": _("'hours' must be a whole number of hours, from 1 to 168."),
        "lent": _("'lent' must be true or false."),
        "notebook": _("'notebook' must be the path of a notebook in your home directory, ending in .ipynb."),
    }


def _shown(text: str) -> str:
    """Return `text` as it can be repeated to its sender: short, and without control characters."""
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean if len(clean) <= 40 else clean[:37] + "..."
