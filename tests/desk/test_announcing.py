"""What was taken back is in a file at once, and written anew every few seconds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.desk.conftest import TOMORROW, settings
from tests.desk.fake_datasets import CHECKER

from werkplaats_datasets.grants import Revocations, read_revocations
from werkplaats_desk import announcing, dataset_acts
from werkplaats_desk.announcing import Announcer, announce
from werkplaats_desk.dataset_acts import Revoke
from werkplaats_desk.desk import Desk
from werkplaats_desk.models import APPROVED, Access
from werkplaats_desk.people import Person

STEWARD = Person("huismeester")


@pytest.fixture
def path(file: Path, desk: Desk) -> Path:
    """The file, as root's settings name it."""
    path = file.parent / "said/revocations"
    path.parent.mkdir()
    file.write_text(settings(file.parent, revocations=path).model_dump_json())
    return path


def said(path: Path) -> Revocations:
    """Return what is in the file; its signature is good."""
    return read_revocations(CHECKER, path.read_text())


def test_what_is_taken_back_is_in_the_file_at_once(desk: Desk, path: Path) -> None:
    """Before who took it back reads that it is done."""
    assert desk.datasets is not None
    with desk.database.transaction() as session:
        session.add(
            Access(
                person="mkb",
                dataset="cohort",
                dataset_version="1.0.0",
                project="mkb-verkenning",
                purpose="x",
                until=TOMORROW,
                state=APPROVED,
                created_at=1,
            )
        )
    record = desk.datasets.offered("cohort").record
    announce(desk)
    assert said(path).entries == ()
    dataset_acts.revoke(desk, desk.datasets, STEWARD, record, Revoke(what="access", number=1))
    assert [one.entitlement for one in said(path).entries] == ["access-1"]
    dataset_acts.revoke(desk, desk.datasets, STEWARD, record, Revoke(what="dataset", number=0, word="x"))
    assert {one.dataset for one in said(path).entries} == {"", "cohort"}
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_cannot_be_written_is_said(desk: Desk, path: Path) -> None:
    """It keeps nobody from taking back, and doctor reads of it; once it can be written it is gone."""
    assert desk.datasets is not None
    path.parent.rmdir()
    record = desk.datasets.offered("cohort").record
    dataset_acts.revoke(desk, desk.datasets, STEWARD, record, Revoke(what="dataset", number=0, word="x"))
    assert "revocations" in desk.problems
    path.parent.mkdir()
    announce(desk)
    assert desk.problems == {}
    assert said(path).entries


def test_it_is_written_again_and_again(desk: Desk, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its age says whether the desk is there; also after one that went wrong."""
    monkeypatch.setattr(announcing, "EVERY", 0.02)
    worker = Announcer(desk)
    worker.start()
    try:
        for _ in range(2):
            end = time.monotonic() + 10
            while not path.exists():
                assert time.monotonic() < end
                time.sleep(0.01)
            assert abs(said(path).issued_at - time.time()) < 5
            path.unlink()
    finally:
        worker.stop()
