"""How a server came to its end, kept until the next start, so that its person is told."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import object_session

from werkplaats_spawners import spoken
from werkplaats_spawners.cluster import Verdict
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import LENT
from werkplaats_spawners.slurm import TAKEN_BACK, Job, Phase

#: How long Slurm is given to show a job's final state, seconds.
_PATIENCE: Final = 60


@dataclass(frozen=True)
class Ending:
    """The end of a job that nobody asked for.

    Attributes
    ----------
    how
        Slurm's final state, such as ``PREEMPTED``, which a borrower that an operator's program took
        back counts as too; empty while it is not known.
    lent
        Whether it ran on borrowed capacity.
    at
        When it was noticed, Unix time.
    """

    how: str
    lent: bool
    at: float

    @classmethod
    def of(cls, verdict: Verdict, at: float) -> Ending:
        """Return the end that a verdict tells of; its job may still be letting go of its node."""
        job = verdict.job
        return cls(how=_how(job) if job else "", lent=job is not None and job.qos == LENT, at=at)

    def as_state(self) -> dict[str, Any]:
        """Return what :meth:`read` reads, for the Hub's database."""
        return asdict(self)

    @classmethod
    def read(cls, state: object) -> Ending | None:
        """Return what was kept, or nothing where nothing, or something else, was."""
        if not isinstance(state, Mapping) or set(state) != set(cls.__dataclass_fields__):
            return None
        return cls(how=str(state["how"]), lent=bool(state["lent"]), at=float(state["at"]))

    @property
    def title(self) -> str:
        """The page's heading."""
        if self.taken_back:
            return _("Your borrowed GPU went back to its owner")
        return _("Your server is off")

    @property
    def taken_back(self) -> bool:
        """Whether its owner needed what it had borrowed."""
        return self.lent and self.how == "PREEMPTED"

    @property
    def looked_for(self) -> bool:
        """Whether Slurm is still asked how it ended, so that a page looks again."""
        return not self.how and time.time() - self.at < _PATIENCE

    @property
    def sentences(self) -> list[str]:
        """What happened, and how to go on."""
        clock = spoken.clock(datetime.fromtimestamp(self.at).astimezone())
        if self.taken_back:
            return [
                _("At {time} the stream that owns it needed it. In a browser that was open you were told "
                  "before, and the documents there were saved.").format(time=clock),
                _("What a notebook held in memory is gone: open it again and run its cells from the top."),
                _("Start again on your own stream's share, which is never taken back but where you may "
                  "have to wait; or borrow again, if there is something to borrow."),
            ]  # fmt: skip
        return [_HOW.get(self.how, _told_nothing)().format(time=clock)]


def _how(job: Job) -> str:
    """Return the final state of a job; nothing while it has none, or while what it means is not known."""
    state = job.state.split()[0] if job.phase is Phase.GONE else ""
    if state != "CANCELLED" or job.qos != LENT:
        return state
    if job.note is None:
        return ""
    return "PREEMPTED" if job.note.startswith(TAKEN_BACK) else state


def _told_nothing() -> str:
    return _("It stopped at {time}. Your files are kept.")


#: Slurm's final states to what they mean for a person.
_HOW = {
    "TIMEOUT": lambda: _("Its time was over at {time}. Your files are kept."),
    "OUT_OF_MEMORY": lambda: _(
        "It used more memory than it has, and was stopped at {time}. Your files are kept. Choose a larger "
        "server, or load less at once."
    ),
    "NODE_FAIL": lambda: _(
        "The machine that it ran on failed at {time}. Your files are kept. Start it again: it gets another."
    ),
}


# -- in the Hub's database: the state of a server that is off ---------------------------------------


def ending_in(row: Any) -> Ending | None:
    """Return what the state of JupyterHub's `orm.Spawner` keeps."""
    return Ending.read((row.state or {}).get("ending"))


def keep_ending(row: Any, ending: Ending) -> None:
    """Keep an ending in the state of JupyterHub's `orm.Spawner`, at once."""
    row.state = {**(row.state or {}), "ending": ending.as_state()}
    commit(row)


def commit(row: Any) -> None:
    """Commit what was set on a row of the Hub's database; what fails there is in nobody's way after it."""
    session = object_session(row)
    if session is None:
        return
    try:
        session.commit()
    except SQLAlchemyError:
        session.rollback()
        raise


async def learn_ending(row: Any, look: Callable[[], Awaitable[Verdict]]) -> None:
    """Look until Slurm shows a job's final state, as long as no other start took its place.

    Parameters
    ----------
    row
        JupyterHub's `orm.Spawner`.
    look
        Returns what is known of the job.
    """
    for _attempt in range(_PATIENCE):
        await asyncio.sleep(1)
        verdict = await look()
        with contextlib.suppress(SQLAlchemyError):  # the person, or the server's row, may be deleted
            if ending_in(row) is None:
                return
            ending = Ending.of(verdict, time.time())
            if ending.how:
                keep_ending(row, ending)
                return
