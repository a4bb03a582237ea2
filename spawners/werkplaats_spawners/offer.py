"""What a facility offers: its flavours, streams and projects, as frozen models.

The Hub reads them from ``facility.toml``; the spawner, the policy and the start page only ever see
these.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from werkplaats_spawners.language import Language, current
from werkplaats_spawners.names import PERSON, RESERVED
from werkplaats_spawners.period import Period

#: The QOS of borrowed capacity, the account of newcomers, and the QOS of the two partitions: names of
#: ours, and of no stream or project.
LENT: Final = "lent"
FIRST_STEPS: Final = "first-steps"
WITH_GPU: Final = "with-gpu"
WITHOUT_GPU: Final = "without-gpu"
OURS: Final = frozenset({LENT, FIRST_STEPS, WITH_GPU, WITHOUT_GPU})


def _not_reserved(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"'{name}' means something else to Slurm; choose another name")
    return name


def _not_ours(name: str) -> str:
    if name in OURS:
        raise ValueError(f"'{name}' is a name that the platform itself gives; choose another")
    return name


Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$"),
    AfterValidator(_not_reserved),
]
"""A name that Slurm, a URL and a file system all read the same way."""

Account = Annotated[Name, AfterValidator(_not_ours)]
"""A name of a stream or a project: in Slurm an account."""

Person = Annotated[str, StringConstraints(pattern=f"^{PERSON}$")]
"""A Unix log-in name."""


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


class PersonLimits(Frozen):
    """What one person may have at once; ``None`` is no limit below the stream's own.

    Slurm keeps `gpus` and `hours`, also for a plain ``sbatch``. The Hub counts `servers`: a count of
    jobs in Slurm would count the workers that a notebook starts as well.
    """

    gpus: int | None = Field(default=None, ge=1, le=4096)
    servers: int | None = Field(default=None, ge=1, le=100)
    hours: int | None = Field(default=None, ge=1, le=168, description="longest session")


class Stream(Frozen):
    """One of the ways in which compute is paid for; in Slurm an account and a QOS.

    Attributes
    ----------
    guaranteed
        Whether rounding never takes its share below what was promised.
    lends
        Whether its share counts in what may be borrowed; who does not lend borrows nothing either.
    groups
        The Hub's groups (later: claims of an identity provider) whose members belong to it; with
        none, being in one of its projects is enough.
    """

    name: Account
    title: Words
    description: Words
    share: float = Field(ge=0, le=1, description="part of the facility's GPUs")
    guaranteed: bool = False
    lends: bool = True
    groups: tuple[str, ...] = Field(default=(), strict=False)
    person: PersonLimits = PersonLimits()


class Project(Frozen):
    """A piece of work within a stream; in Slurm an account below the stream's.

    Attributes
    ----------
    gpu_hours
        Budget in one period (:mod:`werkplaats_spawners.period`).
    call
        What it was granted in, such as the number of a call.
    ends
        Its last day.
    """

    name: Account
    title: Words
    stream: Name
    gpu_hours: int = Field(ge=0, le=100_000_000)
    members: tuple[Person, ...] = Field(strict=False)
    owners: tuple[Person, ...] = Field(default=(), strict=False)
    call: str = Field(default="", max_length=120)
    ends: date | None = None


class FirstSteps(Frozen):
    """The small budget that a newcomer has without asking; in Slurm a limit on their association."""

    title: Words
    stream: Name
    gpu_hours: int = Field(ge=0, le=1000, description="for each person, in one period")
    newcomers_per_day: int = Field(default=200, ge=1, le=10_000, description="new users in one day (UTC)")

    @property
    def project(self) -> Project:
        """Return it as the project that a server is charged to; its members are who was enrolled."""
        # Its name is one that a facility cannot give, so it does not pass through the checks.
        return Project.model_construct(
            name=FIRST_STEPS,
            title=self.title,
            stream=self.stream,
            gpu_hours=self.gpu_hours,
            members=(),
            owners=(),
            call="",
            ends=None,
        )


class Lending(Frozen):
    """The rules of borrowed capacity.

    Attributes
    ----------
    notice_seconds
        Between the warning and the end, when its owner needs it.
    charged
        Whether borrowed hours count for the project's budget.
    """

    notice_seconds: int = Field(default=60, ge=1, le=3600)
    charged: bool = False


class Budgets(Frozen):
    """The rules of GPU-hours.

    Attributes
    ----------
    period
        After which every budget begins anew: one for the whole cluster, as Slurm has it.
    without_accounting
        What to do with a request while Slurm's accounting does not answer: ``start`` it (Slurm's
        controller still keeps every limit, by the numbers that it holds) or ``refuse`` it.
    """

    period: Period = "monthly"
    without_accounting: Literal["start", "refuse"] = "start"


class Offer(Frozen):
    """Everything that a request is judged against, except what Slurm knows."""

    flavours: tuple[Flavour, ...]
    streams: tuple[Stream, ...]
    projects: tuple[Project, ...]
    lending: Lending = Lending()
    budgets: Budgets = Budgets()

    def flavour(self, name: str) -> Flavour | None:
        """Return the flavour of that name."""
        return next((f for f in self.flavours if f.name == name), None)

    def stream(self, name: str) -> Stream | None:
        """Return the stream of that name."""
        return next((s for s in self.streams if s.name == name), None)

    def project(self, name: str) -> Project | None:
        """Return the project of that name."""
        return next((p for p in self.projects if p.name == name), None)
