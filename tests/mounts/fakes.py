"""A desk and an audit that do as a test tells them."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from werkplaats_datasets.grants import Revocation, Revocations, sign_revocations
from werkplaats_datasets.signed import Signer


class Desk:
    """Answers with a list of revocations, as the desk does."""

    def __init__(self, signer: Signer) -> None:
        self.signer, self.entries, self.away = signer, list[Revocation](), False
        self.issued_at = lambda: int(time.time())
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps({"list": desk.signed()}).encode()
                self.send_response(503 if desk.away else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/services/desk/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def signed(self) -> str:
        """Return the list as it stands."""
        return sign_revocations(
            self.signer, Revocations(issued_at=self.issued_at(), entries=tuple(self.entries))
        )

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


class Audit:
    """Remembers what it is told, or is away; while it is held it answers nobody."""

    def __init__(self, path: Path) -> None:
        self.lines, self.away = list[dict[str, Any]](), False
        self.asked, self.goes_on = threading.Event(), threading.Event()
        self.goes_on.set()
        audit = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):  # of a daemon that was killed
                    for line in self.rfile:
                        self.wfile.write(json.dumps(audit.answer(json.loads(line))).encode() + b"\n")

        path.unlink(missing_ok=True)
        self._server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, line: dict[str, Any]) -> dict[str, Any]:
        """Write a line down."""
        self.asked.set()
        self.goes_on.wait()
        if self.away:
            return {"trouble": "disk", "message": "There is no room left."}
        self.lines.append(line)
        return {"entry": len(self.lines), "hash": ""}

    def told(self, **wanted: Any) -> list[dict[str, Any]]:
        """Return what was begun that looks like this."""
        return [line for line in self.lines if all(line.get(key) == wanted[key] for key in wanted)]

    def open(self) -> list[dict[str, Any]]:
        """Return what was begun and not closed."""
        closed = {line["entry"] for line in self.lines if line["want"] == "close"}
        return [
            line
            for number, line in enumerate(self.lines, 1)
            if line["want"] == "begin" and not line.get("outcome") and number not in closed
        ]

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
