"""What opens first: the notebook, or a page that says that it is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from werkplaats_server import lesson

ASKED = {"WERKPLAATS_OPEN": "lessen/<b>.ipynb"}


def test_a_notebook_that_is_there(tmp_path: Path) -> None:
    """Opens in Lab, quoted as an address."""
    (tmp_path / "les 1.ipynb").write_text("{}")
    assert lesson.address({"WERKPLAATS_OPEN": "les 1.ipynb"}, tmp_path) == "/lab/tree/les%201.ipynb"


def test_nothing_was_asked_for(tmp_path: Path) -> None:
    """Lab opens as it always does."""
    assert lesson.address({}, tmp_path) == "/lab"


def test_a_notebook_that_is_missing(tmp_path: Path) -> None:
    """A page says so; a folder of that name is no notebook either."""
    (tmp_path / "map.ipynb").mkdir()
    for opened in ("weg.ipynb", "map.ipynb"):
        assert lesson.address({"WERKPLAATS_OPEN": opened}, tmp_path) == f"/{lesson.PAGE}"


@pytest.mark.parametrize(("language", "said"), [("nl", "Vertel het je docent"), ("en", "Tell your teacher")])
def test_the_page(language: str, said: str) -> None:
    """Says what is missing and whom to tell, in the person's language, and leads on to Lab."""
    shown = lesson.page({**ASKED, "WERKPLAATS_LANGUAGE": language}, "/user/s/c/lab")
    assert f'<html lang="{language}">' in shown
    assert said in shown
    assert 'href="/user/s/c/lab"' in shown
    assert "lessen/&lt;b&gt;.ipynb" in shown
