"""What the start page says of budgets, shares and borrowing, before anybody presses a button."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from tests.offers import NOW, changed, flavour, person, project, share, stream

from werkplaats_spawners import language
from werkplaats_spawners.choices import Choice
from werkplaats_spawners.form import render
from werkplaats_spawners.language import Language, speaking
from werkplaats_spawners.nodes import FreeGpus
from werkplaats_spawners.offer import Budgets, Lending, Offer
from werkplaats_spawners.request import ServerRequest, from_fields
from werkplaats_spawners.standing import Budget, Standing

OFFER = Offer(
    flavours=(flavour("first-steps", 0, 4, 12), flavour("gpu-1", 1, 2, 24)),
    streams=(stream("regional"), stream("national", lends=False)),
    projects=(project("bakery", "regional"), project("school", "regional"), project("roads", "national")),
)
CHARGED = changed(OFFER, lending=Lending(charged=True))


def shown(
    *accounts: str, offer: Offer = OFFER, reader: Language = "en", lent: bool = False, **known: Any
) -> str:
    """Return the page of somebody who may charge these accounts, as HTML."""
    with speaking(reader):
        return render(offer, standing=person(*accounts, **known), chosen=ServerRequest(lent=lent))


def text(html: str) -> str:
    """Return what is read of a page, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


# -- borrowing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accounts", "lent", "there"),
    [
        (["bakery"], False, True),
        (["roads", "bakery"], False, True),
        (["roads"], False, False),  # its stream borrows nothing
        ([], False, False),
        (["roads"], True, True),  # a link asked for it, and the refusal says why not
    ],
)
def test_who_may_borrow_is_asked(accounts: list[str], lent: bool, there: bool) -> None:
    """The box is there for who is in a stream that lends, and ticked only for who asked."""
    html = shown(*accounts, lent=lent)
    box = re.search(r'<input type="checkbox"[^>]*>', html)
    assert (box is not None) is there
    if box:
        assert ('name="lent"' in box[0], "checked" in box[0]) == (True, lent)


def test_a_ticked_box_is_read_back() -> None:
    """What the box sends is what the parser takes for true."""
    value = re.search(r'name="lent" value="([^"]*)"', shown("bakery"))
    assert value is not None
    assert from_fields({"lent": [value[1]]}) == ServerRequest(lent=True)


@pytest.mark.parametrize("lent", [False, True])
@pytest.mark.parametrize("accounts", [["bakery"], ["roads", "bakery"]])
@pytest.mark.parametrize(
    ("offer", "said"),
    [
        (OFFER, "Borrowed hours do not count for your budget."),
        (CHARGED, "Borrowed hours count for your budget."),
    ],
)
def test_what_borrowing_costs(offer: Offer, said: str, accounts: list[str], lent: bool) -> None:
    """One of two sentences, as the facility has it."""
    page = text(shown(*accounts, offer=offer, lent=lent))
    assert "Borrow GPUs that others leave idle" in page
    assert said in page
    assert len(re.findall("Borrowed hours", page)) == 1


def test_what_a_link_says_of_borrowing_is_true_for_everybody() -> None:
    """Also for who may not borrow, what borrowing costs is what the facility says that it costs."""
    assert "Borrowed hours count for your budget." in text(shown("roads", offer=CHARGED, lent=True))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(60, "1 minute"), (300, "5 minutes"), (5, "5 seconds"), (1, "1 second"), (90, "90 seconds")],
)
def test_how_long_before_the_end_somebody_is_told(seconds: int, said: str) -> None:
    """The facility's notice, in minutes where it is whole ones."""
    offer = changed(OFFER, lending=Lending(notice_seconds=seconds))
    page = text(shown("bakery", offer=offer))
    assert (
        f"When their owner needs them you are told {said} before, your open files are saved, and the "
        "server stops; what a notebook holds in memory is lost."
    ) in page


@pytest.mark.parametrize(("seconds", "said"), [(60, "1 minuut"), (120, "2 minuten"), (5, "5 seconden")])
def test_a_notice_in_dutch(checkout: Path, monkeypatch: pytest.MonkeyPatch, seconds: int, said: str) -> None:
    """The same for who reads Dutch, out of the catalogue that is shipped."""
    monkeypatch.setattr(language, "_catalogues", {})
    language.load(checkout / "hub_config" / "werkplaats_hub" / "locale")
    offer = changed(OFFER, lending=Lending(notice_seconds=seconds))
    assert said in text(shown("bakery", offer=offer, reader="nl"))


