"""A database that does not answer: pages and the API say so, and no text of it tells what was kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert
from sqlalchemy.exc import DBAPIError
from tests.desk.conftest import PREFIX, Browser
from tests.desk.fake_hub import FakeHub

from werkplaats_desk import __main__ as program
from werkplaats_desk import application_pages
from werkplaats_desk.database import Database
from werkplaats_desk.desk import Desk
from werkplaats_desk.models import SignIn
from werkplaats_desk.settings import Settings

Make = Callable[..., Browser]
NOBODY = "postgresql+psycopg://desk@/desk?host=/nowhere"


def test_pages_and_the_api_say_so(browser: Make, desk: Desk, fake_hub: FakeHub) -> None:
    """503 with a sentence, in the reader's language; a page without anybody's name comes as it was."""
    mkb, nobody = browser("mkb"), browser()
    token = fake_hub.token("mkb")
    desk.database.engine = Database(NOBODY).engine
    desk.database._sessions.configure(bind=desk.database.engine)
    for path in ("", "apply", "applications", "applications/1", "courses", "allocation"):
        answer = mkb.get(path)
        assert answer.status_code == 503, path
        assert "cannot reach its database" in answer.text
    assert "kan zijn database nu niet bereiken" in mkb.get("", headers={"Accept-Language": "nl"}).text
    assert nobody.get("").status_code == 200
    answer = mkb.client.get(f"{PREFIX}api/applications", headers={"Authorization": f"token {token}"})
    assert (answer.status_code, answer.json()["reason"]) == (503, "database-away")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_decision_stands_when_the_database_goes_right_after_it(desk: Desk) -> None:
    """Its file is written at the next look; the operator is told of no failure, for there was none."""
    desk.database = Database(NOBODY)
    application_pages.publish(desk)
    assert "outbox" in desk.problems


def test_an_error_repeats_nothing_that_was_kept(desk: Desk) -> None:
    """Errors go to the log, and the token of somebody's sign-in is not for who reads that."""
    half = {"id": "x", "token": "a-token-of-somebodys"}
    with pytest.raises(DBAPIError) as failed, desk.database.transaction() as session:
        session.execute(insert(SignIn).values(half))
    assert "a-token-of-somebodys" not in str(failed.value)


def test_a_database_that_vanishes_is_given_up_in_seconds() -> None:
    """The driver is told to: of itself a connection to nobody lasts for a quarter of an hour."""
    given: dict[str, Any] = {}
    engine = Database(NOBODY).engine

    @event.listens_for(engine, "do_connect")
    def look(dialect: object, record: object, args: object, options: dict[str, Any]) -> None:
        given.update(options)

    with pytest.raises(DBAPIError):
        engine.connect()
    assert given["connect_timeout"] == 5
    assert given["tcp_user_timeout"] == 10_000
    assert given["keepalives_idle"] + given["keepalives_count"] * given["keepalives_interval"] <= 30


def test_the_password_comes_from_its_file(desk: Desk, tmp_path: Path) -> None:
    """And is shown by nothing that shows the database; without the file there is none."""
    file = tmp_path / "password"
    known = desk.settings.model_copy(update={"database_password_file": file})
    assert known.database_password() is None
    file.write_text("much too secret\n")
    engine = Database(NOBODY, known.database_password()).engine
    assert engine.url.password == "much too secret"
    assert "secret" not in f"{engine!r} {engine.url} {known!r}"


def test_a_start_without_it_ends_with_a_sentence(
    tmp_path: Path, file: Path, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """The supervisor starts it again until the database is there."""
    changed: Settings = desk.settings.model_copy(update={"database": NOBODY})
    file.write_text(changed.model_dump_json())
    with pytest.raises(SystemExit, match="database does not answer"):
        program.main(file)
