"""What the doctor says of datasets, when something of theirs is not as it must be."""

from __future__ import annotations

import json
import shutil
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.desk.fake_datasets import lay

from single_machine import doctor_datasets
from single_machine.finding import Finding
from werkplaats_audit.settings import Settings
from werkplaats_datasets.grants import Revocations, sign_revocations
from werkplaats_datasets.signed import Signer, new_key
from werkplaats_hub.instance import Instance

SIGNER = Signer(new_key())


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """One with two datasets, and what the desk wrote a moment ago."""
    made = Instance.beside(tmp_path, "wpdoc", 28000)
    for folder in (made.etc, made.catalogue, made.vault, made.revocations.parent, made.run / "mounts"):
        folder.mkdir(parents=True)
    made.vault.chmod(0o700)
    for name, tier in (("trees", "open"), ("cohort", "restricted")):
        lay(made.catalogue, name, tier)
        (made.vault / name / "1.0.0").mkdir(parents=True)
    (made.etc / "desk-signing-key.pub").write_bytes(SIGNER.public())
    wrote(made)
    return made


def wrote(instance: Instance, seconds: int = 0, signer: Signer = SIGNER) -> None:
    """Have the desk have written its list, so long ago."""
    found = Revocations(issued_at=int(time.time()) - seconds)
    instance.revocations.write_text(sign_revocations(signer, found))


def wrong(findings: Iterator[Finding]) -> list[str]:
    """Return what is wrong, each of which says what to do."""
    found = [one for one in findings if one.wrong]
    assert all(one.mend for one in found)
    return [one.what for one in found]


def test_a_catalogue_that_is_good(instance: Instance) -> None:
    """One line."""
    assert list(doctor_datasets.catalogue(instance)) == [
        Finding("the catalogue can be read: 2 datasets are offered, 2 versions")
    ]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("record", "has a record that is no good"),
        ("closed", "not everybody may read"),
        ("folder", "not everybody may look into"),
        ("half", "is not whole"),
        ("data", "has no data in the vault"),
    ],
)
def test_a_dataset_that_is_not(instance: Instance, what: str, said: str) -> None:
    """Named, with what is wrong; the other one is still counted."""
    folder = instance.catalogue / "trees/1.0.0"
    match what:
        case "record":
            (folder / "croissant.json").write_text("{}")
        case "closed":
            (folder / "entry.json").chmod(0o600)
        case "folder":
            folder.chmod(0o700)
        case "half":
            (folder / "entry.json").unlink()
        case "data":
            shutil.rmtree(instance.vault / "trees")
    [found] = wrong(doctor_datasets.catalogue(instance))
    assert found.startswith("the dataset trees 1.0.0 ")
    assert said in found
    assert list(doctor_datasets.catalogue(instance))[-1].what.endswith("1 versions")


def test_a_vault_that_others_look_into(instance: Instance) -> None:
    """It is root's alone."""
    instance.vault.chmod(0o755)
    [found] = wrong(doctor_datasets.catalogue(instance))
    assert "others than root may look into" in found


def test_a_list_that_is_old(instance: Instance) -> None:
    """Missing, of long ago, of another key: the mount daemon would not go by it."""
    assert not doctor_datasets._the_list(instance).wrong
    wrote(instance, 100)
    found = doctor_datasets._the_list(instance)
    assert found.wrong
    assert "100 s ago" in found.what
    wrote(instance, 0, Signer(new_key()))
    assert doctor_datasets._the_list(instance).wrong
    instance.revocations.unlink()
    assert doctor_datasets._the_list(instance).wrong


@pytest.mark.parametrize("own", [True, False])
def test_the_mount_daemon_answers(instance: Instance, own: bool) -> None:
    """What it can stands there; and nothing answers is wrong."""
    [found] = wrong(doctor_datasets.mounts(instance))
    assert "does not answer" in found

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            assert json.loads(self.rfile.readline()) == {"want": "can"}
            self.wfile.write(json.dumps({"own_mounts": own}).encode() + b"\n")

    with socketserver.ThreadingUnixStreamServer(str(instance.mounts_socket), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        first = next(doctor_datasets.mounts(instance))
        server.shutdown()
    assert first == Finding(
        f"the mount daemon answers; it mounts {'every tier' if own else 'open datasets alone'}"
    )


def test_an_audit_without_room(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both its places are looked at; without an answer it says so too."""
    anchor = instance.state / "elsewhere/heads"
    for folder in (instance.audit_journal, anchor.parent):
        folder.mkdir()
    settings = Settings(
        socket=instance.audit_socket,
        folder=instance.audit_journal,
        anchor=anchor,
        key=instance.etc / "key",
        desk_user="nobody",
    )
    instance.audit_settings.write_text(settings.model_dump_json())
    assert len(wrong(doctor_datasets.audit(instance))) == 1, "nobody answers"
    monkeypatch.setattr(doctor_datasets, "_LEAST_FREE_MB", 10**12)
    found = wrong(doctor_datasets.audit(instance))
    assert [one.split(" left in ")[-1] for one in found[1:]] == sorted(
        map(str, [instance.audit_journal, anchor.parent])
    )
