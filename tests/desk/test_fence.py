"""What a page of somebody else's, on the desk's own host, can read in a reader's name: in a real browser."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import BrowserContext, Page, sync_playwright
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.browsers import ARGUMENTS
from tests.desk.conftest import NAVIGATES, PREFIX, Browser

from werkplaats_desk import signin
from werkplaats_desk.app import create_app
from werkplaats_desk.desk import Desk

Make = Callable[..., Browser]
#: A name of a host, as people elsewhere go to one; only loopback's own names count as the machine itself.
ELSEWHERE, HERE = "werkplaats.test", "localhost"
SECRET = "Who used it, as the audit has it"
PAGE = f"{PREFIX}datasets/cohort/steward"
FETCH = "async address => (await fetch(address)).text()"
#: Open a window, and wait until it is there or the browser has cut it off.
OPEN = """async address => {
    const opened = window.open(address);
    for (let n = 0; n < 100; n++) {
        await new Promise(wait => setTimeout(wait, 50));
        try {
            if (opened.closed) return 'cut off';
            if (opened.document.readyState === 'complete' && opened.location.href !== 'about:blank')
                return opened.document.body.innerText;
        } catch (error) { return 'cut off'; }
    }
    return 'nothing came';
}"""
WORK = """async script => {
    await navigator.serviceWorker.register(script, {scope: '/'});
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller)
        await new Promise(done => navigator.serviceWorker.oncontrollerchange = done);
}"""
WORKER = """
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', event => event.waitUntil((async () => {
    if (PRELOAD) await self.registration.navigationPreload.enable();
    await self.clients.claim();
})()));
self.addEventListener('fetch', event => event.respondWith((async () => {
    const answer = (PRELOAD && await event.preloadResponse) || await fetch(event.request);
    if (event.request.url.includes('/services/desk/')) {
        const read = await answer.clone().text();
        await fetch('/user/other/read', {method: 'POST', body: read});
    }
    return answer;
})()));
"""


class Host:
    """One host with the desk, and below ``/user/other/`` what somebody else serves."""

    def __init__(self, desk: ASGIApp) -> None:
        self._desk = desk
        self.read: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the proxy would have it answered."""
        if scope["type"] != "http" or not scope["path"].startswith("/user/other/"):
            await self._desk(scope, receive, send)
            return
        kind, more, body = "text/html", [], b"<title>A notebook</title>"
        if scope["path"].endswith(".js"):
            kind = "text/javascript"
            more = [(b"service-worker-allowed", b"/")]
            body = WORKER.replace("PRELOAD", str("preload" in scope["path"]).lower()).encode()
        elif scope["path"].endswith("/alike"):
            more = [(b"cross-origin-opener-policy", b"same-origin")]
        elif scope["path"].endswith("/read"):
            self.read.append(await _body(receive))
        headers = [(b"content-type", kind.encode()), *more]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> str:
    found, more = b"", True
    while more:
        message = await receive()
        found, more = found + message.get("body", b""), message.get("more_body", False)
    return found.decode()


@pytest.fixture
def host(desk: Desk) -> Iterator[tuple[Host, int]]:
    """The host, and its port."""
    made = Host(create_app(desk, chores=False))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(made, log_level="warning", lifespan="off"))
        running = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        running.start()
        yield made, listening.getsockname()[1]
        server.should_exit = True
        running.join()


@pytest.fixture
def value(browser: Make) -> Callable[[str], str]:
    """Sign somebody in; return what their browser's cookie holds."""

    def signed_in(name: str) -> str:
        return str(browser(name).client.cookies[signin.COOKIE])

    return signed_in


