"""Secrets that are known by their own shape: what the services that issue them begin them with."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from werkplaats_widgets.reading import DOUBLE, NEWLINE, RETURN, SINGLE, TAB
from werkplaats_widgets.rules import Rule, Span
from werkplaats_widgets.secret_values import is_literal

_RUN: Final = "[A-Za-z0-9_-]"
#: What a token begins with, and what follows. It ends where its characters end.
_TOKENS: Final = (
    # AWS, Alibaba, Tencent, Google, Azure
    *((begin, "[A-Z0-9]{12,}+") for begin in ("AKIA", "ASIA", "ABIA", "ACCA", "AROA", "AIDA")),
    ("LTAI", "[A-Za-z0-9]{12,}+"),
    ("AKID", "[A-Za-z0-9]{13,}+"),
    ("AIza", f"{_RUN}{{30,}}+"),
    ("ya29.", f"{_RUN}{{20,}}+(?:\\.{_RUN}++){{0,5}}"),
    ("1//0", f"{_RUN}{{20,}}+"),
    ("GOCSPX-", f"{_RUN}{{10,}}+"),
    # where code lies
    *((f"gh{kind}_", "[A-Za-z0-9]{16,}+") for kind in "pousr"),
    ("github_pat_", "[A-Za-z0-9_]{20,}+"),
    *(
        (begin, f"{_RUN}{{16,}}+(?:\\.{_RUN}++){{0,5}}")
        for begin in ("glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "gloas-", "glsoat-", "glft-", "glimt-")
    ),
    ("ATATT3", "[A-Za-z0-9_=-]{20,}+"),
    ("ATBB", "[A-Za-z0-9]{20,}+"),
    # where people speak
    *((f"xox{kind}-", "[A-Za-z0-9-]{10,}+") for kind in "abeoprsc"),
    ("xapp-", "[A-Za-z0-9-]{10,}+"),
    # models
    ("sk-", f"{_RUN}{{20,}}+"),
    ("hf_", "[A-Za-z0-9]{20,}+"),
    ("api_org_", "[A-Za-z0-9]{20,}+"),
    ("gsk_", "[A-Za-z0-9]{20,}+"),
    ("xai-", "[A-Za-z0-9]{20,}+"),
    ("r8_", "[A-Za-z0-9]{20,}+"),
    ("pplx-", "[A-Za-z0-9]{20,}+"),
    ("nvapi-", f"{_RUN}{{20,}}+"),
    ("tvly-", f"{_RUN}{{16,}}+"),
    ("lsv2_", "[A-Za-z0-9_]{20,}+"),
    ("KGAT_", "[A-Za-z0-9]{16,}+"),
    ("wandb_v1_", "[A-Za-z0-9_]{20,}+"),
    # packages and images
    ("npm_", "[A-Za-z0-9]{20,}+"),
    ("pypi-", f"{_RUN}{{20,}}+"),
    ("rubygems_", "[a-f0-9]{20,}+"),
    *((begin, f"{_RUN}{{16,}}+") for begin in ("dckr_pat_", "dckr_oat_")),
    # money
    *((f"{kind}_{of}_", "[A-Za-z0-9]{10,}+") for kind in ("sk", "rk", "pk") for of in ("live", "test")),
    ("whsec_", "[A-Za-z0-9+/=]{16,}+"),
    *((begin, f"{_RUN}{{16,}}+") for begin in ("sq0atp-", "sq0csp-", "sq0idp-", "EAAAE")),
    *((f"shp{kind}_", "[a-fA-F0-9]{20,}+") for kind in ("at", "ca", "pa", "ss")),
    # mail and telephone
    ("SG.", f"{_RUN}{{10,}}+\\.{_RUN}{{10,}}+"),
    ("SK", "[0-9a-f]{32}(?![0-9A-Za-z])"),
    ("AC", "[0-9a-f]{32}(?![0-9A-Za-z])"),
    ("key-", "[0-9a-f]{32}(?![0-9A-Za-z])"),
    ("xkeysib-", "[A-Za-z0-9-]{30,}+"),
    # where things run
    *((begin, f"{_RUN}{{20,}}+") for begin in ("hvs.", "hvb.", "hvr.")),
    ("dapi", "[0-9a-f]{32}(?:-\\d)?(?![0-9A-Za-z])"),
    *((f"{begin}_v1_", "[a-f0-9]{32,}+") for begin in ("dop", "doo", "dor")),
    ("glsa_", "[A-Za-z0-9_]{20,}+"),
    ("glc_", "[A-Za-z0-9+/=]{20,}+"),
    ("NRAK-", "[A-Z0-9]{20,}+"),
    ("PMAK-", "[A-Za-z0-9-]{20,}+"),
    ("lin_api_", "[A-Za-z0-9]{20,}+"),
    ("ntn_", "[A-Za-z0-9]{20,}+"),
    ("secret_", "[A-Za-z0-9]{32,}+"),
    ("figd_", f"{_RUN}{{20,}}+"),
    ("tskey-", "[A-Za-z0-9-]{16,}+"),
    ("sntrys_", "[A-Za-z0-9+/=_-]{20,}+"),
    ("dp.pt.", "[A-Za-z0-9]{20,}+"),
    ("pul-", "[a-f0-9]{32,}+"),
    ("EZAK", "[A-Za-z0-9]{40,}+"),
    ("EAAC", "[A-Za-z0-9]{20,}+"),
    ("fly_", "[A-Za-z0-9_]{24,}+"),
    ("FlyV1 ", "[A-Za-z0-9+/=_,-]{24,}+"),
    ("CFPAT-", f"{_RUN}{{20,}}+"),
    ("sbp_", "[a-f0-9]{32,}+"),
    ("AAAAAAAAAAAAAAAAAAAAA", "[A-Za-z0-9%]{40,}+"),
    ("AGE-SECRET-KEY-1", "[A-Z0-9]{20,}+"),
)


def _token(begin: str, follows: str) -> Rule:
    start = re.escape(begin)
    # The look back comes after the letters: a pattern that begins with letters is searched for fast.
    return Rule("token", re.compile(f"{start}(?<![A-Za-z0-9]{start}){follows}"), (begin,))


#: What stands in an address, without these and those that are named after it.
_NAME: Final = rf"[^\s\"'<>{NEWLINE}{RETURN}{TAB}{DOUBLE}{SINGLE}"
_PEM: Final = rf"[A-Za-z0-9+/=\s\\\"',:.;#>(){NEWLINE}{RETURN}{TAB}{DOUBLE}{SINGLE}]*+"
_BETWEEN: Final = rf"[\s\\\"',{NEWLINE}{RETURN}{TAB}{DOUBLE}{SINGLE}]"
_BEGIN: Final = "-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"


def _is_basic(match: re.Match[str]) -> Span | None:
    """Return where a name and password in base64 are."""
    text = match["it"].rstrip("=")
    try:
        said = base64.b64decode(text[: len(text) // 4 * 4], validate=True)
    except binascii.Error:
        return None
    return match.span("it") if b":" in said or len(said) >= 24 else None


def _is_said(match: re.Match[str]) -> Span | None:
    return match.span("it") if is_literal(match["said"]) else None


def _is_bot(match: re.Match[str]) -> Span | None:
    return match.span() if not match["it"].isalpha() else None


def _is_discord(match: re.Match[str]) -> Span | None:
    """Return where a bot's token is: it begins with a number in base64."""
    first = match["first"]
    try:
        said = base64.b64decode(first + "=" * (-len(first) % 4), validate=True)
    except binascii.Error:
        return None
    return match.span() if said.isdigit() else None


