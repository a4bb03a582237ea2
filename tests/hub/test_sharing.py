"""While a dataset is mounted alone no server of its person is shared, by any of JupyterHub's three doors."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from tests import hubs

#: By name: two who may share, one to share with, and one who may not share.
TOKENS = {name: name * 8 for name in ("owner", "looked", "friend", "stranger")}
HUB_CONFIG = """
from pathlib import Path
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import SimpleLocalProcessSpawner
from werkplaats_hub.look import FacilityLook
from werkplaats_hub.pages import apply_pages
from werkplaats_spawners.cluster import Unreachable
from werkplaats_spawners.offer import Words

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, *args):
        pass
    delete_route = add_route
    async def get_all_routes(self):
        return {}

class Marks:
    async def alone(self, user):
        mark = Path("mark").read_text()
        if mark == "away":
            raise Unreachable("no controller")
        name, _, dataset = mark.partition(" ")
        return dataset if name == user else ""

class Plain(SimpleLocalProcessSpawner):
    cluster = Marks()
    job_id = "17"

c = get_config()
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.spawner_class = Plain
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.hub_bind_url = c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.api_tokens = {tokens}
c.JupyterHub.load_roles = [
    {"name": "sharers", "users": ["owner", "looked"], "scopes": ["self", "shares!user", "read:users:name"]},
]
look = FacilityLook(name=Words(nl="x", en="x"), tagline=Words(nl="x", en="x"), cost=Words(nl="x", en="x"),
                    privacy=Words(nl="x", en="x"))
apply_pages(c, look=look, default_language="nl")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the Hub works."""
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module")
def base(folder: Path) -> Iterator[str]:
    """Run a real Hub with JupyterHub's own sharing, and ours in front of it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tokens = {token: name for name, token in TOKENS.items()}
    config = HUB_CONFIG.replace("{port}", str(port)).replace("{tokens}", repr(tokens))
    (folder / "config.py").write_text(config)
    (folder / "mark").write_text("")
    with hubs.running(folder, f"http://127.0.0.1:{port}"):
        yield f"http://127.0.0.1:{port}/hub/"


@pytest.fixture(autouse=True)
def nothing_is_mounted(folder: Path) -> None:
    """Begin without a mark."""
    (folder / "mark").write_text("")


def ask(base: str, path: str, name: str = "owner", method: str = "POST", **body: Any) -> requests.Response:
    """Call the Hub's API as somebody."""
    headers = {"Authorization": f"token {TOKENS[name]}", "Accept-Language": "en"}
    return requests.request(method, f"{base}api/{path}", headers=headers, json=body or None, timeout=30)


SHARE = {"user": "friend"}
WAYS = [("shares/owner/", SHARE), ("share-codes/owner/", {}), ("shares/owner/", {"group": "none"})]


@pytest.mark.parametrize(("path", "body"), WAYS[:2])
def test_a_server_is_shared(base: str, path: str, body: dict[str, Any]) -> None:
    """Where nothing is mounted JupyterHub does as it always does, and takes shares back."""
    answer = ask(base, path, **body)
    assert answer.status_code == 200, answer.text
    assert ask(base, path, method="GET").json()["items"]
    assert ask(base, "shares/owner/", method="PATCH", **SHARE).status_code == 200


@pytest.mark.parametrize(("path", "body"), WAYS)
def test_beside_a_dataset_nothing_is_shared(base: str, folder: Path, path: str, body: dict[str, Any]) -> None:
    """Who may share reads which dataset keeps it from being shared, and nothing is made."""
    before = ask(base, path, method="GET").json()["_pagination"]["total"]
    (folder / "mark").write_text("owner cohort")
    answer = ask(base, path, **body)
    assert answer.status_code == 409
    assert "While the dataset 'cohort' is mounted, no server of this person" in answer.json()["message"]
    assert ask(base, path, method="GET").json()["_pagination"]["total"] == before


