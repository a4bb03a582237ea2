"""What the desk granted: merged with the facility's file, and judged again where root reads it."""

from __future__ import annotations

import logging
import os
import pwd
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from werkplaats_hub import facility as facilities
from werkplaats_hub.granted import MOST_BYTES, Drop
from werkplaats_hub.watched import WatchedFacility
from werkplaats_spawners.offer import Project

ME = pwd.getpwuid(os.getuid()).pw_name
GOOD = """
title = { nl = "Onkruid", en = "Weeds" }
stream = "regional"
gpu_hours = 100
members = ["mkb", "student"]
owners = ["mkb"]
call = "Aanvraag 7"
ends = 2099-01-31
"""
Read = Callable[[], tuple[Project, ...]]


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    """The desk's folder."""
    folder = tmp_path / "projects.d"
    folder.mkdir(mode=0o755)
    return Drop(folder, ME)


@pytest.fixture
def granted(facility_file: Path, drop: Drop) -> Read:
    """Read the shipped facility with what is in the folder, and return what came from there."""
    own = {project.name for project in facilities.read(facility_file).projects}

    def read() -> tuple[Project, ...]:
        found = facilities.read(facility_file, drop).projects
        assert own <= {project.name for project in found}, "the facility's own are always there"
        return tuple(project for project in found if project.name not in own)

    return read


def test_a_file_is_a_project(granted: Read, drop: Drop) -> None:
    """Named by the file, with the keys that a table in facility.toml has."""
    (drop.folder / "onkruid-a7.toml").write_text(GOOD)
    (project,) = granted()
    assert project.name == "onkruid-a7"
    assert project.members == ("mkb", "student")
    assert (project.stream, project.gpu_hours, project.ends) == ("regional", 100, date(2099, 1, 31))


def test_no_folder_is_no_project(granted: Read, drop: Drop, caplog: pytest.LogCaptureFixture) -> None:
    """A facility without a desk says nothing of it."""
    drop.folder.rmdir()
    assert granted() == ()
    assert caplog.text == ""


BROKEN = [
    ("x.toml", "title = [", "is not TOML"),
    ("x.toml", "a = " + "[" * 5000, "is not TOML"),
    ("x.toml", "", "title: field required"),
    ("x.toml", GOOD + "share = 1\n", "share: extra inputs"),
    ("x.toml", GOOD + 'name = "y"\n', "has a key 'name'"),
    ("x.toml", GOOD + "[streams.mine]\nshare = 1\n", "streams: extra inputs"),
    ("x.toml", GOOD.replace("regional", "nergens"), "names the stream 'nergens', which does not exist"),
    ("x.toml", GOOD.replace('"mkb", "student"', '"root"'), "names 'root'"),
    ("x.toml", GOOD.replace('owners = ["mkb"]', 'owners = ["root"]'), "names 'root'"),
    ("x.toml", GOOD.replace('"mkb", "student"', '"a b"'), "members.0: string should match"),
    ("x.toml", GOOD.replace('"mkb", "student"', '"a=b"'), "members.0: string should match"),
    ("x.toml", GOOD.replace("100", "-1"), "gpu_hours: input should be greater"),
    ("x.toml", GOOD.replace("100", "8001"), "desk.most_gpu_hours leaves 8000"),
    ("x.toml", GOOD.replace("Aanvraag 7", "a\\u001bb"), "control character"),
    ("x.toml", GOOD + "#" * MOST_BYTES, "is larger than 64 KiB"),
    ("mkb-verkenning.toml", GOOD, "has the name of a stream or project"),
    ("regional.toml", GOOD, "has the name of a stream or project"),
    ("lent.toml", GOOD, "is a name that the platform itself gives"),
    ("root.toml", GOOD, "means something else to Slurm"),
    ("A.toml", GOOD, "name: string should match"),
    ("-x.toml", GOOD, "name: string should match"),
    ("x y.toml", GOOD, "name: string should match"),
]


