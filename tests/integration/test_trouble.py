"""Parts that are away, and people who send what they should not: every page still comes, and says what is so.

What newcomers, the start page without Slurm, and the log-in refuse is in test_enrol and test_front.
"""

from __future__ import annotations

import json
import pwd
import re
import subprocess
import tomllib
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests

from .browserless import Session
from .conftest import PREFIX, Platform, until, wait_for_desk, without_a_past
from .desks import (
    DECIDERS,
    DESK,
    LATER,
    approve_at_once,
    ask,
    decide,
    deciders,
    send,
    settled_once,
)

pytestmark = pytest.mark.usefixtures("idle")

PROJECT = "mkb-verkenning"
#: A project of one GPU-hour.
TIGHT = "wp-krap"
DESK_PAGES = ("", "applications", "apply", "courses", "allocation")
#: What somebody may write, and everybody who reads it must see as they wrote it.
NASTY = "<script>alert(1)</script> Robert'); DROP TABLE applications;-- {{ 7 * 7 }} \\\" %(x)s"


@pytest.fixture(scope="module", autouse=True)
def a_facility_with_room(platform: Platform) -> Iterator[None]:
    """A desk that may give more than the streams have, two who decide, and a stream for one group alone."""

    def change(raw: dict[str, Any]) -> None:
        raw["desk"].update(most_gpu_hours=100_000, operator_groups=[DECIDERS])
        raw["streams"]["national"]["groups"] = ["wp-rijksdienst"]
        title = {"nl": "Krap", "en": "Tight"}
        raw["first_steps"]["newcomers_per_day"] = 1  # `make up` made more people than that today
        tight = {"title": title, "stream": "regional", "gpu_hours": 1, "members": [PREFIX + "mkb"]}
        raw["projects"][TIGHT] = tight

    try:
        with platform.other_facility(change):
            yield
            for file in platform.instance.drop.folder.glob("*.toml"):
                file.unlink()
    finally:
        without_a_past(platform)


def text(session: Session, path: str, language: str, status: int = 200) -> str:
    """Return what is read of a page, on one line."""
    answer = session.page(path, headers={"Accept-Language": language}, allow_redirects=status == 200)
    assert answer.status_code == status, (path, answer.status_code)
    answer.encoding = "utf-8"
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def says(session: Session, path: str, english: str, dutch: str, within: float = 45) -> None:
    """Wait until a page says something, in both languages."""
    until(lambda: english in text(session, path, "en"), within)
    assert dutch in text(session, path, "nl")


def desk_pages_come(session: Session) -> None:
    """Assert that every page of the desk comes, in both languages."""
    for path in DESK_PAGES:
        for language in ("en", "nl"):
            assert text(session, DESK + path, language)


def is_in_slurm(platform: Platform, page: str, title: str) -> bool:
    """Return whether a request has become a project."""
    listed = platform.run("sacctmgr", "-nP", "show", "account", "format=account", check=False).split()
    return f"{title}-a{page.rpartition('/')[2]}" in listed


# -- parts that are away -------------------------------------------------------------------------------


def test_slurm_is_away(platform: Platform) -> None:
    """Who waits, who begins and who runs things read of when it is; what was approved meanwhile follows."""
    mkb, student, beheer = (platform.session(role) for role in ("mkb", "student", "beheer"))
    platform.until_running(*(platform.sbatch("mkb", PROJECT, "regional") for _ in range(4)))
    assert mkb.start({"flavour": "gpu-1"}).status in (201, 202)
    waits = f"hub/spawn-pending/{mkb.name}"
    until(lambda: "All GPUs of your stream's share are in use" in text(mkb, waits, "en"), 20)
    open_one, page = ask(platform, "mkb", "Nog open"), ask(platform, "student", "Zonder Slurm")
    assert "Promised to its projects" in text(beheer, DESK + open_one, "en")
    platform.supervisor.stop("slurmctld")
    try:
        says(mkb, waits, "this is how it was at", "zo was het om")
        says(mkb, "hub/home", "no server can be started or stopped now", "kan nu geen server starten")
        says(student, "hub/spawn", "The numbers below are of", "De getallen hieronder zijn van")
        assert student.start().status == 503
        assert decide(beheer, page).status_code == 303
        desk_pages_come(mkb)
        says(student, DESK + page, "is put in place as soon as it does", "zodra het dat weer doet")
        says(beheer, DESK + open_one, "These numbers are of", "Deze getallen zijn van")
    finally:
        platform.supervisor.start("slurmctld")
    until(lambda: is_in_slurm(platform, page, "zonder-slurm"), 90)
    until(lambda: "does not answer" not in text(mkb, "hub/home", "en"), 30)


