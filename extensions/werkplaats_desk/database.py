"""The desk's database: SQLite on one machine, PostgreSQL in a facility; one transaction a request.

SQLite takes its write lock when a transaction begins, so that what was read is still true when it is
written; PostgreSQL gets the same where it matters by locking the row (``with_for_update``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, exc, make_url, text
from sqlalchemy.orm import Session, sessionmaker

#: What a database that does not answer is met with.
AWAY = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)

_WAIT_SECONDS = 15
#: How long a page waits for a connection to PostgreSQL, and for its turn at one (s).
_CONNECT_SECONDS = 5
_TURN_SECONDS = 10
#: A server that vanished in mid-connection answers nothing and closes nothing: what was sent and not
#: acknowledged is given up after ten seconds, and a silent connection after twenty-five.
_POSTGRESQL = {
    "connect_timeout": _CONNECT_SECONDS,
    "tcp_user_timeout": 10_000,  # ms
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
#: A number of ours among PostgreSQL's advisory locks.
_LOCK = 0x6465736B


class Database:
    """Where the desk keeps what it knows.

    Parameters
    ----------
    url
        An address of SQLAlchemy's; it holds no password.
    password
        Of PostgreSQL's, where it asks for one.
    """

    def __init__(self, url: str, password: str | None = None) -> None:
        self.engine = _engine(url, password)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    def migrate(self) -> None:
        """Bring the tables to what this version of the desk needs; another process may do so too."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Do everything within, or nothing."""
        with self._sessions.begin() as session:
            yield session


def alone(session: Session) -> None:
    """Let no other transaction that says this go on before this one is over; SQLite has one at a time."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _engine(url: str, password: str | None) -> Engine:
    # An error's text goes to the log, and what was kept (a token, somebody's sentences) must not.
    if not url.startswith("sqlite"):
        return create_engine(
            make_url(url).set(password=password) if password else url,
            connect_args=dict(_POSTGRESQL),
            pool_pre_ping=True,  # one that PostgreSQL closed meanwhile is opened anew
            pool_timeout=_TURN_SECONDS,
            hide_parameters=True,
        )
    engine = create_engine(url, connect_args={"timeout": _WAIT_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _lock)
    return engine


def _prepare(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy says when a transaction begins, not the driver
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _lock(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
