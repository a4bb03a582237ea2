"""The properties of Croissant's JSON-LD that the platform reads: their form, and what is wrong with them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from werkplaats_datasets import duo
from werkplaats_datasets.faults import Broken, Fault
from werkplaats_datasets.names import DatasetId, Tier, Version

#: The namespace of the properties that no known vocabulary has.
NAMESPACE: Final = "urn:werkplaats:terms:"

Sensitivity = Literal["public", "internal", "personal", "special"]

_CROISSANT: Final = "http://mlcommons.org/croissant/1.1"
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$"),
]
Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=8000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$"
    ),
]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]{1,500}$")]
Unix = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
#: An image that stands for all files.
IMAGE: Final = "data.squashfs"
#: A path below the dataset's folder that anybody can type and read back.
PATH: Final = r"data(/[A-Za-z0-9_][A-Za-z0-9._=-]{0,127}){1,12}"
_Path = Annotated[str, StringConstraints(pattern=rf"^(data\.squashfs|{PATH})$", max_length=500)]


def _tagged(given: Any) -> Any:
    """Turn ``[{"@language": "nl", "@value": "..."}, ...]`` into ``{"nl": "...", ...}``."""
    if not isinstance(given, list):
        return given
    if not all(isinstance(one, dict) and {"@language", "@value"} == set(one) for one in given):
        return given
    return {str(one["@language"]): one["@value"] for one in given}


def _listed(given: Any) -> Any:
    return given if isinstance(given, list) else [given]


def _types(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


class _Loose(BaseModel):
    """Croissant knows more properties than are read here; what is read is strict."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class BothLanguages(_Loose):
    """A text in Dutch and English; others may be beside them."""

    nl: Text
    en: Text


_Words = Annotated[BothLanguages, BeforeValidator(_tagged)]
_Types = Annotated[list[str], BeforeValidator(_types)]


class _Said(_Loose):
    description: _Words


class _Party(_Loose):
    name: Line
    url: Url | Literal[""] = ""


class _Steward(_Party):
    identifier: Unix


class _Licence(_Loose):
    url: Url
    name: Line


class Usage(_Loose):
    """One of `usageInfo`: the offer, or a term of DUO."""

    type: _Types = Field(alias="@type")
    description: _Words | None = None
    name: _Words | None = None
    code: str = Field(default="", alias="termCode")
    permission: Annotated[list[dict[str, Any]], BeforeValidator(_listed)] = Field(
        default=[], alias="odrl:permission"
    )


class _File(_Loose):
    type: Literal["cr:FileObject"] = Field(alias="@type")
    path: _Path = Field(alias="contentUrl")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Raw(_Loose):
    """All that is read; its faults beyond their form are :func:`read`'s to find."""

    id: DatasetId = Field(alias="identifier")
    version: Version
    conforms_to: Literal["http://mlcommons.org/croissant/1.1"] = Field(alias="conformsTo")
    title: _Words = Field(alias="name")
    description: _Words
    owner: _Party = Field(alias="creator")
    steward: _Steward = Field(alias="maintainer")
    licence: _Licence = Field(alias="license")
    legal_basis: _Said = Field(alias="dpv:hasLegalBasis")
    consent: _Said = Field(alias="dpv:hasConsentStatus")
    usage: Annotated[list[Usage], BeforeValidator(_listed)] = Field(alias="usageInfo")
    sensitivity: Sensitivity = Field(alias="wp:sensitivity")
    tier: Tier = Field(alias="wp:tier")
    synthetic: bool = Field(alias="wp:synthetic")
    read_with: Line = Field(alias="wp:readWith")
    preview: bool | None = Field(default=None, alias="wp:preview")
    distribution: list[_File] = Field(min_length=1)


_OFFER: Final = "odrl:Offer"


def offers(usage: list[Usage]) -> list[Usage]:
    """Return those of `usageInfo` that are offers."""
    return [one for one in usage if _OFFER in one.type]


def _wrong_terms(usage: list[Usage]) -> Iterable[Fault]:
    """Return what is wrong with `usageInfo` beyond its form."""
    found = offers(usage)
    if len(found) != 1:
        yield Fault(
            "usageInfo", f"{len(found)} of type {_OFFER}", "Give one offer, with the terms as a whole"
        )
    for offer in found:
        if offer.description is None:
            yield Fault("usageInfo.description", "missing", "Say the terms in both languages, nl and en")
        if not offer.permission:
            yield Fault("usageInfo.odrl:permission", "missing", "Say what is permitted, such as odrl:use")
    terms = [one for one in usage if _OFFER not in one.type]
    if not terms:
        yield Fault(
            "usageInfo", "no term of DUO", "Add a DefinedTerm, such as DUO:0000042 (general research use)"
        )
    for term in terms:
        if term.code not in duo.TERMS:
            yield Fault("usageInfo.termCode", f"'{term.code[:40]}' is no term of DUO", duo.MEND)


