"""The export: DCAT that other catalogues can read, with what DCAT-AP asks of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rdflib import DCTERMS, FOAF, RDF, Graph, Literal, Namespace, URIRef
from tests.datasets.helpers import places, quick
from tests.datasets.records import lay

from werkplaats_datasets import adding, dcat
from werkplaats_datasets.catalogue import Catalogue
from werkplaats_datasets.record import Words

AT = "https://werkplaats.example/services/desk/datasets/"
DCAT, XSD = Namespace("http://www.w3.org/ns/dcat#"), Namespace("http://www.w3.org/2001/XMLSchema#")
ODRL, SPDX = Namespace("http://www.w3.org/ns/odrl/2/"), Namespace("http://spdx.org/rdf/terms#")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return the export of a catalogue of two, as RDF."""
    folder = tmp_path_factory.mktemp("dcat")
    where = places(folder / "machine")
    adding.add(lay(folder / "one"), where, quick())
    restricted: dict[str, Any] = {"identifier": "shapes", "wp:tier": "restricted"}
    adding.add(lay(folder / "two", **restricted), where, quick())
    offered = Catalogue(where.catalogue).offered()
    found = dcat.export(
        offered, address=AT, publisher="Werkplaats", title=Words(nl="Datasets", en="Datasets")
    )
    return Graph().parse(data=json.dumps(found), format="json-ld")


def test_the_catalogue(exported: Graph) -> None:
    """What DCAT-AP makes mandatory: title, description, publisher, datasets."""
    catalogue = URIRef(AT)
    assert (catalogue, RDF.type, DCAT.Catalog) in exported
    for wanted in (DCTERMS.title, DCTERMS.description, DCTERMS.publisher):
        assert exported.value(catalogue, wanted, any=True) is not None
    assert {str(one) for one in exported.objects(catalogue, DCAT.dataset)} == {AT + "colours", AT + "shapes"}


def test_a_dataset(exported: Graph) -> None:
    """In both languages, with whose it is, who may use it, and the terms for machines."""
    dataset = URIRef(AT + "colours")
    assert (dataset, RDF.type, DCAT.Dataset) in exported
    assert set(exported.objects(dataset, DCTERMS.title)) == {
        Literal("Kleuren (synthetisch)", lang="nl"),
        Literal("Colours (synthetic)", lang="en"),
    }
    owner = exported.value(dataset, DCTERMS.publisher)
    assert exported.value(owner, FOAF.name) == Literal("De Kleurmeesters")
    rights = str(exported.value(dataset, DCTERMS.accessRights))
    assert rights == "http://publications.europa.eu/resource/authority/access-right/PUBLIC"
    other = str(exported.value(URIRef(AT + "shapes"), DCTERMS.accessRights))
    assert other.endswith("/NON_PUBLIC")
    permission = exported.value(exported.value(dataset, ODRL.hasPolicy), ODRL.permission)
    purpose = exported.value(exported.value(permission, ODRL.constraint), ODRL.rightOperand)
    assert str(purpose) == "http://purl.obolibrary.org/obo/DUO_0000004"


def test_a_distribution(exported: Graph) -> None:
    """Where to ask for it, how large it is, and its checksum."""
    found = exported.value(URIRef(AT + "colours"), DCAT.distribution)
    assert (found, RDF.type, DCAT.Distribution) in exported
    assert str(exported.value(found, DCAT.accessURL)) == AT + "colours"
    assert exported.value(found, DCAT.byteSize) == Literal("28", datatype=XSD.nonNegativeInteger)
    assert str(exported.value(found, DCTERMS.license)).startswith("https://creativecommons.org/")
    checksum = exported.value(exported.value(found, SPDX.checksum), SPDX.checksumValue)
    assert len(str(checksum)) == 64


def test_no_path_of_the_machine_is_told(exported: Graph) -> None:
    """The vault has no address."""
    assert "vault" not in exported.serialize(format="nt")


def test_an_empty_one(tmp_path: Path) -> None:
    """It is a catalogue too."""
    found = dcat.export([], address=AT, publisher="x", title=Words(nl="x", en="x"))
    assert len(Graph().parse(data=json.dumps(found), format="json-ld")) > 3
