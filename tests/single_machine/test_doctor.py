"""What the doctor says of the streams, of a Slurm in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.hub.fake_slurm import FakeSlurm
from tests.hub.small import BAKERY, apply, small

from single_machine import doctor
from single_machine.doctor import Finding, of_the_streams
from werkplaats_hub.instance import Instance


@pytest.fixture
def slurm() -> FakeSlurm:
    """A Slurm that holds the small facility."""
    slurm = FakeSlurm()
    apply(small(), slurm)
    return slurm


def wrong(slurm: FakeSlurm) -> list[Finding]:
    """Return what the doctor finds wrong, which must come with something to do."""
    found = [finding for finding in of_the_streams(small(), slurm) if finding.wrong]
    assert all(finding.mend for finding in found)
    return found


def test_a_slurm_as_the_file_says(slurm: FakeSlurm) -> None:
    """One line, and it is good."""
    assert list(of_the_streams(small(), slurm)) == [
        Finding("Slurm has the streams, projects and people of facility.toml")
    ]


def test_a_change_by_hand(slurm: FakeSlurm) -> None:
    """A limit and a member that the file does not know are counted, and an apply is named."""
    slurm.accounts["mill"]["grpjobs"] = "4"
    slurm.people["bakery", "zoe"] = {}
    slurm.default["zoe"] = "bakery"
    (finding,) = wrong(slurm)
    assert finding.what == "Slurm differs from facility.toml in 2 things"
    assert "`werkplaats streams apply`" in finding.mend


def test_what_is_kept_by_its_jobs(slurm: FakeSlurm) -> None:
    """An account that is not in the file is said also when only ``--force`` would drop it."""
    slurm.jobs = [("mill", "ann", 1)]
    first = next(iter(of_the_streams(small(bakery=BAKERY), slurm)))
    assert first.wrong
    assert "--force" not in first.mend  # it is to be closed
    apply(small(bakery=BAKERY), slurm)
    first = next(iter(of_the_streams(small(bakery=BAKERY), slurm)))
    assert first.wrong
    assert "--force" in first.mend


def test_a_qos_of_others_that_may_end_our_work(slurm: FakeSlurm) -> None:
    """It is wrong though an apply has nothing to do, and the line names the command that mends it."""
    slurm.qos["visitors"] = {**slurm.qos["normal"], "preempt": "lent"}
    (finding,) = wrong(slurm)
    assert "QOS visitors may preempt work under lent" in finding.what
    assert "sacctmgr modify qos visitors set preempt-=lent" in finding.what
    assert finding.line.startswith("WRONG  QOS visitors")
    assert "no apply touches it" in finding.line


def test_a_setting_of_slurm_conf(slurm: FakeSlurm) -> None:
    """What shares need of the controller is looked at as well."""

    def run(argv: Sequence[str]) -> str:
        said = slurm(argv)
        return said.replace("MAX_TRES", "SMALL_RELATIVE_TO_TIME") if argv[-1] == "config" else said

    found = [finding for finding in of_the_streams(small(), run) if finding.wrong]
    assert [finding.what for finding in found] == [
        "slurm.conf: PriorityFlags lacks MAX_TRES; add it and run `scontrol reconfigure`"
    ]


def test_a_password_that_everybody_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the desk's database is the operator's to lay down, so it may lie open by mistake."""
    monkeypatch.setattr(doctor.login, "desk_problems", lambda url: [])
    instance = Instance.beside(tmp_path, "wpdoc", 28000)
    instance.secrets.mkdir(parents=True)
    instance.desk_database_password.write_text("secret\n")
    for mode, said in ((0o440, []), (0o444, ["everybody can read"])):
        instance.desk_database_password.chmod(mode)
        found = [finding for finding in doctor._the_desk(instance) if finding.wrong]
        assert [finding.what[:18] for finding in found] == said
        assert all("another password" in finding.mend for finding in found)


def test_plain_http_from_elsewhere(tmp_path: Path) -> None:
    """It is a note with something to do where other machines can come, and nothing on loopback."""
    here = Instance.beside(tmp_path, "wptry", 20000)
    assert list(doctor._the_address(here)) == []
    (note,) = doctor._the_address(here.model_copy(update={"address": ""}))
    assert (note.wrong, "certificate" in note.mend) == (False, True)
    assert "port 20000" in note.what


@pytest.mark.parametrize(
    ("problems", "wrong", "said"),
    [
        ([], False, ""),
        (["allocation"], False, "desk.out"),
        (["mail"], True, "services/desk/mail"),
        (["mail-in"], True, "docs/how-to/mail.md"),
        (["outbox"], True, "desk.out"),
    ],
)
def test_mail_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problems: list[str], wrong: bool, said: str
) -> None:
    """It is a fault, and the doctor says where to look; old numbers are not."""
    monkeypatch.setattr(doctor.login, "desk_problems", lambda url: problems)
    (found,) = doctor._the_desk(Instance.beside(tmp_path, "wpdoc", 28000))
    assert found.wrong == wrong
    assert said in found.mend


def test_a_mail_password_that_everybody_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It too is laid down by hand."""
    monkeypatch.setattr(doctor.login, "desk_problems", lambda url: [])
    instance = Instance.beside(tmp_path, "wpdoc", 28000)
    instance.secrets.mkdir(parents=True)
    instance.mail_password.write_text("secret\n")
    instance.mail_password.chmod(0o444)
    assert [one.wrong for one in doctor._the_desk(instance)] == [True, False]
