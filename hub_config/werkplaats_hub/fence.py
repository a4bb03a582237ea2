"""What a page of somebody's server, on the Hub's own host, can read of the Hub in its reader's name: nothing.

To a browser everybody's servers are the Hub itself. Each page of the Hub's carries what its reader acts
with, and a window or a script that reads one can act as them. A browser says of each request how it came
about, over HTTPS and on the machine itself, and no script can change that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from tornado import web
from tornado.httputil import HTTPHeaders, HTTPServerRequest

_MODE, _WHERE = "Sec-Fetch-Mode", "Sec-Fetch-Dest"


def is_a_scripts(headers: Mapping[str, str]) -> bool:
    """Return whether the browser says that something else than a person's going to a page asks.

    >>> is_a_scripts({}), is_a_scripts({"Sec-Fetch-Mode": "no-cors"})
    (False, True)
    """
    goes = headers.get(_MODE, "navigate") == "navigate" and headers.get(_WHERE, "document") == "document"
    return not goes or "Service-Worker-Navigation-Preload" in headers


def opener_policy(headers: Mapping[str, str]) -> str:
    """Return whether who opened a page in a window can read it: nobody can.

    ``same-origin`` is not enough, where a page on the same host says the same of itself. What is, Firefox
    does not know, and would take for nothing said; Chromium does, and tells that it is Chromium.
    """
    return "noopener-allow-popups" if "Sec-CH-UA" in headers else "same-origin"


class Fence(web.OutputTransform):
    """Cuts every page off from who opened it, keeps it out of caches, and gives none to a script.

    JupyterHub lets a script fetch any page as if it were an image (``no-cors``), and has the browser keep
    pages, from where a script reads them later. Our own scripts read JSON, for which they carry their
    page's token.
    """

    def __init__(self, request: HTTPServerRequest) -> None:
        super().__init__(request)
        headers = request.headers
        self._policy = opener_policy(headers)
        self._scripts = is_a_scripts(headers)
        self._in_passing = headers.get(_MODE) == "no-cors" and headers.get(_WHERE, "empty") == "empty"
        self._hides = False

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Set the headers; take the body away from a script."""
        headers["Cross-Origin-Opener-Policy"] = self._policy
        is_page = headers.get("Content-Type", "").startswith("text/html")
        if is_page:
            headers["Cache-Control"] = "no-store"
        self._hides = self._in_passing or (self._scripts and is_page)
        if not self._hides:
            return status_code, headers, chunk
        headers.pop("Content-Length", None)
        if finishing:
            headers["Content-Length"] = "0"
        return status_code, headers, b""

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:
        """Take what follows away as well."""
        return b"" if self._hides else chunk


class Authorize(OAuthAuthorizeHandler):  # type: ignore[misc]  # JupyterHub is not typed
    """JupyterHub's own, for a person who goes there: its answer to a script is a key, in an address."""

    async def prepare(self) -> None:
        """Refuse a script, before a key is made."""
        if is_a_scripts(self.request.headers):
            raise web.HTTPError(403, "asked by a script")
        await super().prepare()


ROUTES: Final[list[tuple[str, Any]]] = [(r"/api/oauth2/authorize", Authorize)]
