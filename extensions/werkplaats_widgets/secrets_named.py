"""Secrets that are known by the name before them: ``password = ...``, ``--token ...``, ``Cookie: ...``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from werkplaats_widgets.reading import DOUBLE, NEWLINE, RETURN, SINGLE, TAB
from werkplaats_widgets.rules import Rule, Span
from werkplaats_widgets.secret_values import GAP, is_literal, looks_secret, value_at

_QUOTE: Final = rf"[\"'`{DOUBLE}{SINGLE}]"
_LINE: Final = rf"[^\r\n{NEWLINE}{RETURN}]"
_START: Final = rf"(?:^|(?<=[{NEWLINE}{RETURN}\"{DOUBLE}]))"

_PASSWORDS: Final = (
    "password|passwd|passwort|kennwort|passphrase|pass[_-]?code|passwrd|pwd|wachtwoord|wachtzin|geheim"
    "|mot[ _]de[ _]passe|contrase(?:ñ|n)a|(?<![a-z])pass(?!w(?:or)?d|phrase|[_-]?code)|"
    "(?<![a-z])psk|(?<![a-z])pin(?:[_-]?code)?|(?<![a-z])pw"
)
_TOKENS: Final = (
    "secret|credential|(?:auth|access|refresh|api|bearer|id|session|csrf|xsrf|service|bot|deploy|push"
    r"|security|hub)[_-]?token|authtoken|(?<![a-z])jwt|x-auth|_auth"
)
_KEYS: Final = (
    "(?:api|app|access|account|secret|private|shared|signing|encryption|encrypt|license"
    "|licence|subscription|storage|master"
    "|session|service|crypt|fernet|ssh|admin|client)[_ -]?key|client-key-data|api[_-]?sleutel|sharedaccesskey"
)
_COOKIES: Final = (
    "sessionid|session[_-]?id|session[_-]?cookie|phpsessid|jsessionid|asp\\.net_sessionid"
    "|connect\\.sid|csrftoken|_xsrf|xsrf"
    "|jupyterhub-session-id|jupyterhub-hub-login|jupyterhub-user-[\\w-]{1,40}"
    "|authelia_session|laravel_session"
)
#: What may follow the name within the same word, and what makes it something about a secret instead.
_AFTER: Final = (
    r"(?!s?[_-]?(?:file|path|field|length|len|policy|required|type|reset|hint|url|uri|min"
    r"|max|count|name|ref|manager|form|input"
    r"|prompt|page|size|size|set|expir\w*|ttl|lifetime|stdin|store|provider|error|id(?![a-z]))(?![a-z]{4}))"
    r"[A-Za-z0-9_-]{0,24}?"
)
#: The signs between a name and its value: of Python, JSON, YAML, ini, Ruby, XML, in an address, of an index.
_SIGN: Final = (
    rf"(?:{_QUOTE}?\]?\)?{GAP}"
    rf"(?::{GAP}(?:optional\[)?(?:str|bytes|secretstr)\]?(?:{GAP}\|{GAP}none)?{GAP}=|:=|=>|->"
    rf"|==?|:\*\*|\*\*:?|:|(?:%22|%27)?%3[ad](?:%22|%27)?)"
    rf"|{_QUOTE}?[\s,\"{NEWLINE}]{{1,60}}{_QUOTE}?value{_QUOTE}?{GAP}[:=]"
    rf"|{_QUOTE}{GAP},(?={GAP}{_QUOTE})|(?:\s[^<>\r\n]{{0,60}})?>(?=[^<\s]))(?!=)"
)
_COMMANDS: Final = r"(?<![\w-])--?"

Test = Callable[[str, str], bool]


def _any(_name: str, _value: str) -> bool:
    return True


def _no_path(name: str, value: str) -> bool:
    """Return whether it is no folder: ``PWD`` is where a shell stands; or a moment, a number of a page."""
    short = name.lower().strip("_-")
    if short == "pwd":
        return not re.match(r"[/~.\\]|[A-Za-z]:", value)
    return short != "pin" or bool(re.match(r"\d{4,8}$", value))


def _drawn(name: str, value: str) -> bool:
    return looks_secret(value, 8 if "tok" in name.lower() else 12)


def _valued(test: Test) -> Callable[[re.Match[str], str], Span | None]:
    """Return a look at what follows a name and its sign."""

    def part(match: re.Match[str], text: str) -> Span | None:
        span = value_at(text, match.end())
        if span is None:
            return None
        value = text[span[0] : min(span[1], span[0] + 400)]
        return span if is_literal(value) and test(match["name"], value) else None

    return part


def _named(kind: str, names: str, test: Test = _any, after: str = _AFTER) -> Rule:
    pattern = re.compile(rf"(?P<name>{names}){after}{_SIGN}")
    return Rule(kind, pattern, folded=_valued(test))


def _option(kind: str, names: str) -> Rule:
    """Return the rule for a command's options: ``--password hunter2``."""
    pattern = re.compile(
        rf"{_COMMANDS}(?P<name>[\w-]{{0,24}}?(?:{names}))(?:{GAP}{_QUOTE},)?[ \t]{{1,8}}(?=[^\s-]|-\S*\d)"
    )
    return Rule(kind, pattern, folded=_valued(_any))


