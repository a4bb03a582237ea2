"""A newcomer signs in on the real Hub, and has an account in the real Slurm, without anyone's help."""

from __future__ import annotations

import json
import pwd
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from single_machine.doctor import examine

from .browserless import Session
from .conftest import PREFIX, Platform, until

#: Within this many seconds of the log-in the account is there (the issue's promise).
PROMISED = 5.0


@pytest.fixture(autouse=True)
def as_it_was(platform: Platform):
    """Leave an idle cluster, and a Slurm that is as the facility says."""
    yield
    platform.stop_everything()
    platform.wait_until_idle()
    assert changes(platform) == []


def signed_in(platform: Platform, role: str) -> Session:
    """Sign in as somebody new; their servers are ended with everybody else's."""
    name = PREFIX + role
    platform.sessions[name] = Session(platform.instance.url, name, platform.passwords["demo"])
    return platform.sessions[name]


def changes(platform: Platform) -> list[object]:
    """Return what a plan would change."""
    done = platform.werkplaats("streams", "plan", "--json")
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout)["changes"]
    return found


def accounts(platform: Platform, role: str) -> dict[str, str]:
    """Return somebody's accounts in Slurm, each with its budget."""
    shown = ["format=account,grptresmins", f"user={PREFIX}{role}", f"cluster={platform.instance.cluster}"]
    rows = platform.run("sacctmgr", "-nP", "show", "associations", *shown).split()
    return dict(row.split("|", 1) for row in rows)


def as_the_hub(platform: Platform, message: str, *words: str, user: str = "root") -> tuple[int, str]:
    """Run *enrol* as the Hub's user would; return its exit status and what it or sudo said."""
    hub = ["sudo", "-n", "-u", platform.instance.hub_user]
    program = ["sudo", "-n", "-u", user, str(platform.instance.enrol), *words]
    done = subprocess.run(
        [*hub, *program], input=message, capture_output=True, text=True, check=False, cwd="/", timeout=60
    )
    return done.returncode, done.stdout.strip() or done.stderr.strip()


def is_a_user(name: str) -> bool:
    """Return whether this machine has a user of that name."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


# -- a newcomer ----------------------------------------------------------------------------------------


def test_a_newcomer_has_first_steps_within_five_seconds(platform: Platform):
    """Account, budget, start page and first server; and a plan that finds nothing to take away."""
    began = time.monotonic()
    anna = signed_in(platform, "anna")
    until(lambda: accounts(platform, "anna") == {"first-steps": "gres/gpu=120"}, PROMISED)
    assert time.monotonic() - began < PROMISED
    page = anna.page("hub/spawn")
    assert "not-enrolled" not in page.text
    assert "2 GPU" in page.text
    assert anna.start().status in (201, 202)
    anna.wait_ready()
    assert platform.run("squeue", "-h", "-u", anna.name, "-o", "%a").split() == ["first-steps"]
    assert anna.notebook("api").status == 200
    assert changes(platform) == []
    assert platform.werkplaats("streams", "apply", "--yes").returncode == 0
    assert accounts(platform, "anna") == {"first-steps": "gres/gpu=120"}


def test_the_first_request_may_come_before_the_account(platform: Platform):
    """Whoever starts a server in the same second waits for the account, and is not refused."""
    bram = signed_in(platform, "bram")
    answer = bram.start({"flavour": "first-steps", "hours": 1})
    assert answer.status in (201, 202), answer.body
    bram.wait_ready()


def test_a_newcomer_has_what_everybody_has(platform: Platform):
    """A user in the platform's group, without a password, in a home and with logs that are theirs alone."""
    signed_in(platform, "cas")
    until(lambda: is_a_user(PREFIX + "cas"), PROMISED)
    until(lambda: accounts(platform, "cas") != {}, PROMISED)
    entry = pwd.getpwnam(PREFIX + "cas")
    assert entry.pw_uid >= 1000
    assert platform.instance.people in platform.run("id", "-nG", entry.pw_name).split()
    assert platform.run("getent", "shadow", entry.pw_name).split(":")[1].startswith("!")
    for folder in (Path(entry.pw_dir), platform.instance.job_logs / entry.pw_name):
        status = folder.stat()
        assert (status.st_uid, status.st_mode & 0o777) == (entry.pw_uid, 0o700)


def test_the_budget_is_one_persons_own(platform: Platform):
    """Slurm itself refuses what two GPU-hours do not cover, also for a plain sbatch; what fits, it takes."""
    signed_in(platform, "dora")
    until(lambda: accounts(platform, "dora") != {}, PROMISED)
    with pytest.raises(AssertionError, match="AssocGrpGRESMinutes"):
        platform.sbatch("dora", "first-steps", "regional", "--time=121")
    # Held, so that nothing is used: an account in use is not dropped, and a later test drops this one.
    fits = platform.sbatch("dora", "first-steps", "regional", "--time=60", "--hold")
    platform.run("scancel", str(fits))


