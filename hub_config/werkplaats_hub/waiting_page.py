"""The waiting page's two buttons, as plain forms: stop, and start a smaller server instead.

Both work without JavaScript. A smaller server is judged before the waiting one is given up, and
started only when that one is gone: there are never two.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import url_escape_path, url_path_join
from tornado import web
from tornado.httputil import url_concat

from werkplaats_spawners.language import gettext as _

#: How long JupyterHub's own stop gives a cancelled start to let go, seconds.
_LETTING_GO: Final = 1.0


class _WaitingButton(BaseHandler):  # type: ignore[misc]  # JupyterHub is not typed
    """A button for a server whose start waits."""

    @web.authenticated
    async def post(self, user_name: str, server_name: str | None = None) -> None:
        """Do it; tornado has checked the XSRF token."""
        await self._post(user_name=user_name, server_name=server_name or "")

    @needs_scope("servers")  # type: ignore[untyped-decorator]
    async def _post(self, user_name: str, server_name: str) -> None:
        user = self.find_user(user_name)
        if user is None:
            raise web.HTTPError(404)
        if server_name not in user.spawners:  # it is over, and JupyterHub has forgotten it
            self.redirect(url_path_join(self.hub.base_url, "home"))
            return
        await self.act(user, user.spawners[server_name])

    async def act(self, user: Any, spawner: Any) -> None:
        """Do what the button says."""
        raise NotImplementedError

    async def give_up(self, user: Any, spawner: Any) -> None:
        """Cancel a start, as a ``DELETE`` of JupyterHub's API does, and wait a while for its job to end."""
        if spawner.pending == "stop":
            return
        if spawner._spawn_future:
            spawner._spawn_future.cancel()
            await asyncio.sleep(_LETTING_GO)
        if not spawner.pending:
            await self.stop_single_user(user, spawner.name)

    def page(self, kind: str, user: Any, spawner: Any) -> str:
        """Return the address of a page about a server."""
        path = url_path_join(self.hub.base_url, kind, user.escaped_name, url_escape_path(spawner.name))
        return str(path)


class StopWaiting(_WaitingButton):
    """``POST stop-waiting/PERSON[/SERVER]`` gives up a start."""

    async def act(self, user: Any, spawner: Any) -> None:
        """Stop, and go to the person's servers."""
        await self.give_up(user, spawner)
        if spawner.pending and spawner.pending != "stop":
            # JupyterHub looks after it itself, as after a restart, and lets nobody in between.
            error = web.HTTPError(503, f"{spawner._log_name} is pending {spawner.pending}")
            error.jupyterhub_message = _("That did not work. Load this page again and try once more.")  # type: ignore[attr-defined]
            raise error
        self.redirect(url_path_join(self.hub.base_url, "home"))


class Instead(_WaitingButton):
    """``POST instead/PERSON[/SERVER]`` with ``flavour=...`` starts that in the place of what waits."""

    async def act(self, user: Any, spawner: Any) -> None:
        """Judge it, give up the one that waits, and only when that is gone start the other."""
        flavour = self.get_body_argument("flavour", "")
        if spawner.pending == "spawn" and not spawner.giving_way:
            options = await spawner.judge_instead(flavour)
            spawner.giving_way = True  # a second press finds the first one's work
            try:
                await self.give_up(user, spawner)
                if spawner.active:  # Slurm takes its time: the start page has the choice ready
                    self.redirect(url_concat(self.page("spawn", user, spawner), {"opt-flavour": flavour}))
                    return
                await self._start(user, spawner, options)
            finally:
                spawner.giving_way = False
        self.redirect(self.page("spawn-pending", user, spawner))

    async def _start(self, user: Any, spawner: Any, options: dict[str, object]) -> None:
        """Start, and wait a moment; should it fail, then the waiting page says why."""
        start = asyncio.ensure_future(self.spawn_single_user(user, spawner.name, options=options))
        start.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait([start], timeout=_LETTING_GO)
