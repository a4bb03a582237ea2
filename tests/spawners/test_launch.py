"""*launch*: one message in, one answer out, and nothing that the message's author chose in between."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from werkplaats_spawners import slurm, testing
from werkplaats_spawners.launch import client, program
from werkplaats_spawners.launch.client import Launch, LaunchFailed
from werkplaats_spawners.launch.program import Unacceptable, answer_to, clean_environment
from werkplaats_spawners.launch.settings import Settings, Size, read
from werkplaats_spawners.slurm import Trouble

SETTINGS = Settings(
    slurm_conf="/etc/slurm/slurm.conf",
    notebook="/opt/w/notebook",
    logs="/var/lib/w/job-logs",
    flavours={"small": Size(2, 4, 0, 720), "gpu-1": Size(4, 16, 1, 1440)},
    gpu_partition="gpu",
    cpu_partition="cpu",
    lent_qos="lent",
    notice_seconds=60,
    desk_url="http://127.0.0.1:8082/services/desk/",
    mounts_socket="/run/w/mounts.socket",
)
SUBMIT = {
    "action": "submit",
    "flavour": "gpu-1",
    "account": "bakery",
    "qos": "regional",
    "minutes": 120,
    "environment": {"JUPYTERHUB_API_TOKEN": "a-token"},
}
ME = pwd.struct_passwd(("mkb", "x", 1001, 1001, "", "/home/mkb", "/bin/bash"))
NOBODY = pwd.getpwnam("nobody").pw_uid


class Except:
    """A module, except for some of its functions: for one importer, and not for the whole process."""

    def __init__(self, module: ModuleType, **replaced: Any) -> None:
        self._module = module
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class Runs:
    """What *launch* would have run: nothing is, and `answer` comes back."""

    def __init__(self) -> None:
        self.argv: list[list[str]] = []
        self.environments: list[dict[str, str]] = []
        self.scripts: list[str | None] = []
        self.answer = subprocess.CompletedProcess([], 0, "17\n", "")

    def __call__(self, argv: list[str], **given: Any) -> subprocess.CompletedProcess[str]:
        """Stand in for :func:`subprocess.run`."""
        self.argv.append(argv)
        self.environments.append(given["env"])
        self.scripts.append(given["input"])
        return self.answer


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Keep commands from running, and this process from being root."""
    runs = Runs()
    monkeypatch.setattr(program, "subprocess", Except(subprocess, run=runs))
    monkeypatch.setattr(program, "os", Except(os, getuid=lambda: NOBODY))
    monkeypatch.setattr(program, "pwd", Except(pwd, getpwuid=lambda uid: ME))
    return runs


# -- messages ----------------------------------------------------------------------------------------


def test_a_submission(runs: Runs) -> None:
    """A good message submits the script that root's settings and the checked names make."""
    assert answer_to(dict(SUBMIT), SETTINGS) == {"job_id": 17}
    assert runs.argv == [["sbatch", "--parsable", "--export=ALL"]]
    assert runs.scripts[0] is not None
    assert "#SBATCH --gres=gpu:1\n#SBATCH --time=120\n" in runs.scripts[0]
    assert "#SBATCH --signal=B:USR1@60\n#SBATCH --chdir=/home/mkb\n" in runs.scripts[0]


def test_a_cancellation(runs: Runs) -> None:
    """A number is cancelled, and nothing of the Hub's or the person's environment comes along."""
    assert answer_to({"action": "cancel", "job_id": 17}, SETTINGS) == {"ok": True}
    assert runs.argv == [["scancel", "17"]]
    assert runs.environments == [
        {"PATH": "/usr/local/bin:/usr/bin:/bin", "SLURM_CONF": "/etc/slurm/slurm.conf"}
    ]


def submit(**changes: Any) -> dict[str, Any]:
    """Return the good message with changes; ``...`` takes a key out."""
    changed = {**SUBMIT, **changes}
    return {key: value for key, value in changed.items() if value is not ...}


