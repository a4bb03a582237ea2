"""What a facility may call its things, and in which language they are shown."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from werkplaats_spawners.language import speaking
from werkplaats_spawners.offer import (
    OURS,
    RESERVED,
    Account,
    Budgets,
    FirstSteps,
    Lending,
    Name,
    Offer,
    Person,
    PersonLimits,
    Project,
    Words,
)

NAME: TypeAdapter[str] = TypeAdapter(Name)
ACCOUNT: TypeAdapter[str] = TypeAdapter(Account)
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


@pytest.mark.parametrize("name", sorted(OURS))
def test_names_of_ours_are_no_account(name: str) -> None:
    """A stream or project of such a name would be ours; a flavour may have it, as it is none in Slurm."""
    with pytest.raises(ValidationError, match=f"'{name}' is a name that the platform itself gives; choose"):
        ACCOUNT.validate_python(name)
    assert NAME.validate_python(name) == name


@pytest.mark.parametrize("name", ["root", "A", "a b", "x" * 41])
def test_an_account_is_a_name(name: str) -> None:
    """What is no name is no account either."""
    with pytest.raises(ValidationError):
        ACCOUNT.validate_python(name)


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


def test_first_steps_are_a_project_of_ours() -> None:
    """Its name is one that no facility can give, and who is in it is not in the file."""
    words = Words(nl="Eerste stappen", en="First steps")
    project = FirstSteps(title=words, stream="regional", gpu_hours=2).project
    assert project == Project.model_construct(
        name="first-steps",
        title=words,
        stream="regional",
        gpu_hours=2,
        members=(),
        owners=(),
        call="",
        ends=None,
    )
    with pytest.raises(ValidationError, match="the platform itself gives"):
        Project(name="first-steps", title=words, stream="regional", gpu_hours=2, members=())


def test_what_holds_where_a_facility_says_nothing(offer: Offer) -> None:
    """A minute's notice, uncharged, each month anew; servers start without accounting; no own limits."""
    assert (Lending().notice_seconds, Lending().charged) == (60, False)
    assert (Budgets().period, Budgets().without_accounting) == ("monthly", "start")
    assert PersonLimits() == PersonLimits(gpus=None, servers=None, hours=None)
    for stream in offer.streams:
        assert (stream.lends, stream.groups, stream.person) == (True, (), PersonLimits())
    for project in offer.projects:
        assert project.ends is None


@pytest.mark.parametrize("limits", [{"gpus": 0}, {"servers": 0}, {"hours": 0}, {"hours": 169}, {"gpus": "2"}])
def test_limits_of_nothing_are_refused(limits: dict[str, object]) -> None:
    """A limit of 0 would shut everybody out: a stream without people is one that nobody is put into."""
    with pytest.raises(ValidationError):
        PersonLimits.model_validate(limits)
