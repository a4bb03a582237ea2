"""What a stream's GPUs can do in one period, and what projects were promised of it: for who decides.

The desk's own cap (:mod:`werkplaats_desk.budget`) is what it may give away; this is what there is. All
numbers are those that Slurm's controller keeps: GPUs of the share, budgets of accounts, and their use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from werkplaats_desk.published import View
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings, Stream
from werkplaats_desk.words import gettext as _

#: The most days that a period can have: what is refused by it could be had in none.
_DAYS: Final = {"monthly": 31, "quarterly": 92, "yearly": 366}


@dataclass(frozen=True)
class Capacity:
    """A stream, in GPU-hours of one period.

    Attributes
    ----------
    stream
        Its title.
    gpus
        Of its share.
    whole
        What those do when they never stand still.
    promised, used
        The budgets of its projects that are open, and what they have used of them.
    """

    stream: str
    gpus: int
    whole: int
    promised: int
    used: int


def of_stream(
    view: View, settings: Settings, granted: Mapping[str, str], stream: Stream | None
) -> Capacity | None:
    """Return what is known of a stream; nothing where Slurm never said anything of it.

    Parameters
    ----------
    granted
        Projects of the desk's own, to their stream.
    """
    if stream is None or stream.name not in view.gpus:
        return None
    streams = {s.name for s in settings.streams}
    theirs = {name for name, of in {**settings.projects, **granted}.items() if of == stream.name} - streams
    budgets = [
        held["gpu_minutes"]
        for (account, user), held in view.associations.items()
        # An account of which only people have a limit (first steps) promises each of them something,
        # and together nothing that could be summed.
        if account in theirs and not user and not held.get("closed") and held["gpu_minutes"]["limit"]
    ]
    gpus = view.gpus[stream.name]
    return Capacity(
        stream=str(stream.title),
        gpus=gpus,
        whole=gpus * 24 * _DAYS[settings.period],
        promised=sum(int(budget["limit"]) for budget in budgets) // 60,
        used=sum(int(budget["used"]) for budget in budgets) // 60,
    )


def require(capacity: Capacity | None, hours: int) -> None:
    """Refuse what Slurm could never honour: more than the whole share does in the longest period.

    Promises that are together more than that are usual, and the operator's to weigh.

    Raises
    ------
    Refusal
    """
    if capacity is not None and hours > capacity.whole:
        sentence = _(
            "All GPUs of {stream} together ({gpus}) have {whole} GPU-hours in one period, and this asks for "
            "{hours}: nobody could ever use them. Decline it, and write what could be given."
        )
        values = {"stream": capacity.stream, "gpus": capacity.gpus, "whole": capacity.whole}
        raise Refusal("no-capacity", sentence.format(**values, hours=hours), 409)
