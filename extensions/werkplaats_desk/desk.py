"""The desk's parts, and who is asking: what every route begins with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated
from urllib.parse import parse_qsl, quote

from fastapi import Depends, Request

from werkplaats_desk import fence, outbox, signin
from werkplaats_desk.database import Database
from werkplaats_desk.datasets import Datasets
from werkplaats_desk.hub import Hub, HubAway
from werkplaats_desk.pace import Pace
from werkplaats_desk.people import Person
from werkplaats_desk.period import last_periods_first_day
from werkplaats_desk.published import Queue
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings, Watched
from werkplaats_desk.words import gettext as _


@dataclass
class Desk:
    """Everything that a route needs."""

    watched: Watched
    database: Database
    hub: Hub
    queue: Queue
    problems: dict[str, str] = field(default_factory=dict)
    datasets: Datasets | None = None
    help_pace: Pace = field(default_factory=Pace)

    @property
    def settings(self) -> Settings:
        """What the file of settings says now."""
        return self.watched()

    def publish(self) -> None:
        """Write the files of what was granted, in this period and the last one."""
        since = last_periods_first_day(self.settings.period, date.today())
        outbox.publish(self.database, self.settings.projects_d, since)


class SignInFirst(Exception):
    """Who asks is not signed in: a page sends them to the Hub."""


def desk_of(request: Request) -> Desk:
    """Return the desk that a request came to."""
    found: Desk = request.app.state.desk
    return found


def visitor(request: Request) -> Person | None:
    """Return who looks at a page, or nobody; looked for once a request, also when that went wrong."""
    if not hasattr(request.state, "visitor"):
        request.state.visitor = None
        request.state.visitor = _look(request)
    found: Person | None = request.state.visitor
    return found


def _look(request: Request) -> Person | None:
    cookie = request.cookies.get(signin.COOKIE)
    if not cookie or fence.is_a_scripts(request.headers):
        return None
    desk = desk_of(request)
    return signin.find(desk.database, desk.hub, cookie, request.cookies.get(signin.HUB_SESSION, ""))


def reader(request: Request) -> Person:
    """Return who looks at a page that is for people who signed in.

    Raises
    ------
    SignInFirst
    Refusal
        Where they decide for others, and a page of somebody else's could read along.
    """
    found = visitor(request)
    if found is None:
        raise SignInFirst
    desk = desk_of(request)
    if not fence.is_told(request.headers) and fence.has_a_say(found, desk.settings, desk.datasets):
        fence.require_told(request.headers)
    return found


def keeper(request: Request) -> Person:
    """Return who looks at a page of what is others', whoever they are."""
    fence.require_told(request.headers)
    return reader(request)


def operator(request: Request) -> Person:
    """Return the operator who looks at a page of theirs."""
    person = reader(request)
    require_operator(desk_of(request), person)
    return person


def require_operator(desk: Desk, person: Person) -> None:
    """Refuse who does not decide."""
    if not person.decides(desk.settings):
        raise Refusal("not-an-operator", _("This page is for those who run this place."), 403)


def teacher(request: Request) -> Person:
    """Return the teacher who looks at a page of theirs."""
    person = reader(request)
    if not person.teaches(desk_of(request).settings):
        sentence = _("Making courses is for teachers. Ask those who run this place to make you one.")
        raise Refusal("not-a-teacher", sentence, 403)
    return person


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a form that came from a page of this sign-in; each once.

    Raises
    ------
    Refusal
        When it did not, or is no form.
    """
    try:
        text = (await request.body()).decode("utf8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=40)
    except ValueError:
        raise Refusal("bad-form", _("This form could not be read. Load the page again.")) from None
    fields = dict(pairs)
    cookie = request.cookies.get(signin.COOKIE, "")
    if not cookie or fields.pop("_xsrf", "") != signin.xsrf(cookie):
        sentence = _("This page was open for too long. Go back, load it again, and send it once more.")
        raise Refusal("xsrf", sentence, 403)
    return fields


def caller(request: Request) -> Person:
    """Return whose token came with a request to the API.

    Cookies open nothing there, so that no page elsewhere can call it in somebody's name.
    """
    kind, _space, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() not in ("token", "bearer") or not token or not token.isascii():
        raise Refusal("no-token", _("Send a token of the Hub's: Authorization: token ..."), 401)
    try:
        found = desk_of(request).hub.known(token)
    except HubAway:
        sentence = _("The Hub does not answer, so your token cannot be checked.")
        raise Refusal("hub-away", sentence, 503) from None
    if found is None:
        raise Refusal("bad-token", _("This token does not open the desk."), 403)
    return found


def datasets_of(request: Request) -> Datasets:
    """Return what there is for datasets.

    Raises
    ------
    Refusal
        Where a facility has none.
    """
    found = desk_of(request).datasets
    if found is None:
        sentence = _("This place offers no datasets. Those who run it can add some.")
        raise Refusal("no-datasets", sentence, 404)
    return found


def to_sign_in(request: Request) -> str:
    """Return where a page sends who is not signed in."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{desk_of(request).settings.prefix}login?next={quote(here)}"


TheDesk = Annotated[Desk, Depends(desk_of)]
TheDatasets = Annotated[Datasets, Depends(datasets_of)]
Visitor = Annotated[Person | None, Depends(visitor)]
Reader = Annotated[Person, Depends(reader)]
Keeper = Annotated[Person, Depends(keeper)]
Operator = Annotated[Person, Depends(operator)]
Teacher = Annotated[Person, Depends(teacher)]
Fields = Annotated[dict[str, str], Depends(form)]
Caller = Annotated[Person, Depends(caller)]
