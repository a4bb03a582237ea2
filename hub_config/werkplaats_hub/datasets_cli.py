"""``werkplaats datasets``: what the operator does with the catalogue."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from werkplaats_datasets import adding, dcat
from werkplaats_datasets.catalogue import Catalogue, Dataset
from werkplaats_datasets.faults import Broken, Refused
from werkplaats_datasets.helper import Helper
from werkplaats_datasets.record import Record, Words
from werkplaats_datasets.removing import Removed
from werkplaats_datasets.removing import remove as withdraw
from werkplaats_hub import facility as facilities
from werkplaats_hub.dataset_places import places
from werkplaats_hub.instance import Instance, this_instance

app = typer.Typer(no_args_is_help=True, help="The catalogue of datasets and the data itself.")

Folder = Annotated[Path, typer.Argument(help="A folder with croissant.json and data/ (or data.squashfs).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_LEFT = 2  # exit status: what could be done is done, and something is left


@app.command()
def add(
    folder: Folder,
    image: Annotated[bool, typer.Option("--image", help="Keep it as one squashfs image.")] = False,
    change: Annotated[
        bool,
        typer.Option("--change", help="It may have another steward, owner or tier than the dataset has."),
    ] = False,
) -> None:
    """Check a dataset, lay it into the vault, and offer it."""
    _as_root()
    instance = this_instance()
    with _told():
        helper = Helper.of(instance.notebook)
        done = adding.add(folder, places(instance), helper, as_image=image, change=change)
    named = f"{done.record.id} {done.record.version}"
    if not done.new:
        typer.echo(f"{named} is offered already, with this record.")
        return
    typer.echo(
        f"{named} is offered ({done.record.tier}): {done.entry.files} files, {_size(done.entry.size_bytes)}."
    )
    _note_steward(done.record)


@app.command()
def check(folder: Folder) -> None:
    """Say whether a dataset could be added; if not, in which file, where, and what to do. Changes nothing."""
    with _told():
        given = adding.check(folder, Helper.of(this_instance().notebook))
    record = given.record
    typer.echo(f"{folder}: good. {record.id} {record.version} ({record.tier}), {len(record.files)} files.")
    _note_steward(record)


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Also older and withdrawn versions.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is offered."""
    catalogue = Catalogue(this_instance().catalogue)
    found = tuple(catalogue.all()) if everything else catalogue.offered()
    if as_json:
        rows = [_row(one, catalogue) for one in found]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for one in found:
        record, entry = one.record, one.entry
        left = f"{record.id:<20} {record.version:<12} {record.tier:<11} {_size(entry.size_bytes):>10}"
        typer.echo(f"{left}  {_state(one, catalogue):<10} {record.title.en}")
    if not found:
        typer.echo("The catalogue is empty: `werkplaats datasets add FOLDER` adds a dataset.")


@app.command()
def remove(
    dataset: Annotated[str, typer.Argument(help="Its id.")],
    version: Annotated[str | None, typer.Option(help="Only this version.")] = None,
    with_bytes: Annotated[
        bool, typer.Option("--bytes", help="Also delete the data itself, unless a job has it mounted.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Offer a dataset no more; its record stays. What is mounted stays mounted."""
    _as_root()
    which = dataset if version is None else f"{dataset} {version}"
    if with_bytes and not yes and not typer.confirm(f"Delete the data of {which} for good?"):
        typer.echo("Nothing was changed.")
        raise typer.Exit(1)
    with _told():
        done = withdraw(dataset, places(this_instance()), version=version, with_bytes=with_bytes)
    _tell(dataset, done)
    if done.mounted:
        raise typer.Exit(_LEFT)


@app.command()
def export(
    address: Annotated[
        str, typer.Option(help="The public address of the desk's datasets, by which the export names them.")
    ] = "",
) -> None:
    """Print the catalogue as DCAT 3 (DCAT-AP), in JSON-LD, for other catalogues to harvest."""
    instance = this_instance()
    name = _facility_name(instance)
    title = Words(nl=f"Datasets van {name.nl}", en=f"Datasets of {name.en}")
    at = address or f"{instance.url}services/desk/datasets/"
    offered = Catalogue(instance.catalogue).offered()
    found = dcat.export(offered, address=at.rstrip("/") + "/", publisher=name.nl, title=title)
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


def _facility_name(instance: Instance) -> Words:
    try:
        name = facilities.read(instance.facility).facility.name
    except facilities.FacilityError as wrong:
        typer.echo(str(wrong), err=True)
        raise typer.Exit(1) from wrong
    return Words(nl=name.nl, en=name.en)


def _row(dataset: Dataset, catalogue: Catalogue) -> dict[str, Any]:
    record = dataset.record.model_dump(mode="json", exclude={"files"})
    state = _state(dataset, catalogue)
    return {**record, **dataset.entry.model_dump(mode="json"), "state": state}


def _state(dataset: Dataset, catalogue: Catalogue) -> str:
    if dataset.entry.withdrawn_at is not None:
        return "withdrawn"
    current = catalogue.current(dataset.record.id) == dataset.record.version
    return "offered" if current else "older"


def _tell(dataset: str, done: Removed) -> None:
    """Say what was done and what was not."""
    for version in done.withdrawn:
        typer.echo(f"{dataset} {version} is offered no more.")
    for version in done.deleted:
        typer.echo(f"The data of {dataset} {version} is deleted; its record stays.")
    for version, jobs in done.mounted.items():
        typer.echo(
            f"The data of {dataset} {version} stays: it is mounted in job {', '.join(jobs)}. "
            "Run this again when that has ended.",
            err=True,
        )
    if not (done.withdrawn or done.deleted or done.mounted):
        typer.echo("Nothing to do.")


def _note_steward(record: Record) -> None:
    """Say when nobody could decide: a newcomer of that name would be the steward."""
    person = record.steward.person
    try:
        pwd.getpwnam(person)
    except KeyError:
        typer.echo(
            f"Note: nobody on this machine is called {person}, its steward (maintainer.identifier): "
            "have them sign in first, so that no newcomer takes that name."
        )


@contextmanager
def _told() -> Iterator[None]:
    """Say what is wrong in sentences, and end."""
    try:
        yield
    except (Broken, Refused) as wrong:
        typer.echo(str(wrong), err=True)
        raise typer.Exit(1) from wrong
    except OSError as wrong:
        when = datetime.now().isoformat(timespec="seconds")
        typer.echo(f"{wrong} ({when}). Nothing was half done: mend it, and run this again.", err=True)
        raise typer.Exit(1) from wrong


def _as_root() -> None:
    if os.geteuid() != 0:
        typer.echo("Run it as root: the vault is root's alone.", err=True)
        raise typer.Exit(1)


def _size(size: int) -> str:
    """Return a size as people say it.

    >>> _size(999), _size(61_000_000)
    ('999 B', '61.0 MB')
    """
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
