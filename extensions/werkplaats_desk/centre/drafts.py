"""What comes in from outside for a ticket: read once, here, into values that do not change."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from werkplaats_desk.centre.states import Urgency
from werkplaats_desk.names import one_line
from werkplaats_desk.words import Language

#: The longest message (characters), and the most that comes along: each, and all together (bytes).
MOST_TEXT: Final = 20_000
MOST_EACH: Final = 8 * 1024 * 1024
MOST_ALL: Final = 10 * 1024 * 1024
MOST_ATTACHMENTS: Final = 12

AttachmentKind = Literal["error", "cell", "notebook", "environment", "log", "file"]


def readable(text: str) -> str:
    r"""Return a text with the ends of lines as they are here, and what cannot be shown replaced.

    A question is not refused for a control character that came along with an error's text.

    >>> readable("a\r\nb\tc\x1b[31m")
    'a\nb\tc\ufffd[31m'
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = (c if c in "\n\t" or c.isprintable() else "\ufffd" for c in lines)
    return "".join(kept)


Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=120), AfterValidator(one_line)
]
Body = Annotated[
    str,
    AfterValidator(readable),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_TEXT),
]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Attached(_Given):
    """One thing that comes along."""

    kind: AttachmentKind
    name: Line
    text: Annotated[str, AfterValidator(readable)]

    @model_validator(mode="after")
    def _is_not_too_large(self) -> Attached:
        if len(self.text.encode("utf-8", "replace")) > MOST_EACH:
            raise ValueError("too large")
        return self


class _WithAttachments(_Given):
    attachments: tuple[Attached, ...] = Field(default=(), max_length=MOST_ATTACHMENTS)

    @model_validator(mode="after")
    def _are_not_too_large(self) -> _WithAttachments:
        if sum(len(one.text.encode("utf-8", "replace")) for one in self.attachments) > MOST_ALL:
            raise ValueError("too large")
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
