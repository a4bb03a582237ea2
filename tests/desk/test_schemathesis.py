"""The whole API as its own description has it, with what nobody thought of: no answer is a fault of ours."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from tests.desk import conftest, fake_datasets
from tests.desk.asked import attached, question
from tests.desk.fake_hub import SECRET, FakeHub

from werkplaats_desk.app import create_app
from werkplaats_desk.centre import tickets
from werkplaats_desk.centre.drafts import Draft
from werkplaats_desk.centre.tickets import Origin
from werkplaats_desk.database import Database
from werkplaats_desk.desk import Desk
from werkplaats_desk.hub import Hub
from werkplaats_desk.people import Person
from werkplaats_desk.settings import Watched

#: For each operation and token; `make soak` takes many more.
EXAMPLES = int(os.environ.get("WERKPLAATS_SCHEMATHESIS_EXAMPLES", "15"))
PATH = f"{conftest.PREFIX}openapi.json"
FOLDER = tempfile.TemporaryDirectory(prefix="desk-api-")  # as long as this process


def made() -> tuple[Any, dict[str, str]]:
    """Return the application of a desk that has something of everything, and the tokens that open it."""
    folder = Path(FOLDER.name)
    (folder / "projects.d").mkdir()
    (folder / "token").write_text(SECRET + "\n")
    file = folder / "desk.json"
    file.write_text(conftest.settings(folder).model_dump_json())
    hub, queue = FakeHub(people={"beheer": (True, [])}), conftest.FakeQueue()
    queue.let("onderzoek", "rijk")
    queue.jobs.append({"id": 7, "user": "rijk", "account": "onderzoek", "state": "RUNNING"})
    watched = Watched(file)
    database = Database(watched().database)
    database.migrate()
    away = Hub(watched().hub_api, SECRET, conftest.PREFIX, hub.transport)
    datasets = fake_datasets.datasets(folder / "catalogue")
    desk = Desk(watched, database, away, conftest.Fresh(queue), datasets=datasets)
    with database.transaction() as session:
        draft = Draft.model_validate(question(attachments=[attached()]))
        tickets.submit(session, watched(), Person("rijk"), draft, Origin("eurohpc"))
    tokens = {"server": hub.server("rijk"), "operator": hub.token("beheer"), "none": "no-such-token"}
    return create_app(desk, chores=False), tokens


APP, TOKENS = made()
schema = schemathesis.openapi.from_asgi(PATH, APP)


@pytest.mark.parametrize("who", ["server", "operator", "none"])
@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_is_a_fault_of_ours(case: schemathesis.Case, who: str) -> None:
    """Whatever is sent, with a token that is good and one that is not."""
    answer = case.call(headers={"Authorization": f"token {TOKENS[who]}"})
    case.validate_response(answer, checks=[not_a_server_error])
    if who == "none" and "/api/" in str(case.path) and not str(case.path).endswith("/revocations"):
        assert answer.status_code in (400, 401, 403, 404, 405, 413, 422)
