"""Signing in by way of the Hub, and what the desk does while the Hub is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.routing import APIRoute
from tests.desk.conftest import PREFIX, Browser
from tests.desk.fake_hub import FakeHub

from werkplaats_desk import signin
from werkplaats_desk.app import ROUTERS
from werkplaats_desk.desk import Desk
from werkplaats_desk.guard import MOST_BYTES
from werkplaats_desk.hub import HubAway
from werkplaats_desk.models import SignIn

Make = Callable[..., Browser]


def grow_old(desk: Desk, seconds: int, field: str = "checked_at") -> None:
    """Let time pass for every sign-in."""
    with desk.database.transaction() as session:
        for kept in session.query(SignIn):
            setattr(kept, field, int(time.time()) - seconds)


def test_a_page_for_people_sends_to_the_hub_and_back(browser: Make) -> None:
    """With a state and a proof of its own; and back to where they were going."""
    visitor = browser()
    sent = visitor.get("applications")
    assert sent.status_code == 303
    assert sent.headers["location"] == f"{PREFIX}login?next={PREFIX}applications"
    asked = parse_qs(urlsplit(visitor.get(sent.headers["location"]).headers["location"]).query)
    assert asked["redirect_uri"] == [f"{PREFIX}oauth_callback"]
    assert len(asked["state"][0]) >= 32
    assert visitor.sign_in("mkb", "applications").headers["location"] == f"{PREFIX}applications"
    assert visitor.get("applications").status_code == 200


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/\\evil.example", "x", "/a\nb"])
def test_no_open_redirect(browser: Make, fake_hub: FakeHub, then: str) -> None:
    """Only a path on this host is gone back to."""
    visitor = browser()
    sent = visitor.get("login", params={"next": then})
    back = visitor.get(fake_hub.agree(sent.headers["location"], "mkb"))
    assert back.headers["location"] == PREFIX
    assert visitor.get("language/nl", params={"next": then}).headers["location"] == PREFIX


def test_a_code_is_only_for_the_browser_that_asked(browser: Make, fake_hub: FakeHub) -> None:
    """Another browser, another state, or a code of nobody's signs nobody in."""
    mine, other = browser(), browser()
    back = fake_hub.agree(mine.get("login").headers["location"], "mkb")
    assert other.get(back).status_code == 403
    other.get("login")
    assert other.get(back).status_code == 403
    assert mine.get(back.replace("code=", "code=x")).status_code == 403
    assert mine.get(f"{PREFIX}oauth_callback").status_code == 403


def test_the_cookie(browser: Make, desk: Desk) -> None:
    """Not for scripts, for the desk's paths only, only encrypted where the place is; no copy is kept."""
    visitor = browser(base_url="https://testserver")
    answer = visitor.sign_in("mkb")
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith(f"{signin.COOKIE}=")]
    for flag in ("HttpOnly", f"Path={PREFIX}", "SameSite=lax", "Secure"):
        assert flag in cookie
    value = cookie.split("=", 1)[1].split(";")[0]
    assert len(value) >= 40
    with desk.database.transaction() as session:
        assert value not in [kept.id for kept in session.query(SignIn)]


def test_the_hub_is_away(browser: Make, fake_hub: FakeHub, desk: Desk, draft: dict[str, str]) -> None:
    """Who is signed in goes on for a working day; public pages come; a new log-in is said not to work."""
    mkb, late = browser("mkb"), browser()
    sent = late.get("login").headers["location"]
    fake_hub.away = True
    grow_old(desk, 3600)
    assert mkb.get("applications").status_code == 200
    assert mkb.post("apply", "apply", **draft).status_code == 303
    assert late.get("allocation").status_code == 200
    assert late.get("").status_code == 200
    back = late.get(fake_hub.agree(sent, "mkb"))
    assert back.status_code == 503
    assert "Signing in does not work at the moment" in back.text
    grow_old(desk, signin.LASTS + 1, "created_at")
    assert mkb.get("applications").status_code == 303


