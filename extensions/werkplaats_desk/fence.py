"""Which requests may have been made by a page of somebody else's, in their reader's name.

Everybody's servers are on the desk's own host, so that no browser keeps their pages from the desk's. What
a browser says of each request does, and no script can change it: that a person went to a page, and not a
script, a frame or a service worker. Browsers say it over HTTPS and on the machine itself. Over plain HTTP
they say nothing, and there a script can open a page of the desk's and read it: who decides for others is
shown nothing then.
"""

from __future__ import annotations

from collections.abc import Mapping

from werkplaats_desk import access
from werkplaats_desk.datasets import Datasets
from werkplaats_desk.people import Person
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Settings
from werkplaats_desk.words import gettext as _

_MODE, _WHERE = "sec-fetch-mode", "sec-fetch-dest"


def is_a_scripts(headers: Mapping[str, str]) -> bool:
    """Return whether the browser says that something else than a person asks, or would read the answer too.

    A service worker can pass on what a person asks for (it goes nowhere: *empty*), or have the browser ask
    ahead of it (*preload*), and reads the answer either way.
    """
    goes = headers.get(_MODE, "navigate") == "navigate" and headers.get(_WHERE, "document") == "document"
    return not goes or "service-worker-navigation-preload" in headers


def is_told(headers: Mapping[str, str]) -> bool:
    """Return whether the browser says anything of who asks."""
    return _MODE in headers and _WHERE in headers


def require_told(headers: Mapping[str, str]) -> None:
    """Refuse where the browser does not say who asks.

    Raises
    ------
    Refusal
    """
    if is_told(headers):
        return
    sentence = _(
        "Over plain HTTP, a notebook of somebody else's could read this page in your browser and act in "
        "your name. You decide for others, or see what is theirs: this page opens over https, or at "
        "http://localhost on the machine itself. Those who run this place can set up https."
    )
    raise Refusal("plain-http", sentence, 403)


def has_a_say(person: Person, settings: Settings, datasets: Datasets | None) -> bool:
    """Return whether somebody decides for others, teaches them, or reads what they asked."""
    if person.teaches(settings) or person.answers(settings):
        return True
    found = datasets.catalogue.offered() if datasets else ()
    return access.is_everybodys(person, settings) or any(
        access.is_steward(person, one.record, settings) for one in found
    )


def opener_policy(headers: Mapping[str, str]) -> str:
    """Return whether who opened a page in a window can read it: nobody can.

    ``same-origin`` is not enough, where a page on the same host says the same of itself. What is, Firefox
    does not know, and would take for nothing said; Chromium does, and tells that it is Chromium.
    """
    return "noopener-allow-popups" if "sec-ch-ua" in headers else "same-origin"
