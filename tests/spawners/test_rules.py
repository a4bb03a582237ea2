"""Each rule: what it refuses, in which words, and what at exactly its limit it lets pass."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from tests.offers import NOW, changed, flavour, person, project, share, stream

from werkplaats_spawners.language import speaking
from werkplaats_spawners.offer import LENT, Budgets, Lending, Offer
from werkplaats_spawners.policy import Granted, decide
from werkplaats_spawners.request import Refused, ServerRequest
from werkplaats_spawners.rules import RULES
from werkplaats_spawners.standing import Budget

OFFER = Offer(
    flavours=(flavour("small", 0, 4, 12), flavour("gpu-1", 1, 2, 24), flavour("gpu-2", 2, 2, 24)),
    streams=(
        stream("regional"),
        stream("national", lends=False),
        stream("course", person={"gpus": 2, "servers": 2, "hours": 3}),
    ),
    projects=(
        project("bakery", "regional", owners=("mkb", "docent")),
        project("roads", "national"),
        project("lesson", "course", owners=("docent",)),
    ),
)
YESTERDAY = NOW.date() - timedelta(days=1)


def ending(day: date) -> Offer:
    """Return the offer in which the projects of the regional and national streams end on a day."""
    ended = [one.model_copy(update={"ends": day}) for one in OFFER.projects]
    return changed(OFFER, projects=(*ended[:2], OFFER.projects[2]))


#: Budgets for the whole facility; of them `charged` is what lent capacity costs.
CHARGED = changed(OFFER, lending=Lending(charged=True))
CAREFUL = changed(OFFER, budgets=Budgets(without_accounting="refuse"))
SMALL, ONE, TWO = (ServerRequest(flavour=one.name) for one in OFFER.flavours)
BORROWED = ServerRequest(flavour="gpu-1", lent=True)
COURSE = ServerRequest(flavour="gpu-1", project="lesson")
AWAY = "sacctmgr: error: Problem talking to the database: Connection refused"

REFUSED = {
    "an ended project, and its owners": (
        ending(YESTERDAY), SMALL, person("bakery"), "project-ended", 403,
        "The project 'bakery' ended on 20 November, so nothing can be charged to it any more. "
        "Ask mkb or docent, who own the project.",
    ),
    "an ended project that nobody owns": (
        ending(date(2025, 12, 31)), SMALL, person("roads"), "project-ended", 403,
        "The project 'roads' ended on 31 December 2025, so nothing can be charged to it any more. "
        "Ask the desk.",
    ),
    "a closed account": (
        OFFER, SMALL, person("bakery", closed=frozenset({"bakery"})), "closed", 403,
        "You can start nothing new in the project 'bakery'. Ask mkb or docent, who own the project.",
    ),
    "longer than the flavour": (
        OFFER, SMALL.model_copy(update={"hours": 13}), person("bakery"), "too-long", 400,
        "A server of the kind 'small' runs for at most 12 hours. Ask for fewer hours.",
    ),
    "longer than the stream": (
        OFFER, COURSE.model_copy(update={"hours": 4}), person("lesson"), "too-long", 400,
        "In the stream 'course' a server runs for at most 3 hours. Ask for fewer hours.",
    ),
    "borrowing without a GPU": (
        OFFER, ServerRequest(flavour="small", lent=True), person("bakery"), "nothing-to-lend", 400,
        "A server without a GPU has a place of its own and needs no lent capacity. Leave 'lent' out.",
    ),
    "borrowing in a stream that lends nothing": (
        OFFER, BORROWED, person("roads"), "no-lending", 403,
        "The stream 'national' lends nothing and borrows nothing. Leave 'lent' out.",
    ),
    "a server too many": (
        OFFER, SMALL, person("lesson", servers=2), "too-many-servers", 403,
        "You have 2 servers, and 2 at once is the most in the stream 'course'. Stop one first.",
    ),
    "a GPU too many": (
        OFFER, COURSE, person("lesson", gpus={"course": 2}), "too-many-gpus", 403,
        "You use 2 GPUs and ask for 1 GPU; in the stream 'course' one person has at most 2 GPUs at once. "
        "Stop a server first, or choose a smaller one.",
    ),
    "more than the share": (
        OFFER, TWO, person("bakery", qos=share("regional", 1)), "over-share", 403,
        "The share of the stream 'regional' is 1 GPU, and you ask for 2 GPUs. Choose a smaller server, "
        "or lent capacity.",
    ),
    "more than the share, where nothing is lent": (
        OFFER, TWO, person("roads", qos=share("national", 0)), "over-share", 403,
        "The share of the stream 'national' is 0 GPUs, and you ask for 2 GPUs. Choose a smaller server.",
    ),
    "more than can be lent": (
        OFFER, TWO.model_copy(update={"lent": True}), person("bakery", qos=share(LENT, 1)), "over-share", 403,
        "At most 1 GPU can be lent here. Choose a smaller server.",
    ),
    "accounting that is away, where that counts": (
        CAREFUL, SMALL, person("bakery", accounting_away=AWAY), "accounting-away", 503,
        "The cluster's accounting does not answer, and without it nothing is started here. What runs goes "
        "on. Try again in a few minutes.",
    ),
    "more than the budget": (
        OFFER, TWO, person("bakery", budgets={"bakery": Budget(limit=600, settled=460)}), "over-budget", 403,
        "The project 'bakery' has 2.3 GPU-hours left, and this server can use 4. "
        "What fits: 2 GPUs for 1 h 10 min or 1 GPU for 2 h. A new budget begins on 1 December. "
        "Lent capacity is not charged: it can be had now, and can be taken back.",
    ),
    "more than the budget, of what is lent": (
        CHARGED, BORROWED, person("bakery", budgets={"bakery": Budget(limit=0)}), "over-budget", 403,
        "The project 'bakery' has 0 GPU-hours left, and this server can use 2. "
        "A server without a GPU costs nothing of it. A new budget begins on 1 December.",
    ),
}  # fmt: skip

PASSES = {
    "on a project's last day": (ending(NOW.date()), SMALL, person("bakery")),
    "in one project, while another is closed": (OFFER, SMALL, person("bakery", closed=frozenset({"roads"}))),
    "as long as the flavour": (OFFER, SMALL.model_copy(update={"hours": 12}), person("bakery")),
    "as long as the stream": (OFFER, COURSE.model_copy(update={"hours": 3}), person("lesson")),
    "borrowing with a GPU": (OFFER, BORROWED, person("bakery")),
    "the last server": (OFFER, SMALL, person("lesson", servers=1)),
    "any number of servers where none is set": (OFFER, SMALL, person("bakery", servers=99)),
    "as many GPUs as one may have": (OFFER, TWO, person("lesson")),
    "the last GPU": (OFFER, COURSE, person("lesson", gpus={"course": 1})),
    "GPUs of another stream": (OFFER, COURSE, person("lesson", gpus={"regional": 9, LENT: 9})),
    "borrowing, above one's own GPUs": (
        OFFER, COURSE.model_copy(update={"lent": True}), person("lesson", gpus={"course": 2}),
    ),
    # A limit that was lowered below what somebody has already.
    "no GPU, above one's own GPUs": (OFFER, SMALL, person("lesson", gpus={"course": 3})),
    "the whole share": (OFFER, TWO, person("bakery", qos=share("regional", 2))),
    "a share that is full: it waits": (OFFER, TWO, person("bakery", qos=share("regional", 2, used=2))),
    "a share without a limit": (OFFER, TWO, person("bakery", qos=share("regional", None, used=9))),
    "no GPU, where the share is nothing": (OFFER, SMALL, person("bakery", qos=share("regional", 0))),
    "borrowing, where the share is nothing": (OFFER, BORROWED, person("bakery", qos=share("regional", 0))),
    "all that can be lent": (OFFER, BORROWED, person("bakery", qos=share(LENT, 1))),
    "accounting that is away, where that does not count": (
        OFFER, ONE, person("bakery", accounting_away=AWAY),
    ),
    "accounting that answers, where that counts": (CAREFUL, ONE, person("bakery")),
    "all of the budget": (OFFER, TWO, person("bakery", budgets={"bakery": Budget(240)})),
    "no budget at all": (OFFER, TWO, person("bakery", budgets={"bakery": Budget(settled=10**9)})),
    "no GPU, with an empty budget": (OFFER, SMALL, person("bakery", budgets={"bakery": Budget(0)})),
    "borrowing, with an empty budget": (OFFER, BORROWED, person("bakery", budgets={"bakery": Budget(0)})),
    "borrowing that is charged, with a budget": (
        CHARGED, BORROWED, person("bakery", budgets={"bakery": Budget(120)}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_each_refusal_says_what_and_what_next(case: str) -> None:
    """Every rule has a sentence of its own: which limit, how much is used, what would fit, whom to ask."""
    offer, request, standing, reason, status, sentence = REFUSED[case]
    with speaking("en"):
        assert decide(request, offer, standing) == Refused(reason, sentence, status)


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_the_same_in_every_language(case: str) -> None:
    """Only the words differ: reason and status do not, and no value is missing from the sentence."""
    offer, request, standing, reason, status, _ = REFUSED[case]
    with speaking("nl"):
        refused = decide(request, offer, standing)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.status) == (reason, status)
    assert refused.sentence.endswith(".")
    assert not set(refused.sentence) & set("{}")


@pytest.mark.parametrize("case", PASSES)
def test_at_exactly_the_limit_it_passes(case: str) -> None:
    """A limit is the most that one may have, and what a rule is not about it does not stop."""
    offer, request, standing = PASSES[case]
    granted = decide(request, offer, standing)
    assert isinstance(granted, Granted), granted
    assert granted.qos == (LENT if request.lent else granted.project.stream)


def test_every_rule_has_its_refusals() -> None:
    """A rule that is added needs a sentence above."""
    reasons = {reason for _, _, _, reason, _, _ in REFUSED.values()}
    refusing = {rule for rule in RULES if any(_refuses(rule.__name__, case) for case in REFUSED)}
    assert refusing == set(RULES)
    assert reasons == {
        "project-ended", "closed", "too-long", "nothing-to-lend", "no-lending", "too-many-servers",
        "too-many-gpus", "over-share", "accounting-away", "over-budget",
    }  # fmt: skip


def _refuses(name: str, case: str) -> bool:
    """Return whether it is this rule that makes the refusal: without it the request passes."""
    offer, request, standing, *_ = REFUSED[case]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("werkplaats_spawners.policy.RULES", [r for r in RULES if r.__name__ != name])
        return isinstance(decide(request, offer, standing), Granted)


# -- what fits ---------------------------------------------------------------------------------------


def said(left: int, *, request: ServerRequest = TWO, offer: Offer = OFFER) -> str:
    """Return what is said in English to who has so many GPU-minutes left for two GPUs for two hours."""
    with speaking("en"):
        refused = decide(
            request, offer, person("bakery", "roads", budgets={"bakery": Budget(left), "roads": Budget(left)})
        )
    assert isinstance(refused, Refused)
    return refused.sentence


@pytest.mark.parametrize(
    ("left", "fits"),
    [
        (239, "What fits: 2 GPUs for 1 h 59 min or 1 GPU for 2 h."),
        (140, "What fits: 2 GPUs for 1 h 10 min or 1 GPU for 2 h."),
        (120, "What fits: 2 GPUs for 1 h or 1 GPU for 2 h."),
        (119, "What fits: 2 GPUs for 59 min or 1 GPU for 1 h 59 min."),
        (20, "What fits: 2 GPUs for 10 min or 1 GPU for 20 min."),
        # Below ten minutes it is no advice.
        (19, "What fits: 1 GPU for 19 min."),
        (10, "What fits: 1 GPU for 10 min."),
        (9, "A server without a GPU costs nothing of it."),
        (0, "A server without a GPU costs nothing of it."),
    ],
)
def test_what_would_fit(left: int, fits: str) -> None:
    """As many GPUs for less time, then fewer for as long as asked; and what is free when nothing fits."""
    assert f"can use 4. {fits} A new budget" in said(left)


def test_three_choices_read_as_a_sentence() -> None:
    """Every size that is not larger than what was asked for, once, the largest first."""
    flavours = (flavour("gpu-4", 4, 2, 24), flavour("gpu-4b", 4, 2, 24), *OFFER.flavours)
    sentence = said(180, request=ServerRequest(flavour="gpu-4"), offer=changed(OFFER, flavours=flavours))
    assert "What fits: 4 GPUs for 45 min, 2 GPUs for 1 h 30 min or 1 GPU for 2 h." in sentence


@pytest.mark.parametrize(
    ("longest", "fits"), [((1,), "1 h"), ((1, 2), "2 h"), ((2, 1), "2 h"), ((9,), "2 h")]
)
def test_a_size_that_may_not_run_that_long_is_not_promised(longest: tuple[int, ...], fits: str) -> None:
    """What fits the budget is said for as long as some server of that size may run."""
    ones = [flavour(f"gpu-1-{number}", 1, 1, most) for number, most in enumerate(longest)]
    offer = changed(OFFER, flavours=(*ones, flavour("gpu-2", 2, 2, 24)))
    assert f"What fits: 2 GPUs for 1 h 15 min or 1 GPU for {fits}." in said(150, offer=offer)


@pytest.mark.parametrize(
    ("period", "day"),
    [("monthly", "1 December"), ("quarterly", "1 January 2027"), ("yearly", "1 January 2027")],
)
def test_when_a_new_budget_begins(period: str, day: str) -> None:
    """The first day of the facility's next period, with the year where that is another."""
    offer = changed(OFFER, budgets=Budgets.model_validate({"period": period}))
    assert f"A new budget begins on {day}." in said(0, offer=offer)


