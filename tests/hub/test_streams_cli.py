"""``werkplaats streams``: what the operator sees, is asked, and gets as exit status."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tomli_w
from tests.hub.fake_slurm import FakeSlurm, recorded
from typer.testing import CliRunner

from werkplaats_hub import cli
from werkplaats_hub import facility as facilities
from werkplaats_hub.instance import Instance
from werkplaats_hub.slurm_commands import SlurmFailed
from werkplaats_hub.streams import cli as streams_cli
from werkplaats_hub.streams import plan as planning


@pytest.fixture
def instance(tmp_path: Path, facility_file: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """An instance with the shipped facility, that the command finds."""
    instance = Instance.beside(tmp_path, "wpcli", 28000)
    instance.etc.mkdir(parents=True)
    (instance.etc / "instance.json").write_text(instance.text())
    instance.facility.write_text(facility_file.read_text())
    monkeypatch.setenv("WERKPLAATS_INSTANCE", str(instance.etc / "instance.json"))
    return instance


@pytest.fixture
def slurm(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """Its Slurm, in memory, new."""
    slurm = FakeSlurm()
    monkeypatch.setattr(streams_cli, "Slurm", lambda of: slurm)
    return slurm


@pytest.fixture(autouse=True)
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs these tests."""
    monkeypatch.setattr("werkplaats_hub.streams.cli.os.geteuid", lambda: 0)


@pytest.fixture
def applied(slurm: FakeSlurm, instance: Instance) -> FakeSlurm:
    """Its Slurm, with what the facility says."""
    found = planning.plan(facilities.read(instance.facility), slurm, date.today())
    assert planning.apply(found, slurm).failure == ""
    slurm.changes.clear()
    return slurm


@pytest.fixture
def other(tmp_path: Path, facility_file: Path) -> Callable[..., Path]:
    """Return a function that writes the shipped facility without some projects."""

    def write(*without: str) -> Path:
        raw = tomllib.loads(facility_file.read_text())
        raw["projects"] = {name: table for name, table in raw["projects"].items() if name not in without}
        path = tmp_path / "other.toml"
        path.write_text(tomli_w.dumps(raw))
        return path

    return write


class Done(NamedTuple):
    """How a command ended: its status, what it said in all, and on standard output alone."""

    exit_code: int
    output: str
    stdout: str


def run(*words: str, answers: str = "") -> Done:
    """Run ``werkplaats streams ...``."""
    done = CliRunner().invoke(cli.app, ["streams", *words], input=answers)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return Done(done.exit_code, done.output, done.stdout)


def test_a_plan_of_a_new_slurm(slurm: FakeSlurm) -> None:
    """Everything is shown as to be added, and nothing is."""
    done = run("plan")
    assert done.exit_code == 0
    assert "+ QOS regional\n      Description: werkplaats\n      Priority: 200\n" in done.output
    assert done.output.index("+ account regional") < done.output.index("+ person mkb in mkb-verkenning")
    assert slurm.changes == []


def test_a_plan_of_what_is_right(applied: FakeSlurm) -> None:
    """That is one sentence."""
    done = run("plan")
    assert (done.exit_code, done.output) == (0, "Nothing to change: Slurm holds what the facility says.\n")


def test_a_plan_as_json(applied: FakeSlurm) -> None:
    """The changes, and the faults of slurm.conf, for a program to read."""
    applied.people.pop(("mkb-verkenning", "mkb"))
    assert json.loads(run("plan", "--json").stdout) == {
        "changes": [
            {"sign": "+", "kind": "person", "name": "mkb-verkenning", "person": "mkb", "before": {},
             "after": {}}
        ],
        "by_hand": [],
        "slurm_conf": [],
    }  # fmt: skip


