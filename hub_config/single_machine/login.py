"""Sign in as a person would, over the public port: the proof that all parts work together."""

from __future__ import annotations

import http.cookiejar
import json
import urllib.error
import urllib.parse
import urllib.request

from single_machine.console import Console
from werkplaats_hub.instance import Instance


def require(console: Console, instance: Instance, person: str, password: str) -> None:
    """Wait until a log-in works.

    Raises
    ------
    StepFailed
        When none does within a minute.
    """
    console.until(
        lambda: signs_in(instance.url, person, password) if person else _answers(instance.url),
        within=60,
        wrong="nobody can sign in",
        mend=f"read {instance.logs}/hub.out and {instance.logs}/proxy.out",
    )
    console.until(
        lambda: desk_problems(instance.url) is not None,
        within=60,
        wrong="the desk does not answer",
        mend=f"read {instance.logs}/desk.out",
    )


def desk_problems(url: str) -> list[str] | None:
    """Return what the desk could not do lately; ``None`` when it does not answer."""
    try:
        with urllib.request.urlopen(url + "services/desk/health", timeout=10) as answer:  # noqa: S310
            return [str(problem) for problem in json.load(answer)["problems"]]
    except (OSError, ValueError, KeyError):
        return None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "hub/health", timeout=10) as answer:  # noqa: S310  # our own http
            return bool(answer.status == 200)
    except OSError:
        return False


def signs_in(url: str, person: str, password: str) -> bool:
    """Return whether the log-in form lets a person in."""
    cookies = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    try:
        browser.open(url + "hub/login", timeout=10).read()
        xsrf = next((c.value for c in cookies if c.name == "_xsrf"), "") or ""
        form = urllib.parse.urlencode({"username": person, "password": password, "_xsrf": xsrf})
        browser.open(url + "hub/login", form.encode(), timeout=10).read()
    except (urllib.error.URLError, OSError):
        return False
    return any(cookie.name == "jupyterhub-session-id" for cookie in cookies) and any(
        cookie.name.startswith("jupyterhub-hub-login") for cookie in cookies
    )
