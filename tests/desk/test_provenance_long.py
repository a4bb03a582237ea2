"""A statement of very many mounts, from a real audit: all of it, and never all of it in memory."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.audit.journals import Place, mount
from tests.audit.processes import running
from tests.desk.conftest import Browser, FakeQueue

from werkplaats_audit.client import Audit
from werkplaats_audit.events import Entry
from werkplaats_audit.journal import Journal
from werkplaats_desk.desk import Desk
from werkplaats_desk.uses import Uses

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can be several users")
#: Each of two entries; beside them are those of another project.
MOUNTS = 12_500
PROJECT = "onderzoek"


class Counting(Audit):
    """An audit of which the readings are remembered."""

    def read(self, **asked: Any) -> list[Entry]:  # type: ignore[override]
        """Read, and remember what was asked and how much came."""
        found = super().read(**asked)
        READ.append((asked["project"], asked["person"], len(found)))
        return found


READ: list[tuple[str, str, int]] = []


def fill(made: Place) -> None:
    """Write very many mounts of one project and some of another, without waiting for the disk each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        with made.opened() as journal:
            for number in range(MOUNTS):
                act(journal, PROJECT, number)
                if number % 100 == 0:
                    act(journal, "elders", number)


def act(journal: Journal, project: str, job: int) -> None:
    """Write that somebody mounted."""
    event = mount(project=project).model_copy(update={"job": job + 1})
    begun = journal.begin("mounts", event)
    journal.end("mounts", begun.entry, "done", {})


@pytest.fixture(scope="module")
def audit_socket() -> Iterator[Path]:
    """Where the audit listens."""
    with running("daemon", fill) as process:
        yield process.socket


@pytest.fixture
def reader(desk: Desk, browser: Callable[..., Browser], fake_queue: FakeQueue, audit_socket: Path) -> Browser:
    """A member of the project, at a desk of that audit."""
    assert desk.datasets
    desk.datasets = replace(desk.datasets, audit=Counting(audit_socket))
    fake_queue.let(PROJECT, "mkb")
    READ.clear()
    return browser("mkb")


def test_of_more_than_can_be_held(reader: Browser) -> None:
    """Every mount of the project stands in it, to read and for programs; no other project's is asked for."""
    page = reader.get(f"provenance/statement?project={PROJECT}").text
    assert page.count("<td>mkb</td>") == MOUNTS
    assert page.rstrip().endswith("</html>")
    assert "elders" not in page
    assert {(project, person) for project, person, _ in READ} == {(PROJECT, "")}
    assert max(much for *_, much in READ) <= 500
    crate = json.loads(reader.get(f"provenance/statement?project={PROJECT}&format=ro-crate").text)
    actions = [one["@id"] for one in crate["@graph"] if one["@type"] == "UseAction"]
    assert len(actions) == len(set(actions)) == MOUNTS
    root = next(one for one in crate["@graph"] if one["@id"] == "./")
    assert {one["@id"] for one in root["mentions"]} >= set(actions)


def test_it_is_not_held_in_memory(audit_socket: Path) -> None:
    """What was read of a project makes way for what is read next."""
    from werkplaats_desk import history

    audit = Counting(audit_socket)
    tracemalloc.start()
    with Uses(history.read(audit, audit.head().entry, project=PROJECT)) as uses:
        found = sum(1 for version in uses.versions() for _ in uses.of(*version))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == MOUNTS
    assert most < 8_000_000
