"""*launch*: root-owned, run through sudo as a person, with one JSON object in and one out.

It submits a server's job, says when one would start, cancels one, or reads the end of one's log, as
the person it runs as.
It knows no other action, takes no arguments, and starts no shell. Standard library only.

Messages in::

    {"action": "submit", "flavour": "gpu-1", "account": "demo", "qos": "regional",
     "minutes": 120, "environment": {"JUPYTERHUB_API_TOKEN": "..."}}
    {"action": "when", "flavour": "gpu-1", "account": "demo", "qos": "regional", "minutes": 120}
    {"action": "cancel", "job_id": 17}
    {"action": "log", "job_id": 17}

and out: ``{"job_id": 17}``, ``{"start": "2026-11-21T14:20:00+01:00", "node": "gpu2", "preempts": false,
"header": "#SBATCH ..."}`` (the lines that *submit* would send), ``{"ok": true}``, ``{"lines": [...]}``, or
``{"trouble": "<slurm.Trouble>", "message": "..."}``.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from werkplaats_spawners import slurm
from werkplaats_spawners.launch.settings import Settings, read

#: Slurm's own message timeout is 10 s; past this something hangs, and the caller must know.
_TIMEOUT: Final = 25
_LOG_LINES: Final = 15
_LARGEST_INPUT: Final = 65_536

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_VARIABLE: Final = re.compile(r"(JUPYTERHUB_[A-Z_]+|JPY_API_TOKEN|WERKPLAATS_LANGUAGE|WERKPLAATS_OPEN)")
_VALUE: Final = re.compile(r"[^\x00-\x1f\x7f]{0,4096}")

Answer = dict[str, Any]


class Unacceptable(ValueError):
    """The message is not one that the Hub sends."""


def main(settings_file: Path) -> int:
    """Read one message, do what it says as the person this runs as, print one answer."""
    if os.getuid() == 0:
        print(json.dumps(_trouble(slurm.Trouble.OTHER, "launch does not run as root")))
        return 1
    signal.alarm(_TIMEOUT + 3)  # whatever hangs, this process does not stay
    try:
        message = json.loads(sys.stdin.read(_LARGEST_INPUT))
        answer = answer_to(message, read(settings_file))
    except (ValueError, KeyError, TypeError, RecursionError) as wrong:
        answer = _trouble(slurm.Trouble.OTHER, f"launch refused the message: {wrong}")
    print(json.dumps(answer))
    return 0


def answer_to(message: Any, settings: Settings) -> Answer:
    """Do one action.

    Raises
    ------
    Unacceptable
        When the message has an unknown action, or keys that the action does not take.
    """
    if not isinstance(message, dict):
        raise Unacceptable("not an object")
    actions: dict[str, tuple[set[str], Callable[[dict[str, Any], Settings], Answer]]] = {
        "submit": ({"flavour", "account", "qos", "minutes", "environment"}, _submit),
        "when": ({"flavour", "account", "qos", "minutes"}, _when),
        "cancel": ({"job_id"}, _cancel),
        "log": ({"job_id"}, _log),
    }
    action = message.pop("action", None)
    if action not in actions:
        raise Unacceptable("unknown action")
    keys, do = actions[action]
    if set(message) != keys:
        raise Unacceptable("the keys must be " + ", ".join(sorted(keys)))
    return do(message, settings)


def _submit(message: dict[str, Any], settings: Settings) -> Answer:
    me = pwd.getpwuid(os.getuid())
    spec = job_spec(message, settings, me.pw_name, me.pw_dir)
    environment = clean_environment(message["environment"], settings, me) | facts(spec, settings)
    done = _run(slurm.sbatch(), environment, batch_script(spec))
    if done.returncode != 0:
        return _trouble(slurm.trouble(done.stderr), done.stderr)
    return {"job_id": slurm.parse_job_id(done.stdout)}


def _when(message: dict[str, Any], settings: Settings) -> Answer:
    me = pwd.getpwuid(os.getuid())
    spec = job_spec(message, settings, me.pw_name, me.pw_dir)
    done = _run(slurm.sbatch_when(), _slurm_environment(settings), batch_script(spec))
    expected = slurm.parse_when(done.stderr) if done.returncode == 0 else None
    if expected is None:
        return _trouble(slurm.trouble(done.stderr), done.stderr)
    return {
        "start": expected.start.isoformat(),
        "node": expected.node,
        "preempts": expected.preempts,
        "header": slurm.batch_header(spec),
    }


def _cancel(message: dict[str, Any], settings: Settings) -> Answer:
    done = _run(slurm.scancel(_number(message["job_id"], 2**32)), _slurm_environment(settings))
    if done.returncode != 0:
        return _trouble(slurm.trouble(done.stderr), done.stderr)
    return {"ok": True}


def _log(message: dict[str, Any], settings: Settings) -> Answer:
    me = pwd.getpwuid(os.getuid())
    path = log_path(settings, me.pw_name).replace("%j", str(_number(message["job_id"], 2**32)))
    try:
        # The folder is the person's: what lies there may be a pipe, or a link to something else.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return {"lines": [], "message": f"{path} is no file"}
            file.seek(max(0, os.fstat(file.fileno()).st_size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError as wrong:
        return {"lines": [], "message": str(wrong)}
    return {"lines": text.splitlines()[-_LOG_LINES:]}


def job_spec(message: Mapping[str, Any], settings: Settings, user: str, home: str) -> slurm.JobSpec:
    """Return the job that a *submit* or *when* message stands for.

    Raises
    ------
    Unacceptable
        When a name, number or flavour is not one that root has allowed.
    """
    size = settings.flavours.get(message["flavour"])
    if size is None:
        raise Unacceptable("unknown flavour")
    for key in ("account", "qos"):
        if not isinstance(message[key], str) or not _NAME.fullmatch(message[key]):
            raise Unacceptable(f"{key} is not a name")
    return slurm.JobSpec(
        account=message["account"],
        qos=message["qos"],
        partition=settings.gpu_partition if size.gpus else settings.cpu_partition,
        cpus=size.cpus,
        memory_gb=size.memory_gb,
        gpus=size.gpus,
        minutes=_number(message["minutes"], size.max_minutes),
        notice_seconds=settings.notice_seconds,
        log=log_path(settings, user),
        home=home,
    )


def batch_script(spec: slurm.JobSpec) -> str:
    """Return the whole script of a server: generated ``#SBATCH`` lines, then ``server.sh``."""
    body = files("werkplaats_spawners.launch").joinpath("server.sh").read_text()
    return "#!/bin/bash\n" + slurm.batch_header(spec) + body


