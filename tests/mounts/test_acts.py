"""In which order a grant is looked at: without a job, with a Slurm that answers as told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.mounts.fakes import Audit, Desk
from tests.mounts.test_decide import GRANT

from werkplaats_datasets.grants import Revocation, sign_grant
from werkplaats_datasets.signed import Signer, new_key
from werkplaats_mounts.__main__ import acts_of
from werkplaats_mounts.acts import Acts, Caller
from werkplaats_mounts.mounted import Mounted
from werkplaats_mounts.revoked import SILENT
from werkplaats_mounts.settings import Settings
from werkplaats_mounts.slurm import Job, Slurm, SlurmAway
from werkplaats_mounts.watch import Watch

SIGNER = Signer(new_key())
PERSON = Caller(1001, "onderzoeker")


class Queue(Slurm):
    """A Slurm of which the jobs are given."""

    def __init__(self) -> None:
        self.found: tuple[Job, ...] = (Job(17, "onderzoeker", "onderzoek", "RUNNING"),)
        self.away = False
        self.notes: list[str] = []

    async def jobs(self, people: Iterable[str]) -> tuple[Job, ...]:
        """Return what was given."""
        if self.away:
            raise SlurmAway("no answer")
        return self.found

    async def job(self, number: int) -> Job | None:
        """Return the one with this number."""
        return next((one for one in await self.jobs(()) if one.id == number), None)

    async def mark(self, job: int, dataset: str) -> None:
        """Remember the mark."""
        self.notes.append(f"{job} {dataset}")

    async def mark_again(self, job: int, dataset: str) -> None:
        """Remember what was wished."""
        self.notes.append(f"{job} {dataset} again")

    async def end(self, job: int) -> None:
        """Remember that it was ended."""
        self.notes.append(f"end {job}")

    async def unmark(self, job: int) -> None:
        """Remember that it went."""
        self.notes.append(f"{job}")


class Parts:
    """A daemon without a node below it."""

    def __init__(self, folder: Path, own_mounts: bool) -> None:
        self.desk, self.audit, self.queue = Desk(SIGNER), Audit(folder / "audit.socket"), Queue()
        (folder / "key").write_bytes(SIGNER.public())
        for name in ("state", "data", "jobs", "vault", "catalogue"):
            (folder / name).mkdir()
        self.acts: Acts = acts_of(
            Settings(
                desk_url=self.desk.url,
                desk_key=folder / "key",
                vault=folder / "vault",
                catalogue=folder / "catalogue",
                data=folder / "data",
                job_containers=folder / "jobs",
                state=folder / "state",
                socket=folder / "mounts.socket",
                audit_socket=folder / "audit.socket",
                slurm_conf=folder / "slurm.conf",
                own_mounts=own_mounts,
            )
        )
        self.acts.slurm = self.queue
        self.acts.leaving = replace(self.acts.leaving, slurm=self.queue)
        self.caller = PERSON

    async def mount(self, **changes: Any) -> dict[str, Any]:
        """Have a fresh grant carried out, or refused."""
        now = int(time.time())
        fresh = {"id": f"{time.monotonic_ns():032x}", "issued_at": now, "expires_at": now + 60}
        grant = GRANT.model_copy(update={**fresh, "alone": False, **changes})
        wish = {"want": "mount", "grant": sign_grant(SIGNER, grant), "language": "nl"}
        return await self.acts.answer(json.dumps(wish).encode(), self.caller)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    """One of a node whose jobs have mounts of their own."""
    yield from _parts(tmp_path, True)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Parts]:
    """One of a node whose jobs have none."""
    yield from _parts(tmp_path, False)


def _parts(folder: Path, own_mounts: bool) -> Iterator[Parts]:
    made = Parts(folder, own_mounts)
    yield made
    made.desk.close()
    made.audit.close()


async def test_an_audit_that_takes_its_time_holds_up_nobody_else(plain: Parts) -> None:
    """While one act waits to be written down, others are answered; then it goes on."""
    (plain.acts.settings.data / "cohort").mkdir()
    (plain.acts.settings.data / "cohort/rows.csv").touch()
    plain.audit.goes_on.clear()
    mounting = asyncio.create_task(plain.mount(tier="open"))
    try:
        assert await asyncio.to_thread(plain.audit.asked.wait, 10)
        assert await plain.acts.answer(b'{"want": "can"}', plain.caller) == {"own_mounts": False}
    finally:
        plain.audit.goes_on.set()
    assert (await mounting).get("dataset") == "cohort"


async def test_without_mounts_of_their_own_open_datasets_are_shown(plain: Parts) -> None:
    """And their use is written down; the other tiers are refused, and the reason is said."""
    assert await plain.acts.answer(b'{"want": "can"}', PERSON) == {"own_mounts": False}
    assert (await plain.mount(tier="open"))["trouble"] == "no-data"
    folder = plain.acts.settings.data / "cohort"
    folder.mkdir()
    assert (await plain.mount(tier="open"))["trouble"] == "no-data", "an empty folder"
    (folder / "rows.csv").touch()
    assert (await plain.mount(tier="open"))["path"] == str(folder)
    [told] = plain.audit.told(kind="mount")
    assert told["detail"]["own_mounts"] == "no"
    assert plain.audit.open() == []
    for tier in ("registered", "restricted"):
        answer = await plain.mount(tier=tier)
        assert answer["trouble"] == "no-own-mounts"
        assert "geen eigen koppelingen" in answer["message"]


async def test_what_is_not_known_is_refused(parts: Parts) -> None:
    """A desk or a Slurm that does not answer, a job that is elsewhere, data that is not there."""
    parts.desk.away = True
    assert (await parts.mount())["trouble"] == "desk-away"
    parts.desk.away, parts.queue.away = False, True
    assert (await parts.mount())["trouble"] == "slurm-away"
    parts.queue.away = False
    assert (await parts.mount())["trouble"] == "elsewhere"
    parts.desk.entries.append(Revocation(dataset="cohort", at=int(time.time()) + 5))
    assert (await parts.mount())["trouble"] == "revoked"
    reasons = [line["detail"]["reason"] for line in parts.audit.told(kind="refusal")]
    assert reasons == ["desk-away", "slurm-away", "elsewhere", "revoked"]
    assert parts.acts.store.all() == ()


async def test_a_mark_does_not_outlive_a_refusal(parts: Parts) -> None:
    """Set before the look at what else there is, and taken away when nothing came of it."""
    assert (await parts.mount(alone=True))["trouble"] == "elsewhere"
    parts.queue.found += (Job(18, "onderzoeker", "onderzoek", "PENDING"),)
    assert (await parts.mount(alone=True))["trouble"] == "others-run"
    assert parts.queue.notes == ["17 cohort", "17", "17 cohort", "17"]


async def test_a_desk_that_is_silent_for_long(parts: Parts) -> None:
    """What must be alone is taken away, and the audit is told why; what is open stays, nothing is mounted."""
    now = int(time.time())
    alone = Mounted(grant=GRANT.model_copy(update={"issued_at": now}), state="mounted", since=now)
    opened = alone.grant.model_copy(update={"dataset": "trees", "tier": "open", "alone": False})
    for one in (alone, Mounted(grant=opened, state="mounted", since=now)):
        parts.acts.store.put(one)
    watch = Watch(parts.acts)
    await watch.round()
    parts.desk.away = True
    for later, left in ((SILENT - 20, {"cohort", "trees"}), (SILENT + 20, {"trees"})):
        parts.acts.clock = lambda later=later: time.time() + later  # type: ignore[misc]
        await watch.round()
        assert {one.grant.dataset for one in parts.acts.store.all()} == left
    [told] = parts.audit.told(kind="unmount")
    assert told["detail"]["why"] == "desk-silent"
    parts.acts.clock = time.time
    for tier in ("registered", "restricted"):
        assert (await parts.mount(tier=tier, dataset="stones"))["trouble"] == "desk-away"


async def test_refusals_of_somebody_elses_grant_name_who_asked(parts: Parts) -> None:
    """Not whose grant it is."""
    assert (await parts.mount(person="mkb"))["trouble"] == "another-person"
    assert [line["person"] for line in parts.audit.told(kind="refusal")] == ["onderzoeker"]
    forged = json.dumps({"want": "mount", "grant": "e30.e30"}).encode()
    assert (await parts.acts.answer(forged, PERSON))["trouble"] == "forged"
    assert [line["person"] for line in parts.audit.told(kind="refusal")] == ["onderzoeker"] * 2
