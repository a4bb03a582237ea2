"""How many GPU-hours the desk has given out, and how many are left to give."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from werkplaats_desk.database import alone
from werkplaats_desk.models import APPROVED, Application, Course
from werkplaats_desk.period import first_day, midnight
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings, Stream
from werkplaats_desk.words import gettext as _


def granted(session: Session, first: date, stream: str | None = None) -> int:
    """Return the GPU-hours of projects and courses that had theirs in this period.

    What has ended counts until the period is over: its hours were there to use, and making another in
    its place does not bring them back.

    Parameters
    ----------
    first
        The period's first day.
    """
    requests = select(func.coalesce(func.sum(Application.gpu_hours), 0)).where(
        Application.state == APPROVED, Application.ends >= first
    )
    courses = select(func.coalesce(func.sum(Course.gpu_hours), 0)).where(
        Course.ends >= first, or_(Course.ended_at.is_(None), Course.ended_at >= midnight(first))
    )
    if stream is not None:
        requests = requests.where(Application.stream == stream)
        courses = courses.where(Course.stream == stream)
    return int(session.scalar(requests) or 0) + int(session.scalar(courses) or 0)


def left(session: Session, settings: Settings, stream: Stream, today: date) -> int:
    """Return what the desk can still give in a stream: its share of all that the desk may give."""
    first = first_day(settings.period, today)
    of_all = settings.most_gpu_hours - granted(session, first)
    of_stream = int(settings.most_gpu_hours * stream.share) - granted(session, first, stream.name)
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
