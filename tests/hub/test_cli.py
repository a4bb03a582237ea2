"""The operator's command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from werkplaats_hub import cli
from werkplaats_hub.instance import Instance


def run(*words: str) -> tuple[int, str]:
    """Run a command; return its exit status and all that it said."""
    result = CliRunner().invoke(cli.app, list(words))
    return result.exit_code, result.output


def test_a_good_file(facility_file: Path) -> None:
    """A file that can be used is said to be good, with what is in it."""
    assert run("facility", "check", str(facility_file)) == (
        0,
        f"{facility_file}: good. 3 streams, 5 projects, 3 flavours.\n",
    )


def test_a_bad_file(tmp_path: Path, facility_file: Path) -> None:
    """A file that cannot be used is an exit status and a line a fault, without a traceback."""
    path = tmp_path / "facility.toml"
    path.write_text(
        facility_file.read_text().replace("gpus = 1", "gpus = -1").replace("hours = 4", "huors = 4")
    )
    status, said = run("facility", "check", str(path))
    assert status == 1
    assert "flavours.gpu-1.gpus" in said
    assert "flavours.first-steps.huors" in said
    assert "Traceback" not in said


def test_an_absent_file(tmp_path: Path) -> None:
    """A name that is not there is a sentence too."""
    status, said = run("facility", "check", str(tmp_path / "absent.toml"))
    assert status == 1
    assert "cannot be read" in said


def test_the_instance_is_the_machines_own_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``WERKPLAATS_INSTANCE`` names another one's file."""
    other = Instance.beside(tmp_path, "wpcli", 28000)
    other.etc.mkdir(parents=True)
    (other.etc / "instance.json").write_text(other.text())
    monkeypatch.setenv("WERKPLAATS_INSTANCE", str(other.etc / "instance.json"))
    assert cli.this_instance() == other
    monkeypatch.delenv("WERKPLAATS_INSTANCE")
    assert cli.this_instance().name == "werkplaats"


def test_the_doctor_of_an_empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is installed the doctor says so, and what to do, and fails."""
    other = Instance.beside(tmp_path, "wpcli", 28000)
    other.etc.mkdir(parents=True)
    (other.etc / "instance.json").write_text(other.text())
    monkeypatch.setenv("WERKPLAATS_INSTANCE", str(other.etc / "instance.json"))
    status, said = run("doctor")
    assert status == 1
    assert "nothing is installed on this machine" in said
    assert "What to do: run `make up` in a checkout" in said


def test_a_named_instance_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was named and does not exist must not make the command act on the machine's own."""
    monkeypatch.setenv("WERKPLAATS_INSTANCE", str(tmp_path / "absent.json"))
    try:
        instance = cli.this_instance()
    except (OSError, SystemExit):
        return
    assert not instance.default


def test_the_command_loads_what_it_needs_only() -> None:
    """Checking a file needs neither the installer nor the Hub."""
    code = (
        "import sys, werkplaats_hub.cli; print('single_machine' in sys.modules, 'jupyterhub' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
