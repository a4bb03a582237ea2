"""Read ``facility.toml`` into frozen models; an error names the file, the key and the mend."""

from __future__ import annotations

import logging
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from werkplaats_hub import granted
from werkplaats_hub.audit_settings import AuditPlace
from werkplaats_hub.granted import Drop
from werkplaats_hub.help_settings import Help
from werkplaats_hub.look import FacilityLook
from werkplaats_spawners.language import Language
from werkplaats_spawners.offer import (
    Budgets,
    FirstSteps,
    Flavour,
    Frozen,
    Lending,
    Name,
    Offer,
    Person,
    Project,
    Stream,
)

_log = logging.getLogger(__name__)

#: Shares are written with a few decimals; thirds must be able to sum to one.
_ROUNDING = 0.001


#: Slurm's administrator passes by every limit.
_ROOT = "root"
_NOBODY = "whom Slurm limits in nothing; take the name out"

#: What an address of the desk's database looks like.
_POSTGRESQL = "postgresql+psycopg://desk@db.example/desk"
#: What of libpq's words in an address is secret.
_SECRETS = frozenset({"password", "sslpassword"})

#: Sections of which every table has a name of its own: ``[streams.regional]``.
_NAMED = ("streams", "projects", "flavours")


class FacilityError(Exception):
    """The file cannot be used; the text says where and what to do, one line a fault."""


class House(FacilityLook):
    """Who this is, and which language it speaks to whom has not chosen."""

    language: Language = "nl"


class Limits(Frozen):
    """What one person may have: servers of the Hub's, and jobs of Slurm's that wait and run in a stream."""

    named_servers: int = Field(default=4, ge=0, le=100, description="per person, beside the default one")
    jobs_per_person: int = Field(default=200, ge=1, le=1_000_000, description="in each stream, and borrowing")


class Partitions(Frozen):
    """Where in Slurm servers run, and what goes with a GPU.

    Attributes
    ----------
    gpu, cpu
        The partitions of servers with and without a GPU. They share no cores: work without a GPU has
        cores of its own.
    cpus_per_gpu, memory_gb_per_gpu
        A stream's share is GPUs with this much beside each. A job that takes more beside its GPU is
        counted for as many GPUs as it keeps others from (``TRESBillingWeights`` of the partition).
    """

    gpu: Name = "gpu"
    cpu: Name = "cpu"
    cpus_per_gpu: int = Field(default=4, ge=1, le=1024)
    memory_gb_per_gpu: int = Field(default=16, ge=1, le=8192, description="GiB")

    @model_validator(mode="after")
    def _are_two(self) -> Partitions:
        if self.gpu == self.cpu:
            raise ValueError(f"gpu and cpu are both '{self.gpu}'; name two partitions, that share no cores")
        return self


