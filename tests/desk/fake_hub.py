"""A Hub for tests: OAuth and who is who, answered in the process; it can be away."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

SECRET = "the-desks-own-token"
SCOPE = "access:services!service=desk"


@dataclass
class FakeHub:
    """What the desk asks of the Hub's API.

    Attributes
    ----------
    people
        By name: whether they are an admin, and their groups.
    tokens
        A token's person and scopes.
    away
        Whether it answers nothing.
    started
        Servers that were started: person, server, options.
    refuses
        What it says instead of starting a server.
    shares, codes_out
        Who else can open servers, by the server as ``name/server``; and codes to them.
    jobs
        The job of each server.
    running
        Servers that run, as ``name/server``.
    until
        When a look along ends, by expert and server: all that were ever begun.
    """

    people: dict[str, tuple[bool, list[str]]] = field(default_factory=dict)
    tokens: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    away: bool = False
    asked: int = 0
    started: list[tuple[str, str, Any]] = field(default_factory=list)
    refuses: tuple[int, str] | None = None
    shares: dict[str, list[str]] = field(default_factory=dict)
    codes_out: dict[str, list[str]] = field(default_factory=dict)
    jobs: dict[str, int] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)
    until: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def transport(self) -> httpx.MockTransport:
        """The way to it."""
        return httpx.MockTransport(self._answer)

    def token(self, name: str, *scopes: str) -> str:
        """Return a token of a person's that opens the desk, or what is given instead."""
        token = f"token-{len(self.tokens)}-of-{name}"
        self.tokens[token] = (name, list(scopes) or [SCOPE])
        return token

    def agree(self, address: str, name: str) -> str:
        """Sign somebody in at the address to which the desk sent a browser; return where it goes next."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == "service-desk"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = (name, asked["code_challenge"])
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.away:
            raise httpx.ConnectError("nobody there")
        path = request.url.path.removeprefix("/hub/api")
        if path == "/":
            return httpx.Response(200, json={"version": "5"})
        if path == "/oauth2/token":
            return self._redeem(parse_qs(request.content.decode()))
        token = request.headers.get("authorization", "").removeprefix("token ")
        if "/shared/" in path:
            return self._shared(request.method, token, path)
        if token not in self.tokens:
            return httpx.Response(403, json={"message": "no such token"})
        return self._of_people(request, token, path)

    def _of_people(self, request: httpx.Request, token: str, path: str) -> httpx.Response:
        """Answer somebody's own token."""
        if path == "/user":
            return httpx.Response(200, json=self._model(token))
        if path.startswith("/werkplaats/alone/"):
            return self._keep_alone(token, path)
        if path.startswith("/werkplaats/looks/"):
            return self._look(token, path.removeprefix("/werkplaats/looks/"), json.loads(request.content))
        if request.method == "GET" and path.startswith("/users/"):
            return self._servers(token, path.removeprefix("/users/"))
        if "/server" in path:
            return self._start(path, json.loads(request.content))
        return httpx.Response(404, json={"message": "?"})

    def server(self, name: str, server: str = "") -> str:
        """Return the token of somebody's server."""
        own = f"server={name}/{server}"
        return self.token(name, SCOPE, f"access:servers!{own}", f"read:shares!{own}")

    def _keep_alone(self, token: str, path: str) -> httpx.Response:
        """Answer as our own Hub does: to who may read that server's shares."""
        of = path.removeprefix("/werkplaats/alone/")
        if f"read:shares!server={of}" not in self.tokens[token][1]:
            return httpx.Response(403, json={"message": "not yours"})
        shared = bool(self.shares.get(of) or self.codes_out.get(of))
        return httpx.Response(200, json={"job": self.jobs.get(of, 0), "shared": shared})

    def _look(self, token: str, server: str, body: Any) -> httpx.Response:
        """Answer as the Hub's own route does."""
        if self.refuses:
            status, message = self.refuses
            return httpx.Response(status, json={"message": message})
        assert server.startswith(self.tokens[token][0] + "/")
        assert set(body) == {"expert", "until"}
        if server not in self.running:
            return httpx.Response(409, json={"message": "it does not run"})
        self.shares.setdefault(server, []).append(body["expert"])
        self.until[body["expert"], server] = body["until"]
        return httpx.Response(201, json=body)

    def _shared(self, method: str, token: str, path: str) -> httpx.Response:
        """Answer as JupyterHub 6 does to who may take back what was shared with people."""
        _, _, expert, _, server = path.split("/", 4)
        if token != SECRET:
            return httpx.Response(403, json={"message": "not yours"})
        if expert not in self.shares.get(server, []):
            return httpx.Response(404, json={"message": "no such share"})
        if method == "DELETE":
            self.shares[server].remove(expert)
            return httpx.Response(204)
        return httpx.Response(200, json={"server": {"ready": server in self.running}})

    def _servers(self, token: str, name: str) -> httpx.Response:
        """Answer as JupyterHub 6 does to who may read somebody's servers."""
        assert self.tokens[token][0] == name
        own = [one.partition("/")[2] for one in self.running if one.startswith(name + "/")]
        return httpx.Response(200, json={"name": name, "servers": {one: {"ready": True} for one in own}})

    def _redeem(self, form: dict[str, list[str]]) -> httpx.Response:
        import hashlib
        from base64 import urlsafe_b64encode

        name, challenge = self.codes.pop(form["code"][0], ("", ""))
        hashed = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        proven = urlsafe_b64encode(hashed).decode().rstrip("=") == challenge
        if not name or not proven or form["client_secret"] != [SECRET]:
            return httpx.Response(401, json={"error": "invalid_grant"})
        return httpx.Response(200, json={"access_token": self.token(name)})

    def _model(self, token: str) -> dict[str, Any]:
        name, scopes = self.tokens[token]
        admin, groups = self.people.get(name, (False, []))
        return {"kind": "user", "name": name, "admin": admin, "groups": groups, "scopes": scopes}

    def _start(self, path: str, body: Any) -> httpx.Response:
        if self.refuses:
            status, message = self.refuses
            return httpx.Response(status, json={"message": message})
        _, _, name, _, *server = path.split("/")
        self.started.append((name, server[0] if server else "", body["user_options"]))
        return httpx.Response(202)
