"""Progress that a person can follow, commands whose output goes to a log, and one clear failure."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class StepFailed(Exception):
    """A step could not be done; the text says what was wrong, `mend` what to do."""

    def __init__(self, wrong: str, mend: str) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.mend = mend


class Console:
    """Prints one line a step and keeps what commands say in a log file."""

    def __init__(self, log: Path, quiet: bool = False) -> None:
        self.log = log
        self._quiet = quiet
        log.parent.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show a step while it is done, with its time; on failure say which step, log and mend."""
        self._print(f"  {title} ... ", end="")
        self.note(f"== {title}")
        started = time.monotonic()
        try:
            yield
        except StepFailed as failed:
            self._print("failed")
            raise SystemExit(self._farewell(title, failed)) from failed
        except (OSError, subprocess.SubprocessError) as wrong:
            self._print("failed")
            self.note(repr(wrong))
            mend = "read the end of the log, mend what it names, and run `make up` again"
            raise SystemExit(self._farewell(title, StepFailed(str(wrong), mend))) from wrong
        self._print(f"ok ({time.monotonic() - started:.1f} s)")

    def _farewell(self, title: str, failed: StepFailed) -> str:
        self.note(f"FAILED: {failed.wrong}")
        return (
            f"\nThe step '{title}' failed: {failed.wrong}\n"
            f"What to do: {failed.mend}\nThe whole story: {self.log}\n"
        )

    def say(self, text: str = "") -> None:
        """Print a line, and keep it in the log."""
        self._print(text)
        self.note(text)

    def _print(self, text: str, end: str = "\n") -> None:
        if not self._quiet:
            print(text, end=end, flush=True)
        else:
            print(text, end=end, file=sys.stderr, flush=True)

    def note(self, text: str) -> None:
        """Keep a line in the log only."""
        with self.log.open("a") as file:
            file.write(text + "\n")

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        given: str | None = None,
        mend: str = "",
        timeout: float = 1200,
    ) -> str:
        """Run a command and return its output; its errors go to the log.

        Raises
        ------
        StepFailed
            When it exits with anything but 0.
        """
        words = [str(word) for word in argv]
        self.note("$ " + " ".join(words))
        done = subprocess.run(
            words,
            env={**os.environ, **(environment or {})},
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        self.note((done.stdout + done.stderr).rstrip())
        if done.returncode != 0:
            last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
            raise StepFailed(f"`{' '.join(words[:3])}` said: {last}", mend or "read the end of the log")
        return done.stdout

    def until(self, true: Callable[[], bool], *, within: float, wrong: str, mend: str) -> None:
        """Wait until something holds.

        Raises
        ------
        StepFailed
            With `wrong` and `mend`, when it does not hold within `within` seconds.
        """
        end = time.monotonic() + within
        while not true():
            if time.monotonic() > end:
                raise StepFailed(f"{wrong} (waited {within:.0f} s)", mend)
            time.sleep(0.1)
