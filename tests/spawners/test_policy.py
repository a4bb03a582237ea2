"""Who gets what: the judgement before anything is submitted, and its sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.offers import changed, flavour, person, project, stream

from werkplaats_spawners.language import speaking
from werkplaats_spawners.offer import Offer
from werkplaats_spawners.policy import Granted, decide, projects_of, stream_of
from werkplaats_spawners.request import Refused, ServerRequest
from werkplaats_spawners.standing import Budget

OFFER = Offer(
    flavours=(flavour("small", 0, 4, 12), flavour("gpu-1", 1, 2, 24)),
    streams=(stream("regional"), stream("national")),
    projects=(project("bakery", "regional"), project("roads", "national"), project("school", "regional")),
)
BOTH = ("roads", "bakery")


@pytest.mark.parametrize(
    ("request_", "accounts", "expected"),
    [
        (ServerRequest(), ["bakery"], ("small", "bakery", "regional", 240)),
        (ServerRequest(), ["roads"], ("small", "roads", "national", 240)),
        (ServerRequest(), BOTH, ("small", "bakery", "regional", 240)),  # the file's order, not Slurm's
        (ServerRequest(), ["school", "bakery"], ("small", "bakery", "regional", 240)),
        (ServerRequest(stream="national"), BOTH, ("small", "roads", "national", 240)),
        (ServerRequest(project="roads"), BOTH, ("small", "roads", "national", 240)),
        (ServerRequest(project="school", stream="regional"), ("school", "bakery"),
         ("small", "school", "regional", 240)),
        (ServerRequest(flavour="gpu-1"), ["bakery"], ("gpu-1", "bakery", "regional", 120)),
        (ServerRequest(flavour="gpu-1", hours=24), ["bakery"], ("gpu-1", "bakery", "regional", 1440)),
        (ServerRequest(hours=12), ["bakery"], ("small", "bakery", "regional", 720)),
        (ServerRequest(lent=False), ["bakery"], ("small", "bakery", "regional", 240)),
        # An account that is not a project of the facility is nothing that a server is charged to.
        (ServerRequest(), ["root", "regional", "bakery"], ("small", "bakery", "regional", 240)),
    ],
)  # fmt: skip
def test_who_gets_what(request_: ServerRequest, accounts: list[str], expected: tuple[object, ...]) -> None:
    """Open choices are filled in: the first flavour, its hours, the person's first project."""
    granted = decide(request_, OFFER, person(*accounts))
    assert isinstance(granted, Granted)
    assert (granted.flavour.name, granted.account, granted.qos, granted.minutes) == expected
    assert granted.project.name == granted.account


def test_the_notebook_is_passed_on() -> None:
    """What to open is the person's choice, and no matter of limits."""
    granted = decide(ServerRequest(notebook="a/b.ipynb"), OFFER, person("bakery"))
    assert isinstance(granted, Granted)
    assert granted.notebook == "a/b.ipynb"


@pytest.mark.parametrize(
    ("request_", "accounts", "status", "reason", "sentence"),
    [
        (
            ServerRequest(flavour="gpu-9"), ["bakery"], 400, "unknown-flavour",
            "There is no server of the kind 'gpu-9'. Choose one of: small, gpu-1.",
        ),
        (
            ServerRequest(), [], 403, "no-association",
            "You can sign in, but you do not take part in a project yet, so there is nothing to charge "
            "a server to. Ask the owner of your project, or the desk, to add you.",
        ),
        (
            ServerRequest(project="bakery"), ["roads"], 403, "not-theirs",
            "You do not take part in the project 'bakery'. Yours: roads.",
        ),
        (
            ServerRequest(project="moon"), BOTH, 403, "not-theirs",
            "You do not take part in the project 'moon'. Yours: bakery, roads.",
        ),
        (
            ServerRequest(stream="national"), ["bakery", "school"], 403, "not-theirs",
            "You do not belong to the stream 'national'. Yours: regional.",
        ),
        (
            ServerRequest(project="bakery", stream="national"), BOTH, 400, "mismatch",
            "The project 'bakery' is not in the stream 'national'. Choose one of the two.",
        ),
        (
            ServerRequest(hours=13), ["bakery"], 400, "too-long",
            "A server of the kind 'small' runs for at most 12 hours. Ask for fewer hours.",
        ),
        (
            ServerRequest(flavour="gpu-1", hours=25), ["bakery"], 400, "too-long",
            "A server of the kind 'gpu-1' runs for at most 24 hours. Ask for fewer hours.",
        ),
    ],
)  # fmt: skip
def test_each_refusal_says_what_and_what_next(
    request_: ServerRequest, accounts: list[str], status: int, reason: str, sentence: str
) -> None:
    """403 for what is not theirs, 400 for what makes no sense; the sentence names it and the way out."""
    with speaking("en"):
        assert decide(request_, OFFER, person(*accounts)) == Refused(reason, sentence, status)


