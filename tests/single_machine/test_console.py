"""Progress for a person, a log for whoever looks later, and one clear failure."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from single_machine.console import Console, StepFailed


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """A console with a log in a folder that is not there yet."""
    return Console(tmp_path / "logs" / "up.log")


def test_a_step_is_a_line_with_its_time(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    """A person sees what is done and how long it took; the log has the titles."""
    with console.step("Doing something"):
        pass
    said = capsys.readouterr().out
    assert said.startswith("  Doing something ... ok (0.")
    assert said.endswith(" s)\n")
    assert "== Doing something\n" in console.log.read_text()


def test_a_step_that_fails_says_which_and_what_to_do(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    """One message with the step, what was wrong, the mend and the log; and an exit status."""
    with pytest.raises(SystemExit) as ended, console.step("Doing something"):
        raise StepFailed("the thing is broken", "mend the thing")
    assert str(ended.value) == (
        "\nThe step 'Doing something' failed: the thing is broken\n"
        f"What to do: mend the thing\nThe whole story: {console.log}\n"
    )
    assert capsys.readouterr().out == "  Doing something ... failed\n"
    assert "FAILED: the thing is broken" in console.log.read_text()


@pytest.mark.parametrize(
    "wrong", [OSError(28, "No space left on device"), subprocess.CalledProcessError(3, ["mount"])]
)
def test_what_the_system_refuses_is_a_failure_of_the_step(console: Console, wrong: Exception) -> None:
    """A full disk or a failing command ends with a sentence too, and never with a traceback."""
    expected = r"The step 'Doing something' failed: .*\nWhat to do: "
    with pytest.raises(SystemExit, match=expected), console.step("Doing something"):
        raise wrong
    assert repr(wrong) in console.log.read_text()


def test_a_mistake_of_our_own_is_not_hidden(console: Console) -> None:
    """A bug is a traceback, so that it can be mended."""
    with pytest.raises(ZeroDivisionError), console.step("Doing something"):
        raise ZeroDivisionError


def test_a_commands_output_comes_back_and_its_errors_go_to_the_log(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    """The person is spared what commands say; the log keeps all of it."""
    assert console.run(["sh", "-c", "echo out; echo err >&2"]) == "out\n"
    assert capsys.readouterr() == ("", "")
    log = console.log.read_text()
    assert "$ sh -c" in log
    assert "out\nerr" in log


def test_a_command_that_fails_says_its_last_words(console: Console) -> None:
    """The last line of what it said is the reason, and the mend is the caller's."""
    with pytest.raises(StepFailed, match=r"^`sh -c .*` said: the reason$") as failed:
        console.run(["sh", "-c", "echo first >&2; echo the reason >&2; exit 3"], mend="do this")
    assert failed.value.mend == "do this"
    with pytest.raises(StepFailed, match="said: no output"):
        console.run(["false"])


def test_a_command_reads_what_is_given_and_never_the_terminal(console: Console) -> None:
    """A command that asks gets an end of file, and cannot wait for ever."""
    assert console.run(["cat"], given="text") == "text"
    assert console.run(["cat"]) == ""


def test_what_is_given_is_not_in_the_log(console: Console) -> None:
    """Passwords go in on standard input, and the log is kept."""
    console.run(["sh", "-c", "cat >/dev/null"], given="a-secret")
    console.run(["true"], environment={"A": "another-secret"})
    assert "secret" not in console.log.read_text()


def test_waiting_until_something_holds(console: Console) -> None:
    """It is looked at again until it holds."""
    answers = iter([False, False, True])
    console.until(lambda: next(answers), within=10, wrong="x", mend="y")
    with pytest.raises(StopIteration):
        next(answers)


def test_waiting_in_vain(console: Console) -> None:
    """After the time, what is wrong and what to do; it is looked at at least once."""
    looked = []
    started = time.monotonic()
    with pytest.raises(StepFailed, match=r"^it does not come \(waited 0 s\)$") as failed:
        console.until(lambda: bool(looked.append(1)), within=0.2, wrong="it does not come", mend="look there")
    assert failed.value.mend == "look there"
    assert looked
    assert time.monotonic() - started < 2


def test_a_quiet_console_keeps_standard_output_free(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs that print results of their own keep them apart from progress."""
    console = Console(tmp_path / "log", quiet=True)
    with console.step("Doing something"):
        console.say("a note")
    said = capsys.readouterr()
    assert said.out == ""
    assert "Doing something" in said.err
    assert "a note" in said.err
