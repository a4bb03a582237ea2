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
    folded
        The same, for a pattern that looks at the text in small letters: many times sooner than one for
        which the size of a letter does not matter. It is given the text itself as well.
    """

    kind: str
    pattern: re.Pattern[str]
    needs: tuple[str, ...] = ()
    part: Callable[[re.Match[str]], Span | None] = whole
    folded: Callable[[re.Match[str], str], Span | None] | None = None

    def span(self, match: re.Match[str], text: str) -> Span | None:
        """Return where in a text the secret of a match is."""
        return self.part(match) if self.folded is None else self.folded(match, text)
