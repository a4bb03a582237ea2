"""*enrol*: a name in, a system user and first steps out, and nothing else whatever is asked."""

from __future__ import annotations

import grp
import io
import json
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.houses import Except

from werkplaats_spawners import names
from werkplaats_spawners.enrol import people, program
from werkplaats_spawners.enrol.people import Place
from werkplaats_spawners.enrol.program import enrol, name_in
from werkplaats_spawners.enrol.settings import Settings, read
from werkplaats_spawners.enrol.why import NotMade, Why

GROUP, GID = "wpx", 900
#: The day on which these tests are, since 1970.
TODAY = 20_778
ACCOUNTING_AWAY = (
    "sacctmgr: error: slurm_persist_conn_open_without_init: failed to open persistent connection to "
    "host:localhost:6819: Connection refused\n"
)


@dataclass
class Machine:
    """A machine of a few users, and a Slurm: what useradd and sacctmgr would do to real ones.

    Attributes
    ----------
    breaks
        By the name of a command, what it says in place of doing something.
    """

    folder: Path
    users: dict[str, pwd.struct_passwd] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=lambda: {GROUP: [], "sudo": []})
    associations: set[str] = field(default_factory=set)
    account_is_there: bool = True
    breaks: dict[str, str] = field(default_factory=dict)
    argv: list[list[str]] = field(default_factory=list)
    environments: list[dict[str, str]] = field(default_factory=list)
    newcomers_per_day: int = 200

    def __post_init__(self) -> None:
        for name in ("homes", "logs"):
            (self.folder / name).mkdir()
        self.add("root", 0)
        self.add("slurm", 64030)
        self.add("wpx-hub", 998)

    @property
    def settings(self) -> Settings:
        """What root has laid down."""
        where = {name: str(self.folder / name) for name in ("homes", "logs", "lock")}
        place = Place(group=GROUP, mark="Werkplaats (wpx)", **where)
        limits = {"GrpTRESMins": "gres/gpu=120"}
        return Settings("/etc/slurm/slurm.conf", "wpx", "first-steps", limits, place, self.newcomers_per_day)

    def add(
        self, name: str, uid: int, home: str = "/", *groups: str, comment: str = "", day: int = 0
    ) -> None:
        """Add a user, with the day (since 1970) that useradd notes."""
        self.users[name] = pwd.struct_passwd((name, "x", uid, uid, comment, home, "/bin/bash"))
        with (self.folder / "shadow").open("a") as shadow:
            shadow.write(f"{name}:!:{day}:0:99999:7:::\n")
        for group in groups:
            self.groups[group].append(name)

    def getpwnam(self, name: str) -> pwd.struct_passwd:
        """Stand in for :func:`pwd.getpwnam`."""
        return self.users[name]

    def getgrnam(self, name: str) -> grp.struct_group:
        """Stand in for :func:`grp.getgrnam`; a user has a group of their own."""
        if name in self.groups:
            return grp.struct_group((name, "x", GID, self.groups[name]))
        return grp.struct_group((name, "x", self.users[name].pw_gid, []))

    def run(self, argv: Sequence[str], **given: Any) -> subprocess.CompletedProcess[str]:
        """Stand in for :func:`subprocess.run`."""
        self.argv.append(list(argv))
        self.environments.append(given["env"])
        if argv[0] in self.breaks:
            return subprocess.CompletedProcess(argv, 1, "", self.breaks[argv[0]])
        status, out = self._do(list(argv))
        return subprocess.CompletedProcess(argv, status, out, "")

    def _do(self, argv: list[str]) -> tuple[int, str]:
        match argv:
            case ["useradd", "--no-create-home", home, _, comment, _, groups, "--", name]:
                folder, group, mark = (word.partition("=")[2] for word in (home, groups, comment))
                self.add(name, 4000, folder, group, comment=mark, day=TODAY)
                return 0, ""
            case ["sacctmgr", "--noheader", "--parsable2", "show", "associations", shown, user, *_]:
                assert shown == "format=account,user,partition"
                name = user.partition("=")[2]
                return 0, f"first-steps|{name}|\n" if name in self.associations else ""
            case ["sacctmgr", "--immediate", "add", "user", name, *_]:
                if not self.account_is_there or name in self.associations:
                    return 1, " Nothing new added.\n"
                self.associations.add(name)
                return 0, ""
        raise AssertionError(f"not a command of enrol's: {argv}")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine of its own; this one's users are not looked at."""
    machine = Machine(tmp_path)
    monkeypatch.setattr(
        people, "pwd", Except(pwd, getpwnam=machine.getpwnam, getpwall=lambda: list(machine.users.values()))
    )
    monkeypatch.setattr(people, "_SHADOW", tmp_path / "shadow")
    monkeypatch.setattr(people, "time", Except(time, time=lambda: TODAY * 86_400 + 12.0))
    monkeypatch.setattr(people, "grp", Except(grp, getgrnam=machine.getgrnam))
    monkeypatch.setattr(people, "_SKELETON", tmp_path / "skeleton")
    monkeypatch.setattr(program, "subprocess", Except(subprocess, run=machine.run))
    return machine


