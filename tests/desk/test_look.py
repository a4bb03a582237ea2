"""Looking along: asked, said yes to, and ended, whatever breaks in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.desk.conftest import Browser, FakeQueue, settings
from tests.desk.fake_datasets import FakeAudit
from tests.desk.fake_hub import FakeHub

from werkplaats_audit.events import Event
from werkplaats_desk.centre import look_clock, looking, looks, tickets
from werkplaats_desk.centre.drafts import Draft
from werkplaats_desk.centre.look_clock import LookClock
from werkplaats_desk.centre.looking import Consent
from werkplaats_desk.centre.models import Look, Ticket, TicketAct
from werkplaats_desk.centre.notices import speaking
from werkplaats_desk.centre.tickets import Origin
from werkplaats_desk.desk import Desk
from werkplaats_desk.hub import HubAway
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal

EXPERT, OTHER = Person("expert"), Person("tweede")
SERVER = "mkb/"
HELP = {
    "topics": [{"name": "data", "title": {"nl": "Data", "en": "Data"}, "kind": "technique"}],
    "experts": [{"name": name, "hours_per_week": 8} for name in ("expert", "tweede")],
    "guarantees": {},
    "address": "https://atelier.example",
}
DRAFT = {
    "key": "a-key-of-a-form-1234", "subject": "It is slow", "question": "Why is it slow?", "topic": "data",
    "urgency": "normal", "language": "nl",
}  # fmt: skip


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Read sentences as they stand in the source."""
    with speaking("en"):
        yield


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The desk's settings, with an expertise centre."""
    (tmp_path / "projects.d").mkdir()
    (tmp_path / "token").write_text("x")
    path = tmp_path / "desk.json"
    path.write_text(settings(tmp_path, help=HELP).model_dump_json())
    return path


@pytest.fixture
def mkb(fake_hub: FakeHub) -> Person:
    """A person with a server that runs."""
    fake_hub.running.append(SERVER)
    return Person("mkb", token=fake_hub.token("mkb"))


@pytest.fixture
def number(desk: Desk, mkb: Person) -> int:
    """A question of theirs, which an expert took."""
    with desk.database.transaction() as session:
        draft = Draft.model_validate(DRAFT)
        ticket, _new = tickets.submit(session, desk.settings, mkb, draft, Origin("regional", server=SERVER))
        tickets.take(session, ticket, EXPERT)
        return ticket.id


@pytest.fixture
def asked(desk: Desk, number: int) -> int:
    """The same, and the expert asked to look along."""
    looking.ask(desk, number, EXPERT)
    return number


@pytest.fixture
def on(desk: Desk, asked: int, mkb: Person) -> int:
    """The same, and the person said yes."""
    agree(desk, asked, mkb)
    return asked


def agree(desk: Desk, number: int, person: Person, minutes: int = 30) -> None:
    """Say yes to the look that stands."""
    looking.consent(desk, number, person, Consent(look=found(desk, number).id, minutes=minutes, server=""))


def found(desk: Desk, number: int) -> Look:
    """Return the last look of a ticket."""
    with desk.database.transaction() as session:
        look = looks.latest(session, number)
    assert look is not None
    return look


def change(desk: Desk, number: int, **values: Any) -> None:
    """Change what the database says of the look of a ticket."""
    with desk.database.transaction() as session:
        look = looks.latest(session, number)
        for key, value in values.items():
            setattr(look, key, value)


def acts(desk: Desk, number: int) -> list[str]:
    """Return what the ticket's history says of looking along."""
    with desk.database.transaction() as session:
        all_ = tickets.history(session, session.get_one(Ticket, number))
    return [act.act for act in all_ if act.act.startswith("look-")]


def told(audit: FakeAudit) -> list[tuple[str, str, str]]:
    """Return what the audit says of looks."""
    return [one for one in audit.told() if one[0] == "look"]


# -- how it goes -------------------------------------------------------------------------------------


def test_asking_shares_nothing(desk: Desk, fake_hub: FakeHub, audit: FakeAudit, asked: int) -> None:
    """The person reads the question in their own language, with where to answer; twice is once."""
    looking.ask(desk, asked, EXPERT)
    with desk.database.transaction() as session:
        ticket = session.get_one(Ticket, asked)
        bodies = [one.body for one in ticket.messages if one.author == "expert"]
    (body,) = bodies
    assert f"https://atelier.example/services/desk/help/{asked}/look" in body
    assert ticket.state == "waiting"
    assert fake_hub.shares == {}
    assert told(audit) == []
    assert acts(desk, asked) == ["look-asked"]


