"""``provenance()``: what it asks, shows and saves."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest
from tests.widgets.fakes import Platform

from werkplaats_widgets import NoAnswer, provenance
from werkplaats_widgets.desk import Refused
from werkplaats_widgets.provenance import CRATE, HTML


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook in a folder, in which this runs."""
    path = tmp_path / "work/model.ipynb"
    path.parent.mkdir()
    path.write_text("{}")
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    return path


def test_of_a_notebook(platform: Platform, notebook: Path) -> None:
    """What its server mounted, and what the work is called."""
    shown = provenance()
    assert shown.statement == platform.statement
    asked = {"format": ["html"], "job": ["17"], "notebook": ["model.ipynb"]}
    assert platform.asked == [("GET", "api/provenance", asked)]
    assert shown.refused is False


def test_of_a_project(platform: Platform) -> None:
    """All of the person's servers of it."""
    shown = provenance("biobank")
    assert platform.asked[0][2] == {"format": ["html"], "project": ["biobank"]}
    assert shown.words["title"] == "Herkomstverklaring van biobank"
    for name in ("", "../x", "A", "a b", "x" * 65, 3):
        with pytest.raises(Refused, match="Zo kan een project niet heten"):
            provenance(name)  # type: ignore[arg-type]


def test_saved_beside_the_notebook(
    platform: Platform, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the code went meanwhile; an older statement is replaced, whole."""
    monkeypatch.chdir("/")
    shown = provenance()
    shown._handle_custom_msg("save", [])
    html, crate = notebook.parent / HTML, notebook.parent / CRATE
    assert (html.read_text(), crate.read_text()) == (platform.statement, platform.crate)
    assert shown.said == f"Bewaard: {HTML} en {CRATE}, in {notebook.parent}."
    assert stat.S_IMODE(html.stat().st_mode) == 0o644
    platform.statement = "<p>Later"
    assert shown.save() == (html, crate)
    assert html.read_text() == "<p>Later"
    assert len(list(notebook.parent.iterdir())) == 3


def test_a_crate_of_something_else_stays(platform: Platform, notebook: Path) -> None:
    """It may be what describes somebody's own work."""
    (notebook.parent / CRATE).write_text('{"@graph": ["mine"]}')
    shown = provenance()
    shown._handle_custom_msg("save", [])
    assert "van iets anders" in shown.said
    assert shown.refused is True
    assert (notebook.parent / CRATE).read_text() == '{"@graph": ["mine"]}'
    assert not (notebook.parent / HTML).exists()


def test_a_page_of_something_else_stays(platform: Platform, notebook: Path) -> None:
    """A page that only has the name of ours is named, and left."""
    (notebook.parent / HTML).write_text("mine")
    with pytest.raises(Refused, match=f"staat al een {HTML} dat van iets anders is"):
        provenance().save()
    assert (notebook.parent / HTML).read_text() == "mine"
    assert not (notebook.parent / CRATE).exists()


def test_a_link_is_not_followed(platform: Platform, notebook: Path, tmp_path: Path) -> None:
    """What it points to is left as it is."""
    other = tmp_path / "other"
    other.write_text("keep")
    for name in (HTML, CRATE):
        (notebook.parent / name).symlink_to(other)
    provenance().save()
    assert other.read_text() == "keep"
    assert (notebook.parent / HTML).read_text() == platform.statement


def test_in_a_folder_by_name(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home directory has its short name; odd letters are only letters."""
    monkeypatch.setenv("HOME", str(tmp_path))
    odd = tmp_path / "mijn 'data' {x} é"
    odd.mkdir()
    assert provenance().save("~") == (tmp_path / HTML, tmp_path / CRATE)
    assert provenance().save(odd)[0].read_text() == platform.statement
    monkeypatch.chdir(odd)
    assert provenance().save(".")[0].is_absolute()


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "~nobody-of-that-name/x", 3, "x" * 300])
def test_a_name_that_no_folder_has(platform: Platform, name: str) -> None:
    """Is a sentence, and no trace of where it went wrong."""
    with pytest.raises(Refused, match="Zo kan een map niet heten"):
        provenance().save(name)


def test_a_folder_that_is_not_there(platform: Platform, tmp_path: Path) -> None:
    """Is a sentence, with what to do; a file is no folder either."""
    (tmp_path / "file").write_text("")
    for name in ("nowhere", "file"):
        with pytest.raises(NoAnswer, match=f"De map {tmp_path / name} is er niet. Maak die eerst"):
            provenance().save(tmp_path / name)


def test_a_folder_that_cannot_be_written(platform: Platform) -> None:
    """Not even root can write there."""
    with pytest.raises(NoAnswer, match="In /sys/kernel mag je niet schrijven"):
        provenance().save("/sys/kernel")


def test_a_full_disk_keeps_what_was_there(platform: Platform, notebook: Path) -> None:
    """Also when the first of the two files would still fit: both stay what they were."""
    shown = provenance()
    html, crate = shown.save()
    before = html.read_text(), crate.read_text()
    platform.statement, platform.crate = "<p>Later", "x" * 10_000
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        shown._handle_custom_msg("save", [])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "is geen ruimte meer, en er is niets bewaard" in shown.said
    assert (html.read_text(), crate.read_text()) == before
    assert len(list(notebook.parent.iterdir())) == 3


def test_a_folder_with_the_name_of_the_page(platform: Platform, notebook: Path) -> None:
    """What cannot be replaced is said, and nothing stays behind."""
    for name in (HTML, CRATE):
        (notebook.parent / name).mkdir()
    with pytest.raises(NoAnswer, match="kon niet worden bewaard"):
        provenance().save()
    assert len(list(notebook.parent.iterdir())) == 3


def test_without_an_answer(platform: Platform, notebook: Path) -> None:
    """The desk's own sentence, in place of a statement; and nothing is written."""
    platform.status, platform.refusal = 503, {"reason": "audit-away", "message": "De audit antwoordt niet."}
    shown = provenance()
    assert (shown.statement, shown.said, shown.refused) == ("", "De audit antwoordt niet.", True)
    assert repr(shown) == "De audit antwoordt niet."
    with pytest.raises(NoAnswer, match="De audit"):
        shown.save()
    assert os.listdir(notebook.parent) == ["model.ipynb"]
