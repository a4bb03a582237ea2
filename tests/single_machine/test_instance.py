"""An instance beside the machine's own shares nothing with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from werkplaats_hub.instance import Instance

ROOT = Path("/srv/tests")
BESIDE = Instance.beside(ROOT, "wpother", 28000)


def values(instance: Instance) -> dict[str, object]:
    """Return every field and property of an instance."""
    properties = [name for name, value in vars(Instance).items() if isinstance(value, property)]
    return {**dict(instance), **{name: getattr(instance, name) for name in properties}}


def test_no_path_of_the_machines_own() -> None:
    """Every path of it, also every one that is derived, is below its own root."""
    paths = {name: value for name, value in values(BESIDE).items() if isinstance(value, Path)}
    assert len(paths) > 15
    assert {name for name, path in paths.items() if not path.is_relative_to(ROOT)} == set()


def test_no_name_or_port_of_the_machines_own() -> None:
    """Users, groups, cluster, nodes, addresses: nothing is called or numbered as the default's.

    Whether jobs have mounts of their own is neither.
    """
    default = values(Instance())
    same = {name for name, value in values(BESIDE).items() if value == default[name]}
    assert same == {"job_mounts"}


def test_its_ports_are_different_and_within_what_was_given() -> None:
    """Forty free ports are enough, and no two daemons want the same."""
    ports = [value for name, value in BESIDE if name.startswith("port")]
    assert len(ports) == len(set(ports)) == 7
    slurmd = range(BESIDE.port_slurmd, BESIDE.port_slurmd + 4)
    assert not set(slurmd) & (set(ports) - {BESIDE.port_slurmd})
    assert all(28000 <= port < 28040 for port in [*ports, *slurmd])


def test_it_listens_on_loopback() -> None:
    """What is made for a test is not everybody's."""
    assert BESIDE.address == "127.0.0.1"
    assert not BESIDE.default


def test_other_values_can_be_given() -> None:
    """Tests share the environments, which take minutes to make."""
    shared = Instance.beside(ROOT, "wpother", 28000, prefix=Path("/opt/shared"))
    assert shared.notebook == Path("/opt/shared/notebook")
    assert shared.launch == BESIDE.launch, "what root lays down is still its own"


def test_a_file_of_an_older_version_is_read(tmp_path: Path) -> None:
    """`make up` of a new version finds the machine's instance, whatever the old one kept beside it."""
    path = tmp_path / "instance.json"
    path.write_text(json.dumps({**json.loads(BESIDE.model_dump_json()), "port_of_old": 1}))
    assert Instance.read(path) == BESIDE


def test_a_misspelt_value_is_refused() -> None:
    """A change that names no field would change nothing."""
    with pytest.raises(ValidationError):
        Instance.beside(ROOT, "wpother", 28000, perfix=Path("/opt/shared"))


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Other programs learn all of it from one file, which everybody may read."""
    instance = Instance.beside(tmp_path, "wpother", 28000)
    instance.etc.mkdir(parents=True)
    (instance.etc / "instance.json").write_text(instance.text())
    assert Instance.read(instance.etc / "instance.json") == instance
    assert (instance.etc / "instance.json").stat().st_mode & 0o777 == 0o644


def test_the_commands_of_slurm_speak_to_it() -> None:
    """A command of Slurm's with this environment can meet no other cluster, nor another language."""
    assert BESIDE.environment["SLURM_CONF"] == "/srv/tests/slurm/slurm.conf"
    assert BESIDE.environment["LC_ALL"] == "C.UTF-8"
