"""The three datasets that come with it: the same every time, labelled, and true to their purpose."""

from __future__ import annotations

import filecmp
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from tests.datasets.helpers import helper

from werkplaats_datasets import adding
from werkplaats_datasets.bundled import municipal_assets
from werkplaats_datasets.bundled.__main__ import GENERATORS, make, template
from werkplaats_datasets.record import Record, parse

TIERS = {"vehicles": "open", "municipal-assets": "registered", "cohort": "restricted"}
SMALL = 0.02


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make all three, small."""
    folder = tmp_path_factory.mktemp("bundled")
    for name in GENERATORS:
        (folder / name).mkdir()
        make(name, folder / name, SMALL)
    return folder


def record(made: Path, name: str) -> Record:
    """Return the record of one."""
    return parse(json.loads((made / name / "croissant.json").read_text()))


def table(made: Path, name: str, which: str) -> Any:
    """Return a table of one."""
    return pd.read_parquet(made / name / "data" / f"{which}.parquet")


@pytest.mark.parametrize("name", GENERATORS)
def test_a_dataset_can_be_added(made: Path, name: str) -> None:
    """Mlcroissant and the platform find nothing wrong with it."""
    found = adding.check(made / name, helper()).record
    assert (found.id, found.tier, found.steward.person) == (name, TIERS[name], "steward")


@pytest.mark.parametrize("name", GENERATORS)
def test_it_says_that_it_is_made_up(made: Path, name: str) -> None:
    """In the title, the text, the owner, every table and every row."""
    found = record(made, name)
    assert found.synthetic
    assert ("(synthetisch)" in found.title.nl, "(synthetic)" in found.title.en) == (True, True)
    assert ("verzonnen" in found.description.nl, "made up" in found.description.en) == (True, True)
    assert "verzonnen" in found.owner.name
    for path in (made / name / "data").glob("*.parquet"):
        assert pq.read_schema(path).metadata[b"synthetic"] == b"true"
        assert pd.read_parquet(path)["synthetisch"].all()


@pytest.mark.parametrize("name", GENERATORS)
def test_it_is_the_same_every_time(made: Path, tmp_path: Path, name: str) -> None:
    """Byte by byte: otherwise its version would say nothing."""
    make(name, tmp_path, SMALL)
    again, before = tmp_path / "data", made / name / "data"
    names = sorted(path.name for path in before.iterdir())
    assert filecmp.cmpfiles(again, before, names, shallow=False) == (names, [], [])
    assert (tmp_path / "croissant.json").read_text() == (made / name / "croissant.json").read_text()


@pytest.mark.parametrize("name", GENERATORS)
def test_the_line_that_reads_it(made: Path, name: str) -> None:
    """Pasted into a notebook that has imported nothing, it shows the first rows."""
    line = record(made, name).read_with.replace("{path}", str(made / name / "data"))
    *before, last = line.split("; ")
    kernel: dict[str, Any] = {}
    exec("; ".join(before), kernel)
    assert len(eval(last, kernel)) == 5


@pytest.mark.parametrize("name", GENERATORS)
def test_a_template_describes_columns_that_are_there(made: Path, name: str) -> None:
    """And none that are not."""
    there = {
        column for path in (made / name / "data").glob("*.parquet") for column in pq.read_schema(path).names
    }
    assert set(template(name)["wp:columns"]) <= there


def test_vehicles(made: Path, tmp_path: Path) -> None:
    """A million rows when it is not a test, and no plate that is on the road."""
    from werkplaats_datasets.bundled import vehicles

    assert vehicles.ROWS >= 1_000_000
    found = table(made, "vehicles", "vehicles")
    assert len(found) == vehicles.ROWS * SMALL
    assert found.kenteken.is_unique
    assert found.kenteken.str.fullmatch(r"000-[BDFGHJKLNPRSTVXZ]{3}-\d{3}").all()
    assert (found.datum_eerste_toelating < found.vervaldatum_apk).all()
    assert found[found.brandstof == "Elektriciteit"].co2_uitstoot.eq(0).all()
    petrol = found[found.brandstof == "Benzine"]
    assert np.corrcoef(petrol.massa_ledig_voertuig, petrol.co2_uitstoot)[0, 1] > 0.4


def test_assets(made: Path) -> None:
    """In the north, and worse where they are older."""
    for which, since in (("bomen", "plantjaar"), ("bruggen", "bouwjaar"), ("riolering", "jaar_van_aanleg")):
        found = table(made, "municipal-assets", which)
        assert found.lengtegraad.between(6.0, 7.2).all()
        assert found.breedtegraad.between(52.8, 53.6).all()
        assert np.corrcoef(found[since], found.conditie.str[0].astype(int))[0, 1] < -0.5


def test_places() -> None:
    """The Martini tower, within metres: the grid and the globe name one place."""
    longitude, latitude = municipal_assets.to_wgs84(np.array([233_883.0]), np.array([582_065.0]))
    assert longitude[0] == pytest.approx(6.5682, abs=1e-3)
    assert latitude[0] == pytest.approx(53.2194, abs=1e-3)


def test_cohort(made: Path) -> None:
    """A lesson finds what smoking does, what schooling explains of it, and who stayed away."""
    people, said, measured = (
        table(made, "cohort", one) for one in ("deelnemers", "vragenlijsten", "metingen")
    )
    assert set(said.deelnemer) <= set(people.deelnemer)
    assert len(said) == len(measured)
    both = measured.merge(said[["deelnemer", "ronde", "roken"]], on=["deelnemer", "ronde"]).merge(people)
    adult = both[both.leeftijd.between(40, 70)]
    lung = adult.groupby(["geslacht", "roken"], observed=True).fev1_l.mean()
    for sex in ("man", "vrouw"):
        assert lung[sex, "nooit"] > lung[sex, "gestopt"] > lung[sex, "rookt"]
    smokes = adult.assign(rookt=adult.roken == "rookt").groupby("opleiding", observed=True).rookt.mean()
    assert smokes["laag"] > smokes["midden"] > smokes["hoog"]
    assert adult[["bmi", "bloeddruk_systolisch"]].corr().iloc[0, 1] > 0.1
    came = said.groupby("ronde").deelnemer.nunique()
    assert came[1] > came[2] > came[3]
    assert measured.fev1_l.isna().mean() == pytest.approx(0.04, abs=0.02)