# -- a newcomer ----------------------------------------------------------------------------------------


def test_a_newcomer(machine: Machine) -> None:
    """A system user without a password, in the platform's group; then one association, with its budget."""
    enrol("anna", machine.settings)
    assert machine.argv == [
        ["useradd", "--no-create-home", f"--home-dir={machine.folder}/homes/anna", "--shell=/bin/bash",
         "--comment=Werkplaats (wpx)", "--user-group", "--groups=wpx", "--", "anna"],
        ["sacctmgr", "--noheader", "--parsable2", "show", "associations", "format=account,user,partition",
         "user=anna", "account=first-steps", "cluster=wpx"],
        ["sacctmgr", "--immediate", "add", "user", "anna", "cluster=wpx", "account=first-steps",
         "GrpTRESMins=gres/gpu=120"],
        ["sacctmgr", "--noheader", "--parsable2", "show", "associations", "format=account,user,partition",
         "user=anna", "account=first-steps", "cluster=wpx"],
    ]  # fmt: skip
    assert {"PATH", "LC_ALL", "SLURM_CONF"} == set(machine.environments[0])
    for name in ("homes", "logs"):
        status = (machine.folder / name / "anna").stat()
        assert (status.st_mode & 0o777, status.st_uid) == (0o700, machine.users["anna"].pw_uid)


def test_a_home_begins_with_the_machines_skeleton(machine: Machine) -> None:
    """What /etc/skel has is theirs, links included, and is nobody else's."""
    (machine.folder / "skeleton/.config").mkdir(parents=True)
    (machine.folder / "skeleton/.config/x").write_text("x")
    (machine.folder / "skeleton/link").symlink_to("/etc/shadow")
    before = os.stat("/etc/shadow")
    enrol("anna", machine.settings)
    home = machine.folder / "homes/anna"
    assert (home / ".config/x").stat().st_uid == machine.users["anna"].pw_uid
    assert (home / "link").is_symlink()
    assert os.stat("/etc/shadow").st_uid == before.st_uid
    assert [path.name for path in (machine.folder / "homes").iterdir()] == ["anna"]


def test_who_is_there_already(machine: Machine) -> None:
    """A second run finds all as it should be, and asks Slurm once."""
    enrol("anna", machine.settings)
    machine.argv.clear()
    enrol("anna", machine.settings)
    assert [argv[0] for argv in machine.argv] == ["sacctmgr"]
    assert "show" in machine.argv[0]


def test_a_member_of_a_project_who_was_no_user_yet(machine: Machine) -> None:
    """An association with another account, or for one partition only, is none for first steps."""
    assert not program.associations.shows("bakery|anna|\nfirst-steps|anna|gpu\n", "anna", "first-steps")
    assert program.associations.shows("bakery|anna|\nfirst-steps|anna|\n", "anna", "first-steps")


@pytest.mark.parametrize("missing", ["homes", "logs"])
def test_what_was_cut_short_is_finished(machine: Machine, missing: str) -> None:
    """A run that was killed half-way leaves nothing that the next one trips over."""
    enrol("anna", machine.settings)
    (machine.folder / missing / "anna").rmdir()
    (machine.folder / missing / ".anna.new").mkdir()
    enrol("anna", machine.settings)
    assert (machine.folder / missing / "anna").is_dir()
    assert not (machine.folder / missing / ".anna.new").exists()