def test_the_hub_goes_away_after_it_took_the_code(
    browser: Make, fake_hub: FakeHub, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code holds once: signing in begins anew, at the page that waits for the Hub, and ends where meant."""
    visitor = browser()
    back = fake_hub.agree(visitor.get(f"login?next={PREFIX}apply").headers["location"], "mkb")

    def away(token: str) -> None:
        raise HubAway

    with monkeypatch.context() as patched:
        patched.setattr(desk.hub, "whose", away)
        answer = visitor.get(back)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PREFIX}login?next={PREFIX}apply")
    sent = visitor.get(answer.headers["location"]).headers["location"]
    assert visitor.get(fake_hub.agree(sent, "mkb")).headers["location"] == f"{PREFIX}apply"


def test_the_hub_is_asked_again_after_minutes(browser: Make, fake_hub: FakeHub, desk: Desk) -> None:
    """Not at every page; then who is no operator any more is none here, and who is gone is out."""
    beheer = browser("beheer")
    before = fake_hub.asked
    for _ in range(5):
        assert beheer.get("requests").status_code == 200
    assert fake_hub.asked == before
    fake_hub.people["beheer"] = (False, [])
    grow_old(desk, 301)
    assert beheer.get("requests").status_code == 403
    assert fake_hub.asked == before + 1
    fake_hub.tokens.clear()
    grow_old(desk, 301)
    assert beheer.get("requests").status_code == 303


def test_who_signs_out_at_the_hub_is_out_here(browser: Make) -> None:
    """The sign-in is bound to the Hub's session, which ends there."""
    mkb = browser("mkb")
    mkb.client.cookies.set("jupyterhub-session-id", "another", path="/")
    assert mkb.get("applications").status_code == 303


def test_signing_out(browser: Make, desk: Desk) -> None:
    """By a form; the desk forgets the browser, and the Hub is next."""
    mkb = browser("mkb")
    assert mkb.post("logout").headers["location"] == "/hub/logout"
    with desk.database.transaction() as session:
        assert session.query(SignIn).count() == 0
    assert mkb.get("applications").status_code == 303


def test_the_way_in(browser: Make) -> None:
    """With and without the last slash; what is nothing says so; static files are the desk's and the Hub's."""
    visitor = browser()
    assert visitor.get("/services/desk").headers["location"] == PREFIX
    assert visitor.get("").status_code == 200
    for path in ("nergens", "static/../app.py", "static/%2e%2e%2fapp.py", "applications/x", "language/de"):
        assert visitor.get(path).status_code in (303, 404), path
    for file in ("desk.css", "desk.js", "look.css", "werkplaats.css", "werkplaats.js", "icon.svg"):
        assert visitor.get(f"static/{file}").status_code == 200
    assert "--wp-primary: #0b5c68" in visitor.get("static/look.css").text


POSTS = [
    "inbox/1/taking", "inbox/1/messages", "inbox/1/handing", "inbox/1/booking", "inbox/1/closing",
    "inbox/hours/1/withdrawal",
    "apply", "applications/1/decision", "applications/1/withdrawal", "logout", "new-course",
    "join/abc", "courses/1/start", "courses/1/end", "datasets/cohort/acceptance",
    "datasets/cohort/applications", "datasets/cohort/applications/1/withdrawal",
    "datasets/cohort/steward/1/decision", "datasets/cohort/steward/revocation",
    "help/new", "help/1/messages", "help/1/closed", "help/1/emptied", "help/offering",
    "help/mail", "help/mail/code", "help/mail/away", "mail/again",
    "help/1/look", "help/1/look/end", "inbox/1/look", "inbox/1/look/end",
]  # fmt: skip


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_a_form_from_elsewhere_does_nothing(browser: Make, path: str, token: str | None) -> None:
    """Each POST takes the token of this sign-in's own pages."""
    beheer = browser("beheer")
    fields = {} if token is None else {"_xsrf": token}
    assert beheer.client.post(PREFIX + path, data=fields).status_code == 403


@pytest.mark.parametrize("path", POSTS)
def test_a_form_of_nobody_does_nothing(browser: Make, path: str) -> None:
    """Who is signed out is told so, and what they sent is not carried out."""
    assert browser().client.post(PREFIX + path, data={"_xsrf": signin.xsrf("")}).status_code == 403


def test_every_post_is_in_that_list() -> None:
    """A route that is added without the check is found here."""
    pages = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    paths = {route.path.lstrip("/").replace(":int", "") for route in pages if route.methods == {"POST"}}
    values = {"number": "1", "code": "abc", "name": "cohort"}
    assert {path.format(**values) for path in paths if "api/" not in path} == set(POSTS)


def test_a_notebooks_script_reads_nothing(browser: Make) -> None:
    """A script on the same host, asking in its reader's name, is treated as nobody."""
    mkb = browser("mkb")
    for mode in ("cors", "same-origin", "no-cors"):
        assert mkb.get("applications", headers={"Sec-Fetch-Mode": mode}).status_code == 303
    assert mkb.get("applications", headers={"Sec-Fetch-Mode": "navigate"}).status_code == 200


def test_what_is_too_large(browser: Make) -> None:
    """A body is bounded, whether it says how long it is or not; the desk goes on."""
    mkb = browser("mkb")
    much = b"purpose=" + b"x" * MOST_BYTES
    answer = mkb.client.post(PREFIX + "apply", content=much)
    assert answer.status_code == 413
    assert "A request has at most 4000 characters" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    api = mkb.client.post(PREFIX + "api/applications", content=much)
    assert (api.status_code, api.json()["reason"]) == (413, "too-large")

    def pieces() -> object:
        for _ in range(MOST_BYTES // 1024 + 2):
            yield b"x" * 1024

    assert mkb.client.post(PREFIX + "apply", content=pieces()).status_code == 413  # type: ignore[arg-type]
    assert mkb.client.post(PREFIX + "api/applications", content=pieces()).status_code in (400, 401, 413)  # type: ignore[arg-type]
    assert mkb.client.post(PREFIX + "apply", headers={"Content-Length": "x"}).status_code in (400, 403)
    assert mkb.get("apply").status_code == 200


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=1&" * 100, b"", b"{}"])
def test_what_is_no_form(browser: Make, body: bytes) -> None:
    """Is refused with a sentence."""
    assert browser("mkb").client.post(PREFIX + "apply", content=body).status_code in (400, 403)


def test_headers_of_every_answer(browser: Make) -> None:
    """No script from elsewhere or in the page, no frame, nothing kept of what is somebody's."""
    mkb = browser("mkb")
    for path in ("", "apply", "nergens", "allocation", "allocation.csv", "openapi.json", "requests"):
        headers = mkb.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert mkb.get(path).text.count("<script") == mkb.get(path).text.count("<script src=")
        assert " style=" not in mkb.get(path).text


@pytest.mark.parametrize("fault", [RuntimeError, ValueError])
def test_what_breaks_inside(
    browser: Make, fault: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours is written down, and shows nobody its inside."""

    def breaks(*given: object) -> None:
        raise fault("the inside")

    mkb = browser("mkb", raise_server_exceptions=False)
    monkeypatch.setattr("werkplaats_desk.applications.of", breaks)
    answer = mkb.get("applications")
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.text
    assert "the inside" not in answer.text
    assert "frame-ancestors" in answer.headers["content-security-policy"]
    assert "the inside" in caplog.text
