"""What the doctor says of datasets: the catalogue, the mount daemon, the desk's list, the audit."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from single_machine.finding import Finding
from werkplaats_audit.client import Audit, AuditAway
from werkplaats_audit.settings import Settings
from werkplaats_datasets.catalogue import CURRENT, ENTRY, RECORD, Catalogue
from werkplaats_datasets.grants import read_revocations
from werkplaats_datasets.signed import Checker
from werkplaats_datasets.vault import NoSuch, Vault
from werkplaats_hub.instance import Instance

#: The desk writes its list every few seconds; the mount daemon goes by none that is older than this (s).
_LIST_SECONDS: Final = 30
#: Below this much room the audit's next million entries may not fit (MB), and nothing would be mounted.
_LEAST_FREE_MB: Final = 1024
_ANSWERS_WITHIN: Final = 5.0
#: What everybody may do with a folder, and with a file.
_WALKED, _READ = 0o005, 0o004


def catalogue(instance: Instance) -> Iterator[Finding]:
    """Look whether each dataset can be read by all, is whole, and has its data."""
    shelf, vault = Catalogue(instance.catalogue), Vault(instance.vault, instance.catalogue)
    if instance.vault.exists() and instance.vault.stat().st_mode & 0o077:
        what = f"others than root may look into {instance.vault}, where the data lies"
        yield Finding(what, True, f"chmod 700 {instance.vault}; think of who may have read it")
    good = 0
    for path in _versions(instance.catalogue):
        wrong = _of_version(path, shelf, vault)
        good += not wrong
        if wrong:
            mend = (
                f"put back what was added (`werkplaats datasets add FOLDER`), or `remove {path.parent.name}`"
            )
            yield Finding(f"the dataset {path.parent.name} {path.name} {wrong}", True, mend)
    yield Finding(f"the catalogue can be read: {len(shelf.offered())} datasets are offered, {good} versions")


def _versions(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/*") if path.is_dir() and not path.is_symlink())


def _of_version(path: Path, shelf: Catalogue, vault: Vault) -> str:
    """Return what is wrong with a version; nothing where it is good."""
    name, version = path.parent.name, path.name
    for folder in (path.parent, path):
        if folder.stat().st_mode & _WALKED != _WALKED:
            return f"cannot be read by the desk: not everybody may look into {folder}"
    for file in (path / RECORD, path / ENTRY, path.parent / CURRENT):
        if not file.exists():
            return f"is not whole: {file} is not there"
        if not file.stat().st_mode & _READ:
            return f"cannot be read by the desk: not everybody may read {file}"
    found = shelf.find(name, version)
    if found is None:
        return f"has a record that is no good: {path / RECORD} or {path / ENTRY}"
    try:
        vault.lies(name, version)
    except NoSuch:
        return "" if found.entry.withdrawn_at is not None else "has no data in the vault"
    return ""


def mounts(instance: Instance) -> Iterator[Finding]:
    """Ask the mount daemon what it can, and look how old the desk's list is that it goes by."""
    log = f"read {instance.logs}/mounts.out, mend what it names, and run `make up`"
    try:
        said = _ask(instance.mounts_socket, {"want": "can"})
        able = bool(said["own_mounts"])
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        yield Finding(f"the mount daemon does not answer, and so no dataset is mounted: {wrong}", True, log)
    else:
        yield Finding(
            f"the mount daemon answers; it mounts {'every tier' if able else 'open datasets alone'}"
        )
    yield _the_list(instance)


def _the_list(instance: Instance) -> Finding:
    path = instance.revocations
    mend = f"read the end of {instance.logs}/desk.out; after two minutes without it restricted datasets go"
    try:
        checker = Checker((instance.etc / "desk-signing-key.pub").read_bytes())
        found = read_revocations(checker, path.read_text(encoding="ascii"))
    except (OSError, ValueError) as wrong:
        return Finding(f"what was taken back is not in {path}: {wrong}", True, mend)
    age = int(time.time() - found.issued_at)
    if not -_LIST_SECONDS <= age <= _LIST_SECONDS:
        return Finding(f"what was taken back was last written {age} s ago, in {path}", True, mend)
    return Finding(f"what was taken back reaches the mount daemon: {len(found.entries)} entries, {age} s old")


def _ask(path: Path, message: dict[str, Any]) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_ANSWERS_WITHIN)
        connection.connect(str(path))
        connection.sendall(json.dumps(message).encode() + b"\n")
        with connection.makefile("rb") as lines:
            return dict(json.loads(lines.readline(65536)))


def audit(instance: Instance) -> Iterator[Finding]:
    """Ask the audit for its head, and look how much room its journal has, at both places."""
    try:
        head = Audit(instance.audit_socket).head()
    except AuditAway as wrong:
        what = f"the audit writes nothing, and so no dataset is mounted: {wrong}"
        yield Finding(what, True, f"mend what it says, or read {instance.logs}/audit.out")
    else:
        yield Finding(f"the audit writes; its last entry is {head.entry}")
    settings = Settings.model_validate_json(instance.audit_settings.read_bytes())
    for path in sorted({settings.folder, settings.anchor.parent}):
        free = shutil.disk_usage(path).free // 2**20
        if free < _LEAST_FREE_MB:
            mend = f"make room on the disk of {path}: when it is full, nothing is mounted or granted any more"
            yield Finding(f"the audit has {free} MB left in {path}", True, mend)
        else:
            yield Finding(f"the audit has {free // 1024} GB left in {path}")
