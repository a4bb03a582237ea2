"""``werkplaats streams``: plan, apply and status, for the operator."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from werkplaats_hub import facility as facilities
from werkplaats_hub.away_page import away_page
from werkplaats_hub.desk_settings import desk_settings
from werkplaats_hub.enrol_settings import enrol_settings
from werkplaats_hub.facility import Facility, FacilityError
from werkplaats_hub.instance import Instance, this_instance
from werkplaats_hub.launch_settings import launch_settings
from werkplaats_hub.slurm_commands import Slurm, SlurmFailed
from werkplaats_hub.streams import plan as planning
from werkplaats_hub.streams import settings
from werkplaats_hub.streams.changes import Change
from werkplaats_hub.streams.plan import Applied, Plan
from werkplaats_hub.streams.status import history, status, tables

app = typer.Typer(no_args_is_help=True, help="Streams, projects and people, as Slurm keeps them.")

File = Annotated[
    Path | None, typer.Option("--facility", help="Another facility.toml than the installed one.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Answer = TypeVar("Answer")

_LEFT = 2  # exit status: what could be done is done, and something is left


@app.command("plan")
def show_plan(facility: File = None, as_json: Json = False) -> None:
    """Show what Slurm has and what it should have, as a diff. Changes nothing."""
    _as_root()
    instance = this_instance()
    read = _facility(instance, facility)
    slurm = Slurm(instance)
    found, wrong = _asked(lambda: (_planned(read, slurm), settings.faults(read, slurm)))
    if as_json:
        changes = planning.as_json(found.changes)
        shown = {"changes": changes, "by_hand": found.by_hand, "slurm_conf": wrong}
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    _show(found, wrong)


@app.command("apply")
def apply_plan(
    facility: File = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[
        bool, typer.Option(help="Also drop what has running jobs (they are cancelled) or used budget.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make Slurm hold what the facility says. Asks first."""
    _as_root()
    if as_json and not yes:
        raise _refused("--json is for programs, and nobody can be asked: add --yes.")
    instance = this_instance()
    read = _facility(instance, facility)
    slurm = Slurm(instance)
    found = _asked(lambda: _planned(read, slurm))
    if not as_json:
        _show(found, _asked(lambda: settings.faults(read, slurm)))
    if found.todo(force) and not yes:
        found = _agreed(found, read, slurm, force)
    done = planning.apply(found, slurm, force=force, say=_silent if as_json else typer.echo)
    kept = () if force else found.guarded
    if as_json:
        typer.echo(json.dumps(planning.outcome(done, kept, found.waiting), indent=2, ensure_ascii=False))
    else:
        _tell(done, kept, found.waiting)
    if done.failure:
        raise typer.Exit(1)
    _install(facility, read, instance)
    if kept:
        raise typer.Exit(_LEFT)


def _silent(line: str) -> None:
    """Say nothing: JSON comes at the end."""


def _as_root() -> None:
    """Refuse anybody else: of whom Slurm hides the half it would be confident nonsense."""
    if os.geteuid() != 0:
        raise _refused("Run it as root: Slurm hides others' associations from you.")


def _refused(sentence: str) -> typer.Exit:
    """Say why nothing was done; return the exit for it."""
    typer.echo(sentence, err=True)
    return typer.Exit(1)


def _tell(done: Applied, kept: tuple[Change, ...], waiting: tuple[Change, ...]) -> None:
    """Say what was done and what was not."""
    if done.failure:
        typer.echo(f"Stopped at the first failure: {done.failure}", err=True)
        typer.echo(f"Done: {len(done.done)}. Not done: {len(done.left)}:", err=True)
        for change in done.left:
            typer.echo(f"  {change.sign.value} {change.thing}", err=True)
        typer.echo("Mend what it says and run this again: what is done stays done.", err=True)
        return
    if waiting:
        typer.echo("Waits:")
        for change in waiting:
            typer.echo(f"  {change.thing}: {change.note}")
    if kept:
        typer.echo("Left as they are; --force drops them, and cancels their jobs:")
        for change in kept:
            typer.echo(f"  {change.thing}: {change.guard}")
        return
    if not waiting:
        typer.echo("Slurm holds what the facility says." if done.done else "Nothing to do.")


