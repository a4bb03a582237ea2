"""The same limits through every door, and past them all: form, link, REST, and a plain sbatch."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import cycle, islice
from typing import Any

import pytest

from .browserless import Answer, Session
from .conftest import PREFIX, Platform, until

REGIONAL = ("mkb", "student", "docent", "expert", "steward")


@pytest.fixture(autouse=True)
def idle(platform: Platform):
    """Leave an idle cluster behind."""
    platform.stop_everything()
    platform.wait_until_idle()
    yield
    for role in REGIONAL:  # two hundred at once, and not one after another through the Hub
        platform.run("scancel", f"--user={PREFIX + role}")
    platform.stop_everything()
    platform.wait_until_idle(within=60)


def test_of_two_hundred_at_once_one_gets_the_one_gpu(platform: Platform):
    """Room for one: one runs, the others wait with a reason, and no moment has more than the share in use."""
    began = datetime.now()
    own = [platform.sbatch("onderzoeker", "onderzoek", "eurohpc") for _ in range(8)]
    own += [platform.sbatch("rijk", "rijk-verkenning", "national") for _ in range(4)]
    own += [platform.sbatch("mkb", "mkb-verkenning", "regional") for _ in range(3)]
    platform.until_running(*own)
    people = [platform.session(role) for role in REGIONAL]
    wishes = list(islice(cycle(people), 200))

    def start(number: int) -> Answer:
        return wishes[number].start({"flavour": "gpu-1"}, name=f"s{number}")

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(start, range(200)))
    refused = [answer for answer in answers if answer.status not in (201, 202)]
    assert all(answer.body["message"].endswith(".") for answer in refused)

    def submitted() -> int:
        return len(platform.run("squeue", "-h", "-n", "werkplaats", "-t", "PD,R,CF", "-o", "%i").split())

    until(lambda: submitted() == 200 - len(refused), 120)
    time.sleep(5)
    states = platform.run("squeue", "-h", "-n", "werkplaats", "-o", "%T %r").splitlines()
    assert states.count("RUNNING None") == 1
    assert {line for line in states if not line.startswith("RUNNING")} <= {
        "PENDING QOSGrpGRES", "PENDING QOSGrpBilling", "PENDING Priority", "PENDING Resources"
    }  # fmt: skip
    until(lambda: sum(ready_servers(person) for person in people) == 1, 30)
    assert most_at_once(platform, "regional", began) == 4


def ready_servers(person: Session) -> int:
    """Return how many servers of a person are ready."""
    servers = person.api("GET", f"users/{person.name}").body["servers"].values()
    return sum(bool(server["ready"]) for server in servers)


def most_at_once(platform: Platform, qos: str, since: datetime) -> int:
    """Return the most GPUs that jobs of a QOS held at one moment, by Slurm's accounting."""
    asked = [
        "sacct",
        "-X",
        "-n",
        "-P",
        "--allusers",
        f"--qos={qos}",
        f"--starttime={since:%Y-%m-%dT%H:%M:%S}",
    ]
    rows = platform.run(*asked, "--format=start,end,alloctres").splitlines()
    changes: list[tuple[str, int]] = []
    for row in rows:
        start, end, resources = row.split("|")
        gpus = sum(
            int(part.removeprefix("gres/gpu=")) for part in resources.split(",") if "gres/gpu=" in part
        )
        if gpus and start not in ("Unknown", "None"):
            changes.append((start, gpus))
            changes.append((end if end != "Unknown" else "9999", -gpus))
    # What ends in a second is counted before what begins in it: Slurm knows no parts of one.
    held, most = 0, 0
    for _moment, change in sorted(changes):
        held += change
        most = max(most, held)
    return most


def test_every_door_knows_the_same_limit(platform: Platform):
    """What the budget cannot cover is refused by the form, REST, and Slurm; a link starts nothing."""

    def little(raw: dict[str, Any]) -> None:
        raw["projects"]["cursus-ai"]["gpu_hours"] = 1

    student = platform.session("student")
    with platform.other_facility(little):
        rest = student.start({"flavour": "gpu-1", "hours": 24})
        assert rest.status == 403
        assert "GPU-uren" in rest.body["message"]
        form = student.post_form("hub/spawn", {"flavour": "gpu-1", "hours": "24"})
        assert form.status_code == 403
        assert "GPU-uren" in form.text
        link = student.page("hub/spawn?opt-flavour=gpu-1&opt-hours=24")
        assert link.status_code == 200
        with pytest.raises(AssertionError, match="AssocGrpGRESMinutes"):
            platform.sbatch("student", "cursus-ai", "regional", "--time=1440")
        hostile = {"flavour": "gpu-1", "hours": 24, "account": "onderzoek", "qos": "eurohpc"}
        assert student.start(hostile).status == 400
        assert platform.jobs("student") == []


