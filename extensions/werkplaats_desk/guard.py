"""What stands before every request: its language, a bound on its size, headers that keep browsers strict."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from werkplaats_desk import words
from werkplaats_desk.settings import Settings

#: Largest body of a request: five fields, one of them a page of text.
MOST_BYTES: Final = 64 * 1024

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_log = logging.getLogger(__name__)


class TooLarge(Exception):
    """More came in than the desk takes."""


class Guard:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, settings: Callable[[], Settings]) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        cookie = _cookie(headers.get("cookie", ""))
        accept = headers.get("accept-language", "")
        words.speak(words.negotiate(cookie, accept, self._settings().language))
        answer = _Answer(send, _whole_body(receive), static="/static/" in scope["path"])
        try:
            if int(headers.get("content-length", "0") or 0) > MOST_BYTES:
                raise TooLarge
            await self._app(scope, answer.receive, answer.send)
        except (TooLarge, ValueError):
            if answer.begun:
                raise
            await answer.too_large()


class _Answer:
    """One answer on its way out."""

    def __init__(self, send: Send, receive: Receive, *, static: bool) -> None:
        self._send, self.receive, self._static, self.begun = send, receive, static, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if not self._static:
                headers.setdefault("Cache-Control", "no-store")
                headers.append("Vary", "Cookie, Accept-Language")
        await self._send(message)

    async def too_large(self) -> None:
        start = {"type": "http.response.start", "status": 413, "headers": [(b"content-type", b"text/plain")]}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": b"Too large.\n"})


def _whole_body(receive: Receive) -> Receive:
    """Return `receive`, counting; a body that says nothing of its length is bounded as well."""
    came = 0

    async def counting() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > MOST_BYTES:
            raise TooLarge
        return message

    return counting


def _cookie(header: str) -> str | None:
    try:
        found = SimpleCookie(header).get(words.COOKIE)
    except CookieError:
        return None
    return found.value if found else None
