"""The platform's desk on a real PostgreSQL, as a facility has it: by facility.toml, with a password."""

from __future__ import annotations

import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from single_machine import files
from tests import postgresql
from tests.postgresql import Server

from .browserless import Session
from .conftest import Platform, until, wait_for_desk, without_a_past
from .desks import (
    DECIDERS,
    DESK,
    LATER,
    approve_at_once,
    ask,
    decide,
    deciders,
    send,
    settled_once,
)

PASSWORD = secrets.token_hex(16)


@pytest.fixture(scope="module", autouse=True)
def database(platform: Platform) -> Iterator[Server]:
    """Point the desk at a server that asks for a password; leave it as it was, without a past."""
    instance = platform.instance
    with postgresql.running(PASSWORD) as server:

        def change(raw: dict[str, Any]) -> None:
            raw["desk"].update(database=server.url, operator_groups=[DECIDERS])

        files.write(instance.desk_database_password, PASSWORD + "\n", 0o440, "root", instance.desk_user)
        try:
            with platform.other_facility(change):
                platform.supervisor.restart("desk")
                wait_for_desk(platform)
                yield server
        finally:
            without_a_past(platform, instance.desk_database_password.unlink)


@pytest.fixture(scope="module")
def operators(platform: Platform) -> Iterator[list[Session]]:
    """Two people who decide."""
    with deciders(platform) as found:
        yield found


def rows(server: Server) -> list[tuple[str, str]]:
    """Return the title and state of every request, as PostgreSQL itself keeps them."""
    where = f"host={server.folder} user=desk dbname=postgres password={PASSWORD}"
    with psycopg.connect(where) as connection:
        found = connection.execute("SELECT title, state FROM applications ORDER BY id").fetchall()
    return [(str(title), str(state)) for title, state in found]


def test_a_request_becomes_a_project_in_slurm(platform: Platform, database: Server) -> None:
    """By a form, a decision and a file, as on SQLite; and PostgreSQL is where it is kept."""
    page = ask(platform, "mkb", "In een ander bestand")
    assert ("In een ander bestand", "submitted") in rows(database)
    assert decide(platform.session("beheer"), page).status_code == 303
    assert ("In een ander bestand", "approved") in rows(database)
    until(lambda: "/hub/spawn?opt-project=" in platform.session("mkb").page(DESK + page).text, within=60)
    listed = platform.run("sacctmgr", "-nP", "show", "account", "format=account").split()
    assert f"in-een-ander-bestand-a{page.rpartition('/')[2]}" in listed


def test_two_operators_at_once(platform: Platform, operators: list[Session]) -> None:
    """One wins, the other reads who it was, and there is one file; five times, as a race needs luck."""
    for number in range(5):
        page = ask(platform, "student", f"Samen {number}", hours=1)
        answers = approve_at_once(operators, page)
        settled_once(platform, answers, f"samen-{number}-a{page.rpartition('/')[2]}")


def test_the_password_is_the_desks_alone(platform: Platform) -> None:
    """In one file that the desk and root can read: on no command line, in no settings, in no log."""
    instance, secret = platform.instance, PASSWORD.encode()
    status = instance.desk_database_password.stat()
    assert stat.S_IMODE(status.st_mode) == 0o440
    for entry in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                assert secret not in (entry / name).read_bytes(), entry
            except OSError:
                continue
    for folder in (instance.etc, instance.logs):
        for path in folder.rglob("*"):
            assert not path.is_file() or secret not in path.read_bytes(), path


def test_postgresql_goes_and_comes_back(platform: Platform, database: Server) -> None:
    """Pages say so, the API too; what was handed in is there afterwards, with the same desk."""
    mkb = platform.session("mkb")
    page = ask(platform, "mkb", "Blijft bewaard")
    before = platform.supervisor.pid("desk")
    token = {"Authorization": f"token {mkb.token}", "Accept-Language": "en"}
    api = f"{mkb.url}{DESK}api/applications"
    listed = requests.get(api, headers=token, timeout=30)
    assert listed.status_code == 200, listed.text
    database.stop()
    try:
        for language, said in (
            ("en", "cannot reach its database"),
            ("nl", "kan zijn database nu niet bereiken"),
        ):
            for path in ("apply", "applications", page, "courses", "allocation"):
                answer = mkb.page(DESK + path, headers={"Accept-Language": language})
                assert answer.status_code == 503, path
                assert said in answer.text, path
        assert requests.get(mkb.url + DESK, timeout=30).status_code == 200, "who is not signed in"
        answer = requests.get(api, headers=token, timeout=30)
        assert (answer.status_code, answer.json()["reason"]) == (503, "database-away")
        assert "Try again in a few minutes" in answer.json()["message"]
        draft = {"title": "In de storing", "stream": "regional", "purpose": "While it is away."}
        refused = requests.post(
            api, headers=token, json={**draft, "gpu_hours": 1, "ends": str(LATER)}, timeout=30
        )
        assert refused.status_code == 503
    finally:
        database.start()
    assert requests.get(api, headers=token, timeout=30).json() == listed.json()
    assert mkb.page(DESK + page).status_code == 200
    assert platform.supervisor.pid("desk") == before, "it was not restarted"
    assert send(mkb, page, f"{page}/withdrawal").status_code == 303
    assert ("Blijft bewaard", "withdrawn") in rows(database)
    assert "In de storing" not in dict(rows(database))
