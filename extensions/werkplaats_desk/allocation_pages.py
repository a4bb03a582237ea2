"""``allocation`` and ``allocation.csv``: public, for who is not signed in as well."""

from __future__ import annotations

import time
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from werkplaats_desk import allocation
from werkplaats_desk.centre import figures
from werkplaats_desk.chart import HEIGHT, WIDTH, charts
from werkplaats_desk.desk import TheDesk, Visitor
from werkplaats_desk.pages import render

router: Final = APIRouter(tags=["allocation"])
#: Older than this, the page says that accounting does not answer (s).
_OLD: Final = 1800


@router.get("/allocation", include_in_schema=False)
def page(request: Request, desk: TheDesk, person: Visitor) -> Response:
    """Show the account as charts and a table."""
    settings = desk.settings
    with desk.database.transaction() as session:
        rows = allocation.account(session, settings)
        helped = figures.account(session, settings)
    at = max((row.at for row in rows), default=0)
    return render(
        request, "allocation.html", person, rows=rows, at=at, old=bool(at) and at < time.time() - _OLD,
        charts=charts(rows, [stream.name for stream in settings.streams]),
        size=(WIDTH, HEIGHT), guaranteed=[stream for stream in settings.streams if stream.guaranteed],
        helped=helped, counted=figures.counted,
    )  # fmt: skip


@router.get(
    "/allocation.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "One line a stream and month."}},
    summary="Guaranteed, used, lent and borrowed GPU-hours per stream and month; public",
)
def as_csv(desk: TheDesk) -> Response:
    """Return the account as CSV."""
    with desk.database.transaction() as session:
        text = allocation.as_csv(allocation.account(session, desk.settings))
    return Response(text, media_type="text/csv; charset=utf-8")


@router.get(
    "/expertise.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "One line a stream and month."}},
    summary="Hours of experts and time to the first answer, per stream and month; public",
)
def expertise_as_csv(desk: TheDesk) -> Response:
    """Return the account of the expertise centre as CSV."""
    with desk.database.transaction() as session:
        text = figures.as_csv(figures.account(session, desk.settings))
    return Response(text, media_type="text/csv; charset=utf-8")
