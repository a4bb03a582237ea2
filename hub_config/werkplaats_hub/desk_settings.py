"""What the desk must know, from the facility: it imports nothing of ours, and reads this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from werkplaats_hub.facility import Facility
from werkplaats_hub.help_settings import help_settings
from werkplaats_hub.instance import Instance
from werkplaats_spawners.offer import FIRST_STEPS, LENT, OURS

#: Where a person finds the example notebooks, below their home directory.
_EXAMPLES: Final = "voorbeelden"
_HERE: Final = Path(__file__).parent


def desk_settings(instance: Instance, facility: Facility) -> str:
    """Return the file that root lays down for the desk; nothing in it is secret.

    Parameters
    ----------
    facility
        ``facility.toml`` alone: what the desk itself granted it knows.
    """
    look, desk = facility.facility, facility.desk
    said: dict[str, Any] = {
        "look": {
            "name": look.name.model_dump(),
            "tagline": look.tagline.model_dump(),
            "contact": look.contact.model_dump() if look.contact else None,
            "primary": look.primary,
            "accent": look.accent,
            "primary_on_dark": look.primary_on_dark,
            "accent_on_dark": look.accent_on_dark,
            "demo": facility.demo is not None,
            "logo": look.logo is not None,
        },
        "language": look.language,
        "streams": [
            stream.model_dump(include={"name", "title", "description", "share", "guaranteed", "lends"})
            for stream in facility.streams
        ],
        "flavours": [f.model_dump(include={"name", "title", "gpus"}) for f in facility.flavours],
        "projects": _taken(facility),
        "period": facility.budgets.period,
        "most_gpu_hours": desk.most_gpu_hours,
        "most_course_hours": desk.most_course_hours,
        "course_stream": _course_stream(facility),
        "lent": LENT,
        "lessons": _lessons(instance),
        "named_servers": facility.limits.named_servers > 0,
        "teachers": desk.teachers,
        "teacher_groups": desk.teacher_groups,
        "operator_groups": desk.operator_groups,
        "stewards": desk.stewards,
        "steward_groups": desk.steward_groups,
        "catalogue": str(instance.catalogue),
        "data": str(instance.data),
        "signing_key_file": str(instance.secrets / "desk-signing-key"),
        "audit": str(instance.audit_socket),
        "revocations": str(instance.revocations),
        "own_mounts": _own_mounts(instance),
        "help": help_settings(instance, facility.help, {s.name: s.share for s in facility.streams}),
        "hub_api": f"http://127.0.0.1:{instance.port_hub}/hub/api",
        "port": instance.port_desk,
        "database": desk.database or f"sqlite:///{instance.state}/desk/desk.sqlite",
        "database_password_file": str(instance.desk_database_password),
        "projects_d": str(instance.drop.folder),
        "queue": str(instance.queue_socket),
        "token_file": str(instance.secrets / "desk-token"),
        "static": str(_HERE / "static"),
        "locale": str(_HERE / "locale"),
    }
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def _own_mounts(instance: Instance) -> bool:
    """Return whether Slurm gives each job mounts of its own here."""
    path = instance.slurm_conf
    return path.exists() and "JobContainerType=" in path.read_text()


def _taken(facility: Facility) -> dict[str, str]:
    """Return every name of an account that is not the desk's to give, with its stream."""
    names = {stream.name: stream.name for stream in facility.streams}
    names |= dict.fromkeys(sorted(OURS), "")
    if facility.first_steps:
        names[FIRST_STEPS] = facility.first_steps.stream
    return names | {project.name: project.stream for project in facility.projects}


def _course_stream(facility: Facility) -> str:
    first = facility.first_steps.stream if facility.first_steps else facility.streams[0].name
    return facility.desk.course_stream or first


def _lessons(instance: Instance) -> list[str]:
    """Return the example notebooks, as paths below a home directory."""
    shipped = instance.prefix / "hub/share/werkplaats/example_notebooks"
    return sorted(f"{_EXAMPLES}/{path.relative_to(shipped)}" for path in shipped.rglob("*.ipynb"))
