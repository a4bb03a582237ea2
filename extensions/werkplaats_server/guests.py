"""Who looks along in this server: let in while the Hub says so, and out within seconds when it does not.

JupyterHub remembers for five minutes whom it let in, and a websocket that is open stays open. Here what
is remembered of anybody but the server's person is two seconds old at most, and while something of theirs
is open the Hub is asked every two seconds. Where the Hub does not answer, nobody but the person is let in,
and what a guest has open is closed too.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote
from weakref import WeakKeyDictionary

from jupyterhub.services.auth import HubOAuth, _ExpiringDict
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.web import HTTPError, RequestHandler
from tornado.websocket import WebSocketHandler

from werkplaats_server import company
from werkplaats_server.company import Company

#: How old an answer of the Hub's about a guest may be, and how often it is asked (s).
FRESH: Final = 2.0
#: How long the Hub may take to answer, and how long a guest stays without any answer of its (s).
_WAIT: Final = 2.0
_GRACE: Final = 5.0
#: How long a browser gets to close a websocket by itself (s).
_HANDSHAKE: Final = 1.0
#: A request that was let in and is nowhere yet is on its way; after this it is not (s).
_ON_ITS_WAY: Final = 30.0
#: RFC 6455, 7.4.2: codes of private use.
CODE: Final = 4403
REASON: Final = "looking along has ended"


class Brief(_ExpiringDict):  # type: ignore[misc]  # JupyterHub has no annotations
    """What the Hub said of who asks: kept as long as ever of the person, and briefly of anybody else.

    Parameters
    ----------
    owner
        Whose server this is.
    max_age
        Of the person (s).
    """

    def __init__(self, owner: str, max_age: float) -> None:
        super().__init__(max_age)
        self._owner = owner

    def _check_age(self, key: str) -> None:
        super()._check_age(key)
        model = self.values.get(key)
        if model and model.get("name") != self._owner and time.monotonic() - self.timestamps[key] > FRESH:
            del self[key]

    def forget(self, name: str) -> None:
        """Forget what was said of somebody: a browser that was put out comes back within milliseconds."""
        for key, model in list(self.values.items()):
            if model and model.get("name") == name:
                del self[key]


class Looks:
    """Until when experts may look along, as the Hub has it.

    Parameters
    ----------
    environment
        What the Hub gave the server: its address and a token.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        owner, name = environment["JUPYTERHUB_USER"], environment.get("JUPYTERHUB_SERVER_NAME", "")
        api = environment["JUPYTERHUB_API_URL"]
        self._request = HTTPRequest(
            f"{api}/werkplaats/looks/{quote(owner)}/{quote(name)}",
            headers={"Authorization": "token " + environment["JUPYTERHUB_API_TOKEN"]},
            connect_timeout=_WAIT,
            request_timeout=_WAIT,
        )
        self._at = float("-inf")
        self._until: dict[str, float | None] = {}

    async def over(self, name: str) -> bool:
        """Return whether somebody looked along, and no longer may.

        Who has a right of their own to be here, such as an operator, does not look along.

        Raises
        ------
        OSError
            When the Hub does not say.
        """
        if time.monotonic() - self._at > FRESH:
            await self._read()
        until = self._until.get(name)
        return until is not None and until <= time.time()

    def until(self, name: str) -> float | None:
        """Return until when somebody looks along, as was last heard; ``None`` for who does not."""
        return self._until.get(name)

    async def _read(self) -> None:
        began = time.monotonic()
        try:
            answer = await AsyncHTTPClient().fetch(self._request)
            found = json.loads(answer.body)["looks"]
            # What is past stays so when the Hub no longer has it: it may have said yes just before.
            past = {name: end for name, end in self._until.items() if end is not None and end <= time.time()}
            self._until = {**past, **{str(one["expert"]): one["until"] for one in found}}
        except (HTTPClientError, ValueError, KeyError, TypeError) as wrong:
            raise OSError(f"the Hub does not say who looks along: {wrong}") from wrong
        self._at = began


