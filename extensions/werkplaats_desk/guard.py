"""What stands before every request: its language, a bound on its size, headers that keep browsers strict."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from werkplaats_desk import fence, words
from werkplaats_desk.settings import Settings

#: Largest body of a request: five fields, one of them a page of text.
MOST_BYTES: Final = 64 * 1024

#: How much of a body that is too large is read and forgotten, so that its sender comes to read why.
_DRAINED_BYTES: Final = 32 * 1024 * 1024

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",  # and more where the browser knows it: see the fence
}

_log = logging.getLogger(__name__)


class TooLarge(Exception):
    """More came in than the desk takes."""


class Guard:
    """Wraps the whole application.

    Parameters
    ----------
    settings
        Returns what the facility says now.
    too_large
        Returns what who sent too much is told.
    """

    def __init__(
        self, app: ASGIApp, settings: Callable[[], Settings], too_large: Callable[[Request], Response]
    ) -> None:
        self._app, self._settings, self._too_large = app, settings, too_large

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        cookie = _cookie(headers.get("cookie", ""))
        accept = headers.get("accept-language", "")
        words.speak(words.negotiate(cookie, accept, self._settings().language))
        body = _Body(receive)
        answer = _Answer(send, fence.opener_policy(headers), static="/static/" in scope["path"])
        try:
            if _length(headers) > MOST_BYTES:
                raise TooLarge
            await self._app(scope, body.receive, answer.send)
        except TooLarge:
            if answer.begun:
                raise
            await body.drain()
            # It looks for who reads it, in a database that may be slow.
            page = await run_in_threadpool(self._too_large, Request(scope))
            await page(scope, receive, answer.send)


class _Answer:
    """One answer on its way out."""

    def __init__(self, send: Send, opener: str, *, static: bool) -> None:
        self._send, self._opener, self._static, self.begun = send, opener, static, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            headers["Cross-Origin-Opener-Policy"] = self._opener
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if not self._static:
                headers.setdefault("Cache-Control", "no-store")
                headers.append("Vary", "Cookie, Accept-Language")
        await self._send(message)


class _Body:
    """The body of one request, counted; one that says nothing of its length is bounded as well."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._came, self._over = receive, 0, False

    async def receive(self) -> Message:
        message = await self._next()
        if self._came > MOST_BYTES:
            raise TooLarge
        return message

    async def drain(self) -> None:
        """Read what is left: a browser that may not finish sending shows no answer at all."""
        while not self._over and self._came < _DRAINED_BYTES:
            await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self._came += len(message.get("body", b""))
        self._over = not message.get("more_body", False)
        return message


def _length(headers: Headers) -> int:
    """Return how long a body is said to be; 0 where that is no number: it is counted as it comes in."""
    try:
        return int(headers.get("content-length", "0"))
    except ValueError:
        return 0


def _cookie(header: str) -> str | None:
    try:
        found = SimpleCookie(header).get(words.COOKIE)
    except CookieError:
        return None
    return found.value if found else None
