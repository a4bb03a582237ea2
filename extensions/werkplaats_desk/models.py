"""What the desk keeps. Moments are Unix time (s): the same number in every database."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Date, Float, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

#: States of an application.
SUBMITTED: Final = "submitted"
APPROVED: Final = "approved"
DECLINED: Final = "declined"
WITHDRAWN: Final = "withdrawn"
#: Of an access to a dataset that its steward took back.
REVOKED: Final = "revoked"


class Base(DeclarativeBase):
    """All tables."""


_OPEN = text("state = 'submitted'")
_STANDS = text("lifted_at IS NULL")


class Application(Base):
    """A request for a project.

    Attributes
    ----------
    same
        What makes two open requests of one person the same.
    project
        The name under which it was approved.
    version
        Counts changes, so that of two who decide at once one reads that the other did.
    """

    __tablename__ = "applications"
    __table_args__ = (
        Index(
            "one_open_application",
            "applicant",
            "same",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    applicant: Mapped[str] = mapped_column(String(64), index=True)
    title: Mapped[str] = mapped_column(String(80))
    stream: Mapped[str] = mapped_column(String(40))
    purpose: Mapped[str] = mapped_column(Text)
    gpu_hours: Mapped[int] = mapped_column(Integer)
    ends: Mapped[date] = mapped_column(Date)
    same: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(12), default=SUBMITTED)
    created_at: Mapped[int] = mapped_column(BigInteger)
    decided_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    decided_by: Mapped[str | None] = mapped_column(String(64), default=None)
    word: Mapped[str] = mapped_column(Text, default="")
    project: Mapped[str | None] = mapped_column(String(40), unique=True, default=None)
    version: Mapped[int] = mapped_column(Integer)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy's own way to say it


class Course(Base):
    """A project with a join code, an end, a capacity and a lesson to open.

    Attributes
    ----------
    notebook
        The lesson: its path in a home directory.
    ended_at
        When the teacher ended it before its last day.
    """

    __tablename__ = "courses"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    teacher: Mapped[str] = mapped_column(String(64), index=True)
    title: Mapped[str] = mapped_column(String(80))
    notebook: Mapped[str] = mapped_column(String(200))
    stream: Mapped[str] = mapped_column(String(40))
    gpu_hours: Mapped[int] = mapped_column(Integer)
    capacity: Mapped[int] = mapped_column(Integer)
    ends: Mapped[date] = mapped_column(Date)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    project: Mapped[str | None] = mapped_column(String(40), unique=True, default=None)
    created_at: Mapped[int] = mapped_column(BigInteger)
    ended_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    members: Mapped[list[Enrolment]] = relationship(order_by="Enrolment.joined_at")


class Enrolment(Base):
    """Somebody is in a course.

    Attributes
    ----------
    pressed_at
        When they pressed start, until the job shows that came of it.
    started_at
        When the Hub was last asked for it.
    """

    __tablename__ = "enrolments"

    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id"), primary_key=True)
    person: Mapped[str] = mapped_column(String(64), primary_key=True)
    joined_at: Mapped[int] = mapped_column(BigInteger)
    pressed_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    started_at: Mapped[int | None] = mapped_column(BigInteger, default=None)


class SignIn(Base):
    """A browser that signed in by way of the Hub.

    Attributes
    ----------
    id
        SHA-256 of what the cookie holds: who reads the database cannot sign in with it.
    token
        The Hub's access token, which can read a name and groups and start the person's own servers.
    hub_session
        SHA-256 of the Hub's session cookie: who signs out there is signed out here.
    """

    __tablename__ = "sign_ins"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    admin: Mapped[bool]
    groups: Mapped[list[Any]] = mapped_column(JSON)
    token: Mapped[str] = mapped_column(String(128))
    hub_session: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int] = mapped_column(BigInteger)
    checked_at: Mapped[int] = mapped_column(BigInteger)


class MonthOfStream(Base):
    """What a stream had in one month, in GPU-hours, as Slurm's accounting last said.

    Attributes
    ----------
    month
        Such as ``2026-11``.
    at
        When accounting was asked.
    """

    __tablename__ = "months"

    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    stream: Mapped[str] = mapped_column(String(40), primary_key=True)
    guaranteed: Mapped[float] = mapped_column(Float)
    used: Mapped[float] = mapped_column(Float)
    lent: Mapped[float] = mapped_column(Float)
    borrowed: Mapped[float] = mapped_column(Float)
    at: Mapped[int] = mapped_column(BigInteger)


class Acceptance(Base):
    """Somebody accepted the terms of one version of a registered dataset.

    Attributes
    ----------
    revoked_at
        When a steward took it back; it cannot be given again until that is lifted.
    lifted_at
        When a steward let the person accept anew.
    """

    __tablename__ = "acceptances"
    __table_args__ = (
        Index(
            "one_acceptance",
            "person",
            "dataset",
            "dataset_version",
            unique=True,
            sqlite_where=_STANDS,
            postgresql_where=_STANDS,
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    person: Mapped[str] = mapped_column(String(64))
    dataset: Mapped[str] = mapped_column(String(40), index=True)
    dataset_version: Mapped[str] = mapped_column(String(31))
    accepted_at: Mapped[int] = mapped_column(BigInteger)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    revoked_by: Mapped[str | None] = mapped_column(String(64), default=None)
    lifted_at: Mapped[int | None] = mapped_column(BigInteger, default=None)


class Access(Base):
    """A request for a restricted dataset, and what became of it.

    Attributes
    ----------
    until
        The last day.
    revoked_at
        When a steward took back what was approved.
    version
        Counts changes of this row, as in :class:`Application`.
    """

    __tablename__ = "accesses"
    __table_args__ = (
        Index(
            "one_open_access",
            "person",
            "dataset",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    person: Mapped[str] = mapped_column(String(64), index=True)
    dataset: Mapped[str] = mapped_column(String(40), index=True)
    dataset_version: Mapped[str] = mapped_column(String(31))
    project: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(Text)
    until: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(String(12), default=SUBMITTED)
    created_at: Mapped[int] = mapped_column(BigInteger)
    decided_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    decided_by: Mapped[str | None] = mapped_column(String(64), default=None)
    word: Mapped[str] = mapped_column(Text, default="")
    revoked_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    revoked_by: Mapped[str | None] = mapped_column(String(64), default=None)
    version: Mapped[int] = mapped_column(Integer)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy's own way to say it


class Hold(Base):
    """A steward took a whole dataset back: nobody mounts it until that is lifted."""

    __tablename__ = "holds"
    __table_args__ = (
        Index("one_hold", "dataset", unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    dataset: Mapped[str] = mapped_column(String(40))
    word: Mapped[str] = mapped_column(Text)
    at: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str] = mapped_column(String(64))
    lifted_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    lifted_by: Mapped[str | None] = mapped_column(String(64), default=None)