def test_a_yes_shares_that_server_with_that_expert(
    desk: Desk, fake_hub: FakeHub, audit: FakeAudit, asked: int, mkb: Person
) -> None:
    """Until the moment that the database knows; the audit has it, open, with who and where."""
    before = int(time.time())
    agree(desk, asked, mkb, minutes=15)
    look = found(desk, asked)
    assert fake_hub.shares == {SERVER: ["expert"]}
    assert look.ends_at is not None
    assert before + 900 <= look.ends_at <= time.time() + 900
    assert fake_hub.until == {("expert", SERVER): look.ends_at}
    assert told(audit) == [("look", "mkb", "")]
    event = audit.entries[-1].event
    assert event is not None
    assert (event.by, event.detail["server"]) == ("expert", SERVER)
    assert acts(desk, asked) == ["look-asked", "look-began"]


def test_the_audit_comes_before_the_share(
    desk: Desk, fake_hub: FakeHub, audit: FakeAudit, asked: int, mkb: Person
) -> None:
    """No audit, no look: nothing is shared, and the question still waits."""
    audit.away = True
    with pytest.raises(Refusal, match="written down first"):
        agree(desk, asked, mkb)
    assert fake_hub.until == {}
    audit.away = False
    agree(desk, asked, mkb)
    assert fake_hub.shares == {SERVER: ["expert"]}


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (lambda desk, number, mkb: looking.stop(desk, number, mkb), "person"),
        (lambda desk, number, mkb: looking.withdraw(desk, number, EXPERT), "expert"),
    ],
)
def test_either_ends_it_at_once(
    desk: Desk, fake_hub: FakeHub, audit: FakeAudit, on: int, mkb: Person, end: Any, why: str
) -> None:
    """By a button; pressed twice, it is over once."""
    for _ in range(2):
        end(desk, on, mkb)
    assert fake_hub.shares == {SERVER: []}
    look = found(desk, on)
    assert (look.ending, look.ended_at is not None) == (why, True)
    assert told(audit) == [("look", "mkb", "done")]
    assert audit.entries[-1].detail == {"reason": why}
    assert acts(desk, on) == ["look-asked", "look-began", "look-ended"]


def test_no_is_no(desk: Desk, fake_hub: FakeHub, audit: FakeAudit, asked: int, mkb: Person) -> None:
    """Nothing is shared, and an old page's yes comes too late; the expert may ask again."""
    stale = Consent(look=found(desk, asked).id, minutes=30, server="")
    looking.stop(desk, asked, mkb)
    assert found(desk, asked).ending == "declined"
    for _ in range(2):
        with pytest.raises(Refusal, match="meanwhile"):
            looking.consent(desk, asked, mkb, stale)
        looking.ask(desk, asked, EXPERT)
    assert fake_hub.until == {}
    assert told(audit) == []


# -- who may -----------------------------------------------------------------------------------------


def test_only_who_has_the_question_asks(desk: Desk, number: int) -> None:
    """Another expert reads whose it is, and a person who is none that there is no such question."""
    with pytest.raises(Refusal, match="expert has this question"):
        looking.ask(desk, number, OTHER)
    with pytest.raises(Refusal, match="no such question"):
        looking.ask(desk, number, Person("student"))


def test_only_the_person_says_yes(desk: Desk, fake_hub: FakeHub, asked: int) -> None:
    """An expert cannot let themselves in, nor another person's server be opened."""
    given = Consent(look=found(desk, asked).id, minutes=30, server="")
    fake_hub.running += ["expert/", "student/"]
    for name in ("expert", "student"):
        with pytest.raises(Refusal):
            looking.consent(desk, asked, Person(name, token=fake_hub.token(name)), given)
    with pytest.raises(Refusal, match="between"):
        looking.stop(desk, asked, OTHER)
    assert fake_hub.until == {}


def test_a_server_must_run(desk: Desk, fake_hub: FakeHub, asked: int, mkb: Person) -> None:
    """One that does not is not shared, and the question waits on."""
    fake_hub.running.clear()
    with pytest.raises(Refusal, match="does not run"):
        agree(desk, asked, mkb)
    fake_hub.running.append(SERVER)
    agree(desk, asked, mkb)


