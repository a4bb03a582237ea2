"""Nothing that comes in with a question runs in an expert's browser: a real one, on a real desk."""

from __future__ import annotations

import contextlib
import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, Route
from tests.browsers import chromium
from tests.desk.desks import listening
from tests.desk.fake_hub import FakeHub
from tests.desk.payloads import PAYLOADS
from tests.desk.questions import PNG, code, shows
from tests.desk.test_inbox import file

from werkplaats_desk import signin
from werkplaats_desk.centre.models import Attachment, Booking, Message, Ticket, TicketAct
from werkplaats_desk.desk import Desk
from werkplaats_desk.guard import HEADERS
from werkplaats_desk.people import Person

__all__ = ["file"]

#: In every frame of every page: what a payload calls, and what the browser itself stopped.
TRAP = """
window.caught = [];
window.pwned = () => { window.caught.push('pwned() was called'); };
for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = window.pwned;
document.addEventListener('securitypolicyviolation', (event) => {
  window.caught.push(`stopped: ${event.violatedDirective} ${event.blockedURI}`);
});
"""

#: Opens and touches all there is, waits for what a browser does a little later, and returns what no page
#: of ours has, however a text got there.
LOOK = """async () => {
  document.querySelectorAll('details').forEach((one) => { one.open = true; });
  document.querySelectorAll('main *').forEach((one) => {
    for (const kind of ['mouseover', 'focus', 'blur', 'toggle', 'animationstart', 'close']) {
      one.dispatchEvent(new Event(kind));
    }
  });
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const odd = [...window.caught];
  const never = 'iframe, object, embed, base, style, audio, video, math, template, dialog, marquee, '
    + 'image, plaintext, x-evil, noscript, meta[http-equiv], svg script, svg animate, svg a, svg use';
  for (const one of document.querySelectorAll(never)) odd.push(one.outerHTML.slice(0, 200));
  for (const one of document.querySelectorAll('*')) {
    for (const {name, value} of one.attributes) {
      if (name.startsWith('on') || name === 'srcdoc' || name === 'style') odd.push(`${one.tagName} ${name}`);
      const address = ['href', 'src', 'action', 'formaction', 'xlink:href'].includes(name);
      const told = one.tagName === 'A' && one.rel.includes('noopener') && /^https?:/.test(value);
      if (address && !told && !/^(\\/|#|data:image\\/(png|jpeg);base64,[\\w+/=]*$)/.test(value)) {
        odd.push(`${one.tagName} ${name}=${value}`);
      }
    }
  }
  for (const one of document.scripts) {
    if (!/^\\/services\\/desk\\/static\\//.test(one.getAttribute('src'))) odd.push(one.outerHTML);
  }
  return odd;
}"""


class Watch:
    """A page with a trap, and all that it asks for."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.said: list[str] = []
        page.add_init_script(TRAP)
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self._asked(request.url))
        page.on("popup", lambda popup: self.said.append("a window opened"))
        page.on("download", lambda download: self.said.append("something was saved"))

    def _dialog(self, dialog: Any) -> None:
        self.said.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, url: str) -> None:
        ours, asked = urlsplit(self.address), urlsplit(url)
        if asked.scheme == "data" and url.startswith(("data:image/png;", "data:image/jpeg;")):
            return
        known = ("/services/desk/inbox", "/services/desk/static/")
        if (asked.scheme, asked.netloc) != (ours.scheme, ours.netloc) or not asked.path.startswith(known):
            self.said.append(f"it asked for {url}")

    def look(self) -> list[str]:
        """Open and touch what there is; return all that should not have been."""
        found = [*self.said, *self.page.evaluate(LOOK)]
        found += [f"a frame: {frame.url}" for frame in self.page.frames[1:]]
        self.said.clear()
        return found


@pytest.fixture(scope="module")
def chromium_() -> Iterator[Chromium]:
    """Debian's Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture
def address(desk: Desk) -> Iterator[str]:
    """A desk that listens on loopback."""
    with listening(desk) as address:
        yield address


@pytest.fixture
def watch(chromium_: Chromium, address: str, desk: Desk, fake_hub: FakeHub) -> Iterator[Watch]:
    """An expert's browser."""
    context = chromium_.new_context(locale="en")
    kept = signin.keep(desk.database, Person("expert", token=fake_hub.token("expert")), "s")
    for cookie, value in ((signin.COOKIE, kept), (signin.HUB_SESSION, "s")):
        context.add_cookies([{"name": cookie, "value": value, "url": address}])
    yield Watch(context.new_page(), address)
    context.close()


