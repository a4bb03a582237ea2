"""A desk and a mount daemon for every test that asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.widgets.fakes import Platform, running


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """Both, and this process as if it were a server of the platform."""
    found = Platform()
    with running(tmp_path, found) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield found
