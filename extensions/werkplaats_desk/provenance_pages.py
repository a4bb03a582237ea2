"""The provenance statement: a page to ask for it, and the statement itself as HTML or RO-Crate."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import select

from werkplaats_desk import access_requests, courses, fence, pages, provenance
from werkplaats_desk.crate import crate
from werkplaats_desk.datasets import Datasets
from werkplaats_desk.desk import Caller, Desk, Reader, TheDatasets, TheDesk
from werkplaats_desk.guard import HEADERS
from werkplaats_desk.models import Course
from werkplaats_desk.names import one_line
from werkplaats_desk.people import Person
from werkplaats_desk.provenance import About, Statement
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

router: Final = APIRouter()
Form = Literal["html", "ro-crate"]
Project = Annotated[str, Query(max_length=64, description="Of a project of yours; without it your own.")]
Job = Annotated[int, Query(ge=0, lt=2**32, description="Of one job alone.")]
Notebook = Annotated[str, Query(max_length=200, description="What you call the work; it is only repeated.")]
#: What is sent at once (characters).
_TOGETHER: Final = 64 * 1024
_STYLE: Final = pages.HERE / "statement.css"


@router.get("/provenance", include_in_schema=False)
def ask(request: Request, desk: TheDesk, datasets: TheDatasets, person: Reader) -> Response:
    """Show what a statement can be of."""
    projects = access_requests.projects(desk.queue.view(), person.name)
    return pages.render(request, "provenance.html", person, projects=projects)


@router.get("/provenance/statement", include_in_schema=False)
def shown(
    request: Request,
    desk: TheDesk,
    datasets: TheDatasets,
    person: Reader,
    project: Project = "",
    job: Job = 0,
    notebook: Notebook = "",
    format: Form = "html",  # noqa: A002
) -> Response:
    """Show the statement to who is signed in."""
    if project:
        fence.require_told(request.headers)
    return _answer(request, _statement(desk, datasets, person, project, job, notebook), format)


@router.get(
    "/api/provenance",
    tags=["datasets"],
    summary="Which data was mounted, as the audit shows it: to read, or as RO-Crate 1.1",
    responses={200: {"content": {"text/html": {}, "application/ld+json": {}}}},
    response_class=Response,
)
def api(
    request: Request,
    desk: TheDesk,
    datasets: TheDatasets,
    person: Caller,
    project: Project = "",
    job: Job = 0,
    notebook: Notebook = "",
    format: Form = "html",  # noqa: A002
) -> Response:
    """Return the statement."""
    return _answer(request, _statement(desk, datasets, person, project, job, notebook), format)


def _statement(
    desk: Desk, datasets: Datasets, person: Person, project: str, job: int, notebook: str
) -> Statement:
    try:
        about = About(person.name, one_line(project), job, one_line(notebook))
    except ValueError:
        raise Refusal("bad-value", _("This does not make sense here.")) from None
    if about.project:
        provenance.require_member(desk.queue.view(), desk.settings, person, about.project)
        _require_no_class(desk, person, about.project)
    return provenance.statement(datasets, about)


def _require_no_class(desk: Desk, person: Person, project: str) -> None:
    """Refuse who is in a class with others: what those used is for their teacher to read."""
    with desk.database.transaction() as session:
        course = session.scalar(select(Course).where(Course.project == project))
    if course is not None and not courses.leads(course, person, desk.settings):
        sentence = _("In a class everybody has a statement of their own. Ask for yours, without a project.")
        raise Refusal("a-class", sentence, 403)


def _answer(request: Request, statement: Statement, form: Form) -> Response:
    if form == "ro-crate":
        named = {"Content-Disposition": 'attachment; filename="ro-crate-metadata.json"'}
        return _long(statement, crate(statement), "application/ld+json", named)
    style = _STYLE.read_text(encoding="utf-8")
    page = pages.parts(request, "statement.html", None, statement=statement, style=style)
    # The page is kept and sent on, so its style stands in it: this one style, and no other.
    hashed = b64encode(sha256(style.encode()).digest()).decode()
    policy = HEADERS["Content-Security-Policy"].replace(
        "style-src 'self'", f"style-src 'self' 'sha256-{hashed}'"
    )
    return _long(statement, page, "text/html", {"Content-Security-Policy": policy})


def _long(statement: Statement, parts: Iterator[str], kind: str, headers: Mapping[str, str]) -> Response:
    """Return an answer that is sent while it is made, however long it becomes."""

    def sent() -> Iterator[str]:
        with statement.uses:
            held, size = list[str](), 0
            for part in parts:
                held.append(part)
                size += len(part)
                if size >= _TOGETHER:
                    yield "".join(held)
                    held, size = [], 0
            yield "".join(held)

    return StreamingResponse(sent(), media_type=kind, headers=headers)