def evil_notebook(evil: str) -> str:
    """Return a notebook with a payload in every field, where nbformat has it and where it has not."""
    picture = b64encode(evil.encode()).decode()
    outputs = [
        {"output_type": "stream", "name": evil, "text": [evil, "\n", evil]},
        {
            "output_type": "error",
            "ename": evil,
            "evalue": evil,
            "traceback": [evil, f"\x1b[31m{evil}\x1b[0m"],
        },
        {"output_type": "error", "ename": evil, "evalue": evil, "traceback": evil},
        {"output_type": evil, "data": {evil: evil}, "metadata": {evil: evil}},
        {
            "output_type": "execute_result",
            "execution_count": evil,
            "data": {"text/plain": evil},
            "metadata": evil,
        },
        shows(text_plain=evil, image_png=PNG, **{evil: evil}),
        shows(text_plain=[evil], text_html=evil, image_png=evil, image_jpeg=picture),
        shows(image_png=f"data:image/png;base64,{evil}", image_jpeg=[picture, evil]),
        shows(
            image_svg__xml=f"<svg xmlns='http://www.w3.org/2000/svg'>{evil}</svg>",
            application_javascript=evil,
        ),
        shows(**{"application_vnd.jupyter.widget-view__json": {"model_id": evil}, "text_latex": evil}),
        shows(text_markdown=evil, application_json={evil: evil}, **{evil: evil}),
        {"output_type": "display_data", "data": evil},
        evil,
    ]
    cells = [
        {"cell_type": "markdown", "id": evil, "source": evil, "metadata": {evil: evil},
         "attachments": {evil: {"image/png": evil, "image/svg+xml": evil}}},
        {"cell_type": "raw", "source": [evil], "metadata": {"raw_mimetype": "text/html", "format": evil}},
        {"cell_type": evil, "source": evil},
        {**code([evil], *outputs, count=evil), "metadata": {"tags": [evil]}, evil: evil},
        evil,
    ]  # fmt: skip
    metadata = {
        "kernelspec": {"name": evil, "display_name": evil, "language": evil},
        "language_info": {"name": evil, "file_extension": evil, "codemirror_mode": evil},
        "widgets": {"application/vnd.jupyter.widget-state+json": {evil: evil}},
        "title": evil,
        evil: evil,
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells, evil: evil})


def sow(desk: Desk, evil: str) -> int:
    """Put a question into the database of which every text is a payload, past what reads it on its way."""
    with desk.database.transaction() as session:
        one = Ticket(
            person=evil[:64], key=evil[:64], stream=evil[:40], project=evil[:64], server=evil[:130], job=1,
            subject=evil[:120], topic=evil[:40], urgency=evil[:8], language=evil[:2], restricted=True,
            state="answered", expert="expert", created_at=1, changed_at=1, expected_at=1,
        )  # fmt: skip
        session.add(one)
        session.flush()
        for number, kind in enumerate((("person", "question"), ("expert", "answer"), (evil[:8], evil[:10]))):
            message = Message(
                ticket_id=one.id, author=evil[:64], key=f"{number}{evil}"[:64], role=kind[0], kind=kind[1],
                body=f"{evil}\n```\n{evil}\n```\n{evil} https://a.example/{evil}", by_mail=True, at=1,
            )  # fmt: skip
            session.add(message)
            session.flush()
        sent = [
            ("error", f"{evil}\n{evil}"), ("cell", evil), ("notebook", evil_notebook(evil)),
            ("notebook", evil), ("environment", f"{evil} {evil}\n{evil}\nname {evil}"), ("log", evil),
            ("file", evil),
        ]  # fmt: skip
        for kind_, text in (*sent, (evil[:12], evil)):
            content = text.encode("utf-8", "replace")
            session.add(
                Attachment(
                    message_id=message.id, kind=kind_, name=evil[:120], size=len(content), content=content
                )
            )
        for act in ("asked", "handed", "booked", "wrote", "closed", evil[:16]):
            detail = {"to": evil, "minutes": 5, "kind": evil, evil: evil}
            session.add(TicketAct(ticket_id=one.id, at=1, by=evil[:64], act=act, detail=detail))
        booked = {"key": f"{one.id}{evil}"[:64], "stream": evil[:40], "minutes": 1, "day": date.today()}
        session.add(Booking(ticket_id=one.id, expert="expert", at=2**31, **booked))
        return one.id


