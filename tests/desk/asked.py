"""A question, as somebody asks it in a test."""

from __future__ import annotations

import itertools
from typing import Any

_numbers = itertools.count(1)


def key() -> str:
    """Return what makes a form one, and another form another."""
    return f"a-form-of-a-test-{next(_numbers)}"


def question(**changes: Any) -> dict[str, Any]:
    """Return what a form sends."""
    given = {
        "key": key(), "subject": "My plot stays empty", "question": "I call plot(), and see nothing.",
        "topic": "data", "urgency": "normal", "language": "en",
    }  # fmt: skip
    return {**given, **changes}


def attached(text: str = "x = 1", kind: str = "cell", name: str = "cell 3") -> dict[str, str]:
    """Return something that comes along."""
    return {"kind": kind, "name": name, "text": text}