def test_another_persons_dataset_is_no_hindrance(base: str, folder: Path) -> None:
    """A mark binds its own person only."""
    (folder / "mark").write_text("friend cohort")
    assert ask(base, "shares/owner/", **SHARE).status_code == 200


def test_who_may_not_share_learns_nothing(base: str, folder: Path) -> None:
    """The scope is looked at before the mark."""
    (folder / "mark").write_text("owner cohort")
    for path, body in WAYS:
        answer = ask(base, path, "stranger", **body)
        assert answer.status_code in (403, 404)
        assert "cohort" not in answer.text
    assert ask(base, "shares/owner", **SHARE).status_code == 409, "and a path without a server is refused too"
    assert ask(base, "shares/nobody/", **SHARE).status_code in (403, 404)


def test_what_nobody_can_tell_is_not_shared(base: str, folder: Path) -> None:
    """Without Slurm it is not known what is mounted."""
    (folder / "mark").write_text("away")
    answer = ask(base, "shares/owner/", **SHARE)
    assert answer.status_code == 503
    assert "Nothing was shared" in answer.json()["message"]


def test_a_code_of_before_is_not_taken(base: str, folder: Path) -> None:
    """It is taken once the dataset is gone; until then the page does not say what is mounted."""
    code = ask(base, "share-codes/owner/").json()["code"]
    friend = requests.Session()
    friend.headers["Accept-Language"] = "en"
    friend.get(f"{base}login", timeout=30)
    fields = {"username": "friend", "password": "x", "_xsrf": friend.cookies["_xsrf"]}
    signed = friend.post(f"{base}login", data=fields, allow_redirects=False, timeout=30)
    assert signed.status_code == 302

    def take(code: str) -> requests.Response:
        friend.get(f"{base}accept-share", params={"code": code}, timeout=30)
        token = [c.value for c in friend.cookies if c.name == "_xsrf"][-1]
        data = {"code": code, "_xsrf": str(token)}
        return friend.post(f"{base}accept-share", data=data, allow_redirects=False, timeout=30)

    (folder / "mark").write_text("owner cohort")
    refused = take(code)
    assert refused.status_code == 409
    assert "cannot be shared at the moment" in refused.text
    assert "cohort" not in refused.text
    assert take("no-such-code").status_code == 400
    (folder / "mark").write_text("")
    assert take(code).status_code == 302


def test_a_server_that_is_looked_at_is_not_shared_for_a_while(base: str) -> None:
    """Whoever shares in the moment before the mark is too late: the look itself keeps them from it."""
    code = ask(base, "share-codes/looked/", "looked").json()
    assert code.get("code"), code
    look = "werkplaats/alone/looked/"
    assert ask(base, look, "looked").json() == {"job": 17, "shared": True}, "a code is out"
    assert ask(base, "share-codes/looked/", "looked", "DELETE").status_code == 204
    assert ask(base, look, "looked").json() == {"job": 17, "shared": False}
    for path, body in (("shares/looked/", SHARE), ("share-codes/looked/", {})):
        refused = ask(base, path, "looked", **body)
        assert refused.status_code == 409
        assert "a moment ago" in refused.json()["message"]
    assert ask(base, look, "looked").json() == {"job": 17, "shared": False}
    assert ask(base, "shares/owner/", **SHARE).status_code == 200, "another's server"
    assert ask(base, "shares/owner/", method="PATCH", **SHARE).status_code == 200


def test_who_may_not_see_shares_keeps_nothing(base: str) -> None:
    """Nor learns which job it is."""
    assert ask(base, "werkplaats/alone/owner/", "stranger").status_code in (403, 404)
    assert ask(base, "werkplaats/alone/nobody/").status_code in (403, 404)
    assert ask(base, "shares/owner/", **SHARE).status_code == 200
    assert ask(base, "shares/owner/", method="PATCH", **SHARE).status_code == 200
