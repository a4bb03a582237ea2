"""A record for tests: as small as one may be, and a folder that holds it with its data."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "dpv": "https://w3id.org/dpv#",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "name": {"@container": "@language"},
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "recordSet": "cr:recordSet",
    "sc": "https://schema.org/",
    "source": "cr:source",
    "wp": "urn:werkplaats:terms:",
}

TABLE = b"kleur,aantal\nrood,1\nblauw,2\n"


def both(nl: str, en: str) -> dict[str, str]:
    """Return a text in both languages."""
    return {"nl": nl, "en": en}


def record(**changes: Any) -> dict[str, Any]:
    """Return a good record of one file, `data/table.csv`; `None` takes a property away."""
    found: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "identifier": "colours",
        "version": "1.0.0",
        "name": both("Kleuren (synthetisch)", "Colours (synthetic)"),
        "description": both("Wat kleuren.", "Some colours."),
        "license": {
            "@type": "CreativeWork",
            "url": "https://creativecommons.org/publicdomain/zero/1.0/",
            "name": "CC0 1.0",
        },
        "creator": {"@type": "Organization", "name": "De Kleurmeesters", "url": "https://example.org/"},
        "maintainer": {"@type": "Person", "name": "Sjoukje Steward", "identifier": "steward"},
        "datePublished": "2026-11-01",
        "url": "https://example.org/colours",
        "dpv:hasLegalBasis": {"@type": "dpv:LegalBasis", "description": both("Geen.", "None.")},
        "dpv:hasConsentStatus": {"@type": "dpv:ConsentStatus", "description": both("Geen.", "None.")},
        "usageInfo": [
            {
                "@type": "odrl:Offer",
                "description": both("Doe ermee wat u wilt.", "Do with it what you like."),
                "odrl:permission": [{"odrl:action": {"@id": "odrl:use"}}],
            },
            {
                "@type": "DefinedTerm",
                "@id": "http://purl.obolibrary.org/obo/DUO_0000004",
                "termCode": "DUO:0000004",
            },
        ],
        "wp:sensitivity": "public",
        "wp:tier": "open",
        "wp:synthetic": True,
        "wp:readWith": 'pandas.read_csv("{path}/table.csv")',
        "distribution": [file("table.csv", TABLE)],
    }
    merged = {**found, **changes}
    return {key: value for key, value in merged.items() if value is not None}


def file(path: str, content: bytes) -> dict[str, Any]:
    """Return what a record says of a file."""
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": f"data/{path}",
        "encodingFormat": "text/csv",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def lay(folder: Path, **changes: Any) -> Path:
    """Lay down a dataset's folder as an operator has it."""
    (folder / "data").mkdir(parents=True)
    (folder / "data/table.csv").write_bytes(TABLE)
    (folder / "croissant.json").write_text(json.dumps(record(**changes), ensure_ascii=False))
    return folder