def test_accounting_is_away(platform: Platform) -> None:
    """Servers start by the controller's own numbers; a project that was approved waits, and says so."""
    mkb = platform.session("mkb")
    page = ask(platform, "mkb", "Zonder boekhouding")
    platform.supervisor.stop("slurmdbd")
    try:
        says(mkb, "hub/spawn", "the cluster's accounting does not answer now", "boekhouding van het cluster")
        assert decide(platform.session("beheer"), page).status_code == 303
        says(mkb, DESK + page, "accounting does not answer at the moment", "boekhouding van het cluster")
        desk_pages_come(mkb)
        assert mkb.start().status in (201, 202)
        mkb.wait_ready()
    finally:
        platform.supervisor.start("slurmdbd")
    until(lambda: is_in_slurm(platform, page, "zonder-boekhouding"), 90)


def test_the_desk_is_away(platform: Platform) -> None:
    """The Hub's pages come as always; an address of the desk's says that it is away, and what is kept."""
    mkb = platform.session("mkb")
    page = ask(platform, "mkb", "Bij een dicht loket")
    platform.supervisor.stop("desk")
    try:
        for path in ("hub/home", "hub/spawn", "hub/token"):
            assert text(mkb, path, "en")
        shown = text(mkb, DESK + page, "en", 503)
        assert "What was handed in before is kept" in shown
        assert "Wat al was ingediend, is bewaard" in shown
        assert mkb.start().status in (201, 202)
        mkb.wait_ready()
    finally:
        platform.supervisor.start("desk")
        wait_for_desk(platform)
    assert "Waits for a decision" in text(mkb, DESK + page, "en")


def test_the_hub_is_away(platform: Platform) -> None:
    """Its own addresses say what cannot be done; at the desk who is signed in goes on, and can ask."""
    mkb = platform.session("mkb")
    mkb.start()
    mkb.wait_ready()
    assert mkb.notebook("api").status == 200  # a server remembers for minutes whom the Hub let in
    desk_pages_come(mkb)
    platform.supervisor.stop("hub")
    try:
        for path in ("hub/home", "hub/spawn", f"hub/spawn-pending/{mkb.name}", "hub/login"):
            shown = text(mkb, path, "en", 503)
            assert "Nobody can sign in, start a server or stop one now." in shown
            assert "Niemand kan nu inloggen, een server starten of stoppen." in shown
        desk_pages_come(mkb)
        page = ask(platform, "mkb", "Zonder Hub")
        assert "Waits for a decision" in text(mkb, DESK + page, "en")
        somebody = requests.get(platform.instance.url + DESK + "applications", timeout=30)
        assert somebody.status_code == 503
        assert "Inloggen lukt op dit moment niet" in somebody.text
        assert mkb.notebook("api").status == 200, "what runs goes on"
    finally:
        platform.supervisor.start("hub")
        platform.wait_for_hub()
    assert "Running" in text(mkb, "hub/home", "en")


# -- requests that are no good --------------------------------------------------------------------------


def test_a_request_with_a_script_and_sql_in_it(platform: Platform) -> None:
    """Is text to everybody who reads it, in the file and in Slurm; nothing of it is run."""
    mkb, beheer = platform.session("mkb"), platform.session("beheer")
    given = {"title": NASTY[:80], "stream": "regional", "gpu_hours": 1, "ends": LATER}
    answer = send(mkb, "apply", "apply", purpose=NASTY, **given)
    assert answer.status_code == 303, answer.text
    page = answer.headers["location"].removeprefix(f"/{DESK}")
    for session, path in ((mkb, page), (mkb, "applications"), (beheer, page), (beheer, "requests")):
        html = session.page(DESK + path).text
        assert "<script>alert" not in html
        assert unescape(html).count(NASTY[:60]) >= 1
    assert decide(beheer, page, word=NASTY).status_code == 303
    (file,) = platform.instance.drop.folder.glob(f"*-a{page.rpartition('/')[2]}.toml")
    assert tomllib.loads(file.read_text())["title"]["nl"] == NASTY[:80].strip()
    assert re.fullmatch(r"[a-z0-9-]+", file.stem)
    until(lambda: f"opt-project={file.stem}" in mkb.page(DESK + page).text, 60)
    assert "<script>alert" not in mkb.page("hub/spawn").text


