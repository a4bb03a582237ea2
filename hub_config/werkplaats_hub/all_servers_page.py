"""What runs on the whole platform, for those who run it: whose, since when, and a button to stop it.

JupyterHub's own page of administration knows people and groups, in English; it stays, one link further.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.scopes import needs_scope
from tornado import web

from werkplaats_spawners.offer import Offer


@dataclass(frozen=True)
class Row:
    """One server that runs, starts or stops.

    Attributes
    ----------
    title
        Its name; empty for the one that everybody has.
    pending
        ``spawn``, ``stop`` or nothing.
    since
        When its start began; naive UTC, as the Hub's database keeps it.
    flavour, project
        Their titles; their names where they are not offered any more.
    job
        Slurm's number; empty before there is one.
    api
        The path of its API, below the Hub's base URL.
    """

    person: str
    title: str
    pending: str
    since: datetime | None
    flavour: str
    project: str
    job: str
    api: str


class AllServers(BaseHandler):  # type: ignore[misc]  # JupyterHub is not typed
    """``GET servers``."""

    @web.authenticated
    @needs_scope("admin-ui")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Show them."""
        spawners = (one for user in self.users.values() for one in user.spawners.values() if one.active)
        rows = sorted(rows_of(spawners), key=lambda row: (row.person, row.title))
        self.finish(await self.render_template("servers.html", rows=rows))


def rows_of(spawners: Iterable[Any]) -> Iterator[Row]:
    """Return what the page says of servers."""
    for spawner in spawners:
        options, offer = spawner.user_options or {}, getattr(spawner, "offer", None)
        name = quote(spawner.name, safe="")
        yield Row(
            person=spawner.user.name,
            title=spawner.orm_spawner.display_name or spawner.name,
            pending=spawner.pending or "",
            since=spawner.orm_spawner.started,
            flavour=_title(offer, "flavour", options.get("flavour")),
            project=_title(offer, "project", options.get("project")),
            job=str(getattr(spawner, "job_id", "") or ""),
            api=f"users/{quote(spawner.user.name, safe='')}/server" + (f"s/{name}" if name else ""),
        )


def _title(offer: Offer | None, kind: str, name: str | None) -> str:
    """Return the title of a flavour or project that a person asked for by name."""
    found = getattr(offer, kind)(name) if offer and name else None
    return str(found.title) if found else name or ""