def log_path(settings: Settings, user: str) -> str:
    """Return where a person's servers write their log; Slurm puts the job number for ``%j``."""
    return f"{settings.logs}/{user}/server-%j.log"


def clean_environment(given: Any, settings: Settings, me: pwd.struct_passwd) -> dict[str, str]:
    """Return the job's whole environment: the Hub's closed set of variables, and ours.

    Raises
    ------
    Unacceptable
        When a variable is not of the set, or a value holds a control character.
    """
    if not isinstance(given, dict):
        raise Unacceptable("environment is not an object")
    for key, value in given.items():
        if not _VARIABLE.fullmatch(key) or not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise Unacceptable(f"variable {key!r}")
    return {
        **given,
        **_slurm_environment(settings),
        "HOME": me.pw_dir,
        "LOGNAME": me.pw_name,
        "USER": me.pw_name,
        "SHELL": me.pw_shell,
        "LANG": "C.UTF-8",
        "PATH": f"{settings.notebook}/bin:{_PATH}",
        "WERKPLAATS_NOTEBOOK": settings.notebook,
    }


def facts(spec: slurm.JobSpec, settings: Settings) -> dict[str, str]:
    """Return what a server must know: of its own job to understand a notice, and whom to ask for data."""
    return {
        "WERKPLAATS_LENT": "true" if spec.qos == settings.lent_qos else "false",
        "WERKPLAATS_MINUTES": str(spec.minutes),
        "WERKPLAATS_NOTICE_SECONDS": str(spec.notice_seconds),
        "WERKPLAATS_DESK_URL": settings.desk_url,
        "WERKPLAATS_MOUNTS": settings.mounts_socket,
    }


_PATH: Final = "/usr/local/bin:/usr/bin:/bin"


def _slurm_environment(settings: Settings) -> dict[str, str]:
    return {"PATH": _PATH, "SLURM_CONF": settings.slurm_conf}


def _run(
    argv: list[str], environment: dict[str, str], script: str | None = None
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv, env=environment, input=script, capture_output=True, text=True, timeout=_TIMEOUT, cwd="/"
        )
    except OSError as wrong:
        return subprocess.CompletedProcess(argv, 1, "", f"{argv[0]} cannot be run: {wrong}")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 1, "", "Socket timed out: no answer from " + argv[0])


def _number(value: Any, largest: int) -> int:
    if type(value) is not int or not 1 <= value <= largest:
        raise Unacceptable(f"a number from 1 to {largest} is expected")
    return value


def _trouble(meaning: slurm.Trouble, message: str) -> Answer:
    return {"trouble": meaning.value, "message": message.strip()[-500:]}
