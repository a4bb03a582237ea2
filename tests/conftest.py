"""What many tests need: the checkout, and the offer of the facility that is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from werkplaats_hub import facility
from werkplaats_spawners.offer import Offer


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of the checkout that is tested."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def facility_file(checkout: Path) -> Path:
    """The operator's file as it is shipped."""
    return checkout / "hub_config" / "facility.toml"


@pytest.fixture(scope="session")
def offer(facility_file: Path) -> Offer:
    """What the shipped facility offers."""
    return facility.read(facility_file).offer
