"""The start page: a link preselects, and only the form's button starts something."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.slugs import is_valid_display_name, normalise_unicode, safe_slug
from jupyterhub.utils import url_escape_path, url_path_join
from tornado import web
from tornado.httputil import url_concat

from werkplaats_spawners.form import not_offered
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import Offer
from werkplaats_spawners.request import Refused, ServerRequest, from_fields


class StartPage(SpawnHandler):  # type: ignore[misc]
    """The start page. A link preselects; only the form's ``POST`` starts.

    JupyterHub starts a server on a ``GET`` with options, without asking and without the check
    against cross-site requests. Here JupyterHub never sees a link's options.

    Attributes
    ----------
    preselected
        What the link, or the form that was refused, asked for; the defaults if that made no sense.
    refusal
        Why a link's options were refused.
    """

    preselected: ServerRequest = ServerRequest()
    refusal: Refused | None = None

    @property
    def desk_form(self) -> str:
        """Where GPU-hours are asked for; empty where there is no desk for this person."""
        services = self.get_accessible_services(self.current_user)
        return next((f"{service.href}apply" for service in services if service.name == "desk"), "")

    def get(self, user_name: str | None = None, server_name: str = "") -> Any:
        """Show the form; start nothing."""
        fields = as_text(self.request.query_arguments)
        self._preselect({k.removeprefix("opt-"): v for k, v in fields.items() if k.startswith("opt-")})
        # No options are left, so nothing that JupyterHub would start with.
        kept = ("next", "display_name")
        self.request.query_arguments = {k: v for k, v in self.request.query_arguments.items() if k in kept}
        return super().get(user_name, server_name)

    def post(self, user_name: str | None = None, server_name: str = "", display_name: str = "") -> Any:
        """Start the server that the form describes."""
        fields = as_text(self.request.body_arguments)
        self.request.body_arguments = {k: [v.encode() for v in vs] for k, vs in fields.items()}
        self._preselect(fields)
        return super().post(
            user_name, server_name, display_name or self.get_query_argument("display_name", "")
        )

    @needs_scope("servers")  # type: ignore[untyped-decorator]
    async def _get(self, user_name: str, server_name: str, display_name: str) -> None:
        """Show the form of a server that need not be there, and leave none behind: JupyterHub makes it."""
        user = self.find_user(user_name)
        new = bool(server_name) and user is not None and server_name not in user.orm_spawners
        try:
            await super()._get(user_name=user_name, server_name=server_name, display_name=display_name)
        finally:
            if new:
                self._forget(user, server_name)

    def _forget(self, user: Any, server_name: str) -> None:
        """Take away a server that was only looked at, as JupyterHub removes one."""
        spawner = user.spawners.get(server_name)
        if spawner is None or spawner.active:
            return
        user.spawners.pop(server_name)
        self.db.delete(spawner.orm_spawner)
        self.db.commit()

    @needs_scope("servers")  # type: ignore[untyped-decorator]
    async def _post(self, user_name: str, server_name: str, display_name: str) -> Any:
        """Take a second press on Start for what it is: the same wish, not an error."""
        user = self.find_user(user_name)
        if user and server_name in user.spawners and user.spawners[server_name].active:
            return self.redirect(self._get_pending_url(user, server_name))
        return await super()._post(user_name=user_name, server_name=server_name, display_name=display_name)

    def _preselect(self, fields: dict[str, list[str]]) -> None:
        chosen = from_fields(fields)
        offer: Callable[[], Offer] | None = self.settings.get("werkplaats_offer")
        if isinstance(chosen, ServerRequest) and offer is not None:
            chosen = not_offered(chosen, offer()) or chosen
        if isinstance(chosen, Refused):
            self.refusal = chosen
        else:
            self.preselected = chosen

    def _get_pending_url(self, user: Any, server_name: str) -> str:
        """Return the waiting page's address, without this page's options and token."""
        url: str = url_path_join(
            self.hub.base_url, "spawn-pending", user.escaped_name, url_escape_path(server_name)
        )
        following = self.get_query_argument("next", "")
        return url_concat(url, {"next": following}) if following else url

    async def _wrap_spawn_single_user(self, *args: Any, **kwargs: Any) -> Any:
        if self.request.method != "POST":
            raise web.HTTPError(405, "A link never starts a server.")
        return await super()._wrap_spawn_single_user(*args, **kwargs)

    async def _render_form(
        self, for_user: Any, spawner_options_form: str, message: str = "", html_message: str = ""
    ) -> Any:
        """Render the form, with what went wrong above it.

        JupyterHub asks the *default* server for the form when a POST fails, and gives it no handler:
        here the server that is being started renders it, and can see what was asked for.
        """
        server_name = self.path_args[1] if len(self.path_args) > 1 else ""
        spawner = for_user.spawners[server_name]
        spawner.handler = self
        return await self.render_template(
            "spawn.html",
            for_user=for_user,
            spawner=spawner,
            server_name=server_name,
            auth_state=await for_user.get_auth_state(),
            spawner_options_form=await spawner.get_options_form(),
            url=self._action(),
            desk_form=self.desk_form,
            by_link=self.request.method == "GET" and self.preselected != ServerRequest(),
            **self._trouble(sys.exception()),  # JupyterHub calls from its ``except`` clause
        )

    def _action(self) -> str:
        """Return where the form goes: here, with the token that shows it came from here."""
        kept = {k: v for k in ("next", "display_name") if (v := self.get_query_argument(k, ""))}
        return url_concat(self.request.path, {**kept, "_xsrf": self.xsrf_token.decode("ascii")})

    def _trouble(self, error: BaseException | None) -> dict[str, str]:
        """Return what to say above the form, and set the status that goes with it."""
        if error is None and self.refusal is None:
            return {}
        if error is None and self.refusal is not None:
            self.set_status(self.refusal.status)
            return {"error_message": self.refusal.sentence}
        if not isinstance(error, web.HTTPError):
            self.set_status(500)
        if sentence := said(error):
            return {"error_message": sentence, "error_reason": str(getattr(error, "reason", ""))}
        return {"error_message": _("Your server could not be started."), "error_detail": str(error)}


def said(error: object) -> str:
    """Return the sentence for people that an exception carries, or nothing.

    JupyterHub's ``format_exception`` knows ``jupyterhub_message``, but not its own ``SpawnException``.
    """
    return str(getattr(error, "jupyterhub_message", "") or getattr(error, "message", ""))


def as_text(arguments: dict[str, list[bytes]]) -> dict[str, list[str]]:
    """Return arguments as text; what is not UTF-8 becomes what no option accepts."""
    return {key: [v.decode("utf8", "replace") for v in values] for key, values in arguments.items()}


class ExtraServer(BaseHandler):  # type: ignore[misc]
    """``POST extra-server`` with ``name=...`` turns a name that a person typed into a start page's address.

    It makes nothing yet; the form that it leads to does.
    """

    @web.authenticated
    def get(self) -> None:
        """Go where the form is: a link makes nothing, but a change of language may lead here."""
        self.redirect(url_path_join(self.hub.base_url, "home"))

    @web.authenticated
    def post(self) -> None:
        """Go to the start page of the server of that name; tornado has checked the XSRF token."""
        name = normalise_unicode(" ".join(self.get_body_argument("name", "").split()))
        if not is_valid_display_name(name):
            error = web.HTTPError(400, "not a display name")
            error.jupyterhub_message = _("Give your server a name of letters, digits and spaces.")  # type: ignore[attr-defined]
            raise error
        url = url_path_join(self.hub.base_url, "spawn", self.current_user.escaped_name, safe_slug(name))
        self.redirect(url_concat(url, {"display_name": name}))
