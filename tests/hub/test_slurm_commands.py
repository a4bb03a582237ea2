"""Slurm's commands, run for the operator: what they print, and what of it is a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from werkplaats_hub.instance import Instance
from werkplaats_hub.slurm_commands import Slurm, SlurmFailed


@pytest.fixture
def slurm(tmp_path: Path) -> Slurm:
    """The commands of an instance that is nowhere; these tests run others by it."""
    return Slurm(Instance.beside(tmp_path, "wpcommands", 28100))


def printing(text: str, status: int) -> list[str]:
    """Return a command that prints, and ends with a status."""
    return ["sh", "-c", 'printf "%s" "$1"; exit "$2"', "sh", text, str(status)]


def test_what_a_command_printed(slurm: Slurm) -> None:
    """Its standard output, as it is."""
    assert slurm(printing("a|b\n", 0)) == "a|b\n"


@pytest.mark.parametrize("done", ["new added", "modified", "deleted", "removed"])
def test_things_that_are_as_they_should_be(slurm: Slurm, done: str) -> None:
    """That sacctmgr found nothing to do is no failure, whatever its exit status."""
    assert slurm(printing(f" Nothing {done}\n", 1)) == f" Nothing {done}\n"


def test_a_failure_says_what_the_command_said(slurm: Slurm) -> None:
    """The command and its last words."""
    with pytest.raises(SlurmFailed, match=r"^sh -c .*: This account 'x' doesn't exist\.$"):
        slurm(printing(" This account 'x' doesn't exist.", 1))


def test_a_command_that_is_not_there(slurm: Slurm) -> None:
    """A machine without Slurm is said as such."""
    with pytest.raises(SlurmFailed, match=r"^no-such-command: .*No such file"):
        slurm(["no-such-command"])
