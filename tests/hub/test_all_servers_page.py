"""What the page of all servers says of each."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from werkplaats_hub import facility
from werkplaats_hub.all_servers_page import rows_of


def spawner(name: str = "", **more: Any) -> Any:
    """Return as much of a spawner as the page looks at."""
    row = SimpleNamespace(display_name=name.title(), started=datetime(2026, 11, 21, 9))
    given = {"user_options": None, "pending": None, "job_id": "", "offer": None}
    return SimpleNamespace(
        user=SimpleNamespace(name="jan/piet"), name=name, orm_spawner=row, **{**given, **more}
    )


def test_titles_for_names_and_an_address_that_holds(facility_file: Path) -> None:
    """Names that are not offered any more are shown as they are; no name changes the path of another."""
    offer = facility.read(facility_file).offer
    flavour, project = offer.flavours[0], offer.projects[0]
    asked = {"flavour": flavour.name, "project": project.name}
    gone = {"flavour": "oud", "project": "weg"}
    rows = list(
        rows_of(
            [
                spawner(offer=offer, user_options=asked, job_id="17"),
                spawner("a b", offer=offer, user_options=gone, pending="spawn"),
                spawner("c"),
            ]
        )
    )
    assert [(row.flavour, row.project) for row in rows] == [
        (str(flavour.title), str(project.title)),
        ("oud", "weg"),
        ("", ""),
    ]
    assert [row.api for row in rows] == [
        "users/jan%2Fpiet/server",
        "users/jan%2Fpiet/servers/a%20b",
        "users/jan%2Fpiet/servers/c",
    ]
    assert [(row.title, row.pending, row.job) for row in rows] == [
        ("", "", "17"),
        ("A B", "spawn", ""),
        ("C", "", ""),
    ]
