"""Which partition a job goes to that names none: the script, run by the Lua that Slurm itself loads."""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest

from single_machine.slurm_files import job_submit_lua
from werkplaats_hub import facility as facilities
from werkplaats_hub.facility import Facility, Partitions
from werkplaats_spawners import slurm

FACILITY = facilities.read(Path(__file__).parents[2] / "hub_config/facility.toml")
OWN = FACILITY.model_copy(update={"partitions": Partitions(gpu="fast", cpu="rest")})


def _library() -> ctypes.CDLL | None:
    """Return the library that came with Slurm's plug-in; there is no need of a program."""
    for name in ("liblua5.1.so.0", "liblua5.1.so", "libluajit-5.1.so.2"):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


LUA = _library()
needs_lua = pytest.mark.skipif(LUA is None, reason="no Lua 5.1 on this machine")


def lua(code: str) -> str:
    """Run code in a Lua of its own, and return the text that it returns."""
    assert LUA is not None
    LUA.luaL_newstate.restype = ctypes.c_void_p
    LUA.lua_tolstring.restype = ctypes.c_char_p
    state = ctypes.c_void_p(LUA.luaL_newstate())
    try:
        LUA.luaL_openlibs(state)
        wrong = LUA.luaL_loadstring(state, code.encode()) or LUA.lua_pcall(state, 0, 1, 0)
        said = LUA.lua_tolstring(state, -1, None)
        assert not wrong, said
        return (said or b"nothing").decode()
    finally:
        LUA.lua_close(state)


def submitted(job: Mapping[str, str], facility: Facility = FACILITY) -> str:
    """Return the partition of a job after the script saw it, and what the script answered."""
    fields = ", ".join(f'{key} = "{value}"' for key, value in job.items())
    return lua(
        "slurm = { SUCCESS = 0, jobs = {} }\n"
        f"{job_submit_lua(facility)}\n"
        f"local job = {{ {fields} }}\n"
        "local answer = slurm_job_submit(job, {}, 1001)\n"
        'return tostring(job.partition) .. " " .. tostring(answer)'
    )


@needs_lua
def test_without_a_gpu_a_job_goes_aside() -> None:
    """Who names no partition and asks for no GPU never keeps one waiting."""
    assert submitted({}) == "cpu 0"
    assert submitted({}, OWN) == "rest 0"
    assert submitted({"tres_per_node": "gres:craynetwork:1"}) == "cpu 0"


@needs_lua
@pytest.mark.parametrize(
    ("way", "asked"),
    list(
        itertools.product(
            ["tres_per_job", "tres_per_node", "tres_per_socket", "tres_per_task"],
            ["gres:gpu:1", "gres/gpu:h200:2", "gpu", "gres:craynetwork:1,gres:gpu:1"],
        )
    ),
)
def test_with_a_gpu_it_goes_to_the_default(way: str, asked: str) -> None:
    """However it is asked for (``--gpus``, ``--gres``, ``--gpus-per-socket``, ``--gpus-per-task``)."""
    assert submitted({way: asked}) == "nil 0"
    assert submitted({way: asked}, OWN) == "nil 0"


@needs_lua
@pytest.mark.parametrize("partition", ["gpu", "cpu", "another"])
def test_who_names_a_partition_gets_it(partition: str) -> None:
    """The script decides only for who did not; whether they may is the partition's to say."""
    assert submitted({"partition": partition}) == f"{partition} 0"
    assert submitted({"partition": partition, "tres_per_node": "gres:gpu:1"}) == f"{partition} 0"


MARK = "werkplaats-alone:cohort"
#: Slurm's numbers of states, and of the flag of a job whose processes still hold the node.
PENDING, RUNNING, SUSPENDED, COMPLETE, CANCELLED, COMPLETING = 0, 1, 2, 3, 4, 0x8000


def beside(
    state: int, note: str | None, *, owner: int = 1001, user: int = 1001, submitter: int = 1001
) -> str:
    """Return the answer to a submission beside one job, and what Slurm says to the person."""
    comment = f'"{note}"' if note is not None else "nil"
    return lua(
        "local said = ''\n"
        "slurm = { SUCCESS = 0, ESLURM_ACCESS_DENIED = 2002,\n"
        "  log_user = function(form, text) said = string.format(form, text) end,\n"
        f"  jobs = {{ ['7'] = {{ user_id = {owner}, job_state = {state}, admin_comment = {comment} }} }} }}\n"
        f"{job_submit_lua(FACILITY)}\n"
        f"local answer = slurm_job_submit({{ user_id = {user} }}, {{}}, {submitter})\n"
        "return tostring(answer) .. said"
    )


