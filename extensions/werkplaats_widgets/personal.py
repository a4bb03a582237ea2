"""Numbers and addresses of people: BSN, IBAN, bank cards, e-mail and telephone."""

from __future__ import annotations

import re
from typing import Final

from werkplaats_widgets.reading import NEWLINE, RETURN
from werkplaats_widgets.rules import Rule, Span

#: How long an IBAN of each country is (SWIFT, IBAN Registry).
_IBAN: Final = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE BI",
        "18": "DK FI FK FO GL NL SD",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ DZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BF CM CV DJ FR GR IT MC MG MR SM",
        "28": "AL AZ BY CY DO GT HU LB NI PL SV",
        "29": "BR PS QA UA",
        "30": "JO KW MU",
        "31": "MT SC",
        "33": "RU",
    }.items()
    for country in countries.split()
}
_BSN_WEIGHTS: Final = (9, 8, 7, 6, 5, 4, 3, 2, -1)
#: What follows an ``@`` in code, between two arrays: no place of a mail.
_ATTRIBUTES: Final = frozenset(
    [
        "values",
        "shape",
        "size",
        "dot",
        "conj",
        "real",
        "imag",
        "flat",
        "data",
        "transpose",
        "mean",
        "sum",
        "inverse",
        "numpy",
        "iloc",
        "loc",
    ]
)
_BEFORE: Final = r"(?<![\w./+-])"
_BEYOND: Final = r"(?!\w|[./-]\d)"


def _digits(text: str) -> list[int]:
    return [int(one) for one in text if one in "0123456789"]


def is_bsn(text: str) -> bool:
    """Return whether the digits of a text are a citizen service number: they pass the 11-test.

    >>> is_bsn("123456782"), is_bsn("123456789")
    (True, False)
    """
    digits = _digits(text)
    digits = [0, *digits] if len(digits) == 8 else digits
    if len(digits) != 9 or not any(digits):
        return False
    return sum(weight * digit for weight, digit in zip(_BSN_WEIGHTS, digits, strict=True)) % 11 == 0


def is_iban(text: str) -> bool:
    """Return whether a text without spaces is an IBAN: its country's length, and 1 modulo 97 (ISO 13616).

    >>> is_iban("NL91ABNA0417164300"), is_iban("NL92ABNA0417164300")
    (True, False)
    """
    text = text.upper()
    if _IBAN.get(text[:2]) != len(text):
        return False
    return int("".join(str(int(one, 36)) for one in text[4:] + text[:4])) % 97 == 1


