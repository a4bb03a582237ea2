"""The page of a person's servers, which says when the cluster does not answer."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from jupyterhub.handlers.pages import HomeHandler
from tornado import web

from werkplaats_spawners import spoken
from werkplaats_spawners.cluster import Cluster, Unreachable
from werkplaats_spawners.language import gettext as _


class HomePage(HomeHandler):  # type: ignore[misc]  # JupyterHub is not typed
    """JupyterHub's own, with what is known of the cluster."""

    @web.authenticated
    async def get(self) -> None:
        """Show the servers; the cluster is looked at first, two seconds at most."""
        cluster: Cluster | None = getattr(self.current_user.spawner, "cluster", None)
        self._away = await cluster_away(cluster) if cluster is not None else ""
        await super().get()

    def render_template(self, name: str, sync: bool = False, **values: Any) -> Any:
        """Add the sentence to the page's values."""
        away = getattr(self, "_away", "")
        return super().render_template(name, sync=sync, cluster_away=away, **values)


async def cluster_away(cluster: Cluster) -> str:
    """Return what cannot be done now, and since when; nothing while the cluster answers."""
    at = 0.0
    with suppress(Unreachable):
        view = await cluster.glance()
        if view.error is None:
            return ""
        at = view.at
    if cluster.trouble is None:
        return ""  # it has not answered yet, of which nothing follows: the Hub just began, or Slurm is slow
    said = _(
        "The cluster does not answer at the moment, so no server can be started or stopped now. What runs "
        "goes on. Try again in a few minutes."
    )
    if not at:
        return said
    known = _("What stands below is how it was at {time}.")
    return f"{said} {known.format(time=spoken.clock(datetime.fromtimestamp(at).astimezone()))}"
