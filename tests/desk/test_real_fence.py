"""What a page of somebody's server can read of a real Hub, on its own host: in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Page
from tests.browsers import chromium, sign_in
from tests.desk import test_real_look
from tests.desk.conftest import NAVIGATES
from tests.desk.test_fence import OPEN
from tests.desk.test_real_hub import PASSWORD
from tests.desk.test_real_look import Place

from werkplaats_hub.fence import is_a_scripts, opener_policy

place = test_real_look.place
#: What pages of the Hub's carry: whoever has it makes a token of their reader's.
KEY = re.compile(r'xsrf_token: "[^"]+|_xsrf" value="[^"]+|_xsrf=[^"]+')
FETCH = """async ([address, options]) => {
    const answer = await fetch(address, options).catch(() => null);
    return answer === null ? [0, '', ''] : [answer.status, answer.url, await answer.text()];
}"""
PAGES = ("/hub/token", "/hub/no-such-page")
WAYS: tuple[dict[str, str], ...] = (
    {}, {"mode": "same-origin"}, {"mode": "no-cors"}, {"cache": "force-cache"},
    {"mode": "no-cors", "cache": "force-cache"}, {"mode": "same-origin", "cache": "only-if-cached"},
    {"method": "POST"},
)  # fmt: skip


def front(ports: dict[str, int]) -> ThreadingHTTPServer:
    """Return the public address, as the proxy has it: by path, and else the Hub; ``/user/other/`` is evil."""

    class Front(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/user/other/"):
                alike = [("Cross-Origin-Opener-Policy", "same-origin")] if "alike" in self.path else []
                self._answer(200, [("Content-Type", "text/html"), *alike], b"<title>A notebook</title>")
                return
            port = next(port for path, port in ports.items() if self.path.startswith(path))
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request(self.command, self.path, sent, dict(self.headers))
            answer = connection.getresponse()
            left_out = ("transfer-encoding", "content-length", "connection")
            headers = [one for one in answer.getheaders() if one[0].lower() not in left_out]
            self._answer(answer.status, headers, answer.read())
            connection.close()

        def do_POST(self) -> None:
            self.do_GET()

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in [*headers, ("Content-Length", str(len(body)))]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_given: Any) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Front)


@pytest.fixture(scope="module")
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a Hub, a desk and a person's server together."""
    found: Place = request.getfixturevalue("place")
    hub, server = (int(urlsplit(one).port or 0) for one in (found.hub, found.server))
    serving = front({"/services/desk/": found.desk.settings.port, "/user/mkb/": server, "/": hub})
    thread = Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{serving.server_address[1]}"
    serving.shutdown()
    serving.server_close()
    thread.join()


@pytest.fixture
def page(base: str) -> Iterator[Page]:
    """An expert's browser, who is signed in at the Hub."""
    with chromium() as browser:
        opened = browser.new_context(locale="en-GB").new_page()
        sign_in(opened, f"{base}/hub/login?next=%2Fhub%2Ftoken", "expert", PASSWORD)
        yield opened


def test_their_page_reads_none_of_the_hubs(base: str, page: Page) -> None:
    """By no window, whatever it says of itself; by no script; and not from what the browser kept."""
    for address in reversed(PAGES):
        page.goto(base + address)
    assert KEY.search(page.content())
    for evil in ("/user/other/", "/user/other/alike"):
        page.goto(base + evil)
        assert {address: page.evaluate(OPEN, address) for address in PAGES} == dict.fromkeys(PAGES, "cut off")
    for address in PAGES:
        for how in WAYS:
            status, _url, body = page.evaluate(FETCH, [address, how])
            assert (status == 0, body) == ("only-if-cached" in how.values(), ""), (address, how)
    assert page.evaluate(FETCH, ["/hub/api/user", {"mode": "no-cors"}])[2] == ""


def test_a_script_gets_no_key_of_the_desks(base: str, page: Page) -> None:
    """Of a sign-in that somebody else began elsewhere, and would go on with."""
    began = requests.get(f"{base}/services/desk/login", headers=NAVIGATES, allow_redirects=False, timeout=30)
    where = urlsplit(began.headers["Location"])
    assert where.path == "/hub/api/oauth2/authorize"
    page.goto(f"{base}/user/other/")
    for mode in ("no-cors", "cors", "same-origin"):
        status, url, body = page.evaluate(FETCH, [f"{where.path}?{where.query}", {"mode": mode}])
        assert (status, "code=" in url, body) == (403, False, "")


def test_a_person_signs_in_as_before(base: str, page: Page) -> None:
    """At the desk, and at their own server; and the Hub's own scripts go on."""
    page.goto(f"{base}/services/desk/applications")
    assert page.url == f"{base}/services/desk/applications"
    assert "expert" in page.inner_text("body")
    page.context.clear_cookies()
    sign_in(page, f"{base}/hub/login?next=%2Fhub%2Ftoken", "mkb", PASSWORD)
    page.goto(f"{base}/user/mkb/files/nothing")  # through the Hub, and back
    answer = page.goto(f"{base}/user/mkb/api/status")
    assert answer is not None
    assert (answer.status, "kernels" in answer.text()) == (200, True)
    page.goto(f"{base}/hub/token")
    page.fill("#token-note", "a script of mine")
    page.locator("#request-token-form [type=submit]").click()
    page.locator("#token-area").wait_for()
    assert len(page.inner_text("#token-result")) > 20


def test_what_a_browser_says() -> None:
    """Who says nothing is a person, or a program that has a token of its own."""
    assert not is_a_scripts({})
    assert not is_a_scripts(NAVIGATES)
    for said in (
        {"Sec-Fetch-Mode": "cors"}, {"Sec-Fetch-Dest": "iframe"},
        {"Service-Worker-Navigation-Preload": "true"},
    ):  # fmt: skip
        assert is_a_scripts({**NAVIGATES, **said})
    assert opener_policy({}) == "same-origin"
    assert opener_policy({"Sec-CH-UA": '"Chromium"'}) == "noopener-allow-popups"