@pytest.mark.parametrize(("name", "text", "said"), BROKEN)
def test_a_file_that_cannot_be_used_is_left_out(
    granted: Read, drop: Drop, caplog: pytest.LogCaptureFixture, name: str, text: str, said: str
) -> None:
    """With a sentence that names it; the others, and the facility, stand."""
    (drop.folder / "b-good.toml").write_text(GOOD)
    (drop.folder / (name if name != "x.toml" else "a-broken.toml")).write_text(text)
    assert [project.name for project in granted()] == ["b-good"]
    assert said in caplog.text.lower() or said in caplog.text
    assert all(line.strip().endswith("It was left out.") for line in caplog.messages)


def test_what_is_no_plain_file_is_left_out(
    granted: Read, drop: Drop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A link to root's files, a pipe that never ends, a folder: none is read, and none makes it wait."""
    secret = tmp_path / "secret.toml"
    secret.write_text(GOOD)
    (drop.folder / "link.toml").symlink_to(secret)
    os.link(secret, drop.folder / "hard.toml")
    os.mkfifo(drop.folder / "pipe.toml")
    (drop.folder / "folder.toml").mkdir()
    (drop.folder / ".half.toml").write_text(GOOD)
    (drop.folder / "notes.txt").write_text("x")
    assert granted() == ()
    assert len(caplog.records) == 4


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_others_folders_and_files_are_left_out(
    granted: Read, drop: Drop, caplog: pytest.LogCaptureFixture
) -> None:
    """Only root's and the desk's own count, and a folder that others may write to is not read at all."""
    path = drop.folder / "xx.toml"
    path.write_text(GOOD)
    os.chown(path, 65534, 65534)
    assert granted() == ()
    assert f"does not belong to {ME}" in caplog.text
    os.chown(path, 0, 0)
    assert len(granted()) == 1
    drop.folder.chmod(0o777)
    assert granted() == ()
    assert "can be written by others" in caplog.text
    drop.folder.chmod(0o755)
    os.chown(drop.folder, 65534, 65534)
    assert granted() == ()


def test_hours_are_given_up_to_the_facilitys_cap(granted: Read, drop: Drop) -> None:
    """All files together have at most desk.most_gpu_hours; what ended before this period needs none."""
    last_month = (date.today().replace(day=1) - timedelta(1)).isoformat()
    (drop.folder / "a-large.toml").write_text(GOOD.replace("100", "7950"))
    (drop.folder / "b-over.toml").write_text(GOOD)
    (drop.folder / "c-small.toml").write_text(GOOD.replace("100", "50"))
    (drop.folder / "d-ended.toml").write_text(GOOD.replace("2099-01-31", last_month))
    assert [project.name for project in granted()] == ["a-large", "c-small", "d-ended"]


def test_what_ended_in_this_period_had_its_hours(granted: Read, drop: Drop) -> None:
    """They were there to use: another project in its place gets no more than is left."""
    first = date.today().replace(day=1).isoformat()
    (drop.folder / "a-ended.toml").write_text(GOOD.replace("100", "7950").replace("2099-01-31", first))
    (drop.folder / "b-over.toml").write_text(GOOD)
    (drop.folder / "c-small.toml").write_text(GOOD.replace("100", "50"))
    assert [project.name for project in granted()] == ["a-ended", "c-small"]


def test_the_hub_sees_a_new_file(facility_file: Path, drop: Drop, caplog: pytest.LogCaptureFixture) -> None:
    """The next request is judged with it; one that goes away goes from the offer."""
    watched = WatchedFacility(facility_file, facilities.read(facility_file, drop), drop)
    assert watched().project("onkruid-a7") is None
    half = drop.folder / ".half"
    half.write_text(GOOD)
    half.replace(drop.folder / "onkruid-a7.toml")
    with caplog.at_level(logging.INFO):
        found = watched().project("onkruid-a7")
    assert found is not None
    assert found.members == ("mkb", "student")
    (drop.folder / "onkruid-a7.toml").unlink()
    assert watched().project("onkruid-a7") is None
