"""What the start page's script asks for: each flavour as it stands now, as JSON.

The page itself never waits for Slurm; this may, a few seconds. Without JavaScript the page shows what
is known when it is loaded.
"""

from __future__ import annotations

from typing import Any, Final

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.scopes import needs_scope
from tornado import web

from werkplaats_hub.start_page import as_text
from werkplaats_spawners import form, spoken
from werkplaats_spawners.form import not_offered
from werkplaats_spawners.request import Refused, ServerRequest, from_fields

#: How long an answer waits for Slurm, seconds.
_PATIENCE: Final = 8.0


class Choices(BaseHandler):  # type: ignore[misc]  # JupyterHub is not typed
    """``GET choices/PERSON[/SERVER]?flavour=...&hours=...``: a form's fields in, its choices out."""

    @web.authenticated
    async def get(self, user_name: str, server_name: str | None = None) -> None:
        """Answer 200 with the choices, or 400 with why the fields make no sense."""
        await self._get(user_name=user_name, server_name=server_name or "")

    @needs_scope("servers")  # type: ignore[untyped-decorator]
    async def _get(self, user_name: str, server_name: str) -> None:
        user = self.find_user(user_name)
        if user is None:
            raise web.HTTPError(404)
        # A server that there is none of yet stands in the same place as the default one.
        spawner = user.spawners[server_name if server_name in user.spawners else ""]
        asked = from_fields(as_text(self.request.query_arguments))
        if isinstance(asked, ServerRequest):
            asked = not_offered(asked, spawner.offer) or asked
        self.set_header("Cache-Control", "no-store")
        if isinstance(asked, Refused):
            self.set_status(asked.status)
            self.finish({"refused": asked.sentence})
            return
        self.finish(await _answer(spawner, asked))


async def _answer(spawner: Any, asked: ServerRequest) -> dict[str, object]:
    standing, found, quick = await spawner.choices(asked, _PATIENCE)
    at = standing.numbers_at
    return {
        "choices": {choice.flavour.name: choice.as_json() for choice in found},
        "quick": quick.as_json(),
        "free": {kind["title"]: kind["text"] for kind in form.free(standing)},
        "note": form.note(spawner.offer, standing),
        "as_of": spoken.clock(at) if at else "",
    }
