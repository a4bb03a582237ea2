"""Becoming a server: a free port, a command line without surprises, and the port told to the Hub."""

from __future__ import annotations

import asyncio
import json
import shlex
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_events import EventLogger
from tornado.httpclient import HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from werkplaats_server import __main__ as program
from werkplaats_server import extension
from werkplaats_server.__main__ import arguments, choose_port
from werkplaats_server.extension import port_request, tell_port

# -- the port ----------------------------------------------------------------------------------------


def test_a_free_port_is_chosen_on_the_address_of_the_hub() -> None:
    """Address and path stay as the Hub gave them; the port is one on which a server can listen."""
    environment = {"JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:0/user/mkb/tweede/"}
    choose_port(environment)
    head, port = environment["JUPYTERHUB_SERVICE_URL"].split("/user/")[0].rsplit(":", 1)
    assert head == "http://127.0.0.1"
    assert environment["JUPYTERHUB_SERVICE_URL"].endswith(f":{port}/user/mkb/tweede/")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", int(port)))


def test_two_servers_on_a_node_get_two_ports() -> None:
    """A port that somebody listens on is not given again."""
    first = {"JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:0/"}
    choose_port(first)
    port = int(first["JUPYTERHUB_SERVICE_URL"].rsplit(":", 1)[1].strip("/"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        for _ in range(20):
            second = {"JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:0/"}
            choose_port(second)
            assert second != first


# -- the command line --------------------------------------------------------------------------------


def option(words: list[str], name: str) -> str:
    """Return the value of one option."""
    return next(word.partition("=")[2] for word in words if word.startswith(f"--{name}="))


@pytest.mark.parametrize(
    ("opened", "url"),
    [
        (None, "/lab"),
        ("", "/lab"),
        ("a.ipynb", "/lab/tree/a.ipynb"),
        ("voorbeelden/first_steps/a.ipynb", "/lab/tree/voorbeelden/first_steps/a.ipynb"),
        ("a b?c#d&e=%2e.ipynb", "/lab/tree/a%20b%3Fc%23d%26e%3D%252e.ipynb"),
        ("--ServerApp.token=''", "/lab/tree/--ServerApp.token%3D%27%27"),
    ],
)
def test_what_to_open(opened: str | None, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook becomes one path in one word, quoted as a URL: never another option or a query."""
    environment = {} if opened is None else {"WERKPLAATS_OPEN": opened}
    monkeypatch.setenv("HOME", str(tmp_path))
    if opened:
        (tmp_path / opened).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / opened).touch()
    words = arguments(environment, tmp_path)
    assert option(words, "ServerApp.default_url") == url
    assert len(words) == len(arguments({}, tmp_path))
    assert all(word.startswith("--") for word in words)


def test_extensions_cannot_be_installed(tmp_path: Path) -> None:
    """The environment is everybody's: Lab shows what is in it, and changes nothing."""
    assert option(arguments({}, tmp_path), "LabApp.extension_manager") == "readonly"


def test_it_becomes_the_server_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch step's own process is the server, with no shell between: Slurm's signals reach it."""
    became: list[list[str]] = []
    monkeypatch.setattr("jupyterhub.singleuser.main", lambda: became.append(list(sys.argv)))
    monkeypatch.setattr(program, "travel_light", lambda modules: None)
    monkeypatch.setattr(sys, "argv", ["werkplaats_server"])
    monkeypatch.setattr(program, "examples", SimpleNamespace(lay_out=lambda prefix, home: None))
    prefix = tmp_path / "env"
    (prefix / program.OVERRIDES).parent.mkdir(parents=True)
    (prefix / program.OVERRIDES).write_text("{}")
    monkeypatch.setattr(program.sys, "prefix", str(prefix))
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", "http://127.0.0.1:0/user/mkb/")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    program.main()
    (argv,) = became
    assert argv[0] == "jupyterhub-singleuser"
    assert option(argv[1:], "LabApp.extension_manager") == "readonly"
    assert not program.os.environ["JUPYTERHUB_SERVICE_URL"].startswith("http://127.0.0.1:0/")


def test_its_log_is_named(tmp_path: Path) -> None:
    """What it writes to, when that is a file; otherwise nothing is named."""
    code = "from werkplaats_server.__main__ import name_log; found = {}; name_log(found); print(found)"
    log = tmp_path / "server-17.log"
    with log.open("w") as file:
        told = subprocess.check_output([sys.executable, "-c", code], stderr=file, text=True)
    assert told.strip() == str({"WERKPLAATS_LOG_FILE": str(log)})
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "{}"


def test_the_slow_module_is_not_imported() -> None:
    """What jsonschema does without where it is absent, it does without here."""
    code = (
        "import sys; from werkplaats_server.__main__ import travel_light; travel_light(sys.modules);"
        "import jsonschema; assert 'lark' not in sys.modules;"
        "jsonschema.validate({'a': 'b'}, {'type': 'object'})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("language", "locale"), [("nl", "nl_NL"), ("en", "default"), ("", "default"), ("x", "default")]
)
def test_lab_speaks_the_persons_language(tmp_path: Path, language: str, locale: str) -> None:
    """Lab's defaults are the environment's own, in the language in which the person asked."""
    prefix = tmp_path / "env"
    (prefix / program.OVERRIDES).parent.mkdir(parents=True)
    (prefix / program.OVERRIDES).write_text('{"a": {"b": 1}}')
    environment = {"JUPYTER_RUNTIME_DIR": str(tmp_path), "WERKPLAATS_LANGUAGE": language}
    for _ in range(2):  # a second start in the same folder is no error
        folder = program.write_settings(prefix, environment)
    assert folder.is_relative_to(tmp_path)
    written = json.loads((folder / "overrides.json").read_text())
    assert written["a"] == {"b": 1}
    assert written["@jupyterlab/translation-extension:plugin"] == {"locale": locale}


def test_no_word_of_the_command_line_needs_quoting(tmp_path: Path) -> None:
    """Were it ever read by a shell, it would still be the same words."""
    words = arguments({"WERKPLAATS_OPEN": "$(id); `id` 'x'.ipynb"}, tmp_path)
    assert shlex.split(" ".join(words)) == words


# -- telling the Hub ---------------------------------------------------------------------------------


class TheHub:
    """A Hub that answers as told, over a real socket."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.asked: list[tuple[str, str | None, bytes]] = []
        self.server: HTTPServer | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def listen(self) -> None:
        """Begin to answer."""
        hub = self

        class Handler(RequestHandler):
            def post(self) -> None:
                """Answer with the next status."""
                hub.asked.append(
                    (self.request.path, self.request.headers["Authorization"], self.request.body)
                )
                self.set_status(hub.statuses.pop(0))

        self.server = HTTPServer(Application([(r".*", Handler)]))
        self.server.listen(self.port, "127.0.0.1")

    @property
    def environment(self) -> dict[str, str]:
        """What a job is told of this Hub."""
        return {
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{self.port}/hub/api",
            "JUPYTERHUB_API_TOKEN": "a-servers-own-token",
        }


@pytest.fixture
async def hub() -> AsyncIterator[TheHub]:
    """A Hub that is not there yet."""
    hub = TheHub(204)
    yield hub
    if hub.server:
        hub.server.stop()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let pauses between tries pass quickly, and remember them."""
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def quick(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0.01)

    monkeypatch.setattr(extension, "asyncio", SimpleNamespace(sleep=quick))
    return pauses


def test_the_request_is_a_number_and_nothing_else() -> None:
    """What the Hub is told is a port, with the server's own token."""
    request = port_request(40001, {"JUPYTERHUB_API_URL": "http://h/hub/api", "JUPYTERHUB_API_TOKEN": "t"})
    assert (request.url, request.method) == ("http://h/hub/api/werkplaats/port", "POST")
    assert request.headers["Authorization"] == "token t"
    assert json.loads(request.body) == {"port": 40001}


async def test_the_port_is_told_once(hub: TheHub, pauses: list[float]) -> None:
    """A Hub that answers is asked once."""
    hub.listen()
    await tell_port(40001, hub.environment)
    assert hub.asked == [("/hub/api/werkplaats/port", "token a-servers-own-token", b'{"port": 40001}')]
    assert pauses == []


@pytest.mark.parametrize("status", [500, 502, 503, 599])
async def test_a_hub_in_trouble_is_asked_again(hub: TheHub, pauses: list[float], status: int) -> None:
    """A proxy without its Hub, or a Hub that stumbles, is no reason to lose the server."""
    hub.statuses = [status, status, 204]
    hub.listen()
    await tell_port(40001, hub.environment)
    assert len(hub.asked) == 3


async def test_a_hub_that_restarts_is_waited_for(hub: TheHub, pauses: list[float]) -> None:
    """While nobody listens the server goes on asking, ever less often."""
    telling = asyncio.create_task(tell_port(40001, hub.environment))
    while len(pauses) < 8:
        await asyncio.sleep(0.01)
    hub.listen()
    await asyncio.wait_for(telling, 10)
    assert len(hub.asked) == 1
    assert pauses == sorted(pauses)
    assert max(pauses) <= 5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
async def test_a_refusal_is_final(hub: TheHub, pauses: list[float], status: int) -> None:
    """A start that is no longer wanted is not insisted upon."""
    hub.statuses = [status]
    hub.listen()
    with pytest.raises(HTTPClientError):
        await tell_port(40001, hub.environment)
    assert len(hub.asked) == 1
    assert pauses == []


async def test_a_hub_that_stays_away_is_given_up(hub: TheHub, pauses: list[float]) -> None:
    """After a minute or so of silence the server gives up, and says whom it could not reach."""
    with pytest.raises(OSError, match=rf"no answer from 127\.0\.0\.1:{hub.port}"):
        await tell_port(40001, hub.environment)
    assert 60 <= sum(pauses) <= 120


class ServerApp:
    """What the extension sees of a server."""

    def __init__(self) -> None:
        self.port = 40001
        self.said: list[str] = []
        self.stopped = False
        self.log = SimpleNamespace(critical=lambda message, *words: self.said.append(message % words))
        self.event_logger = EventLogger()
        self.web_app = Application(base_url="/")

    def stop(self, from_signal: bool) -> None:
        """End."""
        self.stopped = True


async def test_a_server_that_the_hub_refuses_ends(
    hub: TheHub, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that nobody can reach gives its GPU back, and says why in its log."""
    hub.statuses = [403]
    hub.listen()
    for name, value in hub.environment.items():
        monkeypatch.setenv(name, value)
    app = ServerApp()
    await extension._start_jupyter_server_extension(app)
    assert app.stopped
    assert "The Hub did not take this server's port: HTTP 403" in app.said[0]


async def test_a_server_that_the_hub_knows_stays(
    hub: TheHub, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ordinary case: told, and no more is heard of it."""
    hub.listen()
    for name, value in hub.environment.items():
        monkeypatch.setenv(name, value)
    app = ServerApp()
    extension._load_jupyter_server_extension(app)
    await extension._start_jupyter_server_extension(app)
    assert not app.stopped
    assert app.said == []
    assert len(hub.asked) == 1


async def test_ones_own_jupyter_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who runs Jupyter in this environment without a Hub tells nobody anything."""
    monkeypatch.delenv("JUPYTERHUB_API_URL", raising=False)
    app = ServerApp()
    await extension._start_jupyter_server_extension(app)
    assert not app.stopped
    assert app.said == []


def test_jupyter_finds_the_extension() -> None:
    """The package names the module that holds it."""
    import werkplaats_server

    assert werkplaats_server._jupyter_server_extension_points() == [{"module": "werkplaats_server.extension"}]