def in_chromium(
    port: int, name: str, cookie: str, doing: Callable[[Page, str], Any], session: str = ""
) -> Any:
    """Do something in a real browser that goes to a name; in a thread: its loop is in the way of others'."""

    def done() -> Any:
        arguments = [*ARGUMENTS, f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"]
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
            context = chromium.new_context(locale="en-GB")
            _give(context, f"http://{name}:{port}", cookie, session)
            try:
                return doing(context.new_page(), f"http://{name}:{port}")
            finally:
                chromium.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(done).result()


def _give(context: BrowserContext, base: str, cookie: str, session: str) -> None:
    domain = urlsplit(base).hostname or ""
    for name, value_, path in (
        (signin.COOKIE, cookie, PREFIX),
        (signin.HUB_SESSION, session, "/"),
    ):
        context.add_cookies(
            [{"name": name, "value": value_, "domain": domain, "path": path, "sameSite": "Lax"}]
        )


def the_page(page: Page, base: str) -> str:
    """Go to the steward's page, as a person does."""
    page.goto(base + PAGE)
    return page.inner_text("body")


def what_a_notebook_reads(page: Page, base: str) -> dict[str, str]:
    """Ask for the steward's page from somebody else's: by a script, and by windows."""
    page.goto(f"{base}/user/other/")
    found = {"script": page.evaluate(FETCH, PAGE), "window": page.evaluate(OPEN, PAGE)}
    page.goto(f"{base}/user/other/alike")
    found["window, of a page with the same policy"] = page.evaluate(OPEN, PAGE)
    return found


def test_on_the_machine_itself_or_over_https(host: tuple[Host, int], value: Callable[[str], str]) -> None:
    """A steward reads their page; somebody's notebook does not, by a script or a window."""
    _, port = host
    cookie, session = value("huismeester"), "session-of-huismeester"
    assert SECRET in in_chromium(port, HERE, cookie, the_page, session)
    found = in_chromium(port, HERE, cookie, what_a_notebook_reads, session)
    assert {how: SECRET in text for how, text in found.items()} == dict.fromkeys(found, False)
    assert found["window"] == "cut off"
    assert found["window, of a page with the same policy"] == "cut off"


@pytest.mark.parametrize("script", ["worker.js", "preload.js"])
def test_a_service_worker_reads_nothing(
    host: tuple[Host, int], value: Callable[[str], str], script: str
) -> None:
    """One that took the whole host passes on the way to the sign-in, and what it gets shows nobody's page."""
    made, port = host

    def worked(page: Page, base: str) -> str:
        page.goto(f"{base}{PREFIX}")
        assert "huismeester" in page.inner_text("body")
        page.goto(f"{base}/user/other/")
        page.evaluate(WORK, f"/user/other/{script}")
        page.goto(f"{base}{PREFIX}")
        return page.inner_text("body")

    said = in_chromium(port, HERE, value("huismeester"), worked, "session-of-huismeester")
    assert any("<!DOCTYPE html>" in text for text in made.read), "it had no part in this"
    assert not any("huismeester" in text for text in [said, *made.read])


def test_over_plain_http_from_elsewhere(host: tuple[Host, int], value: Callable[[str], str]) -> None:
    """A browser says nothing there, and could not be told apart from a script: the page is for nobody."""
    _, port = host
    cookie, session = value("huismeester"), "session-of-huismeester"
    said = in_chromium(port, ELSEWHERE, cookie, the_page, session)
    assert "this page opens over https" in said
    assert SECRET not in said
    found = in_chromium(port, ELSEWHERE, cookie, what_a_notebook_reads, session)
    assert {how: "this page opens over https" in text for how, text in found.items()} == dict.fromkeys(
        found, True
    ), "if a browser keeps this apart by now, this refusal can go"
    assert not any(SECRET in text for text in found.values())


@pytest.mark.parametrize("name", ["huismeester", "docent", "beheer", "chef"])
def test_who_decides_for_others(browser: Make, name: str) -> None:
    """Every page of theirs, and every form, asks a browser that says who asks; their sign-out does not."""
    theirs = browser(name)
    for header in NAVIGATES:
        theirs.client.headers.pop(header)
    for page in ("applications", "history", "datasets", "apply"):
        answer = theirs.get(page)
        assert (answer.status_code, "over https" in answer.text) == (403, True), page
    assert theirs.post("apply").status_code == 403
    assert theirs.get("").status_code == 200
    assert theirs.post("logout").status_code == 303


def test_who_decides_for_nobody(browser: Make) -> None:
    """They go on as before, but for what others of their project used."""
    mkb = browser("mkb")
    for header in NAVIGATES:
        mkb.client.headers.pop(header)
    for page in ("applications", "history", "datasets", "apply", "provenance/statement"):
        assert mkb.get(page).status_code == 200, page
    assert "over https" in mkb.get("provenance/statement?project=onderzoek").text
    assert "over https" in mkb.get("datasets/cohort/steward").text
    assert "over https" in mkb.get("stewardship").text


def test_what_a_browser_says(browser: Make) -> None:
    """Frames, scripts and service workers are nobody, whatever their mode; a person is who they are."""
    mkb = browser("mkb")
    for said in (
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Service-Worker-Navigation-Preload": "true"},
    ):
        assert mkb.get("applications", headers=said).status_code == 303, said
    assert mkb.get("applications").status_code == 200
    policy = "cross-origin-opener-policy"
    assert mkb.get("").headers[policy] == "same-origin"
    assert mkb.get("", headers={"Sec-CH-UA": '"Chromium"'}).headers[policy] == "noopener-allow-popups"
