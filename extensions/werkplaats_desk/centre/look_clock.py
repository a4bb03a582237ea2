"""The clock of looks along: every two seconds, for as long as the desk runs.

All it knows stands in the database, so that a desk that was started again goes on where the last one
was, and ends at once what ended meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from werkplaats_audit.client import AuditAway
from werkplaats_desk.centre import looks
from werkplaats_desk.centre.looking import finish, mark
from werkplaats_desk.centre.models import Look, Ticket
from werkplaats_desk.desk import Desk
from werkplaats_desk.hub import HubAway
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings

_log = logging.getLogger(__name__)
_SECONDS: Final = 2.0
#: A look that began lately may not be shared yet: the Hub is being asked (s).
_BEGINS: Final = 20


class LookClock:
    """A thread that ends looks along; what fails is tried again, and said on the desk's page of health."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="looks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is under way is not waited for."""
        self._over.set()

    def once(self) -> None:
        """Look at every look once."""
        problems = []
        try:
            with self._desk.database.transaction() as session:
                ids = looks.unfinished(session)
        except SQLAlchemyError as wrong:
            ids, problems = [], [str(wrong)]
        for id_ in ids:
            try:
                tend(self._desk, id_)
            except (HubAway, AuditAway, Refusal, SQLAlchemyError) as wrong:
                problems.append(f"look {id_}: {wrong}")
        self._say("; ".join(problems))

    def _say(self, problem: str) -> None:
        if problem == self._desk.problems.get("looks", ""):
            return
        if problem:
            self._desk.problems["looks"] = problem
            _log.error("%s", problem)
        else:
            self._desk.problems.pop("looks", None)

    def _work(self) -> None:
        while not self._over.wait(_SECONDS):
            try:
                self.once()
            except Exception:  # a clock that stops would let everybody stay
                _log.exception("Looks along could not be looked at")


def tend(desk: Desk, id_: int) -> None:
    """Look at one look, and end it if it is time.

    Raises
    ------
    HubAway, AuditAway, Refusal
        When it is not known to be ended.
    """
    with desk.database.transaction() as session:
        look = session.get_one(Look, id_, with_for_update=True)
        why = look.ending or _why(session, look, desk.settings)
        if why and look.ended_at is None:
            mark(session, look, why)
    if not why and _gone(desk, look):
        with desk.database.transaction() as session:
            mark(session, session.get_one(Look, id_, with_for_update=True), "server-gone")
    finish(desk, id_)


def _why(session: Session, look: Look, settings: Settings) -> str:
    """Return why a look ends now, as far as the desk itself knows; empty while it goes on."""
    if look.ends_at is not None and look.ends_at <= time.time():
        return "time"
    ticket = session.get_one(Ticket, look.ticket_id)
    answers = settings.help is not None and settings.help.expert(look.expert) is not None
    if ticket.state == "closed" or ticket.expert != look.expert or not answers:
        return "withdrawn" if look.began_at is None else "ticket"
    return ""


def _gone(desk: Desk, look: Look) -> bool:
    """Return whether the server of a look is gone, or was shared and is not any more."""
    if look.began_at is None or look.began_at > time.time() - _BEGINS:
        return False
    return not desk.hub.looks(look.expert, look.server)
