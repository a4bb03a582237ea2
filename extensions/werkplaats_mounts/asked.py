"""What may be asked on the socket: one JSON object a line, read once; what is not known is refused."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from werkplaats_datasets.names import DatasetId
from werkplaats_datasets.signed import MOST_CHARACTERS

#: A grant and what is around it (bytes).
MOST_BYTES: Final = MOST_CHARACTERS + 1024

_Job = Annotated[int, Field(ge=1, lt=2**32)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    language: Literal["nl", "en"] = "en"


class Mount(_Asked):
    """Carry a grant out."""

    want: Literal["mount"]
    grant: Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)]


class Unmount(_Asked):
    """Take a dataset out of a job."""

    want: Literal["unmount"]
    dataset: DatasetId
    job: _Job


class Mounted(_Asked):
    """Say what is mounted in a job."""

    want: Literal["mounted"]
    job: _Job


class Can(_Asked):
    """Say what this node can."""

    want: Literal["can"]


Asked = Mount | Unmount | Mounted | Can
_ONE: Final[TypeAdapter[Asked]] = TypeAdapter(Annotated[Asked, Field(discriminator="want")])


def read(line: bytes) -> Asked | None:
    """Return what was asked, or nothing where it is no message of ours.

    >>> read(b'{"want": "can"}')
    Can(language='en', want='can')
    >>> read(b'{"want": "mounted", "job": "17"}') is None
    True
    """
    try:
        return _ONE.validate_json(line)
    except ValidationError:
        return None
