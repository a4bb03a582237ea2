"""What happens when somebody signs in: whose name it is, and the beginning of a newcomer's account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from jupyterhub.auth import Authenticator
from tornado import web

from werkplaats_spawners import names
from werkplaats_spawners.enrol.newcomers import Newcomers
from werkplaats_spawners.enrol.why import NotMade
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.sentences import kept_name, not_enrolled

#: What JupyterHub knows of who just signed in.
Signed = dict[str, Any]


def on_sign_in(newcomers: Newcomers) -> Callable[[Authenticator, object, Signed], Awaitable[Signed]]:
    """Return JupyterHub's ``post_auth_hook``: it begins, and keeps nobody waiting at the door."""

    async def hook(authenticator: Authenticator, handler: object, signed: Signed) -> Signed:
        try:
            newcomers.come(signed["name"])
        except NotMade as taken:
            refused = web.HTTPError(403, "the name %r is not to be had: %s", signed["name"], taken)
            refused.jupyterhub_message = not_enrolled(taken.why).sentence  # type: ignore[attr-defined]
            raise refused from taken
        return signed

    return hook


def why_not(name: str | None) -> str:
    """Return why nobody can sign in under a name, in a sentence; nothing when somebody can.

    JupyterHub takes capitals for small letters, so they are no reason.
    """
    lowered = (name or "").lower()
    if names.has_the_form(lowered):
        return kept_name() if lowered in names.RESERVED else ""
    return _(
        "A name has 1 to 31 letters, digits, hyphens and underscores, without accents, spaces or full "
        "stops, and begins with a letter. Choose another one."
    )
