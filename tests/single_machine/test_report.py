"""What an operator asks of ``make up`` by variables."""

from __future__ import annotations

import pytest

from single_machine.console import StepFailed
from single_machine.report import as_asked
from werkplaats_hub.instance import Instance


def test_what_is_not_said_stays() -> None:
    """A second ``make up`` need not say it again."""
    before = Instance(port=8123, job_mounts=False)
    assert as_asked(before, {}) == before
    assert as_asked(before, {"WERKPLAATS_PORT": "8080"}).port == 8080


def test_mounts_of_their_own_for_jobs() -> None:
    """Yes or no, and what is neither is refused with what to do."""
    assert not as_asked(Instance(), {"WERKPLAATS_JOB_MOUNTS": "no"}).job_mounts
    assert as_asked(Instance(job_mounts=False), {"WERKPLAATS_JOB_MOUNTS": "yes"}).job_mounts
    with pytest.raises(StepFailed) as failed:
        as_asked(Instance(), {"WERKPLAATS_JOB_MOUNTS": "maybe"})
    assert "yes or no" in failed.value.mend


@pytest.mark.parametrize("port", ["80", "x", "65536"])
def test_a_port_that_is_none(port: str) -> None:
    """Is refused too."""
    with pytest.raises(StepFailed):
        as_asked(Instance(), {"WERKPLAATS_PORT": port})
