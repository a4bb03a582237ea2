"""A person without a browser: signs in at the form, keeps the cookies, speaks to the API."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import requests


@dataclass(frozen=True)
class Answer:
    """What came back: the status, and the body as JSON or text."""

    status: int
    body: Any
    headers: Any


#: What a browser says of a page that a person goes to.
NAVIGATES = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


class Session:
    """A signed-in person."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self.url = url
        self.name = name
        self.http = requests.Session()
        self.http.headers.update(NAVIGATES)
        self.http.get(url + "hub/login", timeout=30)
        answer = self.http.post(
            url + "hub/login",
            data={"username": name, "password": password, "_xsrf": self.xsrf},
            allow_redirects=False,
            timeout=30,
        )
        if answer.status_code != 302:
            raise PermissionError(f"{name} cannot sign in: {answer.status_code}")
        self.token = self.api("POST", f"users/{name}/tokens", {"note": "tests"}, cookie=True).body["token"]

    @property
    def xsrf(self) -> str:
        """The Hub's XSRF token, out of its cookie."""
        found = [c.value for c in self.http.cookies if c.name == "_xsrf" and c.path == "/hub/"]
        return str(found[-1]) if found else ""

    def api(
        self, method: str, path: str, body: Any = None, *, cookie: bool = False, language: str = ""
    ) -> Answer:
        """Call the Hub's REST API, with the person's token (or the browser's cookies)."""
        client: Any = self.http if cookie else requests
        scripts = {"X-XSRFToken": self.xsrf, **dict.fromkeys(NAVIGATES)}
        headers = scripts if cookie else {"Authorization": f"token {self.token}"}
        if language:
            headers["Accept-Language"] = language
        answer = client.request(
            method, f"{self.url}hub/api/{path}", json=body, headers=headers, timeout=60, allow_redirects=False
        )
        return read(answer)

    def page(self, path: str, **kwargs: Any) -> requests.Response:
        """Open a page as the browser would."""
        return self.http.get(self.url + path, timeout=30, **kwargs)

    def notebook(self, path: str, name: str = "") -> Answer:
        """Call the REST API of a running notebook server."""
        server = f"{self.name}/{name}" if name else self.name
        headers = {"Authorization": f"token {self.token}"}
        return read(requests.get(f"{self.url}user/{server}/{path}", headers=headers, timeout=30))

    def post_form(self, path: str, fields: Any, **kwargs: Any) -> requests.Response:
        """Post a form as the browser would."""
        self.page("hub/home")
        return self.http.post(
            self.url + path,
            data=fields,
            params={"_xsrf": self.xsrf},
            timeout=60,
            allow_redirects=False,
            **kwargs,
        )

    def server_path(self, name: str = "") -> str:
        """Return the API path of a server."""
        return f"users/{self.name}/servers/{name}" if name else f"users/{self.name}/server"

    def start(self, options: Any = None, name: str = "", language: str = "") -> Answer:
        """Ask for a server over REST; without a language in the facility's own."""
        return self.api("POST", self.server_path(name), options, language=language)

    def server(self, name: str = "") -> dict[str, Any]:
        """Return the Hub's model of a server; empty when it has none."""
        servers: dict[str, Any] = self.api("GET", f"users/{self.name}").body["servers"]
        server: dict[str, Any] = servers.get(name, {})
        return server

    def wait_ready(self, name: str = "", within: float = 60) -> dict[str, Any]:
        """Wait until a server is ready."""
        return self._wait(name, lambda server: bool(server.get("ready")), within)

    def wait_gone(self, name: str = "", within: float = 60) -> None:
        """Wait until a server is gone."""
        self._wait(name, lambda server: not server or (server["stopped"] and not server["pending"]), within)

    def _wait(self, name: str, true: Any, within: float) -> dict[str, Any]:
        end = time.monotonic() + within
        while not true(server := self.server(name)):
            if time.monotonic() > end:
                raise AssertionError(f"server {name!r} of {self.name} is {server}")
            time.sleep(0.2)
        return server

    def stop(self, name: str = "", within: float = 60) -> None:
        """Stop a server and wait for it."""
        self.api("DELETE", self.server_path(name))
        self.wait_gone(name, within)

    def stop_all(self) -> None:
        """Stop every server of this person."""
        for name in self.api("GET", f"users/{self.name}").body.get("servers", {}):
            self.stop(name)


def read(answer: requests.Response) -> Answer:
    """Return an answer's status and body."""
    try:
        body = answer.json()
    except ValueError:
        body = answer.text
    return Answer(answer.status_code, body, answer.headers)
