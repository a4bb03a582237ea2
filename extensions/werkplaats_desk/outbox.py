"""What leaves the desk: one file a project in ``projects.d``, which the operator's process reads.

The database is the truth and the files follow it: each is written whole or not at all, and all of
them are looked at again at the start and every minute, so that a desk that was killed between the two
mends it. A project that ended says so; its file goes when two periods no longer know it, and the
database keeps what it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from werkplaats_desk.database import Database, alone
from werkplaats_desk.models import APPROVED, Application, Course
from werkplaats_desk.names import PATTERN

_HEAD = "# Granted at the desk, which writes this file again from its own database.\n"


@dataclass(frozen=True)
class File:
    """A project as ``facility.toml`` would have it."""

    name: str
    title: str
    stream: str
    gpu_hours: int
    members: Sequence[str]
    owners: Sequence[str]
    call: str
    ends: date

    def text(self) -> str:
        """Return it as TOML: keys of ``[projects.NAME]``, and no others."""
        title = json.dumps(self.title, ensure_ascii=False)  # a JSON string is a TOML string
        return _HEAD + "".join(
            f"{key} = {value}\n"
            for key, value in {
                "title": f"{{ nl = {title}, en = {title} }}",
                "stream": json.dumps(self.stream),
                "gpu_hours": self.gpu_hours,
                "members": json.dumps(list(self.members)),
                "owners": json.dumps(list(self.owners)),
                "call": json.dumps(self.call, ensure_ascii=False),
                "ends": self.ends.isoformat(),
            }.items()
        )


def write(folder: Path, file: File) -> bool:
    """Write one file, whole or not at all; return whether it is new.

    Raises
    ------
    ValueError
        When its name is none.
    """
    if not PATTERN.fullmatch(file.name):
        raise ValueError(f"not the name of a project: {file.name!r}")
    path, text = folder / f"{file.name}.toml", file.text()
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    half = folder / f".{file.name}.{os.getpid()}.new"
    with half.open("w", encoding="utf-8") as out:
        os.fchmod(out.fileno(), 0o644)
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    half.replace(path)
    return True


def publish(database: Database, folder: Path, since: date = date.min) -> list[str]:
    """Write every file that is not as it should be, and take away old ones; return the names.

    One transaction for reading and writing: of two at once the later one writes the later state.

    Parameters
    ----------
    since
        What ended before this day needs no file: the operator's process reads only so many.
    """
    with database.transaction() as session:
        alone(session)
        return [file.name for file in files(session) if _settle(folder, file, since)]


def _settle(folder: Path, file: File, since: date) -> bool:
    if file.ends >= since:
        return write(folder, file)
    path = folder / f"{file.name}.toml"
    if not PATTERN.fullmatch(file.name) or not path.exists():
        return False
    path.unlink()
    return True


def files(session: Session) -> Iterator[File]:
    """Yield every project that was granted."""
    for one in session.scalars(select(Application).where(Application.state == APPROVED)):
        if one.project:
            yield File(
                one.project, one.title, one.stream, one.gpu_hours, (one.applicant,), (one.applicant,),
                f"Aanvraag {one.id}", one.ends,
            )  # fmt: skip
    for course in session.scalars(select(Course)):
        if course.project:
            yield of_course(course)


def of_course(course: Course) -> File:
    """Return a course as a project: its members are who joined, and its teacher."""
    people = dict.fromkeys((course.teacher, *(one.person for one in course.members)))
    ends = course.ends
    if course.ended_at is not None:
        # The day before it was ended: nothing new may start, today neither.
        ends = min(ends, date.fromtimestamp(course.ended_at) - timedelta(days=1))
    return File(
        course.project or "", course.title, course.stream, course.gpu_hours, tuple(people),
        (course.teacher,), f"Cursus {course.id}", ends,
    )  # fmt: skip
