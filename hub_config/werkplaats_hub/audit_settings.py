"""What the audit must know, from the facility: where it writes, and who may ask it to."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from werkplaats_audit.settings import Settings
from werkplaats_hub.instance import Instance
from werkplaats_spawners.offer import Frozen


class AuditPlace(Frozen):
    """The audit's second place.

    Attributes
    ----------
    anchor
        The file that each signed head is also written to; without one a file of the instance's own.
        On another disk, or one of another machine, it betrays an older state that was put back.
    """

    anchor: Path | None = Field(default=None, strict=False)

    @field_validator("anchor")
    @classmethod
    def _is_a_file_somewhere(cls, anchor: Path | None) -> Path | None:
        if anchor is not None and (not anchor.is_absolute() or ".." in anchor.parts or not anchor.name):
            raise ValueError("write the whole path of a file, such as /mnt/other-disk/werkplaats/heads")
        return anchor


def anchor(instance: Instance, place: AuditPlace) -> Path:
    """Return the file at the second place."""
    return place.anchor or instance.state / "audit-anchor/heads"


def audit_settings(instance: Instance, place: AuditPlace) -> str:
    """Return the file that root lays down for the audit; nothing in it is secret."""
    settings = Settings(
        socket=instance.audit_socket,
        folder=instance.audit_journal,
        anchor=anchor(instance, place),
        key=instance.secrets / "audit-signing-key",
        desk_user=instance.desk_user,
    )
    return settings.model_dump_json(indent=2) + "\n"