def _wrong_files(files: list[_File]) -> Iterable[Fault]:
    seen: set[str] = set()
    for file in files:
        if file.path.casefold() in seen:
            yield Fault("distribution.contentUrl", f"'{file.path}' stands twice", "Name every file once")
        seen.add(file.path.casefold())
    if f"data/{IMAGE}" in seen:
        yield Fault("distribution.contentUrl", f"data/{IMAGE}", f"Give an image as {IMAGE}, without data/")
    if IMAGE in seen and len(files) > 1:
        yield Fault(
            "distribution", f"files beside {IMAGE}", "Name the image alone: what is in it is listed by it"
        )


def _wrong_version(version: str) -> Iterable[Fault]:
    """Refuse what other files beside a version are called."""
    if version == "current" or version.endswith((".squashfs", ".")):
        yield Fault("version", f"'{version}' is kept for other files", _MENDS["version"])


def _wrong_line(line: str) -> Iterable[Fault]:
    """Refuse what is more than a line that reads something: it is put into people's notebooks."""
    if "{path}" not in line:
        yield Fault("wp:readWith", "without {path}", "Write {path} where the mount point belongs")
    if not line.isprintable():
        yield Fault(
            "wp:readWith", "more than one line, or with signs that nobody sees", _MENDS["wp:readWith"]
        )
    elif not _only_reads(line):
        wrong = "not Python, or more than imports, assignments and expressions"
        yield Fault("wp:readWith", wrong, _MENDS["wp:readWith"])


_READING: Final = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr)


def _only_reads(line: str) -> bool:
    """Return whether a line is Python of the simplest kind."""
    try:
        found = ast.parse(line).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(isinstance(one, _READING) for one in found)


def read(jsonld: Mapping[str, Any]) -> Raw:
    """Read what the platform goes by.

    Raises
    ------
    Broken
        With every fault that there is.
    """
    try:
        raw = Raw.model_validate(jsonld)
    except ValidationError as wrong:
        raise Broken(_fault(error) for error in wrong.errors()) from None
    faults = [
        *_wrong_terms(raw.usage),
        *_wrong_files(raw.distribution),
        *_wrong_line(raw.read_with),
        *_wrong_version(raw.version),
    ]
    if faults:
        raise Broken(faults)
    return raw


_SHAPE: Final = '{"nl": "...", "en": "..."}'
_BOTH: Final = f"Give a text in both languages: {_SHAPE}"
_MENDS: Final = {
    "description": _BOTH,
    "dpv:hasLegalBasis": "Give an object with description, a text in both languages",
    "dpv:hasConsentStatus": "Give an object with description, a text in both languages",
    "identifier": "Give 2 to 40 small letters, digits and hyphens, from a letter on, as a string",
    "version": 'Give small letters, digits, dots and hyphens, such as "1.0.0"',
    "conformsTo": f"Write {_CROISSANT}",
    "license": "Give an object with url and name",
    "creator": "Give the owner: an object with name and url",
    "maintainer": "Give the steward: an object with name and identifier, their Unix name",
    "wp:tier": "Write open, registered or restricted",
    "wp:sensitivity": "Write public, internal, personal or special",
    "wp:synthetic": "Write true or false",
    "wp:readWith": "Give one line of Python, of at most 300 characters, with {path} in it: imports, "
    'assignments and expressions alone, such as import pandas; pandas.read_csv("{path}/NAME.csv")',
    "wp:preview": "Write true or false, or leave it out",
    "contentUrl": "Write data/NAME (or data.squashfs), of letters, digits, dots, hyphens and underscores",
    "sha256": "Give the file's SHA-256, 64 hexadecimal digits (`sha256sum`)",
    "distribution": "Name every file of data/, each a cr:FileObject with contentUrl and sha256",
    "usageInfo": "Give an odrl:Offer and terms of DUO, as the documentation shows",
}


_KINDS: Final = {
    "missing": "missing",
    "model_type": "not an object",
    "dict_type": "not an object",
    "list_type": "not a list",
    "string_type": "not a text",
    "bool_type": "neither true nor false",
    "string_too_short": "empty",
    "too_short": "empty",
}


def _fault(error: Any) -> Fault:
    """Say one of pydantic's errors as a fault."""
    place = [str(part) for part in error["loc"]]
    mend = next(
        (_MENDS[part] for part in reversed(place) if part in _MENDS), "See the documentation of records"
    )
    if place == ["name"]:
        mend = _BOTH
    if place[-1] in ("nl", "en"):
        mend = f"Give the text in '{place[-1]}' too, not empty and on plain lines: {_SHAPE}"
    return Fault(".".join(place), _wrong(error), mend)


def _wrong(error: Any) -> str:
    """Say what is wrong in words that are not pydantic's."""
    kind = error["type"]
    if kind == "string_pattern_mismatch":
        return f"{ascii(error['input'])[:60]} cannot be used"
    said = _KINDS.get(kind) or str(error["msg"]).rstrip(".")[:300]
    return said[0].lower() + said[1:]
