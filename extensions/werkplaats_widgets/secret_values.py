"""What stands after the name of a secret: where it begins and ends, and whether it is one at all."""

from __future__ import annotations

import re
from typing import Final

from werkplaats_widgets.reading import COLOUR, DOUBLE, ESCAPES, MARKS, NEWLINE, RETURN, SINGLE, TAB
from werkplaats_widgets.rules import Span

_ESCAPE: Final = "\x1b" + "".join(ESCAPES)
_ENDS: Final = rf"\r\n{NEWLINE}{RETURN}"
_MARK: Final = "".join(MARKS.values())
#: What may stand between a name, its sign and its value: spaces, and the colours of a traceback.
_SPACES: Final = rf"[ \t\u00a0{TAB}]{{0,60}}+"
GAP: Final = rf"{_SPACES}(?:[{_ESCAPE}]\[[0-9;]{{0,20}}+{COLOUR}{_SPACES}){{0,12}}"
#: Where a line goes on in the next: in the text, and in the next string of a notebook's JSON.
_NEXT: Final = rf"(?:\r?\n|{NEWLINE}(?:\",\s{{0,40}}\")?)[ \t]{{0,40}}"
_OPEN: Final = re.compile(
    rf"{GAP}(?:\({GAP}(?:{_NEXT})?|\\{{1,2}}{_NEXT})?(?:Secret(?:Str)?\()?[rbfuRBFU]{{0,2}}"
    rf"(?P<quote>\"\"\"|'''|{DOUBLE * 3}|{SINGLE * 3}|[\"'`{DOUBLE}{SINGLE}])"
)
_INSIDE: Final = {
    quote: re.compile(body)
    for quote, body in {
        '"""': r'[^"]*+(?:"(?!"")[^"]*+){0,200}(?=""")',
        "'''": r"[^']*+(?:'(?!'')[^']*+){0,200}(?=''')",
        '"': r'[^"\\\r\n]*+(?:\\[^\r\n][^"\\\r\n]*+){0,2000}(?=")',
        "'": rf"[^'\\\r\n{NEWLINE}]*+(?:\\[^\r\n][^'\\\r\n{NEWLINE}]*+){{0,2000}}(?=')",
        "`": r"[^`\r\n]*+(?=`)",
        DOUBLE * 3: rf"[^{DOUBLE}]*+(?:{DOUBLE}(?!{DOUBLE * 2})[^{DOUBLE}]*+){{0,200}}(?={DOUBLE * 3})",
        SINGLE * 3: rf"[^{SINGLE}]*+(?:{SINGLE}(?!{SINGLE * 2})[^{SINGLE}]*+){{0,200}}(?={SINGLE * 3})",
        DOUBLE: rf'[^"{DOUBLE}\r\n]*+(?={DOUBLE})',
        SINGLE: rf"[^'{SINGLE}\r\n]*+(?={SINGLE})",
    }.items()
}
#: Without quotes: to the next space, and not into what plainly is the next thing.
_BARE: Final = re.compile(
    rf"(?:[^\s\"'`<>,;&|{_ENDS}{TAB}{DOUBLE}{SINGLE}{_ESCAPE}%]++"
    rf"|%(?!2[26])"
    rf"|[,;](?![\s\"'{DOUBLE}{SINGLE}{_ENDS}]|[\w .-]{{1,40}}[=:]|$)"
    rf"|&(?![\w.-]{{1,60}}=)"
    rf"|[<>|](?=[^\s<>|])){{1,2000}}"
)
_CLOSERS: Final = {")": "(", "]": "[", "}": "{"}