def test_who_is_in_a_project_gets_no_second_budget(platform: Platform):
    """Signing in makes nobody a newcomer who has an account."""
    mkb = platform.session("mkb")
    mkb.page("hub/spawn")
    time.sleep(1)
    assert "first-steps" not in accounts(platform, "mkb")


def test_thirty_at_once(platform: Platform):
    """Thirty who sign in at the same moment all have their account soon, and the Hub answers meanwhile."""
    roles = [f"zaal{number}" for number in range(30)]
    began = time.monotonic()
    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda role: signed_in(platform, role), roles))
    until(lambda: all(accounts(platform, role) for role in roles), 20)
    print(f"thirty newcomers: {time.monotonic() - began:.1f} s from the first log-in to the last account")
    assert len({pwd.getpwnam(PREFIX + role).pw_uid for role in roles}) == 30


def test_one_name_twice_at_once(platform: Platform):
    """Two log-ins of one newcomer make one account, and both are let in."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda role: signed_in(platform, role), ["twee"] * 8))
    until(lambda: accounts(platform, "twee") == {"first-steps": "gres/gpu=120"}, PROMISED)


# -- names ---------------------------------------------------------------------------------------------


def log_in(platform: Platform, name: str) -> requests.Response:
    """Fill in the log-in form, with the right password."""
    http = requests.Session()
    http.headers["Accept-Language"] = "nl"
    url = platform.instance.url + "hub/login"
    http.get(url, timeout=30)
    xsrf = next(cookie.value for cookie in http.cookies if cookie.name == "_xsrf")
    fields = {"username": name, "password": platform.passwords["demo"], "_xsrf": xsrf}
    return http.post(url, data=fields, timeout=30, allow_redirects=False)


@pytest.mark.parametrize("name", ["slurm", "daemon", "nobody", "munge", "sudo", "docker", "root"])
def test_a_name_of_the_machines_own_is_refused_at_the_door(platform: Platform, name: str):
    """A sentence in the reader's language; no account, and nothing of that user is changed."""
    before = platform.run("getent", "passwd", name, check=False)
    answer = log_in(platform, name)
    assert answer.status_code == 403
    assert "Log in met een andere naam" in answer.text or "Kies een andere" in answer.text
    assert platform.run("getent", "passwd", name, check=False) == before
    rows = platform.run("sacctmgr", "-nP", "show", "associations", f"user={name}", "format=account").split()
    assert "first-steps" not in rows


@pytest.mark.parametrize(
    "name", ["anna.wit", "\N{LATIN SMALL LETTER E WITH ACUTE}va", "1anna", "-x", "a" * 32]
)
def test_a_name_that_unix_refuses_is_a_sentence(platform: Platform, name: str):
    """The log-in says which names there are."""
    answer = log_in(platform, name)
    assert answer.status_code == 403
    assert "Een naam heeft 1 tot 31 letters" in answer.text


def test_the_hubs_own_user_is_refused(platform: Platform):
    """Nobody becomes the Hub by its name, nor any user that a later version may have."""
    for name in (platform.instance.hub_user, platform.instance.proxy_user, f"{platform.instance.name}-later"):
        assert log_in(platform, name).status_code == 403
    assert not is_a_user(f"{platform.instance.name}-later")


# -- through sudo, as a Hub that was broken into --------------------------------------------------------

HOSTILE = [
    "", "anna", '"kwaad"', '["kwaad"]', "{}", '{"user": "kwaad"}', '{"name": "kwaad", "uid": 0}',
    '{"name": "kwaad", "name": "root"}', '{"name": "kwaad"}{"name": "root"}', '{"name": null}', '{"name": 1}',
    '{"name": ["kwaad"]}', '{"name": ""}', '{"name": "-kwaad"}', '{"name": "--uid=0"}',
    '{"name": "kwaad\\n"}', '{"name": "kwaad\\u0000"}', '{"name": "kwaad:x:0:0"}', '{"name": "kwaad root"}',
    '{"name": "kwaad,root"}',
    '{"name": "../kwaad"}', '{"name": "kwa\\u0430d"}', '{"name": "kwa\u0430d"}', '{"name": "Kwaad"}',
    '{"name": "' + "k" * 32 + '"}', '{"name": "kwaad"}' + " " * 300, "[" * 200, '{"name": "root"}',
    '{"name": "slurm"}', '{"name": "where"}', '{"name": "docker"}', '{"name": "sudo"}', '{"name": "_apt"}',
]  # fmt: skip


