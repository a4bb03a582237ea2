"""Ask the Hub, with the token that this server was given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests

_TIMEOUT: Final = 10.0
_WORDS: Final = {
    "nl": {
        "outside": "Dit werkt alleen in een server van het platform. Open het notebook daar.",
        "away": "Het platform geeft nu geen antwoord. Probeer het zo opnieuw; je werk loopt door.",
        "refused": "Het platform kent deze server niet meer. Sla je werk op en start opnieuw.",
    },
    "en": {
        "outside": "This works only in a server of the platform. Open the notebook there.",
        "away": "The platform does not answer now. Try again soon; your work goes on.",
        "refused": "The platform no longer knows this server. Save your work and start again.",
    },
}


class NoAnswer(Exception):
    """There is no answer; the text is a sentence for people."""


@dataclass(frozen=True)
class Hub:
    """The Hub as a server in a job reaches it.

    Attributes
    ----------
    url
        Of its API; empty outside the platform.
    language
        ``nl`` or ``en``: in which its sentences come.
    """

    url: str
    token: str = field(repr=False)
    language: str = "nl"

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Hub:
        """Return the Hub that a server's environment names."""
        language = environment.get("WERKPLAATS_LANGUAGE", "nl")
        return cls(
            url=environment.get("JUPYTERHUB_API_URL", "").rstrip("/"),
            token=environment.get("JUPYTERHUB_API_TOKEN", ""),
            language=language if language in _WORDS else "nl",
        )

    def get(self, path: str) -> dict[str, Any]:
        """Return what the Hub answers to a ``GET``.

        Raises
        ------
        NoAnswer
            With a sentence in the person's language.
        """
        if not self.url or not self.token:
            raise NoAnswer(self._say("outside"))
        headers = {"Authorization": f"token {self.token}", "Accept-Language": self.language}
        try:
            answer = requests.get(f"{self.url}/{path}", headers=headers, timeout=_TIMEOUT)
            if answer.status_code in (401, 403, 404):
                raise NoAnswer(self._say("refused"))
            answer.raise_for_status()
            found = answer.json()
        except requests.RequestException as wrong:
            # Without its text: that may name what was sent along.
            raise NoAnswer(self._say("away")) from wrong
        if not isinstance(found, dict):
            raise NoAnswer(self._say("away"))
        return found

    def _say(self, what: str) -> str:
        return _WORDS[self.language][what]
