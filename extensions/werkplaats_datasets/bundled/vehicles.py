"""A register of vehicles like the RDW's: a million cars that do not exist."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from werkplaats_datasets.bundled.tables import coded, write

ROWS: Final = 1_000_000
_SEED: Final = 20261101

#: A make that does not exist, its models, their mass (kg), catalogue price (EUR) and its share.
_MAKES: Final = (
    ("NOORDSTER", ("Zeehond", "Wulp", "Kievit"), (1010, 1240, 1480), (21500, 29900, 38500), 0.24),
    ("MARTINI", ("Toren", "Plaza", "Diep"), (1120, 1390, 1710), (25900, 36900, 52500), 0.20),
    ("HUNEBED", ("Borger", "Emmen", "Rolde"), (1180, 1530, 1960), (24500, 34900, 56900), 0.17),
    ("WADDEN", ("Plaat", "Geul", "Slik"), (920, 1080, 1330), (16900, 21900, 28900), 0.15),
    ("LAUWERS", ("Meer", "Oog", "Zee"), (1290, 1620, 2080), (33900, 47900, 71900), 0.10),
    ("ROGGE", ("Aar", "Halm", "Korrel"), (980, 1150, 1420), (17900, 23900, 31900), 0.09),
    ("STADSKANAAL", ("Sluis", "Brug", "Veen"), (1350, 1710, 2210), (29900, 41900, 63900), 0.05),
)
_FUELS: Final = ("Benzine", "Diesel", "Elektriciteit", "Hybride", "LPG")
_COLOURS: Final = ("GRIJS", "ZWART", "WIT", "BLAUW", "ROOD", "GROEN", "BRUIN", "GEEL")
_COLOUR_SHARES: Final = (0.31, 0.24, 0.15, 0.14, 0.08, 0.03, 0.03, 0.02)
_BODIES: Final = ("hatchback", "stationwagen", "MPV", "sedan", "cabriolet")
_BODY_SHARES: Final = (0.52, 0.22, 0.12, 0.11, 0.03)
#: No vowels, and three zeros in front: the RDW issues no such plate.
_LETTERS: Final = np.array(list("BDFGHJKLNPRSTVXZ"))
_FIRST, _LAST = np.datetime64("1998-01-01"), np.datetime64("2026-10-31")


def make(folder: Path, scale: float = 1.0) -> None:
    """Write ``vehicles.parquet``."""
    rows = max(100, int(ROWS * scale))
    chance = np.random.default_rng(_SEED)
    shares = np.array([one[4] for one in _MAKES])
    brand = chance.choice(len(_MAKES), rows, p=shares / shares.sum())
    model = chance.choice(3, rows, p=(0.45, 0.35, 0.20))
    days = int((_LAST - _FIRST).astype(int))
    admitted = _FIRST + (days * chance.beta(2.6, 1.4, rows)).astype("timedelta64[D]")
    year = admitted.astype("datetime64[Y]").astype(int) + 1970
    fuel = _fuel(chance, year)
    mass = _mass(chance, brand, model, fuel)
    columns = {
        "kenteken": _plates(rows),
        "voertuigsoort": coded(("Personenauto",), np.zeros(rows, int)),
        "merk": coded(tuple(one[0] for one in _MAKES), brand),
        "handelsbenaming": coded(tuple(name for one in _MAKES for name in one[1]), brand * 3 + model),
        "inrichting": coded(_BODIES, chance.choice(len(_BODIES), rows, p=_BODY_SHARES)),
        "eerste_kleur": coded(_COLOURS, chance.choice(len(_COLOURS), rows, p=_COLOUR_SHARES)),
        "datum_eerste_toelating": pa.array(admitted, pa.date32()),
        "vervaldatum_apk": pa.array(_inspected_until(chance, admitted), pa.date32()),
        "brandstof": coded(_FUELS, fuel),
        "massa_ledig_voertuig": pa.array(mass, pa.int32()),
        "cilinderinhoud": _displacement(chance, mass, fuel),
        "aantal_zitplaatsen": pa.array(
            chance.choice((2, 4, 5, 7), rows, p=(0.02, 0.09, 0.83, 0.06)), pa.int8()
        ),
        "catalogusprijs": pa.array(_price(chance, brand, model, year, fuel), pa.int32()),
        "co2_uitstoot": pa.array(_emission(chance, mass, year, fuel), pa.int16()),
        "wam_verzekerd": pa.array(chance.random(rows) < 0.985),
        "synthetisch": pa.array(np.ones(rows, bool)),
    }
    write(folder, "vehicles", columns)


def _plates(rows: int) -> pa.Array:
    """Return plates such as ``000-BDF-017``: no two the same, and of no form that is issued."""
    number = np.arange(rows)
    thousand, rest = number // 1000, number % 1000
    letters = [_LETTERS[(thousand // 16**power) % 16] for power in (2, 1, 0)]
    word = np.char.add(np.char.add(letters[0], letters[1]), letters[2])
    digits = np.char.zfill(rest.astype(str), 3)
    return pa.array(np.char.add(np.char.add(np.char.add("000-", word), "-"), digits))


def _fuel(chance: np.random.Generator, year: Any) -> Any:
    """Return fuels: diesel that goes, electricity that comes."""
    electric = np.clip((year - 2012) / 14, 0, 1) ** 2 * 0.45
    hybrid = np.clip((year - 2006) / 20, 0, 1) * 0.25
    diesel = np.where(year < 2016, 0.17, 0.06)
    draw = chance.random(len(year))
    fuel = np.zeros(len(year), int)
    for number, share in ((2, electric), (3, hybrid), (1, diesel), (4, np.full(len(year), 0.01))):
        taken = (draw >= 0) & (draw < share)
        fuel[taken] = number
        draw = np.where(taken, -1.0, draw - share)
    return fuel


def _mass(chance: np.random.Generator, brand: Any, model: Any, fuel: Any) -> Any:
    base = np.array([one[2] for one in _MAKES])[brand, model]
    battery = np.where(fuel == 2, 320, np.where(fuel == 3, 130, 0))
    return np.round(base + battery + chance.normal(0, 45, len(base))).astype(int)


def _displacement(chance: np.random.Generator, mass: Any, fuel: Any) -> pa.Array:
    """Return cubic centimetres; nothing for what has no cylinders."""
    size = np.round((mass * 1.15 + chance.normal(0, 120, len(mass))) / 100) * 100 - 2
    return pa.array(np.clip(size, 798, 4998).astype(int), pa.int32(), mask=fuel == 2)


def _price(chance: np.random.Generator, brand: Any, model: Any, year: Any, fuel: Any) -> Any:
    base = np.array([one[3] for one in _MAKES])[brand, model]
    since = 1.025 ** (year - 2026.0)
    dearer = np.where(fuel == 2, 1.24, np.where(fuel == 3, 1.1, 1.0))
    return (np.round(base * since * dearer * chance.lognormal(0, 0.08, len(base)) / 10) * 10).astype(int)


def _emission(chance: np.random.Generator, mass: Any, year: Any, fuel: Any) -> Any:
    """Return g/km: more for what is heavy, less for what is new, nothing for electricity."""
    base = 62 + mass * 0.075 - (year - 1998) * 2.1
    less = np.where(fuel == 1, 0.9, np.where(fuel == 3, 0.62, 1.0))
    found = np.clip(base * less + chance.normal(0, 8, len(mass)), 18, 400)
    return np.where(fuel == 2, 0, np.round(found)).astype(int)


def _inspected_until(chance: np.random.Generator, admitted: Any) -> Any:
    """Return when the inspection ends: at the car's own day, within the two years to come."""
    ahead = chance.integers(-20, 700, len(admitted)).astype("timedelta64[D]")
    return np.maximum(_LAST + ahead, admitted + np.timedelta64(4 * 365, "D"))
