"""``werkplaats``: the operator's command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from werkplaats_hub import facility as facilities
from werkplaats_hub.audit_cli import app as audit_commands
from werkplaats_hub.datasets_cli import app as datasets_commands
from werkplaats_hub.instance import this_instance
from werkplaats_hub.streams.cli import app as streams_commands

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Run a Werkplaats.")
facility_commands = typer.Typer(no_args_is_help=True, help="The operator's file.")
app.add_typer(facility_commands, name="facility")
app.add_typer(streams_commands, name="streams")
app.add_typer(audit_commands, name="audit")
app.add_typer(datasets_commands, name="datasets")


@app.command()
def up(
    wheel: Annotated[Path, typer.Option(help="What the environments are installed from.")],
    constraints: Annotated[Path, typer.Option(help="The versions that were tested together.")],
    facility: Annotated[Path, typer.Option(help="The operator's file.")],
) -> None:
    """Bring this machine to the state it should be in (`make up` calls it)."""
    from single_machine.report import bring_up

    bring_up(this_instance(), wheel, constraints, facility)


@app.command()
def down() -> None:
    """Stop what `make up` started; work and accounts stay."""
    from single_machine.console import Console
    from single_machine.down import down as stop

    instance = this_instance()
    stop(instance, Console(instance.logs / "up.log"))


@app.command()
def doctor() -> None:
    """Say what is wrong with this installation, and what to do."""
    from single_machine.doctor import examine

    findings = examine(this_instance())
    for finding in findings:
        typer.echo(finding.line)
    if any(finding.wrong for finding in findings):
        raise typer.Exit(1)


@facility_commands.command()
def check(file: Path) -> None:
    """Say whether a facility.toml can be used; if not, where and what to do."""
    try:
        facility = facilities.read(file)
    except facilities.FacilityError as wrong:
        typer.echo(str(wrong), err=True)
        raise typer.Exit(1) from wrong
    typer.echo(
        f"{file}: good. {len(facility.streams)} streams, {len(facility.projects)} projects, "
        f"{len(facility.flavours)} flavours."
    )
