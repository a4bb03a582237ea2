"""Names of people: what passes, and what nobody can take for themselves."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from werkplaats_spawners.names import KEPT, PERSON, RESERVED, can_be_a_newcomer, has_the_form


@pytest.mark.parametrize("name", ["anna", "a", "a1", "anna-de-wit", "jan_2", "a" * 31, "mkb", "beheer"])
def test_a_name(name: str) -> None:
    """What a person is called in Unix passes."""
    assert can_be_a_newcomer(name)


@pytest.mark.parametrize(
    "name",
    ["", "-anna", "--help", "1anna", "Anna", "an na", "an.na", "anna\n", "\nanna", "anna\0", "a/b", "..",
     "a:b", "a,b", "a=b", "$(id)", "an\N{CYRILLIC SMALL LETTER A}", "a" * 32,
     "\N{FULLWIDTH LATIN SMALL LETTER A}nna", "anna\N{ARABIC-INDIC DIGIT ONE}",
     "\N{LATIN SMALL LETTER A WITH DIAERESIS}nna"],
)  # fmt: skip
def test_what_has_not_the_form(name: str) -> None:
    """Options, paths, lists, look-alikes and what is too long are no names."""
    assert not has_the_form(name)
    assert not can_be_a_newcomer(name)


@pytest.mark.parametrize("name", sorted(RESERVED | KEPT | {"_apt", "systemd-x"}))
def test_what_means_something_else(name: str) -> None:
    """A word of Slurm's, a group to which some package gives root, a name of system users: nobody's."""
    assert not can_be_a_newcomer(name)


@given(st.text(max_size=40) | st.from_regex(PERSON))
def test_nothing_passes_that_another_tool_reads_otherwise(text: str) -> None:
    """Whatever passes is at most 31 ASCII letters, digits, - and _, and begins with a small letter."""
    if can_be_a_newcomer(text):
        assert re.fullmatch("[a-z][a-z0-9_-]*", text, re.ASCII)
        assert len(text.encode()) <= 31