@pytest.mark.parametrize(
    ("asked", "offer", "told"),
    [
        (TWO, OFFER, True),
        (TWO, CHARGED, False),  # it would cost as much
        (TWO.model_copy(update={"lent": True}), CHARGED, False),  # that is what was asked
        (TWO.model_copy(update={"project": "roads"}), OFFER, False),  # its stream lends nothing
    ],
)
def test_lent_capacity_is_advised_where_it_helps(asked: ServerRequest, offer: Offer, told: bool) -> None:
    """Who has no budget left hears of lent capacity if they may borrow and it costs nothing."""
    assert ("Lent capacity is not charged" in said(0, request=asked, offer=offer)) is told


def test_amounts_are_written_as_the_reader_writes_them() -> None:
    """In Dutch a decimal has a comma, and thousands a point."""
    asked = ServerRequest(flavour="gpu-2", hours=24)
    offer = changed(OFFER, flavours=(flavour("gpu-2", 2, 2, 24), flavour("gpu-64", 64, 24, 24)))
    with speaking("nl"):
        small = decide(asked, offer, person("bakery", budgets={"bakery": Budget(150)}))
        large = decide(
            ServerRequest(flavour="gpu-64"), offer, person("bakery", budgets={"bakery": Budget(75_090)})
        )
    assert isinstance(small, Refused)
    assert isinstance(large, Refused)
    assert " 2,5 " in small.sentence
    assert " 1.251,5 " in large.sentence
    assert "1 december" in small.sentence


def test_what_is_left_is_never_said_to_be_enough() -> None:
    """One minute short is less than what is asked, also in the rounded numbers of the sentence."""
    assert said(239).startswith("The project 'bakery' has 3.9 GPU-hours left, and this server can use 4.")