# -- the meter ---------------------------------------------------------------------------------------

BUDGETS = {"bakery": Budget(60_000, settled=600, running=60, waiting=30), "roads": Budget(600, settled=700)}


def test_what_is_left_of_each_budget() -> None:
    """Of each of the person's projects: what nobody has used or asked for yet, out of the whole."""
    page = text(shown("bakery", "roads", budgets=BUDGETS))
    assert "GPU-hours in this period bakery 988.5 of 1,000 left roads 0 of 10 left A new budget" in page


def test_amounts_are_written_as_the_reader_writes_them() -> None:
    """In Dutch a decimal has a comma, and a thousand a point."""
    page = text(shown("bakery", budgets=BUDGETS, reader="nl"))
    assert "988,5" in page
    assert "1.000" in page


def test_a_project_without_a_budget_has_no_line() -> None:
    """No limit, or nothing known of it, is not shown as nothing."""
    page = text(shown("bakery", "school", "roads", budgets={"bakery": Budget(600), "school": Budget()}))
    assert "bakery 10 of 10 left A new budget" in page


def test_how_full_a_stream_is() -> None:
    """What of the share of each of one's streams is in use; not of others', nor where there is no limit."""
    shares = share("regional", 8, 3) | share("national", 4, 4)
    page = text(shown("bakery", "school", qos=shares))
    assert "GPUs of regional 3 of 8 in use" in page
    assert page.count("GPUs of regional") == 1
    assert "national" not in page
    assert "in use" not in text(shown("bakery", qos=share("regional", None, 3)))


@pytest.mark.parametrize(("used", "full"), [(0, False), (7, False), (8, True), (9, True)])
def test_a_full_share_is_marked(used: int, full: bool) -> None:
    """Who will have to wait can see it."""
    assert ('class="wp-full"' in shown("bakery", qos=share("regional", 8, used))) is full


def test_a_share_of_nothing_is_full() -> None:
    """A stream without GPUs of its own has none free."""
    assert 'class="wp-full"' in shown("bakery", qos=share("regional", 0))


@pytest.mark.parametrize(
    ("period", "reader", "said"),
    [
        ("monthly", "en", "A new budget begins on 1 December."),
        ("yearly", "en", "A new budget begins on 1 January 2027."),
        ("monthly", "nl", "1 december"),
    ],
)
def test_when_a_new_budget_begins(period: str, reader: Language, said: str) -> None:
    """The day is there beside what is left."""
    offer = changed(OFFER, budgets=Budgets.model_validate({"period": period}))
    assert said in text(shown("bakery", offer=offer, budgets=BUDGETS, reader=reader))


@pytest.mark.parametrize(
    ("accounts", "known"),
    [
        ([], {"budgets": BUDGETS, "qos": share("regional", 8)}),
        (["bakery"], {}),
        (["bakery"], {"budgets": {"bakery": Budget()}, "qos": share("national", 8)}),
        (["root"], {"budgets": {"root": Budget(600)}}),
    ],
)
def test_where_there_is_nothing_to_say_nothing_is_said(accounts: list[str], known: Any) -> None:
    """Without a project, a budget or a share there is no empty list, and no heading above it."""
    html = shown(*accounts, **known)
    assert "GPU-hours in this period" not in html
    assert "<dl>" not in html


# -- how old the numbers are -------------------------------------------------------------------------

ACCOUNTING = "These numbers are of 14:18: the cluster's accounting does not answer now."
CLUSTER = "These numbers are of 14:18: the cluster does not answer now."


@pytest.mark.parametrize(
    ("seconds", "away", "said"),
    [
        (0, None, None),
        (59, None, None),
        (61, None, CLUSTER),
        (120, None, CLUSTER),
        (120, "Connection refused", ACCOUNTING),
        (61, "Connection refused", ACCOUNTING),
    ],
)
def test_old_numbers_carry_their_time(seconds: int, away: str | None, said: str | None) -> None:
    """Who reads a number that nobody can vouch for now sees of when it is, and what does not answer."""
    then = NOW - timedelta(seconds=seconds)
    page = text(shown("bakery", budgets=BUDGETS, numbers_at=then, accounting_away=away))
    assert ("These numbers are of" in page) is (said is not None)
    assert said is None or said in page


