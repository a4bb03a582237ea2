"""The operator's file as it is now: a change is seen, and a mistake costs nothing."""

from __future__ import annotations

import copy
import logging
import os
from pathlib import Path

import pytest

from werkplaats_hub import facility as facilities
from werkplaats_hub.facility import Facility
from werkplaats_hub.watched import WatchedFacility
from werkplaats_spawners.offer import Offer
from werkplaats_spawners.spawner import WerkplaatsSpawner


@pytest.fixture
def file(tmp_path: Path, facility_file: Path) -> Path:
    """A copy of the shipped file, which a test may change."""
    path = tmp_path / "facility.toml"
    path.write_text(facility_file.read_text())
    return path


@pytest.fixture
def watched(file: Path) -> WatchedFacility:
    """The offer of that file, as the Hub holds it."""
    return WatchedFacility(file, facilities.read(file))


def edit(path: Path, old: str, new: str) -> None:
    """Change the file in its place, as an editor may do it."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def lengths(offer: Offer) -> list[int]:
    """Return the usual session length of each flavour, hours."""
    return [flavour.hours for flavour in offer.flavours]


def test_what_the_file_says_is_offered(watched: WatchedFacility, offer: Offer) -> None:
    """Until the file changes the offer is that of the facility that the Hub began with."""
    assert watched() == offer


def test_a_file_that_did_not_change_is_read_once(
    watched: WatchedFacility, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look is cheap: nothing is parsed for the thousandth page view."""

    def forbidden(path: Path) -> Facility:
        raise AssertionError("read again")

    monkeypatch.setattr(facilities, "read", forbidden)
    for _ in range(3):
        watched()


def test_a_change_is_seen(watched: WatchedFacility, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The next request is judged by the new file, without a restart; the log says so."""
    assert lengths(watched()) == [4, 2, 2]
    edit(file, "hours = 4\n", "hours = 11\n")
    with caplog.at_level(logging.INFO):
        assert lengths(watched()) == [11, 2, 2]
    assert f"{file} has changed, and was read" in caplog.text


def test_a_change_of_the_same_length_is_seen(watched: WatchedFacility, file: Path) -> None:
    """Another digit leaves the size as it was; the time tells."""
    edit(file, "hours = 4\n", "hours = 5\n")
    os.utime(file, ns=(1, 1))
    assert lengths(watched()) == [5, 2, 2]


def test_a_file_that_was_put_in_its_place_is_seen(watched: WatchedFacility, file: Path) -> None:
    """As `make up` and many editors do it: another file under the same name, of the same time and size."""
    then = file.stat().st_mtime_ns
    other = file.with_suffix(".new")
    other.write_text(file.read_text().replace("hours = 4\n", "hours = 6\n"))
    os.utime(other, ns=(then, then))
    other.replace(file)
    assert lengths(watched()) == [6, 2, 2]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("hours = 4\n", "hours = 4 4\n", "is not TOML"),
        ("hours = 4\n", 'hours = "4"\n', "flavours.first-steps.hours"),
        ("share = 0.5\n", "share = 0.6\n", "sum to 1"),
        ("[lending]\n", "[landing]\n", "landing"),
    ],
)
def test_a_broken_file_is_passed_over(
    watched: WatchedFacility,
    file: Path,
    offer: Offer,
    caplog: pytest.LogCaptureFixture,
    old: str,
    new: str,
    named: str,
) -> None:
    """What was offered stays; the log names the fault once, and not at every request."""
    edit(file, old, new)
    for _ in range(3):
        assert watched() == offer
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith(f"What was offered stays: {file}: ")
    assert named in record.getMessage()


def test_a_mended_file_is_read_again(watched: WatchedFacility, file: Path) -> None:
    """A mistake is over as soon as it is mended, with what else was changed."""
    edit(file, "hours = 4\n", "hours = four\n")
    assert lengths(watched()) == [4, 2, 2]
    edit(file, "hours = four\n", "hours = 10\n")
    assert lengths(watched()) == [10, 2, 2]


def test_a_file_that_is_gone_takes_nothing_away(
    watched: WatchedFacility, file: Path, offer: Offer, caplog: pytest.LogCaptureFixture
) -> None:
    """While it is away what was offered stays, with one line in the log; when it is back it is read."""
    text = file.read_text()
    file.unlink()
    assert watched() == watched() == offer
    assert len(caplog.records) == 1
    assert "cannot be read" in caplog.text
    file.write_text(text.replace("hours = 4\n", "hours = 9\n"))
    assert lengths(watched()) == [9, 2, 2]


def test_a_file_that_may_not_be_read_takes_nothing_away(
    watched: WatchedFacility, file: Path, offer: Offer
) -> None:
    """A folder in its place stands for whatever else is no file that can be read."""
    file.unlink()
    file.mkdir()
    assert watched() == offer


def test_a_copy_is_itself(watched: WatchedFacility, file: Path) -> None:
    """Traitlets copies a configuration for every spawner; all of them see the one file."""
    assert copy.deepcopy(watched) is watched
    assert copy.deepcopy({"source": watched})["source"] is watched


def test_a_spawner_takes_it_for_its_source(watched: WatchedFacility, file: Path, offer: Offer) -> None:
    """The trait accepts it, and hands out what the file says now."""
    spawner = WerkplaatsSpawner(source=watched)
    assert spawner.offer == offer
    edit(file, "hours = 4\n", "hours = 7\n")
    assert lengths(spawner.offer) == [7, 2, 2]
