"""Passwords and keys: made once, kept, replaced when given, and readable by their reader alone."""

from __future__ import annotations

import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from single_machine import files, secrets
from single_machine.console import StepFailed
from werkplaats_hub.instance import Instance

ADMIN = "x" * 32


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Note who would own each file: the users of an instance do not exist in a test."""
    owners: dict[str, str] = {}
    chown = SimpleNamespace(
        chown=lambda path, owner, group: owners.__setitem__(
            Path(path).name, owner if group == owner else f"{owner}:{group}"
        )
    )
    monkeypatch.setattr(files, "shutil", chown)
    return owners


@pytest.fixture
def instance(tmp_path: Path, owners: dict[str, str]) -> Instance:
    """An instance in a folder."""
    return Instance.beside(tmp_path, "wpsecr", 28000)


def kept(instance: Instance) -> dict[str, str]:
    """Return every secret."""
    return {path.name: path.read_text().strip() for path in instance.secrets.iterdir()}


def test_they_are_made_once(instance: Instance) -> None:
    """A second run keeps what the first made; every secret is its own."""
    first = secrets.keep(instance, {})
    before = kept(instance)
    second = secrets.keep(instance, {})
    assert kept(instance) == before
    assert (first.demo, first.admin) == (second.demo, second.admin)
    assert (first.changed, second.changed) == (True, False)
    assert len(set(before.values())) == len(before) == 10
    assert secrets.read(instance, "demo-password") == first.demo


def test_what_mail_needs(instance: Instance, owners: dict[str, str]) -> None:
    """The key is made once, the operator's password never; both are the desk's alone to read."""
    secrets.keep(instance, {})
    assert not instance.mail_password.exists()
    instance.mail_password.write_text("chosen elsewhere\n")
    instance.mail_password.chmod(0o644)
    secrets.keep(instance, {})
    assert instance.mail_password.read_text() == "chosen elsewhere\n"
    for path in (instance.mail_key, instance.mail_password):
        assert owners[path.name] == instance.desk_user
        assert stat.S_IMODE(path.stat().st_mode) == 0o400


def test_the_operators_own_password_of_the_desks_database(instance: Instance, owners: dict[str, str]) -> None:
    """It is never made; once it is there it is kept, and made the desk's alone to read."""
    secrets.keep(instance, {})
    path = instance.desk_database_password
    assert not path.exists()
    path.write_text("chosen elsewhere\n")
    path.chmod(0o644)
    secrets.keep(instance, {})
    assert path.read_text() == "chosen elsewhere\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o440
    assert owners[path.name] == f"root:{instance.desk_user}"


def test_two_instances_have_different_ones(instance: Instance, tmp_path: Path) -> None:
    """Nothing is fixed: what opens one installation opens no other."""
    other = Instance.beside(tmp_path / "other", "wpoth", 29000)
    secrets.keep(instance, {})
    secrets.keep(other, {})
    assert not set(kept(instance).values()) & set(kept(other).values())


def test_they_are_long_enough(instance: Instance) -> None:
    """Each is as long as what reads it asks for, and munge's key has at least 1,024 bits."""
    made = secrets.keep(instance, {})
    assert len(made.demo) >= 8
    assert len(made.admin) >= 32
    assert len(kept(instance)["munge.key"]) * 4 >= 1024
    assert len(kept(instance)["cookie-secret"]) == 64


def test_each_is_its_readers_alone(instance: Instance, owners: dict[str, str]) -> None:
    """Mode 0400, in a folder that can be walked and not listed; what Hub and desk share both may read."""
    secrets.keep(instance, {})
    for path in instance.secrets.iterdir():
        shared = path.name == "desk-token"
        assert stat.S_IMODE(path.stat().st_mode) == (0o440 if shared else 0o400), path
    assert stat.S_IMODE(instance.secrets.stat().st_mode) == 0o711
    assert owners["munge.key"] == "munge"
    assert owners["database-password"] == "root"
    assert owners["desk-signing-key"] == instance.desk_user
    assert owners["audit-signing-key"] == instance.audit_user
    assert owners["desk-token"] == f"{instance.hub_user}:{instance.desk_user}"
    assert {owners[name] for name in ("demo-password", "admin-password", "proxy-token", "cookie-secret")} == {
        instance.hub_user
    }


