"""What a page of history shows: the last acts, also when there were very many before."""

from __future__ import annotations

from tests.desk.fake_datasets import FakeAudit

from werkplaats_desk import history


def test_the_latest_stands_first_whatever_came_before(audit: FakeAudit) -> None:
    """Who does much cannot push out of sight what is done next."""
    for job in range(1, 2 * history.SHOWN):
        audit.mount("mkb", "vehicles", job=job)
    audit.mount("rijk", "cohort", job=7)
    audit.mount("mkb", "vehicles", job=9999)
    acts = history.of_dataset(audit, "vehicles")
    assert len(acts) == history.SHOWN
    assert (acts[0].job, acts[0].outcome) == (9999, "done")
    assert [act.job for act in acts[1:4]] == [999, 998, 997]
    assert [act.dataset for act in history.of_person(audit, "rijk")] == ["cohort"]