# -- how many a day ----------------------------------------------------------------------------------------


def test_no_more_than_may_come_in_a_day(machine: Machine) -> None:
    """The third of two is refused, and nothing of them is made; who is there already is finished as ever."""
    machine.newcomers_per_day = 2
    enrol("anna", machine.settings)
    enrol("bram", machine.settings)
    with pytest.raises(NotMade) as refused:
        enrol("cas", machine.settings)
    assert refused.value.why is Why.FULL
    assert "cas" not in machine.users
    assert not (machine.folder / "homes/cas").exists()
    machine.associations.clear()
    enrol("anna", machine.settings)
    assert machine.associations == {"anna"}


def test_another_day_and_other_users_do_not_count(machine: Machine) -> None:
    """Yesterday's newcomers, users of the machine's own, and lines that are none."""
    machine.newcomers_per_day = 1
    machine.add("gisteren", 4001, "/", GROUP, comment="Werkplaats (wpx)", day=TODAY - 1)
    machine.add("beheerder", 1000, day=TODAY)
    with (machine.folder / "shadow").open("a") as shadow:
        shadow.write("broken\n\n")
    assert people.made_today("Werkplaats (wpx)") == 0
    enrol("anna", machine.settings)
    assert people.made_today("Werkplaats (wpx)") == 1


def test_the_operator_may_always(machine: Machine) -> None:
    """`make up` makes as many as the file names."""
    machine.newcomers_per_day = 1
    enrol("anna", machine.settings)
    people.make("bram", machine.settings.place, lambda argv: machine.run(argv, env={}))
    assert "bram" in machine.users


# -- whose name it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "uid", "groups"),
    [("daemon", 1, ()), ("operatrice", 1001, ()), ("jan", 1001, ("sudo",)), ("bin", 2, (GROUP,))],
)
def test_another_user_of_the_machine_is_not_adopted(
    machine: Machine, name: str, uid: int, groups: tuple[str, ...]
) -> None:
    """Not a system user, not a person whom the platform does not know; Slurm is not even asked."""
    machine.add(name, uid, f"{machine.folder}/homes/{name}", *groups)
    with pytest.raises(NotMade) as refused:
        enrol(name, machine.settings)
    assert refused.value.why is Why.TAKEN
    assert machine.argv == []


def test_a_group_of_that_name_is_not_joined(machine: Machine) -> None:
    """A user gets a group of their own name: who is called as a group with rights gets none of them."""
    machine.groups["video"] = []
    with pytest.raises(NotMade) as refused:
        enrol("video", machine.settings)
    assert refused.value.why is Why.TAKEN
    assert machine.argv == []


def test_names_of_the_platforms_own_users_are_kept(machine: Machine) -> None:
    """Also of those that only a later version has."""
    with pytest.raises(NotMade) as refused:
        enrol("wpx-later", machine.settings)
    assert refused.value.why is Why.TAKEN
    assert machine.argv == []


@pytest.mark.parametrize("what", ["folder", "file", "link"])
def test_a_home_that_somebody_left_is_nobodys(machine: Machine, what: str) -> None:
    """Files of who had the name before are not given away, nor followed elsewhere."""
    home = machine.folder / "homes/anna"
    {"folder": home.mkdir, "file": home.touch, "link": lambda: home.symlink_to("/etc")}[what]()
    with pytest.raises(NotMade) as refused:
        enrol("anna", machine.settings)
    assert refused.value.why is Why.TAKEN
    assert machine.argv == []


def test_a_folder_of_anothers_stays_anothers(machine: Machine) -> None:
    """A folder for logs that belongs to another number is not handed over."""
    enrol("anna", machine.settings)
    os.chown(machine.folder / "logs/anna", 4001, -1)
    with pytest.raises(NotMade) as refused:
        enrol("anna", machine.settings)
    assert refused.value.why is Why.TAKEN
    assert (machine.folder / "logs/anna").stat().st_uid == 4001


# -- trouble -------------------------------------------------------------------------------------------


