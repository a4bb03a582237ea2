"""The datasets that come with the platform: made on the machine itself, when they are not there."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, Final

from single_machine import files
from single_machine.console import Console, StepFailed
from werkplaats_datasets import adding
from werkplaats_datasets.catalogue import Catalogue
from werkplaats_datasets.faults import Broken, Changed, Refused, Taken
from werkplaats_datasets.helper import Helper
from werkplaats_datasets.places import Places
from werkplaats_datasets.vault import NoSuch, Vault
from werkplaats_hub.dataset_places import places
from werkplaats_hub.instance import Instance

NAMES: Final = ("vehicles", "municipal-assets", "cohort")
_WITHIN: Final = 600
_MAKING: Final = ".making-"


def lay_down(console: Console, instance: Instance) -> None:
    """Make and add those that are missing, or whose generator is another; then see to ``/data``.

    One that the operator removed stays removed.

    Raises
    ------
    StepFailed
    """
    where = places(instance)
    stamp = instance.state / "bundled-datasets.json"
    digest = _digest()
    made = _made(stamp)
    for left in instance.state.glob(f"{_MAKING}*"):  # of a run that was killed
        shutil.rmtree(left)
    try:
        for name in NAMES:
            if _wanted(name, where, same=made.get(name) == digest):
                _make(console, instance, where, name)
            made[name] = digest
        with where.alone():
            where.stand()
    except (Broken, Refused) as wrong:
        raise StepFailed(str(wrong), "mend what it names, then run `make up` again") from wrong
    files.write(stamp, json.dumps(made, indent=2) + "\n")


def _digest() -> str:
    """Return what tells one version of the generators from another."""
    found = hashlib.sha256()
    folder = resources("werkplaats_datasets") / "bundled"
    for part in sorted(folder.iterdir(), key=lambda one: one.name):
        if part.name.endswith((".py", ".json")):
            found.update(part.name.encode() + b"\n" + part.read_bytes())
    return found.hexdigest()


def _made(stamp: Path) -> dict[str, Any]:
    try:
        found = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return {}
    return dict(found) if isinstance(found, Mapping) else {}


def _wanted(name: str, where: Places, same: bool) -> bool:
    """Return whether a dataset must be made: it is missing, or would be another one now."""
    catalogue = Catalogue(where.catalogue)
    current = catalogue.current(name)
    if current is None:
        return True
    if catalogue.find(name) is None:  # withdrawn
        return False
    try:
        Vault(where.vault, where.catalogue).lies(name, current)
    except NoSuch:
        return True
    return not same


def _make(console: Console, instance: Instance, where: Places, name: str) -> None:
    """Have a generator make a dataset, without root's rights, and add it."""
    helper = Helper.of(instance.notebook)
    with tempfile.TemporaryDirectory(dir=instance.state, prefix=_MAKING) as folder:
        shutil.chown(folder, "nobody", "nogroup")
        helper.run("werkplaats_datasets.bundled", name, folder, within=_WITHIN)
        try:
            done = adding.add(Path(folder), where, helper)
        except (Taken, Changed) as taken:
            console.note(f"{name} stays as it was: {taken}")
            return
    console.note(f"{name} {done.record.version} is offered")
