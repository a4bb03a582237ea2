"""The example notebooks in a person's home: there when they are new, and never over their work."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from werkplaats_server import examples
from werkplaats_server.examples import FOLDER, SHIPPED, copy_once, lay_out


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment with two examples, and something else beside them."""
    prefix = tmp_path / "env"
    for name in ("first_steps/one.ipynb", "regional/two.ipynb", "regional/notes.txt"):
        path = prefix / SHIPPED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return prefix


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory."""
    home = tmp_path / "home"
    home.mkdir()
    return home


def below(home: Path) -> dict[str, str]:
    """Return every file below a home directory."""
    return {str(path.relative_to(home)): path.read_text() for path in home.rglob("*") if path.is_file()}


def test_notebooks_are_laid_out_in_their_folders(prefix: Path, home: Path) -> None:
    """Each notebook comes into the folder that it has in the environment; other files stay there."""
    lay_out(prefix, home)
    assert below(home) == {
        f"{FOLDER}/first_steps/one.ipynb": "first_steps/one.ipynb",
        f"{FOLDER}/regional/two.ipynb": "regional/two.ipynb",
    }


def test_what_a_person_changed_is_kept(prefix: Path, home: Path) -> None:
    """An example that was edited is the person's own; one that they deleted comes back, as it was."""
    lay_out(prefix, home)
    (home / FOLDER / "first_steps/one.ipynb").write_text("mine")
    (home / FOLDER / "regional/two.ipynb").unlink()
    lay_out(prefix, home)
    assert below(home)[f"{FOLDER}/first_steps/one.ipynb"] == "mine"
    assert below(home)[f"{FOLDER}/regional/two.ipynb"] == "regional/two.ipynb"


@pytest.mark.parametrize("leads_to", ["elsewhere.ipynb", "nowhere"])
def test_a_link_in_the_way_is_not_followed(prefix: Path, home: Path, leads_to: str) -> None:
    """A link that a person put there stays, and what it leads to is not written."""
    (home / "elsewhere.ipynb").write_text("mine")
    target = home / FOLDER / "first_steps/one.ipynb"
    target.parent.mkdir(parents=True)
    target.symlink_to(home / leads_to)
    lay_out(prefix, home)
    assert target.is_symlink()
    assert (home / "elsewhere.ipynb").read_text() == "mine"
    assert not (home / "nowhere").exists()


@pytest.mark.parametrize("in_the_way", [FOLDER, f"{FOLDER}/first_steps"])
def test_a_file_where_a_folder_should_be(
    prefix: Path, home: Path, in_the_way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stays, it is said in the log, and the server starts."""
    path = home / in_the_way
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    lay_out(prefix, home)
    assert path.read_text() == "mine"
    assert "werkplaats: could not lay out" in capsys.readouterr().err


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may walk."""
    folder = Path(tempfile.mkdtemp(prefix="werkplaats-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_home_that_cannot_be_written(
    public: Path, prefix: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No examples then, a line in the log for each, and the server starts."""
    shutil.copytree(prefix, public / "env")
    (public / "home").mkdir(mode=0o555)
    os.seteuid(pwd.getpwnam("nobody").pw_uid)  # root may write everywhere
    try:
        lay_out(public / "env", public / "home")
    finally:
        os.seteuid(0)
    assert list((public / "home").iterdir()) == []
    assert capsys.readouterr().err.count("Permission denied") == 2


def test_a_copy_is_whole_or_absent(
    prefix: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the disk fills up halfway, no half notebook is left, and the next one is tried."""
    tried = []

    def fill_up(source: Path, target: Path) -> None:
        tried.append(source.name)
        target.write_text("ha")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(examples.shutil, "copyfile", fill_up)
    lay_out(prefix, home)
    assert tried == ["one.ipynb", "two.ipynb"]
    assert below(home) == {}
    assert capsys.readouterr().err.count("No space left on device") == 2


def test_a_half_copy_of_a_killed_server_is_no_hindrance(prefix: Path, home: Path) -> None:
    """What a server that was killed left behind is replaced by a whole copy."""
    target = home / FOLDER / "first_steps/one.ipynb"
    target.parent.mkdir(parents=True)
    (target.parent / ".one.ipynb.half").write_text("ha")
    lay_out(prefix, home)
    assert below(target.parent) == {"one.ipynb": "first_steps/one.ipynb"}


def test_copying_twice_does_nothing_the_second_time(prefix: Path, home: Path, monkeypatch: Any) -> None:
    """A home that has everything is not written to."""
    source, target = prefix / SHIPPED / "first_steps/one.ipynb", home / "one.ipynb"
    copy_once(source, target)
    before = target.stat()
    copy_once(source, target)
    assert target.stat() == before


def test_an_environment_without_examples(tmp_path: Path, home: Path) -> None:
    """Nothing to lay out is nothing to do."""
    lay_out(tmp_path, home)
    assert below(home) == {}


def test_the_examples_that_are_shipped_are_found_there(checkout: Path) -> None:
    """The wheel puts them where :data:`SHIPPED` says."""
    assert f'"example_notebooks" = "{SHIPPED}"' in (checkout / "pyproject.toml").read_text()
    assert list((checkout / "example_notebooks").rglob("*.ipynb"))