def test_young_numbers_carry_their_time_while_accounting_is_away() -> None:
    """The controller goes on counting; that its numbers are its own is said at once."""
    page = text(shown("bakery", budgets=BUDGETS, numbers_at=NOW, accounting_away="Connection refused"))
    assert "These numbers are of 14:20: the cluster's accounting does not answer now." in page


def test_without_numbers_there_is_no_time() -> None:
    """While nothing at all is known nothing is said of its age."""
    assert "These numbers" not in text(shown("bakery", accounting_away="Connection refused"))


# -- where more can be asked for ---------------------------------------------------------------------


def test_more_can_be_asked_for_where_there_is_a_desk() -> None:
    """Beside what is left, and under the sentence for who has no project; nowhere without a desk."""
    desk = "/services/desk/apply"
    link = f'<a href="{desk}">Ask for more GPU-hours</a>'

    def page(standing: Standing, desk: str = desk) -> str:
        with speaking("en"):
            return render(OFFER, standing=standing, chosen=ServerRequest(), desk=desk)

    left = person("bakery", budgets={"bakery": Budget(limit=600)})
    assert link in page(left)
    alert = re.search(r'role="alert">(.*?)</div>', page(person()), re.DOTALL)
    assert alert
    assert link in alert[1]
    assert "/services/desk" not in page(left, "") + page(person(), "")
    assert link not in page(person(cluster_away="no answer")), "it is no want of hours"


# -- what each choice means now ----------------------------------------------------------------------


def chosen_page(standing: Standing, **choice: Any) -> str:
    """Return the page on which every flavour is as `choice` says."""
    found = tuple(Choice(flavour, **choice) for flavour in OFFER.flavours)
    with speaking("en"):
        return render(
            OFFER, standing=standing, chosen=ServerRequest(flavour="gpu-1"), choices=found,
            quick_choice=Choice(OFFER.flavours[0], when="now", cost="Free."),
        )  # fmt: skip


def test_each_choice_has_its_line() -> None:
    """Beside the flavour, in the summary of what is chosen, and the big button its own."""
    html = chosen_page(
        person("bakery"), when="about 14:20", cost="Much.", longest=9999, header="#SBATCH -x\n"
    )
    page = text(html)
    assert page.count("Can start: about 14:20. Much.") == 3
    assert "This choice: Can start: about 14:20. Much." in page
    assert page.count("Can start: now. Free.") == 1
    assert "#!/bin/bash #SBATCH -x" in page
    assert "hidden" not in re.findall(r'<details[^>]*id="script"[^>]*>', html)[0]


def test_a_refused_choice_says_why_and_can_still_be_looked_at() -> None:
    """It is not taken away: fewer hours, or another project, may make it possible."""
    html = chosen_page(person("bakery"), refused="Too much.")
    assert html.count('class="wp-live wp-refused"') == 2
    assert "disabled" not in html
    assert "hidden" in re.findall(r'<details[^>]*id="script"[^>]*>', html)[0], "there is nothing to copy"


def test_a_header_is_text() -> None:
    """What stands in it is shown and never read as markup."""
    assert "<b>" not in chosen_page(person("bakery"), header="<b>x</b>")


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (person(), "you do not take part in a project yet"),
        (person("bakery", cluster_away="no answer"), "nothing can be started now. What runs goes on."),
        (person(cluster_away="no answer"), "nothing can be started now. What runs goes on."),
    ],
)
def test_what_keeps_somebody_from_starting_at_all_is_said_once(standing: Standing, said: str) -> None:
    """Above everything, and not again beside every flavour."""
    page = text(chosen_page(standing, refused="the same"))
    assert page.count(said) == 1
    assert "the same" not in page


def test_numbers_of_a_cluster_that_is_away_carry_their_age_at_once() -> None:
    """Also when they are of this minute: nobody knows what happened since."""
    at = NOW - timedelta(seconds=20)
    page = text(shown("bakery", budgets=BUDGETS, numbers_at=at, cluster_away="no answer"))
    assert "The numbers below are of 14:19." in page
    assert "These numbers are of 14:19: the cluster does not answer now." in page


def test_free_gpus_by_type() -> None:
    """As Slurm calls them; where it has no name for them, without."""
    free = FreeGpus({"h100": (3, 8), "": (0, 4)}, most=2)
    page = text(shown("bakery", free=free))
    assert "GPUs free now (h100) 3 of 8 GPUs free now 0 of 4" in page
    assert "GPUs free now" not in text(shown("bakery", budgets=BUDGETS))
