"""The catalogue as others read it: what is offered, what is found, and that it costs next to nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.datasets.helpers import places, quick
from tests.datasets.records import both, lay

from werkplaats_datasets import adding
from werkplaats_datasets.catalogue import Catalogue
from werkplaats_datasets.places import Places
from werkplaats_datasets.removing import remove
from werkplaats_datasets.vault import NoSuch, Vault


@pytest.fixture
def where(tmp_path: Path) -> Places:
    """Return a machine with two versions of one dataset, and another one."""
    found = places(tmp_path)
    for number, (name, version, tier) in enumerate(
        [("colours", "1.0.0", "open"), ("colours", "2.0.0", "open"), ("shapes", "1.0.0", "restricted")]
    ):
        changes = {"identifier": name, "version": version, "wp:tier": tier}
        adding.add(lay(tmp_path / f"given-{number}", **changes), found, quick())
    return found


def test_what_is_offered(where: Places) -> None:
    """The newest of each, the open ones first."""
    found = Catalogue(where.catalogue).offered()
    assert [(one.record.id, one.record.version) for one in found] == [
        ("colours", "2.0.0"),
        ("shapes", "1.0.0"),
    ]
    assert found[0].preview is not None
    assert found[0].preview.rows == (("rood", "1"), ("blauw", "2"))
    assert found[1].preview is None


def test_a_version_is_found(where: Places) -> None:
    """The one that is named, or the one that is offered."""
    catalogue = Catalogue(where.catalogue)
    older = catalogue.find("colours", "1.0.0")
    assert older is not None
    assert older.record.version == "1.0.0"
    newest = catalogue.find("colours")
    assert newest is not None
    assert newest.record.version == "2.0.0"
    assert catalogue.versions("colours") == ("1.0.0", "2.0.0")


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("../colours", None),
        ("colours/1.0.0", None),
        ("nothing", None),
        ("", None),
        ("colours", "3"),
        ("colours", "current"),
        ("colours", "../../vault/colours/1.0.0"),
        ("colours\n", None),
        ("x" * 5000, "y" * 5000),
    ],
)
def test_nothing_is_found_by_another_name(where: Places, name: str, version: str | None) -> None:
    """No path comes of a name."""
    assert Catalogue(where.catalogue).find(name, version) is None
    with pytest.raises(NoSuch):
        Vault(where.vault, where.catalogue).source(name, version or "1.0.0")


def test_nobody_can_fill_what_is_kept(where: Places) -> None:
    """What is not there is not remembered either."""
    catalogue = Catalogue(where.catalogue)
    for number in range(100):
        assert catalogue.find("colours", f"{number}") is None
    assert len(catalogue._kept) == 0


def test_what_changes_is_seen_at_once(where: Places) -> None:
    """One catalogue sees what another process does."""
    catalogue = Catalogue(where.catalogue)
    assert len(catalogue.offered()) == 2
    remove("shapes", where)
    assert [one.record.id for one in catalogue.offered()] == ["colours"]
    assert catalogue.find("shapes") is None
    withdrawn = catalogue.find("shapes", "1.0.0")
    assert withdrawn is not None
    assert withdrawn.entry.withdrawn_at is not None


def test_a_source(where: Places) -> None:
    """The mount daemon finds a folder; of what is withdrawn nothing."""
    vault = Vault(where.vault, where.catalogue)
    assert vault.source("colours", "1.0.0") == where.vault / "colours/1.0.0"
    remove("colours", where, version="1.0.0")
    with pytest.raises(NoSuch):
        vault.source("colours", "1.0.0")
    assert vault.source("colours", "2.0.0").is_dir()


def test_one_that_is_spoilt_does_not_spoil_the_rest(where: Places, caplog: pytest.LogCaptureFixture) -> None:
    """It is left out, and the log says why."""
    (where.catalogue / "shapes/1.0.0/entry.json").write_text("{}")
    assert [one.record.id for one in Catalogue(where.catalogue).offered()] == ["colours"]
    assert "shapes/1.0.0 cannot be read" in caplog.text
    (where.catalogue / "strange").mkdir()
    (where.catalogue / "strange/current").write_text("../colours/1.0.0")
    assert [one.record.id for one in Catalogue(where.catalogue).offered()] == ["colours"]


def test_no_catalogue_is_an_empty_one(tmp_path: Path) -> None:
    """The desk starts before anything was added."""
    assert Catalogue(tmp_path / "none").offered() == ()


def test_it_is_cheap_to_ask(tmp_path: Path) -> None:
    """Thirty datasets are listed in a few milliseconds once they were read."""
    where = places(tmp_path)
    for number in range(30):
        name = f"set-{number}"
        adding.add(lay(tmp_path / name, identifier=name, name=both(name, name)), where, quick())
    catalogue = Catalogue(where.catalogue)
    assert len(catalogue.offered()) == 30
    started = time.perf_counter()
    for _ in range(20):
        catalogue.offered()
    assert (time.perf_counter() - started) / 20 < 0.03