class Demo(Frozen):
    """People to try a single machine with; they become system users."""

    people: tuple[Person, ...] = Field(strict=False)
    admins: tuple[Person, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _admins_are_people(self) -> Demo:
        for admin in self.admins:
            if admin not in self.people:
                raise ValueError(f"'{admin}' is in admins but not in people; add the name to people")
        return self


class Desk(Frozen):
    """What the desk may give out, and to whom it listens.

    Attributes
    ----------
    most_gpu_hours
        What all projects and courses of the desk may have together in one period; each stream's part
        of it is its share.
    most_course_hours
        What a teacher may give one course without asking.
    course_stream
        The stream of courses; without one that of first steps, or else the first.
    teachers, teacher_groups, operator_groups
        Who makes courses and, beside the Hub's admins, who decides on requests.
    stewards, steward_groups
        Who decides on datasets, beside the steward that a dataset's own record names.
    database
        An address of SQLAlchemy's; without one SQLite on this machine. It holds no password.
    """

    most_gpu_hours: int = Field(default=0, ge=0, le=100_000_000)
    most_course_hours: int = Field(default=0, ge=0, le=1_000_000)
    course_stream: Name | None = None
    teachers: tuple[Person, ...] = Field(default=(), strict=False)
    teacher_groups: tuple[str, ...] = Field(default=(), strict=False)
    operator_groups: tuple[str, ...] = Field(default=(), strict=False)
    stewards: tuple[Person, ...] = Field(default=(), strict=False)
    steward_groups: tuple[str, ...] = Field(default=(), strict=False)
    database: str = ""

    @field_validator("database")
    @classmethod
    def _is_an_address_without_a_secret(cls, address: str) -> str:
        """Refuse a password: everybody on the machine can read this file. No error repeats the value."""
        if not address:
            return address
        try:
            url = make_url(address)
        except (ArgumentError, ValueError):  # the text of either may hold what was taken for a port
            raise ValueError(f"write an address such as {_POSTGRESQL}") from None
        if url.password is not None or not _SECRETS.isdisjoint(url.query):
            raise ValueError("it holds a password; put that into secrets/desk-database-password instead")
        if url.drivername not in ("postgresql+psycopg", "sqlite"):
            raise ValueError(f"the desk knows PostgreSQL and SQLite; write an address such as {_POSTGRESQL}")
        return address


class Facility(Frozen):
    """The whole file."""

    facility: House
    streams: tuple[Stream, ...] = Field(min_length=1)
    projects: tuple[Project, ...] = ()
    flavours: tuple[Flavour, ...] = Field(min_length=1)
    first_steps: FirstSteps | None = None
    lending: Lending = Lending()
    budgets: Budgets = Budgets()
    partitions: Partitions = Partitions()
    limits: Limits = Limits()
    desk: Desk = Desk()
    audit: AuditPlace = AuditPlace()
    help: Help | None = None
    demo: Demo | None = None

    @model_validator(mode="after")
    def _shares_make_a_whole(self) -> Facility:
        total = sum(stream.share for stream in self.streams)
        if abs(total - 1) > _ROUNDING:
            raise ValueError(f"the shares of the streams sum to {total:g}; change them so that they sum to 1")
        guaranteed = [stream.name for stream in self.streams if stream.guaranteed]
        if len(guaranteed) > 1:
            raise ValueError(
                f"the streams {' and '.join(guaranteed)} are both guaranteed; leave it with one: "
                "rounding cannot favour two"
            )
        return self

    @model_validator(mode="after")
    def _agrees(self) -> Facility:
        names = {stream.name for stream in self.streams}
        known = ", ".join(sorted(names))
        if self.first_steps and self.first_steps.stream not in names:
            raise ValueError(f"first_steps.stream is '{self.first_steps.stream}'; write one of: {known}")
        if self.help:
            self.help.require({stream.name: stream.share for stream in self.streams})
        if self.desk.course_stream and self.desk.course_stream not in names:
            raise ValueError(f"desk.course_stream is '{self.desk.course_stream}'; write one of: {known}")
        for project in self.projects:
            if project.stream not in names:
                raise ValueError(
                    f"projects.{project.name}.stream is '{project.stream}'; write one of: {known}"
                )
            if project.name in names:
                raise ValueError(f"projects.{project.name} has the name of a stream; choose another name")
        return self

    @model_validator(mode="after")
    def _flavours_are_parts_of_a_share(self) -> Facility:
        """Refuse a server that would count for more GPUs of its stream's share than it has."""
        for flavour in self.flavours:
            if flavour.hours > flavour.max_hours:
                raise ValueError(
                    f"flavours.{flavour.name}.hours is above its max_hours; lower one of the two"
                )
            of_one = {"cpus": self.partitions.cpus_per_gpu, "memory_gb": self.partitions.memory_gb_per_gpu}
            for key, each in of_one.items():
                most = flavour.gpus * each
                if flavour.gpus and getattr(flavour, key) > most:
                    raise ValueError(
                        f"flavours.{flavour.name}.{key} is above {most}, which goes with its GPUs "
                        f"(partitions.{key}_per_gpu); lower it, or give it more GPUs"
                    )
        return self

    @model_validator(mode="after")
    def _can_be_kept(self) -> Facility:
        for project in self.projects:
            for key, people in (("members", project.members), ("owners", project.owners)):
                if _ROOT in people:
                    raise ValueError(f"projects.{project.name}.{key} has 'root', {_NOBODY}")
            if not project.call.isprintable():
                raise ValueError(
                    f"projects.{project.name}.call has a line break or another control character; "
                    "write it as one line of text"
                )
        if self.demo and _ROOT in self.demo.people:
            raise ValueError(f"demo.people has 'root', {_NOBODY}")
        return self

    @property
    def offer(self) -> Offer:
        """Return what requests are judged against."""
        newcomers = (self.first_steps.project,) if self.first_steps else ()
        return Offer(
            flavours=self.flavours,
            streams=self.streams,
            projects=(*self.projects, *newcomers),
            lending=self.lending,
            budgets=self.budgets,
        )


def read(path: Path, drop: Drop | None = None) -> Facility:
    """Read and check a ``facility.toml``, and what the desk granted beside it.

    Parameters
    ----------
    drop
        Where the desk leaves a file for each project; one that cannot be used is left out, with a
        sentence in the log, and takes nothing else with it.

    Raises
    ------
    FacilityError
        When it is missing, is not TOML, or says something that cannot be; every fault is named
        with its key and what to do.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as wrong:
        raise FacilityError(f"{path}: cannot be read ({wrong.strerror}).") from wrong
    except RecursionError as wrong:
        raise FacilityError(f"{path}: is not TOML: a value is nested too deep. Mend that line.") from wrong
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise FacilityError(f"{path}: is not TOML: {wrong}. Mend that line.") from wrong
    try:
        facility = Facility.model_validate(_named(raw, path))
    except ValidationError as invalid:
        faults = [f"{path}: {_fault(dict(error), raw)}" for error in invalid.errors()]
        raise FacilityError("\n".join(faults)) from None
    if drop is None:
        return facility
    most, period = facility.desk.most_gpu_hours, facility.budgets.period
    found = granted.read(drop, facility.streams, facility.projects, most, period)
    for sentence in found.faults:
        _log.warning("%s", sentence)
    return facility.model_copy(update={"projects": (*facility.projects, *found.projects)})


def _named(raw: dict[str, Any], path: Path) -> dict[str, Any]:
    """Turn ``[streams.NAME]`` tables into lists of objects that know their name, in file order."""
    named = dict(raw)
    for section in _NAMED:
        tables = raw.get(section, {})
        if isinstance(tables, dict):
            named[section] = tuple(
                _with_name(f"{section}.{name}", name, tables[name], path) for name in tables
            )
    return named


def _with_name(key: str, name: str, table: Any, path: Path) -> Any:
    if not isinstance(table, dict):
        return table
    if "name" in table:
        raise FacilityError(f"{path}: the key '{key}.name' is not known here: [{key}] names it. Take it out.")
    return {**table, "name": name}


def _fault(error: dict[str, Any], raw: dict[str, Any]) -> str:
    """Say one fault: the key as it is written in the file, what is wrong, and the mend."""
    key = _key(error["loc"], raw)
    match error["type"]:
        case "extra_forbidden":
            return f"the key '{key}' is not known here. Check its spelling, or take it out."
        case "missing":
            return f"the key '{key}' is missing. Add it; the facility.toml that came along shows how."
        case "tuple_type" if key in _NAMED:
            return (
                f"'{key}' must be one table for each, that has its name: write [{key}.NAME], "
                f"and not [[{key}]] or {key} = ...."
            )
        case "value_error":
            where = f"'{key}': " if key else ""
            return f"{where}{error['ctx']['error']}."
        case "string_pattern_mismatch" if _names_a_table(error["loc"]):
            return (
                f"the name of the table [{key.removesuffix('.name')}] must be 2 to 40 lower-case letters, "
                "digits and hyphens, from a letter on and not to a hyphen; choose another name."
            )
    said = _SHAPES.get(error["type"]) or _lower(error["msg"])
    return f"'{key}' is {error['input']!r}: {said}. Change the value."


#: What pydantic says in words of Python.
_SHAPES = {
    "tuple_type": 'it must be a list, such as ["mkb"]',
    "model_type": "it must be a table",
    "model_attributes_type": "it must be a table",
}


def _names_a_table(location: tuple[int | str, ...]) -> bool:
    return len(location) == 3 and location[0] in _NAMED and location[2] == "name"


def _key(location: tuple[int | str, ...], raw: dict[str, Any]) -> str:
    """Return ``streams.regional.share`` for pydantic's ``("streams", 0, "share")``."""
    parts: list[str] = []
    for part in location:
        if isinstance(part, int) and len(parts) == 1 and isinstance(raw.get(parts[0]), dict):
            parts.append(list(raw[parts[0]])[part])
        else:
            parts.append(str(part))
    return ".".join(parts)


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
