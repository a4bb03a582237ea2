"""No server is shared while its person has a dataset mounted that is for them alone.

JupyterHub's own handlers share; these look first, and only for who may share at all, so that nobody
else learns what somebody has mounted. A code that was made before is not taken either.
"""

from __future__ import annotations

from typing import Any, Final

from jupyterhub import orm
from jupyterhub.apihandlers.shares import ServerShareAPIHandler, ServerShareCodeAPIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.pages import AcceptShareHandler
from jupyterhub.scopes import needs_scope
from tornado import web

from werkplaats_spawners.cluster import Unreachable
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.request import Refused
from werkplaats_spawners.sentences import not_shared_now, not_shared_with


class Shares(ServerShareAPIHandler):  # type: ignore[misc]  # JupyterHub is not typed
    """``POST api/shares/PERSON/SERVER``: to one person, or a group."""

    @needs_scope("shares")  # type: ignore[untyped-decorator]
    async def post(self, user_name: str, server_name: str | None = None) -> None:
        """Share, unless something is mounted alone: 409, or 503 where nobody can tell."""
        await let_be_shared(self, user_name)
        await super().post(user_name, server_name)


class ShareCodes(ServerShareCodeAPIHandler):  # type: ignore[misc]
    """``POST api/share-codes/PERSON/SERVER``: with whoever has the code."""

    @needs_scope("shares")  # type: ignore[untyped-decorator]
    async def post(self, user_name: str, server_name: str | None = None) -> None:
        """Make a code, unless something is mounted alone: 409, or 503 where nobody can tell."""
        await let_be_shared(self, user_name)
        await super().post(user_name, server_name)


class AcceptShare(AcceptShareHandler):  # type: ignore[misc]
    """``POST accept-share``: a code is taken."""

    @web.authenticated
    async def post(self) -> None:
        """Take it, unless its owner has something mounted alone; what that is, is not said."""
        share_code = orm.ShareCode.find(self.db, code=self.get_argument("code"))
        if share_code is not None and await refusal(self, share_code.owner.name):
            sentence = _("This server cannot be shared at the moment. Try again later, or ask whose it is.")
            raise error(Refused("alone", sentence, 409))
        super().post()


async def let_be_shared(handler: BaseHandler, owner: str) -> None:
    """Pass where servers of a person may be shared now.

    Raises
    ------
    HTTPError
        409 with a sentence, or 503 where Slurm does not say what is mounted.
    """
    if refused := await refusal(handler, owner):
        raise error(refused)


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
]