def test_a_refusal_does_not_tell_of_others_projects() -> None:
    """Whether a project exists that is not theirs, a person cannot find out by asking for it."""
    with speaking("en"):
        existing = decide(ServerRequest(project="school"), OFFER, person("bakery"))
        invented = decide(ServerRequest(project="absent"), OFFER, person("bakery"))
    assert isinstance(existing, Refused)
    assert isinstance(invented, Refused)
    assert existing.sentence.replace("school", "absent") == invented.sentence


def test_projects_come_in_the_facilitys_order() -> None:
    """The first of a person's projects is the default, so its order must not be an accident."""
    assert [p.name for p in projects_of(OFFER, person("school", "roads", "bakery"))] == [
        "bakery",
        "roads",
        "school",
    ]


# -- of several projects -----------------------------------------------------------------------------

#: Nothing is left of it.
EXHAUSTED = Budget(limit=600, settled=600)
#: More than anything here can cost.
AMPLE = Budget(limit=100_000)
GPU = ServerRequest(flavour="gpu-1")


def test_the_first_project_that_can_have_it_is_charged() -> None:
    """Who is in two streams is not refused because the budget in the first is used up."""
    granted = decide(GPU, OFFER, person(*BOTH, budgets={"bakery": EXHAUSTED, "roads": AMPLE}))
    assert isinstance(granted, Granted)
    assert (granted.account, granted.qos) == ("roads", "national")
    granted = decide(GPU, OFFER, person(*BOTH, budgets={"bakery": AMPLE, "roads": AMPLE}))
    assert isinstance(granted, Granted)
    assert granted.account == "bakery"


def test_a_server_that_costs_nothing_stays_with_the_first() -> None:
    """Without a GPU an exhausted budget is no reason to charge another project."""
    granted = decide(ServerRequest(), OFFER, person(*BOTH, budgets={"bakery": EXHAUSTED, "roads": AMPLE}))
    assert isinstance(granted, Granted)
    assert granted.account == "bakery"


@pytest.mark.parametrize("request_", [GPU, GPU.model_copy(update={"project": "bakery"})])
def test_when_no_project_can_have_it_the_first_says_why(request_: ServerRequest) -> None:
    """One refusal, of the project that a person would have been charged for."""
    exhausted = {"bakery": EXHAUSTED, "roads": EXHAUSTED}
    with speaking("en"):
        refused = decide(request_, OFFER, person(*BOTH, budgets=exhausted))
    assert isinstance(refused, Refused)
    assert refused.reason == "over-budget"
    assert refused.sentence.startswith("The project 'bakery' has 0 GPU-hours left")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"project": "bakery"}, "The project 'bakery' has"),
        ({"stream": "regional"}, "The project 'bakery' has"),
    ],
)
def test_who_names_a_project_is_not_charged_for_another(asked: dict[str, str], expected: str) -> None:
    """A project or a stream that was asked for gives its own refusal, though another would do."""
    with speaking("en"):
        refused = decide(
            GPU.model_copy(update=asked),
            OFFER,
            person(*BOTH, budgets={"bakery": EXHAUSTED, "roads": AMPLE}),
        )
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.status) == ("over-budget", 403)
    assert refused.sentence.startswith(expected)


