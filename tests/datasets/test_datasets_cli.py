"""``werkplaats datasets`` as an operator types it, and the step of ``make up``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.datasets.helpers import Quick, quick
from tests.datasets.records import lay
from typer.testing import CliRunner, Result

from single_machine import datasets
from single_machine.console import Console, StepFailed
from werkplaats_datasets.bundled.__main__ import make
from werkplaats_datasets.catalogue import Catalogue
from werkplaats_datasets.faults import Refused
from werkplaats_datasets.helper import Helper
from werkplaats_hub.cli import app
from werkplaats_hub.instance import FILE, Instance

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the vault is root's")


@pytest.fixture
def instance(tmp_path: Path, facility_file: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """Return an instance of which nothing runs."""
    found = Instance.beside(tmp_path / "machine", "wcx", 30000)
    for folder in (found.etc, found.state, found.logs):
        folder.mkdir(parents=True)
    (found.etc / FILE).write_text(found.text())
    found.facility.write_text(facility_file.read_text())
    monkeypatch.setenv("WERKPLAATS_INSTANCE", str(found.etc / FILE))
    monkeypatch.setattr(Helper, "of", classmethod(lambda _cls, _environment: quick()))
    return found


def werkplaats(*words: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["datasets", *map(str, words)])


def test_a_life(instance: Instance, tmp_path: Path) -> None:
    """Checked, added, listed, exported, withdrawn, deleted."""
    folder = lay(tmp_path / "given", maintainer={"name": "Nobody", "identifier": "nobody"})
    assert "The catalogue is empty" in werkplaats("list").stdout
    assert f"{folder}: good. colours 1.0.0 (open), 1 files." in werkplaats("check", folder).stdout
    assert werkplaats("add", folder).stdout == "colours 1.0.0 is offered (open): 1 files, 28 B.\n"
    assert "offered already" in werkplaats("add", folder).stdout
    assert "Colours (synthetic)" in werkplaats("list").stdout
    [row] = json.loads(werkplaats("list", "--json").stdout)
    assert (row["id"], row["state"], row["size_bytes"]) == ("colours", "offered", 28)
    exported = json.loads(werkplaats("export", "--address", "https://x.example/datasets").stdout)
    assert exported["dcat:dataset"][0]["@id"] == "https://x.example/datasets/colours"
    assert werkplaats("remove", "colours").stdout == "colours 1.0.0 is offered no more.\n"
    assert "withdrawn" in werkplaats("list", "--all").stdout
    assert werkplaats("remove", "colours", "--bytes", "--yes").stdout.startswith("The data of colours 1.0.0")
    assert werkplaats("remove", "colours", "--bytes", "--yes").stdout == "Nothing to do.\n"


def test_a_steward_who_is_nobody_here(instance: Instance, tmp_path: Path) -> None:
    """Is said: whoever signs in by that name would decide."""
    folder = lay(tmp_path / "given", maintainer={"name": "S", "identifier": "no-such-person"})
    for command in ("check", "add"):
        said = werkplaats(command, folder)
        assert (said.exit_code, "nobody on this machine is called no-such-person" in said.stdout) == (0, True)


def test_another_steward_only_when_told(instance: Instance, tmp_path: Path) -> None:
    """What differs is said, and what to type if it is meant."""
    werkplaats("add", lay(tmp_path / "one"))
    other = lay(tmp_path / "two", version="2.0.0", maintainer={"name": "M", "identifier": "mallory"})
    said = werkplaats("add", other)
    assert (said.exit_code, "is steward, and would be mallory" in said.stderr) == (1, True)
    assert "add it with --change" in said.stderr
    assert "colours 2.0.0 is offered" in werkplaats("add", other, "--change").stdout


def test_what_is_wrong_is_told(instance: Instance, tmp_path: Path) -> None:
    """With file, field and mend, and an exit status."""
    broken = lay(tmp_path / "given", **{"wp:tier": "secret"})
    for command in ("check", "add"):
        said = werkplaats(command, broken)
        assert said.exit_code == 1
        assert "croissant.json: wp:tier: " in said.stderr
        assert "Write open, registered or restricted." in said.stderr
    assert werkplaats("remove", "nothing").exit_code == 1
    assert werkplaats("check", tmp_path / "nowhere").exit_code == 1


def test_what_is_mounted_stays(instance: Instance, tmp_path: Path) -> None:
    """The exit status says that something is left."""
    werkplaats("add", lay(tmp_path / "given"))
    (instance.state / "mounts/17").mkdir(parents=True)
    (instance.state / "mounts/17/colours.json").write_text('{"grant": {"version": "1.0.0"}}')
    said = werkplaats("remove", "colours", "--bytes", "--yes")
    assert (said.exit_code, "mounted in job 17" in said.stderr) == (2, True)


def test_nothing_is_deleted_unasked(instance: Instance, tmp_path: Path) -> None:
    """No answer is no."""
    werkplaats("add", lay(tmp_path / "given"))
    assert werkplaats("remove", "colours", "--bytes").exit_code == 1
    assert (instance.vault / "colours/1.0.0/table.csv").exists()
    assert len(Catalogue(instance.catalogue).offered()) == 1


# -- make up -----------------------------------------------------------------------------------------


class Making(Quick):
    """Also makes the bundled datasets, small, in this process."""

    made: list[str] = []  # noqa: RUF012  # one list for the whole of a test

    def run(self, module: str, *words: str | Path, **how: object) -> bytes:
        """Answer as the modules do."""
        if module != "werkplaats_datasets.bundled":
            return super().run(module, *words, **how)  # type: ignore[arg-type]
        self.made.append(str(words[0]))
        make(str(words[0]), Path(words[1]), 0.002)
        return b""


def test_make_up_lays_them_down_once(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time there is nothing to do; one that was removed stays removed."""
    Making.made = []
    monkeypatch.setattr(Helper, "of", classmethod(lambda _cls, _environment: Making(())))
    console = Console(instance.logs / "up.log")
    datasets.lay_down(console, instance)
    assert Making.made == list(datasets.NAMES)
    offered = [(one.record.id, one.preview is not None) for one in Catalogue(instance.catalogue).offered()]
    assert offered == [("vehicles", True), ("municipal-assets", True), ("cohort", False)]
    assert sorted(path.name for path in instance.data.iterdir()) == ["cohort", "municipal-assets", "vehicles"]
    datasets.lay_down(console, instance)
    assert Making.made == list(datasets.NAMES)
    werkplaats("remove", "cohort", "--bytes", "--yes")
    datasets.lay_down(console, instance)
    assert len(Making.made) == 3
    monkeypatch.setattr(datasets, "_digest", lambda: "another")
    datasets.lay_down(console, instance)
    assert Making.made[3:] == ["vehicles", "municipal-assets"]
    assert list(instance.state.glob(".making-*")) == []


def test_make_up_leaves_what_somebody_made_theirs(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A dataset by the name of one that comes along, with a steward of its own, stays as it is."""
    monkeypatch.setattr(Helper, "of", classmethod(lambda _cls, _environment: Making(())))
    werkplaats("add", lay(tmp_path / "given", identifier="cohort", version="9.0.0"))
    datasets.lay_down(Console(instance.logs / "up.log"), instance)
    catalogue = Catalogue(instance.catalogue)
    assert [catalogue.current(name) for name in datasets.NAMES] == ["1.0.0", "1.0.0", "9.0.0"]
    assert "cohort stays as it was" in (instance.logs / "up.log").read_text()


def test_make_up_says_what_is_wrong(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """As any of its steps does."""

    class Failing(Quick):
        def run(self, *_words: object, **_how: object) -> bytes:
            raise Refused("no room; make room")

    monkeypatch.setattr(Helper, "of", classmethod(lambda _cls, _environment: Failing(())))
    with pytest.raises(StepFailed, match="make room"):
        datasets.lay_down(Console(instance.logs / "up.log"), instance)
