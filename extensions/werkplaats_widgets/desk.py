"""Ask the desk, with the token that this server was given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from werkplaats_widgets.hub import NoAnswer
from werkplaats_widgets.words import language, say

#: To connect, and between two pieces of an answer (s): a kernel waits for this.
_TIMEOUT: Final = (3.0, 10.0)
#: An answer that is larger is not read (bytes).
_MOST: Final = 16 * 1024 * 1024


class Refused(NoAnswer):
    """Something was not done; the text is a sentence for people.

    Attributes
    ----------
    reason
        A short label, such as ``terms``.
    """

    def __init__(self, sentence: str, reason: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True)
class Desk:
    """The desk as a server in a job reaches it.

    Attributes
    ----------
    url
        Without a slash at its end; empty outside the platform.
    """

    url: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Desk:
        """Return the desk that a server's environment names."""
        url = environment.get("WERKPLAATS_DESK_URL", "").rstrip("/")
        return cls(url, environment.get("JUPYTERHUB_API_TOKEN", ""))

    def get(self, path: str) -> Any:
        """Return what the desk answers to a ``GET``, read as JSON.

        Raises
        ------
        NoAnswer
            With a sentence in the person's language; :class:`Refused` when it is the desk's own.
        """
        return _json(self._ask("GET", path))

    def post(self, path: str, **told: Any) -> dict[str, Any]:
        """Return what the desk answers to a ``POST`` of JSON.

        Raises
        ------
        NoAnswer
            As :meth:`get`.
        """
        found = _json(self._ask("POST", path, json=told))
        if not isinstance(found, dict):
            raise NoAnswer(say("desk_away"))
        return found

    def text(self, path: str, **asked: str) -> str:
        """Return what the desk answers to a ``GET``, as it is.

        Raises
        ------
        NoAnswer
            As :meth:`get`.
        """
        return self._ask("GET", path, params=asked).content.decode("utf-8", "replace")

    def _ask(self, method: str, path: str, **what: Any) -> requests.Response:
        if not self.url or not self.token:
            raise NoAnswer(say("outside"))
        headers = {"Authorization": f"token {self.token}", "Accept-Language": language()}
        try:
            # Nothing but the desk itself is shown the token: no other host, and no proxy.
            with requests.Session() as session:
                session.trust_env = False
                answer = session.request(
                    method,
                    f"{self.url}/{path}",
                    headers=headers,
                    timeout=_TIMEOUT,
                    allow_redirects=False,
                    **what,
                )
        except requests.RequestException:
            # Without its text, and not as a cause: that may name what was sent along.
            raise NoAnswer(say("desk_away")) from None
        if answer.status_code >= 300:
            raise _refusal(answer)
        if len(answer.content) > _MOST:
            raise NoAnswer(say("desk_away"))
        return answer


def _refusal(answer: requests.Response) -> NoAnswer:
    """Return the desk's own sentence where it gave one."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    message = said.get("message") if isinstance(said, dict) else None
    if isinstance(said, dict) and isinstance(message, str) and message:
        return Refused(message, str(said.get("reason", "")))
    return NoAnswer(say("refused" if answer.status_code in (401, 403) else "desk_away"))


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise NoAnswer(say("desk_away")) from None
