"""From a change to the ``sacctmgr`` commands that make it."""

from __future__ import annotations

from werkplaats_hub.streams.changes import Change, Sign
from werkplaats_hub.streams.model import COLUMNS, MARK, Column, Kind, Thing, tres
from werkplaats_spawners import associations

Command = list[str]

_NOW = ["sacctmgr", "--immediate"]


def commands(change: Change, cluster: str) -> list[Command]:
    """Return the commands of one change; none for one that waits.

    No text of a person's is in them: names are of the one pattern that Slurm reads as a name, and
    values are numbers and names.
    """
    where = f"cluster={cluster}"
    match change.sign:
        case Sign.ADD:
            return _add(change, cluster)
        case Sign.CHANGE:
            return _change(change, where)
        case Sign.REMOVE:
            return _remove(change, where)
        case Sign.WAIT:
            return []


def _add(change: Change, cluster: str) -> list[Command]:
    thing, settings = change.thing, _written(change)
    if thing.kind is Kind.QOS:
        # With --immediate sacctmgr reads no settings for a new QOS that depend on it: two commands.
        return [[*_NOW, "add", "qos", thing.name], [*_NOW, "modify", "qos", thing.name, "set", *settings]]
    if thing.kind is Kind.ACCOUNT:
        where = f"cluster={cluster}"
        return [[*_NOW, "add", "account", thing.name, where, f"organization={MARK}", *settings]]
    return [associations.add_person(thing.user, thing.name, cluster, settings)]


def _change(change: Change, where: str) -> list[Command]:
    thing, lines = change.thing, []
    if change.after:
        lines.append([*_NOW, "modify", *_named(thing, where), "set", *_written(change)])
    if change.marks:
        # An account is one for all clusters, and takes no cluster= when only its mark is set.
        mark = f"organization={MARK}"
        lines.append([*_NOW, "modify", "account", "where", f"name={thing.name}", "set", mark])
    return lines


def _named(thing: Thing, where: str) -> list[str]:
    if thing.kind is Kind.QOS:
        return ["qos", "where", f"name={thing.name}"]
    if thing.kind is Kind.ACCOUNT:
        return ["account", "where", f"name={thing.name}", where]
    only = [f"partition={thing.partition}"] if thing.partition else []
    return ["user", "where", f"name={thing.user}", f"account={thing.name}", where, *only]


def _remove(change: Change, where: str) -> list[Command]:
    thing = change.thing
    if thing.kind is Kind.ADMIN:
        return [[*_NOW, "modify", "user", "where", f"name={thing.user}", "set", "adminlevel=None"]]
    if thing.kind is Kind.COORDINATOR:  # one for all clusters, as the account is
        return [[*_NOW, "delete", "coordinator", "where", f"name={thing.user}", f"account={thing.name}"]]
    lines = [[*_NOW, "delete", *_named(thing, where)]]
    if change.default:
        # First: an account that is somebody's default while they have another cannot be removed.
        person = ["user", "where", f"name={thing.user}", where]
        lines.insert(0, [*_NOW, "modify", *person, "set", f"defaultaccount={change.default}"])
    return lines


def _written(change: Change) -> list[str]:
    columns = {column.setting: column for column in COLUMNS[change.thing.kind]}
    return [
        f"{setting}={_value(columns[setting], change.before.get(setting, ''), value)}"
        for setting, value in change.after.items()
    ]


def _value(column: Column, before: str, after: str) -> str:
    """Return what ``set`` takes, also to take a setting away."""
    if column.kind == "tres":
        keep = tres(after)
        gone = {key: -1 for key in tres(before) if key not in keep}
        return ",".join(f"{key}={amount}" for key, amount in {**keep, **gone}.items())
    if after != "":
        return after
    return {"names": "-1" if column.setting == "Flags" else "", "seconds": "0"}.get(column.kind, "-1")