def test_what_nobody_can_read_or_is_far_too_long(platform: Platform) -> None:
    """Is refused with a sentence in the reader's language, ten megabytes too; and nothing of it is kept."""
    mkb = platform.session("mkb")
    before = text(mkb, DESK + "applications", "en")
    given = {"title": "Te lang", "stream": "regional", "gpu_hours": 1, "ends": LATER}
    for purpose in ("Een bel: \x07\x1b[31m en verder", "x" * 4001):
        answer = send(mkb, "apply", "apply", purpose=purpose, **given)
        assert answer.status_code == 400
        assert "10 tot 4000" in answer.text or "10 to 4000" in answer.text
    for language, said in (
        ("en", "has at most 4000 characters"),
        ("nl", "heeft hoogstens 4000 tekens"),
    ):
        mkb.http.headers["Accept-Language"] = language
        answer = send(mkb, "apply", "apply", purpose="x" * 10_000_000, **given)
        assert answer.status_code == 413
        assert said in answer.text
    del mkb.http.headers["Accept-Language"]
    token = {"Authorization": f"token {mkb.token}", "Accept-Language": "en"}
    api = f"{mkb.url}{DESK}api/applications"
    body = {**given, "ends": str(LATER), "purpose": "x" * 10**7}
    answer = requests.post(api, headers=token, json=body, timeout=60)
    assert (answer.status_code, answer.json()["reason"]) == (413, "too-large")
    assert text(mkb, DESK + "applications", "en") == before


def test_more_than_a_stream_could_ever_do(platform: Platform) -> None:
    """Four GPUs for a month are 2976 hours: the operator reads so before, and when pressing all the same."""
    beheer = platform.session("beheer")
    page = ask(platform, "mkb", "Veel te veel", hours=3000)
    shown = text(beheer, DESK + page, "en")
    assert "GPUs of the stream 4" in shown
    assert "all GPUs of the stream together have 2,976: approving it will be refused" in shown
    answer = decide(beheer, page)
    assert answer.status_code == 409
    assert "2976" in answer.text
    assert list(platform.instance.drop.folder.glob("veel-te-veel*")) == []
    assert "hebben er 2.976" in text(beheer, DESK + page, "nl")
    much = ask(platform, "mkb", "Veel", hours=2000)
    assert "they wait for one another" in text(beheer, DESK + much, "en")
    assert decide(beheer, much).status_code == 303, "a warning is no refusal"


def test_two_operators_at_once(platform: Platform) -> None:
    """On SQLite as well one wins, the other reads who it was, and there is one file."""
    with deciders(platform) as operators:
        for number in range(5):
            page = ask(platform, "student", f"Tegelijk {number}", hours=1)
            answers = approve_at_once(operators, page)
            settled_once(platform, answers, f"tegelijk-{number}-a{page.rpartition('/')[2]}")


# -- links and people -----------------------------------------------------------------------------------


def test_a_link_to_a_flavour_that_is_gone(platform: Platform) -> None:
    """The page comes with the sentence, and with what there is; nothing starts."""
    mkb = platform.session("mkb")
    for language, said in (("en", "which is not offered here"), ("nl", "maar dat is er hier niet")):
        assert said in text(mkb, "hub/spawn?opt-flavour=gpu-9", language, 400)
    refused = mkb.start({"flavour": "gpu-9"})
    assert refused.status == 400
    assert "gpu-1" in refused.body["message"]
    assert platform.jobs("mkb") == []


def test_somebody_in_no_stream(platform: Platform) -> None:
    """A member of a project whose stream is for a group that they are not in: told so, with whom to ask."""
    rijk = platform.session("rijk")
    says(rijk, "hub/spawn", "you do not take part in a project yet", "je doet nog aan geen enkel project mee")
    refused = rijk.start()
    assert refused.status == 403
    assert "het loket" in refused.body["message"]
    assert platform.run("squeue", "-h", "-u", PREFIX + "rijk") == ""


