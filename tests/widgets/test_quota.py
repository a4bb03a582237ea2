"""The meter in a notebook: what it asks, shows and says when there is no answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from werkplaats_widgets import numbers, quota
from werkplaats_widgets.hub import Hub, NoAnswer

METER = {
    "project": "bakery",
    "project_title": "De bakkerij",
    "stream": "regional",
    "stream_title": "Regio",
    "limit_hours": 100.0,
    "used_hours": 10.0,
    "set_aside_hours": 2.0,
    "left_hours": 88.0,
    "gpus": 1,
    "lent": False,
    "ends": None,
    "numbers_at": None,
    "sentences": {"left": "88 uur over.", "rate": "1 per uur.", "end": "", "age": ""},
}
SECRET = "s3cret-token"


class Answers(HTTPServer):
    """A Hub that answers as it is told, and keeps what it was asked."""

    status = 200
    body: Any = METER
    asked: list[tuple[str, dict[str, str]]]


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Answers

    def do_GET(self) -> None:
        """Answer with what the server was told."""
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(json.dumps(self.server.body).encode())

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """A Hub on loopback, and an environment that names it."""
    server = Answers(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"http://127.0.0.1:{server.server_port}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", SECRET)
    monkeypatch.setenv("WERKPLAATS_LANGUAGE", "nl")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_asks_with_the_servers_token_in_the_persons_language(hub: Answers) -> None:
    """One address, one token, one language."""
    assert numbers() == METER
    ((path, headers),) = hub.asked
    assert path == "/hub/api/werkplaats/meter"
    assert headers["Authorization"] == f"token {SECRET}"
    assert headers["Accept-Language"] == "nl"


def test_as_text_it_reads_as_sentences(hub: Answers) -> None:
    """In a terminal, and for who hears a notebook read."""
    assert repr(quota()) == "88 uur over.\n1 per uur."


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, {}, "kent deze server niet meer"),
        (404, {}, "kent deze server niet meer"),
        (503, {}, "geeft nu geen antwoord"),
        (200, [], "geeft nu geen antwoord"),
    ],
)
def test_a_refusal_is_a_sentence(hub: Answers, status: int, body: Any, said: str) -> None:
    """And what was known stays beside it."""
    shown = quota()
    hub.status, hub.body = status, body
    shown.ask()
    assert said in shown.trouble
    assert shown.meter == METER
    assert repr(shown).startswith("88 uur over.")
    hub.status, hub.body = 200, METER
    shown.ask()
    assert shown.trouble == ""


def test_a_hub_that_is_gone(hub: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence, in the person's language, and without the token."""
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:1/hub/api")
    monkeypatch.setenv("WERKPLAATS_LANGUAGE", "en")
    shown = quota()
    assert "does not answer now" in shown.trouble
    assert SECRET not in shown.trouble + repr(shown)


def test_outside_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook that was taken home says so."""
    monkeypatch.delenv("JUPYTERHUB_API_URL", raising=False)
    with pytest.raises(NoAnswer, match="alleen in een server"):
        numbers()


def test_a_token_is_not_shown() -> None:
    """Not by accident, as the value of a cell."""
    assert SECRET not in repr(Hub("http://x", SECRET))


def test_a_message_of_the_page_asks_again(hub: Answers) -> None:
    """And only that message."""
    shown = quota()
    shown._handle_custom_msg("ask", [])
    shown._handle_custom_msg({"ask": "more"}, [])
    assert len(hub.asked) == 2
