"""Who else is in this server: how Lab hears it, so that its person sees it all the while."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

SCHEMA: Final[dict[str, Any]] = {
    "$id": "urn:werkplaats:company",
    "version": "1",
    "title": "Who else is in this server",
    "type": "object",
    "properties": {
        "guests": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "seconds_left": {"type": ["integer", "null"], "description": "null: without an end"},
                },
                "required": ["name", "seconds_left"],
            },
        },
        "page": {"type": "string", "description": "where the person ends it"},
    },
    "required": ["guests", "page"],
}


class Company:
    """Who is here beside the person, as Lab is told.

    Parameters
    ----------
    serverapp
        Whose event logger tells those who listen.
    page
        Where the person ends a look along.
    """

    def __init__(self, serverapp: Any, page: str) -> None:
        self._serverapp, self._page = serverapp, page
        self._guests: dict[str, float | None] = {}

    def now(self, guests: Iterable[tuple[str, float | None]]) -> None:
        """Take who is here, each with until when (Unix time, s), and tell Lab where that is news."""
        found = dict(guests)
        if found != self._guests:
            self._guests = found
            self._serverapp.event_logger.emit(schema_id=SCHEMA["$id"], data=self.message())

    def message(self) -> dict[str, Any]:
        """Return what Lab is told, by :data:`SCHEMA`."""
        guests = [
            {"name": name, "seconds_left": None if until is None else max(0, int(until - time.time()))}
            for name, until in sorted(self._guests.items())
        ]
        return {"guests": guests, "page": self._page}


class CompanyHandler(APIHandler):
    """``GET werkplaats/company``: who else is here, for a Lab that is opened later."""

    def initialize(self, company: Company) -> None:
        """Take what is known."""
        self._company = company

    @web.authenticated
    def get(self) -> None:
        """Answer."""
        self.set_header("Cache-Control", "no-store")
        self.finish(self._company.message())


def put_up(serverapp: Any, environment: Mapping[str, str]) -> Company:
    """Give a server the event's schema, and the page to ask."""
    base = environment.get("JUPYTERHUB_BASE_URL", "/")
    company = Company(serverapp, url_path_join(base, "services/desk/look"))
    serverapp.event_logger.register_event_schema(SCHEMA)
    web_app = serverapp.web_app
    where = url_path_join(web_app.settings["base_url"], "werkplaats/company")
    web_app.add_handlers(".*$", [(where, CompanyHandler, {"company": company})])
    return company