def test_given_passwords_replace_what_was(instance: Instance) -> None:
    """What the environment gives is used, is kept for the next run without it, and counts as a change."""
    secrets.keep(instance, {})
    given = secrets.keep(
        instance, {"WERKPLAATS_DEMO_PASSWORD": "geheim-genoeg", "WERKPLAATS_ADMIN_PASSWORD": ADMIN}
    )
    assert (given.demo, given.admin, given.changed) == ("geheim-genoeg", ADMIN, True)
    again = secrets.keep(instance, {})
    assert (again.demo, again.admin, again.changed) == ("geheim-genoeg", ADMIN, False)


def test_other_secrets_stay_when_a_password_changes(instance: Instance) -> None:
    """A new password logs nobody out of Slurm or the proxy."""
    secrets.keep(instance, {})
    before = kept(instance)
    secrets.keep(instance, {"WERKPLAATS_DEMO_PASSWORD": "geheim-genoeg"})
    assert {name for name, value in kept(instance).items() if value != before[name]} == {"demo-password"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WERKPLAATS_DEMO_PASSWORD", "kort"),
        ("WERKPLAATS_DEMO_PASSWORD", "with a\nnewline"),
        ("WERKPLAATS_DEMO_PASSWORD", "a-bell-\x07-in-it"),
        ("WERKPLAATS_ADMIN_PASSWORD", "x" * 31),
    ],
)
def test_a_password_that_the_hub_would_refuse(variable: str, value: str) -> None:
    """It is refused before anything is changed, with the length that is needed, and is not repeated."""
    with pytest.raises(StepFailed, match=variable) as failed:
        secrets.check({variable: value})
    assert str(secrets._LENGTHS[variable]) in failed.value.mend
    assert value not in failed.value.wrong + failed.value.mend


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"WERKPLAATS_DEMO_PASSWORD": ""},
        {"WERKPLAATS_DEMO_PASSWORD": "x" * 8, "WERKPLAATS_ADMIN_PASSWORD": "x" * 32},
        {"WERKPLAATS_DEMO_PASSWORD": "\N{SNOWMAN} is also a character", "PATH": "/bin"},
    ],
)
def test_a_password_that_the_hub_takes(given: dict[str, str], instance: Instance) -> None:
    """What is long enough and can be typed is good; what is empty was not given, and one is made."""
    secrets.check(given)
    assert len(secrets.keep(instance, given).demo) >= 8


def test_both_passwords_the_same() -> None:
    """Everybody would be the operator: refused before anything is changed."""
    with pytest.raises(StepFailed, match="are the same"):
        secrets.check({"WERKPLAATS_DEMO_PASSWORD": ADMIN, "WERKPLAATS_ADMIN_PASSWORD": ADMIN})


def test_the_demo_password_never_becomes_the_admins(instance: Instance) -> None:
    """The same fault over two runs: one is kept from the last, the other is given now."""

    def run(environment: dict[str, str]) -> None:
        secrets.check(environment)
        secrets.keep(instance, environment)

    run({"WERKPLAATS_ADMIN_PASSWORD": ADMIN})
    with pytest.raises(StepFailed, match="are the same"):
        run({"WERKPLAATS_DEMO_PASSWORD": ADMIN})


@pytest.mark.parametrize("password", [" spaces-around-it ", "trailing-space "])
def test_a_password_is_what_was_typed(instance: Instance, password: str) -> None:
    """What `make up` prints is what opens the door: the same text that the Hub reads from the file."""
    given = secrets.keep(instance, {"WERKPLAATS_DEMO_PASSWORD": password})
    assert secrets.read(instance, "demo-password") == given.demo


def test_a_secret_is_never_readable_while_it_is_written(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its first byte on, a file is its writer's alone."""
    modes = []
    rename = Path.rename

    def looking(self: Path, target: Path) -> Path:
        modes.append(stat.S_IMODE(self.stat().st_mode))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", looking)
    secrets.keep(instance, {})
    assert modes == [0o600] * 12  # ten secrets, and the two keys to check signatures with