@app.command("status")
def show_status(
    facility: File = None,
    as_json: Json = False,
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="History: the first day (2026-01-31).")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="History: the first day not counted (tomorrow).")
    ] = None,
) -> None:
    """Show use against entitlement; with --from, the history that accounting kept."""
    _as_root()
    days = _days(since, until)
    instance = this_instance()
    read = _facility(instance, facility)
    slurm = Slurm(instance)
    if days is not None:
        past = _asked(lambda: history(read, slurm, *days))
        typer.echo(json.dumps(past, indent=2) if as_json else _listed(past))
        return
    found = _asked(lambda: status(read, slurm, datetime.now().astimezone()))
    typer.echo(json.dumps(found.as_json(), indent=2) if as_json else "\n".join(tables(found)))


def _days(since: str | None, until: str | None) -> tuple[date, date] | None:
    """Return the first day of a history and the first one not in it; none when none was asked for."""
    if since is None:
        if until is not None:
            raise _refused("--to is the end of a history: add --from, its first day.")
        return None
    first = _day("--from", since)
    last = date.today() + timedelta(days=1) if until is None else _day("--to", until)
    if first >= last:
        raise _refused(f"--from {first} must be before --to {last}, the first day that is not counted.")
    return first, last


def _day(option: str, text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise _refused(f"{option} is '{text}', and must be a day, such as {date.today()}.") from None


def _planned(facility: Facility, slurm: Slurm) -> Plan:
    return planning.plan(facility, slurm, datetime.now().astimezone().date())


def _agreed(found: Plan, facility: Facility, slurm: Slurm, force: bool) -> Plan:
    """Ask until what was agreed to is what would be done now: somebody may change Slurm meanwhile."""
    while True:
        if not typer.confirm("Make these changes?"):
            typer.echo("Nothing was changed.")
            raise typer.Exit(1)
        again = _asked(lambda: _planned(facility, slurm))
        if again.todo(force) == found.todo(force):
            return again
        typer.echo("Slurm has changed since. This is what it would be now:")
        _show(again, [])
        found = again


def _show(found: Plan, wrong: list[str]) -> None:
    for line in planning.lines(found):
        typer.echo(line)
    for fault in wrong:
        typer.echo(f"! {fault}")
    if not found.changes and not found.by_hand and not wrong:
        typer.echo("Nothing to change: Slurm holds what the facility says.")


def _facility(instance: Instance, file: Path | None) -> Facility:
    try:
        return facilities.read(file or instance.facility, instance.drop)
    except FacilityError as wrong:
        typer.echo(str(wrong), err=True)
        raise typer.Exit(1) from wrong


def _asked(question: Callable[[], Answer]) -> Answer:
    try:
        return question()
    except SlurmFailed as wrong:
        typer.echo(f"Slurm cannot be asked: {wrong}", err=True)
        typer.echo("What to do: run `werkplaats doctor`, and this again as root.", err=True)
        raise typer.Exit(1) from wrong


def _install(file: Path | None, facility: Facility, instance: Instance) -> None:
    """Put what programs and the desk must know of the file, and another file itself, in their places."""
    _replace(instance.etc / "launch.json", launch_settings(instance, facility).text())
    newcomers = enrol_settings(instance, facility)
    if newcomers is not None:
        _replace(instance.etc / "enrol.json", newcomers.text())
    else:
        (instance.etc / "enrol.json").unlink(missing_ok=True)
    alone = facilities.read(file or instance.facility)
    _replace(instance.desk_settings, desk_settings(instance, alone))
    instance.away_page.parent.mkdir(exist_ok=True)
    instance.away_page.parent.chmod(0o755)  # the proxy, which is not root, reads in it, whatever root's umask
    _replace(instance.away_page, away_page(alone.facility))
    if file is not None:
        _replace(instance.facility, file.read_text(encoding="utf-8"))


def _replace(path: Path, text: str) -> None:
    """Write a file, whole or not at all; one that says so already is left as it is."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    os.chmod(new, 0o644)
    new.replace(path)


def _listed(past: dict[str, float]) -> str:
    width = max(len(name) for name in past)
    return "\n".join(f"{name.ljust(width)}  {hours:10g} GPU-hours" for name, hours in past.items())
