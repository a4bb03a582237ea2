"""A dataset's record: Croissant 1.1 as it was given, and what of it the platform goes by.

The JSON-LD itself is kept and published; what is read here are the properties that the page
``docs/reference/dataset-record.md`` lists, spelled as there. Everything else that Croissant knows may
stand beside them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from werkplaats_datasets import duo, profile
from werkplaats_datasets.faults import Broken, Fault
from werkplaats_datasets.names import DatasetId, Tier, Version
from werkplaats_datasets.profile import BothLanguages, Line, Raw, Sensitivity, Text, Unix, Url, Usage

__all__ = ["Broken", "Fault", "File", "Party", "Purpose", "Record", "Steward", "Words", "load", "parse"]

#: A longer record is not read at all (bytes); one of 5,000 files fits.
MOST_BYTES: Final = 4 * 1024 * 1024


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Frozen):
    """One text in both languages."""

    nl: Text
    en: Text


class Party(_Frozen):
    """Somebody that a record names."""

    name: Line
    url: Url | Literal[""] = ""


class Steward(Party):
    """Who decides on access.

    Attributes
    ----------
    person
        Their Unix name, with which they sign in.
    """

    person: Unix


class Purpose(_Frozen):
    """What the data may be used for, or a condition on that: a term of the Data Use Ontology.

    Attributes
    ----------
    code
        Such as ``DUO:0000042``.
    """

    code: str
    title: Words


class File(_Frozen):
    """A file of the dataset.

    Attributes
    ----------
    path
        Below the dataset's folder: ``vehicles.parquet``.
    sha256
        Hexadecimal.
    """

    path: str
    sha256: str


class Record(_Frozen):
    """What the platform knows of one version of a dataset.

    Attributes
    ----------
    licence
        Its address.
    terms
        What a person must agree to, in their words; `purposes` is the same for machines.
    tier
        Who may mount it.
    synthetic
        Whether it was made up, and is about nobody.
    read_with
        A line of Python that reads it; ``{path}`` is where it is mounted.
    show_preview
        Whether the first rows may be shown to everybody.
    files
        Everything it consists of.
    """

    id: DatasetId
    version: Version
    title: Words
    description: Words
    owner: Party
    steward: Steward
    licence: str
    licence_title: str
    legal_basis: Words
    consent: Words
    terms: Words
    purposes: tuple[Purpose, ...]
    sensitivity: Sensitivity
    tier: Tier
    synthetic: bool
    read_with: str
    show_preview: bool
    files: tuple[File, ...]


def load(text: bytes) -> dict[str, Any]:
    """Read a record's JSON.

    Raises
    ------
    Broken
        When it is too long, not JSON, or not an object.
    """
    if len(text) > MOST_BYTES:
        most = MOST_BYTES // 1024**2
        raise _unreadable(f"longer than {most} MiB", "List fewer files, or give a squashfs image")
    try:
        found = json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise _unreadable("nested too deep", "Write it flat, as the documentation shows") from None
    except ValueError as wrong:
        raise _unreadable(f"not JSON: {wrong}", "Write it as JSON in UTF-8") from None
    if not isinstance(found, dict):
        raise _unreadable("not an object", "Begin it with '{', as the documentation shows")
    return found


def _unreadable(wrong: str, mend: str) -> Broken:
    return Broken([Fault("the file", wrong, mend)])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"'{twice}' stands twice in one object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def parse(jsonld: Mapping[str, Any]) -> Record:
    """Read what the platform goes by out of a record.

    Raises
    ------
    Broken
        With every fault that there is.
    """
    return _record(profile.read(jsonld))


def _record(raw: Raw) -> Record:
    offer = profile.offers(raw.usage)[0]
    terms = (one for one in raw.usage if one is not offer)
    return Record(
        id=raw.id,
        version=raw.version,
        title=_words(raw.title),
        description=_words(raw.description),
        owner=Party(name=raw.owner.name, url=raw.owner.url),
        steward=Steward(name=raw.steward.name, url=raw.steward.url, person=raw.steward.identifier),
        licence=raw.licence.url,
        licence_title=raw.licence.name,
        legal_basis=_words(raw.legal_basis.description),
        consent=_words(raw.consent.description),
        terms=_words(offer.description),
        purposes=tuple(Purpose(code=one.code, title=_title(one)) for one in terms),
        sensitivity=raw.sensitivity,
        tier=raw.tier,
        synthetic=raw.synthetic,
        read_with=raw.read_with,
        show_preview=raw.tier != "restricted" if raw.preview is None else raw.preview,
        files=tuple(File(path=one.path.removeprefix("data/"), sha256=one.sha256) for one in raw.distribution),
    )


def _words(both: BothLanguages | None) -> Words:
    assert both is not None  # noqa: S101  # _wrong_terms has seen to it
    return Words(nl=both.nl, en=both.en)


def _title(term: Usage) -> Words:
    if term.name is not None:
        return _words(term.name)
    nl, en = duo.TERMS[term.code]
    return Words(nl=nl, en=en)
