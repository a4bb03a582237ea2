"""Amounts, times and days, as people say them."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from werkplaats_spawners import spoken
from werkplaats_spawners.language import Language, speaking


@pytest.mark.parametrize(
    ("minutes", "english", "dutch"),
    [
        (0, "0", "0"),
        (5, "0", "0"),
        (6, "0.1", "0,1"),
        (59, "0.9", "0,9"),
        (60, "1", "1"),
        (119, "1.9", "1,9"),
        (150, "2.5", "2,5"),
        (60_000, "1,000", "1.000"),
        (75_090, "1,251.5", "1.251,5"),
        (6_000_000_000, "100,000,000", "100.000.000"),
    ],
)
def test_gpu_hours(minutes: int, english: str, dutch: str) -> None:
    """At most one decimal, as the reader writes it."""
    with speaking("en"):
        assert spoken.gpu_hours(minutes) == english
    with speaking("nl"):
        assert spoken.gpu_hours(minutes) == dutch


@given(st.integers(0, 10**10))
def test_gpu_hours_are_rounded_down(minutes: int) -> None:
    """Nobody is told of more than there is, nor of six minutes less."""
    with speaking("en"):
        said = float(spoken.gpu_hours(minutes).replace(",", ""))
    assert said * 60 <= minutes + 1e-3 * 60  # what a float adds is not a minute
    assert said * 60 > minutes - 6 - 1e-3 * 60


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, "0 min"), (1, "1 min"), (59, "59 min"), (60, "1 h"), (70, "1 h 10 min"), (1_440, "24 h")],
)
def test_duration(minutes: int, said: str) -> None:
    """Hours and minutes, of which what is nothing is left out."""
    with speaking("en"):
        assert spoken.duration(minutes) == said


@pytest.mark.parametrize(("number", "said"), [(0, "0 GPUs"), (1, "1 GPU"), (2, "2 GPUs"), (64, "64 GPUs")])
def test_gpus(number: int, said: str) -> None:
    """One is singular."""
    with speaking("en"):
        assert spoken.gpus(number) == said


@pytest.mark.parametrize(
    ("choices", "said"),
    [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")],
)
def test_either(choices: list[str], said: str) -> None:
    """Any number of choices reads as one phrase."""
    with speaking("en"):
        assert spoken.either(choices) == said


@pytest.mark.parametrize(
    ("moment", "language", "said"),
    [
        (date(2026, 12, 1), "nl", "1 december"),
        (date(2026, 12, 1), "en", "1 December"),
        (datetime(2026, 12, 1, 23, 59), "en", "1 December"),
        (date(2027, 1, 1), "nl", "1 januari 2027"),
        (date(2025, 12, 31), "en", "31 December 2025"),
    ],
)
def test_a_day(moment: date, language: Language, said: str) -> None:
    """The year is said where it is not the one in which it is read."""
    with speaking(language):
        assert spoken.day(moment, datetime(2026, 11, 21)) == said


@pytest.mark.parametrize(
    ("hour", "minute", "said"), [(14, 20, "14:20"), (9, 5, "9:05"), (0, 0, "0:00"), (23, 59, "23:59")]
)
def test_a_time_of_day(hour: int, minute: int, said: str) -> None:
    """On a clock of 24 hours, in both languages, in the time zone that the moment has."""
    for language in ("nl", "en"):
        with speaking(language):
            assert spoken.clock(datetime(2026, 11, 21, hour, minute).astimezone()) == said
