"""Records: what is read of them, and that whatever is wrong is said with its place and its mend."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.datasets.records import both, file, record

from werkplaats_datasets import duo
from werkplaats_datasets.record import MOST_BYTES, Broken, Fault, load, parse

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
)


def broken(**changes: Any) -> list[str]:
    """Return the faults of a record with changes, as sentences."""
    with pytest.raises(Broken) as raised:
        parse(record(**changes))
    return [str(fault) for fault in raised.value.faults]


def test_a_good_record() -> None:
    """What the platform goes by is read."""
    found = parse(record())
    assert (found.id, found.version, found.tier, found.sensitivity) == ("colours", "1.0.0", "open", "public")
    assert found.title.nl == "Kleuren (synthetisch)"
    assert found.steward.person == "steward"
    assert found.purposes[0].title.en == "no restriction"
    assert found.terms.en == "Do with it what you like."
    assert [one.path for one in found.files] == ["table.csv"]
    assert found.show_preview


def test_both_ways_to_say_a_language() -> None:
    """A language map and a list of values with their languages are one thing in JSON-LD."""
    values = [{"@language": "nl", "@value": "Kleur"}, {"@language": "en", "@value": "Colour"}]
    assert parse(record(name=values)).title.nl == "Kleur"
    assert parse(record(name={**both("Kleur", "Colour"), "de": "Farbe"})).title.en == "Colour"


def test_none_of_a_restricted_one_is_shown() -> None:
    """Unless the record says that it may be."""
    assert not parse(record(**{"wp:tier": "restricted"})).show_preview
    assert parse(record(**{"wp:tier": "restricted", "wp:preview": True})).show_preview
    assert not parse(record(**{"wp:preview": False})).show_preview


@pytest.mark.parametrize(
    ("changes", "place", "mend"),
    [
        ({"wp:tier": "secret"}, "wp:tier", "Write open, registered or restricted"),
        ({"wp:tier": None}, "wp:tier", "Write open, registered or restricted"),
        ({"wp:sensitivity": "high"}, "wp:sensitivity", "Write public, internal"),
        ({"wp:synthetic": "yes"}, "wp:synthetic", "Write true or false"),
        ({"wp:readWith": "open()"}, "wp:readWith", "Write {path}"),
        ({"name": {"en": "Colours"}}, "name.nl", "in 'nl' too"),
        ({"description": both("", "x")}, "description.nl", "in 'nl' too"),
        ({"description": "x"}, "description", "in both languages"),
        ({"name": None}, "name", "in both languages"),
        ({"identifier": "../etc"}, "identifier", "small letters"),
        ({"identifier": "a"}, "identifier", "small letters"),
        ({"identifier": "Colours"}, "identifier", "small letters"),
        ({"identifier": "colours\n"}, "identifier", "small letters"),
        ({"version": "../1"}, "version", "such as"),
        ({"version": "current"}, "version", "such as"),
        ({"version": "1.squashfs"}, "version", "such as"),
        ({"version": 1}, "version", "such as"),
        ({"conformsTo": "http://mlcommons.org/croissant/1.0"}, "conformsTo", "croissant/1.1"),
        ({"license": "CC0"}, "license: not an object", "url and name"),
        ({"license": {"url": "javascript:alert(1)", "name": "x"}}, "license.url", "url and name"),
        ({"creator": None}, "creator", "the owner"),
        ({"maintainer": {"name": "S"}}, "maintainer.identifier", ""),
        ({"maintainer": {"name": "S", "identifier": "-rf"}}, "maintainer.identifier", ""),
        ({"dpv:hasLegalBasis": None}, "dpv:hasLegalBasis", ""),
        (
            {"dpv:hasConsentStatus": {"description": {"nl": "x"}}},
            "dpv:hasConsentStatus.description.en",
            "'en'",
        ),
        ({"usageInfo": None}, "usageInfo", "odrl:Offer"),
        ({"usageInfo": []}, "usageInfo", "one offer"),
        (
            {"usageInfo": {"@type": "odrl:Offer", "description": both("x", "y")}},
            "odrl:permission",
            "permitted",
        ),
        ({"distribution": []}, "distribution", "Name every file"),
        ({"distribution": [file("../x", b"")]}, "contentUrl", "Write data/NAME"),
        ({"distribution": [file("a//b", b"")]}, "contentUrl", "Write data/NAME"),
        ({"distribution": [file(".hidden", b"")]}, "contentUrl", "Write data/NAME"),
        ({"distribution": [file("-rf", b"")]}, "contentUrl", "Write data/NAME"),
        ({"distribution": [file("a b", b"")]}, "contentUrl", "Write data/NAME"),
        ({"distribution": [file("a\u202eb", b"")]}, "contentUrl", "Write data/NAME"),
        ({"distribution": [file("a", b""), file("A", b"")]}, "contentUrl", "once"),
        ({"distribution": [file("data.squashfs", b"")]}, "contentUrl", "without data/"),
        ({"distribution": [{**file("a", b""), "sha256": "x"}]}, "sha256", "64 hexadecimal"),
        (
            {"distribution": [{**file("a", b""), "contentUrl": "https://x/y"}]},
            "contentUrl",
            "Write data/NAME",
        ),
        ({"name": both("a\x00b", "a")}, "name.nl", ""),
    ],
)
def test_a_broken_record(changes: dict[str, Any], place: str, mend: str) -> None:
    """The fault names the file, the field and the mend."""
    found = broken(**changes)
    assert any(place in fault and mend in fault for fault in found), found
    assert all(fault.startswith("croissant.json: ") and fault.endswith(".") for fault in found)


@pytest.mark.parametrize(
    "line",
    [
        'open("{path}")\nimport os',
        'open("{path}")\u2028import os',
        'open("{path}")  # \u202eback to front',
        'open("{path}", \u200b)',
        '!cat "{path}"',
        "%run {path}/setup.py",
        "read {path}",
        'for one in open("{path}"): print(one)',
        'while True: open("{path}")',
        'def open(path="{path}"): ...',
        'class A: path = "{path}"',
        'with open("{path}") as file: file.read()',
        'import shutil; del shutil.which; "{path}"',
        "(" * 290 + '"{path}"',
        "x" * 300 + '"{path}"',
    ],
)
def test_a_line_that_is_more_than_a_line_that_reads(line: str) -> None:
    """It is put into people's notebooks, so it is one line that anybody can see through."""
    found = broken(**{"wp:readWith": line})
    assert all("wp:readWith: " in fault and "Give one line of Python" in fault for fault in found), found


