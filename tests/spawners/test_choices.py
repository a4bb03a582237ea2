"""What each choice means before it is made: when it starts, what it costs, how long it may run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.offers import NOW, changed, flavour, person, project, share, stream

from werkplaats_spawners.choices import Choice, choices, grants, moment
from werkplaats_spawners.estimates import Estimate
from werkplaats_spawners.language import speaking
from werkplaats_spawners.launch.client import LaunchFailed, Start
from werkplaats_spawners.limits import Qos, Use
from werkplaats_spawners.offer import Lending, Offer
from werkplaats_spawners.policy import Granted
from werkplaats_spawners.request import ServerRequest
from werkplaats_spawners.slurm import Trouble
from werkplaats_spawners.standing import Budget

OFFER = Offer(
    flavours=(flavour("first-steps", 0, 4, 12), flavour("gpu-1", 1, 2, 24), flavour("gpu-2", 2, 2, 24)),
    streams=(stream("regional"), stream("national", lends=False, person={"hours": 8})),
    projects=(project("bakery", "regional"), project("roads", "national")),
)
HEADER = "#SBATCH --gres=gpu:1\n"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Read sentences as they stand in the source."""
    with speaking("en"):
        yield


def said(minutes: float = 0, *, preempts: bool = False) -> Estimate:
    """Return Slurm's answer: a start so many minutes from now."""
    return Estimate(NOW.timestamp(), Start(NOW + timedelta(minutes=minutes), preempts, HEADER))


def failed(trouble: Trouble) -> Estimate:
    """Return Slurm's answer that it would not."""
    return Estimate(NOW.timestamp(), failed=LaunchFailed(trouble, "why"))


def chosen(
    name: str,
    *accounts: str,
    answer: Estimate | None = None,
    offer: Offer = OFFER,
    request: ServerRequest | None = None,
    **known: Any,
) -> Choice:
    """Return one choice of somebody who may charge these accounts."""
    found = choices(
        request or ServerRequest(), offer, person(*(accounts or ("bakery",)), **known), lambda _: answer
    )
    return next(choice for choice in found if choice.flavour.name == name)


def test_every_flavour_is_a_choice_in_the_facilitys_order() -> None:
    """Also those that are refused: who wonders why finds it there."""
    found = choices(ServerRequest(hours=20), OFFER, person("bakery"), lambda _: said())
    assert [choice.flavour.name for choice in found] == ["first-steps", "gpu-1", "gpu-2"]
    assert [bool(choice.refused) for choice in found] == [True, False, False]


@pytest.mark.parametrize(
    ("answer", "when", "now"),
    [
        (said(0), "now", True),
        (said(-1), "now", True),
        (said(0.9), "now", True),
        (said(2), "about 14:22", False),
        (said(24 * 60), "22 November, about 14:20", False),
        (said(60 * 24 * 60), "20 January 2027, about 14:20", False),
        (said(15, preempts=True), "about 14:21", False),
        (None, "", False),
        (failed(Trouble.UNREACHABLE), "not known: the cluster does not answer", False),
        (failed(Trouble.OTHER), "not known: the cluster does not answer", False),
    ],
)
def test_when_it_starts(answer: Estimate | None, when: str, now: bool) -> None:
    """As Slurm says; where borrowers must go first, after the notice that they get."""
    choice = chosen("gpu-1", answer=answer)
    assert (choice.when, choice.now) == (when, now)


@pytest.mark.parametrize("trouble", [Trouble.NO_ASSOCIATION, Trouble.NOT_AVAILABLE, Trouble.OVER_LIMIT])
def test_what_slurm_would_refuse_is_refused(trouble: Trouble) -> None:
    """In the words of a submission that was refused."""
    choice = chosen("gpu-1", answer=failed(trouble))
    assert choice.refused
    assert choice.line == choice.refused
    assert choice.granted is None


@pytest.mark.parametrize(
    ("name", "limit", "used", "when"),
    [
        ("gpu-1", 4, 3, "now"),
        ("gpu-1", 4, 4, "when a GPU of your share is free"),
        ("gpu-2", 4, 3, "when 2 GPUs of your share are free"),
        ("gpu-2", 4, 5, "when 2 GPUs of your share are free"),
        ("gpu-2", None, 50, "now"),
        ("first-steps", 4, 4, "now"),
    ],
)
def test_a_full_share_goes_before_slurms_answer(name: str, limit: int | None, used: int, when: str) -> None:
    """What Slurm says does not reckon with what others of the share have in use."""
    assert chosen(name, answer=said(), qos=share("regional", limit, used)).when == when