def test_hostile_messages_make_nobody(platform: Platform):
    """Whatever the Hub's user sends, only a name of the strict pattern makes anything."""
    users = platform.run("getent", "passwd")
    state = platform.run("sacctmgr", "-nP", "show", "associations", "format=account,user,grptresmins")
    for message in HOSTILE:
        status, answer = as_the_hub(platform, message)
        assert status == 0, (message, answer)
        assert json.loads(answer)["trouble"] in ("name", "taken", "other"), (message, answer)
    assert platform.run("getent", "passwd") == users
    after = platform.run("sacctmgr", "-nP", "show", "associations", "format=account,user,grptresmins")
    assert after == state


@pytest.mark.parametrize(
    ("words", "user"), [(["--help"], "root"), (["kwaad"], "root"), ([], "slurm"), ([], PREFIX + "mkb")]
)
def test_sudo_lets_the_hub_run_it_in_one_way_only(platform: Platform, words: list[str], user: str):
    """As root and without arguments: nothing else is in the rule."""
    status, _ = as_the_hub(platform, json.dumps({"name": PREFIX + "kwaad"}), *words, user=user)
    assert status != 0
    assert not is_a_user(PREFIX + "kwaad")


def test_no_variable_comes_along(platform: Platform):
    """The Hub can hand none to sudo, so that no library, path or Slurm of its choice is used."""
    hub = ["sudo", "-n", "-u", platform.instance.hub_user, "env", "SLURM_CONF=/tmp/x", "PYTHONPATH=/tmp"]
    asked = [*hub, "sudo", "-n", "-u", "root", str(platform.instance.enrol)]
    message = json.dumps({"name": PREFIX + "vars"})
    done = subprocess.run(asked, input=message, capture_output=True, text=True, check=False)
    assert done.stdout == '{"ok": true}\n', done.stderr
    assert accounts(platform, "vars") == {"first-steps": "gres/gpu=120"}
    set_by_hub = [*hub[:4], "sudo", "-n", "-u", "root", "SLURM_CONF=/tmp/x", str(platform.instance.enrol)]
    assert subprocess.run(set_by_hub, capture_output=True, check=False, input=b"").returncode != 0


def test_somebody_elses_user_is_not_adopted(platform: Platform):
    """A user of this machine whom the platform does not know stays out of its group and of Slurm."""
    name = PREFIX + "vreemd"
    platform.run("useradd", "--no-create-home", name)
    try:
        assert json.loads(as_the_hub(platform, json.dumps({"name": name}))[1])["trouble"] == "taken"
        assert platform.run("id", "-nG", name).split() == [name]
        assert log_in(platform, name).status_code == 403
        assert accounts(platform, "vreemd") == {}
    finally:
        platform.run("userdel", name)


def test_nobody_but_root_can_change_what_sudo_runs(platform: Platform):
    """The program, its settings and what it imports are root's, all the way up."""
    paths = [platform.instance.enrol, platform.instance.etc / "enrol.json"]
    for step in [*paths, *(parent for path in paths for parent in path.parents)]:
        status = step.stat()
        assert status.st_uid == 0
        assert not status.st_mode & 0o022


# -- trouble -------------------------------------------------------------------------------------------


def test_accounting_is_down_at_the_first_log_in(platform: Platform):
    """The person is in and is told; when it is back the next page has the account, and nothing is lost."""
    platform.supervisor.stop("slurmdbd")
    try:
        eva = signed_in(platform, "eva")
        page = eva.page("hub/spawn")
        assert page.status_code == 200
        assert 'id="not-enrolled"' in page.text
        refused = eva.start()
        assert refused.status == 503
        assert re.search("account", refused.body["message"])
    finally:
        platform.supervisor.start("slurmdbd")
    until(lambda: 'id="not-enrolled"' not in eva.page("hub/spawn").text, 60)
    assert accounts(platform, "eva") == {"first-steps": "gres/gpu=120"}
    assert eva.start().status in (201, 202)
    eva.wait_ready()


def test_the_hub_is_killed_while_somebody_is_enrolled(platform: Platform):
    """The next page, at the Hub that took its place, finds or finishes the account."""
    fred = signed_in(platform, "fred")
    subprocess.run(["kill", "-9", str(platform.supervisor.pid("hub"))], check=True)
    platform.wait_for_hub()
    until(lambda: 'id="not-enrolled"' not in fred.page("hub/spawn").text, 30)
    assert accounts(platform, "fred") == {"first-steps": "gres/gpu=120"}


def test_the_doctor_looks_at_it(platform: Platform):
    """All is well; without the settings it says what to do."""
    assert not [finding.line for finding in examine(platform.instance) if finding.wrong]
    settings = platform.instance.etc / "enrol.json"
    text = settings.read_text()
    settings.unlink()
    try:
        (wrong,) = [finding for finding in examine(platform.instance) if finding.wrong]
        assert "enrol.json" in wrong.what
        assert wrong.mend
    finally:
        settings.write_text(text)
