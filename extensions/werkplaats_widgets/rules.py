"""What a rule of :mod:`werkplaats_widgets.redacting` is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Span = tuple[int, int]


def whole(match: re.Match[str]) -> Span | None:
    """Return where the secret is: the group ``it``, or all of what matched."""
    return match.span("it") if "it" in match.re.groupindex else match.span()


@dataclass(frozen=True)
class Rule:
    """How one kind of secret is found.

    Attributes
    ----------
    kind
        One of :data:`werkplaats_widgets.reading.KINDS`.
    pattern
        Where one may be.
    needs
        Without any of these in it a text has none: seen much sooner than a pattern is tried.
    part
        What of a match is taken out; nothing, when it is no secret after all.
    """

    kind: str
    pattern: re.Pattern[str]
    needs: tuple[str, ...] = ()
    part: Callable[[re.Match[str]], Span | None] = whole