def test_a_share_that_is_full_by_what_goes_with_its_gpus() -> None:
    """Processors and memory count in it too: in thousandths of a GPU."""
    full = {"regional": Qos("regional", Use(4, 2), Use(4000, 3500))}
    assert chosen("gpu-1", answer=said(), qos=full).when == "when a GPU of your share is free"


def test_nothing_to_borrow() -> None:
    """The same of borrowed capacity, which is nobody's share."""
    request = ServerRequest(lent=True)
    full = share("lent", 16, 16)
    assert (
        chosen("gpu-1", answer=said(), qos=full, request=request).when == "when there is something to borrow"
    )
    assert chosen("first-steps", answer=said(), qos=full, request=request).when == "now"


def test_slurm_is_asked_only_of_what_no_limit_holds_back() -> None:
    """A refused choice, and one that waits for its share, costs Slurm no question."""
    standing = person("bakery", qos=share("regional", 4, 3))
    asked = grants(ServerRequest(hours=20), OFFER, standing)
    assert [granted.flavour.name for granted in asked] == ["gpu-1"]
    assert all(isinstance(granted, Granted) for granted in asked)


@pytest.mark.parametrize(
    ("name", "budget", "lent", "cost"),
    [
        ("first-steps", Budget(600), False, "Costs no GPU-hours."),
        ("gpu-1", Budget(6000, 600), False, "GPU-hours left: 90 now, 88 after this."),
        ("gpu-2", Budget(6000, 600, 30, 30), False, "GPU-hours left: 89 now, 85 after this."),
        ("gpu-1", Budget(6000), True, "Costs no GPU-hours."),
        ("gpu-2", Budget(), False, "Takes at most 4 GPU-hours."),
        ("gpu-2", None, False, "Takes at most 4 GPU-hours."),
    ],
)
def test_what_it_costs(name: str, budget: Budget | None, lent: bool, cost: str) -> None:
    """GPU-hours left now, and after this request."""
    known = {"budgets": {"bakery": budget}} if budget else {}
    assert chosen(name, request=ServerRequest(lent=lent), **known).cost == cost


def test_borrowed_hours_may_be_charged() -> None:
    """Where the facility charges them, the choice says so."""
    charged = changed(OFFER, lending=Lending(charged=True))
    choice = chosen(
        "gpu-1", offer=charged, request=ServerRequest(lent=True), budgets={"bakery": Budget(6000)}
    )
    assert choice.cost == "GPU-hours left: 100 now, 98 after this."


@pytest.mark.parametrize(
    ("name", "account", "budget", "minutes", "said_"),
    [
        ("gpu-1", "bakery", Budget(6000), 1440, ""),
        ("gpu-1", "bakery", Budget(370), 370, "For you at most 6 h 10 min."),
        ("gpu-2", "bakery", Budget(370), 185, "For you at most 3 h 5 min."),
        ("gpu-1", "roads", Budget(6000), 480, "For you at most 8 h."),
        ("first-steps", "bakery", Budget(0), 720, ""),
    ],
)
def test_the_longest_session(name: str, account: str, budget: Budget, minutes: int, said_: str) -> None:
    """What the flavour, the stream and the budget allow; said where it is less than the flavour's."""
    choice = chosen(name, account, budgets={account: budget})
    assert choice.longest == minutes
    assert choice.line.endswith(said_)
    assert ("For you at most" in choice.line) is bool(said_)


def test_a_line_for_beside_the_flavour() -> None:
    """When and what it costs; while Slurm is asked, that it is."""
    budgets = {"bakery": Budget(6000)}
    line = "GPU-hours left: 100 now, 98 after this."
    assert chosen("gpu-1", answer=said(), budgets=budgets).line == f"Can start: now. {line}"
    assert chosen("gpu-1", budgets=budgets).line == f"Can start: is being asked. {line}"


def test_somebody_without_a_project() -> None:
    """Each choice says that there is nothing to charge it to."""
    found = choices(ServerRequest(), OFFER, person(), lambda _: said())
    assert all("do not take part in a project" in choice.refused for choice in found)


def test_what_the_script_gets() -> None:
    """Words that are ready to show, and the header that would be submitted."""
    assert chosen("gpu-1", answer=said(), budgets={"bakery": Budget(370)}).as_json() == {
        "line": "Can start: now. GPU-hours left: 6.1 now, 4.1 after this. For you at most 6 h 10 min.",
        "refused": False,
        "now": True,
        "longest": 6,
        "header": HEADER,
    }


def test_a_moment_is_said_in_the_readers_words() -> None:
    """In the machine's own time zone, as the clock on its wall."""
    assert moment(NOW + timedelta(hours=2), NOW) == "about 16:20"
    assert moment(None, NOW) == ""
