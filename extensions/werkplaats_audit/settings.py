"""What the audit must know, as root lays it down; nothing in it is secret."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Mail(BaseModel):
    """Where signed heads are mailed to.

    Attributes
    ----------
    to, sender
        Addresses.
    host, port, starttls
        The mail server that takes it; it asks for no password.
    every
        How much time there is between two mails at least (s).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str
    sender: str
    host: str
    port: int = 25
    starttls: bool = False
    every: int = 3600


class Settings(BaseModel):
    """Where the audit writes, and who may ask it to.

    Attributes
    ----------
    socket
        Where it listens.
    folder
        Holds the journal and its heads.
    anchor
        The file at the second place.
    key
        Holds its signing key.
    desk_user
        The system user that the desk runs as.
    mail
        Who gets the heads by mail as well; None for nobody.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    socket: Path
    folder: Path
    anchor: Path
    key: Path
    desk_user: str
    mail: Mail | None = None

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Read the file that root laid down."""
        return cls.model_validate_json(path.read_bytes())
