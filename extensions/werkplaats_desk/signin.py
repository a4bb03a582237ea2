"""Signing in by way of the Hub, and the desk's own cookie, which outlives a Hub that is away.

The cookie holds a random number and nothing else; what it means stands in the desk's database. It is
bound to the Hub's session, so that who signs out at the Hub is signed out here, and every few minutes
the Hub is asked whether the token that came with it still holds. While the Hub is away, what was so
stays so, for a working day at most.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete

from werkplaats_desk.database import Database
from werkplaats_desk.hub import Hub, HubAway
from werkplaats_desk.models import SignIn
from werkplaats_desk.people import Person

COOKIE: Final = "werkplaats-desk"
STATE_COOKIE: Final = "werkplaats-desk-state"
HUB_SESSION: Final = "jupyterhub-session-id"
#: How long a sign-in lasts, and after how long the Hub is asked again (s).
LASTS: Final = 12 * 3600
_ASK_AGAIN: Final = 300


def digest(text: str) -> str:
    """Return SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode("utf8", "replace")).hexdigest()


@dataclass(frozen=True)
class Leaving:
    """Somebody on their way to the Hub, as a cookie keeps it: a state, a verifier, where to come back to."""

    state: str
    verifier: str
    then: str

    @classmethod
    def to(cls, then: str) -> Leaving:
        """Return a new one."""
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(48), then)

    @classmethod
    def read(cls, cookie: str) -> Leaving | None:
        """Read what :meth:`text` wrote."""
        parts = cookie.split(":", 2)
        return cls(*parts) if len(parts) == 3 else None

    def text(self) -> str:
        """Return what the cookie holds."""
        return f"{self.state}:{self.verifier}:{self.then}"

    @property
    def challenge(self) -> str:
        """What the Hub is told of the verifier (RFC 7636, S256)."""
        hashed = hashlib.sha256(self.verifier.encode()).digest()
        return urlsafe_b64encode(hashed).decode().rstrip("=")

    def is_back(self, state: str) -> bool:
        """Return whether this browser is the one that left."""
        return hmac.compare_digest(self.state.encode(), state.encode("utf8", "replace"))


def keep(database: Database, person: Person, hub_session: str) -> str:
    """Remember who signed in; return what the cookie is to hold."""
    value, now = secrets.token_urlsafe(32), int(time.time())
    with database.transaction() as session:
        session.execute(delete(SignIn).where(SignIn.created_at < now - LASTS))
        session.add(
            SignIn(
                id=digest(value),
                name=person.name,
                admin=person.admin,
                groups=sorted(person.groups),
                token=person.token,
                hub_session=digest(hub_session),
                created_at=now,
                checked_at=now,
            )
        )
    return value


def find(database: Database, hub: Hub, cookie: str, hub_session: str) -> Person | None:
    """Return who a browser is, if that still holds."""
    now = int(time.time())
    with database.transaction() as session:
        kept = session.get(SignIn, digest(cookie))
    if kept is None or kept.created_at < now - LASTS or kept.hub_session != digest(hub_session):
        return None
    person = Person(kept.name, kept.admin, frozenset(kept.groups), kept.token)
    if kept.checked_at > now - _ASK_AGAIN:
        return person
    try:
        found = hub.whose(kept.token)
    except HubAway:
        return person
    if found is None or found.name != person.name:
        forget(database, cookie)
        return None
    with database.transaction() as session:
        kept.admin, kept.groups, kept.checked_at = found.admin, sorted(found.groups), now
        session.merge(kept)
    return found


def forget(database: Database, cookie: str) -> None:
    """End one browser's sign-in."""
    with database.transaction() as session:
        session.execute(delete(SignIn).where(SignIn.id == digest(cookie)))


def xsrf(cookie: str) -> str:
    """Return what a form carries to show that it came from a page of this sign-in."""
    return digest("a form of the desk:" + cookie)
