"""``werkplaats audit``: whether the journal is what the audit wrote, and what stands in it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from werkplaats_audit import anchors
from werkplaats_audit.acts import Act, last_acts
from werkplaats_audit.chain import Garbled
from werkplaats_audit.verify import Report
from werkplaats_audit.verify import verify as read_whole
from werkplaats_datasets.signed import Checker
from werkplaats_hub import audit_settings
from werkplaats_hub import facility as facilities
from werkplaats_hub.instance import Instance, this_instance

app = typer.Typer(no_args_is_help=True, help="The audit: what was done with datasets.")


@app.command()
def verify(
    anchor: Annotated[
        Path | None,
        typer.Option(help="Heads kept elsewhere, or mails with them; else those at the second place."),
    ] = None,
) -> None:
    """Say whether an entry was changed, taken out, moved or cut off, or an older state put back."""
    instance = this_instance()
    try:
        second = anchor or audit_settings.anchor(instance, facilities.read(instance.facility).audit)
        checker = Checker((instance.etc / "audit-signing-key.pub").read_bytes())
        with anchors.readable(second, checker) as held:
            report = read_whole(instance.audit_journal, checker, held)
    except anchors.NoHead as wrong:
        typer.echo(f"{wrong}. Save the mail as it came, with its headers.", err=True)
        raise typer.Exit(1) from wrong
    except OSError as wrong:
        typer.echo(_unread(wrong), err=True)
        raise typer.Exit(1) from wrong
    except (ValueError, facilities.FacilityError) as wrong:
        typer.echo(f"{wrong} Run `make up`.", err=True)
        raise typer.Exit(1) from wrong
    for line in said(report, instance, second):
        typer.echo(line)
    if report.count:
        raise typer.Exit(1)


@app.command()
def show(
    person: Annotated[str, typer.Option(help="Of this person alone.")] = "",
    dataset: Annotated[str, typer.Option(help="About this dataset alone.")] = "",
    last: Annotated[int, typer.Option(min=1, max=100_000, help="How many, the newest.")] = 100,
) -> None:
    """Print the last acts, a line each; one without an end is open."""
    try:
        acts = last_acts(this_instance().audit_journal, person=person, dataset=dataset, most=last)
    except OSError as wrong:
        typer.echo(_unread(wrong), err=True)
        raise typer.Exit(1) from wrong
    except (Garbled, KeyError, ValueError) as wrong:
        typer.echo(f"An entry cannot be read ({wrong}). Run `werkplaats audit verify`.", err=True)
        raise typer.Exit(1) from wrong
    for act in acts:
        typer.echo(_line(act))
    if not acts:
        typer.echo("The journal has nothing of that.")


def said(report: Report, instance: Instance, second: Path) -> list[str]:
    """Return what a reading found, a line each."""
    lines = [f"WRONG  entry {fault.entry} {fault.what}." for fault in report.faults]
    if report.count > len(report.faults):
        lines.append(f"WRONG  and {report.count - len(report.faults)} more.")
    if report.count:
        lines += [
            f"The journal in {instance.audit_journal} is not what the audit wrote, or not all of it.",
            "What to do: copy it and its heads away as they are, then read docs/how-to/audit.md.",
        ]
    elif report.entries:
        since, last = _moment(report.since), _moment(report.last_at)
        lines += [
            f"good: {report.entries} entries since {since}, the last of {last}",
            f"head: {report.head}",
            f"held against {report.heads} signed heads, and {report.anchored} at {second}",
        ]
    else:
        lines.append("good: the journal has no entries yet")
    return lines


def _line(act: Act) -> str:
    entry, event = act.begun, act.begun.event
    if event is None:
        return f"{entry.number}"
    what = f"{event.dataset} {event.version}".strip()
    where = f"job {event.job}" if event.job else ""
    detail = ", ".join(f"{key}: {value}" for key, value in event.detail.items())
    words = [event.person, what, event.project, where, event.by and f"by {event.by}", event.purpose, detail]
    end = act.outcome or "open"
    text = " | ".join(_one_line(word) for word in words if word)
    return f"{entry.number:>7}  {_moment(entry.at)}  {event.kind:<11} {end:<7}  {text}"


def _one_line(text: str) -> str:
    """Return a text that cannot pass for another line, nor turn the reading round."""
    return "".join(char if char.isprintable() else " " for char in text)


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _unread(wrong: OSError) -> str:
    mend = "Run it as root." if isinstance(wrong, PermissionError) else "See what is there, or run `make up`."
    return f"{wrong.filename or 'a file'} cannot be read ({wrong.strerror or wrong}). {mend}"