def naive(route: Route, evil: str, policy: str | None) -> None:
    """Answer as a desk would that takes a text for markup."""
    headers = {"Content-Security-Policy": policy} if policy else {}
    body = f"<!DOCTYPE html><title>x</title><main>{evil}</main>"
    found = body if route.request.is_navigation_request() else ""
    route.fulfill(body=found, content_type="text/html", headers=headers)


def test_the_trap_works(chromium_: Chromium) -> None:
    """A page that takes texts for markup is caught: with a policy that stops them, and without one."""
    assert len(set(PAYLOADS)) >= 60
    address = "http://127.0.0.1:1/services/desk/"
    running = [
        "<script>pwned()</script>", "<img src=x onerror=pwned()>", "<details open ontoggle=pwned()>",
        "<svg onload=pwned()>", "<body onload=pwned()>", "<input autofocus onfocus=pwned()>",
        "<meta http-equiv=refresh content='0;url=javascript:pwned()'>", "<img src=//evil.example/x.png>",
        "<iframe src=javascript:pwned()></iframe>", "<base href=//evil.example/>", "<plaintext>",
        "<a href=javascript:pwned()>x</a>", "<script>alert(1)</script>",
    ]  # fmt: skip
    for policy in (HEADERS["Content-Security-Policy"], None):
        for evil in running:
            context = chromium_.new_context()
            watch = Watch(context.new_page(), address)
            watch.page.route("**/*", partial(naive, evil=evil, policy=policy))
            with contextlib.suppress(Exception):
                watch.page.goto(f"{address}inbox/1")
            assert watch.look() != [], (evil, policy)
            context.close()


@pytest.mark.parametrize("part", range(4))
def test_nothing_runs(watch: Watch, desk: Desk, part: int) -> None:
    """Each payload in every field of a question, on every page on which an expert meets it."""
    for evil in PAYLOADS[part::4]:
        number = sow(desk, evil)
        assert open_(watch, f"inbox/{number}") == [], evil
        shown = watch.page.locator("h1").text_content() or ""
        assert shown.split() == evil[:120].split(), "as it was written"
        notebook = 8 * (number - 1) + 3
        assert open_(watch, f"inbox/{number}/attachments/{notebook}") == [], evil
    for path in ("inbox?view=answered", "inbox?view=mine", "inbox", "inbox/hours"):
        assert open_(watch, path) == [], path
    assert watch.page.locator("tbody tr").count() > 20


def open_(watch: Watch, path: str) -> list[str]:
    """Open a page, see that it is there, and return what should not have been."""
    answer = watch.page.goto(watch.address + path)
    assert answer is not None
    assert answer.status == 200, path
    assert watch.page.locator("h1").count() == 1, path
    assert watch.page.locator("footer").count() == 1, "the page goes on to its end"
    return watch.look()


def test_what_is_typed_comes_back_as_text(watch: Watch, desk: Desk) -> None:
    """In the form of an answer that was refused."""
    with desk.database.transaction() as session:
        one = Ticket(
            person="mkb", key="k", stream="regional", subject="x", topic="data", urgency="low", language="en",
            state="assigned", expert="expert", created_at=1, changed_at=1, expected_at=1,
        )  # fmt: skip
        session.add(one)
        session.flush()
        number = one.id
    assert open_(watch, f"inbox/{number}") == []
    for evil in PAYLOADS:
        text = evil.replace("\x0c", "")
        watch.page.evaluate(
            """(text) => {
              const form = document.querySelector('form[action$="/messages"]');
              form.querySelector('[name=text]').value = text;
              form.querySelector('[name=key]').value = text;
            }""",
            text,
        )
        with watch.page.expect_navigation():
            watch.page.locator('form[action$="/messages"] button').first.click()
        assert watch.page.get_by_role("alert").count() == 1
        assert watch.look() == [], evil
        kept = watch.page.locator("#text").input_value()
        assert kept == text.replace("\r\n", "\n"), evil


def test_what_a_link_or_a_choice_says(watch: Watch, desk: Desk) -> None:
    """Names in an address, and whom to hand over to: whatever they are, they are not said again."""
    number = sow(desk, "Nothing")
    for evil in PAYLOADS[::4]:
        said = quote(evil)
        assert open_(watch, f"inbox/{number}?canned={said}&done={said}&{said}={said}") == [], evil
        watch.page.evaluate(
            """(to) => {
              const form = document.querySelector('form[action$="/handing"]');
              form.querySelector('select').add(new Option(to, to, true, true));
              form.requestSubmit();
            }""",
            evil,
        )
        watch.page.wait_for_url("**/handing")
        assert watch.look() == [], evil
