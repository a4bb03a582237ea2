"""Whatever is asked, by whoever, of whichever facility: what a grant never is, and a refusal always."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from tests.offers import NOW, flavour, person, project, stream

from werkplaats_spawners.language import LANGUAGES, speaking
from werkplaats_spawners.limits import Qos, Use
from werkplaats_spawners.offer import LENT, Budgets, Flavour, Lending, Offer, Project
from werkplaats_spawners.policy import Granted, decide, projects_of, stream_of
from werkplaats_spawners.request import Refused, ServerRequest
from werkplaats_spawners.standing import Budget, Standing

T = TypeVar("T")

PROJECTS = {"bakery": "regional", "school": "regional", "roads": "national", "lesson": "course"}
STREAMS = ("regional", "national", "course")


def rarely(strategy: st.SearchStrategy[T], usual: T) -> st.SearchStrategy[T]:
    """Return what is usual, four times out of five: so that a request meets one rule, and not all."""
    return st.integers(0, 4).flatmap(lambda number: st.just(usual) if number else strategy)


limits = st.none() | st.integers(0, 9)
budgets = st.builds(
    Budget,
    limit=st.none() | st.integers(0, 6_000),
    settled=st.integers(0, 3_000),
    running=st.integers(0, 1_000),
    waiting=st.integers(0, 1_000),
)
days = rarely(st.integers(-2, 2).map(lambda days: NOW.date() + timedelta(days)), None)
flavours = st.builds(
    lambda gpus, hours, more: flavour(f"gpu-{gpus}", gpus, hours, hours + more),
    st.integers(0, 5), st.integers(1, 6), st.integers(0, 20),
)  # fmt: skip
persons = rarely(st.dictionaries(st.sampled_from(["gpus", "servers", "hours"]), st.integers(1, 8)), {})
offers = st.builds(
    lambda flavours, streams, ends, charged, without: Offer(
        flavours=tuple(flavours),
        streams=tuple(streams),
        projects=tuple(project(n, s, ends=day) for (n, s), day in zip(PROJECTS.items(), ends, strict=True)),
        lending=Lending(charged=charged),
        budgets=Budgets(without_accounting=without),
    ),
    st.lists(flavours, min_size=1, max_size=4, unique_by=lambda one: one.name),
    st.tuples(
        *(
            st.builds(
                lambda lends, groups, limits, name=name: stream(
                    name, lends=lends, groups=groups, person=limits
                ),
                rarely(st.just(False), True), rarely(st.just(("staff",)), ()), persons,
            )
            for name in STREAMS
        )
    ),
    st.tuples(*[days] * len(PROJECTS)),
    st.booleans(),
    st.sampled_from(["start", "refuse"]),
)  # fmt: skip
standings = st.builds(
    lambda accounts, shares, **known: person(
        *accounts, qos={name: Qos(name, Use(limit)) for name, limit in shares.items()}, **known
    ),
    st.frozensets(st.sampled_from([*PROJECTS, "root", "regional"]), min_size=1),
    rarely(st.dictionaries(st.sampled_from([*STREAMS, LENT]), limits), {}),
    groups=st.sampled_from([frozenset(), frozenset({"staff"})]),
    servers=st.integers(0, 6),
    budgets=st.dictionaries(st.sampled_from(list(PROJECTS)), budgets),
    closed=rarely(st.frozensets(st.sampled_from(list(PROJECTS)), max_size=2), frozenset()),
    gpus=st.dictionaries(st.sampled_from([*STREAMS, LENT]), st.integers(0, 9)),
    accounting_away=rarely(st.just("Connection refused"), None),
)
requests = st.builds(
    ServerRequest,
    flavour=rarely(st.integers(0, 5).map("gpu-{}".format), None),
    stream=rarely(st.sampled_from(STREAMS), None),
    project=rarely(st.sampled_from(list(PROJECTS)), None),
    hours=st.none() | st.integers(1, 12),
    lent=rarely(st.just(True), False),
)


def meant(request: ServerRequest, offer: Offer, standing: Standing) -> list[Project]:
    """Return the person's projects that a request leaves open."""
    return [
        one
        for one in projects_of(offer, standing)
        if request.project in (None, one.name) and request.stream in (None, one.stream)
    ]


def cost(request: ServerRequest, offer: Offer, one: Project) -> int:
    """Return the GPU-minutes that a request would take of a project's budget."""
    size = offer.flavour(request.flavour) if request.flavour else offer.flavours[0]
    assert isinstance(size, Flavour)
    usual = min(size.hours, stream_of(offer, one).person.hours or size.hours)
    free = request.lent and not offer.lending.charged
    return 0 if free else size.gpus * (request.hours or usual) * 60


def left(standing: Standing, one: Project) -> float:
    """Return the GPU-minutes that a project has left; endless where it has no budget."""
    budget = standing.budgets.get(one.name, Budget())
    if budget.limit is None:
        return float("inf")
    return budget.limit - budget.settled - budget.running - budget.waiting


Case = tuple[ServerRequest, Offer, Standing]


#: Without looking for the smallest.
FIRST_FOUND = settings(max_examples=50_000, phases=[Phase.generate], database=None)