def is_card(text: str) -> bool:
    """Return whether digits are those of a bank card: an issuer's first ones, a length, and Luhn's test.

    >>> is_card("4111111111111111"), is_card("4111111111111112")
    (True, False)
    """
    digits = _digits(text)
    number = "".join(map(str, digits))
    if not re.fullmatch(
        r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7]|50|5[6-9]|6\d)\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}",
        number,
    ):
        return False
    doubled = [digit if at % 2 == 0 else digit * 2 - 9 * (digit > 4) for at, digit in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0


def _iban(match: re.Match[str]) -> Span | None:
    """Return how much of a run is an IBAN: the words after it may look like more of it."""
    text, kept = match.string, ""
    length = _IBAN.get(match["country"].upper(), 0)
    at = match.start()
    while len(kept) < length and at < match.end():
        kept += text[at] if text[at].isascii() and text[at].isalnum() else ""
        at += 3 if text.startswith("%20", at) else 1
    return (match.start(), at) if is_iban(kept) and not text[at : at + 1].isalnum() else None


def _bsn(match: re.Match[str]) -> Span | None:
    return match.span("it") if is_bsn(match["it"]) else None


def _card(match: re.Match[str]) -> Span | None:
    return match.span() if is_card(match[0]) else None


def _mail(match: re.Match[str]) -> Span | None:
    name, top, text = match["name"], match["top"], match.string
    if name == "git" or top in _ATTRIBUTES or text[match.end() : match.end() + 1] in ("(", "["):
        return None
    return match.span() if top.islower() or top.isupper() or not top.isascii() else None


def _phone(match: re.Match[str]) -> Span | None:
    return match.span() if 8 <= len(_digits(match[0])) <= 15 and len(set(_digits(match[0]))) > 2 else None


_SPACE: Final = r"[ \u00a0\u202f]"
_GAP: Final = rf"(?:{_SPACE}|[-.]|%20)?"
RULES: Final = (
    Rule(
        "e-mail",
        re.compile(
            r"(?<![\w.+-])(?=[\\\w+.'-])(?P<name>(?:\\u[0-9a-f]{4}){0,20}[\w+.'-]*+"
            r"(?:\\u[0-9a-f]{4}[\w+.'-]*+){0,20})(?:@|%40)"
            r"(?:[^\W_](?:[\w-]{0,62}+)\.){1,8}(?P<top>[^\W\d_]{2,24}|xn--[a-z0-9-]{2,40})(?![\w-])"
        ),
        ("@", "%40"),
        _mail,
    ),
    Rule(
        "IBAN",
        re.compile(rf"(?<![^\W_])(?P<country>[A-Za-z]{{2}})\d{{2}}(?:{_GAP}[A-Za-z0-9]){{11,30}}"),
        (),
        _iban,
    ),
    Rule("card number", re.compile(rf"{_BEFORE}\d(?:[ \u00a0-]?\d){{12,18}}{_BEYOND}"), (), _card),
    Rule(
        "phone number",
        re.compile(r"(?<![\w.,/+-])\+[1-9](?:[ \u00a0./-]?(?:\(0?\d{0,4}\)[ -]?)?\d){6,14}(?![\w]|[.,]\d)"),
        ("+",),
        _phone,
    ),
    Rule("phone number", re.compile(r"(?<![\w.])%2[bB][1-9](?:(?:%20|-)?\d){7,14}(?!\d)"), ("%2",), _phone),
    Rule(
        "phone number",
        re.compile(rf"{_BEFORE}00[1-9]\d(?:[ \u00a0-]?(?:\(0\)[ -]?)?\d){{7,12}}{_BEYOND}"),
        ("00",),
        _phone,
    ),
    Rule(
        "phone number",
        re.compile(rf"(?<![\w./+(-])\(?06\)?(?:[ \u00a0.-]{{0,3}}[1-9])(?:[ \u00a0.-]?\d){{7}}{_BEYOND}"),
        ("06",),
        _phone,
    ),
    Rule(
        "phone number",
        re.compile(
            rf"(?<![\w.,/+(-])\(?0(?:1[035]|2[03469]|3[03568]|4[03456]|5[03578]|7\d|8[4578]|[89]00"
            rf"|[1-57]\d{{2}})\)?"
            rf"(?:[ \u00a0]?[-][ \u00a0]?|[ \u00a0]|(?<=\)))\d(?:[ \u00a0-]?\d){{5,7}}{_BEYOND}"
        ),
        ("0",),
        lambda match: match.span() if len(_digits(match[0])) == 10 else None,
    ),
    Rule(
        "phone number",
        re.compile(
            rf"(?i:tel(?:efoon|ephone)?|phone|mobiel|mobile|gsm|bel|call|fax)(?:nummer|number"
            rf"|nr)?\.?[\"']?\s{{0,3}}[:=]?\s{{0,3}}[\"']?(?P<it>\(?\d[\d ().-]{{6,16}}\d){_BEYOND}"
        ),
        ("el", "hone", "obi", "GSM", "gsm", "all", "ax", "TEL", "HONE"),
        lambda match: (
            match.span("it") if 8 <= len(_digits(match["it"])) <= 12 and not is_bsn(match["it"]) else None
        ),
    ),
    Rule(
        "phone number",
        re.compile(
            rf"{_BEFORE}0(?:1[035]|2[03469]|3[03568]|4[03456]|5[03578]|7\d|8[4578])[1-9]\d{{6}}{_BEYOND}"
        ),
        ("0",),
        _phone,
    ),
    Rule(
        "phone number",
        re.compile(r"(?<![\w.(-])(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-.])[2-9]\d{2}[-.]\d{4}(?![\w.-]*\d)"),
        ("-", "."),
        _phone,
    ),
    Rule(
        "BSN",
        re.compile(
            rf"{_BEFORE}(?P<it>\d{{9}}|\d{{4}}\.\d{{2}}\.\d{{3}}|\d{{4}} \d{{2}} \d{{3}}|\d{{3}}"
            rf"(?P<s>[ .-])\d{{3}}(?P=s)\d{{3}}|\d{{4}}-\d{{2}}-\d{{3}}){_BEYOND}"
        ),
        (),
        _bsn,
    ),
    Rule(
        "BSN",
        re.compile(
            rf"(?i:bsn|burgerservicenummer|sofinummer|citizen service number)[^\d\n{NEWLINE}{RETURN}]"
            rf"{{0,20}}(?P<it>\d{{8,9}}){_BEYOND}"
        ),
        ("bsn", "BSN", "Bsn", "umber", "ummer"),
        _bsn,
    ),
)
