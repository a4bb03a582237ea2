"""What a facility may call its things, and in which language they are shown."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from werkplaats_spawners.language import speaking
from werkplaats_spawners.offer import RESERVED, Name, Offer, Person, Words

NAME: TypeAdapter[str] = TypeAdapter(Name)
PERSON: TypeAdapter[str] = TypeAdapter(Person)


@pytest.mark.parametrize("name", ["ab", "gpu-1", "a" * 40, "a-b-c", "mkb-verkenning", "x1"])
def test_good_names(name: str) -> None:
    """A name is 2 to 40 lower-case letters, digits and dashes, as Slurm, a URL and a folder take it."""
    assert NAME.validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "a", "a" * 41, "A", "Gpu", "-a", "a-", "1a", "a_b", "a b", "a.b", "a/b", "a\n", "é1", "a,b", "a=b"],
)
def test_bad_names(name: str) -> None:
    """Anything that one of them reads in another way is no name."""
    with pytest.raises(ValidationError):
        NAME.validate_python(name)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_names_are_refused_with_a_way_out(name: str) -> None:
    """A word with a meaning of its own is refused, and the sentence says to choose another."""
    with pytest.raises(ValidationError, match=f"'{name}' means something else to Slurm; choose another name"):
        NAME.validate_python(name)


def test_the_words_of_sacctmgr_are_reserved() -> None:
    """``root`` is the tree's own account, ``normal`` its own QOS; the others are syntax of sacctmgr."""
    assert {"root", "normal", "all", "none", "parent", "where", "set", "default", "null"} <= RESERVED


@pytest.mark.parametrize(
    ("person", "good"),
    [
        ("mkb", True), ("_a", True), ("a-b_c9", True), ("a" * 31, True),
        ("a" * 32, False), ("", False), ("9a", False), ("-a", False), ("A", False), ("a b", False),
        ("a\n", False), ("a.b", False), ("a;b", False), ("a$", False),
    ],
)  # fmt: skip
def test_log_in_names(person: str, good: bool) -> None:
    """A person's name is one that useradd takes, and that no shell or sudo rule reads otherwise."""
    if good:
        assert PERSON.validate_python(person) == person
    else:
        with pytest.raises(ValidationError):
            PERSON.validate_python(person)


def test_words_are_said_in_the_readers_language() -> None:
    """A title is shown in the reader's language, unless another is asked for."""
    title = Words(nl="Eerste stappen", en="First steps")
    with speaking("nl"):
        assert str(title) == title.say() == "Eerste stappen"
        assert title.say("en") == "First steps"
    with speaking("en"):
        assert str(title) == "First steps"


def test_things_are_found_by_name(offer: Offer) -> None:
    """Each kind is looked up among its own: a stream's name is no project's."""
    assert offer.flavour("gpu-1") is offer.flavours[1]
    assert offer.stream("eurohpc") is offer.streams[2]
    assert offer.project("onderzoek") is offer.projects[3]
    assert offer.flavour("eurohpc") is offer.stream("onderzoek") is offer.project("gpu-1") is None


def test_an_offer_cannot_be_changed(offer: Offer) -> None:
    """What one request reads, no other has changed."""
    with pytest.raises(ValidationError):
        offer.flavours[0].gpus = 8  # type: ignore[misc]
    with pytest.raises(ValidationError):
        offer.projects = ()  # type: ignore[misc]
