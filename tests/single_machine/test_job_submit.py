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
        "slurm = { SUCCESS = 0, ERROR = -1 }\n"
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


@needs_lua
def test_a_change_of_a_job_is_left_alone() -> None:
    """Slurm's plug-in needs the function, and it takes every change as it is."""
    code = "slurm = { SUCCESS = 0 }\n" + job_submit_lua(FACILITY)
    assert lua(code + "\nreturn tostring(slurm_job_modify({}, {}, {}, 1001))") == "0"


def test_the_script_names_the_facilitys_partition() -> None:
    """Once, and no other; the rest is the file as it stands."""
    assert job_submit_lua(FACILITY).count('"cpu"') == 1
    assert job_submit_lua(OWN).count('"rest"') == 1
    assert '"cpu"' not in job_submit_lua(OWN)
    assert job_submit_lua(OWN).replace('"rest"', '"cpu"') == job_submit_lua(FACILITY)