def test_a_plan_names_what_slurm_conf_lacks(applied: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an apply cannot mend is in the plan too, with the sentence that says how."""
    monkeypatch.setattr(
        "tests.hub.fake_slurm.recorded", lambda name: recorded(name).replace("= CANCEL", "= OFF")
    )
    said = run("plan").output
    assert said.startswith("! slurm.conf: PreemptMode is OFF and must be CANCEL")
    assert "Nothing to change" not in said
    assert len(json.loads(run("plan", "--json").stdout)["slurm_conf"]) == 1


@pytest.mark.parametrize("answers", ["n\n", "\n", ""])
def test_an_apply_asks_first(slurm: FakeSlurm, answers: str) -> None:
    """Anything but yes changes nothing, and is exit status 1."""
    done = run("apply", answers=answers)
    assert done.exit_code == 1
    assert "Make these changes?" in done.output
    assert slurm.changes == []


@pytest.mark.parametrize(("words", "answers"), [(["--yes"], ""), (["-y"], ""), ([], "y\n")])
def test_an_apply_that_is_agreed_to(slurm: FakeSlurm, words: list[str], answers: str) -> None:
    """It is done, told, and afterwards there is nothing to do, also without being asked."""
    done = run("apply", *words, answers=answers)
    assert done.exit_code == 0, done.output
    assert "  + person mkb in mkb-verkenning\n" in done.output
    assert done.output.endswith("Slurm holds what the facility says.\n")
    again = run("apply")
    assert (again.exit_code, "Make these changes?" in again.output) == (0, False)
    assert again.output.endswith("Nothing to do.\n")


def test_somebody_changes_slurm_while_the_question_stands(
    applied: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A yes is to what was shown: when that is no longer what would be done, it is asked again."""
    applied.people.pop(("mkb-verkenning", "mkb"))
    asked = 0

    def confirm(question: str) -> bool:
        nonlocal asked
        asked += 1
        if asked == 1:
            applied.people.pop(("onderzoek", "onderzoeker"))
        return asked < 3

    monkeypatch.setattr("werkplaats_hub.streams.cli.typer.confirm", confirm)
    done = run("apply")
    assert (done.exit_code, asked) == (0, 2)
    shown, again = done.output.split("Slurm has changed since. This is what it would be now:\n")
    assert "onderzoeker" not in shown
    assert again.startswith("+ person mkb in mkb-verkenning\n+ person onderzoeker in onderzoek\n")
    assert len(applied.changes) == 2


def test_a_refusal_of_what_changed_meanwhile(applied: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who said yes to the one thing may say no to the other, and then nothing is changed."""
    applied.people.pop(("mkb-verkenning", "mkb"))
    answers = iter([True, False])

    def confirm(question: str) -> bool:
        applied.people.pop(("onderzoek", "onderzoeker"), None)
        return next(answers)

    monkeypatch.setattr("werkplaats_hub.streams.cli.typer.confirm", confirm)
    done = run("apply")
    assert done.exit_code == 1
    assert done.output.endswith("Nothing was changed.\n")
    assert applied.changes == []


def test_an_apply_that_fails_half_way(slurm: FakeSlurm) -> None:
    """What stopped it, how much was done and each thing that was not, and what to do; exit status 1."""
    slurm.fails_at = 7
    done = run("apply", "--yes")
    assert done.exit_code == 1
    assert "Stopped at the first failure: + QOS eurohpc: " in done.output
    assert "Connection refused" in done.output
    assert "Done: 3. Not done: 20:\n  + QOS eurohpc\n  + QOS national\n" in done.output
    assert done.output.endswith("Mend what it says and run this again: what is done stays done.\n")
    assert "Slurm holds what the facility says" not in done.output


def test_an_apply_can_be_resumed(slurm: FakeSlurm) -> None:
    """A QOS whose second command failed is mended by the next apply, and so is the rest."""
    slurm.fails_at = 4
    assert run("apply", "--yes").exit_code == 1
    slurm.fails_at = None
    assert run("apply", "--yes").exit_code == 0
    assert run("plan").output.startswith("Nothing to change")


def test_a_failure_as_json(slurm: FakeSlurm) -> None:
    """The same for a program: nothing but JSON on standard output."""
    slurm.fails_at = 7
    done = run("apply", "--yes", "--json")
    said = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (len(said["done"]), len(said["left"]), said["guarded"]) == (3, 20, [])
    assert "Connection refused" in said["failure"]


def test_what_is_guarded_is_left_and_told(applied: FakeSlurm, other: Callable[..., Path]) -> None:
    """Exit status 2: what could be done is done, and what is left is named with the reason."""
    applied.used["onderzoek"] = 90
    done = run("apply", "--yes", "--facility", str(other("onderzoek", "cursus-ai")))
    assert done.exit_code == 2, done.output
    assert done.output.endswith(
        "Left as they are; --force drops them, and cancels their jobs:\n"
        "  account onderzoek: it has 1.5 GPU-hours used in this period\n"
    )
    assert "cursus-ai" not in applied.accounts
    assert "onderzoek" in applied.accounts


def test_what_is_guarded_as_json(applied: FakeSlurm, other: Callable[..., Path]) -> None:
    """It is in a list of its own, with what guards it."""
    applied.jobs = [("onderzoek", "onderzoeker", 1)]
    done = run("apply", "--yes", "--json", "--facility", str(other("onderzoek")))
    said = json.loads(done.stdout)
    assert done.exit_code == 2
    assert [one["after"] for one in said["done"]] == [{"GrpJobs": "0", "GrpSubmitJobs": "0"}]
    assert (said["left"], said["waiting"], said["failure"]) == ([], [], "")
    assert [(one["name"], one["guard"]) for one in said["guarded"]] == [("onderzoek", "it has 1 job")]


def test_force_drops_what_is_guarded(applied: FakeSlurm, other: Callable[..., Path]) -> None:
    """Its jobs are cancelled, and nothing is left."""
    applied.jobs = [("onderzoek", "onderzoeker", 1), ("cursus-ai", "student", 1)]
    done = run("apply", "--yes", "--force", "--facility", str(other("onderzoek")))
    assert done.exit_code == 0, done.output
    assert applied.jobs == [("cursus-ai", "student", 1)]
    assert "onderzoek" not in applied.accounts


def test_another_file_becomes_the_installed_one(
    applied: FakeSlurm, other: Callable[..., Path], instance: Instance
) -> None:
    """What Slurm was told of, the Hub reads as well: whole, and readable to it."""
    file = other("onderzoek")
    assert run("apply", "--yes", "--facility", str(file)).exit_code == 0
    assert instance.facility.read_text() == file.read_text()
    assert instance.facility.stat().st_mode & 0o777 == 0o644
    assert list(instance.facility.parent.glob("*.new")) == []


def test_the_page_of_the_proxy_can_be_read_whatever_roots_umask(slurm: FakeSlurm, instance: Instance) -> None:
    """The proxy is a user of its own."""
    before = os.umask(0o077)
    try:
        assert run("apply", "--yes").exit_code == 0
    finally:
        os.umask(before)
    assert instance.away_page.parent.stat().st_mode & 0o777 == 0o755
    assert instance.away_page.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("words", [["plan"], ["apply"]])
def test_another_file_is_not_installed_by_looking(
    slurm: FakeSlurm, other: Callable[..., Path], instance: Instance, words: list[str]
) -> None:
    """A plan of another file, and an apply that was refused, leave the installed one as it was."""
    before = instance.facility.read_text()
    run(*words, "--facility", str(other("onderzoek")), answers="n\n")
    assert instance.facility.read_text() == before


def test_another_file_is_not_installed_after_a_failure(
    slurm: FakeSlurm, other: Callable[..., Path], instance: Instance
) -> None:
    """What Slurm does not hold, the Hub does not offer."""
    before, slurm.fails_at = instance.facility.read_text(), 5
    assert run("apply", "--yes", "--facility", str(other("onderzoek"))).exit_code == 1
    assert instance.facility.read_text() == before


def test_a_status(applied: FakeSlurm) -> None:
    """Two tables for people, and all of it for a program."""
    assert "regional (guaranteed)" in run("status").output
    said: dict[str, Any] = json.loads(run("status", "--json").stdout)
    assert set(said) == {"at", "period_began", "period_ends", "gpus", "streams", "projects"}
    assert (said["gpus"], said["streams"][0]["name"], said["streams"][0]["gpus"]) == (16, "regional", 4)
    assert said["projects"][0]["left_hours"] == 1000


def test_a_history(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a first day, what accounting kept from it up to the other day."""
    asked: list[Sequence[str]] = []

    def report(argv: Sequence[str]) -> str:
        asked.append(argv)
        return recorded("sreport")

    monkeypatch.setattr(streams_cli, "Slurm", lambda of: report)
    said = run("status", "--from", "2026-11-20", "--to", "2026-11-22").output
    assert "national                   1 GPU-hours\n" in said
    assert {"start=2026-11-20", "end=2026-11-22"} <= set(asked[0])
    assert json.loads(run("status", "--from", "2026-11-20", "--json").stdout)["eurohpc"] == 1.1


def test_from_today_counts_today(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a last day the history goes up to tomorrow, which is not counted."""
    asked: list[Sequence[str]] = []
    monkeypatch.setattr(streams_cli, "Slurm", lambda of: lambda argv: asked.append(argv) or "")
    today = date.today()
    assert run("status", "--from", str(today)).exit_code == 0
    assert {f"start={today}", f"end={today + timedelta(days=1)}"} <= set(asked[0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "2026-01-01"], "--to is the end of a history: add --from, its first day."),
        (
            ["--from", "2026-02-01", "--to", "2026-01-01"],
            "--from 2026-02-01 must be before --to 2026-01-01, the first day that is not counted.",
        ),
        (
            ["--from", "2026-02-01", "--to", "2026-02-01"],
            "--from 2026-02-01 must be before --to 2026-02-01, the first day that is not counted.",
        ),
        (["--from", "yesterday"], f"--from is 'yesterday', and must be a day, such as {date.today()}."),
        (["--from", "2026-02-30"], f"--from is '2026-02-30', and must be a day, such as {date.today()}."),
        (["--from", ""], f"--from is '', and must be a day, such as {date.today()}."),
        (
            ["--from", "2026-02-01", "--to", "01-03-2026"],
            f"--to is '01-03-2026', and must be a day, such as {date.today()}.",
        ),
    ],
)
def test_days_that_cannot_be(slurm: FakeSlurm, words: list[str], said: str) -> None:
    """A sentence, exit status 1, and Slurm is not asked."""
    done = run("status", *words)
    assert (done.exit_code, done.output) == (1, f"{said}\n")


@pytest.mark.parametrize("words", [["plan"], ["plan", "--json"], ["apply", "--yes"], ["status"]])
def test_only_root(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """From others Slurm hides what is not theirs: they would be told to make what is there."""
    monkeypatch.setattr("werkplaats_hub.streams.cli.os.geteuid", lambda: 1000)
    done = run(*words)
    assert (done.exit_code, done.output) == (
        1,
        "Run it as root: Slurm hides others' associations from you.\n",
    )
    assert slurm.changes == []


def test_json_asks_nobody(slurm: FakeSlurm) -> None:
    """A question in the middle of JSON would be read by nobody: who wants it says yes with it."""
    done = run("apply", "--json", answers="y\n")
    said = "--json is for programs, and nobody can be asked: add --yes.\n"
    assert (done.exit_code, done.output, done.stdout) == (1, said, "")
    assert slurm.changes == []


def test_what_waits_is_told(applied: FakeSlurm, instance: Instance) -> None:
    """What no apply does before jobs have ended is named with what it waits for; that is no failure."""
    applied.people["onderzoek", "gast"] = {"grpjobs": "0", "grpsubmitjobs": "0"}
    applied.default["gast"] = "onderzoek"
    applied.jobs = [("onderzoek", "gast", 1)]
    waits = "can start nothing any more; removed by an apply after the end of 1 job"
    done = run("apply", "--yes")
    assert done.exit_code == 0
    assert done.output.endswith(f"Waits:\n  person gast in onderzoek: {waits}\n")
    said = json.loads(run("apply", "--yes", "--json").stdout)
    assert [(one["person"], one["note"]) for one in said["waiting"]] == [("gast", waits)]
    assert (said["done"], said["left"], said["guarded"]) == ([], [], [])
    assert run("plan").output.startswith("… person gast in onderzoek\n")
    applied.jobs = []
    assert run("apply", "--yes").output.endswith("Slurm holds what the facility says.\n")


def test_what_is_to_be_mended_by_hand(applied: FakeSlurm) -> None:
    """A QOS of others that may end work of ours is a line of its own, for people and for programs."""
    applied.qos["visitors"] = {**applied.qos["normal"], "preempt": "lent"}
    said = run("plan").output
    assert said.startswith("! QOS visitors may preempt work under lent, and is not of facility.toml; ")
    assert "Nothing to change" not in said
    shown = json.loads(run("plan", "--json").stdout)
    assert (shown["changes"], len(shown["by_hand"])) == ([], 1)


@pytest.mark.parametrize(
    "words", [["plan"], ["apply", "--yes"], ["status"], ["status", "--from", "2026-01-01"]]
)
def test_a_slurm_that_is_away(instance: Instance, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """A sentence with what to do, exit status 1, and no traceback."""

    def away(argv: Sequence[str]) -> str:
        raise SlurmFailed("Unable to contact slurm controller")

    monkeypatch.setattr(streams_cli, "Slurm", lambda of: away)
    done = run(*words)
    assert done.exit_code == 1
    assert done.output == (
        "Slurm cannot be asked: Unable to contact slurm controller\n"
        "What to do: run `werkplaats doctor`, and this again as root.\n"
    )


@pytest.mark.parametrize("command", ["plan", "apply", "status"])
def test_a_file_with_faults(slurm: FakeSlurm, tmp_path: Path, command: str) -> None:
    """Each fault is a line, and Slurm is not even asked."""
    path = tmp_path / "bad.toml"
    path.write_text("[streams.regional]\nshare = 2\n")
    done = run(command, "--facility", str(path))
    assert done.exit_code == 1
    assert f"{path}: 'streams.regional.share' is 2" in done.output
    assert f"{path}: the key 'facility' is missing" in done.output
    assert "Traceback" not in done.output
    assert slurm.changes == []


def test_an_apply_lays_down_what_enrol_gives(
    applied: FakeSlurm, instance: Instance, other: Callable[..., Path]
) -> None:
    """A newcomer gets the budget of the file that was applied last; of a file without one, nothing."""
    assert run("apply", "--yes").exit_code == 0
    assert '"GrpTRESMins": "gres/gpu=120"' in (instance.etc / "enrol.json").read_text()
    path = other()
    raw = tomllib.loads(path.read_text())
    del raw["first_steps"]
    path.write_text(tomli_w.dumps(raw))
    assert run("apply", "--yes", "--facility", str(path)).exit_code == 0
    assert not (instance.etc / "enrol.json").exists()
