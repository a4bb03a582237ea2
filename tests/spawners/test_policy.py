"""Who gets what: the judgement before anything is submitted, and its sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from werkplaats_spawners.language import speaking
from werkplaats_spawners.offer import Flavour, Offer, Project, Stream, Words
from werkplaats_spawners.policy import Granted, decide, projects_of
from werkplaats_spawners.request import Refused, ServerRequest


def words(text: str) -> Words:
    """Return `text` in both languages."""
    return Words(nl=text, en=text)


def flavour(name: str, gpus: int, hours: int, max_hours: int) -> Flavour:
    """Return a flavour."""
    return Flavour(
        name=name, title=words(name), description=words(name), cpus=2, memory_gb=4,
        gpus=gpus, hours=hours, max_hours=max_hours,
    )  # fmt: skip


def project(name: str, stream: str) -> Project:
    """Return a project; its members are Slurm's matter, not the policy's."""
    return Project(name=name, title=words(name), stream=stream, gpu_hours=10, members=())


def stream(name: str) -> Stream:
    """Return a stream."""
    return Stream(name=name, title=words(name), description=words(name), share=0.5)


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
    granted = decide(request_, OFFER, accounts)
    assert isinstance(granted, Granted)
    assert (granted.flavour.name, granted.account, granted.qos, granted.minutes) == expected
    assert granted.project.name == granted.account


def test_the_notebook_is_passed_on() -> None:
    """What to open is the person's choice, and no matter of limits."""
    granted = decide(ServerRequest(notebook="a/b.ipynb"), OFFER, ["bakery"])
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
        (
            ServerRequest(lent=True), ["bakery"], 400, "no-lending",
            "This facility does not lend capacity. Leave 'lent' out.",
        ),
    ],
)  # fmt: skip
def test_each_refusal_says_what_and_what_next(
    request_: ServerRequest, accounts: list[str], status: int, reason: str, sentence: str
) -> None:
    """403 for what is not theirs, 400 for what makes no sense; the sentence names it and the way out."""
    with speaking("en"):
        assert decide(request_, OFFER, accounts) == Refused(reason, sentence, status)


def test_a_refusal_does_not_tell_of_others_projects() -> None:
    """Whether a project exists that is not theirs, a person cannot find out by asking for it."""
    with speaking("en"):
        existing = decide(ServerRequest(project="school"), OFFER, ["bakery"])
        invented = decide(ServerRequest(project="absent"), OFFER, ["bakery"])
    assert isinstance(existing, Refused)
    assert isinstance(invented, Refused)
    assert existing.sentence.replace("school", "absent") == invented.sentence


def test_projects_come_in_the_facilitys_order() -> None:
    """The first of a person's projects is the default, so its order must not be an accident."""
    assert [p.name for p in projects_of(OFFER, {"school", "roads", "bakery"})] == [
        "bakery",
        "roads",
        "school",
    ]


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
    granted = decide(request_, OFFER, accounts)
    if isinstance(granted, Refused):
        assert granted.status in (400, 403)
        return
    assert granted.account in accounts
    found = OFFER.project(granted.account)
    assert found is not None
    assert granted.qos == found.stream
    assert request_.project in (None, granted.account)
    assert request_.stream in (None, granted.qos)
    assert request_.flavour in (None, granted.flavour.name)
    assert 60 <= granted.minutes <= granted.flavour.max_hours * 60
    assert not request_.lent


@given(requests, st.frozensets(names))
def test_a_plain_request_of_a_member_is_granted(request_: ServerRequest, accounts: frozenset[str]) -> None:
    """Who has a project and asks for what is offered within its hours is never refused."""
    theirs = projects_of(OFFER, accounts)
    asked = ServerRequest(
        flavour="gpu-1",
        hours=min(request_.hours or 1, 24),
        project=theirs[-1].name if theirs else None,
        stream=theirs[-1].stream if theirs else None,
    )
    assert isinstance(decide(asked, OFFER, accounts), Granted if theirs else Refused)
