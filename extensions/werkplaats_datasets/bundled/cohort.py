"""A health cohort in three generations, like Lifelines, in which no participant exists.

What follows from what is drawn in one order: age and schooling, then how somebody lives, then what is
measured, then what they say of their health. So a lesson can find that smoking goes with a lower lung
function, and that schooling explains a part of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from werkplaats_datasets.bundled.tables import coded, write

PEOPLE: Final = 60_000
_SEED: Final = 20261103
_SMOKING: Final = ("nooit", "gestopt", "rookt")
_SCHOOLING: Final = ("laag", "midden", "hoog")
_PROVINCES: Final = ("Groningen", "Drenthe", "Fryslan")
#: The waves of the study: year of the visit, and who still comes.
_WAVES: Final = ((1, 2010, 1.0), (2, 2015, 0.78), (3, 2021, 0.61))
_WOMEN: Final = 0.58


def make(folder: Path, scale: float = 1.0) -> None:
    """Write ``deelnemers``, ``vragenlijsten`` and ``metingen``."""
    people = max(200, int(PEOPLE * scale))
    chance = np.random.default_rng(_SEED)
    person = _participants(chance, people)
    write(folder, "deelnemers", _participant_columns(person))
    visits = [_visit(chance, person, *wave) for wave in _WAVES]
    visit = {key: np.concatenate([one[key] for one in visits]) for key in visits[0]}
    write(folder, "vragenlijsten", _questionnaire_columns(chance, visit))
    write(folder, "metingen", _measurement_columns(chance, visit))


def _participants(chance: np.random.Generator, people: int) -> dict[str, Any]:
    """Return who they are: three generations, of which the younger went to school for longer."""
    generation = chance.choice(3, people, p=(0.18, 0.66, 0.16))
    born = np.array((1940, 1966, 1996))[generation] + np.round(chance.normal(0, 7, people)).astype(int)
    born = np.clip(born, 1920, 2006)
    learned = (born - 1965) / 28 + chance.normal(0, 1, people)
    schooling = np.digitize(learned, (-0.55, 0.55))
    likes = chance.normal(0, 1, people) - 0.55 * (schooling - 1)  # what makes somebody smoke
    return {
        "number": np.arange(people),
        "generation": generation,
        "born": born,
        "woman": chance.random(people) < _WOMEN,
        "province": chance.choice(3, people, p=(0.38, 0.3, 0.32)),
        "schooling": schooling,
        "smoking": np.digitize(likes, (-0.05, 1.0)),
        "build": chance.normal(0, 1, people),
        "heart": chance.normal(0, 1, people),
    }


def _numbers(number: Any) -> pa.Array:
    return pa.array(np.char.add("SYN", np.char.zfill(number.astype(str), 6)))


def _participant_columns(person: dict[str, Any]) -> dict[str, Any]:
    return {
        "deelnemer": _numbers(person["number"]),
        "generatie": pa.array(person["generation"] + 1, pa.int8()),
        "geboortejaar": pa.array(person["born"], pa.int16()),
        "geslacht": coded(("man", "vrouw"), person["woman"].astype(int)),
        "provincie": coded(_PROVINCES, person["province"]),
        "opleiding": coded(_SCHOOLING, person["schooling"]),
        "synthetisch": pa.array(np.ones(len(person["number"]), bool)),
    }


def _visit(
    chance: np.random.Generator, person: dict[str, Any], wave: int, year: int, stays: float
) -> dict[str, Any]:
    """Return one wave: who came, how old they were, and how they lived by then."""
    # Who smokes and who went to school for less stays away sooner: the cohort is no fair sample.
    comes = stays + 0.03 * (person["schooling"] - 1) - 0.04 * (person["smoking"] == 2)
    age = year - person["born"]
    came = (chance.random(len(age)) < np.where(wave == 1, 1.0, comes)) & (age >= 8)
    one: dict[str, Any] = {key: value[came] for key, value in person.items()}
    count = int(came.sum())
    one["wave"], one["age"] = np.full(count, wave), age[came]
    one["day"] = np.datetime64(f"{year}-01-01") + chance.integers(0, 365, count).astype("timedelta64[D]")
    smokes = one["smoking"]
    one["smoking"] = np.where((smokes == 2) & (chance.random(count) < 0.14 * (wave - 1)), 1, smokes)
    one["smoking"] = np.where(one["age"] < 15, 0, one["smoking"])
    moves = 4.2 + 0.5 * (one["schooling"] - 1) - 0.02 * np.maximum(one["age"] - 45, 0)
    one["moves"] = np.clip(np.round(moves + chance.normal(0, 1.6, count)), 0, 7)
    one["weight"] = (
        24.6
        + 0.055 * (np.minimum(one["age"], 65) - 45)
        - 0.55 * (one["schooling"] - 1)
        - 0.35 * (one["moves"] - 4)
        + 3.4 * one["build"]
        + chance.normal(0, 0.6, count)
    )
    return one


def _questionnaire_columns(chance: np.random.Generator, visit: dict[str, Any]) -> dict[str, Any]:
    count = len(visit["age"])
    sleep = 7.4 - 0.008 * (visit["age"] - 40) + chance.normal(0, 0.9, count)
    drinks = np.maximum(
        0, chance.gamma(1.4, 3.2, count) * (visit["age"] >= 18) * np.where(visit["woman"], 0.7, 1.2)
    )
    feels = 3.6 + 0.16 * (visit["moves"] - 4) - 0.05 * (visit["weight"] - 25) - 0.35 * (visit["smoking"] == 2)
    health = np.clip(np.round(feels + chance.normal(0, 0.8, count)), 1, 5)
    return {
        **_who(visit),
        "roken": coded(_SMOKING, visit["smoking"]),
        "sigaretten_per_dag": _cigarettes(chance, visit),
        "dagen_beweging_per_week": pa.array(visit["moves"].astype(int), pa.int8()),
        "slaap_uren": pa.array(np.round(np.clip(sleep, 3, 12), 1), pa.float32()),
        "alcohol_glazen_per_week": pa.array(np.round(drinks).astype(int), pa.int16()),
        "ervaren_gezondheid": _unanswered(chance, health.astype(int), pa.int8()),
        "synthetisch": pa.array(np.ones(count, bool)),
    }


def _cigarettes(chance: np.random.Generator, visit: dict[str, Any]) -> pa.Array:
    daily = np.maximum(1, np.round(chance.gamma(3.2, 3.6, len(visit["age"])))).astype(int)
    return pa.array(daily, pa.int16(), mask=visit["smoking"] != 2)


def _measurement_columns(chance: np.random.Generator, visit: dict[str, Any]) -> dict[str, Any]:
    age, count = visit["age"], len(visit["age"])
    adult = np.clip((age - 4) / 14, 0.4, 1)
    height = (np.where(visit["woman"], 169.5, 182.5) - 0.07 * np.maximum(age - 40, 0)) * (0.45 + 0.55 * adult)
    height = height + chance.normal(0, 6.2, count) * adult
    bmi = np.clip(visit["weight"] * (0.72 + 0.28 * adult), 13, 58)
    pressure = 104 + 0.45 * age + 0.85 * (bmi - 25) + 7 * visit["heart"] + np.where(visit["woman"], -5, 0)
    lung = (
        _full_lung(height, age, visit["woman"])
        - 0.011 * np.maximum(age - 20, 0) * (visit["smoking"] == 2)
        - 0.005 * np.maximum(age - 20, 0) * (visit["smoking"] == 1)
        + chance.normal(0, 0.42, count)
    )
    sugar = 4.75 + 0.011 * (age - 40) + 0.055 * (bmi - 25) + chance.gamma(1.2, 0.32, count)
    fat = 4.9 + 0.016 * (np.minimum(age, 62) - 45) + 0.035 * (bmi - 25) + chance.normal(0, 0.85, count)
    return {
        **_who(visit),
        "lengte_cm": pa.array(np.round(height, 1), pa.float32()),
        "gewicht_kg": pa.array(np.round(bmi * (height / 100) ** 2, 1), pa.float32()),
        "bmi": pa.array(np.round(bmi, 1), pa.float32()),
        "bloeddruk_systolisch": pa.array(
            np.round(pressure + chance.normal(0, 9, count)).astype(int), pa.int16()
        ),
        "fev1_l": _unanswered(chance, np.round(np.clip(lung, 0.6, 7.5), 2), pa.float32()),
        "glucose_mmol_l": _unanswered(chance, np.round(np.clip(sugar, 3.2, 22), 1), pa.float32()),
        "cholesterol_mmol_l": _unanswered(chance, np.round(np.clip(fat, 2.1, 12), 1), pa.float32()),
        "synthetisch": pa.array(np.ones(count, bool)),
    }


def _full_lung(height: Any, age: Any, woman: Any) -> Any:
    """Return what somebody who never smoked blows out in a second (l)."""
    grown = np.where(woman, 3.95 * height / 100 - 2.6, 4.3 * height / 100 - 2.49)
    lost = np.where(woman, 0.025, 0.029) * np.maximum(age, 22)
    return grown - lost


def _who(visit: dict[str, Any]) -> dict[str, Any]:
    return {
        "deelnemer": _numbers(visit["number"]),
        "ronde": pa.array(visit["wave"], pa.int8()),
        "datum": pa.array(visit["day"], pa.date32()),
        "leeftijd": pa.array(visit["age"], pa.int16()),
    }


def _unanswered(chance: np.random.Generator, values: Any, kind: pa.DataType) -> pa.Array:
    """Return a column in which some did not answer, or could not be measured."""
    return pa.array(values, kind, mask=chance.random(len(values)) < 0.04)
