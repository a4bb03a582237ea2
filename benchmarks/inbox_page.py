"""An expert's inbox with 500 open questions, in SQLite and in PostgreSQL; there is no peer to hold it beside.

A desk of its own for each database, with the settings of the instance and experts of the benchmark's;
counted is a page's HTML, from the request to the last byte, as an expert who signed in gets it.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import requests
import uvicorn
from tests import postgresql
from tests.desk import questions

from benchmarks.figures import Figure, percentile_90, say
from werkplaats_desk import settings as desk_settings
from werkplaats_desk import signin, words
from werkplaats_desk.app import create_app
from werkplaats_desk.database import Database
from werkplaats_desk.desk import Desk
from werkplaats_desk.hub import Hub
from werkplaats_desk.people import Person
from werkplaats_desk.published import Queue, over_socket
from werkplaats_desk.settings import Settings, Watched

#: Open questions, each with three messages and six attachments; a tenth are the expert's own.
QUESTIONS: Final = 500
#: Fewer pages say little of what takes milliseconds.
FEWEST: Final = 30
_EXPERT: Final = "expert"


class NotTheInbox(Exception):
    """What came back is something else."""


def figures(desk_file: Path, repeats: int) -> Iterator[Figure]:
    """Yield the median and the 90th percentile of the page, for each database.

    Parameters
    ----------
    desk_file
        The settings of an instance's desk.
    repeats
        Pages that count; one more goes before them.

    Raises
    ------
    NotTheInbox
        When a page is another one.
    """
    count = max(repeats, FEWEST)
    for kind in ("sqlite", "postgresql"):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            url = f"sqlite:///{folder}/desk.sqlite"
            if kind == "postgresql":
                url = stack.enter_context(postgresql.running()).url
            taken = _measure(stack, folder, _settings(desk_file, url), count)
        say(f"  inbox in {kind}: {statistics.median(taken):.1f} ms")
        name = "inbox_ms" if kind == "sqlite" else "inbox_postgresql_ms"
        yield Figure(name, statistics.median(taken), None, "ms", count)
        yield Figure(name.replace("_ms", "_p90_ms"), percentile_90(taken), None, "ms", count)


def _settings(desk_file: Path, url: str) -> Settings:
    found = desk_settings.read(desk_file)
    changes = {"database": url, "database_password_file": None, "help": questions.centre()}
    return found.model_copy(update=changes)


def _measure(stack: ExitStack, folder: Path, settings: Settings, count: int) -> list[float]:
    file = folder / "desk.json"
    file.write_text(settings.model_dump_json())
    words.load(settings.locale)
    database = Database(settings.database)
    stack.callback(database.engine.dispose)
    database.migrate()
    with database.transaction() as session:
        questions.fill(session, QUESTIONS, expert=_EXPERT)
    # Who signed in lately is not asked after at the Hub: nothing of it is in the time.
    cookie = signin.keep(database, Person(_EXPERT), "a session")
    hub = Hub(settings.hub_api, "no token", settings.prefix)
    desk = Desk(Watched(file), database, hub, Queue(over_socket(settings.queue)))
    address = stack.enter_context(_served(desk))
    with requests.Session() as expert:
        expert.cookies.update({signin.COOKIE: cookie, signin.HUB_SESSION: "a session"})
        return [_milliseconds(expert, f"{address}inbox") for _ in range(count + 1)][1:]


@contextmanager
def _served(desk: Desk) -> Iterator[str]:
    """Run a desk on loopback, and yield its address."""
    app = create_app(desk, chores=False)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}{desk.settings.prefix}"
    finally:
        server.should_exit = True
        thread.join()


def _milliseconds(expert: requests.Session, address: str) -> float:
    begun = time.perf_counter()
    answer = expert.get(address, allow_redirects=False)
    taken = time.perf_counter() - begun
    if answer.status_code != 200 or answer.text.count('<th scope="row">') != 50:
        raise NotTheInbox(f"{answer.status_code}:\n{answer.text}")
    return taken * 1000