def test_one_server_has_one_look_of_an_expert(desk: Desk, fake_hub: FakeHub, on: int, mkb: Person) -> None:
    """Of two questions: the end of one would take the share of the other along."""
    with desk.database.transaction() as session:
        draft = Draft.model_validate({**DRAFT, "key": "another-form-of-theirs"})
        other, _new = tickets.submit(session, desk.settings, mkb, draft, Origin("regional", server=SERVER))
        tickets.take(session, other, EXPERT)
    looking.ask(desk, other.id, EXPERT)
    with pytest.raises(Refusal, match="another question"):
        agree(desk, other.id, mkb)
    looking.stop(desk, on, mkb)
    agree(desk, other.id, mkb)
    assert fake_hub.shares == {SERVER: ["expert"]}


# -- beside restricted data --------------------------------------------------------------------------


def test_beside_a_restricted_dataset_nobody_looks_along(
    desk: Desk, fake_hub: FakeHub, audit: FakeAudit, asked: int, mkb: Person
) -> None:
    """The Hub's sentence is what the person reads, the audit has the refusal, and the question waits."""
    fake_hub.refuses = (409, "While the dataset 'cohort' is mounted, no server can be shared.")
    with pytest.raises(Refusal, match="cohort"):
        agree(desk, asked, mkb)
    assert told(audit) == [("look", "mkb", "refused")]
    look = found(desk, asked)
    assert (look.began_at, look.entry, look.ended_at, look.ending) == (None, None, None, "")
    fake_hub.refuses = None
    agree(desk, asked, mkb)
    assert found(desk, asked).began_at is not None


@pytest.mark.parametrize(
    ("dataset", "ago", "outcome", "waits"),
    [
        ("cohort", 0, None, True),
        ("cohort", 0, "done", True),
        ("cohort", 0, "refused", False),
        ("cohort", 300, "done", False),
        ("vehicles", 0, "done", False),
    ],
)
def test_a_grant_on_its_way_is_waited_for(
    desk: Desk, fake_hub: FakeHub, audit: FakeAudit, asked: int, mkb: Person,
    dataset: str, ago: int, outcome: Any, waits: bool,
) -> None:  # fmt: skip
    """It is good for a minute, in which Slurm does not know of the mount yet."""
    entry = audit.begin(Event(kind="grant", person="mkb", dataset=dataset))
    if outcome:
        audit.close(entry, outcome)
    audit.entries[:] = [one.model_copy(update={"at": one.at - ago}) for one in audit.entries]
    if not waits:
        agree(desk, asked, mkb)
        return
    with pytest.raises(Refusal, match="restricted dataset is being mounted"):
        agree(desk, asked, mkb)
    assert fake_hub.until == {}
    assert found(desk, asked).began_at is None


def test_while_somebody_looks_along_no_grant_is_made(desk: Desk, on: int) -> None:
    """Also in the moment before the Hub has shared: what grants are made by asks the database."""
    with desk.database.transaction() as session:
        assert looks.begun_of(session, "mkb")
        assert not looks.begun_of(session, "student")
    looking.stop(desk, on, Person("mkb"))
    with desk.database.transaction() as session:
        assert not looks.begun_of(session, "mkb")


# -- the clock ---------------------------------------------------------------------------------------


def test_it_ends_by_itself(desk: Desk, fake_hub: FakeHub, audit: FakeAudit, on: int) -> None:
    """Not a moment before its time; and a desk that was started anew, which knows only the database."""
    LookClock(desk).once()
    assert fake_hub.shares == {SERVER: ["expert"]}
    change(desk, on, ends_at=int(time.time()) - 1)
    LookClock(desk).once()
    assert fake_hub.shares == {SERVER: []}
    assert audit.entries[-1].detail == {"reason": "time"}
    assert told(audit) == [("look", "mkb", "done")]
    assert acts(desk, on)[-1] == "look-ended"


def test_the_clock_runs_by_itself(desk: Desk, fake_hub: FakeHub, on: int) -> None:
    """Every two seconds, in a thread; nothing in it stops it."""
    clock = LookClock(desk)
    change(desk, on, ends_at=int(time.time()) - 1)
    clock.start()
    end = time.monotonic() + 10
    while fake_hub.shares[SERVER] and time.monotonic() < end:
        time.sleep(0.05)
    clock.stop()
    assert fake_hub.shares == {SERVER: []}


@pytest.mark.parametrize("gone", ["server", "share"])
def test_it_ends_with_the_server(desk: Desk, fake_hub: FakeHub, audit: FakeAudit, on: int, gone: str) -> None:
    """Which took its shares along, or is about to; a look that began this moment may not be shared yet."""
    if gone == "server":
        fake_hub.running.clear()
    else:
        fake_hub.shares.clear()
    LookClock(desk).once()
    assert found(desk, on).ended_at is None
    change(desk, on, began_at=int(time.time()) - 60)
    LookClock(desk).once()
    assert fake_hub.shares.get(SERVER, []) == []
    assert audit.entries[-1].detail == {"reason": "server-gone"}