def test_accounting_is_away(machine: Machine) -> None:
    """The user is made, Slurm's part is told to wait; once it is back the next run finishes it."""
    machine.breaks["sacctmgr"] = ACCOUNTING_AWAY
    with pytest.raises(NotMade) as failed:
        enrol("anna", machine.settings)
    assert failed.value.why is Why.UNREACHABLE
    assert "anna" in machine.users
    machine.breaks.clear()
    enrol("anna", machine.settings)
    assert machine.associations == {"anna"}


def test_an_account_that_is_not_there(machine: Machine) -> None:
    """``Nothing new added`` is no success: only the association itself is."""
    machine.account_is_there = False
    with pytest.raises(NotMade, match="Nothing new added") as failed:
        enrol("anna", machine.settings)
    assert failed.value.why is Why.OTHER


def test_somebody_else_was_first(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs for one name: who comes second finds the association made, and all is well."""
    once = iter([False])
    shows = program.associations.shows
    monkeypatch.setattr(
        program.associations, "shows", lambda *given: next(once, None) is None and shows(*given)
    )
    machine.associations.add("anna")
    enrol("anna", machine.settings)


def test_a_database_that_gave_up_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What sacctmgr said that it adds, and did not, is asked for once more."""
    gives_up = iter([True])

    def run(argv: Sequence[str], **given: Any) -> subprocess.CompletedProcess[str]:
        if "add" in argv and next(gives_up, False):
            return subprocess.CompletedProcess(argv, 0, " Adding User(s)\n  anna\n", "")
        return machine.run(argv, **given)

    monkeypatch.setattr(program, "subprocess", Except(subprocess, run=run))
    enrol("anna", machine.settings)
    assert machine.associations == {"anna"}


def test_useradd_fails(machine: Machine) -> None:
    """Its own words come back, and Slurm is not told of a user who is not there."""
    machine.breaks["useradd"] = "useradd: cannot lock /etc/passwd; try again later.\n"
    with pytest.raises(NotMade, match="cannot lock") as failed:
        enrol("anna", machine.settings)
    assert failed.value.why is Why.OTHER
    assert [argv[0] for argv in machine.argv] == ["useradd"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [(FileNotFoundError(2, "x"), Why.OTHER), (subprocess.TimeoutExpired("x", 1), Why.UNREACHABLE)],
)
def test_a_command_that_cannot_be_run(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, wrong: Exception, why: Why
) -> None:
    """A command that is missing, or that hangs, is an answer too."""
    enrol("anna", machine.settings)

    def fail(argv: Sequence[str], **given: Any) -> None:
        raise wrong

    monkeypatch.setattr(program, "subprocess", Except(subprocess, run=fail))
    with pytest.raises(NotMade) as failed:
        enrol("anna", machine.settings)
    assert failed.value.why is why


# -- messages ------------------------------------------------------------------------------------------

HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "a name alone": b"anna",
    "a text": b'"anna"',
    "a list": b'["anna"]',
    "a list of pairs": b'[["name", "anna"]]',
    "an empty object": b"{}",
    "another key": b'{"user": "anna"}',
    "a key too many": b'{"name": "anna", "uid": 0}',
    "the key twice": b'{"name": "anna", "name": "root"}',
    "the key in capitals": b'{"Name": "anna"}',
    "two objects": b'{"name": "anna"}{"name": "bob"}',
    "no end": b'{"name": "anna"',
    "null": b'{"name": null}',
    "a number": b'{"name": 1000}',
    "a list as name": b'{"name": ["anna"]}',
    "an object as name": b'{"name": {"name": "anna"}}',
    "an empty name": b'{"name": ""}',
    "an option": b'{"name": "--uid=0"}',
    "a dash": b'{"name": "-anna"}',
    "a newline": b'{"name": "anna\\n"}',
    "a NUL": b'{"name": "anna\\u0000"}',
    "a raw newline": b'{"name": "an\nna"}',
    "a colon": b'{"name": "anna:x:0:0"}',
    "a comma": b'{"name": "anna,root"}',
    "a space": b'{"name": "anna root"}',
    "a path": b'{"name": "../root"}',
    "a look-alike": b'{"name": "\\u0430nna"}',
    "a look-alike, raw": '{"name": "\u0430nna"}'.encode(),
    "a byte order mark": b'\xef\xbb\xbf{"name": "anna"}',
    "UTF-16": '{"name": "anna"}'.encode("utf-16"),
    "too long a name": b'{"name": "' + b"a" * 32 + b'"}',
    "too long a message": b'{"name": "anna"}' + b" " * 256,
    "deep": b"[" * 250,
    "root": b'{"name": "root"}',
    "a word of sacctmgr's": b'{"name": "where"}',
    "a name that packages give rights to": b'{"name": "docker"}',
    "a name of system users": b'{"name": "_apt"}',
    "NaN": b'{"name": NaN}',
}


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_message_does_nothing(
    message: bytes, machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused with a sentence before anything is looked at, and its own text is not passed on."""
    answer = ask_main(message, machine, monkeypatch, capsys)
    assert answer["trouble"] in ("name", "other")
    assert "anna" not in answer["message"]
    assert machine.argv == []


def ask_main(
    message: bytes,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
) -> dict[str, Any]:
    """Run the program's main function on a message, as root, within this process."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(message)))
    monkeypatch.setattr(program, "os", Except(os, getuid=lambda: 0, umask=lambda mask: 0))
    monkeypatch.setattr(program, "signal", Except(program.signal, alarm=lambda seconds: None))
    path = machine.folder / "enrol.json"
    path.write_text(machine.settings.text())
    assert program.main(path, arguments) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_the_message_that_the_hub_sends(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One key, one name, one answer."""
    assert ask_main(b'{"name": "anna"}', machine, monkeypatch, capsys) == {"ok": True}
    assert machine.associations == {"anna"}


def test_arguments_are_refused(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Were the sudo rule ever widened, the program itself would still take none."""
    answer = ask_main(b'{"name": "anna"}', machine, monkeypatch, capsys, "--uid=0")
    assert answer == {"trouble": "other", "message": "enrol takes no arguments"}
    assert machine.argv == []


def test_without_settings_nobody_is_enrolled(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A facility that gives newcomers nothing has no settings, and the program does nothing."""
    monkeypatch.setattr(Settings, "text", lambda self: "")
    assert ask_main(b'{"name": "anna"}', machine, monkeypatch, capsys)["trouble"] == "other"
    assert machine.argv == []


def test_it_runs_as_root_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As anybody else it would only half work."""
    monkeypatch.setattr(program, "os", Except(os, getuid=lambda: 1000))
    assert program.main(Path("/nowhere"), []) == 1
    assert json.loads(capsys.readouterr().out)["trouble"] == "other"


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=9) | st.just("name"), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    any_json.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=300)
    | st.text("ab-_1 \n\"':,", max_size=40).map(lambda name: json.dumps({"name": name}).encode())
)
def test_nothing_but_a_name_passes(message: bytes) -> None:
    """Whatever is sent, what comes through is a name that anybody could have, or nothing."""
    try:
        name = name_in(message)
    except NotMade:
        return
    assert names.can_be_a_newcomer(name)
    assert json.loads(message) == {"name": name}


# -- settings and trust --------------------------------------------------------------------------------


def test_settings_come_back_as_they_were(machine: Machine) -> None:
    """What the installer writes is what *enrol* reads."""
    path = machine.folder / "enrol.json"
    path.write_text(machine.settings.text())
    path.chmod(0o644)
    assert read(path) == machine.settings


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_settings_that_others_may_write_are_not_trusted(machine: Machine, mode: int) -> None:
    """A file that the group or the world may change is not root's word."""
    path = machine.folder / "enrol.json"
    path.write_text(machine.settings.text())
    path.chmod(mode)
    with pytest.raises(PermissionError, match="owned by root"):
        read(path)


def test_it_imports_little() -> None:
    """A program that runs as root loads the standard library, itself, and no more."""
    root = str(Path(program.__file__).parents[2])
    code = (
        "import sys; sys.path.append(sys.argv[1]); from werkplaats_spawners.enrol import program; "
        "print(*{name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    )
    bare = [sys.executable, "-I", "-S", "-c", code, root]
    done = subprocess.run(bare, text=True, capture_output=True, check=True, env={}, cwd="/")
    assert set(done.stdout.split()) - {"__main__"} == {"werkplaats_spawners"}
