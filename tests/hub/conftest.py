"""What tests of the facility and its streams share."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import tomli_w
from tests.hub.fake_slurm import FakeSlurm
from tests.hub.faults import Change, Raw
from tests.hub.small import apply, small

from werkplaats_hub.facility import FacilityError, read


@pytest.fixture
def slurm() -> FakeSlurm:
    """A Slurm that holds the small facility."""
    slurm = FakeSlurm()
    apply(small(), slurm)
    slurm.changes.clear()
    return slurm


@pytest.fixture(scope="module")
def shipped_raw(facility_file: Path) -> Raw:
    """The shipped file's content."""
    return tomllib.loads(facility_file.read_text())


@pytest.fixture
def fault(tmp_path: Path, shipped_raw: Raw) -> Callable[[Change], str]:
    """Return what is said of the shipped file after a change, which must be refused."""

    def said(change: Change) -> str:
        raw = copy.deepcopy(shipped_raw)
        change(raw)
        path = tmp_path / "facility.toml"
        path.write_text(tomli_w.dumps(raw))
        with pytest.raises(FacilityError) as refused:
            read(path)
        for line in str(refused.value).splitlines():
            assert line.startswith(f"{path}: "), "every fault names the file"
            assert line.endswith("."), "and is a sentence"
        return str(refused.value).replace(f"{path}: ", "")

    return said