# -- groups ------------------------------------------------------------------------------------------

GROUPED = changed(OFFER, streams=(stream("regional", groups=("noord", "drenthe")), stream("national")))


@pytest.mark.parametrize(
    ("groups", "accounts", "expected"),
    [
        ({"noord"}, BOTH, "bakery"),
        ({"drenthe", "other"}, BOTH, "bakery"),
        ({"other"}, BOTH, "roads"),
        (set(), BOTH, "roads"),
        (set(), ["roads"], "roads"),  # a stream that names no groups asks for none
    ],
)
def test_a_stream_with_groups_is_for_their_members(
    groups: set[str], accounts: list[str], expected: str
) -> None:
    """An account alone is not enough there; in a stream without groups it is."""
    granted = decide(ServerRequest(), GROUPED, person(*accounts, groups=frozenset(groups)))
    assert isinstance(granted, Granted)
    assert granted.account == expected


def test_who_is_not_in_the_group_has_no_project_there() -> None:
    """Asked for by name it is not theirs; and with nothing else, there is nothing to charge."""
    with speaking("en"):
        named = decide(ServerRequest(project="bakery"), GROUPED, person(*BOTH))
        alone = decide(ServerRequest(), GROUPED, person("bakery"))
    sentence = "You do not take part in the project 'bakery'. Yours: roads."
    assert named == Refused("not-theirs", sentence, 403)
    assert isinstance(alone, Refused)
    assert (alone.reason, alone.status) == ("no-association", 403)


# -- how long ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("longest", "minutes"), [(1, 60), (2, 120), (3, 120), (None, 120)])
def test_the_usual_length_is_within_the_streams_limit(longest: int | None, minutes: int) -> None:
    """Who leaves the hours open is never refused for a length that they did not ask for."""
    limits = {"hours": longest} if longest else {}
    offer = changed(OFFER, streams=(stream("regional", person=limits), stream("national")))
    granted = decide(GPU, offer, person("bakery"))
    assert isinstance(granted, Granted)
    assert granted.minutes == minutes


def test_every_project_has_its_stream() -> None:
    """A project's stream is found by its name."""
    assert [stream_of(OFFER, one).name for one in OFFER.projects] == ["regional", "national", "regional"]


# -- whatever is asked -------------------------------------------------------------------------------

names = st.sampled_from(["bakery", "roads", "school", "regional", "national", "small", "gpu-1", "moon"])
requests = st.builds(
    ServerRequest,
    flavour=st.none() | names,
    stream=st.none() | names,
    project=st.none() | names,
    hours=st.none() | st.integers(1, 168),
    lent=st.booleans(),
)


@given(requests, st.frozensets(names | st.just("root")))
def test_nobody_is_granted_more_than_is_theirs(request_: ServerRequest, accounts: frozenset[str]) -> None:
    """Whatever is asked, a grant charges one of the person's own projects, within its stream and hours."""
    granted = decide(request_, OFFER, person(*accounts))
    if isinstance(granted, Refused):
        assert granted.status in (400, 403)
        return
    assert granted.account in accounts
    found = OFFER.project(granted.account)
    assert found is not None
    assert granted.qos == ("lent" if request_.lent else found.stream)
    assert request_.project in (None, granted.account)
    assert request_.stream in (None, found.stream)
    assert request_.flavour in (None, granted.flavour.name)
    assert 60 <= granted.minutes <= granted.flavour.max_hours * 60
    assert granted.flavour.gpus or not request_.lent


@given(requests, st.frozensets(names))
def test_a_plain_request_of_a_member_is_granted(request_: ServerRequest, accounts: frozenset[str]) -> None:
    """Who has a project and asks for what is offered within its hours is never refused."""
    theirs = projects_of(OFFER, person(*accounts))
    asked = ServerRequest(
        flavour="gpu-1",
        hours=min(request_.hours or 1, 24),
        project=theirs[-1].name if theirs else None,
        stream=theirs[-1].stream if theirs else None,
    )
    assert isinstance(decide(asked, OFFER, person(*accounts)), Granted if theirs else Refused)
