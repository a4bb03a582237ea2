"""What somebody did with datasets, for themselves to read."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from werkplaats_desk import history
from werkplaats_desk.desk import Reader, TheDatasets
from werkplaats_desk.pages import render

router: Final = APIRouter(include_in_schema=False)


@router.get("/history")
def mine(request: Request, datasets: TheDatasets, person: Reader) -> Response:
    """Show a person's own acts."""
    return render(request, "history.html", person, acts=history.of_person(datasets.audit, person.name))