@pytest.mark.parametrize(
    "line",
    [
        'import pandas as pd; cars = pd.read_parquet("{path}/cars.parquet"); cars.head()',
        'from pathlib import Path; names: list = sorted(Path("{path}").iterdir())',
        "open(r'{path}/größe.txt').read()",
    ],
)
def test_a_line_that_reads(line: str) -> None:
    """Imports, assignments and expressions."""
    assert parse(record(**{"wp:readWith": line})).read_with == line


def test_all_faults_at_once() -> None:
    """Who mends a record mends it in one go."""
    assert len(broken(identifier="../x", name={"en": "x"}, **{"wp:tier": "x", "wp:synthetic": 1})) == 4


def test_terms_that_are_none() -> None:
    """A code that the ontology does not have says nothing."""
    offer = record()["usageInfo"][0]
    term = {"@type": "DefinedTerm", "termCode": "DUO:9999999"}
    assert any("DUO:9999999" in fault and duo.MEND in fault for fault in broken(usageInfo=[offer, term]))
    assert any("no term of DUO" in fault for fault in broken(usageInfo=[offer]))
    assert any("2 of type" in fault for fault in broken(usageInfo=[offer, offer]))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[]", "not an object"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b"[" * 200_000, "nested too deep"),
        (b" " * (MOST_BYTES + 1), "longer than 4 MiB"),
    ],
)
def test_a_text_that_is_no_record(text: bytes, wrong: str) -> None:
    """It is refused in a sentence, whatever it is."""
    with pytest.raises(Broken, match=wrong):
        load(text)


def faults(text: bytes) -> list[Fault]:
    """Return what is wrong with a text; anything but a refusal fails the test."""
    try:
        parse(load(text))
    except Broken as wrong:
        return list(wrong.faults)
    return []


@given(st.binary(max_size=200) | _JSON.map(lambda found: json.dumps(found).encode()))
def test_nothing_but_a_refusal_comes_of_any_text(text: bytes) -> None:
    """No text is a record by accident."""
    assert faults(text)


@given(st.sampled_from(sorted(record())), _JSON)
def test_nothing_but_a_refusal_comes_of_any_value(field: str, value: Any) -> None:
    """Any value of any property is taken or is refused."""
    found = faults(json.dumps({**record(), field: value}).encode())
    assert all(fault.field and fault.wrong and fault.mend for fault in found)
