"""*enrol* with the real useradd and the real sudo, in an /etc of its own (``enrol_for_real.py``)."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from single_machine.accounts import sudo_rules
from werkplaats_hub.instance import Instance

OK = '{"ok": true}'


def _can() -> bool:
    """Return whether this machine lets us have a mount namespace, and has what is to be tried."""
    there = all(map(shutil.which, ("unshare", "sudo", "useradd", "setpriv", "sacctmgr")))
    return there and subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/srv"],
                                    capture_output=True, check=False).returncode == 0  # fmt: skip


@pytest.fixture(scope="module")
def seen(facility_file: Path) -> dict[str, Any]:
    """Play all scenes once; each test looks at one of them."""
    if not _can():
        pytest.skip("no mount namespace, or no sudo or Slurm, on this machine")
    script = Path(__file__).with_name("enrol_for_real.py")
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, str(script), str(facility_file)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    played: dict[str, Any] = json.loads(done.stdout)
    return played


def trouble(answer: str) -> str:
    """Return what kind of trouble an answer tells of."""
    return str(json.loads(answer)["trouble"])


def test_a_newcomer(seen: dict[str, Any]) -> None:
    """A user of their own group and the platform's, without a password, with a home that is theirs alone."""
    anna = seen["anna"]
    assert seen["first"] == seen["again"] == OK
    assert anna["uid"] >= 1000
    assert anna["home"] == "/srv/wp/home/anna"
    assert (anna["mode"], anna["owner"]) == ("0o700", anna["uid"])
    assert anna["groups"] == ["anna", "wpns"]
    assert anna["password"].startswith("!")
    assert set(os.listdir("/etc/skel")) <= set(anna["files"])


def test_slurm_is_told_once(seen: dict[str, Any]) -> None:
    """One association with the budget of the facility's file; who asks at once says the same twice."""
    made = "--immediate add user {} cluster=wpns account=first-steps GrpTRESMins=gres/gpu=120"
    assert [line for line in seen["commands"] if " anna " in line] == [made.format("anna")]
    assert {line for line in seen["commands"] if " twin " in line} == {made.format("twin")}


def test_its_commands_see_nothing_of_the_hubs(seen: dict[str, Any]) -> None:
    """The environment is the program's own; the shell adds what it always adds."""
    assert set(seen["environment"]) - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "LC_ALL", "SLURM_CONF"}


def test_hostile_names(seen: dict[str, Any]) -> None:
    """Users and groups of the machine, options and words of others: each is refused, and told apart."""
    kinds = {name: trouble(answer) for name, answer in seen["hostile"].items()}
    assert {name for name, kind in kinds.items() if kind == "name"} == {
        "root",
        "sudo",
        "--uid=0",
        "a\nb",
        "docker",
    }
    assert {name for name, kind in kinds.items() if kind == "taken"} == kinds.keys() - {
        "root", "sudo", "--uid=0", "a\nb", "docker"
    }  # fmt: skip


def test_arguments_are_sudos_to_refuse(seen: dict[str, Any]) -> None:
    """The rule has none, so that the program is not even run."""
    assert "password is required" in seen["arguments"]
    assert seen["bob"] == {}


def test_accounting_is_away_and_comes_back(seen: dict[str, Any]) -> None:
    """It says so, and the next run makes the rest."""
    assert trouble(seen["away"]) == "unreachable"
    assert seen["back"] == OK


def test_thirty_at_once(seen: dict[str, Any]) -> None:
    """All thirty, each with a number of their own, in a few seconds; and eight for one name."""
    assert seen["thirty"] == [OK] * 30
    assert seen["uids"] == 30
    assert seen["seconds"] < 15
    assert seen["twins"] == [OK] * 8


def test_the_demo_people_are_made_the_same_way(seen: dict[str, Any]) -> None:
    """`make up` leaves who is there as they are, and makes the rest with the same hands."""
    assert seen["demo"].keys() == seen["anna"].keys()
    assert {key: seen["demo"][key] for key in ("mode", "files", "password")} == {
        key: seen["anna"][key] for key in ("mode", "files", "password")
    }


def test_the_doctor_of_what_is_well(seen: dict[str, Any]) -> None:
    """He asks *enrol* itself, for a name that it must refuse, and finds all as it should be."""
    assert [(wrong, what) for wrong, what, _ in seen["doctor"]] == [
        (False, "the Hub may run launch as a member of wpns, enrol, and nothing else"),
        (False, "launch is root's alone to change"),
        (False, "enrol is root's alone to change"),
        (False, "enrol answers the Hub, and refuses a user of the machine's own"),
    ]


def test_the_doctor_of_what_is_not(seen: dict[str, Any]) -> None:
    """A rule too many, a program that others may write, other settings than the file's: each has a mend."""
    ill = [(what, mend) for wrong, what, mend in seen["ill"] if wrong]
    assert len(ill) == 3
    assert "/usr/bin/id" in ill[0][0]
    program = "/srv/wp/opt/libexec/enrol"
    assert ill[1] == (
        f"{program} can be changed by others than root",
        f"chown root {program}; chmod go-w {program}",
    )
    assert "enrol.json is not what facility.toml says" in ill[2][0]
    assert all(mend for _, mend in ill)


def test_a_removal_takes_newcomers_along(seen: dict[str, Any]) -> None:
    """An instance that is taken away leaves nobody behind whom it made."""
    assert seen["left"] == []


def test_nothing_of_it_is_on_this_machine(seen: dict[str, Any]) -> None:
    """The scenes had an /etc of their own."""
    assert not [entry.pw_name for entry in pwd.getpwall() if "wpns" in entry.pw_gecos]
    assert not Path("/srv/made").exists()


def test_sudo_can_read_the_rules() -> None:
    """Two programs by their whole path, without an argument or a variable of the caller's."""
    instance = Instance.beside(Path("/srv/tests"), "wprule", 28000)
    rules = sudo_rules(instance)
    assert rules.splitlines() == [
        "Defaults!/srv/tests/opt/libexec/launch env_reset, !setenv",
        "Defaults!/srv/tests/opt/libexec/enrol env_reset, !setenv, use_pty",
        'wprule-hub ALL=(%wprule) NOPASSWD: /srv/tests/opt/libexec/launch ""',
        'wprule-hub ALL=(root) NOPASSWD: /srv/tests/opt/libexec/enrol ""',
    ]
    if shutil.which("visudo"):
        subprocess.run(["visudo", "--check", "--quiet", "--file=-"], input=rules, text=True, check=True)
