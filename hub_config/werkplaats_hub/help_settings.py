"""The expertise centre in ``facility.toml``, and what the desk is told of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from werkplaats_hub.instance import Instance
from werkplaats_spawners.offer import Frozen, Name, Person, Words

#: An address as RFC 5321 lets one be written without quotes.
Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,189}$")]

#: What is left of 64 characters (RFC 5321, 4.5.3.1.1) beside ``+t2147483647-`` and 26 of a secret.
_MOST_LOCAL = 25


class Topic(Frozen):
    """What a question may be about: one of the factory's domains, or a technique."""

    title: Words
    kind: Literal["domain", "technique"]


class Expert(Frozen):
    """Somebody of the expertise centre.

    Attributes
    ----------
    topics
        Names of topics; without any, all of them.
    hours_per_week
        How long they answer questions (h).
    mail
        Where they are told of what happens.
    """

    topics: tuple[Name, ...] = Field(default=(), strict=False)
    languages: tuple[Literal["nl", "en"], ...] = Field(default=("nl", "en"), strict=False, min_length=1)
    hours_per_week: float = Field(gt=0, le=80)
    mail: Address | None = None


class Mail(Frozen):
    """How mail goes out.

    Attributes
    ----------
    sender
        The address that it comes from. Replies go to ``local+secret@domain`` of it: that domain's mail
        server hands what comes there over to the desk's socket (LMTP).
    security
        As of RFC 8314; ``none`` is for a mail server on the same machine.
    user
        With the password in ``secrets/mail-password``.
    replies
        Whether that domain's mail server hands replies over.
    group
        As whose group that mail server runs on this machine: it alone reaches the desk's socket.
    """

    sender: Address
    host: str = Field(default="localhost", min_length=1, max_length=253)
    port: int = Field(default=25, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "starttls"
    user: str = Field(default="", max_length=254)
    replies: bool = False
    group: str = Field(default="postfix", pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,31}$")

    @model_validator(mode="after")
    def _makes_sense(self) -> Mail:
        here = self.host in ("localhost", "127.0.0.1", "::1")
        if self.security == "none" and not here:
            raise ValueError(
                f"help.mail.security is 'none' and {self.host} is another machine; write 'starttls' or 'tls'"
            )
        if self.replies and len(self.sender.partition("@")[0]) > _MOST_LOCAL:
            raise ValueError(
                f"help.mail.sender has more than {_MOST_LOCAL} characters before the @, and a secret must "
                "fit behind them (64 in all); use a shorter one"
            )
        return self


class Help(Frozen):
    """The expertise centre.

    Attributes
    ----------
    topics
        By name: ``[help.topics.agriculture]``.
    experts
        By the name with which they sign in: ``[help.experts.anna]``.
    guarantees
        Each stream's part of the experts' hours; a stream that is not named has its share of the compute.
    address
        What people see before the paths of this place, such as ``https://werkplaats.example``; mail
        has links with it.
    """

    topics: dict[Name, Topic] = Field(default_factory=dict)
    experts: dict[Person, Expert] = Field(default_factory=dict)
    guarantees: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    mail: Mail | None = None
    address: Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Help:
        for name, expert in self.experts.items():
            for topic in expert.topics:
                if topic not in self.topics:
                    raise ValueError(
                        f"help.experts.{name}.topics has '{topic}'; write one of: "
                        + (", ".join(self.topics) or "none, for there is no [help.topics.NAME]")
                    )
        if self.experts and not self.topics:
            raise ValueError("help.experts has people but there is no [help.topics.NAME]; add one")
        return self

    def require(self, streams: dict[str, float]) -> None:
        """Refuse guarantees of streams that are not there, or of more than there is.

        Parameters
        ----------
        streams
            The share of each, by name.

        Raises
        ------
        ValueError
        """
        for name in self.guarantees:
            if name not in streams:
                raise ValueError(f"help.guarantees has '{name}'; write one of: {', '.join(streams)}")
        total = sum({**streams, **self.guarantees}.values())
        if total > 1.001:
            raise ValueError(
                f"help.guarantees come to {total:g} with the shares of the others; stay within 1"
            )


def help_settings(instance: Instance, told: Help | None, streams: dict[str, float]) -> dict[str, Any] | None:
    """Return what the desk is told of the centre; nothing where there are no experts.

    Parameters
    ----------
    streams
        The share of each, by name.
    """
    if told is None or not told.experts:
        return None
    return {
        "topics": [{"name": name, **topic.model_dump()} for name, topic in told.topics.items()],
        "experts": [
            {"name": name, **expert.model_dump(exclude={"mail"}), "mail": expert.mail or ""}
            for name, expert in told.experts.items()
        ],
        "guarantees": {**streams, **told.guarantees},
        "address": told.address or "",
        "mail": _mail(instance, told.mail),
    }


def _mail(instance: Instance, told: Mail | None) -> dict[str, Any] | None:
    if told is None:
        return None
    return {
        **told.model_dump(exclude={"replies", "group"}),
        "password_file": str(instance.mail_password) if told.user else None,
        "incoming": str(instance.mail_socket) if told.replies else None,
        "key_file": str(instance.mail_key),
    }
