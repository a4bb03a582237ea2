"""The word that this server is about to be ended: what it says, and how Lab hears it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from werkplaats_server import signals

#: How long before the end Slurm warns, unless it is told (seconds; the facility's `notice_seconds`).
_NOTICE_SECONDS: Final = 60
#: Slurm may send the signal of the time limit this much early (sbatch(1), `--signal`), in seconds.
_EARLY: Final = 60

SCHEMA: Final[dict[str, Any]] = {
    "$id": "urn:werkplaats:notice",
    "version": "1",
    "title": "This server is about to be ended",
    "type": "object",
    "properties": {
        "kind": {"enum": ["taken-back", "time-is-up"]},
        "at": {"type": "string", "description": "when Slurm said so (UTC, ISO 8601)"},
        "ends": {"type": "string", "description": "when the server is ended (UTC, ISO 8601)"},
        "seconds_left": {"type": "integer", "description": "from the moment that this is sent"},
    },
    "required": ["kind", "at", "ends", "seconds_left"],
}


@dataclass(frozen=True)
class Notice:
    """Slurm's word that it will end this server.

    Attributes
    ----------
    kind
        ``taken-back``: the capacity was lent, and goes back to its owner. ``time-is-up``: the
        session's time limit is near.
    at, ends
        When the word came, and when the server is ended.
    """

    kind: Literal["taken-back", "time-is-up"]
    at: datetime
    ends: datetime

    def message(self, now: float) -> dict[str, Any]:
        """Return what Lab is told, by :data:`SCHEMA`."""
        left = self.ends.timestamp() - now
        return {
            **asdict(self),
            "at": self.at.isoformat(timespec="seconds"),
            "ends": self.ends.isoformat(timespec="seconds"),
            "seconds_left": max(0, int(left)),
        }


def notice_of(at: float, started: float, environment: Mapping[str, str]) -> Notice:
    """Return what a signal means.

    Parameters
    ----------
    at, started
        When the signal came and when the session began (seconds since 1970).
    environment
        ``WERKPLAATS_NOTICE_SECONDS``, ``WERKPLAATS_LENT`` and ``WERKPLAATS_MINUTES``, as *launch*
        sets them; each may be missing.
    """
    seconds = _number(environment, "WERKPLAATS_NOTICE_SECONDS") or _NOTICE_SECONDS
    minutes = _number(environment, "WERKPLAATS_MINUTES")
    limit = started + 60 * minutes - at if minutes else None  # seconds until the session's time limit
    near = limit is not None and limit <= seconds + _EARLY
    if environment.get("WERKPLAATS_LENT") == "true" and not near:
        return Notice("taken-back", _utc(at), _utc(at + seconds))
    left = max(limit, seconds) if limit is not None and near else seconds
    return Notice("time-is-up", _utc(at), _utc(at + left))


def _number(environment: Mapping[str, str], name: str) -> int | None:
    value = environment.get(name, "")
    return int(value) if value.isdecimal() else None


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class Board:
    """Where the notice of this server hangs.

    Parameters
    ----------
    serverapp
        Whose event logger tells those who listen.
    environment
        See :func:`notice_of`.
    """

    def __init__(self, serverapp: Any, environment: Mapping[str, str]) -> None:
        self._serverapp = serverapp
        self._environment = environment
        self._notice: Notice | None = None

    def standing(self, now: float) -> Notice | None:
        """Return the notice whose end has not come; a server that outlived one has none."""
        return self._notice if self._notice and now < self._notice.ends.timestamp() else None

    def heard(self, at: float) -> None:
        """Hang up a notice, and tell Lab. What was said already stands, unless the end comes sooner."""
        notice = notice_of(at, signals.STARTED, self._environment)
        earlier = self.standing(at)
        if earlier is not None and earlier.ends <= notice.ends:
            return
        self._notice = notice
        self._serverapp.log.warning("Slurm ends this server at %s (%s)", notice.ends.isoformat(), notice.kind)
        self._serverapp.event_logger.emit(schema_id=SCHEMA["$id"], data=notice.message(time.time()))


class NoticeHandler(APIHandler):
    """``GET werkplaats/notice``: the notice that stands, for a Lab that is opened after it came."""

    def initialize(self, board: Board) -> None:
        """Take the board."""
        self.board = board

    @web.authenticated
    def get(self) -> None:
        """Answer with the notice, or 204 when there is none."""
        self.set_header("Cache-Control", "no-store")
        notice = self.board.standing(time.time())
        if notice is None:
            self.set_status(204)
            self.finish()
        else:
            self.finish(notice.message(time.time()))


def put_up(serverapp: Any, environment: Mapping[str, str]) -> Board:
    """Give a server its board: the event's schema, and the page to ask."""
    board = Board(serverapp, environment)
    serverapp.event_logger.register_event_schema(SCHEMA)
    web_app = serverapp.web_app
    where = url_path_join(web_app.settings["base_url"], "werkplaats/notice")
    web_app.add_handlers(".*$", [(where, NoticeHandler, {"board": board})])
    serverapp.web_app.settings["werkplaats_board"] = board
    return board
