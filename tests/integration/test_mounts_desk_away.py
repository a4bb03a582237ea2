"""What was taken back goes also while the desk is kept from answering; and what nobody hears of for long."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from single_machine import isolation
from werkplaats_mounts.revoked import SILENT

from .conftest import PREFIX, Platform, until
from .desks import DESK, send
from .mounting import ASK, Mounting, steered
from .test_datasets_desk import ask, start

pytestmark = [
    pytest.mark.usefixtures("idle", "desk_without_a_past"),
    pytest.mark.skipif(not isolation.find().own_mounts, reason="this machine allows no mount namespaces"),
]
REVOKED_WITHIN = 10
#: More idle connections than the desk ever took at once.
MANY = 700

HOLD = """
import socket, sys
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(int(sys.argv[2]))]
print(flush=True)
sys.stdin.read()
"""


@contextmanager
def held(platform: Platform, role: str) -> Iterator[None]:
    """Have somebody of the machine connect to the desk again and again, and say nothing."""
    words = ["/usr/bin/python3", "-c", HOLD, str(platform.instance.port_desk), str(MANY)]
    whose = ["sudo", "-n", "-u", PREFIX + role]
    with subprocess.Popen([*whose, *words], stdin=-1, stdout=-1, cwd="/") as holding:
        assert holding.stdout
        assert holding.stdin
        holding.stdout.read(1)
        try:
            yield
        finally:
            holding.stdin.close()


@contextmanager
def deaf(platform: Platform) -> Iterator[None]:
    """Have the mount daemon ask somebody who takes every connection and never answers, for the desk."""
    path = platform.instance.mounts_settings
    usual = path.read_text()
    with socket.create_server(("127.0.0.1", 0), backlog=200) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/services/desk/"
        path.write_text(json.dumps({**json.loads(usual), "desk_url": url}))
        platform.supervisor.restart("mounts")
        try:
            yield
        finally:
            path.write_text(usual)
            platform.supervisor.restart("mounts")


def mounted(platform: Platform, job: str) -> list[str]:
    """Return what is mounted below the datasets' folder in a job."""
    [space] = platform.instance.job_containers.glob(f"*/{job}/.ns")
    text = platform.run("nsenter", f"--mount={space}", "cat", "/proc/self/mountinfo")
    points = [line.split()[4] for line in text.splitlines()]
    return [point for point in points if point.startswith(f"{platform.instance.data}/")]


def mount(platform: Platform, role: str, job: str, token: str, dataset: str) -> dict[str, object]:
    """Ask the desk and the daemon, as a notebook does."""
    answer = ask(platform, token, "POST", "grants", {"dataset": dataset, "job": int(job)})
    assert answer.status_code == 200, answer.text
    [space] = platform.instance.job_containers.glob(f"*/{job}/.ns")
    whose = ["setpriv", f"--reuid={PREFIX}{role}", f"--regid={PREFIX}{role}", "--clear-groups"]
    words = ["/usr/bin/python3", "-c", ASK, str(platform.instance.mounts_socket)]
    wish = {"want": "mount", "grant": answer.json()["grant"], "language": "en"}
    done = subprocess.run(
        ["nsenter", f"--mount={space}", *whose, *words],
        input=json.dumps(wish) + "\n", capture_output=True, text=True, check=True, cwd="/",
    )  # fmt: skip
    said, _ = json.loads(done.stdout)
    return dict(said)


def test_a_revocation_comes_through_while_the_desk_is_held(platform: Platform) -> None:
    """Hundreds of connections that say nothing, a daemon that is not answered: gone within ten seconds."""
    job, token = start(platform, "mkb", "mkb-verkenning")
    accepted = ask(
        platform, token, "POST", "datasets/municipal-assets/acceptance", {"version": version(platform, token)}
    )
    assert accepted.status_code == 200, accepted.text
    with deaf(platform), held(platform, "student"):
        until(lambda: requests.get(f"{platform.instance.desk_url}health", timeout=5).status_code == 200, 3)
        until(lambda: "path" in mount(platform, "mkb", job, token, "municipal-assets"), 10)
        assert mounted(platform, job) == [f"{platform.instance.data}/municipal-assets"]
        steward, page = platform.session("steward"), "datasets/municipal-assets/steward"
        shown = steward.page(DESK + page).text
        assert "municipal-assets" in shown
        back = send(steward, page, f"{page}/revocation", what="dataset", number="0", word="A test.")
        assert back.status_code == 303, back.text
        took = until(lambda: mounted(platform, job) == [], REVOKED_WITHIN)
    print(f"gone after {took:.1f} s")
    lifted = send(steward, page, f"{page}/revocation", what="lift-dataset", number="0", word="")
    assert lifted.status_code == 303, lifted.text


def version(platform: Platform, token: str) -> str:
    """Return which version of the registered dataset is offered."""
    return str(ask(platform, token, "GET", "datasets/municipal-assets").json()["version"])


def test_a_desk_that_is_not_heard(platform: Platform) -> None:
    """A restart of it costs nothing; after two minutes what must be alone goes with its job, no more."""
    with steered(platform) as mounting:
        try:
            _not_heard(mounting)
        finally:
            platform.stop_everything()
            platform.wait_until_idle()
            mounting.forget("trees", "stones")


def _not_heard(mounting: Mounting) -> None:
    mounting.folder("trees", "oak,1\n")
    mounting.folder("stones", "flint,1\n")
    restricted = {"tier": "restricted", "alone": True, "entitlement": "access-1"}
    alone, opened = mounting.job("onderzoeker"), mounting.job("mkb")
    assert "path" in mounting.mount("onderzoeker", alone, "trees", **restricted)
    assert "path" in mounting.mount("mkb", opened, "stones")
    mounting.desk.away = True
    time.sleep(6)  # two rounds and more: what was said before still stands
    assert mounting.mounts(alone) != []
    # As if a minute and three quarters had passed since it was last heard.
    said = mounting.state / "revocations"
    mounting.platform.supervisor.stop("mounts")
    then = int(time.time()) - SILENT + 15
    mounting.desk.issued_at = lambda: then
    said.write_text(mounting.desk.signed())
    mounting.platform.supervisor.start("mounts")
    mounting.until_up()
    assert mounting.mounts(alone) != []
    until(lambda: mounting.platform.state(alone) in ("CANCELLED", "COMPLETING"), 30)
    until(lambda: not mounting.record(alone, "trees").exists(), 10)
    assert mounting.mounts(opened) == [f"{mounting.data}/stones"]
    [told] = mounting.audit.told(kind="unmount")
    assert told["detail"]["why"] == "desk-silent"
    assert mounting.mount("mkb", opened, "trees", tier="registered")["trouble"] == "desk-away"
