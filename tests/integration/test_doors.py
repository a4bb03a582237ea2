"""Form, link and REST meet one parser: nothing hostile is submitted, and each refusal is a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from .conftest import PREFIX, Platform

HOSTILE: list[tuple[Any, int]] = [
    ({"flavour": "gpu-9"}, 400),
    ({"flavour": "gpu-1\n#SBATCH --gres=gpu:8"}, 400),
    ({"flavour": "gpu-1; touch /tmp/x"}, 400),
    ({"flavour": "$(id)"}, 400),
    ({"flavour": None}, 400),
    ({"flavour": 1}, 400),
    ({"flavour": 1.5}, 400),
    ({"flavour": True}, 400),
    ({"flavour": []}, 400),
    ({"flavour": ["gpu-1"]}, 400),
    ({"flavour": {}}, 400),
    ({"hours": 0}, 400),
    ({"hours": -1}, 400),
    ({"hours": 100000}, 400),
    ({"hours": "2"}, 400),
    ({"hours": 1.5}, 400),
    ({"hours": True}, 400),
    ({"hours": 13}, 400),  # above the default flavour's longest session
    ({"lent": "true"}, 400),
    ({"lent": 1}, 400),
    ({"lent": True}, 400),  # this facility does not lend
    ({"notebook": "../../etc/passwd"}, 400),
    ({"notebook": "/etc/x.ipynb"}, 400),
    ({"notebook": "a/../b.ipynb"}, 400),
    ({"notebook": "a\u0000.ipynb"}, 400),
    ({"gres": "gpu:8"}, 400),
    ({"options": "--qos=unlimited"}, 400),
    ({"memory": "4G\n#SBATCH --exclusive"}, 400),
    ({"exec_prefix": "touch /tmp/x;"}, 400),
    ({"__class__": "x"}, 400),
    ({"": ""}, 400),
    ({"stream": "eurohpc"}, 403),
    ({"stream": "nergens"}, 403),
    ({"project": "onderzoek"}, 403),
    ({"project": "mkb-verkenning", "stream": "national"}, 403),
    ([], 400),
    (["flavour"], 400),
    ("gpu-1", 400),
    (7, 400),
    (True, 400),
]


@pytest.fixture(autouse=True)
def nothing_submitted(platform: Platform):
    """Whatever the test did, no job was submitted."""
    before = platform.run("sacct", "-a", "-n", "-X", "-P", "-o", "JobID")
    yield
    platform.stop_everything()
    assert platform.run("sacct", "-a", "-n", "-X", "-P", "-o", "JobID") == before


@pytest.mark.parametrize(("options", "status"), HOSTILE)
def test_hostile_options_over_rest_are_refused_with_a_sentence(platform: Platform, options: Any, status: int):
    """REST refuses unknown keys, wrong types, shell text and others' projects; it submits nothing."""
    mkb = platform.session("mkb")
    body = {"user_options": options} if isinstance(options, dict) else options
    if body in ([], 7, True):
        body = {"user_options": options}
    answer = mkb.start(body)
    assert answer.status == status, answer.body
    assert answer.body["message"].endswith((".", "null", "object")), answer.body
    assert not mkb.server().get("pending")


def test_refused_options_do_not_come_back_at_the_next_start(platform: Platform):
    """JupyterHub remembers options; those that were refused are forgotten."""
    mkb = platform.session("mkb")
    assert mkb.start({"flavour": "gpu-9"}).status == 400
    assert mkb.server().get("user_options", {}) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"flavour": "gpu-9"},
        {"flavour": ["gpu-1", "gpu-2"]},
        {"hours": "two"},
        {"hours": "1e2"},
        {"gres": "gpu:8"},
        {"notebook": "../x.ipynb"},
    ],
)
def test_hostile_forms_are_refused_on_the_start_page(platform: Platform, fields: Any):
    """The form refuses the same things, and shows the start page again with the sentence."""
    mkb = platform.session("mkb")
    answer = mkb.post_form("hub/spawn", fields)
    assert answer.status_code == 400
    assert "<form" in answer.text
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(
    "query", ["opt-flavour=gpu-1", "opt-flavour=first-steps&opt-hours=1", "opt-stream=regional"]
)
def test_a_link_starts_nothing_and_preselects(platform: Platform, query: str):
    """A GET with options shows the start page; only its button posts."""
    mkb = platform.session("mkb")
    page = mkb.page(f"hub/spawn?{query}")
    assert page.status_code == 200
    assert "<form" in page.text
    assert not mkb.server().get("pending")
    assert not mkb.server().get("ready")


@pytest.mark.parametrize(
    "query", ["opt-flavour=gpu-9", "opt-gres=gpu:8", "opt-flavour=gpu-1%0Ax", "opt-hours=-1"]
)
def test_a_hostile_link_is_a_sentence_on_the_start_page(platform: Platform, query: str):
    """A link that makes no sense is refused with 400, and still shows the start page."""
    page = platform.session("mkb").page(f"hub/spawn?{query}")
    assert page.status_code == 400
    assert "<form" in page.text


def test_another_persons_server_cannot_be_started(platform: Platform):
    """A person cannot start a server for someone else, by any door."""
    mkb, student = platform.session("mkb"), PREFIX + "student"
    assert mkb.api("POST", f"users/{student}/server").status in (403, 404)
    assert mkb.page(f"hub/spawn/{student}").status_code in (403, 404)


def test_the_wrong_password_is_a_sentence(platform: Platform):
    """A wrong password shows the form again, with a sentence and no hint of which names exist."""
    url = platform.instance.url + "hub/login"
    http = requests.Session()
    http.get(url, timeout=30, headers={"Accept-Language": "nl"})
    xsrf = next(c.value for c in http.cookies if c.name == "_xsrf")
    form = {"username": PREFIX + "mkb", "password": "fout", "_xsrf": xsrf}
    answer = http.post(url, data=form, timeout=30, headers={"Accept-Language": "nl"})
    assert answer.status_code == 403
    assert "wachtwoord" in answer.text
    assert '<html lang="nl"' in answer.text


class TestPortRegistration:
    """`POST /hub/api/werkplaats/port`: a number, once a start, with the server's own token."""

    def post(self, platform: Platform, body: Any, token: str | None, path: str = "werkplaats/port") -> int:
        """Post a body, as JSON unless it is text already."""
        headers = {"Authorization": f"token {token}"} if token else {}
        text = body if isinstance(body, str) else json.dumps(body)
        url = f"{platform.instance.url}hub/api/{path}"
        headers["Content-Type"] = "application/json"
        return requests.post(url, data=text, headers=headers, timeout=30).status_code

    def test_without_a_token_or_with_a_persons_own_it_is_refused(self, platform: Platform):
        """Only the token of a server that starts is taken."""
        assert self.post(platform, {"port": 40000}, None) == 403
        assert self.post(platform, {"port": 40000}, platform.session("mkb").token) == 403

    def test_the_route_of_batchspawner_is_gone(self, platform: Platform):
        """The route that sets any attribute is not there, whoever asks."""
        mkb = platform.session("mkb")
        assert self.post(platform, {"exec_prefix": "true"}, mkb.token, "batchspawner") == 404
        assert self.post(platform, {"exec_prefix": "true"}, None, "batchspawner") in (403, 404)
