"""What the desk must know of the facility: a file of root's, read anew when it is another."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from werkplaats_desk.period import Period
from werkplaats_desk.words import Words

_log = logging.getLogger(__name__)


class Frozen(BaseModel):
    """A value: closed to unknown keys, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Look(Frozen):
    """How pages look: the facility's name, sentences and colours."""

    name: Words
    tagline: Words
    contact: Words | None = None
    primary: str
    accent: str
    primary_on_dark: str
    accent_on_dark: str
    demo: bool = False
    logo: bool = False


class Stream(Frozen):
    """A stream: in Slurm an account and a QOS of that name."""

    name: str
    title: Words
    description: Words
    share: float
    guaranteed: bool = False
    lends: bool = True


class Flavour(Frozen):
    """A size of server."""

    name: str
    title: Words
    gpus: int


class Topic(Frozen):
    """What a question may be about: one of the factory's domains, or a technique."""

    name: str
    title: Words
    kind: Literal["domain", "technique"]


class Expert(Frozen):
    """Somebody of the expertise centre.

    Attributes
    ----------
    name
        A Unix name, with which they sign in.
    topics
        Names of topics; empty for all of them.
    hours_per_week
        How long they answer questions (h).
    mail
        Where they are told of what happens; empty for not at all.
    """

    name: str
    topics: tuple[str, ...] = ()
    languages: tuple[Literal["nl", "en"], ...] = ("nl", "en")
    hours_per_week: float
    mail: str = ""


class Mail(Frozen):
    """How the desk sends mail, and gets the answers.

    Attributes
    ----------
    sender
        The address that mail comes from; replies go to ``local+secret@domain`` of it.
    host, port, security, user
        The server that takes it (SMTP, RFC 5321); ``security`` as of RFC 8314: ``none`` is for the same
        machine alone.
    password_file
        Holds the password of `user`, where there is one.
    incoming
        The socket on which the desk takes mail that came in (LMTP, RFC 2033); without one replies by
        mail are not taken, and mail says so.
    key_file
        Holds the key that reply addresses are made with.
    """

    sender: str
    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "starttls"
    user: str = ""
    password_file: Path | None = None
    incoming: Path | None = None
    key_file: Path | None = None


class Help(Frozen):
    """The expertise centre.

    Attributes
    ----------
    guarantees
        Each stream's part of the experts' hours, by its name; they sum to at most 1.
    address
        What people see before the desk's path, such as ``https://werkplaats.example``; for links in mail.
    """

    topics: tuple[Topic, ...]
    experts: tuple[Expert, ...]
    guarantees: dict[str, float]
    mail: Mail | None = None
    address: str = ""

    def topic(self, name: str) -> Topic | None:
        """Return the topic of that name."""
        return next((topic for topic in self.topics if topic.name == name), None)

    def expert(self, name: str) -> Expert | None:
        """Return the expert of that name."""
        return next((expert for expert in self.experts if expert.name == name), None)


class Settings(Frozen):
    """Everything in the file; it holds no secret.

    Attributes
    ----------
    projects
        Names that are taken, to their stream: those of ``facility.toml``.
    period
        After which budgets begin anew.
    most_gpu_hours
        The most that all projects of the desk may have together in one period; each stream's part of it
        is its share.
    most_course_hours
        The most that a teacher gives a course without asking.
    teachers, teacher_groups, operator_groups
        Who may make courses and, beside the Hub's admins, who decides.
    prefix, hub
        Paths of the desk and of the Hub below the public address.
    hub_api
        Where the Hub's API answers on this machine.
    token_file
        Holds the service's token, which is also its OAuth client's secret.
    database_password_file
        Holds the password of PostgreSQL, where there is such a file.
    lent
        The QOS of borrowed capacity.
    named_servers
        Whether a person may have servers beside the default one.
    stewards, steward_groups
        Who decides on datasets beside the steward that a dataset's own record names.
    catalogue
        The records of the datasets; without it there are none.
    data
        Below which folder a job finds a dataset that is mounted.
    signing_key_file
        Holds the key with which the desk signs grants.
    audit
        Where the audit listens.
    revocations
        The file in which the mount daemon of this machine reads what was taken back.
    own_mounts
        Whether a job can have mounts of its own here; else open datasets alone are there, for everybody.
    help
        The expertise centre; without it nobody can ask.
    """

    look: Look
    language: Literal["nl", "en"] = "nl"
    streams: tuple[Stream, ...]
    flavours: tuple[Flavour, ...]
    projects: dict[str, str] = Field(default_factory=dict)
    period: Period = "monthly"
    most_gpu_hours: int = 0
    most_course_hours: int = 0
    course_stream: str
    lent: str = "lent"
    lessons: tuple[str, ...] = ()
    named_servers: bool = True
    teachers: tuple[str, ...] = ()
    teacher_groups: tuple[str, ...] = ()
    operator_groups: tuple[str, ...] = ()
    stewards: tuple[str, ...] = ()
    steward_groups: tuple[str, ...] = ()
    catalogue: Path | None = None
    data: Path = Path("/data")
    signing_key_file: Path | None = None
    audit: Path | None = None
    revocations: Path | None = None
    own_mounts: bool = True
    help: Help | None = None
    prefix: str = "/services/desk/"
    hub: str = "/hub/"
    hub_api: str
    port: int
    database: str
    database_password_file: Path | None = None
    projects_d: Path
    queue: Path
    token_file: Path
    static: Path
    locale: Path

    def database_password(self) -> str | None:
        """Read the password of the database; nothing where none is kept."""
        file = self.database_password_file
        return file.read_text().strip() if file is not None and file.exists() else None

    def stream(self, name: str) -> Stream | None:
        """Return the stream of that name."""
        return next((stream for stream in self.streams if stream.name == name), None)

    @property
    def course_flavours(self) -> tuple[str, str]:
        """The sizes of server for a lesson without and with a GPU, empty where there is none."""
        without = next((f.name for f in self.flavours if f.gpus == 0), "")
        with_gpu = min((f for f in self.flavours if f.gpus), key=lambda f: f.gpus, default=None)
        return without, with_gpu.name if with_gpu else ""


class Watched:
    """The settings, read anew when the file is another; one that cannot be used is passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._look()
        self._settings = read(path)

    def __call__(self) -> Settings:
        """Return what the file says now; looking at it costs microseconds."""
        now = self._look()
        if now != self._seen:
            self._seen = now
            try:
                self._settings = read(self._path)
            except (OSError, ValidationError) as wrong:
                _log.error("%s cannot be used; what it said before stays: %s", self._path, wrong)
        return self._settings

    def _look(self) -> tuple[int, int, int]:
        try:
            status = os.stat(self._path)
        except OSError:
            return (0, 0, 0)
        return (status.st_ino, status.st_mtime_ns, status.st_size)


def read(path: Path) -> Settings:
    """Read the file."""
    return Settings.model_validate_json(path.read_text(encoding="utf-8"))
