"""What stands before every request: its language, a bound on its size, headers that keep browsers strict."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from werkplaats_desk import bodies, fence, words
from werkplaats_desk.bodies import ADMITTED, MOST_BYTES, Bound, Structure, Uploads
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings
from werkplaats_desk.words import gettext as _

#: How much of a body that is not taken is read and forgotten, so that its sender comes to read why; and how
#: long that may last (s).
_DRAINED_BYTES: Final = 32 * 1024 * 1024
_DRAINED_SECONDS: Final = 30.0

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


class Stopped(Exception):
    """A body is not read to its end."""


class TooLarge(Stopped):
    """More came in than the desk takes."""


class TooSlow(Stopped):
    """It came in so slowly that others would wait for it."""


class Guard:
    """Wraps the whole application.

    Parameters
    ----------
    settings
        Returns what the facility says now.
    admit
        Returns whose a large request is, or refuses it.
    refused
        Returns what who is refused is told.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Callable[[], Settings],
        admit: Callable[[Request], str],
        refused: Callable[[Request, Refusal], Response],
    ) -> None:
        self._app, self._settings, self._refused = app, settings, refused
        self._uploads = Uploads(admit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        settings = self._settings()
        cookie = _cookie(headers.get("cookie", ""))
        words.speak(words.negotiate(cookie, headers.get("accept-language", ""), settings.language))
        bound = bodies.bound(scope["path"], settings.prefix)
        body = _Body(receive, bound)
        answer = _Answer(send, body, fence.opener_policy(headers), static="/static/" in scope["path"])
        try:
            await self._handle(scope, headers, body, answer)
        except (Stopped, Refusal) as wrong:
            if answer.begun:
                raise
            await body.drain()
            # It looks for who reads it, in a database that may be slow.
            refusal = wrong if isinstance(wrong, Refusal) else _refusal(wrong, bound)
            page = await run_in_threadpool(self._refused, Request(scope), refusal)
            await page(scope, receive, answer.send)

    async def _handle(self, scope: Scope, headers: Headers, body: _Body, answer: _Answer) -> None:
        length = _length(headers)
        if length > body.bound.most:
            raise TooLarge
        async with contextlib.AsyncExitStack() as stack:
            if body.bound.upload and scope["method"] == "POST" and not 0 < length <= MOST_BYTES:
                await stack.enter_async_context(self._uploads.one(Request(scope)))
                scope[ADMITTED] = True
                stack.callback(scope.pop, ADMITTED, None)
            await self._app(scope, body.receive, answer.send)


def _refusal(wrong: Stopped, bound: Bound) -> Refusal:
    if isinstance(wrong, TooLarge):
        return Refusal("too-large", bound.sentence, 413)
    sentence = _("This came in too slowly, so nothing was taken. Send less at once, or try again later.")
    return Refusal("too-slow", sentence, 408)


class _Answer:
    """One answer on its way out."""

    def __init__(self, send: Send, body: _Body, opener: str, *, static: bool) -> None:
        self._send, self._body, self._opener, self._static, self.begun = send, body, opener, static, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            # FastAPI takes whatever stops a body for one that cannot be read, and would say that.
            stopped, self._body.stopped = self._body.stopped, None
            if stopped is not None:
                raise stopped
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
    """The body of one request, counted; one that says nothing of its length is bounded as well.

    Attributes
    ----------
    stopped
        Why it was not read to its end, until that was said.
    """

    def __init__(self, receive: Receive, bound: Bound) -> None:
        self._receive, self.bound, self._came, self._over = receive, bound, 0, False
        self._structure = Structure()
        self._until = time.monotonic() + bodies.SECONDS
        self.stopped: Stopped | None = None

    async def receive(self) -> Message:
        try:
            message = await self._in_time(self._until)
        except TimeoutError:
            self.stopped = TooSlow()
            raise self.stopped from None
        if self.bound.upload:
            self._structure.feed(message.get("body", b""))
        if self._came > self.bound.most or self._structure.outside > MOST_BYTES:
            self.stopped = TooLarge()
            raise self.stopped
        return message

    async def drain(self) -> None:
        """Read what is left: a browser that may not finish sending shows no answer at all."""
        self.stopped = None
        until = time.monotonic() + _DRAINED_SECONDS
        with contextlib.suppress(TimeoutError):
            while not self._over and self._came < _DRAINED_BYTES:
                await self._in_time(until)

    async def _in_time(self, until: float) -> Message:
        if self._over:  # whoever waits for more waits for the reader to leave, for as long as that takes
            return await self._receive()
        async with asyncio.timeout(max(0.0, until - time.monotonic())):
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
