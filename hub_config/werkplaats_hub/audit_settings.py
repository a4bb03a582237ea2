"""What the audit must know, from the facility: where it writes, and who may ask it to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from werkplaats_audit.settings import Mail, Settings
from werkplaats_hub.instance import Instance
from werkplaats_spawners.offer import Frozen

_Address = Annotated[str, Field(pattern=r"^[!-;=?A-~]{1,64}@[A-Za-z0-9.-]{1,190}$")]


class Smtp(Frozen):
    """The mail server that takes the audit's mail, and asks for no password.

    Attributes
    ----------
    sender
        Whom the mail is from; without one, who gets it.
    """

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,190}$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    starttls: bool = False
    sender: _Address | None = None


class AuditPlace(Frozen):
    """The audit's second place.

    Attributes
    ----------
    anchor
        The file that each signed head is also written to; without one a file of the instance's own.
        On another disk, or one of another machine, it betrays an older state that was put back.
    anchor_mail
        Who gets the newest signed head by mail as well, once an hour at most; nobody where it is not given.
    smtp
        Who takes that mail.
    """

    anchor: Path | None = Field(default=None, strict=False)
    anchor_mail: _Address | None = None
    smtp: Smtp | None = None

    @model_validator(mode="after")
    def _has_a_server(self) -> Self:
        if self.anchor_mail is not None and self.smtp is None:
            raise ValueError("to mail heads, write [audit.smtp] too, with the mail server's host")
        return self

    @field_validator("anchor")
    @classmethod
    def _is_a_file_somewhere(cls, anchor: Path | None) -> Path | None:
        if anchor is not None and (not anchor.is_absolute() or ".." in anchor.parts or not anchor.name):
            raise ValueError("write the whole path of a file, such as /mnt/other-disk/werkplaats/heads")
        return anchor


def anchor(instance: Instance, place: AuditPlace) -> Path:
    """Return the file at the second place."""
    return place.anchor or instance.state / "audit-anchor/heads"


def _mail(place: AuditPlace) -> Mail | None:
    if place.anchor_mail is None or place.smtp is None:
        return None
    to, smtp = place.anchor_mail, place.smtp
    return Mail(to=to, sender=smtp.sender or to, host=smtp.host, port=smtp.port, starttls=smtp.starttls)


def audit_settings(instance: Instance, place: AuditPlace) -> str:
    """Return the file that root lays down for the audit; nothing in it is secret."""
    settings = Settings(
        socket=instance.audit_socket,
        folder=instance.audit_journal,
        anchor=anchor(instance, place),
        key=instance.secrets / "audit-signing-key",
        desk_user=instance.desk_user,
        mail=_mail(place),
    )
    return settings.model_dump_json(indent=2) + "\n"
