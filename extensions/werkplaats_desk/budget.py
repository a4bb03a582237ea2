"""How many GPU-hours the desk has given out, and how many are left to give."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from werkplaats_desk.database import alone
from werkplaats_desk.models import APPROVED, Application, Course
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings, Stream
from werkplaats_desk.words import gettext as _


def granted(session: Session, today: date, stream: str | None = None) -> int:
    """Return the GPU-hours a period of projects and courses that have not ended."""
    requests = select(func.coalesce(func.sum(Application.gpu_hours), 0)).where(
        Application.state == APPROVED, Application.ends >= today
    )
    courses = select(func.coalesce(func.sum(Course.gpu_hours), 0)).where(
        Course.ended_at.is_(None), Course.ends >= today
    )
    if stream is not None:
        requests = requests.where(Application.stream == stream)
        courses = courses.where(Course.stream == stream)
    return int(session.scalar(requests) or 0) + int(session.scalar(courses) or 0)


def left(session: Session, settings: Settings, stream: Stream, today: date) -> int:
    """Return what the desk can still give in a stream: its share of all that the desk may give."""
    of_all = settings.most_gpu_hours - granted(session, today)
    of_stream = int(settings.most_gpu_hours * stream.share) - granted(session, today, stream.name)
    return max(0, min(of_all, of_stream))


def require(session: Session, settings: Settings, name: str, hours: int, today: date) -> None:
    """Refuse hours that a stream has not, or a stream that is not there any more."""
    stream = settings.stream(name)
    if stream is None:
        sentence = _("The stream '{stream}' does not exist any more, so nothing can be given in it.")
        raise Refusal("no-stream", sentence.format(stream=name), 409)
    alone(session)  # two that fit one by one may not fit together
    rest = left(session, settings, stream, today)
    if hours > rest:
        sentence = _("{stream} has {left} GPU-hours a month left to give here, and this asks for {hours}.")
        raise Refusal("no-hours", sentence.format(stream=stream.title, left=rest, hours=hours), 409)
