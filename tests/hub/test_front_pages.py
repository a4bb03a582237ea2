"""The start page and the waiting page of a real Hub: what is on them, and what their buttons do."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.hub.steered import Person, SteeredHub, steered_hub

from werkplaats_spawners.testing import AWAY

#: Unix users that every machine has: what Slurm counts is by Unix number.
PEOPLE = ("nobody", "daemon", "games", "mail")
PROJECT = "mkb-verkenning"
NOW = "sbatch: Job 554 to start at 2020-01-01T00:00:00 using 2 processors on nodes cpu1 in partition cpu\n"
WHOLE = {
    "associations": [[PROJECT, person] for person in PEOPLE if person != "mail"],
    "budgets": {PROJECT: [60_000, 600, 0]},
    "shares": {"regional": [4, 0]},
    "nodes": {"gpu1": ["10.0.0.1", "mix", 4, 1], "gpu2": ["10.0.0.2", "drain", 4, 0]},
    "when": NOW,
    "away": None,
    "jobs": {},
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, facility_file: Path) -> Iterator[SteeredHub]:
    """One Hub for all tests here."""
    with steered_hub(tmp_path_factory.mktemp("front"), facility_file, **WHOLE) as hub:
        yield hub


@pytest.fixture
def hub(running: SteeredHub) -> Iterator[SteeredHub]:
    """The Hub, its Slurm as in the beginning."""
    running.steer(**WHOLE)
    yield running
    running.steer(**WHOLE)


@pytest.fixture
def ann(hub: SteeredHub) -> Iterator[Person]:
    """A member of a project, who reads English."""
    person = Person(hub.base, "nobody")
    yield person
    person.stop()


def text(page: requests.Response) -> str:
    """Return what is read of a page, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def until(true: Callable[[], Any], within: float = 12.0) -> Any:
    """Wait until something holds, and return it."""
    end = time.monotonic() + within
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


# -- the start page ----------------------------------------------------------------------------------


def test_a_newcomer_sees_one_button_and_what_is_left(hub: SteeredHub) -> None:
    """In Dutch: start without a GPU; the sizes with one lie under *Meer opties*; hours left in sight."""
    page = Person(hub.base, "daemon", "nl").get("/hub/spawn")
    before, _, after = page.text.partition("<details")
    assert re.findall(r'<button type="submit"[^>]*>\s*([^<]*?)\s*</button>', before) == [
        "Start (gratis, zonder GPU)"
    ]
    assert "Je hebt nog 990 GPU-uren voor werk op een GPU" in text(page)
    assert "Meer opties" in after
    assert 'value="gpu-1"' in after


def test_the_page_does_not_wait_for_slurm_and_a_later_one_knows(hub: SteeredHub) -> None:
    """First it says that it asks; loaded again, without JavaScript, it has the answer."""
    person = Person(hub.base, "games")
    first = text(person.get("/hub/spawn"))
    assert "Can start: is being asked. GPU-hours left: 990 now, 988 after this." in first
    assert until(lambda: "Can start: now. GPU-hours left: 990 now" in text(person.get("/hub/spawn")))
    asked = [message for message in hub.asked("when") if message["user"] == "games"]
    assert {message["flavour"] for message in asked} == {"first-steps", "gpu-1", "gpu-2"}
    assert len(asked) == 3, "each is asked once in ten seconds, however often the page is loaded"


def test_what_is_free_now(ann: Person) -> None:
    """By type, without the node that is drained."""
    assert "GPUs free now (virtual) 3 of 4" in text(ann.get("/hub/spawn"))


def test_the_script_asks_for_the_choices(ann: Person) -> None:
    """JSON, by the form's own fields: when, what it costs, the longest session, the batch script."""
    answer = ann.get("/hub/choices/nobody?flavour=gpu-1&hours=10")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    known = answer.json()
    assert known["note"] == ""
    assert known["free"] == {"GPUs free now (virtual)": "3 of 4"}
    assert set(known["choices"]) == {"first-steps", "gpu-1", "gpu-2"}
    one = known["choices"]["gpu-1"]
    assert one["line"] == "Can start: now. GPU-hours left: 990 now, 980 after this."
    assert (one["now"], one["refused"], one["header"]) == (True, False, "#SBATCH\n")
    assert known["choices"]["first-steps"]["line"] == "Can start: now. Costs no GPU-hours."


