"""The Hub, over HTTP: who a token belongs to, OAuth, and the start of a person's own server."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx

from werkplaats_desk.people import Person
from werkplaats_desk.words import current

_TIMEOUT: Final = httpx.Timeout(10.0, connect=3.0)
#: A start is refused within moments, and else answered only when the server is there, or after ten
#: seconds: so long a class that starts at once cannot be listened to (s).
_STARTS: Final = httpx.Timeout(4.0, connect=3.0)
#: A browser is sent to the Hub when it answers; until then a page of the desk's says what is going on (s).
_ANSWERS: Final = httpx.Timeout(5.0, connect=1.0)
#: How long an answer about an API token holds, and how long it does while the Hub is away (s).
FRESH: Final = 120.0
_STALE: Final = 900.0
_MOST_CACHED: Final = 2000


class HubAway(Exception):
    """The Hub does not answer, or not with sense: nothing is known, nothing was refused."""


class HubBusy(HubAway):
    """The Hub took a request, and has not answered yet: it may carry it out."""


@dataclass(frozen=True)
class Kept:
    """A server that is kept from being shared for a while.

    Attributes
    ----------
    job
        The number of its job, as the Hub submitted it; 0 when it has none.
    shared
        Whether anybody else can open it, or holds a code to it.
    """

    job: int
    shared: bool


class Hub:
    """What the desk asks of the Hub.

    Parameters
    ----------
    api
        Address of its API on this machine.
    token
        The service's own, which is also the secret of its OAuth client.
    prefix
        The desk's path; the Hub sends people back below it.
    transport
        Another way to the Hub, for tests.
    """

    def __init__(self, api: str, token: str, prefix: str, transport: httpx.BaseTransport | None = None):
        self._http = httpx.Client(base_url=api, timeout=_TIMEOUT, transport=transport)
        self._secret, self._prefix = token, prefix
        self._known: dict[str, tuple[float, Person | None]] = {}

    client_id: Final = "service-desk"
    scope: Final = "access:services!service=desk"

    def answers(self) -> bool:
        """Return whether the Hub answers: while it restarts, a browser that is sent there is stuck."""
        try:
            return self._ask("GET", "/", timeout=_ANSWERS).status_code == 200
        except HubAway:
            return False

    def authorize(self, hub: str, state: str, challenge: str) -> str:
        """Return where a browser goes to sign in (RFC 6749 with RFC 7636's S256)."""
        asked = {
            "client_id": self.client_id,
            "redirect_uri": self._prefix + "oauth_callback",
            "response_type": "code",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{hub}api/oauth2/authorize?{urlencode(asked)}"

    def redeem(self, code: str, verifier: str) -> str | None:
        """Return the access token that a code stands for; ``None`` when the Hub refuses it.

        Raises
        ------
        HubAway
        """
        answer = self._ask(
            "POST",
            "/oauth2/token",
            data={
                "client_id": self.client_id,
                "client_secret": self._secret,
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._prefix + "oauth_callback",
                "code_verifier": verifier,
            },
        )
        found = _json(answer).get("access_token") if answer.status_code == 200 else None
        return found if isinstance(found, str) else None

    def whose(self, token: str) -> Person | None:
        """Return whose a token is, asked of the Hub now; ``None`` for none of the desk's business.

        Raises
        ------
        HubAway
        """
        answer = self._ask("GET", "/user", headers={"Authorization": f"token {token}"})
        if answer.status_code in (401, 403):
            return None
        model = _json(answer)
        scopes, name = model.get("scopes", []), model.get("name")
        if model.get("kind") != "user" or not isinstance(name, str) or not _opens(scopes):
            return None
        server = _server_of(scopes, name)
        if server is not None:
            # Any notebook that somebody opens can use it: it asks in their name, and decides nothing.
            return Person(name, token=token, server=server)
        return Person(name, bool(model.get("admin")), frozenset(model.get("groups") or ()), token)

    def known(self, token: str) -> Person | None:
        """Return whose an API token is; the answer is kept for minutes, longer while the Hub is away.

        Raises
        ------
        HubAway
        """
        key, now = hashlib.sha256(token.encode()).hexdigest(), time.monotonic()
        at, person = self._known.get(key, (-_STALE, None))
        if now - at < FRESH:
            return person
        try:
            person = self.whose(token)
        except HubAway:
            if now - at < _STALE:
                return person
            raise
        if len(self._known) >= _MOST_CACHED:
            self._known.clear()
        self._known[key] = (now, person)
        return person

    def start(self, person: Person, server: str, title: str, options: Mapping[str, str]) -> str:
        """Start a server of the person's, with their own token; return why not, empty when it starts.

        Raises
        ------
        HubBusy
            When it is at it: asked once more, it says so at once, and starts nothing twice.
        HubAway
        """
        path = f"/users/{quote(person.name)}/server" + (f"s/{server}" if server else "")
        body = {"user_options": dict(options), **({"display_name": title} if server else {})}
        answer = self._ask("POST", path, json=body, headers=_as(person), timeout=_STARTS)
        said = str(_json(answer).get("message", "")) if answer.status_code >= 400 else ""
        if answer.status_code < 400 or "already running" in said:
            return ""
        return said or str(answer.status_code)

    def servers(self, person: Person) -> list[str] | None:
        """Return which servers of the person's run, with their own token; ``None`` when that may not ask.

        Raises
        ------
        HubAway
        """
        answer = self._ask("GET", f"/users/{quote(person.name)}", headers=_as(person))
        found = _json(answer).get("servers") if answer.status_code == 200 else None
        if not isinstance(found, dict):
            return None
        return sorted(name for name, model in found.items() if model.get("ready"))

    def let_look(self, person: Person, server: str, expert: str, until: int) -> str:
        """Let an expert look along in a server of the person's, with their own token; return why not.

        Parameters
        ----------
        server
            Of the form ``name/server``.
        until
            When it ends by itself (Unix time, s).

        Raises
        ------
        HubBusy
            When it may have been done.
        HubAway
        """
        headers = {**_as(person), "Accept-Language": current()}
        body = {"expert": expert, "until": until}
        answer = self._ask("POST", f"/werkplaats/looks/{quote(server)}", json=body, headers=headers)
        if answer.status_code == 201:
            return ""
        return str(_json(answer).get("message", "")) or str(answer.status_code)

    def looks(self, expert: str, server: str) -> bool:
        """Return whether an expert may look along in a server, and it is there.

        Raises
        ------
        HubAway
            Also when the Hub does not say.
        """
        answer = self._ask("GET", f"/users/{quote(expert)}/shared/{quote(server)}", headers=self._own)
        if answer.status_code not in (200, 404):
            raise HubAway(f"shares: {answer.status_code}")
        of = _json(answer).get("server") if answer.status_code == 200 else None
        return isinstance(of, dict) and bool(of.get("ready"))

    def end_look(self, expert: str, server: str) -> None:
        """Take back what lets an expert look along; done once, it is done.

        Raises
        ------
        HubAway
            When the Hub does not say that it is gone.
        """
        answer = self._ask("DELETE", f"/users/{quote(expert)}/shared/{quote(server)}", headers=self._own)
        if answer.status_code not in (204, 404):
            raise HubAway(f"shares: {answer.status_code}")

    @property
    def _own(self) -> dict[str, str]:
        """The desk's own token, which can take shares back, and nothing else."""
        return {"Authorization": f"token {self._secret}"}

    def keep_alone(self, person: Person) -> Kept:
        """Have nobody new given the server that a token is of, for some minutes; say who can open it now.

        Raises
        ------
        HubAway
            Also when the Hub does not say.
        """
        name, _slash, server = (person.server or "").partition("/")
        path = f"/werkplaats/alone/{quote(name)}/{quote(server)}"
        answer = self._ask("POST", path, headers=_as(person), json={})
        said = _json(answer)
        job, shared = said.get("job"), said.get("shared")
        if answer.status_code != 200 or not isinstance(job, int) or not isinstance(shared, bool):
            raise HubAway(f"{path}: {answer.status_code}")
        return Kept(job, shared)

    def _ask(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **what)
        except httpx.ReadTimeout as wrong:
            raise HubBusy(str(wrong)) from wrong
        except httpx.HTTPError as wrong:
            raise HubAway(str(wrong)) from wrong
        if answer.status_code in (502, 503, 504) and not _json(answer).get("message"):
            raise HubAway(f"{answer.status_code}")
        if answer.status_code == 500:
            raise HubAway("500")
        return answer


def _as(person: Person) -> dict[str, str]:
    return {"Authorization": f"token {person.token}"}


def _opens(scopes: Any) -> bool:
    """Return whether a token's scopes open the desk to it."""
    return isinstance(scopes, list) and bool({"access:services", Hub.scope} & {str(s) for s in scopes})


def _server_of(scopes: Any, name: str) -> str | None:
    """Return which server of a person's was given a token of these scopes; ``None`` for no server's.

    One that opens servers, and none of theirs or more than one, is a server's without a name.
    """
    opened = {str(scope).partition("access:servers!server=")[2] for scope in scopes} - {""}
    own = [server for server in opened if server.startswith(f"{name}/")]
    if not opened:
        return None
    return own[0] if len(own) == 1 else ""


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
