"""No server is shared while its person has a dataset mounted that is for them alone.

JupyterHub's own handlers share; these look first, and only for who may share at all, so that nobody
else learns what somebody has mounted. A code that was made before is not taken either.

Between the desk's look at who else can open a server and root's mark on its job lie seconds. So that look
is made here, and keeps the server from being shared until long after the grant that it is for has run out:
both in one step of the Hub's loop, in which nothing is shared.
"""

from __future__ import annotations

import json
import time
from typing import Any, Final

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.apihandlers.shares import ServerShareAPIHandler, ServerShareCodeAPIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.pages import AcceptShareHandler
from jupyterhub.scopes import needs_scope
from tornado import web

from werkplaats_spawners.cluster import Unreachable
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.request import Refused
from werkplaats_spawners.sentences import not_shared_for_a_while, not_shared_now, not_shared_with

#: How long a server that was looked at is not shared (s). A grant is carried out within a minute, and then
#: the mark is there; who asked Slurm for it just before waits for the answer at most 45 s.
KEPT: Final = 180.0
#: Under which name that stands in what the Hub keeps of a server, so that a restart does not forget it.
_UNTIL: Final = "alone_until"


class Shares(ServerShareAPIHandler):  # type: ignore[misc]  # JupyterHub is not typed
    """``POST api/shares/PERSON/SERVER``: to one person, or a group."""

    @needs_scope("shares")  # type: ignore[untyped-decorator]
    async def post(self, user_name: str, server_name: str | None = None) -> None:
        """Share, unless something is mounted alone: 409, or 503 where nobody can tell."""
        await let_be_shared(self, user_name, server_name)
        await super().post(user_name, server_name)


class ShareCodes(ServerShareCodeAPIHandler):  # type: ignore[misc]
    """``POST api/share-codes/PERSON/SERVER``: with whoever has the code."""

    @needs_scope("shares")  # type: ignore[untyped-decorator]
    async def post(self, user_name: str, server_name: str | None = None) -> None:
        """Make a code, unless something is mounted alone: 409, or 503 where nobody can tell."""
        await let_be_shared(self, user_name, server_name)
        await super().post(user_name, server_name)


class AcceptShare(AcceptShareHandler):  # type: ignore[misc]
    """``POST accept-share``: a code is taken."""

    @web.authenticated
    async def post(self) -> None:
        """Take it, unless its owner has something mounted alone; what that is, is not said."""
        share_code = orm.ShareCode.find(self.db, code=self.get_argument("code"))
        if share_code is not None and (
            await refusal(self, share_code.owner.name) or is_kept(share_code.spawner)
        ):
            sentence = _("This server cannot be shared at the moment. Try again later, or ask whose it is.")
            raise error(Refused("alone", sentence, 409))
        super().post()


class KeepAlone(APIHandler):  # type: ignore[misc]
    """``POST api/werkplaats/alone/PERSON/SERVER``: who else can open a server, and nobody new for a while.

    The desk asks, with the server's own token, before it grants what is for one person alone. The answer
    names the server's job, as the Hub itself submitted it: a token that somebody made can name any server.
    """

    @needs_scope("read:shares")  # type: ignore[untyped-decorator]
    def post(self, user_name: str, server_name: str = "") -> None:
        """Answer ``{"job": 17, "shared": false}``; 404 where there is no such server."""
        user = self.find_user(user_name)
        server = user.orm_spawners.get(server_name) if user else None
        if server is None:
            raise web.HTTPError(404, "No such server")
        # In this order, and without waiting in between: what is shared before is seen, and nothing after.
        server.state = {**(server.state or {}), _UNTIL: time.time() + KEPT}
        self.db.commit()
        job = str(getattr(user.spawners[server_name], "job_id", ""))
        answer = {"job": int(job) if job.isdecimal() else 0, "shared": _is_shared(self, server)}
        self.finish(json.dumps(answer))


def _is_shared(handler: BaseHandler, server: orm.Spawner) -> bool:
    """Return whether anybody else can open a server, or holds a code to it."""
    found = [
        one
        for kind in (orm.Share, orm.ShareCode)
        for one in handler.db.query(kind).filter_by(spawner_id=server.id)
    ]
    return any(not one.expired for one in found)


def is_kept(server: orm.Spawner | None) -> bool:
    """Return whether a server is not to be shared for a while, because of what may be mounted in it."""
    until = (server.state or {}).get(_UNTIL, 0.0) if server is not None else 0.0
    return bool(until > time.time())


async def let_be_shared(handler: BaseHandler, owner: str, server_name: str | None) -> None:
    """Pass where a server of a person may be shared now; nothing may be waited for between this and that.

    Raises
    ------
    HTTPError
        409 with a sentence, or 503 where Slurm does not say what is mounted.
    """
    if refused := await refusal(handler, owner):
        raise error(refused)
    user = handler.find_user(owner)
    if user is not None and is_kept(user.orm_spawners.get(server_name or "")):
        raise error(not_shared_for_a_while())


async def refusal(handler: BaseHandler, owner: str) -> Refused | None:
    """Return why no server of a person may be shared now, as Slurm has it this moment."""
    user = handler.find_user(owner)
    if user is None:
        return None  # JupyterHub says so itself
    try:
        dataset = await user.spawner.cluster.alone(user.name)
    except Unreachable:
        return not_shared_now()
    return not_shared_with(dataset) if dataset else None


def error(refused: Refused) -> web.HTTPError:
    """Return a refusal as JupyterHub shows it."""
    wrong = web.HTTPError(refused.status, refused.reason)
    wrong.jupyterhub_message = refused.sentence  # type: ignore[attr-defined]
    return wrong


ROUTES: Final[list[tuple[str, Any]]] = [
    (r"/api/shares/([^/]+)", Shares),
    (r"/api/shares/([^/]+)/([^/]*)", Shares),
    (r"/api/share-codes/([^/]+)", ShareCodes),
    (r"/api/share-codes/([^/]+)/([^/]*)", ShareCodes),
    (r"/accept-share", AcceptShare),
    (r"/api/werkplaats/alone/([^/]+)/([^/]*)", KeepAlone),
]