class Guests:
    """Who is here beside the server's person.

    Parameters
    ----------
    owner
        Whose server this is.
    auth
        How JupyterHub knows who asks.
    shown
        Where the person sees who is here.
    """

    def __init__(self, serverapp: Any, owner: str, auth: HubOAuth, looks: Looks, shown: Company) -> None:
        self._log, self._owner, self._auth, self._looks = serverapp.log, owner, auth, looks
        self._get_user = serverapp.identity_provider.get_user
        self._open: WeakKeyDictionary[RequestHandler, tuple[str, str, float]] = WeakKeyDictionary()
        self._confirmed: dict[str, float] = {}
        self._watch: asyncio.Task[None] | None = None
        self._shown = shown

    async def get_user(self, handler: RequestHandler) -> Any:
        """Return who asks, as JupyterHub does; nobody, where that is a guest whose time is over."""
        user = await self._get_user(handler)
        if user is None or user.username == self._owner:
            return user
        token = self._auth.get_token(handler) or ""
        if not await self._let_in(user.username):
            return _refuse(handler, user.username)
        self._open[handler] = (user.username, token, time.monotonic())
        self._confirmed[token] = time.monotonic()
        self._show()
        if self._watch is None or self._watch.done():
            self._watch = asyncio.ensure_future(self._keep_watch())
        return user

    async def _let_in(self, name: str) -> bool:
        try:
            return not await self._looks.over(name)
        except OSError as wrong:
            self._log.error("%s is not let in: %s", name, wrong)
            return False

    async def _keep_watch(self) -> None:
        """Ask again and again while anything of a guest's is open."""
        while self._still_open():
            await asyncio.sleep(FRESH)
            try:
                await self.look()
            except Exception:  # whatever it is: the next round looks again, and time runs
                self._log.exception("Who may look along could not be found out")
            self._show()
        self._show()

    def _show(self) -> None:
        names = {name for name, _token, _at in self._open.values()}
        self._shown.now((name, self._looks.until(name)) for name in names)

    async def look(self) -> None:
        """Ask the Hub about every guest who has something open, and close what is no longer to be."""
        for name, token in {(name, token) for name, token, _at in self._open.values()}:
            may = await self._may(name, token)
            if may:
                self._confirmed[token] = time.monotonic()
            unheard = time.monotonic() - self._confirmed.get(token, float("-inf"))
            if may is False or unheard > _GRACE:
                self._auth.cache.forget(name)
                self._close(token)
                self._log.warning("%s no longer looks along", name)

    async def _may(self, name: str, token: str) -> bool | None:
        """Return whether a guest may still be here; ``None`` where the Hub does not say."""
        try:
            model = await asyncio.wait_for(
                self._auth.user_for_token(token, use_cache=False, sync=False), _WAIT
            )
            allowed = model is not None and bool(self._auth.check_scopes(self._auth.access_scopes, model))
            return allowed and not await self._looks.over(name)
        except (HTTPError, OSError, TimeoutError):
            return None

    def _still_open(self) -> bool:
        for handler, (_name, _token, at) in list(self._open.items()):
            if not _is_open(handler) and time.monotonic() - at > _ON_ITS_WAY:
                del self._open[handler]
        return bool(self._open)

    def _close(self, token: str) -> None:
        for handler, (_name, theirs, _at) in list(self._open.items()):
            if theirs == token:
                del self._open[handler]
                close(handler)


def _is_open(handler: RequestHandler) -> bool:
    if isinstance(handler, WebSocketHandler):
        return handler.ws_connection is not None
    return not handler._finished


def close(handler: RequestHandler) -> None:
    """End what a request has open: what comes in is not listened to, what goes out breaks off."""
    if not _is_open(handler):
        return
    if not isinstance(handler, WebSocketHandler):
        _cut(handler.request.connection)
        return
    connection = handler.ws_connection
    handler.on_message = lambda message: None  # type: ignore[method-assign]  # until it is closed
    handler.close(CODE, REASON)
    asyncio.get_running_loop().call_later(_HANDSHAKE, _cut, connection)


def _cut(connection: Any) -> None:
    with suppress(AttributeError, OSError):  # it is gone already
        connection.stream.close()


def _refuse(handler: RequestHandler, name: str) -> None:
    """Have a request end in a refusal, and not at the Hub's log-in page, which would send it back here."""

    def refuse(*_args: Any, **_more: Any) -> None:
        raise HTTPError(403, f"{name} does not look along in this server (any more)")

    handler.redirect = refuse  # type: ignore[method-assign]


def put_up(serverapp: Any, environment: Mapping[str, str]) -> Guests | None:
    """Watch over a server's guests; somebody's own Jupyter, which no Hub started, has none."""
    provider = getattr(serverapp, "identity_provider", None)
    auth = getattr(provider, "hub_auth", None)
    if provider is None or not isinstance(auth, HubOAuth) or "JUPYTERHUB_API_URL" not in environment:
        return None
    owner = environment["JUPYTERHUB_USER"]
    auth.cache = Brief(owner, auth.cache_max_age)
    guests = Guests(serverapp, owner, auth, Looks(environment), company.put_up(serverapp, environment))
    provider.get_user = guests.get_user
    return guests