def test_a_full_share_is_said_and_slurm_is_not_asked(hub: SteeredHub, ann: Person) -> None:
    """Slurm's own estimate does not reckon with it, so it is not shown."""
    hub.steer(shares={"regional": [4, 4]})
    time.sleep(3.1)  # the numbers of the page before
    before = len(hub.asked("when"))
    answer = until(
        lambda: (
            (known := ann.get("/hub/choices/nobody?hours=3").json()["choices"])["gpu-2"]["line"].startswith(
                "Can start: when 2 GPUs of your share are free."
            )
            and known
        )
    )
    assert answer["gpu-1"]["line"].startswith("Can start: when a GPU of your share is free.")
    assert {message["flavour"] for message in hub.asked("when")[before:]} <= {"first-steps", "gpu-1", "gpu-2"}


def test_a_limit_is_said_before_anything_is_asked(ann: Person) -> None:
    """What the policy refuses says why, and how much would fit."""
    line = ann.get("/hub/choices/nobody?hours=100").json()["choices"]["gpu-1"]
    assert line["refused"]
    assert "at most" in line["line"]


@pytest.mark.parametrize("query", ["flavour=gpu-9", "hours=x", "gres=gpu:8", "flavour=gpu-1&flavour=gpu-2"])
def test_fields_that_make_no_sense_are_refused(hub: SteeredHub, ann: Person, query: str) -> None:
    """The same door as for a start: a sentence, and nothing is asked of Slurm."""
    before = hub.asked("when")
    answer = ann.get(f"/hub/choices/nobody?{query}")
    assert (answer.status_code, set(answer.json())) == (400, {"refused"})
    assert hub.asked("when") == before


@pytest.mark.parametrize("path", ["choices/daemon", "choices/no-such-person"])
def test_others_choices_are_not_ones_own(ann: Person, path: str) -> None:
    """What another person has left is not to be seen."""
    assert ann.get(f"/hub/{path}").status_code in (403, 404)


def test_a_link_with_a_flavour_that_is_gone(ann: Person) -> None:
    """It is said, and the page is there as without a link."""
    page = ann.get("/hub/spawn?opt-flavour=gpu-9")
    assert page.status_code == 400
    assert "This link asks for 'gpu-9', which is not offered here." in text(page)
    assert "Can start:" in text(page)


def test_somebody_in_no_stream(hub: SteeredHub) -> None:
    """The page says that there is nothing to charge a server to, and whom to ask."""
    page = Person(hub.base, "mail").get("/hub/spawn")
    assert page.status_code == 200
    assert "you do not take part in a project yet" in text(page)


def test_slurm_that_is_away_costs_nobody_the_page(hub: SteeredHub, ann: Person) -> None:
    """It comes with the age of its numbers, and with what cannot be done now."""
    ann.get("/hub/spawn")
    hub.steer(away=AWAY)
    shown = until(
        lambda: "nothing can be started now" in (read := text(ann.get("/hub/spawn"))) and read, within=20
    )
    assert re.search(r"The numbers below are of \d+:\d\d\.", shown)
    assert "990 of 1,000 left" in shown
    hub.steer(away=None)
    assert until(lambda: "nothing can be started now" not in text(ann.get("/hub/spawn")))


# -- the waiting page --------------------------------------------------------------------------------


def waits(hub: SteeredHub, person: Person, **changed: Any) -> int:
    """Have a person wait for two GPUs, and return the number of the job."""
    assert person.start(flavour="gpu-2").status_code == 302
    number = until(lambda: len(hub.asked("submit"))) + 16
    hub.steer(jobs={str(number): {"waits": "QOSGrpGRES", **changed}})
    return int(number)


def test_who_waits_sees_why_and_where(hub: SteeredHub, ann: Person) -> None:
    """The reason and the advice in words, the place, until when; and never a bare spinner."""
    waits(hub, ann, start="2031-05-01T14:20:00")
    shown = until(
        lambda: "All GPUs of your stream's share are in use." in (read := text(ann.waiting())) and read
    )
    assert "Your server starts as soon as one is free." in shown
    assert "Nobody is before you in the queue." in shown
    assert "Expected start: 1 May 2031, about 14:20." in shown
    ann.headers["Accept-Language"] = "nl"
    dutch = text(ann.waiting())
    assert "Alle GPU's van het deel van je stroom zijn in gebruik." in dutch
    assert "Er staat niemand voor je in de wachtrij." in dutch
    assert "Verwachte start: 1 mei 2031, rond 14:20." in dutch