MALFORMED: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 7,
    "text": "submit",
    "a list": [],
    "a list of a message": [SUBMIT],
    "an empty object": {},
    "no action": submit(action=...),
    "null as action": submit(action=None),
    "an unknown action": submit(action="run"),
    "an action in capitals": submit(action="Submit"),
    "a list as action": submit(action=["submit"]),
    "an object as action": submit(action={}),
    "a key too many": submit(script="#!/bin/sh"),
    "an option of sbatch": submit(gres="gpu:8"),
    "a key too few": submit(qos=...),
    "no environment": submit(environment=...),
    "keys of another action": {"action": "cancel", "job_id": 17, "flavour": "gpu-1"},
    "a cancellation of nothing": {"action": "cancel"},
    "an unknown flavour": submit(flavour="gpu-9"),
    "null as flavour": submit(flavour=None),
    "a list as flavour": submit(flavour=["gpu-1"]),
    "a number as account": submit(account=7),
    "null as account": submit(account=None),
    "an empty account": submit(account=""),
    "an account with a newline": submit(account="bakery\n#SBATCH --qos=x"),
    "an account that ends in a newline": submit(account="bakery\n"),
    "an account with a space": submit(account="bakery --qos=x"),
    "an account that is an option": submit(account="--qos"),
    "an account in capitals": submit(account="Bakery"),
    "a long account": submit(account="a" * 65),
    "a qos with a comma": submit(qos="a,b"),
    "a list as qos": submit(qos=["regional"]),
    "no minutes": submit(minutes=0),
    "negative minutes": submit(minutes=-1),
    "more minutes than the flavour has": submit(minutes=1441),
    "true as minutes": submit(minutes=True),
    "a fraction as minutes": submit(minutes=60.0),
    "text as minutes": submit(minutes="60"),
    "null as minutes": submit(minutes=None),
    "true as job": {"action": "cancel", "job_id": True},
    "text as job": {"action": "cancel", "job_id": "17"},
    "an option as job": {"action": "cancel", "job_id": "--user=student"},
    "no job": {"action": "cancel", "job_id": 0},
    "a negative job": {"action": "cancel", "job_id": -1},
    "a job above Slurm's": {"action": "cancel", "job_id": 2**32 + 1},
    "a list of jobs": {"action": "cancel", "job_id": [17]},
    "a path as the job of a log": {"action": "log", "job_id": "../../student/server-17"},
    "a list as environment": submit(environment=["A=1"]),
    "null as environment": submit(environment=None),
    "a number as value": submit(environment={"JUPYTERHUB_HOST": 1}),
    "null as value": submit(environment={"JUPYTERHUB_HOST": None}),
    "a newline in a value": submit(environment={"JUPYTERHUB_HOST": "a\nb"}),
    "a NUL in a value": submit(environment={"JUPYTERHUB_HOST": "a\0b"}),
    "an escape in a value": submit(environment={"JUPYTERHUB_HOST": "\x1b[2J"}),
    "a long value": submit(environment={"JUPYTERHUB_HOST": "a" * 4097}),
    **{
        f"the variable {name!r}": submit(environment={name: "x"})
        for name in (
            "LD_PRELOAD", "LD_LIBRARY_PATH", "PATH", "HOME", "PYTHONPATH", "PYTHONSTARTUP", "BASH_ENV", "ENV",
            "IFS", "SLURM_CONF", "SBATCH_QOS", "SBATCH_GRES", "SLURM_MPI_TYPE", "WERKPLAATS_NOTEBOOK", "",
            "JUPYTERHUB_", "JUPYTERHUB_a", "JUPYTERHUB_A=B", "JUPYTERHUB_A\n", "jupyterhub_host",
            "X_JUPYTERHUB_HOST", "JPY_API_TOKEN2", "BASH_FUNC_cd%%",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_message_runs_nothing(
    message: Any,
    runs: Runs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every message but those that the Hub sends is refused with a sentence, before any command."""
    answer = ask_main(message, tmp_path, monkeypatch, capsys)
    assert answer["trouble"] == "other"
    assert answer["message"].startswith("launch refused the message: ")
    assert runs.argv == []


def ask_main(
    message: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, Any]:
    """Run the program's main function on a message, within this process."""
    file = settings_file(tmp_path)
    monkeypatch.setattr(
        sys, "stdin", io.StringIO(message if isinstance(message, Raw) else json.dumps(message))
    )
    assert program.main(file) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


class Raw(str):
    """Text that is put on standard input as it is."""


@pytest.mark.parametrize("text", ["", "{", "submit", '{"action": "cancel", "job_id": NaN}', "[" * 1000])
def test_what_is_no_message_at_all_is_refused(
    text: str, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text that is not JSON gets the same answer as a message that is not the Hub's."""
    answer = ask_main(Raw(text), tmp_path, monkeypatch, capsys)
    assert answer["trouble"] == "other"
    assert runs.argv == []


def test_a_message_beyond_the_limit_is_refused(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Input is read up to 64 KiB: what is cut off there is no message, and nobody fills the memory."""
    many = {f"JUPYTERHUB_{'A' * (n + 1)}": "x" * 4000 for n in range(17)}
    answer = ask_main(submit(environment=many), tmp_path, monkeypatch, capsys)
    assert answer["trouble"] == "other"
    assert runs.argv == []


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
messages = st.fixed_dictionaries(
    {"action": st.sampled_from(["submit", "cancel", "log"]) | any_json},
    optional={
        "job_id": st.integers(-2, 2**33) | any_json,
        "flavour": st.sampled_from(["small", "gpu-1"]) | any_json,
        "account": st.text("ab-\n $", max_size=5) | any_json,
        "qos": st.text("ab-", min_size=1, max_size=5) | any_json,
        "minutes": st.integers(-1, 2000) | any_json,
        "environment": st.dictionaries(st.sampled_from(["PATH", "JPY_API_TOKEN"]), st.text(max_size=5))
        | any_json,
    },
)


@given(messages)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_only_sbatch_and_scancel_are_run(runs: Runs, message: dict[str, Any]) -> None:
    """No message at all makes *launch* run another command, or one with words of the message's own."""
    runs.argv.clear()
    try:
        answer_to(message, SETTINGS)
    except (Unacceptable, TypeError):
        assert runs.argv == []
    for argv in runs.argv:
        if argv[0] == "scancel":
            assert len(argv) == 2
            assert argv[1].isdecimal()
        else:
            assert argv == slurm.sbatch()


@pytest.mark.parametrize(("meaning", "text"), testing.REFUSALS.items())
def test_what_sbatch_refuses_is_told_with_its_meaning(runs: Runs, meaning: Trouble, text: str) -> None:
    """The Hub gets Slurm's own words, and what they mean."""
    runs.answer = subprocess.CompletedProcess([], 1, "", text + "\n")
    assert answer_to(dict(SUBMIT), SETTINGS) == {"trouble": meaning.value, "message": text}


def test_what_scancel_refuses_is_told(runs: Runs) -> None:
    """A cancellation that failed is never answered with ok."""
    wrong = (
        "scancel: error: Kill job error on job id 17: Unable to contact slurm controller (connect failure)"
    )
    runs.answer = subprocess.CompletedProcess([], 1, "", wrong)
    answer = answer_to({"action": "cancel", "job_id": 17}, SETTINGS)
    assert answer == {"trouble": "unreachable", "message": wrong}


def test_a_command_that_hangs_is_unreachable(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limit nothing is known, and the answer says so in Slurm's own words."""

    def hang(argv: list[str], **given: Any) -> None:
        raise subprocess.TimeoutExpired(argv, given["timeout"])

    monkeypatch.setattr(program, "subprocess", Except(subprocess, run=hang))
    assert answer_to(dict(SUBMIT), SETTINGS)["trouble"] == "unreachable"


def test_a_submission_without_a_number_is_no_success(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When sbatch says nothing, there is no job to answer with."""
    runs.answer = subprocess.CompletedProcess([], 0, "", "")
    assert "job_id" not in ask_main(SUBMIT, tmp_path, monkeypatch, capsys)


def test_a_missing_sbatch_is_an_answer_too(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a host without Slurm's commands the Hub gets an answer that it can read, not a traceback."""

    def absent(argv: list[str], **given: Any) -> None:
        raise FileNotFoundError(2, "No such file or directory", argv[0])

    monkeypatch.setattr(program, "subprocess", Except(subprocess, run=absent))
    assert "sbatch" in ask_main(SUBMIT, tmp_path, monkeypatch, capsys)["message"]


# -- the script and the environment ------------------------------------------------------------------


def test_the_whole_script() -> None:
    """What runs in a job, byte for byte: a change here is a change of what runs as every person."""
    spec = program.job_spec(SUBMIT, SETTINGS, "mkb", "/home/mkb")
    golden = Path(__file__).parent / "recorded" / "server-gpu-1.sh"
    assert program.batch_script(spec) == golden.read_text()


def test_nothing_is_filled_in_below_the_header() -> None:
    """Two people's scripts differ in their ``#SBATCH`` lines only."""
    other = program.job_spec(
        {**SUBMIT, "flavour": "small", "account": "roads"}, SETTINGS, "rijk", "/home/rijk"
    )
    bodies = {
        "".join(
            line for line in program.batch_script(spec).splitlines(True) if not line.startswith("#SBATCH")
        )
        for spec in (program.job_spec(SUBMIT, SETTINGS, "mkb", "/home/mkb"), other)
    }
    assert len(bodies) == 1


def test_the_script_is_good_bash() -> None:
    """Bash itself can read the whole of it."""
    script = program.batch_script(program.job_spec(SUBMIT, SETTINGS, "mkb", "/home/mkb"))
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_environment_is_a_closed_set() -> None:
    """A job has the Hub's variables, the person's own identity, the way to Slurm, and nothing else."""
    given = {
        "JUPYTERHUB_API_TOKEN": "a-token",
        "JPY_API_TOKEN": "a-token",
        "WERKPLAATS_LANGUAGE": "nl",
        "WERKPLAATS_OPEN": "a/b.ipynb",
    }
    assert clean_environment(given, SETTINGS, ME) == {
        **given,
        "HOME": "/home/mkb",
        "LANG": "C.UTF-8",
        "LOGNAME": "mkb",
        "PATH": "/opt/w/notebook/bin:/usr/local/bin:/usr/bin:/bin",
        "SHELL": "/bin/bash",
        "SLURM_CONF": "/etc/slurm/slurm.conf",
        "USER": "mkb",
        "WERKPLAATS_NOTEBOOK": "/opt/w/notebook",
    }


def test_the_environment_of_sbatch_is_that_of_the_job(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--export=ALL`` hands on what sbatch has: that must not be what the Hub's process or sudo had."""
    monkeypatch.setenv("LD_PRELOAD", "/tmp/x.so")
    monkeypatch.setenv("SECRET", "x")
    answer_to(dict(SUBMIT), SETTINGS)
    notice = {"WERKPLAATS_LENT": "false", "WERKPLAATS_MINUTES": "120", "WERKPLAATS_NOTICE_SECONDS": "60"}
    facts = {**notice, "WERKPLAATS_DESK_URL": SETTINGS.desk_url, "WERKPLAATS_MOUNTS": SETTINGS.mounts_socket}
    assert runs.environments == [clean_environment(SUBMIT["environment"], SETTINGS, ME) | facts]


@pytest.mark.parametrize(
    ("qos", "lent"), [("lent", "true"), ("regional", "false"), ("lent-not", "false"), ("len", "false")]
)
def test_a_server_knows_what_its_notice_means(runs: Runs, qos: str, lent: str) -> None:
    """Whether its capacity is borrowed, how long it may run and how long before its end it is told."""
    answer_to(submit(qos=qos, minutes=7), replace(SETTINGS, notice_seconds=90))
    found = {key: value for key, value in runs.environments[0].items() if key.startswith("WERKPLAATS_")}
    assert found == {
        "WERKPLAATS_LENT": lent,
        "WERKPLAATS_MINUTES": "7",
        "WERKPLAATS_NOTICE_SECONDS": "90",
        "WERKPLAATS_NOTEBOOK": "/opt/w/notebook",
        "WERKPLAATS_DESK_URL": "http://127.0.0.1:8082/services/desk/",
        "WERKPLAATS_MOUNTS": "/run/w/mounts.socket",
    }
    assert runs.scripts[0] is not None
    assert "#SBATCH --signal=B:USR1@90\n" in runs.scripts[0]


@pytest.mark.parametrize("key", ["WERKPLAATS_LENT", "WERKPLAATS_MINUTES", "WERKPLAATS_NOTICE_SECONDS"])
def test_the_hub_cannot_say_what_a_notice_means(runs: Runs, key: str) -> None:
    """Those facts come from the job itself: a message that brings its own is refused."""
    with pytest.raises(Unacceptable, match=key):
        answer_to(submit(environment={key: "true"}), SETTINGS)
    assert runs.argv == []


@pytest.mark.parametrize(("flavour", "partition"), [("gpu-1", "fast"), ("small", "rest")])
def test_the_flavour_says_which_partition(runs: Runs, flavour: str, partition: str) -> None:
    """With a GPU it runs in the one, without in the other, by the names that root has laid down."""
    answer_to(submit(flavour=flavour), replace(SETTINGS, gpu_partition="fast", cpu_partition="rest"))
    assert runs.scripts[0] is not None
    assert f"#SBATCH --partition={partition}\n" in runs.scripts[0]


# -- the log -----------------------------------------------------------------------------------------


def test_the_log_is_read_from_its_end(runs: Runs, tmp_path: Path) -> None:
    """The last 15 lines of a log, however long and whatever its bytes."""
    settings = replace(SETTINGS, logs=str(tmp_path))
    (tmp_path / "mkb").mkdir()
    lines = [f"line {n} \N{EURO SIGN}" for n in range(5000)]
    (tmp_path / "mkb" / "server-17.log").write_bytes(b"\xff\xfe\n" + "\n".join(lines).encode())
    assert answer_to({"action": "log", "job_id": 17}, settings) == {"lines": lines[-15:]}


def test_no_log_is_no_lines(runs: Runs, tmp_path: Path) -> None:
    """A job that never ran wrote nothing, and that is not an error."""
    answer = answer_to({"action": "log", "job_id": 17}, replace(SETTINGS, logs=str(tmp_path)))
    assert answer["lines"] == []


# -- settings ----------------------------------------------------------------------------------------


def settings_file(folder: Path) -> Path:
    """Lay the settings down as the installer does."""
    path = folder / "launch.json"
    path.write_text(SETTINGS.text())
    path.chmod(0o644)
    return path


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    """What the installer writes is what *launch* reads."""
    assert read(settings_file(tmp_path)) == SETTINGS


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666, 0o622])
def test_settings_that_others_may_write_are_not_trusted(tmp_path: Path, mode: int) -> None:
    """A file that the group or the world may change is not root's word."""
    path = settings_file(tmp_path)
    path.chmod(mode)
    with pytest.raises(PermissionError, match="owned by root and writable by nobody else"):
        read(path)


def test_settings_of_another_are_not_trusted(tmp_path: Path) -> None:
    """A file that is not root's is not root's word, nor is a link to one."""
    path = settings_file(tmp_path)
    os.chown(path, NOBODY, -1)
    link = tmp_path / "link.json"
    link.symlink_to(path)
    for untrusted in (path, link):
        with pytest.raises(PermissionError):
            read(untrusted)


# -- the program, as sudo runs it --------------------------------------------------------------------


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder of root's that everybody may walk, as /opt/werkplaats is."""
    folder = Path(tempfile.mkdtemp(prefix="werkplaats-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(public: Path, message: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as an unprivileged user, with Slurm's commands taken from `public`."""
    code = (
        "import sys; from pathlib import Path; from werkplaats_spawners.launch import program; "
        "program._PATH = sys.argv[1]; raise SystemExit(program.main(Path(sys.argv[2])))"
    )
    return subprocess.run(
        ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
         sys.executable, "-I", "-c", code, f"{public}:/usr/bin:/bin", str(settings_file(public))],
        input=json.dumps(message), text=True, capture_output=True, check=False, env=environment, cwd="/",
    )  # fmt: skip


def test_a_submission_from_end_to_end(public: Path) -> None:
    """As a person, the program hands sbatch its script on standard input, and only a clean environment."""
    saw = public / "saw"
    saw.mkdir()
    os.chown(saw, NOBODY, -1)
    sbatch = public / "sbatch"
    sbatch.write_text(
        f'#!/bin/sh\nenv >{saw}/env; cat >{saw}/script; echo "$@" >{saw}/argv; id -un; echo 17\n'
    )
    sbatch.chmod(0o755)
    done = as_nobody(public, SUBMIT, SECRET="x", SBATCH_QOS="x", LD_LIBRARY_PATH="/tmp", HOME="/root")
    assert json.loads(done.stdout) == {"job_id": 17}, done.stderr
    names = {line.partition("=")[0] for line in (saw / "env").read_text().splitlines()} - {
        "PWD",
        "_",
        "SHLVL",
    }
    assert names == {*SUBMIT["environment"], "HOME", "LANG", "LOGNAME", "PATH", "SHELL", "SLURM_CONF", "USER",
                     "WERKPLAATS_NOTEBOOK", "WERKPLAATS_LENT", "WERKPLAATS_MINUTES",
                     "WERKPLAATS_NOTICE_SECONDS", "WERKPLAATS_DESK_URL", "WERKPLAATS_MOUNTS"}  # fmt: skip
    home = pwd.getpwnam("nobody").pw_dir
    assert f"#SBATCH --chdir={home}\n" in (saw / "script").read_text()
    assert (saw / "argv").read_text() == "--parsable --export=ALL\n"


def test_a_refusal_from_end_to_end(public: Path) -> None:
    """What sbatch writes on standard error reaches the Hub as trouble with a meaning."""
    sbatch = public / "sbatch"
    sbatch.write_text("#!/bin/sh\necho 'sbatch: error: Invalid qos specification' >&2; exit 1\n")
    sbatch.chmod(0o755)
    assert json.loads(as_nobody(public, SUBMIT).stdout)["trouble"] == "no-association"


def test_it_does_not_run_as_root(public: Path) -> None:
    """Were the sudo rule ever widened to root, the program itself would still refuse."""
    code = "import sys; from pathlib import Path; from werkplaats_spawners.launch.program import main; " \
           "raise SystemExit(main(Path(sys.argv[1])))"  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(settings_file(public))],
        input=json.dumps(SUBMIT), text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"trouble": "other", "message": "launch does not run as root"}


def test_it_imports_little() -> None:
    """A program that people's identities pass through loads the standard library, itself, and no more."""
    root = str(Path(program.__file__).parents[2])
    code = (
        "import sys; sys.path.append(sys.argv[1]); from werkplaats_spawners.launch import program; "
        "print(*{name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    )
    bare = [sys.executable, "-I", "-S", "-c", code, root]
    done = subprocess.run(bare, text=True, capture_output=True, check=True, env={}, cwd="/")
    assert set(done.stdout.split()) - {"__main__"} == {"werkplaats_spawners"}


# -- the Hub's side ----------------------------------------------------------------------------------


def says(code: str) -> Launch:
    """Return a *launch* that runs shell code; ``$0`` is the person and ``$1`` the program."""
    return Launch("/the/program", prefix=("sh", "-c", code))


def submitted(launch: Launch) -> int:
    """Submit something."""
    return asyncio.run(
        launch.submit(
            "mkb", flavour="gpu-1", account="bakery", qos="regional", minutes=60, environment={"A": "b"}
        )
    )


def test_the_default_is_sudo_without_a_password() -> None:
    """The Hub asks sudo by a name and never waits at a prompt."""
    assert Launch("/the/program").prefix == ("sudo", "-n", "-u")


def test_what_the_hub_sends_is_what_the_program_takes(tmp_path: Path) -> None:
    """The message has the keys of the program's documentation; person and program are single words."""
    file = tmp_path / "message"
    code = f'cat >{file}; echo "{{\\"job_id\\": 17, \\"said\\": \\"$0 $1 $#\\"}}" | tee {file}.out'
    assert submitted(says(code)) == 17
    assert json.loads(file.read_text()) == {
        "action": "submit", "flavour": "gpu-1", "account": "bakery", "qos": "regional", "minutes": 60,
        "environment": {"A": "b"},
    }  # fmt: skip
    assert json.loads(Path(f"{file}.out").read_text())["said"] == "mkb /the/program 1"


def test_cancel_and_log(tmp_path: Path) -> None:
    """The two other actions, and what they bring back."""
    file = tmp_path / "message"
    asyncio.run(says(f"cat >{file}; echo '{{\"ok\": true}}'").cancel("mkb", 17))
    assert json.loads(file.read_text()) == {"action": "cancel", "job_id": 17}
    log = says(f'cat >{file}; echo \'{{"lines": ["a", "b"]}}\'').log("mkb", 17)
    assert asyncio.run(log) == ["a", "b"]
    assert json.loads(file.read_text()) == {"action": "log", "job_id": 17}


@pytest.mark.parametrize("meaning", Trouble)
def test_trouble_is_raised_with_its_meaning(meaning: Trouble) -> None:
    """What the program answers is what the spawner has to tell the person."""
    answer = json.dumps({"trouble": meaning.value, "message": "why"})
    with pytest.raises(LaunchFailed, match=r"^why$") as failed:
        submitted(says(f"echo '{answer}'"))
    assert failed.value.trouble is meaning


@pytest.mark.parametrize(
    "code",
    [
        "true",
        "false",
        "echo",
        "echo garbage",
        "echo '[]'",
        "echo 17",
        "echo null",
        "echo '{\"job_id\": 17'",
        'echo \'{"job_id": 17}{"job_id": 18}\'',
        "printf '\\377\\376'",
        "echo '{}'",
        "echo '{\"ok\": true}'",
        "echo '{\"job_id\": null}'",
        'echo \'{"job_id": "x"}\'',
        'echo \'{"trouble": "new"}\'',
        "echo '{\"trouble\": null}'",
    ],
)
def test_an_answer_that_makes_no_sense_is_a_failure(code: str) -> None:
    """Anything but the program's own answer means that nothing is known: never a number, never a crash."""
    with pytest.raises(LaunchFailed) as failed:
        submitted(says(code))
    assert failed.value.trouble is Trouble.OTHER


def test_what_sudo_says_is_passed_on() -> None:
    """When sudo refuses there is no answer; its words are the reason."""
    with pytest.raises(LaunchFailed, match="a password is required"):
        submitted(says("echo 'sudo: a password is required' >&2; exit 1"))


def test_a_missing_command_is_a_failure_of_launch() -> None:
    """No sudo on the host, or no free file descriptor: the spawner must be able to say and retry it."""
    with pytest.raises(LaunchFailed):
        submitted(Launch("/the/program", prefix=("/no/such/sudo",)))


def test_silence_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that does not answer in time is ended, and what it did is unknown."""
    monkeypatch.setattr(client, "_TIMEOUT", 0.2)
    with pytest.raises(LaunchFailed, match="no answer in time") as failed:
        submitted(says("exec sleep 60"))
    assert failed.value.trouble is Trouble.UNREACHABLE


async def test_a_launch_that_talks_for_ever_is_not_listened_to(tmp_path: Path) -> None:
    """It runs as a person, who may have it say anything: the Hub keeps no more than an answer's length."""
    program = tmp_path / "launch"
    program.write_text("#!/bin/sh\nexec yes\n")
    program.chmod(0o755)
    with pytest.raises(LaunchFailed, match="more than any answer"):
        await Launch("launch", (str(program),)).cancel("mkb", 17)
