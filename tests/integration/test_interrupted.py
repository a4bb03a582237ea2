"""`make up` that is killed half-way, and run again with another password."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from single_machine.console import Console
from single_machine.doctor import examine
from single_machine.removal import remove
from tests.instances import CHECKOUT, prepared

from .browserless import Session
from .conftest import ROOT

RUN = """
import sys
from pathlib import Path
from single_machine.console import Console
from tests.instances import prepared
prepared(Path(sys.argv[1]), "wphalf", "wph-", 26000, Console(Path(sys.argv[2]))).run()
"""


@pytest.mark.timeout(400)
def test_killed_at_any_step_and_run_again_it_comes_up(tmp_path: Path):
    """After `kill -9` at several moments the next run comes up, with the password that it was given."""
    root, log = ROOT / "half", tmp_path / "up.log"
    console = Console(log, quiet=True)
    root.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:
        for number, seconds in enumerate((0.7, 1.6, 4.0, 8.0, 16.0)):
            environment = {**os.environ, "WERKPLAATS_DEMO_PASSWORD": f"wachtwoord-{number}"}
            argv = [sys.executable, "-c", RUN, str(root), str(log)]
            half = subprocess.Popen(argv, env=environment, cwd=CHECKOUT, start_new_session=True)
            time.sleep(seconds)
            os.killpg(half.pid, signal.SIGKILL)
            half.wait()
        up = prepared(root, "wphalf", "wph-", 26000, console)
        last = up.environment["WERKPLAATS_DEMO_PASSWORD"] = "het-laatste-wachtwoord"
        assert up.run().demo == last
        assert [finding.line for finding in examine(up.instance) if finding.wrong] == []
        Session(up.instance.url, "wph-mkb", last)
        with pytest.raises(PermissionError):
            Session(up.instance.url, "wph-mkb", "wachtwoord-0")
    finally:
        up = prepared(root, "wphalf", "wph-", 26000, console)
        remove(console, up.instance, people(up.facility_file))
        subprocess.run(["rm", "-rf", str(root)], check=True)


def people(facility: Path) -> list[str]:
    """Return the demo people of a facility file."""
    return list(tomllib.loads(facility.read_text())["demo"]["people"])
