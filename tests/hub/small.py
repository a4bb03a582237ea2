"""A small facility by hand, and applying it to a Slurm in memory."""

from __future__ import annotations

from typing import Any

from tests.hub.facilities import TODAY, facility
from tests.hub.fake_slurm import FakeSlurm

from werkplaats_hub.facility import Facility
from werkplaats_hub.streams import plan as planning
from werkplaats_hub.streams.changes import Change
from werkplaats_hub.streams.plan import Applied, Plan

STREAMS = {"alder": {"share": 0.25, "guaranteed": True}, "birch": {"share": 0.75}}
MILL = {"stream": "alder", "members": ("ann", "bob")}
BAKERY = {"stream": "birch", "members": ("ann", "cor")}
FIRST = {"title": {"nl": "x", "en": "x"}, "stream": "alder", "gpu_hours": 2}


def small(**projects: Any) -> Facility:
    """Return a facility of two streams with these projects; by default two of them."""
    return facility(STREAMS, projects or {"mill": MILL, "bakery": BAKERY}, first_steps=FIRST)


def plan(wanted: Facility, slurm: FakeSlurm) -> Plan:
    """Return the plan of today."""
    return planning.plan(wanted, slurm, TODAY)


def apply(wanted: Facility, slurm: FakeSlurm, *, force: bool = False) -> Applied:
    """Plan and apply; forget what was commanded before."""
    slurm.changes.clear()
    done = planning.apply(plan(wanted, slurm), slurm, force=force)
    assert done.failure == ""
    return done


def only(found: Plan) -> Change:
    """Return the one change of a plan."""
    (change,) = found.changes
    return change


def commanded(slurm: FakeSlurm) -> list[str]:
    """Return what was commanded, without what is the same in each."""
    return [" ".join(argv).replace("sacctmgr --immediate ", "") for argv in slurm.changes]
