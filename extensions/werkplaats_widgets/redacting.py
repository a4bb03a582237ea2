"""``redact()``: takes passwords, keys and personal numbers out of a text, and leaves the rest as it was.

Every pattern reads each character of a text a few times at most, however the text was made: what begins
with a run of characters begins at its start, what can be long is never gone back into (``++``, ``*+``),
and what looks around looks a few characters far. Nothing but one set of characters is repeated so: of
groups, Python 3.11.2 gets it wrong (CPython's issue 106052).
"""

from __future__ import annotations

import os
import string
from collections import Counter
from typing import Final

from werkplaats_widgets import personal, secrets_named, secrets_shaped
from werkplaats_widgets.reading import MARKS, Reading
from werkplaats_widgets.rules import Rule

#: Shapes first: they know best what a thing is.
_RULES: Final[tuple[Rule, ...]] = (*secrets_shaped.RULES, *secrets_named.RULES, *personal.RULES)
#: What is left after one round can be read anew; more rounds than this no text has been seen to need.
_ROUNDS: Final = 8
#: What is called so in an environment is secret, from so many characters on.
_SECRET_NAMES: Final = ("_TOKEN", "_SECRET", "_PASSWORD", "_KEY")
_LONG: Final = 12
#: Letters one by one, so that a place in the one text is the same place in the other.
_SMALL: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def redact(text: str) -> str:
    """Return a text without its secrets and personal numbers.

    Each is replaced by a mark that says what it was, such as ``[removed: password]``. All else stays
    as it is, and a text that went through here stays as it is too.

    >>> redact("password = 'hunter2'  # of jan@example.org")
    "password = '[removed: password]'  # of [removed: e-mail]"
    """
    return taken_out(text)[0]


def taken_out(text: str) -> tuple[str, dict[str, int]]:
    """Return a text without its secrets, and how many of each kind were taken out now.

    >>> taken_out("jan@example.org")
    ('[removed: e-mail]', {'e-mail': 1})
    """
    found: Counter[str] = Counter()
    reading = Reading.of(text)
    now = _without_ours(reading.text, found)
    for _ in range(_ROUNDS):
        before = now
        for rule in _RULES:
            now = _applied(rule, now, found)
        if now == before:
            break
    return reading.back(now), dict(found)


def _without_ours(text: str, found: Counter[str]) -> str:
    """Return a text without what this kernel itself was given to keep, wherever that stands in it."""
    for name, value in os.environ.items():
        if len(value) >= _LONG and name.endswith(_SECRET_NAMES) and value in text:
            found["token"] += text.count(value)
            text = text.replace(value, MARKS["token"])
    return text


def _applied(rule: Rule, text: str, found: Counter[str]) -> str:
    if rule.needs and not any(word in text for word in rule.needs):
        return text
    kept, at, mark = list[str](), 0, MARKS[rule.kind]
    looked = text.translate(_SMALL) if rule.folded else text
    match = rule.pattern.search(looked)
    while match:
        span, onward = rule.span(match, text), match.start() + 1
        if span is not None and at <= span[0] < span[1]:
            kept += [text[at : span[0]], mark]
            at = onward = span[1]
            found[rule.kind] += 1
        match = rule.pattern.search(looked, onward)
    return "".join([*kept, text[at:]]) if kept else text
