"""What the desk must know: what the facility lays down is what the desk reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from werkplaats_desk.settings import Settings, Watched
from werkplaats_hub import facility as facilities
from werkplaats_hub.desk_settings import desk_settings
from werkplaats_hub.instance import Instance


@pytest.fixture
def text(tmp_path: Path, facility_file: Path) -> str:
    """What is laid down for the shipped facility."""
    instance = Instance.beside(tmp_path, "wpdesk", 28000)
    lessons = instance.prefix / "hub/share/werkplaats/example_notebooks/first_steps"
    lessons.mkdir(parents=True)
    (lessons / "eerste-stappen.ipynb").touch()
    return desk_settings(instance, facilities.read(facility_file))


def test_the_desk_reads_what_is_laid_down(text: str, facility_file: Path) -> None:
    """Every key is one that the desk knows, and says what the facility says."""
    settings = Settings.model_validate_json(text)
    facility = facilities.read(facility_file)
    assert [stream.name for stream in settings.streams] == [stream.name for stream in facility.streams]
    assert str(settings.look.name) == facility.facility.name.nl
    assert settings.look.primary_on_dark == facility.facility.primary_on_dark
    assert settings.course_stream == "regional"
    assert settings.course_flavours == ("first-steps", "gpu-1")
    assert settings.teachers == ("docent",)
    assert settings.lessons == ("voorbeelden/first_steps/eerste-stappen.ipynb",)
    assert settings.port == 28003
    assert (settings.static / "werkplaats.css").exists()
    assert (settings.locale / "nl/LC_MESSAGES/werkplaats.po").exists()


def test_no_name_of_the_platforms_own_can_be_given(text: str) -> None:
    """Streams, projects, and what is ours in Slurm are all taken."""
    taken = Settings.model_validate_json(text).projects
    assert {"regional", "mkb-verkenning", "lent", "first-steps", "with-gpu"} <= set(taken)


def test_it_holds_no_secret(text: str) -> None:
    """Everybody may read it: where a secret is stands in it, and the secret does not."""
    said = json.loads(text)
    assert said["token_file"].endswith("/secrets/desk-token")
    assert said["database_password_file"].endswith("/secrets/desk-database-password")
    named = [key for key in said if any(word in key for word in ("secret", "password", "token"))]
    assert sorted(named) == ["database_password_file", "token_file"]


def test_a_change_is_seen_and_a_mistake_costs_nothing(text: str, tmp_path: Path) -> None:
    """The desk need not start afresh; a file that cannot be used is passed over."""
    path = tmp_path / "desk.json"
    path.write_text(text)
    watched = Watched(path)
    path.write_text(text.replace('"most_gpu_hours": 8000', '"most_gpu_hours": 70'))
    assert watched().most_gpu_hours == 70
    path.write_text("{")
    assert watched().most_gpu_hours == 70
    path.write_text(text)
    assert watched().most_gpu_hours == 8000
