"""Withdraw a dataset: nobody can mount it any more; its record stays, for who used it must be told."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from werkplaats_datasets.adding import write
from werkplaats_datasets.catalogue import ENTRY, Catalogue, Dataset
from werkplaats_datasets.faults import Refused
from werkplaats_datasets.places import Places
from werkplaats_datasets.vault import NoSuch, Vault


@dataclass(frozen=True)
class Removed:
    """What was done.

    Attributes
    ----------
    withdrawn
        The versions that are offered no more.
    deleted
        Those whose bytes are gone.
    mounted
        Those whose bytes stay because jobs have them mounted, and those jobs.
    """

    withdrawn: tuple[str, ...]
    deleted: tuple[str, ...]
    mounted: dict[str, tuple[str, ...]]


def remove(name: str, places: Places, *, version: str | None = None, with_bytes: bool = False) -> Removed:
    """Withdraw a version of a dataset, or all; with their bytes unless a job has them mounted.

    Raises
    ------
    Refused
        When there is no such dataset or version.
    """
    with places.alone():
        catalogue = Catalogue(places.catalogue)
        found = [one for one in catalogue.all() if one.record.id == name]
        found = [one for one in found if version in (None, one.record.version)]
        if not found:
            which = name if version is None else f"{name} {version}"
            raise Refused(
                f"there is no dataset {which}: `werkplaats datasets list --all` shows what there is"
            )
        withdrawn = tuple(one.record.version for one in found if _withdraw(one, places))
        places.stand()
        deleted: list[str] = []
        mounted: dict[str, tuple[str, ...]] = {}
        for one in found if with_bytes else ():
            _delete(one, places, deleted, mounted)
        return Removed(withdrawn, tuple(deleted), mounted)


def _withdraw(dataset: Dataset, places: Places) -> bool:
    """Note that a version is offered no more; return whether that is new."""
    record, entry = dataset.record, dataset.entry
    if entry.withdrawn_at is not None:
        return False
    gone = entry.model_copy(update={"withdrawn_at": int(time.time())})
    path = places.catalogue / record.id / record.version / ENTRY
    write(path, gone.model_dump_json(indent=2).encode())
    return True


def _delete(
    dataset: Dataset, places: Places, deleted: list[str], mounted: dict[str, tuple[str, ...]]
) -> None:
    """Delete the bytes of a version that is withdrawn, so that no new mount can begin."""
    record = dataset.record
    try:
        source = Vault(places.vault, places.catalogue).lies(record.id, record.version)
    except NoSuch:
        return
    gone = source.with_name(f".{source.name}.gone")
    source.rename(gone)
    # The mount daemon notes a mount before it looks for the data: whoever found it is noted by now.
    jobs = tuple(_jobs(places.mounts, record.id, record.version))
    if jobs:
        gone.rename(source)
        mounted[record.version] = jobs
    elif gone.is_dir():
        shutil.rmtree(gone)
        deleted.append(record.version)
    else:
        gone.unlink()
        deleted.append(record.version)


def _jobs(mounts: Path, dataset: str, version: str) -> Iterator[str]:
    """Return the jobs that have a version mounted; what cannot be read counts as one that has."""
    for noted in sorted(mounts.glob(f"*/{dataset}.json")):
        try:
            known = json.loads(noted.read_text())
            mounted = known["grant"]["version"]
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError):
            mounted = version
        if mounted == version:
            yield noted.parent.name