def test_several_who_wait_each_have_a_place(hub: SteeredHub, ann: Person) -> None:
    """In the order in which Slurm takes them."""
    bob = Person(hub.base, "daemon")
    try:
        first = waits(hub, ann)
        assert bob.start(flavour="gpu-2").status_code == 302
        hub.steer(jobs={str(n): {"waits": "QOSGrpGRES"} for n in (first, first + 1)})
        until(lambda: "Your place in the queue: 1 of 2." in text(ann.waiting()))
        until(lambda: "Your place in the queue: 2 of 2." in text(bob.waiting()))
    finally:
        bob.stop()


def test_stop_gives_the_place_back(hub: SteeredHub, ann: Person) -> None:
    """By a plain form; the job is cancelled, and the page goes to one's servers."""
    number = waits(hub, ann)
    answer = ann.press(ann.waiting().text, "/hub/stop-waiting/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/home")
    assert [message["job_id"] for message in hub.asked("cancel")][-1] == number
    assert "Is being started" not in ann.get("/hub/home").text


def offering(person: Person) -> str:
    """Return the waiting page once it offers something smaller."""
    return str(until(lambda: '" id="smaller">' in (page := person.waiting().text) and page))


def test_something_smaller_that_starts_now(hub: SteeredHub, ann: Person) -> None:
    """One GPU of the share is free: that is offered, and takes the place of what waits; one, not two."""
    hub.steer(shares={"regional": [4, 3]})
    number = waits(hub, ann)
    page = offering(ann)
    assert re.search(r'id="smaller-button" value="gpu-1"', page)
    before = len(hub.asked("submit"))
    answer = ann.press(page, "/hub/instead/", flavour="gpu-1")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/spawn-pending/nobody")
    submitted = hub.asked("submit")[before:]
    assert [message["flavour"] for message in submitted] == ["gpu-1"]
    assert number in [message["job_id"] for message in hub.asked("cancel")]
    assert "Your server is starting" in ann.waiting().text


@pytest.mark.parametrize("flavour", ["gpu-9", "", "gpu-1\n#SBATCH"])
def test_an_instead_that_is_refused_stops_nothing(hub: SteeredHub, ann: Person, flavour: str) -> None:
    """It is judged before the place in the queue is given up."""
    number = waits(hub, ann)
    cancelled, submitted = hub.asked("cancel"), hub.asked("submit")
    answer = ann.press(ann.waiting().text, "/hub/instead/", flavour=flavour)
    assert answer.status_code == 400
    assert hub.asked("cancel") == cancelled
    assert hub.asked("submit") == submitted
    assert f'"{number}"' not in answer.text
    assert "Your server is starting" in ann.waiting().text


def test_an_instead_without_a_start_starts_nothing(hub: SteeredHub, ann: Person) -> None:
    """An old page's button, when the server runs or is stopped already, changes nothing."""
    waits(hub, ann)
    page = ann.waiting().text
    ann.press(page, "/hub/stop-waiting/")
    before = hub.asked("submit")
    assert ann.press(page, "/hub/instead/", flavour="gpu-1").status_code == 302
    assert hub.asked("submit") == before


@pytest.mark.parametrize("button", ["stop-waiting", "instead"])
def test_the_buttons_need_the_persons_own_token(hub: SteeredHub, ann: Person, button: str) -> None:
    """Neither another site, nor another person, can press them."""
    waits(hub, ann)
    assert ann.post(f"/hub/{button}/nobody", data={"flavour": "gpu-1"}).status_code == 403
    bob = Person(hub.base, "daemon")
    page = bob.get("/hub/home")
    assert page.ok
    fields = {"_xsrf": bob.cookies["_xsrf"], "flavour": "gpu-1"}
    assert bob.post(f"/hub/{button}/nobody", data=fields).status_code in (403, 404)
    assert "Your server is starting" in ann.waiting().text


def test_events_tell_what_changes(hub: SteeredHub, ann: Person) -> None:
    """The open page hears of a new reason without being loaded again."""
    number = waits(hub, ann)
    url = f"/hub/api/users/nobody/server/progress?_xsrf={ann.cookies['_xsrf']}"
    with ann.get(url, stream=True) as stream:
        lines = (line for line in stream.iter_lines(decode_unicode=True) if line.startswith("data:"))
        next(lines)  # JupyterHub's own
        until(lambda: "All GPUs" in next(lines))
        hub.steer(jobs={str(number): {"waits": "Resources"}})
        event = until(lambda: "The machines are busy" in (line := next(lines)) and line)
    for key in ("message", "advice", "place", "expected", "smaller"):
        assert f'"{key}"' in event
