"""The catalogue for other catalogues: DCAT 3, in the form of DCAT-AP, as JSON-LD.

Only what is offered is in it. A dataset's pages and files are named by addresses of the desk, where a
person signs in and asks for them: nothing of the vault has an address.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from werkplaats_datasets import duo
from werkplaats_datasets.catalogue import Dataset
from werkplaats_datasets.record import Purpose, Record, Words

_ACCESS: Final = "http://publications.europa.eu/resource/authority/access-right/"
#: Who may use it, in the words of the Publications Office of the EU.
_RIGHTS: Final = {"open": "PUBLIC", "registered": "RESTRICTED", "restricted": "NON_PUBLIC"}
_LANGUAGE: Final = "http://publications.europa.eu/resource/authority/language/"

CONTEXT: Final = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def export(datasets: Iterable[Dataset], *, address: str, publisher: str, title: Words) -> dict[str, Any]:
    """Return the catalogue.

    Parameters
    ----------
    address
        Of the desk's page of datasets, with the last slash; what is below it names the datasets.
    publisher
        Who keeps the catalogue.
    title
        What it is called.
    """
    return {
        "@context": CONTEXT,
        "@id": address,
        "@type": "dcat:Catalog",
        "dct:title": _said(title),
        "dct:description": _said(
            Words(
                nl="Gegevens die hier in een notebook te koppelen zijn.",
                en="Data that can be mounted into a notebook here.",
            )
        ),
        "dct:publisher": _agent(publisher),
        "dct:language": [{"@id": f"{_LANGUAGE}NLD"}, {"@id": f"{_LANGUAGE}ENG"}],
        "foaf:homepage": {"@id": address},
        "dcat:dataset": [_dataset(one, f"{address}{one.record.id}") for one in datasets],
    }


def _dataset(dataset: Dataset, page: str) -> dict[str, Any]:
    record, entry = dataset.record, dataset.entry
    return {
        "@id": page,
        "@type": "dcat:Dataset",
        "dct:identifier": record.id,
        "dct:title": _said(record.title),
        "dct:description": _said(record.description),
        "dct:publisher": _agent(record.owner.name, record.owner.url),
        "dct:rightsHolder": _agent(record.owner.name, record.owner.url),
        "dcat:contactPoint": {"@type": "vcard:Kind", "vcard:fn": record.steward.name},
        "dcat:version": record.version,
        "dct:issued": _moment(entry.added_at),
        "dct:accessRights": {"@id": f"{_ACCESS}{_RIGHTS[record.tier]}"},
        "dcat:landingPage": {"@id": page},
        "odrl:hasPolicy": _policy(record, page),
        "dpv:hasLegalBasis": {"@type": "dpv:LegalBasis", "dct:description": _said(record.legal_basis)},
        "dpv:hasConsentStatus": {"@type": "dpv:ConsentStatus", "dct:description": _said(record.consent)},
        "dcat:distribution": _distribution(dataset, page),
    }


def _distribution(dataset: Dataset, page: str) -> dict[str, Any]:
    record, entry = dataset.record, dataset.entry
    return {
        "@id": f"{page}#{record.version}",
        "@type": "dcat:Distribution",
        "dct:title": _said(record.title),
        "dcat:accessURL": {"@id": page},
        "dcat:byteSize": {"@type": "xsd:nonNegativeInteger", "@value": str(entry.size_bytes)},
        "dct:license": {"@id": record.licence},
        "dct:rights": {"@type": "dct:RightsStatement", "dct:description": _said(record.terms)},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": {
                "@type": "xsd:hexBinary",
                "@value": entry.checksum.removeprefix("sha256:"),
            },
        },
    }


def _policy(record: Record, page: str) -> dict[str, Any]:
    return {
        "@id": f"{page}#terms",
        "@type": "odrl:Offer",
        "dct:description": _said(record.terms),
        "odrl:permission": {
            "odrl:target": {"@id": page},
            "odrl:action": {"@id": "odrl:use"},
            "odrl:constraint": [_constraint(one) for one in record.purposes],
        },
    }


def _constraint(purpose: Purpose) -> dict[str, Any]:
    return {
        "odrl:leftOperand": {"@id": "odrl:purpose"},
        "odrl:operator": {"@id": "odrl:isA"},
        "odrl:rightOperand": {"@id": duo.address(purpose.code)},
        "dct:title": _said(purpose.title),
    }


def _agent(name: str, url: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"@type": "foaf:Agent", "foaf:name": name}
    if url:
        found["foaf:homepage"] = {"@id": url}
    return found


def _said(words: Words) -> list[dict[str, str]]:
    return [{"@language": "nl", "@value": words.nl}, {"@language": "en", "@value": words.en}]


def _moment(seconds: int) -> dict[str, str]:
    return {"@type": "xsd:dateTime", "@value": datetime.fromtimestamp(seconds, UTC).isoformat()}
