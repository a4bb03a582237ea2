"""What a facility offers: its flavours, streams and projects, as frozen models.

The Hub reads them from ``facility.toml``; the spawner, the policy and the start page only ever see
these.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from werkplaats_spawners.language import Language, current

#: Words that Slurm, its accounting or sacctmgr's command line read as something else.
RESERVED: Final = frozenset(
    {"all", "any", "cluster", "default", "none", "normal", "null", "parent", "root", "where", "set"}
)


def _not_reserved(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"'{name}' means something else to Slurm; choose another name")
    return name


Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$"),
    AfterValidator(_not_reserved),
]
"""A name that Slurm, a URL and a file system all read the same way."""

Person = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,30}$")]
"""A Unix log-in name (useradd's NAME_REGEX, at most 31 characters)."""


class Frozen(BaseModel):
    """A value: closed to unknown keys, strict about types, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Words(Frozen):
    """One text in both languages."""

    nl: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def say(self, language: Language | None = None) -> str:
        """Return the text in `language`, by default the reader's."""
        return self.nl if (language or current()) == "nl" else self.en

    def __str__(self) -> str:
        return self.say()


class Flavour(Frozen):
    """A size of server that people can choose by name."""

    name: Name
    title: Words
    description: Words
    cpus: int = Field(ge=1, le=1024)
    memory_gb: int = Field(ge=1, le=8192, description="GiB")
    gpus: int = Field(ge=0, le=64)
    hours: int = Field(ge=1, le=168, description="session length unless asked otherwise")
    max_hours: int = Field(ge=1, le=168, description="longest session")


class Stream(Frozen):
    """One of the ways in which compute is paid for; in Slurm an account and a QOS."""

    name: Name
    title: Words
    description: Words
    share: float = Field(ge=0, le=1, description="part of the facility's GPUs")
    guaranteed: bool = False


class Project(Frozen):
    """A piece of work within a stream; in Slurm an account below the stream's."""

    name: Name
    title: Words
    stream: Name
    gpu_hours: int = Field(ge=0, description="budget")
    members: tuple[Person, ...] = Field(strict=False)


class Offer(Frozen):
    """Everything that a request is judged against, except what Slurm knows."""

    flavours: tuple[Flavour, ...]
    streams: tuple[Stream, ...]
    projects: tuple[Project, ...]

    def flavour(self, name: str) -> Flavour | None:
        """Return the flavour of that name."""
        return next((f for f in self.flavours if f.name == name), None)

    def stream(self, name: str) -> Stream | None:
        """Return the stream of that name."""
        return next((s for s in self.streams if s.name == name), None)

    def project(self, name: str) -> Project | None:
        """Return the project of that name."""
        return next((p for p in self.projects if p.name == name), None)
