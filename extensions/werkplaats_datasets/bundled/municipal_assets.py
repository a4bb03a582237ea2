"""What northern municipalities keep in repair: lamp posts, trees, bridges and sewers, none of them real."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from werkplaats_datasets.bundled.tables import coded, write

_SEED: Final = 20261102

#: A municipality, somewhere in its middle (RD, m), how far it reaches (m), and its share of everything.
_MUNICIPALITIES: Final = (
    ("Groningen", 233900, 582000, 6500, 0.30),
    ("Midden-Groningen", 249500, 575500, 8500, 0.12),
    ("Eemsdelta", 253000, 594000, 9000, 0.11),
    ("Het Hogeland", 229500, 599500, 11000, 0.10),
    ("Westerkwartier", 218500, 578500, 9000, 0.10),
    ("Oldambt", 264500, 576000, 8000, 0.08),
    ("Noordenveld", 224500, 568500, 7000, 0.06),
    ("Tynaarlo", 237000, 565500, 6500, 0.07),
    ("Assen", 233500, 557000, 4500, 0.06),
)
_CONDITION: Final = ("1 uitstekend", "2 goed", "3 redelijk", "4 matig", "5 slecht", "6 zeer slecht")
_TODAY: Final = 2026


def make(folder: Path, scale: float = 1.0) -> None:
    """Write a table for each kind of asset."""
    chance = np.random.default_rng(_SEED)
    for name, rows, own in (
        ("lantaarnpalen", 120_000, _lamp_posts),
        ("bomen", 160_000, _trees),
        ("bruggen", 2_400, _bridges),
        ("riolering", 60_000, _sewers),
    ):
        some = max(60, int(rows * scale))
        year, columns = own(chance, some)
        write(folder, name, {**_common(chance, name, some), **columns, **_repair(chance, year, _LASTS[name])})


#: After how many years half of them need work.
_LASTS: Final = {"lantaarnpalen": 32, "bomen": 70, "bruggen": 60, "riolering": 55}


def _common(chance: np.random.Generator, name: str, rows: int) -> dict[str, Any]:
    """Return what every asset has: a number, a municipality, and a place in RD and in WGS84."""
    shares = np.array([one[4] for one in _MUNICIPALITIES])
    where = chance.choice(len(_MUNICIPALITIES), rows, p=shares / shares.sum())
    middle = np.array([one[1:3] for one in _MUNICIPALITIES], float)[where]
    reach = np.array([one[3] for one in _MUNICIPALITIES], float)[where]
    place = middle + np.clip(chance.normal(0, 0.4, (rows, 2)), -1, 1) * reach[:, None]
    x, y = np.round(place[:, 0], 1), np.round(place[:, 1], 1)
    longitude, latitude = to_wgs84(x, y)
    numbers = np.char.add(f"SYN-{name[:3].upper()}-", np.char.zfill(np.arange(rows).astype(str), 6))
    return {
        "objectnummer": pa.array(numbers),
        "gemeente": coded(tuple(one[0] for one in _MUNICIPALITIES), where),
        "x_rd": pa.array(x, pa.float64()),
        "y_rd": pa.array(y, pa.float64()),
        "lengtegraad": pa.array(np.round(longitude, 6), pa.float64()),
        "breedtegraad": pa.array(np.round(latitude, 6), pa.float64()),
    }


def to_wgs84(x: Any, y: Any) -> tuple[Any, Any]:
    """Return longitude and latitude of places in the Dutch grid (Schreutelkamp and Strang van Hees, 2001).

    Within half a metre in the Netherlands, which is more than made-up places need.
    """
    dx, dy = (x - 155000) * 1e-5, (y - 463000) * 1e-5
    north = (
        3235.65389 * dy
        - 32.58297 * dx**2
        - 0.24750 * dy**2
        - 0.84978 * dx**2 * dy
        - 0.06550 * dy**3
        - 0.01709 * dx**2 * dy**2
    )
    east = (
        5260.52916 * dx + 105.94684 * dx * dy + 2.45656 * dx * dy**2 - 0.81885 * dx**3 + 0.05594 * dx * dy**3
    )
    return 5.38720621 + east / 3600, 52.15517440 + north / 3600


def _repair(chance: np.random.Generator, year: Any, lasts: int) -> dict[str, Any]:
    """Return the state of repair (NEN 2767), which follows age, and when it was looked at."""
    worn = (_TODAY - year) / lasts * 2.6 + chance.normal(0, 0.55, len(year))
    state = np.clip(np.floor(worn), 0, 5).astype(int)
    inspected = np.datetime64("2026-10-01") - chance.integers(0, 1800, len(year)).astype("timedelta64[D]")
    return {
        "conditie": coded(_CONDITION, state),
        "laatst_geinspecteerd": pa.array(inspected, pa.date32()),
        "synthetisch": pa.array(np.ones(len(year), bool)),
    }


def _lamp_posts(chance: np.random.Generator, rows: int) -> tuple[Any, dict[str, Any]]:
    year = chance.integers(1975, 2026, rows)
    led = chance.random(rows) < np.clip((year - 2008) / 10, 0.25, 0.98)
    height = chance.choice((4.0, 5.0, 6.0, 8.0, 10.0), rows, p=(0.35, 0.25, 0.22, 0.12, 0.06))
    power = np.where(led, height * 4.2, height * 11.5) + chance.normal(0, 2, rows)
    return year, {
        "jaar_van_aanleg": pa.array(year, pa.int16()),
        "masthoogte_m": pa.array(height, pa.float32()),
        "lamp": coded(("SON-T", "led"), led.astype(int)),
        "vermogen_w": pa.array(np.round(power).astype(int), pa.int16()),
    }


#: A tree, how thick it grows in a year (cm), and its share.
_TREES: Final = (
    ("zomereik", 0.9, 0.28),
    ("linde", 0.8, 0.17),
    ("es", 1.0, 0.12),
    ("beuk", 0.8, 0.10),
    ("berk", 0.9, 0.10),
    ("wilg", 1.6, 0.09),
    ("esdoorn", 1.0, 0.08),
    ("kastanje", 1.0, 0.06),
)


def _trees(chance: np.random.Generator, rows: int) -> tuple[Any, dict[str, Any]]:
    kind = chance.choice(len(_TREES), rows, p=[one[2] for one in _TREES])
    year = 2024 - (chance.beta(1.4, 2.6, rows) * 150).astype(int)
    grows = np.array([one[1] for one in _TREES])[kind]
    girth = np.clip((_TODAY - year) * grows * chance.lognormal(0, 0.18, rows), 4, 260)
    height = np.clip(3 + 24 * (1 - np.exp(-girth / 45)) + chance.normal(0, 1.5, rows), 2, 38)
    return year, {
        "plantjaar": pa.array(year, pa.int16()),
        "boomsoort": coded(tuple(one[0] for one in _TREES), kind),
        "stamdiameter_cm": pa.array(np.round(girth).astype(int), pa.int16()),
        "hoogte_m": pa.array(np.round(height, 1), pa.float32()),
    }


def _bridges(chance: np.random.Generator, rows: int) -> tuple[Any, dict[str, Any]]:
    year = chance.integers(1930, 2025, rows)
    span = np.round(chance.lognormal(2.4, 0.6, rows), 1)
    made_of = chance.choice(4, rows, p=(0.42, 0.27, 0.22, 0.09))
    return year, {
        "bouwjaar": pa.array(year, pa.int16()),
        "materiaal": coded(("beton", "staal", "hout", "composiet"), made_of),
        "overspanning_m": pa.array(span, pa.float32()),
        "beweegbaar": pa.array(chance.random(rows) < 0.11),
    }


def _sewers(chance: np.random.Generator, rows: int) -> tuple[Any, dict[str, Any]]:
    year = chance.integers(1945, 2025, rows)
    plastic = chance.random(rows) < np.clip((year - 1965) / 45, 0.02, 0.9)
    width = chance.choice((250, 315, 400, 500, 700, 1000), rows, p=(0.3, 0.27, 0.2, 0.12, 0.07, 0.04))
    return year, {
        "jaar_van_aanleg": pa.array(year, pa.int16()),
        "stelsel": coded(("gemengd", "gescheiden"), (chance.random(rows) < (year - 1940) / 110).astype(int)),
        "materiaal": coded(("beton", "kunststof"), plastic.astype(int)),
        "diameter_mm": pa.array(width, pa.int16()),
        "lengte_m": pa.array(np.round(chance.gamma(6, 7, rows), 1), pa.float32()),
    }
