"""``provenance()``: what it asks, shows and saves."""

from __future__ import annotations

import os
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


def test_a_link_is_not_followed(platform: Platform, notebook: Path, tmp_path: Path) -> None:
    """What it points to is left as it is."""
    other = tmp_path / "other"
    other.write_text("keep")
    (notebook.parent / HTML).symlink_to(other)
    provenance().save()
    assert other.read_text() == "keep"


def test_a_folder_that_cannot_be_written(platform: Platform, tmp_path: Path) -> None:
    """Is a sentence, with what to do."""
    with pytest.raises(NoAnswer, match="Kies een map waarin je mag schrijven"):
        provenance().save(tmp_path / "nowhere")


def test_without_an_answer(platform: Platform, notebook: Path) -> None:
    """The desk's own sentence, in place of a statement; and nothing is written."""
    platform.status, platform.refusal = 503, {"reason": "audit-away", "message": "De audit antwoordt niet."}
    shown = provenance()
    assert (shown.statement, shown.said, shown.refused) == ("", "De audit antwoordt niet.", True)
    assert repr(shown) == "De audit antwoordt niet."
    with pytest.raises(NoAnswer, match="De audit"):
        shown.save()
    assert os.listdir(notebook.parent) == ["model.ipynb"]