def test_one_newcomer_too_many(platform: Platform) -> None:
    """They are in, and read when to come back; no user is made, whatever the Hub asks of *enrol*."""
    late = Session(platform.instance.url, PREFIX + "laat", platform.passwords["demo"])
    says(late, "hub/spawn", "Come back tomorrow", "Kom morgen terug")
    refused = late.start()
    assert refused.status == 503
    assert "Kom morgen terug" in refused.body["message"]
    hub = ["sudo", "-n", "-u", platform.instance.hub_user, "sudo", "-n", "-u", "root"]
    asked = [*hub, str(platform.instance.enrol)]
    message = json.dumps({"name": late.name})
    done = subprocess.run(asked, input=message, capture_output=True, text=True, check=True, cwd="/")
    assert json.loads(done.stdout)["trouble"] == "full"
    assert platform.run("getent", "passwd", late.name, check=False) == ""
    assert not (platform.instance.homes / late.name).exists()


# -- what the platform offers instead of a wall ------------------------------------------------------------


def test_who_has_no_hours_left_is_sent_to_the_form(platform: Platform) -> None:
    """A refusal for want of hours ends with the desk's form, and the form comes; in both languages."""
    rijk, mkb = platform.session("rijk"), platform.session("mkb")
    for language, link in (("en", "Ask for more GPU-hours"), ("nl", "Vraag meer GPU-uren aan")):
        head = {"Accept-Language": language}
        path = f"hub/spawn?_xsrf={mkb.xsrf}"
        mkb.page("hub/spawn", headers=head)
        fields = {"flavour": "gpu-2", "hours": "24", "project": TIGHT}
        refused = mkb.http.post(mkb.url + path, data=fields, headers=head, timeout=60)
        alert = re.search(r'spawn-error-msg" role="alert">(.*?)</div>', refused.text, re.DOTALL)
        assert alert, refused.text
        assert f'<a href="/{DESK}apply">{link}</a>' in alert[1]
        assert f'<a href="/{DESK}apply">{link}</a>' in rijk.page("hub/spawn", headers=head).text
    assert mkb.page(DESK + "apply").status_code == 200
    assert platform.jobs("mkb") == []


def test_a_servers_own_token_opens_the_desk(platform: Platform) -> None:
    """The one that a real server has in its environment: as its person, and for nothing else."""
    student = platform.session("student")
    assert student.start().status in (201, 202)
    student.wait_ready()
    token = {"Authorization": f"token {own_token(student)}"}
    api = platform.instance.url + DESK + "api/applications"
    draft = {
        "title": "Van een paneel",
        "stream": "regional",
        "purpose": "A panel asks for it.",
        "gpu_hours": 1,
    }
    made = requests.post(api, headers=token, json={**draft, "ends": str(LATER)}, timeout=30)
    assert (made.status_code, made.json()["applicant"]) == (201, student.name)
    assert requests.get(f"{api}?everybody=true", headers=token, timeout=30).status_code == 403
    hub = platform.instance.url + "hub/api/"
    for method, path in [
        ("GET", "users"), ("GET", f"users/{PREFIX}mkb"), ("POST", f"users/{student.name}/tokens"),
        ("DELETE", student.server_path()), ("POST", student.server_path("meer")), ("GET", "proxy"),
    ]:  # fmt: skip
        answer = requests.request(method, hub + path, headers=token, json={}, timeout=30)
        assert answer.status_code in (403, 404), (path, answer.status_code)
    assert student.notebook("api").status == 200


def own_token(person: Session) -> str:
    """Return the token that a person's one server was given, as it stands in its environment."""
    uid = pwd.getpwnam(person.name).pw_uid
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            theirs = entry.stat().st_uid == uid
            variables = (entry / "environ").read_bytes().split(b"\0") if theirs else []
        except OSError:
            continue  # it ended meanwhile
        for variable in variables:
            if variable.startswith(b"JUPYTERHUB_API_TOKEN="):
                return variable.partition(b"=")[2].decode()
    raise AssertionError(f"no process of {person.name} has a token")