def _spoken(value: str) -> bool:
    value = value.rstrip(".,;:!?)")
    mixed = re.search(r"\d", value) and re.search(r"[A-Za-z]", value)
    return bool(
        mixed
        and len(value) >= 6
        and re.fullmatch(r"[!-~]+", value)
        and looks_secret(value.strip("!?#$*&^"), 6)
    )


def _sentence(kind: str, names: str) -> Rule:
    pattern = re.compile(
        rf"(?<![a-z])(?P<name>{names}) (?:is|was|luidt|=|van \S{{1,40}} is|for \S{{1,40}} is)"
        rf"(?: now| nu)?:? {{1,3}}"
    )
    return Rule(kind, pattern, folded=_valued(lambda _name, value: _spoken(value)))


def _beside(kind: str, names: str) -> Rule:
    """Return the rule for a value that stands beside its name, as in a table or a server's settings."""
    pattern = re.compile(rf"(?<![a-z])(?P<name>{names})(?: \| | {{1,3}})")
    return Rule(kind, pattern, folded=_valued(lambda _name, value: len(value) >= 8 and _spoken(value)))


def _here(kind: str, pattern: str, needs: tuple[str, ...]) -> Rule:
    """Return a rule whose secret is the group ``it``, when it is a literal."""

    def part(match: re.Match[str]) -> Span | None:
        return match.span("it") if is_literal(match["it"]) else None

    return Rule(kind, re.compile(pattern), needs, part)


def _in_a_table(kind: str, names: str) -> Rule:
    """Return the rule for a variable of an environment and its value, however a table sets them apart."""
    space, bar = rf"[ \t{TAB}]", r"[|│]|\\u2502"  # the latter as JSON may write it
    line = rf"(?:\r?\n|{NEWLINE}(?:\",\s{{0,40}}\")?)"
    apart = (
        rf"(?:{_QUOTE}?(?:{space}|{bar}){{1,60}}|{_QUOTE}?{space}{{0,8}}[=:]{space}{{0,8}}{line}{space}{{0,40}}"
        rf"|</t[hd]>{line}?{space}{{0,40}}<t[hd][^<>\r\n]{{0,60}}>)"
    )
    pattern = rf"(?:{names}){apart}{_QUOTE}?(?P<it>[A-Za-z0-9+/=_.~-]{{16,}}+)"

    def part(match: re.Match[str]) -> Span | None:
        return match.span("it") if looks_secret(match["it"], 12) else None

    return Rule(kind, re.compile(pattern), ("_TOKEN", "_SECRET", "_KEY", "_PASSWORD"), part)


_TO_THE_END: Final = rf"(?P<it>{_LINE[:-1]}\"'{DOUBLE}{SINGLE}]++)"
_TWO: Final = (
    rf"(?:{_QUOTE}[^\"'\r\n{DOUBLE}{SINGLE}]{{0,200}}+{_QUOTE}|[\w.\[\]]{{1,60}}+)\s{{0,40}},\s{{0,40}}"
)

