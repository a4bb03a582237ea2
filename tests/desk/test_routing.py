"""Whose turn it is: each stream's part of the experts' hours, and nobody idle while somebody waits."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from werkplaats_desk.centre.routing import WINDOW, Answerer, Turns

GUARANTEES = {"regional": 0.25, "national": 0.25, "eurohpc": 0.5}
HOUR = 3600.0


def served(waiting: Sequence[set[str]], guarantees: dict[str, float] = GUARANTEES) -> list[str | None]:
    """Return who is served in each hour of one expert, of those who wait in it."""
    turns, found = Turns(guarantees), list[str | None]()
    for hour, names in enumerate(waiting):
        stream = turns.turn(names, hour * HOUR)
        found.append(stream)
        if stream is not None:
            turns.worked(hour * HOUR, stream, 60)
    return found


def test_an_expert_knows_topics_and_languages() -> None:
    """No topics are all of them."""
    anna = Answerer("anna", frozenset({"data"}), frozenset({"nl"}))
    assert anna.knows("data", "nl")
    assert not anna.knows("data", "en")
    assert not anna.knows("vision", "nl")
    assert Answerer("bram").knows("vision", "en")


def test_nobody_waits_nobody_goes() -> None:
    """And of those who wait one always does, also one without a guarantee."""
    assert Turns(GUARANTEES).turn(set(), 0) is None
    assert Turns(GUARANTEES).turn({"guests"}, 0) == "guests"
    assert Turns(GUARANTEES).turn({"guests", "national"}, 0) == "national"


def test_all_flood() -> None:
    """Each has its part of every four hours."""
    found = served([set(GUARANTEES)] * 400)
    for begin in range(0, 396, 4):
        part = found[begin : begin + 4]
        assert (part.count("regional"), part.count("national"), part.count("eurohpc")) == (1, 1, 2)


def test_what_is_idle_is_lent_and_comes_back() -> None:
    """One that comes after others had everything goes first until it had its part of the week."""
    found = served([{"eurohpc"}] * 100 + [{"eurohpc", "regional"}] * 100)
    assert found[:100] == ["eurohpc"] * 100
    assert found[100:125] == ["regional"] * 25
    assert "eurohpc" in found[125:]


def test_what_was_more_than_a_week_ago_is_forgotten() -> None:
    """A stream that used what was idle waits for it at most until the others caught up with that week."""
    turns = Turns(GUARANTEES)
    turns.worked(0, "regional", 6000)
    assert turns.turn({"regional", "eurohpc"}, 1) == "eurohpc"
    assert turns.turn({"regional"}, 1) == "regional"
    turns.worked(WINDOW - 1, "eurohpc", 60)
    assert turns.had("regional", WINDOW + 1) == 0
    assert turns.turn({"regional", "eurohpc"}, WINDOW + 1) == "regional"


@given(st.lists(st.sets(st.sampled_from(sorted(GUARANTEES))), min_size=168, max_size=400))
def test_in_a_week_none_has_less_than_its_part_while_another_has_more(waiting: list[set[str]]) -> None:
    """Whoever is served was not ahead of anybody who waited: by an hour at most, in its last week."""
    turns = Turns(GUARANTEES)
    for hour, names in enumerate(waiting):
        now = hour * HOUR
        stream = turns.turn(names, now)
        assert (stream is None) == (not names)
        if stream is None:
            continue
        fractions = {name: turns.had(name, now) / GUARANTEES[name] for name in names}
        assert fractions[stream] == min(fractions.values())
        turns.worked(now, stream, 60)


@given(
    st.lists(st.sampled_from(sorted(GUARANTEES)), min_size=0, max_size=200),
    st.sampled_from(sorted(GUARANTEES)),
)
def test_who_always_waits_has_its_part_of_any_four_weeks(others: list[str], stream: str) -> None:
    """Of 672 hours of one expert, whatever others ask for and when: its guarantee, but for an hour."""
    waiting = [{stream, others[hour % len(others)]} if others else {stream} for hour in range(672)]
    assert served(waiting).count(stream) >= GUARANTEES[stream] * 672 - 1
