"""The names by which people, files, addresses and mount points call a dataset."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

#: 2 to 40 lower-case letters, digits and hyphens: the same in a path, an address and a sentence.
DatasetId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]
#: Such as ``1.0.0`` or ``2026-11``.
Version = Annotated[str, StringConstraints(pattern=r"^[0-9a-z][0-9a-z.-]{0,30}$")]
#: Who may mount it: anybody; who accepted its terms; who was granted it for a project and a purpose.
Tier = Literal["open", "registered", "restricted"]
