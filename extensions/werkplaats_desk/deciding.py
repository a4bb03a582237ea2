"""How a request ends, whatever was asked for: once, with a word; who comes second reads who it was."""

from __future__ import annotations

import time

from sqlalchemy.orm import Session

from werkplaats_desk.models import APPROVED, DECLINED, REVOKED, WITHDRAWN, Access, Application
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _


def close(session: Session, one: Application | Access, state: str, by: Person, word: str) -> None:
    """Write down how a request ended, and by whom."""
    one.state, one.word = state, word
    one.decided_by, one.decided_at = by.name, int(time.time())
    session.flush()


def decided(one: Application | Access) -> Refusal:
    """Return what somebody reads who decides on a request that another decided on before."""
    if one.decided_by is None:
        return Refusal("changed", _("This request changed meanwhile. Load the page again."), 409)
    said = {
        APPROVED: _("{name} has approved this request already."),
        REVOKED: _("{name} has approved this request already."),
        DECLINED: _("{name} has declined this request already."),
        WITHDRAWN: _("{name} has withdrawn this request."),
    }[one.state]
    return Refusal("decided", said.format(name=one.decided_by), 409)