@needs_lua
@pytest.mark.parametrize(
    "state", [PENDING, RUNNING, SUSPENDED, COMPLETE + COMPLETING, CANCELLED + COMPLETING]
)
def test_beside_a_dataset_nothing_else_starts(state: int) -> None:
    """The answer says so in both languages, and is what the Hub knows it by."""
    said = beside(state, MARK)
    assert said.startswith("2002")
    assert "While the dataset 'cohort' is mounted, nothing else of yours starts." in said
    assert "Zolang 'cohort' gekoppeld is, start er niets anders van jou." in said
    told = f"sbatch: error: {said[4:]}"
    assert slurm.trouble(told) is slurm.Trouble.ALONE
    assert slurm.alone(told) == "cohort"


@needs_lua
@pytest.mark.parametrize(
    ("state", "note"),
    [
        (COMPLETE, MARK),
        (CANCELLED, MARK),
        (RUNNING, None),
        (RUNNING, ""),
        (RUNNING, "werkplaats: lent capacity was taken back"),
        (RUNNING, "werkplaats-alone:"),
    ],
)
def test_without_a_mark_or_its_job_all_starts(state: int, note: str | None) -> None:
    """A job that is over binds nobody, nor does another note."""
    assert beside(state, note) == "0"


@needs_lua
def test_a_mark_binds_its_own_person_only() -> None:
    """Others go on; root, and who hands in for somebody else, which only Slurm's user can, are not bound."""
    assert beside(RUNNING, MARK, owner=1002) == "0"
    assert beside(RUNNING, MARK, submitter=0) == "0"
    assert beside(RUNNING, MARK, submitter=64030) == "0"
    assert beside(RUNNING, MARK, owner=0, user=0, submitter=0) == "0"


@needs_lua
def test_no_text_of_anothers_record_is_looked_at() -> None:
    """Slurm may hand out a record that it has let go of."""
    code = (
        "local touched = ''\n"
        "local record = setmetatable({ user_id = 1002 }, { __index = function(t, key) touched = key end })\n"
        "slurm = { SUCCESS = 0, jobs = { ['7'] = record } }\n"
        f"{job_submit_lua(FACILITY)}\n"
        "slurm_job_submit({ user_id = 1001 }, {}, 1001)\n"
        "return 'touched ' .. touched"
    )
    assert lua(code) == "touched "


@needs_lua
def test_a_change_of_a_job_is_left_alone() -> None:
    """Slurm's plug-in needs the function, and it takes every change but one as it is."""
    assert modified("nil") == modified("0") == modified("65534") == "0"


@needs_lua
def test_no_job_can_be_put_back() -> None:
    """It would start past this door, beside a dataset that wants to be alone; an operator may."""
    given = "slurm = { SUCCESS = 0, jobs = {} }\n" + job_submit_lua(FACILITY)
    for asked in ("nil", "0", "1"):
        code = f"local job = {{ requeue = {asked} }}\nslurm_job_submit(job, {{}}, 1001)\n"
        code += "return tostring(job.requeue)"
        assert lua(f"{given}\n{code}") == "0"
    assert modified("1") == "2002"
    assert modified("1", submitter=0) == "0"


def modified(requeue: str, submitter: int = 1001) -> str:
    """Return the answer to a change of a job."""
    return lua(
        "slurm = { SUCCESS = 0, ESLURM_ACCESS_DENIED = 2002, log_user = function() end }\n"
        f"{job_submit_lua(FACILITY)}\n"
        f"return tostring(slurm_job_modify({{ requeue = {requeue} }}, {{}}, {{}}, {submitter}))"
    )


def test_the_script_names_the_facilitys_partition() -> None:
    """Once, and no other; the rest is the file as it stands."""
    assert job_submit_lua(FACILITY).count('"cpu"') == 1
    assert job_submit_lua(OWN).count('"rest"') == 1
    assert '"cpu"' not in job_submit_lua(OWN)
    assert job_submit_lua(OWN).replace('"rest"', '"cpu"') == job_submit_lua(FACILITY)
