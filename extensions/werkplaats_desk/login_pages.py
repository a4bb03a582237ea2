"""Signing in and out, and the reader's language."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from werkplaats_desk import signin, words
from werkplaats_desk.desk import Fields, TheDesk, Visitor
from werkplaats_desk.hub import HubAway
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

router: Final = APIRouter(include_in_schema=False)
_STATE_SECONDS: Final = 900


def local(address: str, otherwise: str) -> str:
    r"""Return `address` if it is a path on this host, else `otherwise`: no open redirect.

    >>> local("/services/desk/", "/"), local("//evil.example", "/"), local("/\\evil.example", "/")
    ('/services/desk/', '/', '/')
    """
    return address if re.fullmatch(r"/(?!/)[!-\[\]-~]{0,1000}", address) else otherwise


def see(address: str) -> RedirectResponse:
    """Return a redirect that is a ``GET``, whatever it came from."""
    return RedirectResponse(address, 303)


def is_https(request: Request) -> bool:
    """Return whether the reader came by HTTPS, as the proxy tells."""
    told = request.headers.get("x-forwarded-proto", request.url.scheme)
    return told.split(",")[0].strip() == "https"


@router.get("/login")
def login(
    request: Request,
    desk: TheDesk,
    person: Visitor,
    next: str = "",  # noqa: A002  # the Hub's word
) -> Response:
    """Send a browser to the Hub, and remember which one it was; who is signed in goes straight on."""
    settings = desk.settings
    if person is not None:
        return see(local(next, settings.prefix))
    if not desk.hub.answers():
        raise _hub_away()
    leaving = signin.Leaving.to(local(next, settings.prefix))
    answer = see(desk.hub.authorize(settings.hub, leaving.state, leaving.challenge))
    answer.set_cookie(
        signin.STATE_COOKIE,
        quote(leaving.text()),
        max_age=_STATE_SECONDS,
        path=settings.prefix,
        httponly=True,
        samesite="lax",
        secure=is_https(request),
    )
    return answer


def _hub_away() -> Refusal:
    sentence = _("Signing in does not work at the moment. This page tries again by itself.")
    return Refusal("hub-away", sentence, 503, again=5)


@router.get("/oauth_callback")
def come_back(request: Request, desk: TheDesk, code: str = "", state: str = "") -> Response:
    """Take back who went to the Hub."""
    settings = desk.settings
    leaving = signin.Leaving.read(unquote(request.cookies.get(signin.STATE_COOKIE, "")))
    if leaving is None or not code or not leaving.is_back(state):
        raise Refusal("oauth", _("Signing in did not work. Please try again."), 403)
    try:
        token = desk.hub.redeem(code, leaving.verifier)
    except HubAway:
        raise _hub_away() from None
    try:
        person = desk.hub.whose(token) if token else None
    except HubAway:  # the code is spent, so that this page could try again for ever: begin anew
        return see(f"{settings.prefix}login?next={quote(local(leaving.then, settings.prefix))}")
    if person is None:
        raise Refusal("oauth", _("Signing in did not work. Please try again."), 403)
    value = signin.keep(desk.database, person, request.cookies.get(signin.HUB_SESSION, ""))
    answer = see(local(leaving.then, settings.prefix))
    answer.delete_cookie(signin.STATE_COOKIE, path=settings.prefix)
    answer.set_cookie(
        signin.COOKIE,
        value,
        max_age=signin.LASTS,
        path=settings.prefix,
        httponly=True,
        samesite="lax",
        secure=is_https(request),
    )
    return answer


@router.post("/logout")
def logout(request: Request, desk: TheDesk, fields: Fields) -> Response:
    """Sign out here, and then at the Hub."""
    signin.forget(desk.database, request.cookies.get(signin.COOKIE, ""))
    answer = see(desk.settings.hub + "logout")
    answer.delete_cookie(signin.COOKIE, path=desk.settings.prefix)
    return answer


@router.get("/language/{chosen}")
def choose_language(request: Request, desk: TheDesk, chosen: words.Language, next: str = "") -> Response:  # noqa: A002
    """Keep the reader's choice of language, for the Hub's pages too."""
    answer = see(local(next, desk.settings.prefix))
    base = desk.settings.hub.removesuffix("hub/")
    answer.set_cookie(
        words.COOKIE, chosen, max_age=365 * 86400, path=base, samesite="lax", secure=is_https(request)
    )
    return answer
