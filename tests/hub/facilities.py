"""Facilities drawn at random, and small ones made by hand, for tests of what Slurm is told of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from werkplaats_hub.facility import Facility

TODAY: Final = date(2026, 11, 21)
_WORDS: Final = {"nl": "x", "en": "x"}
#: One pool for streams and projects: a name may change from the one to the other.
NAMES: Final = ("alder", "birch", "cedar", "dogwood", "elm")
PEOPLE: Final = ("ann", "bob", "cor")


def facility(
    streams: dict[str, dict[str, Any]], projects: dict[str, dict[str, Any]], **more: Any
) -> Facility:
    """Return a facility; each stream and project as its table in the file, without words."""
    flavour = {"name": "f1", "cpus": 1, "memory_gb": 1, "gpus": 0, "hours": 1, "max_hours": 1}
    return Facility.model_validate(
        {
            "facility": dict.fromkeys(("name", "tagline", "cost", "privacy"), _WORDS),
            "flavours": ({**flavour, "title": _WORDS, "description": _WORDS},),
            "streams": tuple(
                {"name": name, "title": _WORDS, "description": _WORDS, **table}
                for name, table in streams.items()
            ),
            "projects": tuple(
                {"name": name, "title": _WORDS, "gpu_hours": 10, "members": (), **table}
                for name, table in projects.items()
            ),
            **more,
        }
    )


@st.composite
def facilities(draw: st.DrawFn) -> Facility:
    """Draw a facility of up to three streams and four projects, with every setting that Slurm is told."""
    names = draw(st.permutations(NAMES))
    cut = draw(st.integers(1, 3))
    streams = names[:cut]
    projects = draw(st.lists(st.sampled_from(names[cut:]), unique=True))
    shares = {1: [1.0], 2: [0.3, 0.7], 3: [0.5, 0.25, 0.25]}[cut]
    guaranteed = draw(st.sampled_from([None, *streams]))
    limit = st.none() | st.integers(1, 4)
    more: dict[str, Any] = {
        "lending": {"notice_seconds": draw(st.integers(1, 3600)), "charged": draw(st.booleans())}
    }
    if draw(st.booleans()):
        hours = draw(st.integers(0, 3))
        more["first_steps"] = {"title": _WORDS, "stream": draw(st.sampled_from(streams)), "gpu_hours": hours}
    return facility(
        {
            name: {
                "share": share,
                "guaranteed": name == guaranteed,
                "lends": draw(st.booleans()),
                "person": {"gpus": draw(limit), "hours": draw(limit), "servers": draw(limit)},
            }
            for name, share in zip(streams, shares, strict=True)
        },
        {
            name: {
                "stream": draw(st.sampled_from(streams)),
                "gpu_hours": draw(st.integers(0, 5)),
                "members": draw(st.lists(st.sampled_from(PEOPLE), unique=True)),
                "ends": draw(st.none() | st.sampled_from([TODAY - timedelta(1), TODAY])),
            }
            for name in projects
        },
        **more,
    )
