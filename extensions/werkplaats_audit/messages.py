"""What desk and mount daemon may ask the audit, one JSON object a line; what is not known is refused."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from werkplaats_audit.events import MOST_NAME, Details, Event, Kind, Outcome, Source
from werkplaats_audit.journal import Refused

#: Who may write what.
OF: Final[dict[Source, frozenset[Kind]]] = {
    "desk": frozenset({"application", "decision", "acceptance", "grant", "revocation", "look"}),
    "mounts": frozenset({"mount", "refusal", "unmount", "end"}),
}
#: The most entries in one answer.
MOST_ENTRIES: Final = 500

_Filter = Annotated[str, Field(max_length=MOST_NAME)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Begin(Event):
    """An act begins, or with an outcome, was over at once."""

    want: Literal["begin"]
    outcome: Outcome | None = None

    def event(self) -> Event:
        """Return the act."""
        return Event.model_validate(self.model_dump(exclude={"want", "outcome"}))


class Close(_Frozen):
    """An act has ended."""

    want: Literal["close"]
    entry: int = Field(ge=1, lt=2**53)
    outcome: Outcome
    detail: Details = Field(default_factory=dict)


class Read(_Frozen):
    """Entries are asked for: the first above `after`, or where `before` is given the last below it."""

    want: Literal["read"]
    person: _Filter = ""
    dataset: _Filter = ""
    project: _Filter = ""
    after: int = Field(default=0, ge=0, lt=2**53)
    before: int = Field(default=0, ge=0, lt=2**53)
    most: int = Field(default=MOST_ENTRIES, ge=1, le=MOST_ENTRIES)


class Where(_Frozen):
    """The head is asked for."""

    want: Literal["head"]


Message = Begin | Close | Read | Where
_MESSAGES: Final[TypeAdapter[Message]] = TypeAdapter(Annotated[Message, Field(discriminator="want")])


def read(line: bytes) -> Message:
    """Read one line.

    Raises
    ------
    Refused
        It names what is wrong, and repeats nothing of it.
    """
    try:
        return _MESSAGES.validate_json(line)
    except ValidationError as wrong:
        faults = wrong.errors(include_url=False, include_input=False, include_context=False)
        long = any(fault["type"].endswith("too_long") for fault in faults)
        said = "; ".join(f"{_key(fault['loc'])}: {fault['msg']}" for fault in faults[:3])
        raise Refused("too-large" if long else "unknown", f"cannot be written: {said}") from None


def _key(location: tuple[int | str, ...]) -> str:
    """Return the field that a fault is in: ours, and no key of the sender's."""
    known = {*Begin.model_fields, *Close.model_fields, *Read.model_fields}
    return ".".join(str(part) for part in location if part in known) or "the message"
