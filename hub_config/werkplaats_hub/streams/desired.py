"""From the facility to what Slurm must hold: QOS, accounts, and people's associations."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from werkplaats_hub.facility import Facility
from werkplaats_hub.streams.capacity import MILLI_GPU, Capacity
from werkplaats_hub.streams.model import MARK, ROOT, Kind, Settings, State, Thing, written
from werkplaats_hub.streams.shares import apportion
from werkplaats_spawners.offer import FIRST_STEPS, LENT, WITH_GPU, WITHOUT_GPU, FirstSteps, Project, Stream

_GUARANTEED, _USUAL, _BORROWED = 200, 100, 0
#: The longest that anybody may ask for, where a stream says nothing (hours).
_LONGEST = 168


def desired(
    facility: Facility, capacity: Capacity, today: date, newcomers: Collection[str] = ()
) -> dict[Thing, Settings]:
    """Return what Slurm must hold.

    Parameters
    ----------
    capacity
        What the cluster has: a share of it is what a stream's QOS allows.
    today
        A project that ended before this day is closed: what runs may end, nothing new starts.
    newcomers
        Who was enrolled for first steps; the facility's file does not name them.
    """
    shares = apportion(facility.streams, capacity.gpus)
    state: dict[Thing, Settings] = {
        Thing(Kind.QOS, LENT): _lent(facility, capacity, shares),
        Thing(Kind.QOS, WITH_GPU): {**_NOTHING, "MinTRESPerJob": "gres/gpu=1"},
        Thing(Kind.QOS, WITHOUT_GPU): _aside(facility, capacity),
    }
    for stream in facility.streams:
        state[Thing(Kind.QOS, stream.name)] = _share(facility, stream, shares[stream.name], capacity)
        state[Thing(Kind.ACCOUNT, stream.name)] = _account(ROOT, stream)
    streams = {stream.name: stream for stream in facility.streams}
    for project in facility.projects:
        stream = streams[project.stream]
        state[Thing(Kind.ACCOUNT, project.name)] = _project(project, stream, today)
        state |= {Thing(Kind.USER, project.name, person): {} for person in project.members}
    if facility.first_steps is not None:
        first = facility.first_steps
        state[Thing(Kind.ACCOUNT, FIRST_STEPS)] = _account(first.stream, streams[first.stream])
        state |= {Thing(Kind.USER, FIRST_STEPS, person): first_steps(first) for person in newcomers}
    return state


def first_steps(first: FirstSteps) -> Settings:
    """Return what is set of a newcomer's association; *enrol* sets the same."""
    return {"GrpTRESMins": f"gres/gpu={first.gpu_hours * 60}"}


#: What every QOS has unless it says otherwise, as sacctmgr shows it.
_NOTHING: Settings = {"Description": MARK, "Priority": "0", "PreemptMode": "cluster", "UsageFactor": "1"}


def _aside(facility: Facility, capacity: Capacity) -> Settings:
    """Return the QOS of the partition without GPUs: nobody keeps all others from beginning.

    One person has a quarter of it at once, or else two of the largest servers without a GPU.
    """
    sizes = [flavour for flavour in facility.flavours if flavour.gpus == 0]
    most = {
        "cpu": max(capacity.cpus_aside // 4, *(2 * size.cpus for size in sizes), 1),
        "mem": max(capacity.memory_mb_aside // 4, *(2048 * size.memory_gb for size in sizes), 1024),
    }
    return {**_NOTHING, "MaxTRESPerUser": written(most)}


def _share(facility: Facility, stream: Stream, gpus: int, capacity: Capacity) -> Settings:
    """Return a stream's QOS: its GPUs with what goes with them, and the right to take lent ones back.

    `billing` counts what a job keeps from others in thousandths of a GPU (the partition's
    ``TRESBillingWeights`` with ``PriorityFlags=MAX_TRES``). Processors and memory are capped besides,
    at those of the share and all that is set aside for work without a GPU, which is not billed.
    """
    partitions = facility.partitions
    cap = {
        "gres/gpu": gpus,
        "billing": gpus * MILLI_GPU,
        "cpu": gpus * partitions.cpus_per_gpu + capacity.cpus_aside,
        "mem": gpus * partitions.memory_gb_per_gpu * 1024 + capacity.memory_mb_aside,
    }
    person = stream.person
    return {
        **_NOTHING,
        "Priority": str(_GUARANTEED if stream.guaranteed else _USUAL),
        "Preempt": LENT,
        "Flags": "DenyOnLimit",
        "GrpTRES": written(cap),
        **({"MaxTRESPerUser": f"gres/gpu={person.gpus}"} if person.gpus else {}),
        **_jobs(facility),
        "MaxWall": str((person.hours or _LONGEST) * 60),
    }


def _lent(facility: Facility, capacity: Capacity, shares: dict[str, int]) -> Settings:
    """Return the QOS of borrowed capacity: never before others, and ended when its owner comes."""
    lending = facility.lending
    gpus = sum(shares[stream.name] for stream in facility.streams if stream.lends)
    return {
        **_NOTHING,
        "Priority": str(_BORROWED),
        "PreemptMode": "cancel",
        "GraceTime": str(lending.notice_seconds),
        # Not DenyOnLimit as well: that weighs a request as if it were charged, and Slurm would turn away
        # who has no budget left. What is too large waits instead.
        **({} if lending.charged else {"Flags": "UsageFactorSafe"}),
        "UsageFactor": "1" if lending.charged else "0",
        "GrpTRES": f"gres/gpu={gpus}",
        **_jobs(facility),
        "MaxWall": str(_LONGEST * 60),
    }


def _jobs(facility: Facility) -> Settings:
    """Return how many jobs one person may have there, so that nobody fills the queue by themselves."""
    return {"MaxSubmitJobsPerUser": str(facility.limits.jobs_per_person)}


def _account(parent: str, stream: Stream) -> dict[str, str]:
    allowed = sorted([stream.name, LENT]) if stream.lends else [stream.name]
    return {"Parent": parent, "QosLevel": ",".join(allowed), "DefaultQOS": stream.name}


def _project(project: Project, stream: Stream, today: date) -> Settings:
    ended = project.ends is not None and project.ends < today
    return {
        **_account(stream.name, stream),
        "GrpTRESMins": f"gres/gpu={project.gpu_hours * 60}",
        **(CLOSED if ended else {}),
    }


#: No job may begin and none may be handed in; those that run go on.
CLOSED: Settings = {"GrpJobs": "0", "GrpSubmitJobs": "0"}


def is_closed(settings: Settings) -> bool:
    """Return whether nothing new starts under an account or association."""
    return all(settings.get(key) == value for key, value in CLOSED.items())


def newcomers(present: State) -> frozenset[str]:
    """Return who has an association for first steps; one for a single partition is none."""
    theirs = (thing for thing in present if thing[:2] == (Kind.USER, FIRST_STEPS))
    return frozenset(thing.user for thing in theirs if not thing.partition)
