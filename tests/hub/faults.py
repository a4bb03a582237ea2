"""Changes to the shipped facility's file, as plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Raw = dict[str, Any]
Change = Callable[[Raw], object]


def set_(path: str, value: Any) -> Change:
    """Return the change that sets one key."""

    def change(raw: Raw) -> None:
        *tables, key = path.split(".")
        for table in tables:
            raw = raw.setdefault(table, {})
        raw[key] = value

    return change