def _closed(desk: Desk, number: int) -> None:
    with desk.database.transaction() as session:
        tickets.close(session, session.get_one(Ticket, number), "expert")


def _handed(desk: Desk, number: int) -> None:
    with desk.database.transaction() as session:
        tickets.hand(session, session.get_one(Ticket, number), EXPERT, "tweede")


@pytest.mark.parametrize("what", [_closed, _handed])
def test_it_ends_with_the_question(
    desk: Desk, fake_hub: FakeHub, number: int, mkb: Person, what: Callable[[Desk, int], None]
) -> None:
    """Closed, or in other hands: who looked along has nothing to do there any more."""
    looking.ask(desk, number, EXPERT)
    agree(desk, number, mkb)
    what(desk, number)
    LookClock(desk).once()
    assert fake_hub.shares == {SERVER: []}
    assert found(desk, number).ending == "ticket"


def test_a_question_that_is_over_waits_for_no_yes(desk: Desk, asked: int, mkb: Person) -> None:
    """The other expert asks for themselves."""
    _handed(desk, asked)
    with pytest.raises(Refusal, match="meanwhile"):
        agree(desk, asked, mkb)
    LookClock(desk).once()
    assert found(desk, asked).ending == "withdrawn"
    looking.ask(desk, asked, OTHER)
    assert found(desk, asked).expert == "tweede"


# -- trouble -----------------------------------------------------------------------------------------


def test_the_hub_is_away_when_it_ends(
    desk: Desk, fake_hub: FakeHub, audit: FakeAudit, on: int, mkb: Person
) -> None:
    """It is tried until it is done, and said so meanwhile; the audit is not told that it ended before."""
    fake_hub.away = True
    looking.stop(desk, on, mkb)
    clock = LookClock(desk)
    clock.once()
    assert found(desk, on).ended_at is None
    assert "looks" in desk.problems
    assert told(audit) == [("look", "mkb", "")]
    fake_hub.away = False
    clock.once()
    assert fake_hub.shares == {SERVER: []}
    assert "looks" not in desk.problems
    assert told(audit) == [("look", "mkb", "done")]


def test_the_audit_is_full_when_it_ends(
    desk: Desk, fake_hub: FakeHub, audit: FakeAudit, on: int, mkb: Person
) -> None:
    """The share goes at once; that it is over is written down as soon as that can be."""
    audit.full = True
    looking.stop(desk, on, mkb)
    assert fake_hub.shares == {SERVER: []}
    assert found(desk, on).ended_at is None
    audit.full = False
    LookClock(desk).once()
    assert told(audit) == [("look", "mkb", "done")]
    assert found(desk, on).ended_at is not None


