"""Who somebody is, and what they may do at the desk."""

from __future__ import annotations

from dataclasses import dataclass

from werkplaats_desk.settings import Settings


@dataclass(frozen=True)
class Person:
    """Somebody, as the Hub knows them.

    Attributes
    ----------
    token
        The Hub's token that they came with; what it can do is what they allowed.
    server
        Of which server of theirs the token is, as ``name/server``; ``None`` for no server's.
    """

    name: str
    admin: bool = False
    groups: frozenset[str] = frozenset()
    token: str = ""
    server: str | None = None

    def decides(self, settings: Settings) -> bool:
        """Return whether they are an operator, who decides on requests."""
        return self.admin or bool(self.groups & set(settings.operator_groups))

    def teaches(self, settings: Settings) -> bool:
        """Return whether they may make courses."""
        named = self.name in settings.teachers or bool(self.groups & set(settings.teacher_groups))
        return named or self.decides(settings)

    def answers(self, settings: Settings) -> bool:
        """Return whether they are an expert, who answers questions."""
        return settings.help is not None and settings.help.expert(self.name) is not None
