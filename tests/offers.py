"""Small facilities and the people in them: what tests of the policy and of the start page begin with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from werkplaats_spawners.limits import Qos, Use
from werkplaats_spawners.offer import Flavour, Offer, PersonLimits, Project, Stream, Words
from werkplaats_spawners.standing import Standing

#: A Saturday afternoon, in the machine's own time zone.
NOW = datetime(2026, 11, 21, 14, 20).astimezone()


def words(text: str) -> Words:
    """Return `text` in both languages."""
    return Words(nl=text, en=text)


def flavour(name: str, gpus: int, hours: int, max_hours: int) -> Flavour:
    """Return a flavour."""
    return Flavour(
        name=name, title=words(name), description=words(name), cpus=2, memory_gb=4,
        gpus=gpus, hours=hours, max_hours=max_hours,
    )  # fmt: skip


def project(name: str, stream: str, *, owners: tuple[str, ...] = (), ends: date | None = None) -> Project:
    """Return a project; its members are Slurm's matter, not the policy's."""
    return Project(
        name=name, title=words(name), stream=stream, gpu_hours=10, members=(), owners=owners, ends=ends
    )


def stream(
    name: str, *, lends: bool = True, groups: tuple[str, ...] = (), person: Mapping[str, int] | None = None
) -> Stream:
    """Return a stream; `person` is what one person may have at once."""
    return Stream(
        name=name,
        title=words(name),
        description=words(name),
        share=0.5,
        lends=lends,
        groups=groups,
        person=PersonLimits(**(person or {})),
    )


def changed(offer: Offer, **values: Any) -> Offer:
    """Return an offer in which something is otherwise."""
    return offer.model_copy(update=values)


def person(*accounts: str, **known: Any) -> Standing:
    """Return how somebody stands who may charge these accounts; nothing else is known unless given."""
    return Standing(accounts=frozenset(accounts), **{"now": NOW, **known})


def share(name: str, limit: int | None, used: int = 0) -> dict[str, Qos]:
    """Return what Slurm holds of a stream's share."""
    return {name: Qos(name, Use(limit, used))}
