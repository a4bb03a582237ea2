"""What a person's server cannot have the proxy tell a browser: to let its scripts stand between all pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from single_machine import secrets

from .conftest import Platform


class Server(BaseHTTPRequestHandler):
    """A server that serves a service worker for the whole host."""

    def do_GET(self) -> None:
        """Serve it."""
        self.send_response(200)
        self.send_header("Service-Worker-Allowed", "/")
        self.send_header("Content-Type", "text/javascript")
        self.end_headers()
        self.wfile.write(b"// a worker")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(platform: Platform) -> Iterator[str]:
    """Its address behind the platform's own proxy."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    instance = platform.instance
    routes = f"http://127.0.0.1:{instance.port_proxy_api}/api/routes/user/somebody"
    token = {"Authorization": f"token {secrets.read(instance, 'proxy-token')}"}
    target = {"target": f"http://127.0.0.1:{server.server_port}"}
    requests.post(routes, json=target, headers=token, timeout=10).raise_for_status()
    yield f"{instance.url}user/somebody/worker.js"
    requests.delete(routes, headers=token, timeout=10)
    server.shutdown()
    server.server_close()


def test_a_servers_scripts_stay_below_its_own_address(address: str) -> None:
    """The header that widens the scope of a service worker does not come through; the rest does."""
    answer = requests.get(address, timeout=10)
    assert answer.text == "// a worker"
    assert answer.headers["Content-Type"] == "text/javascript"
    assert "Service-Worker-Allowed" not in answer.headers