RULES: Final = (
    Rule(
        "private key",
        re.compile(
            f"{_BEGIN}(?:{_PEM}(?:-(?!-){_PEM}){{0,200}}-----END[A-Z0-9 ]{{0,60}}-----"
            f"|(?:{_BETWEEN}*+(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset):[^\r\n{NEWLINE}{RETURN}]{{0,200}}+){{0,5}}"
            f"(?:{_BETWEEN}*+[A-Za-z0-9+/=]{{16,}}+){{0,1000}})"
        ),
        ("PRIVATE KEY",),
    ),
    Rule(
        "private key",
        re.compile(r"Private-Lines:[ \t]*\d+(?P<it>(?:\s+[A-Za-z0-9+/=]{16,}+){1,1000})"),
        ("Private-Lines:",),
    ),
    # A host that is asked with a name and a password; what follows the colon may be a port.
    Rule(
        "password",
        re.compile(
            rf"://(?P<it>{_NAME}/:@]*+:(?P<said>(?!\d{{1,5}}(?:[/?#]|$)){_NAME}@/]*+(?:/(?!/){_NAME}@/]*+){{0,200}}"
            rf"(?:@{_NAME}@/]*+){{0,20}}))@"
        ),
        ("://",),
        _is_said,
    ),
    Rule(
        "token",
        re.compile(r"://(?P<it>[A-Za-z0-9_.~-]{16,}+)@"),
        ("://",),
    ),
    Rule(
        "token",
        re.compile(
            r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<it>[\w/-]++)"
            r"|discord(?:app)?\.com/api/(?:v\d+/)?webhooks/(?P<hook>[\w/-]++)"
            r"|\.webhook\.office\.com/(?P<office>[\w/@-]++)"
        ),
        ("hooks.slack.com", "discord", "webhook.office.com"),
        lambda match: match.span(match.lastgroup or 0),
    ),
    Rule(
        "token", re.compile(r"eyJ(?<![\w-]eyJ)[\w-]{5,}+\.[\w-]{4,}+(?:\.[\w-]++){0,3}", re.ASCII), ("eyJ",)
    ),
    *(_token(*token) for token in _TOKENS),
    Rule(
        "token",
        re.compile(r"(?<![\w.])(?P<first>[MNO][A-Za-z0-9]{22,30})\.[\w-]{6,8}\.[\w-]{25,}+", re.ASCII),
        (),
        _is_discord,
    ),
    Rule(
        "token",
        re.compile(r"(?<![\w.])(?:bot)?\d{8,10}:(?P<it>[A-Za-z0-9_-]{30,}+)", re.ASCII),
        (":",),
        _is_bot,
    ),
    Rule("key", re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{32}-us\d{1,2}(?!\w)"), ("-us",)),
    Rule("token", re.compile(r"(?<!\w)pat[A-Za-z0-9]{14}\.[a-f0-9]{64}(?!\w)"), ("pat",)),
    Rule(
        "password",
        re.compile(r"(?i:basic)(?<!\wbasic) +(?P<it>[A-Za-z0-9+/]{8,}+=*+)"),
        ("asic ", "ASIC "),
        _is_basic,
    ),
    Rule(
        "password",
        re.compile(r"(?i:basic)(?<!\wbasic)%20(?P<it>[A-Za-z0-9+/]{8,}+(?:=|%3D){0,3})"),
        ("asic%20",),
        _is_basic,
    ),
)
