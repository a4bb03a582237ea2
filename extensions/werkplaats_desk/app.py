"""The application: routes below the desk's path, and what becomes of what goes wrong."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse

from werkplaats_audit.client import AuditAway
from werkplaats_desk import (
    allocation_pages,
    application_pages,
    applications_api,
    course_pages,
    dataset_pages,
    datasets_api,
    fields,
    history_pages,
    login_pages,
    pages,
    provenance_pages,
    steward_pages,
    waiting_pages,
    words,
)
from werkplaats_desk.announcing import Announcer
from werkplaats_desk.bodies import bound
from werkplaats_desk.centre import answer_pages, help_pages, inbox_pages, look_pages, mail_pages, tickets_api
from werkplaats_desk.centre.drafts import TOO_LARGE
from werkplaats_desk.centre.look_clock import LookClock
from werkplaats_desk.centre.mail_in import MailIn
from werkplaats_desk.centre.mail_out import MailOut
from werkplaats_desk.chores import Chores
from werkplaats_desk.database import AWAY, Database
from werkplaats_desk.datasets import open_datasets
from werkplaats_desk.desk import Desk, SignInFirst, TheDesk, Visitor, caller, desk_of, to_sign_in, visitor
from werkplaats_desk.guard import HEADERS, Guard
from werkplaats_desk.hub import Hub
from werkplaats_desk.login_pages import see
from werkplaats_desk.people import Person
from werkplaats_desk.published import Queue, over_socket
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Watched
from werkplaats_desk.words import gettext as _

_log = logging.getLogger(__name__)
ROUTERS: Final = (
    login_pages.router,
    application_pages.router,
    applications_api.router,
    allocation_pages.router,
    course_pages.router,
    waiting_pages.router,
    history_pages.router,
    provenance_pages.router,
    datasets_api.router,
    dataset_pages.router,
    steward_pages.router,
    tickets_api.router,
    help_pages.router,
    inbox_pages.router,
    answer_pages.router,
    mail_pages.router,
    look_pages.router,
)
home_router: Final = APIRouter(include_in_schema=False)


def open_desk(path: Path) -> Desk:
    """Return the desk whose settings stand in a file; its database is brought up to date."""
    watched = Watched(path)
    settings = watched()
    words.load(settings.locale)
    database = Database(settings.database, settings.database_password())
    database.migrate()
    token = settings.token_file.read_text().strip()
    return Desk(
        watched,
        database,
        Hub(settings.hub_api, token, settings.prefix),
        Queue(over_socket(settings.queue)),
        datasets=open_datasets(settings),
    )


def create_app(desk: Desk, *, chores: bool = True) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    chores
        Whether what the desk does by itself is done: every minute and more often, mail, and looks that end.
    """
    prefix = desk.settings.prefix.rstrip("/")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        workers = (Announcer(desk), Chores(desk), MailOut(desk), MailIn(desk), LookClock(desk))
        for worker in workers if chores else ():
            worker.start()
        yield
        for worker in workers:
            worker.stop()

    app = FastAPI(
        title="Werkplaats desk",
        version="1",
        lifespan=lifespan,
        openapi_url=f"{prefix}/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.desk = desk
    for router in (home_router, *ROUTERS):
        app.include_router(router, prefix=prefix)
    app.add_middleware(Guard, settings=lambda: desk.settings, admit=_whose, refused=_refused)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(SignInFirst, _sign_in)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for kind in AWAY:
        app.add_exception_handler(kind, _database_away)
    app.add_exception_handler(AuditAway, _audit_away)
    app.add_exception_handler(Exception, _broken)
    return app


@home_router.get("/")
def home(request: Request, desk: TheDesk, person: Visitor) -> Response:
    """Show what can be done here."""
    waiting = steward_pages.waiting(desk, person) if person else None
    unread = help_pages.unread(desk, person) if person else 0
    return pages.render(
        request, "home.html", person, datasets=desk.datasets is not None, waiting=waiting, unread=unread
    )


@home_router.get("")
def without_slash(desk: TheDesk) -> Response:
    """Go where the page is."""
    return see(desk.settings.prefix)


@home_router.get("/health")
def health(desk: TheDesk) -> Response:
    """Say that the desk answers, and what it could not do lately."""
    with desk.database.transaction():
        return JSONResponse({"status": "ok", "problems": sorted(desk.problems)})


@home_router.get("/static/{file}")
def static(desk: TheDesk, file: str) -> Response:
    """Serve a static file: the desk's own, the Hub's shared ones, the facility's colours."""
    if file == "look.css":
        look = desk.settings.look
        text = pages.stylesheet(look.primary, look.accent, look.primary_on_dark, look.accent_on_dark)
        return Response(text, media_type="text/css")
    found = _FILES.get(file)
    if found is None:
        raise HTTPException(404)
    folder = pages.HERE if found == "own" else desk.settings.static
    return FileResponse(folder / file, headers={"Cache-Control": "public, max-age=31536000"})


_FILES: Final = {
    "desk.css": "own",
    "desk.js": "own",
    "werkplaats.css": "shared",
    "werkplaats.js": "shared",
    "icon.svg": "shared",
}


def _is_api(request: Request) -> bool:
    return "/api/" in request.url.path


# What handles an error is no coroutine: a page says who reads it, and looking for them waits for the
# database and sometimes for the Hub, which is for a thread to do and not for what serves everybody.


def _whoever(request: Request) -> Person | None:
    """Return who reads a page that says what went wrong; nobody, where that is what went wrong."""
    try:
        return visitor(request)
    except AWAY:
        return None
    except Exception:  # the last resort of a page that must come; not in silence
        _log.exception("Who reads %s could not be found out", request.url.path)
        return None


def _say(request: Request, status: int, reason: str, sentence: str, again: int = 0) -> Response:
    if _is_api(request):
        return JSONResponse({"reason": reason, "message": sentence}, status)
    try:
        person = _whoever(request)
        return pages.render(request, "refusal.html", person, status=status, sentence=sentence, again=again)
    except Exception:
        _log.exception("The page that says what went wrong went wrong")
        return PlainTextResponse(sentence + "\n", status)


def _refused(request: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, Refusal)  # noqa: S101  # FastAPI's handlers take any exception
    return _say(request, wrong.status, wrong.reason, wrong.sentence, wrong.again)


def _sign_in(request: Request, wrong: Exception) -> Response:
    if request.method != "GET":
        sentence = _("You are no longer signed in. Sign in, and send it once more.")
        return _say(request, 403, "signed-out", sentence)
    return see(to_sign_in(request))


def _whose(request: Request) -> str:
    """Return whose a large request is: nobody's is read at all."""
    return caller(request).name


def _http(request: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, HTTPException)  # noqa: S101
    if wrong.status_code == 400:  # FastAPI could not read a body, whatever was the matter with it
        sentence = _("This form could not be read. Load the page again.")
        if _is_api(request):
            sentence = _("What was sent could not be read. Send a JSON object.")
        return _say(request, 400, "bad-body", sentence)
    return _say(request, wrong.status_code, "http", _("There is no such page here."))


def _invalid(request: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, RequestValidationError)  # noqa: S101
    if not _is_api(request):
        return _say(request, 404, "http", _("There is no such page here."))
    errors = wrong.errors()
    if any(error["type"] == TOO_LARGE for error in errors):
        return _say(
            request, 413, "too-large", bound(request.url.path, desk_of(request).settings.prefix).sentence
        )
    # What was sent is not sent back: only which key, and what a good value looks like.
    keys = [".".join(str(part) for part in error["loc"]) for error in errors]
    last = str(errors[0]["loc"][-1]) if errors else ""
    return JSONResponse({"reason": "bad-value", "message": fields.sentence(last), "keys": keys}, 422)


def _database_away(request: Request, wrong: Exception) -> Response:
    _log.error("%s %s: %s", request.method, request.url.path, wrong)
    sentence = _(
        "The desk cannot reach its database at the moment, so nothing was changed. What was handed in "
        "before is kept. Try again in a few minutes."
    )
    # Who it is, if nobody looked yet, stands in that database: it is not waited for once more.
    request.state.visitor = getattr(request.state, "visitor", None)
    return _say(request, 503, "database-away", sentence)


def _audit_away(request: Request, wrong: Exception) -> Response:
    _log.error("%s %s: %s", request.method, request.url.path, wrong)
    sentence = _(
        "What is done with datasets is written down first, and that cannot be done at the moment: nothing "
        "was done or given. Try again in a few minutes."
    )
    return _say(request, 503, "audit-away", sentence)


def _broken(request: Request, wrong: Exception) -> Response:
    _log.error("%s %s", request.method, request.url.path, exc_info=wrong)
    sentence = _("Something went wrong here. It was written down; please try again.")
    answer = _say(request, 500, "broken", sentence)
    answer.headers.update(HEADERS)  # this answer passes by the guard
    return answer
