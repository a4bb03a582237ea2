"""Who looks along is out within seconds of the Hub's word, or of its silence; the person never is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_events import EventLogger
from jupyter_server.auth.authorizer import AllowAllAuthorizer
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyterhub.services.auth import HubOAuth
from jupyterhub.singleuser.extension import JupyterHubIdentityProvider
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler, authenticated
from tornado.websocket import WebSocketClientConnection, WebSocketHandler, websocket_connect

from werkplaats_server import company, guests
from werkplaats_server.guests import CODE, REASON, Guests

OPENS = "access:servers!server=anna/"
#: Everything goes four times as fast here; the issue promises ten seconds (s).
FAST = 4
PROMISED = 10 / FAST


@dataclass
class FakeHub:
    """Says whose a token is, and who looks along; it can be away, or hang."""

    looks: dict[str, float | None] = field(default_factory=dict)
    right: set[str] = field(default_factory=lambda: {"anna"})
    away: bool = False
    asked: list[str] = field(default_factory=list)

    def share(self, name: str, seconds: float = 1800) -> None:
        """Let somebody look along."""
        self.looks[name] = time.time() + seconds
        self.right.add(name)

    def revoke(self, name: str) -> None:
        """Take it back."""
        self.looks.pop(name)
        self.right.remove(name)


class Answers(RequestHandler):
    """The Hub's API: a token is its owner's name."""

    def get(self, path: str) -> None:
        """Answer."""
        hub: FakeHub = self.settings["hub"]
        who = self.request.headers["Authorization"].removeprefix("token ")
        hub.asked.append(f"{path} {who}")
        if hub.away:
            self.set_status(503)
        elif path == "user":
            scopes = [OPENS] if who in hub.right else []
            self.write({"kind": "user", "name": who, "scopes": scopes})
        else:
            assert (path, who) == ("werkplaats/looks/anna/", "anna")
            self.write({"looks": [{"expert": n, "until": u} for n, u in hub.looks.items()]})


class Echo(WebSocketMixin, WebSocketHandler, JupyterHandler):  # type: ignore[misc]
    """A websocket as a kernel's: what comes in is carried out."""

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open it."""
        await super().get(*args, **kwargs)

    def on_message(self, message: str | bytes) -> None:
        """Carry out."""
        self.settings["carried_out"].append(message)
        self.write_message(message)


class Hello(JupyterHandler):
    """A page."""

    @authenticated
    def get(self) -> None:
        """Say whose it is."""
        self.finish(self.current_user.username)


class Long(JupyterHandler):
    """A download that goes on and on."""

    @authenticated
    async def get(self) -> None:
        """Send a part every tenth of a second."""
        while True:
            self.settings["sent"].append(100)
            self.write(b"x" * 100)
            await self.flush()
            await asyncio.sleep(0.1)


@dataclass
class Server:
    """A server of anna's, and its Hub."""

    hub: FakeHub
    guests: Guests
    url: str
    carried_out: list[Any]
    sent: list[int]
    told: list[Any]

    async def status(self, who: str) -> int:
        """Open a page as somebody; return what came."""
        try:
            return (await AsyncHTTPClient().fetch(self._request("hello", who))).code
        except HTTPClientError as wrong:
            return int(wrong.code)

    async def company(self) -> Any:
        """Return what Lab reads when it is opened."""
        answer = await AsyncHTTPClient().fetch(self._request("werkplaats/company", "anna"))
        return json.loads(answer.body)

    async def websocket(self, who: str) -> WebSocketClientConnection:
        """Open a websocket as somebody, and see that it works."""
        request = self._request("ws", who)
        request.url = request.url.replace("http", "ws", 1)
        opened = await websocket_connect(request)
        await opened.write_message(f"of {who}")
        assert await opened.read_message() == f"of {who}"
        return opened

    def _request(self, path: str, who: str) -> HTTPRequest:
        return HTTPRequest(self.url + path, headers={"Authorization": f"token {who}"}, follow_redirects=False)

    def download(self, who: str) -> asyncio.Task[Any]:
        """Begin a download as somebody."""
        request = self._request("long", who)
        request.request_timeout = 60
        return asyncio.ensure_future(AsyncHTTPClient().fetch(request))


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """A server with JupyterHub's own way to know who asks, on a Hub that answers as the real one does."""
    hub, http = FakeHub(), []
    for name in ("FRESH", "_WAIT", "_GRACE", "_HANDSHAKE"):
        monkeypatch.setattr(guests, name, getattr(guests, name) / FAST)

    def listen(application: Application) -> str:
        listener, port = bind_unused_port()
        http.append(HTTPServer(application))
        http[-1].add_socket(listener)
        return f"http://127.0.0.1:{port}"

    api = listen(Application([(r"/hub/api/(.*)", Answers)], hub=hub)) + "/hub/api"
    environment = {
        "JUPYTERHUB_USER": "anna", "JUPYTERHUB_SERVER_NAME": "", "JUPYTERHUB_API_URL": api,
        "JUPYTERHUB_API_TOKEN": "anna",
    }  # fmt: skip
    auth = HubOAuth(
        api_url=api, api_token="anna", access_scopes={OPENS}, base_url="/user/anna/",
        oauth_client_id="jupyterhub-user-anna",
    )  # fmt: skip
    provider = JupyterHubIdentityProvider(hub_auth=auth)
    carried_out: list[Any] = []
    sent: list[int] = []
    application = Application(
        [(r"/user/anna/hello", Hello), (r"/user/anna/ws", Echo), (r"/user/anna/long", Long)],
        base_url="/user/anna/", identity_provider=provider, authorizer=AllowAllAuthorizer(), headers={},
        carried_out=carried_out, sent=sent, cookie_secret="a secret", disable_check_xsrf=True,
        allow_unauthenticated_access=False,
    )  # fmt: skip
    log = SimpleNamespace(error=print, warning=print, exception=print)
    events = EventLogger()
    app = SimpleNamespace(identity_provider=provider, web_app=application, log=log, event_logger=events)
    watching = guests.put_up(app, environment)
    assert watching is not None
    told: list[Any] = []

    async def keep(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        told.append([(guest["name"], guest["seconds_left"]) for guest in data["guests"]])

    events.add_listener(schema_id=company.SCHEMA["$id"], listener=keep)
    yield Server(hub, watching, listen(application) + "/user/anna/", carried_out, sent, told)
    for one in http:
        one.stop()


async def until_closed(opened: WebSocketClientConnection) -> float:
    """Wait until a websocket is closed; return how long that took (s)."""
    began = time.monotonic()
    while await asyncio.wait_for(opened.read_message(), PROMISED) is not None:
        pass
    return time.monotonic() - began


async def test_only_who_may_comes_in(server: Server) -> None:
    """The person does; an expert does from the moment they may, though they were refused just before."""
    assert await server.status("anna") == 200
    assert await server.status("expert") == 403
    server.hub.share("expert")
    end = time.monotonic() + PROMISED
    while await server.status("expert") != 200:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def test_it_ends_at_the_hubs_word(server: Server) -> None:
    """Websocket and download are closed, and the next request is refused; the person's goes on."""
    server.hub.share("expert")
    hers, theirs = await server.websocket("anna"), await server.websocket("expert")
    download = server.download("expert")
    while not server.sent:
        await asyncio.sleep(0.01)
    server.hub.revoke("expert")
    took = await until_closed(theirs)
    assert took < PROMISED / 2
    assert (theirs.close_code, theirs.close_reason) == (CODE, REASON)
    assert await server.status("expert") == 403
    with pytest.raises((HTTPClientError, StreamClosedError)):
        await asyncio.wait_for(download, PROMISED)
    await hers.write_message("still here")
    assert await hers.read_message() == "still here"
    assert await server.status("anna") == 200


async def test_who_was_put_out_does_not_come_back(server: Server) -> None:
    """Lab opens a closed websocket again at once; what was heard of the expert just before is forgotten."""
    server.hub.share("expert")
    opened = await server.websocket("expert")
    assert await server.status("expert") == 200
    server.hub.revoke("expert")
    await server.guests.look()
    assert await server.status("expert") == 403
    await until_closed(opened)


async def test_nothing_is_carried_out_after_the_end(server: Server) -> None:
    """A browser that does not close its side sends in vain, and is cut off."""
    server.hub.share("expert")
    stubborn = await server.websocket("expert")
    stubborn.protocol.close = lambda *_: None  # type: ignore[union-attr,method-assign]
    server.hub.revoke("expert")
    await until_closed(stubborn)
    server.carried_out.clear()
    for _ in range(30):
        try:
            await stubborn.protocol._write_frame(True, 1, b"rm -r ~")  # type: ignore[union-attr]
        except Exception:  # the connection is cut at last
            break
        await asyncio.sleep(0.1)
    else:
        raise AssertionError("it was never cut off")
    assert server.carried_out == []


async def test_it_ends_by_its_own_clock(server: Server) -> None:
    """Though the share is still there: whoever should take it back may be away."""
    server.hub.share("expert", seconds=1)
    opened = await server.websocket("expert")
    assert await until_closed(opened) < PROMISED
    assert await server.status("expert") == 403
    assert "expert" in server.hub.right


async def test_it_ends_while_the_hub_is_silent(server: Server) -> None:
    """Nobody can say whether a guest may still be here: then they may not; the person is known still."""
    server.hub.share("expert")
    assert await server.status("anna") == 200
    opened = await server.websocket("expert")
    server.hub.away = True
    assert await until_closed(opened) < PROMISED
    assert await server.status("expert") in (403, 502)
    assert await server.status("anna") == 200


async def test_a_short_silence_ends_nothing(server: Server) -> None:
    """The Hub restarts within moments, and who looks along notices nothing."""
    server.hub.share("expert")
    opened = await server.websocket("expert")
    server.hub.away = True
    await asyncio.sleep(3 / FAST)
    server.hub.away = False
    await asyncio.sleep(6 / FAST)  # past the moment at which it would have been closed
    await opened.write_message("here")
    assert await opened.read_message() == "here"


async def test_the_person_sees_who_is_there(server: Server) -> None:
    """From the moment they come, until when, and that they are gone; with where to end it."""
    assert await server.company() == {"guests": [], "page": "/services/desk/look"}
    server.hub.share("expert", seconds=900)
    opened = await server.websocket("expert")
    (guest,) = (await server.company())["guests"]
    assert guest["name"] == "expert"
    assert 890 <= guest["seconds_left"] <= 900
    server.hub.revoke("expert")
    await until_closed(opened)
    end = time.monotonic() + PROMISED
    while len(server.told) < 2 and time.monotonic() < end:
        await asyncio.sleep(0.02)
    (came, gone) = server.told
    assert [name for name, _left in came] == ["expert"]
    assert gone == []
    assert (await server.company())["guests"] == []


async def test_an_operator_has_a_right_of_their_own(server: Server) -> None:
    """Whom the Hub lets in anyway comes in without looking along."""
    server.hub.right.add("beheer")
    assert await server.status("beheer") == 200
    assert (await server.company())["guests"] == [{"name": "beheer", "seconds_left": None}]


async def test_the_hub_is_not_asked_of_the_person_again_and_again(server: Server) -> None:
    """What was heard of the person holds for minutes, as ever; nobody is watched who is not a guest."""
    for _ in range(3):
        assert await server.status("anna") == 200
        await asyncio.sleep(guests.FRESH / 2 + 0.2)
    assert server.hub.asked == ["user anna"]


def test_a_jupyter_of_ones_own_has_no_guests() -> None:
    """Where no Hub started the server nothing is changed."""
    app = SimpleNamespace(identity_provider=SimpleNamespace(get_user=None))
    assert guests.put_up(app, {}) is None
    assert json.dumps(vars(app.identity_provider)) == '{"get_user": null}'