@pytest.mark.parametrize(
    ("account", "qos"),
    [("onderzoek", "eurohpc"), ("cursus-ai", "eurohpc"), ("regional", "regional"), ("cursus-ai", "with-gpu"),
     ("cursus-ai", "normal"), ("root", "normal")],
)  # fmt: skip
def test_a_plain_job_is_charged_to_nothing_that_is_not_theirs(platform: Platform, account: str, qos: str):
    """Another's account, another stream's QOS, the stream itself: Slurm refuses each."""
    with pytest.raises(AssertionError, match="Invalid"):
        platform.sbatch("student", account, qos)


def test_a_plain_job_cannot_be_longer_than_a_week_or_larger_than_the_share(platform: Platform):
    """The longest time and the whole share hold past the Hub as well: refused, not waiting for ever."""
    with pytest.raises(AssertionError, match="Requested time limit is invalid"):
        platform.sbatch("student", "cursus-ai", "regional", "--time=7-00:01:00", "--gres=none", "-p", "cpu")
    with pytest.raises(AssertionError, match="QOSGrp"):
        platform.sbatch("student", "cursus-ai", "regional", "--nodes=2", "--gres=gpu:4", "--ntasks=2")


def test_a_person_has_no_more_than_their_stream_gives_one(platform: Platform):
    """GPUs and hours of one person are Slurm's to keep, servers the Hub's; others are not in the way."""

    def bounded(raw: dict[str, Any]) -> None:
        raw["streams"]["regional"]["person"] = {"gpus": 1, "servers": 2, "hours": 3}

    student, docent = platform.session("student"), platform.session("docent")
    with platform.other_facility(bounded):
        assert student.start({"flavour": "gpu-1", "hours": 4}).status == 400
        assert student.start({"flavour": "gpu-1", "hours": 3}).status in (201, 202)
        student.wait_ready()
        second = student.start({"flavour": "gpu-1"}, name="tweede")
        assert second.status == 403
        assert "hoogstens 1 GPU tegelijk" in second.body["message"]
        assert student.start({"flavour": "first-steps"}, name="derde").status in (201, 202)
        student.wait_ready("derde")
        third = student.start({"flavour": "first-steps"}, name="vierde")
        assert third.status == 403
        assert "2 tegelijk is het meeste" in third.body["message"]
        assert docent.start({"flavour": "gpu-1"}).status in (201, 202)
        docent.wait_ready()
        plain = platform.sbatch("student", "cursus-ai", "regional", "--time=60")
        until(lambda: platform.reason(plain) == "QOSMaxGRESPerUser", 10)
        with pytest.raises(AssertionError, match="QOSMaxWallDurationPerJobLimit"):
            platform.sbatch("student", "cursus-ai", "regional", "--time=181")


def test_a_person_in_two_streams_chooses_and_one_in_none_is_told(platform: Platform):
    """The first project that can have it is charged; naming the other charges that; nothing without any."""

    def both(raw: dict[str, Any]) -> None:
        raw["projects"]["onderzoek"]["members"].append(PREFIX + "mkb")
        raw["projects"]["mkb-verkenning"]["gpu_hours"] = 0
        raw["projects"]["rijk-verkenning"]["members"] = []
        del raw["first_steps"]  # who is in no project would be a newcomer

    mkb, rijk = platform.session("mkb"), platform.session("rijk")
    with platform.other_facility(both):
        assert mkb.start({"flavour": "gpu-1"}).status in (201, 202)
        mkb.wait_ready()
        (number,) = platform.jobs("mkb")
        assert platform.run("squeue", "-h", "-j", number, "-o", "%a %q").strip() == "onderzoek eurohpc"
        named = mkb.start({"flavour": "gpu-1", "stream": "regional"}, name="tweede")
        assert named.status == 403
        nobody = rijk.start({"flavour": "first-steps"})
        assert nobody.status == 403
        assert "je doet nog aan geen enkel project mee" in nobody.body["message"]


def test_a_stream_may_ask_for_a_group_of_the_hub(platform: Platform):
    """Who is in the project but not in the stream's group starts nothing there, until they are."""

    def grouped(raw: dict[str, Any]) -> None:
        raw["streams"]["national"]["groups"] = ["rijk-medewerkers"]

    rijk, beheer = platform.session("rijk"), platform.session("beheer")
    with platform.other_facility(grouped):
        assert rijk.start({"flavour": "first-steps"}).status == 403
        assert beheer.api("POST", "groups/rijk-medewerkers", {"users": [rijk.name]}).status == 201
        assert rijk.start({"flavour": "first-steps"}).status in (201, 202)
        rijk.wait_ready()
        assert beheer.api("DELETE", "groups/rijk-medewerkers").status == 204