REACHED: dict[str, Callable[[Granted | Refused, Case], bool]] = {
    "borrowing that is charged": lambda answer, case: (
        isinstance(answer, Granted) and answer.qos == LENT and case[1].lending.charged
    ),
    "more GPUs for who has some": lambda answer, case: (
        isinstance(answer, Granted) and answer.flavour.gpus > 0 and case[2].gpus.get(answer.qos, 0) > 0
    ),
    "another project than the first": lambda answer, case: (
        isinstance(answer, Granted) and answer.project != meant(*case)[0]
    ),
    "advice of two sizes": lambda answer, case: (
        isinstance(answer, Refused) and len(advice(answer.sentence)) > 1
    ),
    "more than the share": lambda answer, case: (
        isinstance(answer, Refused) and answer.reason == "over-share"
    ),
}  # fmt: skip


@pytest.mark.parametrize("outcome", REACHED)
def test_what_is_tried_goes_both_ways(outcome: str) -> None:
    """What is said below of grants and refusals is said of something: each kind comes up."""

    def comes_up(case: Case) -> bool:
        with speaking("en"):
            return REACHED[outcome](decide(*case), case)

    find(st.tuples(requests, offers, standings), comes_up, settings=FIRST_FOUND)


@settings(max_examples=500)
@given(requests, offers, standings)
def test_a_grant_exceeds_nothing(request: ServerRequest, offer: Offer, standing: Standing) -> None:
    """Budget, share, the person's GPUs, servers and hours: a server that is granted is within them all."""
    granted = decide(request, offer, standing)
    if isinstance(granted, Refused):
        return
    one, size = granted.project, granted.flavour
    paying = stream_of(offer, one)
    most = paying.person
    assert one in meant(request, offer, standing)
    assert one.name not in standing.closed
    assert one.ends is None or one.ends >= standing.now.date()
    assert not paying.groups or standing.groups & set(paying.groups)
    assert granted.qos == (LENT if request.lent else paying.name)
    assert 60 <= granted.minutes <= min(size.max_hours, most.hours or size.max_hours) * 60
    assert cost(request, offer, one) <= max(0, left(standing, one))
    assert most.servers is None or standing.servers + 1 <= most.servers
    own = standing.gpus.get(paying.name, 0) + size.gpus
    assert size.gpus == 0 or request.lent or most.gpus is None or own <= most.gpus
    whole = standing.qos[granted.qos].gpus.limit if granted.qos in standing.qos else None
    assert whole is None or size.gpus <= whole
    assert not request.lent or (size.gpus > 0 and paying.lends)
    assert standing.accounting_away is None or offer.budgets.without_accounting == "start"


@settings(max_examples=500)
@given(requests, offers, standings)
def test_a_refusal_for_the_budget_is_true(request: ServerRequest, offer: Offer, standing: Standing) -> None:
    """Nobody is told of a budget that would have covered it, nor advised what would not fit either."""
    with speaking("en"):
        refused = decide(request, offer, standing)
    if isinstance(refused, Granted) or refused.reason != "over-budget":
        return
    first = meant(request, offer, standing)[0]
    assert f"The project '{first.name}' has" in refused.sentence
    asked = cost(request, offer, first)
    assert asked > max(0, left(standing, first))
    for gpus, minutes in advice(refused.sentence):
        assert minutes >= 10
        assert gpus * minutes <= left(standing, first)
        assert gpus * minutes < asked
        assert any(size.gpus == gpus and minutes <= size.max_hours * 60 for size in offer.flavours)


def advice(sentence: str) -> list[tuple[int, int]]:
    """Return the GPUs and the minutes of what is said to fit."""
    found = re.findall(r"(\d+) GPUs? for (?:(\d+) h)? ?(?:(\d+) min)?", sentence)
    return [(int(gpus), int(hours or 0) * 60 + int(minutes or 0)) for gpus, hours, minutes in found]


@settings(max_examples=300)
@given(requests, offers, standings)
def test_the_same_question_has_the_same_answer(
    request: ServerRequest, offer: Offer, standing: Standing
) -> None:
    """Nothing but what is asked, offered and known counts; and there is always an answer, in words."""
    for language in LANGUAGES:
        with speaking(language):
            answer = decide(request, offer, standing)
            assert answer == decide(request, offer, standing)
        if isinstance(answer, Refused):
            assert answer.status in (400, 403, 503)
            assert answer.sentence.endswith(".")
            assert not set(answer.sentence) & set("{}")


@settings(max_examples=300)
@given(requests, offers, standings)
def test_a_refusal_means_that_no_project_would_do(
    request: ServerRequest, offer: Offer, standing: Standing
) -> None:
    """Who is refused without naming a project is refused for each of theirs, and the other way round."""
    open_request = request.model_copy(update={"project": None, "stream": None})
    each = [
        decide(open_request.model_copy(update={"project": one.name}), offer, standing)
        for one in projects_of(offer, standing)
    ]
    granted = isinstance(decide(open_request, offer, standing), Granted)
    assert granted == any(isinstance(one, Granted) for one in each)
