"""Looks along: a person's server is shared with one expert, until a moment, as the desk asks for them.

JupyterHub's own way to share asks for a right that opens every server of who has it, shares with
anybody, and never ends. This route shares one server that runs, with an expert of the facility, for an
hour at most, and only with the token that a person gave the desk when they signed in there.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any, Final

from jupyterhub import orm
from jupyterhub.apihandlers import APIHandler
from jupyterhub.scopes import needs_scope
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tornado import web

from werkplaats_hub.sharing import error, let_be_shared
from werkplaats_hub.watched import WatchedFacility
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.request import Refused

#: What lets somebody share their own servers by this route, and nothing else.
SCOPE: Final = "custom:werkplaats:look"
SCOPES: Final = {SCOPE: {"description": "Let an expert look along in a server, for a time."}}
#: The desk's OAuth client: a token that it did not get opens nothing here.
DESK: Final = "service-desk"
#: A look lasts an hour at most, and clocks may differ (s).
_LONGEST: Final = 3600 + 60


class Wanted(BaseModel):
    """What the desk asks for.

    Attributes
    ----------
    until
        When it ends by itself: Unix time (s).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    expert: str = Field(min_length=1, max_length=64)
    until: int


class Looks(APIHandler):  # type: ignore[misc]  # JupyterHub has no annotations
    """``api/werkplaats/looks/PERSON/SERVER``."""

    @needs_scope("read:shares")  # type: ignore[untyped-decorator]
    def get(self, user_name: str, server_name: str) -> None:
        """Say who may look along, and until when; what is over by then is taken back first."""
        row = self._row(user_name, server_name)
        found = []
        for share in self.db.query(orm.Share).filter_by(spawner_id=row.id).all():
            if share.user is not None:
                found.append(_model(share))  # also what is past: the server remembers that it is
            if share.expired:
                self.db.delete(share)
        self.db.commit()
        self.finish(json.dumps({"looks": found}))

    async def post(self, user_name: str, server_name: str) -> None:
        """Begin one: 201; 403 where it is not theirs to begin, 409 where it cannot be now."""
        self._require_the_desk(user_name)
        wanted = self._wanted()
        await let_be_shared(self, user_name, server_name)
        row = self._row(user_name, server_name)
        self._require_ready(user_name, server_name)
        expert = self._expert(wanted.expert, user_name)
        share = orm.Share.grant(self.db, row, expert)
        # JupyterHub sets no end, and forgets what has one within an hour of it.
        share.expires_at = datetime.fromtimestamp(wanted.until, UTC).replace(tzinfo=None)
        self.db.commit()
        self.log.info("%s looks along with %s until %s", expert.name, user_name, share.expires_at)
        self.set_status(201)
        self.finish(json.dumps(_model(share)))

    def _require_the_desk(self, owner: str) -> None:
        token = self.get_token()
        if token is None or token.client_id != DESK or not self.has_scope(f"{SCOPE}!user={owner}"):
            raise web.HTTPError(403, "Only the desk begins a look along, for who is signed in there")

    def _wanted(self) -> Wanted:
        try:
            wanted = Wanted.model_validate(self.get_json_body())
        except ValidationError:
            raise web.HTTPError(400, 'The body must be {"expert": name, "until": seconds}') from None
        if not 0 < wanted.until - time.time() <= _LONGEST:
            raise web.HTTPError(400, "A look along ends within an hour")
        return wanted

    def _row(self, owner: str, name: str) -> Any:
        """Return JupyterHub's row of a server."""
        user = self.find_user(owner)
        if user is None or name not in user.orm_spawners:
            raise web.HTTPError(404, "There is no such server")
        return user.orm_spawners[name]

    def _require_ready(self, owner: str, name: str) -> None:
        user = self.find_user(owner)
        if name not in user.spawners or not user.spawners[name].ready:
            raise error(Refused("not-running", _("This server does not run at the moment."), 409))

    def _expert(self, name: str, owner: str) -> Any:
        """Return JupyterHub's row of an expert of this facility."""
        source = self.settings.get("werkplaats_offer")
        help_ = source.facility.help if isinstance(source, WatchedFacility) else None
        user = self.find_user(name)
        if help_ is None or name not in help_.experts or user is None or name == owner:
            raise web.HTTPError(403, "A look along is for an expert of this facility")
        return user.orm_user


def _model(share: Any) -> dict[str, Any]:
    ends = share.expires_at
    until = int(ends.replace(tzinfo=UTC).timestamp()) if ends is not None else None
    return {"expert": share.user.name, "until": until}


ROUTES: Final[list[tuple[str, Any]]] = [(r"/api/werkplaats/looks/([^/]+)/([^/]*)", Looks)]