RULES: Final = (
    _here(
        "cookie",
        rf"(?i:cookie2?){_QUOTE}?{GAP}(?::|=){GAP}(?:[rbfu]{{0,2}}{_QUOTE})?(?![{{(\[]){_TO_THE_END}",
        ("ookie", "OOKIE"),
    ),
    _here(
        "cookie",
        rf"(?i:cookies?){_QUOTE}?{GAP}[=:]{GAP}(?:dict)?[({{](?P<it>[^{{}}()\r\n]{{1,4000}}+)(?=[)}}])",
        ("ookie", "OOKIE"),
    ),
    _here(
        "cookie",
        rf"(?<![\w-])(?:-b|--cookie)[ =]{{1,4}}(?:{_QUOTE}(?P<q>)|)(?P<it>[\w.-]{{1,80}}+=(?"
        rf"(q)[^\r\n\"'{DOUBLE}{SINGLE}]*+|[^\s\"'{NEWLINE}]*+))",
        ("-b", "--cookie"),
    ),
    _here(
        "token",
        rf"(?i:authorization|x-jupyter-token){_QUOTE}?{GAP}(?::|=|,|=>){GAP}(?:[rbfu]{{0,2}}{_QUOTE})?"
        rf"(?:(?i:bearer|basic|token|digest|negotiate|apikey|key|aws4-hmac-sha256)(?: {{1,4}}|%20"
        rf"|\+))?{_TO_THE_END}",
        ("uthorization", "UTHORIZATION", "oken"),
    ),
    _here(
        "token",
        r"(?i:bearer|token)(?<![\w-]bearer)(?: {1,4}|%20)(?P<it>[A-Za-z0-9._~+/-]{20,}+=*+)",
        ("earer", "oken", "OKEN"),
    ),
    _here(
        "password",
        rf"(?<![\w-])(?:-u|--user|--proxy-user|--auth|http -a)(?:{GAP}{_QUOTE}?"
        rf"|=)[^\s:\"'{DOUBLE}{SINGLE}/]{{1,80}}:(?P<it>[^\s\"'{NEWLINE}{DOUBLE}{SINGLE}]++)",
        ("-u", "-user", "--auth", "http -a"),
    ),
    _here(
        "password",
        r"(?:sshpass +-p ?|redis-cli\b[^\r\n]{0,80} -a |mysql(?:dump|admin)?\b[^\r\n]{0,80}? -p"
        r"|docker login[^\r\n]{0,80} -p |ldap\w+[^\r\n]{0,80} -w |7z \w[^\r\n]{0,40} -p"
        r"|zip[^\r\n]{0,40} -P )['\"]?(?P<it>[^\s'\"]++)",
        ("sshpass", "redis-cli", "mysql", "docker login", "ldap", "zip", "7z "),
    ),
    _here("password", r"(?i)(?:-passin|-passout|-pass) +pass:(?P<it>\S++)", ("pass:",)),
    _here(
        "password",
        rf"(?m){_START}[^\s:#\"]{{1,120}}+:(?:\d{{2,5}}|\*):[^\s:]{{1,120}}+:[^\s:]{{1,120}}+:"
        rf"(?P<it>[^\s\"{NEWLINE}]++)(?=\s|[{NEWLINE}\"]|$)",
        (":",),
    ),
    _here(
        "password",
        rf"(?i)(?:login|user)[ \t]{{1,8}}\S{{1,80}}\s{{1,8}}(?:password|account)[ \t]{{1,8}}"
        rf"(?P<it>[^\s\"{NEWLINE}]++)",
        ("login", "user"),
    ),
    _here(
        "password",
        rf"(?im)(?:^|[{NEWLINE}\"])[ \t]{{0,20}}password[ \t]{{1,8}}"
        rf"(?P<it>[^\s\"'=:{NEWLINE}]++)[ \t]{{0,8}}(?=$|[\r{NEWLINE}\"])",
        ("password",),
    ),
    _here(
        "password",
        r"(?i)WIFI:[^\r\n]{0,120}?P:(?P<it>[^;\\\r\n]*+(?:\\.[^;\\\r\n]*+){0,40})",
        ("WIFI:", "wifi:"),
    ),
    _here(
        "password",
        r"(?:wpa_passphrase +(?:\"[^\"]{1,40}\"|\S{1,40})|nmcli[^\r\n]{0,80}? password) +"
        r"(?P<it>[^\s\"']++)",
        ("wpa_passphrase", "nmcli"),
    ),
    # What a shell hands to a command that asks for a password.
    _here(
        "password",
        rf"echo +{_QUOTE}?(?:[\w.-]{{1,40}}:)?(?P<it>[^\s\"'|:{DOUBLE}{SINGLE}]{{1,200}}+){_QUOTE}? *\| *"
        rf"(?:sudo -S|(?:sudo )?(?:chpasswd|passwd)|docker login|[^\r\n]{{0,60}}password-stdin)",
        ("sudo -S", "passwd", "docker login", "password-stdin"),
    ),
    _here(
        "password",
        r"(?:sudo -S[^\r\n]{0,40}<<< *|htpasswd +-\w{1,5} +\S{1,80} +\S{1,80} +"
        r"|openssl enc[^\r\n]{0,80}? -k +|net use +\S{1,40} +\S{1,80} +)['\"]?(?P<it>[^\s\"'/][^\s\"']*+)",
        ("sudo -S", "htpasswd", "openssl enc", "net use"),
    ),
    _here(
        "password",
        rf"(?:thin:|connect\({_QUOTE})\w{{1,60}}/(?P<it>[^\s@\"'/]{{1,200}}+)(?=@)",
        ("thin:", "connect("),
    ),
    _here("key", rf"Fernet\(b?{_QUOTE}(?P<it>[\w=-]{{20,}}+)", ("Fernet(",)),
    _here(
        "password",
        r"(?i)(?<![a-z])(?:pin ?code|cvv|cvc|otp|verification code|verificatiecode)(?: is|:|=)? {0,3}"
        r"(?P<it>\d{3,8})(?!\w)",
        ("code", "cv", "CV", "otp", "OTP"),
    ),
    _here(
        "password",
        rf"(?i)(?:identified +by|with +(?:encrypted +)?password|set +password +"
        rf"(?:for +\S{{1,80}} +)?=?) *(?P<q>{_QUOTE})(?P<it>[^\"'\r\n{DOUBLE}{SINGLE}]++)",
        ("y", "Y", "ASSWORD", "assword"),
    ),
    _here(
        "password",
        rf"(?:\.login|\.authenticate|BasicAuth|DigestAuth|\.auth|\b(?:auth|credentials?|creds){GAP}="
        rf"|\bconnect)\s{{0,8}}\(\s{{0,40}}{_TWO}(?:{_TWO})?(?P<q>{_QUOTE})"
        rf"(?P<it>[^\"'\r\n{DOUBLE}{SINGLE}]++)",
        ("auth", "login", "Auth", "connect", "cred"),
    ),
    _here(
        "token",
        rf"(?:wandb login|login\(|hf auth login|huggingface-cli login)[ \t]{{0,4}}"
        rf"(?:--\w{{1,20}}[ =])?{_QUOTE}?(?P<it>[A-Za-z0-9_-]{{20,}}+)",
        ("login",),
    ),
    _here(
        "token",
        r"[?&#](?i:token|access_token|auth|api_key|apikey|key|code|sig|signature"
        r"|x-amz-[a-z-]{5,20}|awsaccesskeyid|session|sessionid|password|jwt|sid|client_secret"
        r"|refresh_token|state|ticket|samlresponse|_xsrf)=(?P<it>[^\s&\"'<>#)\]}"
        + DOUBLE
        + SINGLE
        + NEWLINE
        + r"]++)",
        ("=",),
    ),
    _here(
        "token",
        rf"(?i)(?:%3F|%26)(?:token|access_token|api_key|key|sig|password)%3D(?P<it>[^\s&\"'<>%{NEWLINE}]++)",
        ("%3D", "%3d"),
    ),
    _here(
        "key", r"(?i:(?:Account|SharedAccess|Shared)Key)(?:Name)?=(?P<it>[A-Za-z0-9+/]{16,}+=*+)", ("Key",)
    ),
    _here(
        "password",
        rf"(?i){_QUOTE}_?auth{_QUOTE}{GAP}:{GAP}{_QUOTE}(?P<it>[A-Za-z0-9+/]{{8,}}+=*+)(?={_QUOTE})",
        ("auth",),
    ),
    _here(
        "token",
        rf"(?i)_(?:authToken|auth|password){GAP}={GAP}{_QUOTE}?(?P<it>[^\s\"'{NEWLINE}]++)",
        ("_auth", "_password"),
    ),
    _named("cookie", _COOKIES),
    _named("key", _KEYS),
    _named("token", _TOKENS),
    _named("password", _PASSWORDS, _no_path),
    _named(
        "token",
        "token|auth|jwt|bearer|sig|signature|session|(?<![a-z])sid|salt|nonce|cred|hash_key|webhook",
        _drawn,
    ),
    _named("key", "key|sleutel", _drawn),
    _option("password", "password|passwd|pass|pwd|passphrase|wachtwoord"),
    _option("token", "token|secret|api-?key|access-?key|auth"),
    _in_a_table("token", "_TOKEN|_SECRET"),
    _in_a_table("key", "_KEY"),
    _in_a_table("password", "_PASSWORD"),
    _sentence("password", "password|passwd|passphrase|wachtwoord|pass|pwd|pw|inlogcode"),
    _beside(
        "password",
        "password|passwd|passphrase|wachtwoord|pwd|pw|storepass|keypass|requirepass|masterauth|bindpw",
    ),
    _sentence("token", "token|secret|api[ -]?key|key|sleutel|access[ -]?code|toegangscode"),
    _here(
        "token",
        r"(?i)(?<![a-z])(?:secret|token|api[ -]?key|key|sleutel) {1,3}['\"(]?(?P<it>"
        r"(?=[\w+/=.~-]{0,40}\d)(?=[\w+/=.~-]{0,40}[A-Za-z])"
        r"(?=[\w+/=.~-]{0,80}[A-Z])[A-Za-z0-9+/=_.~-]{20,}+)",
        ("e",),
    ),
)
