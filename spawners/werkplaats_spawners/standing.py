"""What is known of a person at the moment of a request: all that :mod:`.policy` judges by.

Every number is Slurm's own, from one shared view of the cluster; none is kept here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from werkplaats_spawners.cluster import View
from werkplaats_spawners.limits import Association, Qos
from werkplaats_spawners.nodes import FreeGpus, free_gpus
from werkplaats_spawners.offer import LENT, Offer
from werkplaats_spawners.slurm import Phase


@dataclass(frozen=True)
class Budget:
    """A budget of GPU-minutes in this period.

    Attributes
    ----------
    limit
        ``None`` where there is none.
    settled
        Used and counted.
    running, waiting
        The most that what runs, and what waits in the queue, can still use.
    """

    limit: int | None = None
    settled: int = 0
    running: int = 0
    waiting: int = 0

    @property
    def left(self) -> int | None:
        """GPU-minutes that nobody has used or asked for yet, never below 0."""
        if self.limit is None:
            return None
        return max(0, self.limit - self.settled - self.running - self.waiting)

    def covers(self, gpu_minutes: int) -> bool:
        """Return whether this much more fits."""
        return self.left is None or gpu_minutes <= self.left


@dataclass(frozen=True)
class Standing:
    """A person, as they stand.

    Attributes
    ----------
    accounts
        What Slurm lets them charge.
    groups
        The Hub's groups that they are in.
    servers
        How many of their servers run or wait, this one not counted.
    budgets
        The tightest budget that a server of theirs would be charged to, by account.
    closed
        Accounts under which nothing new may start.
    qos
        Shares and their use, by the name of the stream; and of borrowed capacity.
    gpus
        What they have in use themselves, by QOS.
    now
        With the facility's time zone.
    numbers_at
        When Slurm's controller was asked.
    accounting_away, cluster_away
        Why Slurm's database, and its controller, do not answer; ``None`` when they do.
    free
        The GPUs that are free now.
    """

    accounts: frozenset[str]
    now: datetime
    groups: frozenset[str] = frozenset()
    servers: int = 0
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    qos: Mapping[str, Qos] = field(default_factory=dict)
    gpus: Mapping[str, int] = field(default_factory=dict)
    numbers_at: datetime | None = None
    accounting_away: str | None = None
    cluster_away: str | None = None
    free: FreeGpus = field(default_factory=FreeGpus)


def standing(
    view: View, offer: Offer, user: str, uid: int, *, groups: frozenset[str], servers: int, now: datetime
) -> Standing:
    """Return how a person stands, by a view of the cluster."""
    accounts = view.accounts(user)
    waiting = _waiting(view, offer)
    budgets = {account: _budget(view, account, user, waiting) for account in accounts}
    both = {
        account: (view.associations.get((account, "")), view.associations[account, user])
        for account in accounts
    }
    return Standing(
        accounts=accounts,
        now=now,
        groups=groups,
        servers=servers,
        budgets=budgets,
        closed=frozenset(name for name, held in both.items() if any(one and one.closed for one in held)),
        qos=view.qos,
        gpus={name: qos.users.get(str(uid), 0) for name, qos in view.qos.items()},
        numbers_at=datetime.fromtimestamp(view.at).astimezone(),
        accounting_away=view.accounting_error,
        cluster_away=view.error,
        free=free_gpus(view.nodes.values()),
    )


#: Why a job waits that takes nothing from anybody: it is held, or may itself not start for want of budget.
_GO_NOWHERE: Final = frozenset(
    {"JobHeldUser", "JobHeldAdmin", "Dependency", "BeginTime", "AssocGrpGRESMinutes"}
)


def _waiting(view: View, offer: Offer) -> dict[tuple[str, str], int]:
    """Return the GPU-minutes that jobs in the queue ask for, by account and person, and by account."""
    asked: dict[tuple[str, str], int] = {}
    for job in view.jobs.values():
        free = job.qos == LENT and not offer.lending.charged
        if job.phase is Phase.PENDING and job.gpus and not free and job.reason not in _GO_NOWHERE:
            for key in ((job.account, job.user), (job.account, "")):
                asked[key] = asked.get(key, 0) + job.gpus * job.minutes
    return asked


def _budget(view: View, account: str, user: str, waiting: Mapping[tuple[str, str], int]) -> Budget:
    """Return the tighter of the project's budget and the person's own part of it."""
    both = [_of(view.associations.get((account, who)), waiting.get((account, who), 0)) for who in ("", user)]
    limited = [budget for budget in both if budget.left is not None]
    return min(limited, key=lambda budget: budget.left or 0) if limited else both[0]


def _of(held: Association | None, waiting: int) -> Budget:
    if held is None:
        return Budget()
    use = held.gpu_minutes
    return Budget(limit=use.limit, settled=use.used, running=held.committed, waiting=waiting)