def test_the_hub_is_lost_when_it_begins(
    desk: Desk, fake_hub: FakeHub, audit: FakeAudit, asked: int, mkb: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have shared: then that is taken back, and the audit says that it failed."""
    let_look = desk.hub.let_look

    def lost(*given: Any) -> str:
        let_look(*given)
        raise HubAway("the answer was lost")

    monkeypatch.setattr(desk.hub, "let_look", lost)
    with pytest.raises(Refusal, match="does not answer"):
        agree(desk, asked, mkb)
    assert fake_hub.shares == {SERVER: ["expert"]}
    LookClock(desk).once()
    assert fake_hub.shares == {SERVER: []}
    assert told(audit) == [("look", "mkb", "failed")]


def test_a_desk_that_is_killed_between(
    desk: Desk, fake_hub: FakeHub, audit: FakeAudit, asked: int, mkb: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the share and before anything else: the next desk knows of it, and ends it in time."""

    def killed(*_given: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(looking, "_settle", killed)
    with pytest.raises(SystemExit):
        agree(desk, asked, mkb)
    change(desk, asked, ends_at=int(time.time()) - 1)
    LookClock(desk).once()
    assert fake_hub.shares == {SERVER: []}
    assert told(audit) == [("look", "mkb", "done")]


def test_stopped_in_the_moment_in_which_it_begins(
    desk: Desk, fake_hub: FakeHub, audit: FakeAudit, asked: int, mkb: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop finds no share yet; the share that comes after it does not stay."""
    let_look = desk.hub.let_look

    def meanwhile(*given: Any) -> str:
        looking.stop(desk, asked, mkb)
        return let_look(*given)

    monkeypatch.setattr(desk.hub, "let_look", meanwhile)
    agree(desk, asked, mkb)
    assert fake_hub.until != {}
    assert fake_hub.shares == {SERVER: []}
    assert found(desk, asked).ended_at is not None


def test_a_clock_in_trouble_goes_on(desk: Desk, on: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever one round meets, the next one comes."""
    rounds = threading.Semaphore(0)

    def broken() -> None:
        rounds.release()
        raise RuntimeError("what nobody thought of")

    clock = LookClock(desk)
    monkeypatch.setattr(look_clock, "_SECONDS", 0.01)
    monkeypatch.setattr(clock, "once", broken)
    clock.start()
    assert all(rounds.acquire(timeout=5) for _ in range(3))
    clock.stop()


# -- pages -------------------------------------------------------------------------------------------


@pytest.fixture
def two(browser: Callable[..., Browser], mkb: Person) -> tuple[Browser, Browser]:
    """The person and the expert, each at a browser."""
    return browser("mkb"), browser("expert")


def test_the_pages_lead_through_it(
    desk: Desk, fake_hub: FakeHub, number: int, two: tuple[Browser, Browser]
) -> None:
    """Asked by a button; said plainly beforehand what it means; begun, and ended, by a button."""
    person, expert = two
    inbox, mine = f"inbox/{number}/look", f"help/{number}/look"
    assert expert.post(inbox, inbox).status_code == 303
    assert "They have not answered yet" in expert.get(inbox).text
    page = person.get(mine).text
    assert "The expert can run code as you." in page
    assert '<option value="30" selected>' in page
    look = str(found(desk, number).id)
    assert person.post(mine, mine, look=look, minutes="60", server="").status_code == 303
    assert 'href="/user/mkb/lab"' in expert.get(inbox).text
    assert "End it now" in person.get(mine).text
    assert person.post(f"{mine}/end", mine).status_code == 303
    assert fake_hub.shares == {SERVER: []}
    assert "mkb ended it." in expert.get(inbox).text
    assert person.get("look").headers["location"] == f"/services/desk/{mine}"
    assert expert.get("look").headers["location"] == "/services/desk/help"


def test_a_form_of_elsewhere_lets_nobody_in(
    desk: Desk, fake_hub: FakeHub, asked: int, two: tuple[Browser, Browser]
) -> None:
    """Without the page's own token, and with minutes that nobody offers."""
    person, expert = two
    mine = f"help/{asked}/look"
    look = str(found(desk, asked).id)
    given = {"look": look, "minutes": "30", "server": ""}
    forged = person.client.post(f"/services/desk/{mine}", data=given, follow_redirects=False)
    assert forged.status_code == 403
    for minutes in ("0", "45", "-30", "100000", "x"):
        assert person.post(mine, mine, **{**given, "minutes": minutes}).status_code == 400
    assert expert.post(mine, f"inbox/{asked}/look", **given).status_code == 403
    assert fake_hub.until == {}


def test_a_refusal_stands_on_the_page(
    desk: Desk, fake_hub: FakeHub, asked: int, two: tuple[Browser, Browser]
) -> None:
    """With the form still there."""
    fake_hub.refuses = (409, "While the dataset 'cohort' is mounted, no server can be shared.")
    mine = f"help/{asked}/look"
    answer = two[0].post(mine, mine, look=str(found(desk, asked).id), minutes="30", server="")
    assert answer.status_code == 409
    assert "cohort" in answer.text
    assert "Yes, let the expert look along" in answer.text


def test_others_see_no_page(asked: int, browser: Callable[..., Browser]) -> None:
    """Not whether there is anything."""
    for path in (f"help/{asked}/look", f"inbox/{asked}/look"):
        assert browser("student").get(path).status_code in (403, 404)


def test_every_act_fits_its_column(desk: Desk) -> None:
    """PostgreSQL takes no longer ones."""
    width = TicketAct.act.type.length  # type: ignore[attr-defined]
    assert all(len(act) <= width for act in ("look-asked", "look-began", "look-ended"))
    endings = ("declined", "withdrawn", "person", "expert", "time", "server-gone", "ticket", "failed")
    assert all(len(one) <= Look.ending.type.length for one in endings)  # type: ignore[attr-defined]


def test_the_desk_of_a_place_without_an_audit_lets_nobody_in(
    desk: Desk, fake_queue: FakeQueue, fake_hub: FakeHub, asked: int, mkb: Person
) -> None:
    """Where no dataset can be mounted there is no audit either."""
    desk.datasets = None
    with pytest.raises(Refusal, match="written down first"):
        agree(desk, asked, mkb)
    assert fake_hub.until == {}
