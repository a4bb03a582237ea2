"""The provenance statement as RO-Crate 1.1: JSON-LD that goes with a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from werkplaats_datasets.record import Record, Words
from werkplaats_desk import words
from werkplaats_desk.pages import moment
from werkplaats_desk.provenance import Statement, Used
from werkplaats_desk.uses import Use
from werkplaats_desk.words import gettext as _

_CONTEXT: Final = "https://w3id.org/ro/crate/1.1/context"
_CONFORMS: Final = "https://w3id.org/ro/crate/1.1"
_HEAD: Final = "#audit-head"
_Entity = dict[str, Any]
_DESCRIPTOR: Final[_Entity] = {
    "@id": "ro-crate-metadata.json",
    "@type": "CreativeWork",
    "conformsTo": {"@id": _CONFORMS},
    "about": {"@id": "./"},
}


def crate(statement: Statement) -> Iterator[str]:
    """Return ``ro-crate-metadata.json``, part after part: it can be long, and is never held as a whole."""
    yield f'{{\n"@context": "{_CONTEXT}",\n"@graph": [\n{_text(_DESCRIPTOR)}'
    yield from _root(statement)
    for entity in _entities(statement):
        yield ",\n" + _text(entity)
    yield "\n]\n}\n"


def _root(statement: Statement) -> Iterator[str]:
    """Return the crate itself; what it mentions comes last, one after another."""
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": _title(statement),
        "description": _("Which datasets were mounted, as the audit of this platform shows it."),
        "datePublished": moment(statement.at),
        "license": _("Facts about the use of data; the licence of each dataset stands with it."),
        "inLanguage": words.current(),
        "identifier": _ref(_HEAD),
    }
    yield ",\n" + _text(root).removesuffix("\n}") + ',\n  "mentions": ['
    comma = ""
    for name in _mentioned(statement):
        yield comma + json.dumps(_ref(name))
        comma = ", "
    yield "]\n}"


def _mentioned(statement: Statement) -> Iterator[str]:
    yield from (_id(used) for used in statement.used)
    yield from (_action_id(use) for used in statement.used for use in used.uses)


def _entities(statement: Statement) -> Iterator[_Entity]:
    """Return everything that the crate speaks of, each once."""
    said: set[str] = set()
    for entity in _whatever(statement):
        if entity["@id"] not in said:
            yield entity
        if entity["@type"] != "UseAction":  # there are many of those, and each is told of once
            said.add(entity["@id"])


def _whatever(statement: Statement) -> Iterator[_Entity]:
    yield _head(statement)
    for used in statement.used:
        yield _dataset(used)
        yield from _parties(used.found.record if used.found else None)
        for use in used.uses:
            yield _action(used, use)
            yield _person(use.person)


def _text(entity: _Entity) -> str:
    return json.dumps(entity, indent=2, ensure_ascii=False)


def _title(statement: Statement) -> str:
    about = statement.about
    if about.project:
        return _("Data used in the project {name}").format(name=about.project)
    return _("Data used by {name}").format(name=about.person)


def _dataset(used: Used) -> _Entity:
    found: _Entity = {
        "@id": _id(used),
        "@type": "Dataset",
        "identifier": used.dataset,
        "version": used.version,
    }
    if used.found is None:
        return {**found, "name": f"{used.dataset} {used.version}"}
    record, entry = used.found.record, used.found.entry
    return {
        **found,
        "name": _said(record.title),
        "description": _said(record.description),
        "license": _ref(record.licence),
        "publisher": _ref(_party(record.owner.name)),
        "maintainer": _ref(_person_id(record.steward.person)),
        "contentSize": str(entry.size_bytes),
        "sha256": entry.checksum.removeprefix("sha256:"),
        "usageInfo": _said(record.terms),
        "conditionsOfAccess": record.tier,
        "abstract": f"{_said(record.legal_basis)}\n{_said(record.consent)}",
        "keywords": [purpose.code for purpose in record.purposes]
        + (["synthetic"] if record.synthetic else []),
    }


def _parties(record: Record | None) -> list[_Entity]:
    if record is None:
        return []
    owner = {"@id": _party(record.owner.name), "@type": "Organization", "name": record.owner.name}
    if record.owner.url:
        owner["url"] = record.owner.url
    steward = {"@id": _person_id(record.steward.person), "@type": "Person", "name": record.steward.name}
    licence = {"@id": record.licence, "@type": "CreativeWork", "name": record.licence_title}
    return [owner, steward, licence]


def _action(used: Used, use: Use) -> _Entity:
    found: _Entity = {
        "@id": _action_id(use),
        "@type": "UseAction",
        "name": _("{dataset} {version} was mounted").format(dataset=used.dataset, version=used.version),
        "object": _ref(_id(used)),
        "agent": _ref(_person_id(use.person)),
        "startTime": moment(use.at),
        "identifier": f"audit entry {use.entry}; Slurm job {use.job}; {use.entitlement}",
    }
    if use.until is not None:
        found["endTime"] = moment(use.until)
    unknown = "" if use.done and not use.leaving else _("It is not known how this ended.")
    if use.purpose or unknown:
        found["description"] = " ".join(filter(None, (use.purpose, unknown)))
    return found


def _person(name: str) -> _Entity:
    return {"@id": _person_id(name), "@type": "Person", "name": name}


def _head(statement: Statement) -> _Entity:
    head = statement.head
    return {
        "@id": _HEAD,
        "@type": "PropertyValue",
        "name": _("The head of the audit when this was made"),
        "propertyID": str(head.entry),
        "value": head.hash,
        "description": head.signed,
    }


def _said(both: Words) -> str:
    return both.nl if words.current() == "nl" else both.en


def _ref(name: str) -> dict[str, str]:
    return {"@id": name}


def _id(used: Used) -> str:
    return f"#dataset-{used.dataset}-{used.version}"


def _action_id(use: Use) -> str:
    return f"#mount-{use.entry}"


def _person_id(name: str) -> str:
    return f"#person-{name}"


def _party(name: str) -> str:
    return "#owner-" + "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