#: What people write where a secret would be, or what fetches one: nothing to hide.
_NOTHING: Final = re.compile(
    r"""(?:
    # a call, an index: it is fetched elsewhere
    |[{$%<\[(]?\{{0,2}[A-Za-z_][\w.]*\}{0,2}[}>)\]]?(?:\[.*|\(.*)
    |\$\{?\w+\}?|\$\(.*|%\(?\w*\)?s|%\w+%|\{\{?[^{}]*\}?\}|<[^<>]*>       # put in later
    |None|null|nil|none|True|False|true|false|undefined|NaN|NULL
    |str|int|bool|bytes|object|string|Any|SecretStr|Optional|Union|Callable|float|list|dict
    |[*.xX•]{3,}|-+|_+|\?+|\.\.\.|…
    |self(?:\.\w+)+|args(?:\.\w+)+|(?:[a-z_]\w*\.)+[a-z_]*(?:pass|token|key|secret|auth|cred)\w*
    |required|optional|redacted|REDACTED|hidden|removed
    )""",
    re.VERBOSE,
)
_NAME_LIKE: Final = re.compile(
    r"(?i)(?:the|my|your|new|old|db|user|api|access|auth|hf|openai|_)*"
    r"(?:password|passwd|pwd|token|secret|key|wachtwoord|passphrase|credentials?)s?"
)
_CHUNK: Final = re.compile(r"[a-z]+\d{0,3}[a-z]?|\d{1,4}|[A-Z]?[a-z]+|[A-Z]{1,6}|")
#: How far a look back to the beginning of a line goes (characters).
_BACK: Final = 200
#: What is longer is never taken for a placeholder (characters).
_LONG: Final = 120


def value_at(text: str, at: int) -> Span | None:
    """Return where the value is that begins at a place, after spaces and quotes; none where there is none."""
    opened = _OPEN.match(text, at)
    if opened:
        quote, begin = opened["quote"], opened.end()
        inside = _INSIDE[quote].match(text, begin)
        if inside and not _closes(text, opened.start("quote"), quote, begin):
            return inside.span()
        if inside or not text[begin : begin + 1].strip():
            return None
        return _bare(text, begin)
    gap = re.compile(GAP).match(text, at)
    return _bare(text, gap.end() if gap else at)


def _bare(text: str, at: int) -> Span | None:
    found = _BARE.match(text, at)
    if not found:
        return None
    begin, end = found.span()
    while end > begin and text[end - 1] in _CLOSERS:
        if end - begin < _LONG and _CLOSERS[text[end - 1]] in text[begin:end]:
            break
        end -= 1
    return (begin, end) if end > begin else None


def _closes(text: str, at: int, quote: str, begin: int) -> bool:
    """Return whether a quote ends a string rather than begins one: ``input("Password: ")``."""
    if text[begin : begin + 1] not in (*")],};: \n", NEWLINE, ""):
        return False
    before = re.split(rf"[{_ENDS}]", text[max(0, at - _BACK) : at])[-1]
    return len(quote) == 1 and before.count(quote) % 2 == 1


def is_literal(value: str) -> bool:
    """Return whether a value is one, and not a placeholder, a type, or a call that fetches it."""
    if not value.strip() or all(one in _MARK for one in value.strip()):
        return False
    if len(value) > _LONG:
        return True
    value = value.strip()
    return not (_NOTHING.fullmatch(value) or _NAME_LIKE.fullmatch(value) or value[0] in _MARK)


def looks_secret(value: str, least: int) -> bool:
    """Return whether a value looks drawn by lot rather than written by a person.

    Parameters
    ----------
    least
        How many characters it must have.

    >>> looks_secret("q7Rk2Lw9ZpX4", 8), looks_secret("encoder.layer.11.weight", 8), looks_secret("4096", 4)
    (True, False, False)
    """
    if not least <= len(value) or not re.fullmatch(r"[\w+/=.~:%@!-]+", value[:_LONG], re.ASCII):
        return False
    start = value[:_LONG]
    if not (re.search(r"\d", start) and re.search(r"[A-Za-z]", start)):
        return False
    chunks = re.split(r"[._/:-]", start)
    spoken = any(re.fullmatch(r"[A-Za-z]?[a-z]{3,}", one) for one in chunks)
    return not (len(chunks) > 1 and spoken and all(_CHUNK.fullmatch(one) for one in chunks))
