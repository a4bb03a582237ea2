"""What comes in from outside for a ticket: read once, here, into values that do not change."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from werkplaats_desk.centre.states import Urgency
from werkplaats_desk.words import Language

#: The longest message (characters), and the most that comes along: each, and all together (bytes).
MOST_TEXT: Final = 20_000
MOST_EACH: Final = 8 * 1024 * 1024
MOST_ALL: Final = 10 * 1024 * 1024
MOST_ATTACHMENTS: Final = 12
#: What pydantic calls the error of something that is too large.
TOO_LARGE: Final = "too_large"

AttachmentKind = Literal["error", "cell", "notebook", "environment", "log", "file"]

#: Beside what Python prints: other spaces than the usual one, the hyphen that shows at the end of a line
#: alone, and what joins or parts letters and pictures.
_ASCII: Final = bytes(b if 0x20 <= b < 0x7F or b in b"\n\t" else 0x1A for b in range(256))
_KEPT: Final = frozenset("\n\t\u00ad\u200b\u200c\u200d\u2060")


def readable(text: str) -> str:
    r"""Return a text with the ends of lines as they are here, and what cannot be shown replaced.

    A question is not refused for a control character that came along with an error's text. What turns
    the direction of writing is replaced too: with it a name shows as another than it is.

    >>> readable("a\r\nb\tc\x1b[31m"), readable("\u202ecod.exe \ud800")
    ('a\nb\tc\ufffd[31m', '\ufffdcod.exe \ufffd')
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    if lines.isascii():
        return lines.encode().translate(_ASCII).decode().replace("\x1a", "\ufffd")
    # Each kind of character is looked at once: a notebook has millions, of some hundred kinds.
    hidden = [ord(one) for one in set(lines) if not _shows(one)]
    return lines.translate(dict.fromkeys(hidden, "\ufffd")) if hidden else lines


def _shows(character: str) -> bool:
    return (
        character.isprintable() or character in _KEPT or unicodedata.category(character) in ("Zs", "Co", "Cn")
    )


def on_one_line(text: str) -> str:
    r"""Return a readable text as one line.

    >>> on_one_line("  my\r\n  subject\xa0\x00 ")
    'my subject \ufffd'
    """
    return " ".join(readable(text).split())


def _mended(mend: Any) -> BeforeValidator:
    """Return what mends a text before its length is looked at; what is no text is pydantic's to refuse."""
    return BeforeValidator(lambda given: mend(given) if isinstance(given, str) else given)


#: Of what makes a form one.
KEY: Final = r"^[A-Za-z0-9_-]{16,64}$"
Key = Annotated[str, StringConstraints(pattern=KEY)]
# What is mended is mended first: an annotation that stands later is carried out earlier.
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=120), _mended(on_one_line)
]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), _mended(on_one_line)
]
Body = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_TEXT),
    _mended(readable),
]


def _too_large() -> PydanticCustomError:
    return PydanticCustomError(TOO_LARGE, "too large")


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Attached(_Given):
    """One thing that comes along."""

    kind: AttachmentKind
    name: Name
    text: Annotated[str, _mended(readable)]

    @model_validator(mode="after")
    def _is_not_too_large(self) -> Attached:
        if len(self.text.encode()) > MOST_EACH:
            raise _too_large()
        return self


class _WithAttachments(_Given):
    attachments: tuple[Attached, ...] = Field(default=(), max_length=MOST_ATTACHMENTS)

    @model_validator(mode="after")
    def _are_not_too_large(self) -> _WithAttachments:
        if sum(len(one.text.encode()) for one in self.attachments) > MOST_ALL:
            raise _too_large()
        return self


class Draft(_WithAttachments):
    """A question.

    Attributes
    ----------
    key
        Made anew for each form: a form that is sent twice is one question.
    project
        In which it is asked; empty for the person's own first steps, or whatever they are in.
    job
        Of the server it is asked from; 0 from a page.
    acknowledged
        That something may come from a restricted dataset, and that it is meant to be sent.
    """

    key: Key
    subject: Line
    question: Body
    topic: str = Field(max_length=40)
    urgency: Urgency = "normal"
    language: Language = "nl"
    project: str = Field(default="", max_length=64)
    job: int = Field(default=0, ge=0, lt=2**31)
    acknowledged: bool = False


class Reply(_WithAttachments):
    """What a person writes in a ticket of theirs."""

    key: Key
    text: Body
    acknowledged: bool = False
